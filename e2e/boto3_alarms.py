"""Alarms with an unmodified boto3. Run by alarms_test.go against a server whose policy time runs 60 times as fast."""

import json
from datetime import datetime, timezone

import boto3

from checks import refused, until

sm = boto3.client("sagemaker")
aas = boto3.client("application-autoscaling")
cw = boto3.client("cloudwatch")

TOPIC = "arn:aws:sns:us-east-1:123456789012:ops"
TARGET = dict(
    ServiceNamespace="sagemaker",
    ResourceId="endpoint/math/variant/AllTraffic",
    ScalableDimension="sagemaker:variant:DesiredInstanceCount",
)


def metric_stat(id, name, returned=False):
    metric = {"Namespace": "App", "MetricName": name, "Dimensions": [{"Name": "d", "Value": "v"}]}
    return {"Id": id, "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}, "ReturnData": returned}


def quiet(name):
    cw.put_metric_alarm(
        AlarmName=name, Namespace="App", MetricName=name, Statistic="Sum", Period=60, EvaluationPeriods=1, Threshold=1,
        ComparisonOperator="GreaterThanThreshold", TreatMissingData="ignore",
    )
    cw.set_alarm_state(AlarmName=name, StateValue="OK", StateReason="quiet")


def composite(name):
    return cw.describe_alarms(AlarmNames=[name], AlarmTypes=["CompositeAlarm"])["CompositeAlarms"][0]


def expressions():
    metrics = [metric_stat("m1", "errors"), metric_stat("m2", "requests"), {"Id": "rate", "Expression": "100*m1/m2", "Label": "errors"}]
    put = dict(
        AlarmName="rate", Metrics=metrics, EvaluationPeriods=2, DatapointsToAlarm=1, Threshold=5, ComparisonOperator="GreaterThanThreshold",
        Tags=[{"Key": "team", "Value": "a"}],
    )
    refused("ValidationError", "Exactly one element of the metrics list should return data.", cw.put_metric_alarm, **put | {"Metrics": metrics[:2]})
    search = {"Id": "s", "Expression": "SUM(SEARCH('{App} x', 'Sum', 60))", "Period": 60}
    refused("ValidationError", "SEARCH is not supported on Metric Alarms.", cw.put_metric_alarm, **put | {"Metrics": [search]})
    del search["Period"]
    refused("ValidationError", "Period must not be null", cw.put_metric_alarm, **put | {"Metrics": [search]})
    refused("ValidationError", "Period should not be set if list of Metrics is set.", cw.put_metric_alarm, Period=60, **put)
    cw.put_metric_alarm(**put)
    cw.get_waiter("alarm_exists").wait(AlarmNames=["rate"])
    alarm = cw.describe_alarms(AlarmNames=["rate"])["MetricAlarms"][0]
    assert alarm["Metrics"] == metrics[:2] + [metrics[2] | {"ReturnData": True}], alarm["Metrics"]
    assert "MetricName" not in alarm and "Period" not in alarm and alarm["Dimensions"] == [], alarm
    cw.put_metric_alarm(**put)  # putting the same again changes nothing
    assert len(cw.describe_alarm_history(AlarmName="rate")["AlarmHistoryItems"]) == 1

    dimensions = [{"Name": "d", "Value": "v"}]

    def feed():
        cw.put_metric_data(Namespace="App", MetricData=[
            {"MetricName": "errors", "Value": 10, "Dimensions": dimensions}, {"MetricName": "requests", "Value": 100, "Dimensions": dimensions},
        ])
        return cw.describe_alarms(AlarmNames=["rate"])["MetricAlarms"][0]["StateValue"] == "ALARM"

    until("the error rate alarms", feed)
    alarm = cw.describe_alarms(AlarmNames=["rate"])["MetricAlarms"][0]
    assert alarm["StateReason"].startswith("Threshold Crossed: 1 out of the last 2 datapoints [10.0 ("), alarm["StateReason"]
    data = json.loads(alarm["StateReasonData"])
    assert "statistic" not in data and "unit" not in data and data["period"] == 60 and "sampleCount" not in data["evaluatedDatapoints"][0], data
    assert cw.describe_alarms_for_metric(Namespace="App", MetricName="errors", Dimensions=dimensions)["MetricAlarms"] == []
    cw.delete_alarms(AlarmNames=["rate", "nobody"])
    items = cw.describe_alarm_history(AlarmName="rate", ScanBy="TimestampAscending")["AlarmHistoryItems"]
    assert [i["HistorySummary"] for i in items][0] == 'Alarm "rate" created' and items[-1]["HistorySummary"] == 'Alarm "rate" deleted', items


def composites():
    for name in ("cpu", "disk", "quiet"):
        quiet(name)
    refused("ValidationError", "Could not save the composite alarm as alarms [arn:aws:cloudwatch:us-east-1:123456789012:alarm:nobody] in the alarm rule do not exist", cw.put_composite_alarm, AlarmName="service", AlarmRule="ALARM(nobody)")
    refused("ValidationError", "Error in AlarmRule [Unsupported token 'MAYBE'", cw.put_composite_alarm, AlarmName="service", AlarmRule="MAYBE(cpu)")
    refused("ValidationError", "ActionsSuppressorWaitPeriod must not be null", cw.put_composite_alarm, AlarmName="service", AlarmRule="TRUE", ActionsSuppressor="quiet")
    refused("ValidationError", "AlarmName [cpu] is already used by another alarm of a different type", cw.put_composite_alarm, AlarmName="cpu", AlarmRule="TRUE")
    cpu = cw.describe_alarms(AlarmNames=["cpu"])["MetricAlarms"][0]["AlarmArn"]
    put = dict(
        AlarmName="service", AlarmRule=f'ALARM("{cpu}") OR ALARM(disk)', AlarmDescription="all of it", AlarmActions=[TOPIC], OKActions=[TOPIC],
        ActionsSuppressor="quiet", ActionsSuppressorWaitPeriod=120, ActionsSuppressorExtensionPeriod=60, Tags=[{"Key": "team", "Value": "a"}],
    )
    cw.put_composite_alarm(**put)
    cw.get_waiter("composite_alarm_exists").wait(AlarmNames=["service"], AlarmTypes=["CompositeAlarm"])
    x = composite("service")
    assert all(x[k] == v for k, v in put.items() if k != "Tags"), x
    assert x["StateValue"] == "OK" and x["StateReason"] == x["AlarmArn"] + " was created and its alarm rule evaluates to OK", x
    assert x["ActionsSuppressedBy"] == "WaitPeriod" and x["ActionsSuppressedReason"] == "Actions suppressed by WaitPeriod", x
    cw.put_composite_alarm(AlarmName="top", AlarmRule="ALARM(service)")
    assert [a["AlarmName"] for a in cw.describe_alarms(ChildrenOfAlarmName="service")["MetricAlarms"]] == ["cpu", "disk"]
    assert [a["AlarmName"] for a in cw.describe_alarms(ParentsOfAlarmName="service")["CompositeAlarms"]] == ["top"]
    refused("ValidationError", "no other parameters", cw.describe_alarms, ParentsOfAlarmName="service", StateValue="OK")
    assert cw.describe_alarms(AlarmNames=["service"])["CompositeAlarms"] == []  # metric alarms are the default
    pages = cw.get_paginator("describe_alarms").paginate(AlarmTypes=["MetricAlarm", "CompositeAlarm"], PaginationConfig={"PageSize": 2})
    names = [a["AlarmName"] for page in pages for a in page["MetricAlarms"] + page["CompositeAlarms"]]
    assert sorted(names) == ["cpu", "disk", "quiet", "service", "top"], names

    cw.set_alarm_state(AlarmName="cpu", StateValue="ALARM", StateReason="hot")
    x = composite("service")
    assert x["StateValue"] == "ALARM" and x["StateReason"].startswith(cpu + " transitioned to ALARM at "), x
    assert [t["arn"] for t in json.loads(x["StateReasonData"])["triggeringAlarms"]] == [cpu], x
    assert composite("top")["StateReason"].startswith(x["AlarmArn"] + " transitioned to ALARM at ")
    until("the actions run", lambda: any(
        i["HistorySummary"] == "Successfully executed action " + TOPIC
        for i in cw.describe_alarm_history(AlarmName="service", AlarmTypes=["CompositeAlarm"], HistoryItemType="Action")["AlarmHistoryItems"]
    ))
    assert "ActionsSuppressedBy" not in composite("service")
    history = cw.describe_alarm_history(AlarmName="service", AlarmTypes=["CompositeAlarm"], ScanBy="TimestampAscending")["AlarmHistoryItems"]
    assert history[0]["HistorySummary"] == 'Alarm "service" created' and history[0]["AlarmType"] == "CompositeAlarm", history[0]
    assert json.loads(history[0]["HistoryData"])["createdAlarm"]["alarmRule"] == put["AlarmRule"], history[0]

    cw.disable_alarm_actions(AlarmNames=["service", "nobody"])
    assert composite("service")["ActionsEnabled"] is False
    cw.enable_alarm_actions(AlarmNames=["service"])
    arn = composite("service")["AlarmArn"]
    cw.tag_resource(ResourceARN=arn, Tags=[{"Key": "b", "Value": "2"}])
    cw.untag_resource(ResourceARN=arn, TagKeys=["team"])
    assert cw.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "b", "Value": "2"}]
    refused("AccessDenied", 'The provided tag keys must not start with any case of "aws:"', cw.tag_resource, ResourceARN=arn, Tags=[{"Key": "aws:x", "Value": "2"}])
    refused("InvalidParameterValue", "tags are invalid.", cw.tag_resource, ResourceARN=arn, Tags=[{"Key": f"k{i}", "Value": ""} for i in range(50)])
    refused("ResourceNotFoundException", "", cw.list_tags_for_resource, ResourceARN=arn + "x")

    refused("ValidationError", "Cannot delete cpu,disk as there are composite alarm(s) depending on them.", cw.delete_alarms, AlarmNames=["cpu", "disk"])
    refused("ValidationError", "Cannot delete service as there are composite alarm(s) depending on it.", cw.delete_alarms, AlarmNames=["service"])
    refused("ValidationError", "Only one composite alarm", cw.delete_alarms, AlarmNames=["service", "top"])
    cw.delete_alarms(AlarmNames=["top"])
    refused("ValidationError", "Cannot delete cpu as there are composite alarm(s) depending on it.", cw.delete_alarms, AlarmNames=["service", "cpu"])
    cw.delete_alarms(AlarmNames=["service"])
    cw.delete_alarms(AlarmNames=["cpu", "disk", "quiet"])
    assert cw.describe_alarms(AlarmTypes=["MetricAlarm", "CompositeAlarm"])["MetricAlarms"] == []
    last = cw.describe_alarm_history(AlarmName="service", AlarmTypes=["CompositeAlarm"], MaxRecords=1)["AlarmHistoryItems"][0]
    assert last["HistorySummary"] == 'Alarm "service" deleted', last


