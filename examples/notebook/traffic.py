"""Sends rows of iris measurements to an endpoint at a rate, until stopped.

    eval "$(bellows env)"
    python3 traffic.py NAME [REQUESTS_PER_SECOND]
"""

import sys
import time

import boto3

runtime = boto3.client("sagemaker-runtime")
name, rate = sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else 5.0
due = time.monotonic()
sent = failed = 0
try:
    while True:
        try:
            runtime.invoke_endpoint(EndpointName=name, ContentType="text/csv", Body="6.1,2.8,4.7,1.2\n")
        except Exception as e:  # counted and printed; the traffic continues
            failed += 1
            print(e)
        sent += 1
        if sent % 100 == 0:
            print(f"{sent} sent, {failed} failed", flush=True)
        due += 1 / rate
        time.sleep(max(0.0, due - time.monotonic()))
except KeyboardInterrupt:
    print(f"{sent} sent, {failed} failed")
