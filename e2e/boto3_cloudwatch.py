"""CloudWatch with an unmodified boto3: writing and reading metrics, and metric alarms. Run by cloudwatch_test.go."""

import json
import pathlib
import time
from datetime import datetime, timedelta, timezone

import boto3
from botocore.config import Config

from checks import refused, until

cw = boto3.client("cloudwatch")
TOPIC = "arn:aws:sns:us-east-1:123456789012:ops"
MINUTE = datetime.now(timezone.utc).replace(second=0, microsecond=0) - timedelta(minutes=10)
SPAN = dict(StartTime=MINUTE, EndTime=MINUTE + timedelta(minutes=11))
DIMENSIONS = [{"Name": "zone", "Value": "b"}, {"Name": "host", "Value": "a"}]


def put(*data, **more):
    cw.put_metric_data(Namespace="Py", MetricData=list(data), **more)


def metrics():
    put(
        {"MetricName": "ms", "Dimensions": DIMENSIONS, "Timestamp": MINUTE, "Values": [1, 2, 3, 10], "Counts": [4, 3, 2, 1], "Unit": "Milliseconds"},
        {"MetricName": "ms", "Dimensions": DIMENSIONS[::-1], "Timestamp": MINUTE + timedelta(minutes=2), "Value": 5, "Unit": "Milliseconds"},
        {"MetricName": "set", "Timestamp": MINUTE, "StatisticValues": {"SampleCount": 2, "Sum": 4, "Minimum": 1, "Maximum": 3}},
        {"MetricName": "fine", "Timestamp": MINUTE, "Value": 1, "StorageResolution": 1},
        {"MetricName": "fine", "Timestamp": MINUTE + timedelta(seconds=1), "Value": 2, "StorageResolution": 1},
    )
    put(*({"MetricName": "many", "Dimensions": [{"Name": "i", "Value": str(i)}], "Value": i} for i in range(1000)))  # boto3 compresses it
    refused("InvalidParameterValue", "The collection MetricData must not have a size greater than 1000.", lambda: put(*({"MetricName": "many", "Value": 1} for _ in range(1001))))
    refused("MissingParameter", "At least one MetricDatum object must be present in the request.", put)
    refused("InvalidParameterValue", "The value AWS/ for parameter Namespace is invalid.", cw.put_metric_data, Namespace="AWS/Py", MetricData=[{"MetricName": "m", "Value": 1}])
    now = datetime.now(timezone.utc)
    for datum, code, text in (
        ({}, "InvalidParameterCombination", "At least one of the parameters must be specified."),
        ({"Value": 1, "Values": [1]}, "InvalidParameterCombination", "mutually exclusive"),
        ({"Value": float("nan")}, "InvalidParameterValue", "The value NaN for parameter MetricData.member.1.Value is invalid."),
        ({"Value": float("inf")}, "InvalidParameterValue", "The value Infinity for parameter MetricData.member.1.Value is invalid."),
        ({"Value": 2.0**361}, "InvalidParameterValue", "The value 4.6970851655476665E108 for parameter MetricData.member.1.Value is invalid."),
        ({"Values": [1] * 151}, "InvalidParameterValue", "The collection MetricData.member.1.Values must not have a size greater than 150."),
        ({"Values": [1, 2], "Counts": [1]}, "InvalidParameterValue", "MetricData.member.1.Values and MetricData.member.1.Counts must be of the same size."),
        ({"Value": 1, "Unit": "Parsecs"}, "InvalidParameterValue", "must be a value in the set [ "),
        ({"Value": 1, "StorageResolution": 5}, "InvalidParameterValue", "MetricData.member.1.StorageResolution must be a value in the set [ 1, 60 ]."),
        ({"Value": 1, "Dimensions": [{"Name": f"n{i}", "Value": "v"} for i in range(31)]}, "ValidationError", "Member must have length less than or equal to 30"),
        ({"Value": 1, "Dimensions": [{"Name": "n", "Value": "v"}] * 2}, "InvalidParameterValue", "No metric may specify the same dimension name twice."),
        ({"Value": 1, "Timestamp": now - timedelta(days=14, minutes=1)}, "InvalidParameterValue", "must specify a time within the past two weeks."),
        ({"Value": 1, "Timestamp": now + timedelta(hours=2, minutes=1)}, "InvalidParameterValue", "must specify a time no more than two hours in the future."),
    ):
        refused(code, text, lambda datum=datum: put({"MetricName": "m", **datum}))


