"""What the programs that use boto3 check by."""

import time

from botocore.exceptions import ClientError


def refused(code, text, call, **arguments):
    """Calls, wants AWS's error, and returns it."""
    try:
        call(**arguments)
    except ClientError as e:
        error, answer = e.response["Error"], e.response["ResponseMetadata"]
        assert error["Code"] == code and text in error["Message"], error
        assert 400 <= answer["HTTPStatusCode"] < 500 and answer["RequestId"], answer
        return e.response
    raise AssertionError(f"{call} was not refused")


def until(what, condition):
    """Waits for a condition, on a machine that does much else."""
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline, "never: " + what
        time.sleep(0.05)
