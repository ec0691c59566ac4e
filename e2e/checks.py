"""Helpers of the programs that use boto3."""

import time

from botocore.exceptions import ClientError


def refused(code, text, call, **arguments):
    """Makes a call that must fail with AWS's error, and returns the error."""
    try:
        call(**arguments)
    except ClientError as e:
        error, answer = e.response["Error"], e.response["ResponseMetadata"]
        assert error["Code"] == code and text in error["Message"], error
        assert 400 <= answer["HTTPStatusCode"] < 500 and answer["RequestId"], answer
        return e.response
    raise AssertionError(f"{call} was not refused")


def until(what, condition):
    """Waits for a condition, with a long limit for loaded machines."""
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline, "timed out waiting for: " + what
        time.sleep(0.05)