def statistics():
    of = dict(Namespace="Py", MetricName="ms", Dimensions=DIMENSIONS)
    answer = cw.get_metric_statistics(Period=60, Statistics=["Average", "Sum", "Minimum", "Maximum", "SampleCount"], ExtendedStatistics=["p100", "TS(2:3)"], **of, **SPAN)
    points = sorted(answer["Datapoints"], key=lambda p: p["Timestamp"])
    extended = [p.pop("ExtendedStatistics") for p in points]
    assert answer["Label"] == "ms" and points == [
        {"Timestamp": MINUTE, "Average": 2.6, "Sum": 26, "Minimum": 1, "Maximum": 10, "SampleCount": 10, "Unit": "Milliseconds"},
        {"Timestamp": MINUTE + timedelta(minutes=2), "Average": 5, "Sum": 5, "Minimum": 5, "Maximum": 5, "SampleCount": 1, "Unit": "Milliseconds"},
    ], answer
    assert abs(extended[0]["p100"] - 10) < 0.1 and extended[1]["TS(2:3)"] == 0, extended
    fine = cw.get_metric_statistics(Namespace="Py", MetricName="fine", Period=1, Statistics=["Sum"], **SPAN)["Datapoints"]
    assert sorted(p["Sum"] for p in fine) == [1, 2], fine
    assert cw.get_metric_statistics(Namespace="Py", MetricName="ms", Period=60, Statistics=["Sum"], **SPAN)["Datapoints"] == []  # other dimensions
    refused("InvalidParameterCombination", "which exceeds the limit of 1440.", cw.get_metric_statistics, Period=1, Statistics=["Sum"], **of, StartTime=MINUTE, EndTime=MINUTE + timedelta(minutes=25))
    refused("InvalidParameterValue", "The parameter Period must be a multiple of 60.", cw.get_metric_statistics, Period=61, Statistics=["Sum"], **of, **SPAN)
    refused("InvalidParameterCombination", "At least one of the parameters Statistics and ExtendedStatistics must be specified.", cw.get_metric_statistics, Period=60, **of, **SPAN)
    refused("InvalidParameterValue", "The parameter StartTime must be less than the parameter EndTime.", cw.get_metric_statistics, Period=60, Statistics=["Sum"], **of, StartTime=MINUTE, EndTime=MINUTE)


def data():
    stat = {"Metric": {"Namespace": "Py", "MetricName": "ms", "Dimensions": DIMENSIONS}, "Period": 60}
    ranges = {
        "p50": 2, "p0": 1, "TM(10%:90%)": None, "TM(2:10)": 16 / 3, "tc99": None, "TC(:1)": 4, "TC(2:)": None, "TS(0%:50%)": None, "TS(1:3)": 12,
        "WM(2%:98%)": None, "wm98.5": None, "PR(:2)": 70, "PR(3:)": None, "IQM": None,
    }
    queries = [{"Id": f"q{i}", "MetricStat": stat | {"Stat": s}} for i, s in enumerate(ranges)]
    found = cw.get_metric_data(MetricDataQueries=queries, ScanBy="TimestampAscending", **SPAN)["MetricDataResults"]
    for (name, want), result in zip(ranges.items(), found):
        assert result["StatusCode"] == "Complete" and result["Values"], (name, result)
        assert want is None or abs(result["Values"][0] - want) <= 0.01 * want, (name, result)
    queries = [
        {"Id": "m", "MetricStat": stat | {"Stat": "Sum"}, "Label": "${PROP('Dim.host')}: ${SUM} in ${DATAPOINT_COUNT}"},
        {"Id": "e", "Expression": "m * 2", "Label": "${LABEL} ${MAX}"},
    ]
    found = cw.get_metric_data(MetricDataQueries=queries, **SPAN)["MetricDataResults"]
    assert [(r["Label"], r["Values"]) for r in found] == [("a: 31 in 2", [5, 26]), ("e 52", [10, 52])], found
    pages = cw.get_paginator("get_metric_data").paginate(MetricDataQueries=queries[:1], MaxDatapoints=1, **SPAN)
    found = [r["Values"] for page in pages for r in page["MetricDataResults"] if r["Values"]]
    assert found == [[5], [26]], found
    refused("InvalidNextToken", "", cw.get_metric_data, MetricDataQueries=queries, NextToken="none", **SPAN)
    refused("ValidationError", "The values for parameter id in MetricDataQueries are not unique.", cw.get_metric_data, MetricDataQueries=queries + queries, **SPAN)
    refused("ValidationError", "ANOMALY_DETECTION_BAND", cw.get_metric_data, MetricDataQueries=queries + [{"Id": "band", "Expression": "ANOMALY_DETECTION_BAND(m, 2)"}], **SPAN)


