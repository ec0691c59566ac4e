"""Instance logs with an unmodified boto3. Run by logs_test.go with the names of an endpoint that serves and of one whose start failed."""

import sys
import time

import boto3

from checks import refused, until

sm = boto3.client("sagemaker")
logs = boto3.client("logs")
PREFIX = "/aws/sagemaker/Endpoints/"
good, failed = sys.argv[1:]
group = PREFIX + good


def streams_of(name, **arguments):
    return [s for page in logs.get_paginator("describe_log_streams").paginate(logGroupName=PREFIX + name, **arguments) for s in page["logStreams"]]


def tail(start, stop):
    """Follows a group as `aws logs tail --follow` does: from the time of the newest event on, without the events of that time that it has."""
    seen, newest = {}, start
    while not stop(seen):
        for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group, interleaved=True, startTime=newest):
            for e in page["events"]:
                assert e["timestamp"] >= newest, e
                seen.setdefault(e["eventId"], e)
        if seen:
            newest = max(e["timestamp"] for e in seen.values())
        time.sleep(0.1)
    return list(seen.values())


until("a reason", lambda: "FailureReason" in sm.describe_endpoint(EndpointName=failed))
began = int(time.time() * 1000) - 600_000
names = [g["logGroupName"] for page in logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=PREFIX) for g in page["logGroups"]]
assert names == sorted([group, PREFIX + failed]), names

running = streams_of(good)
assert len(running) == 2 and all(s["logStreamName"].startswith("AllTraffic/i-") for s in running), running
until("both have events", lambda: all("lastEventTimestamp" in s for s in streams_of(good, orderBy="LastEventTime", descending=True)))

name = running[0]["logStreamName"]
first = logs.get_log_events(logGroupName=group, logStreamName=name, startFromHead=True)
assert "demo model: listening on" in first["events"][0]["message"] and first["events"][0]["timestamp"] > began, first
again = logs.get_log_events(logGroupName=group, logStreamName=name, startFromHead=True, nextToken=first["nextForwardToken"])
assert again["events"] == [] and again["nextForwardToken"] == first["nextForwardToken"], again

found = logs.filter_log_events(logGroupName=group, filterPattern='"listening on" -stopped', logStreamNames=[name])["events"]
assert [e["logStreamName"] for e in found] == [name], found

# What the failed instance wrote explains its FailureReason, and is kept after the endpoint.
reason = sm.describe_endpoint(EndpointName=failed)["FailureReason"]
lost = streams_of(failed)
assert lost and any(s["logStreamName"].split("/")[1] in reason for s in lost), (reason, lost)
sm.delete_endpoint(EndpointName=failed)
until("deleted", lambda: failed not in [e["EndpointName"] for e in sm.list_endpoints()["Endpoints"]])
assert {s["logStreamName"] for s in streams_of(failed)} == {s["logStreamName"] for s in lost}

# Followed while an instance stops and another starts: each line comes once.
sm.update_endpoint_weights_and_capacities(EndpointName=good, DesiredWeightsAndCapacities=[{"VariantName": "AllTraffic", "DesiredInstanceCount": 1}])
events = tail(began, lambda seen: any("stopped after" in e["message"] for e in seen.values()))
lines = [(e["logStreamName"], e["message"]) for e in events]
assert len(lines) == len(set(lines)) and len([m for _, m in lines if "listening on" in m]) == 2, lines

refused("ResourceNotFoundException", "The specified log group does not exist.", logs.get_log_events, logGroupName=PREFIX + "none", logStreamName="x")
refused("ResourceNotFoundException", "The specified log stream does not exist.", logs.get_log_events, logGroupName=group, logStreamName="x")
refused("InvalidParameterException", "does not support", logs.filter_log_events, logGroupName=group, filterPattern="{ $.a = 1 }")
print("all passed")