def promql():
    criteria = {"PromQLCriteria": {"Query": "up == 0", "PendingPeriod": 120, "RecoveryPeriod": 0}}
    put = dict(AlarmName="down", EvaluationCriteria=criteria, EvaluationInterval=60)
    refused("ValidationError", "TreatMissingData can not be specified together with EvaluationCriteria", cw.put_metric_alarm, TreatMissingData="ignore", **put)
    refused("ValidationError", "EvaluationInterval must be 10, 20, 30 or a multiple of 60", cw.put_metric_alarm, **put | {"EvaluationInterval": 61})
    cw.put_metric_alarm(**put)
    alarm = cw.describe_alarms(AlarmNames=["down"])["MetricAlarms"][0]
    assert alarm["EvaluationCriteria"] == criteria and alarm["EvaluationInterval"] == 60 and alarm["StateValue"] == "OK", alarm
    assert "MetricName" not in alarm and "EvaluationPeriods" not in alarm and "Threshold" not in alarm, alarm
    assert cw.describe_alarm_contributors(AlarmName="down")["AlarmContributors"] == []
    refused("ResourceNotFoundException", "Unknown resource nobody", cw.describe_alarm_contributors, AlarmName="nobody")
    cw.delete_alarms(AlarmNames=["down"])


def tracking_by_math():
    sm.create_model(ModelName="math", PrimaryContainer={"Image": "bellows/demo-model"}, ExecutionRoleArn="arn:aws:iam::123456789012:role/x")
    variant = dict(VariantName="AllTraffic", ModelName="math", InitialInstanceCount=1, InstanceType="ml.m5.large")
    sm.create_endpoint_config(EndpointConfigName="math", ProductionVariants=[variant])
    sm.create_endpoint(EndpointName="math", EndpointConfigName="math")
    sm.get_waiter("endpoint_in_service").wait(EndpointName="math", WaiterConfig={"Delay": 1})
    aas.register_scalable_target(MinCapacity=1, MaxCapacity=3, **TARGET)
    stat = {"Metric": {"Namespace": "App", "MetricName": "Jobs", "Dimensions": []}, "Stat": "Sum"}
    metrics = [{"Id": "m1", "MetricStat": stat, "ReturnData": False}, {"Id": "e1", "Expression": "FILL(m1, 0) / 2", "Label": "half"}]
    put = dict(PolicyName="math", PolicyType="TargetTrackingScaling", **TARGET)

    def configured(metrics, **more):
        return {"TargetValue": 10, "CustomizedMetricSpecification": {"Metrics": metrics, **more}}

    refused("ValidationException", "The customized metric specification is not valid.", aas.put_scaling_policy, TargetTrackingScalingPolicyConfiguration=configured(metrics, MetricName="m"), **put)
    refused("ValidationException", "Exactly one element of the metrics list should return data.", aas.put_scaling_policy, TargetTrackingScalingPolicyConfiguration=configured(metrics[:1]), **put)
    first = aas.put_scaling_policy(TargetTrackingScalingPolicyConfiguration=configured(metrics), **put)
    policy = aas.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"][0]
    filled = [metrics[0], metrics[1] | {"ReturnData": True}]
    described = policy["TargetTrackingScalingPolicyConfiguration"]
    assert described["CustomizedMetricSpecification"] == {"Metrics": filled}, described
    again = aas.put_scaling_policy(TargetTrackingScalingPolicyConfiguration=described, **put)  # as in Terraform: putting the described configuration changes nothing
    assert again["PolicyARN"] == first["PolicyARN"] and again["Alarms"] != first["Alarms"], again  # each put gives the alarms new names
    alarms = {a["AlarmName"]: a for a in cw.describe_alarms(AlarmNamePrefix="TargetTracking-endpoint/math")["MetricAlarms"]}
    assert sorted(alarms) == sorted(a["AlarmName"] for a in again["Alarms"]), alarms
    for alarm in alarms.values():
        periods = [q["MetricStat"]["Period"] if "MetricStat" in q else q["Period"] for q in alarm["Metrics"]]
        assert periods == [60, 60] and "Period" not in alarm and "Statistic" not in alarm, alarm

    def feed():
        cw.put_metric_data(Namespace="App", MetricData=[{"MetricName": "Jobs", "Value": 10}])
        return sm.describe_endpoint(EndpointName="math")["ProductionVariants"][0]["DesiredInstanceCount"] == 3

    until("the expression scales out", feed)
    aas.deregister_scalable_target(**TARGET)
    assert cw.describe_alarms()["MetricAlarms"] == []
    until("the endpoint rests", lambda: sm.describe_endpoint(EndpointName="math")["EndpointStatus"] == "InService")
    sm.delete_endpoint(EndpointName="math")
    sm.get_waiter("endpoint_deleted").wait(EndpointName="math", WaiterConfig={"Delay": 1})


expressions()
composites()
promql()
tracking_by_math()
print("all passed", datetime.now(timezone.utc))