def lists():
    pages = list(cw.get_paginator("list_metrics").paginate(Namespace="Py", MetricName="many"))
    assert [len(p["Metrics"]) for p in pages] == [500, 500]
    found = cw.list_metrics(Namespace="Py", Dimensions=[{"Name": "host"}], RecentlyActive="PT3H", IncludeLinkedAccounts=True)
    assert [m["MetricName"] for m in found["Metrics"]] == ["ms"] and found["OwningAccounts"] == ["123456789012"], found
    assert sorted(d["Name"] for d in found["Metrics"][0]["Dimensions"]) == ["host", "zone"]
    assert cw.list_metrics(Namespace="Py", OwningAccount="210987654321", IncludeLinkedAccounts=True)["Metrics"] == []
    assert cw.list_metrics(Namespace="Py", MetricName="m")["Metrics"] == []  # refused requests recorded nothing
    refused("InvalidParameterValue", "Request parameter recentlyActive value is invalid", cw.list_metrics, RecentlyActive="PT1H")
    refused("InvalidParameterValue", "Request parameter NextToken is invalid", cw.list_metrics, NextToken="none")


ALARM = dict(
    AlarmName="py", AlarmDescription="slow", Namespace="Py", MetricName="ms", Dimensions=DIMENSIONS, Statistic="Maximum", Period=60, EvaluationPeriods=3,
    DatapointsToAlarm=2, Threshold=5.5, ComparisonOperator="GreaterThanOrEqualToThreshold", TreatMissingData="ignore", Unit="Milliseconds",
    AlarmActions=[TOPIC], ActionsEnabled=False,
)


def alarms():
    for change, text in (
        ({"DatapointsToAlarm": 4}, "DatapointsToAlarm must be less than or equal to EvaluationPeriods"),
        ({"Period": 15}, "Period must be 10, 20, 30 or a multiple of 60"),
        ({"ExtendedStatistic": "p90"}, "PutMetricAlarm request can not be made with both Statistic and ExtendedStatistic parameters."),
        ({"ComparisonOperator": "LessThanLowerThreshold"}, "ComparisonOperators for ranges require ThresholdMetricId to be set"),
        ({"AlarmActions": ["nowhere"]}, "Invalid arn syntax: nowhere"),
    ):
        refused("ValidationError", text, cw.put_metric_alarm, **ALARM | change)
    tags = [{"Key": "team", "Value": "a"}]
    cw.put_metric_alarm(Tags=tags, **ALARM)
    cw.get_waiter("alarm_exists").wait(AlarmNames=["py"])
    alarm = cw.describe_alarms(AlarmNames=["py"])["MetricAlarms"][0]
    assert {k: alarm[k] for k in ALARM} == ALARM, alarm
    assert (alarm["StateValue"], alarm["StateReason"]) == ("INSUFFICIENT_DATA", "Unchecked: Initial alarm creation"), alarm
    cw.put_metric_alarm(**ALARM | {"Threshold": 6.0, "EvaluationPeriods": 2})
    for value in ("ALARM", "OK"):
        cw.set_alarm_state(AlarmName="py", StateValue=value, StateReason="by hand", StateReasonData='{"by": "hand"}')
        alarm = cw.describe_alarms(StateValue=value, ActionPrefix=TOPIC)["MetricAlarms"][0]
        assert (alarm["StateReason"], alarm["StateReasonData"]) == ("by hand", '{"by": "hand"}'), alarm
    cw.set_alarm_state(AlarmName="py", StateValue="OK", StateReason="the same state is no news")
    assert cw.describe_alarms(AlarmNames=["py"])["MetricAlarms"][0] == alarm
    cw.set_alarm_state(AlarmName="py", StateValue="ALARM", StateReason="")
    alarm = cw.describe_alarms(AlarmNames=["py"])["MetricAlarms"][0]
    assert "StateReason" not in alarm and "StateReasonData" not in alarm, alarm
    found = cw.describe_alarms_for_metric(Namespace="Py", MetricName="ms", Dimensions=DIMENSIONS[::-1], Statistic="Maximum", Period=60, Unit="Milliseconds")
    assert [a["AlarmName"] for a in found["MetricAlarms"]] == ["py"], found
    cw.enable_alarm_actions(AlarmNames=["py"])
    arn = alarm["AlarmArn"]
    cw.tag_resource(ResourceARN=arn, Tags=[{"Key": "b", "Value": "2"}])
    cw.untag_resource(ResourceARN=arn, TagKeys=["team", "none"])
    assert cw.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "b", "Value": "2"}]
    refused("ResourceNotFound", "", cw.set_alarm_state, AlarmName="none", StateValue="OK", StateReason="r")
    refused("InvalidFormat", "", cw.set_alarm_state, AlarmName="py", StateValue="OK", StateReason="r", StateReasonData="{")
    refused("InvalidParameterCombination", "mutually exclusive", cw.describe_alarms, AlarmNames=["py"], AlarmNamePrefix="p")
    refused("InvalidNextToken", "Invalid NextToken : none", cw.describe_alarms, NextToken="none")
    refused("InvalidNextToken", "Invalid NextToken : none", cw.describe_alarm_history, NextToken="none")
    history()


