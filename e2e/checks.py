"""What the programs that use boto3 check by."""

import time

from botocore.exceptions import ClientError


def refused(code, text, call, **arguments):
    """Calls, wants AWS's error, and returns it."""
    try:
        call(**arguments)
    except ClientError as e:
        assert e.response["Error"]["Code"] == code, e.response["Error"]
        assert text in e.response["Error"]["Message"], e.response["Error"]
        return e.response
    raise AssertionError(f"{call} was not refused")


def until(what, condition):
    """Waits for a condition, on a machine that does much else."""
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline, "never: " + what
        time.sleep(0.05)