def history():
    items = list(cw.get_paginator("describe_alarm_history").paginate(AlarmName="py", ScanBy="TimestampAscending", PaginationConfig={"PageSize": 2}).search("AlarmHistoryItems"))
    assert len(items) >= 4 and items == sorted(items, key=lambda i: i["Timestamp"]), items
    assert items[0]["HistorySummary"] == 'Alarm "py" created' and items[0]["AlarmType"] == "MetricAlarm", items[0]
    updates = [json.loads(i["HistoryData"]) for i in items if i["HistoryItemType"] == "ConfigurationUpdate"]
    assert updates[0]["type"] == "Create" and updates[0]["createdAlarm"]["metricName"] == "ms", updates
    assert updates[1]["type"] == "Update" and updates[1]["updatedAlarm"]["threshold"] == 6.0, updates
    assert {k: updates[1]["originalUpdatedFields"][k] for k in ("threshold", "evaluationPeriods")} == {"threshold": 5.5, "evaluationPeriods": 3}, updates
    states = [i["HistorySummary"] for i in items if i["HistoryItemType"] == "StateUpdate"]
    assert "Alarm updated from INSUFFICIENT_DATA to ALARM" in states and "Alarm updated from ALARM to OK" in states, states
    newest = cw.describe_alarm_history(AlarmName="py", MaxRecords=1)
    assert newest["AlarmHistoryItems"] == items[-1:] and newest["NextToken"], newest
    assert cw.describe_alarm_history(AlarmName="py", StartDate=time.time() + 3600, EndDate=time.time() + 7200)["AlarmHistoryItems"] == []


def composites():
    cw.put_composite_alarm(AlarmName="both", AlarmRule="ALARM(py) AND NOT FALSE")
    cw.get_waiter("composite_alarm_exists").wait(AlarmNames=["both"], AlarmTypes=["CompositeAlarm"])
    refused("ValidationError", "Cannot delete py as there are composite alarm(s) depending on it.", cw.delete_alarms, AlarmNames=["py"])
    cw.set_alarm_state(AlarmName="py", StateValue="ALARM", StateReason="by hand")
    until("the composite alarm follows", lambda: cw.describe_alarms(AlarmTypes=["CompositeAlarm"])["CompositeAlarms"][0]["StateValue"] == "ALARM")
    cw.delete_alarms(AlarmNames=["both"])
    cw.delete_alarms(AlarmNames=["py", "none"])
    assert cw.describe_alarms(AlarmTypes=["CompositeAlarm", "MetricAlarm"])["MetricAlarms"] == []


SERVED = {
    "DeleteAlarms", "DescribeAlarmContributors", "DescribeAlarmHistory", "DescribeAlarms", "DescribeAlarmsForMetric", "DisableAlarmActions",
    "EnableAlarmActions", "GetMetricData", "GetMetricStatistics", "ListMetrics", "ListTagsForResource", "PutCompositeAlarm", "PutMetricAlarm",
    "PutMetricData", "SetAlarmState", "TagResource", "UntagResource", "PutAlarmMuteRule", "GetAlarmMuteRule", "ListAlarmMuteRules",
    "DeleteAlarmMuteRule",
}


def mute_rules():
    schedule = {"Expression": "cron(0 2 * * SUN)", "Duration": "PT4H", "Timezone": "Europe/Paris"}
    cw.put_alarm_mute_rule(Name="nightly", Rule={"Schedule": schedule}, MuteTargets={"AlarmNames": ["py"]})
    rule = cw.get_alarm_mute_rule(AlarmMuteRuleName="nightly")
    assert rule["Rule"]["Schedule"] == schedule and rule["MuteTargets"] == {"AlarmNames": ["py"]} and rule["MuteType"] == "RECURRING", rule
    listed = cw.list_alarm_mute_rules(AlarmName="py")["AlarmMuteRuleSummaries"]
    assert [r["AlarmMuteRuleArn"] for r in listed] == [rule["AlarmMuteRuleArn"]], listed
    cw.delete_alarm_mute_rule(AlarmMuteRuleName="nightly")
    refused("ResourceNotFoundException", "The alarm mute rule does not exist.", cw.get_alarm_mute_rule, AlarmMuteRuleName="nightly")


def other_operations():
    """All other operations are refused by name and documented."""
    loose = boto3.client("cloudwatch", config=Config(parameter_validation=False))
    documented = (pathlib.Path(__file__).parent.parent / "docs" / "compatibility.md").read_text()
    methods = {operation: method for method, operation in loose.meta.method_to_api_mapping.items()}
    assert SERVED <= set(methods)
    for operation in set(methods) - SERVED:
        refused("InvalidAction", operation, getattr(loose, methods[operation]))
        assert operation in documented, operation


for part in (metrics, statistics, data, lists, alarms, composites, mute_rules, other_operations):
    part()
    print(part.__name__)
print("all passed")
