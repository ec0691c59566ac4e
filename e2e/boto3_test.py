"""All services with an unmodified boto3. Run by clients_test.go against a server whose policy time runs 60 times as fast."""

import datetime
import json
import time

import boto3

from checks import refused, until

sm = boto3.client("sagemaker")
runtime = boto3.client("sagemaker-runtime")
aas = boto3.client("application-autoscaling")
cw = boto3.client("cloudwatch")

IMAGE = "bellows/demo-model"
ENVIRONMENT = {"BELLOWS_DEMO_START_DELAY_MS": "500"}  # long enough to observe an endpoint that is Updating
TARGET = dict(
    ServiceNamespace="sagemaker",
    ResourceId="endpoint/boto/variant/blue",
    ScalableDimension="sagemaker:variant:DesiredInstanceCount",
)


def status():
    return sm.describe_endpoint(EndpointName="boto")["EndpointStatus"]


def variant(name="blue"):
    return next(v for v in sm.describe_endpoint(EndpointName="boto")["ProductionVariants"] if v["VariantName"] == name)


def settled():
    until("in service", lambda: status() == "InService")


def models_and_configs():
    for i in range(12):
        sm.create_model(ModelName=f"model-{i}", PrimaryContainer={"Image": IMAGE, "Environment": ENVIRONMENT}, Tags=[{"Key": "n", "Value": str(i)}])
    refused("ValidationException", "Cannot create already existing model", sm.create_model, ModelName="model-0", PrimaryContainer={"Image": IMAGE})
    names = [m["ModelName"] for page in sm.get_paginator("list_models").paginate(PaginationConfig={"PageSize": 5}) for m in page["Models"]]
    assert names == [f"model-{i}" for i in reversed(range(12))], names  # newest first
    names = [m["ModelName"] for m in sm.list_models(SortBy="Name", SortOrder="Ascending", NameContains="del-1")["Models"]]
    assert names == ["model-1", "model-10", "model-11"], names
    model = sm.describe_model(ModelName="model-3")
    assert model["PrimaryContainer"]["Environment"] == ENVIRONMENT and "Containers" not in model and "VpcConfig" not in model
    arn = model["ModelArn"]
    assert sm.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "n", "Value": "3"}]
    sm.add_tags(ResourceArn=arn, Tags=[{"Key": "n", "Value": "new"}, {"Key": "o", "Value": ""}])
    sm.delete_tags(ResourceArn=arn, TagKeys=["o"])
    assert sm.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "n", "Value": "new"}]
    for i in range(2, 12):
        sm.delete_model(ModelName=f"model-{i}")
    refused("ValidationException", 'Could not find model "arn:aws:sagemaker:us-east-1:123456789012:model/model-5".', sm.describe_model, ModelName="model-5")

    def config(name, *variants):
        sm.create_endpoint_config(
            EndpointConfigName=name,
            ProductionVariants=[
                {"VariantName": v, "ModelName": m, "InitialInstanceCount": 1, "InstanceType": "ml.m5.large", "InitialVariantWeight": w}
                for v, m, w in variants
            ],
        )

    config("one", ("blue", "model-0", 1), ("green", "model-1", 0.25))
    config("two", ("blue", "model-1", 1), ("green", "model-1", 0.25))
    described = sm.describe_endpoint_config(EndpointConfigName="one")
    assert described["ProductionVariants"][1]["InitialVariantWeight"] == 0.25, described
    assert [c["EndpointConfigName"] for c in sm.list_endpoint_configs(SortBy="Name", SortOrder="Ascending")["EndpointConfigs"]] == ["one", "two"]


def endpoints():
    sm.create_endpoint(EndpointName="boto", EndpointConfigName="one", Tags=[{"Key": "a", "Value": "b"}])
    refused("ValidationException", "Cannot create already existing endpoint", sm.create_endpoint, EndpointName="BOTO", EndpointConfigName="one")
    sm.get_waiter("endpoint_in_service").wait(EndpointName="boto", WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    assert [e["EndpointName"] for e in sm.list_endpoints(StatusEquals="InService")["Endpoints"]] == ["boto"]
    assert sm.list_endpoints(StatusEquals="Failed")["Endpoints"] == []
    answer = runtime.invoke_endpoint(EndpointName="boto", ContentType="application/json", Body=json.dumps({"instances": [[5.1, 3.5, 1.4, 0.2]]}), TargetVariant="green")
    assert answer["InvokedProductionVariant"] == "green" and b"setosa" in answer["Body"].read()
    wrong = refused("ModelError", "Received client error (400) from primary", runtime.invoke_endpoint, EndpointName="boto", ContentType="text/csv", Body="1,2")
    assert wrong["OriginalStatusCode"] == 400 and wrong["ResponseMetadata"]["HTTPStatusCode"] == 424, wrong
    refused("ValidationError", "Endpoint none of account 123456789012 not found.", runtime.invoke_endpoint, EndpointName="none", Body="x")

    sm.update_endpoint_weights_and_capacities(EndpointName="boto", DesiredWeightsAndCapacities=[{"VariantName": "blue", "DesiredInstanceCount": 3}])
    assert status() == "Updating" and variant()["DesiredInstanceCount"] == 3 and variant()["CurrentInstanceCount"] == 1
    refused(
        "ValidationException", 'Cannot update in-progress endpoint "arn:aws:sagemaker:us-east-1:123456789012:endpoint/boto".',
        sm.update_endpoint_weights_and_capacities, EndpointName="boto", DesiredWeightsAndCapacities=[{"VariantName": "blue", "DesiredInstanceCount": 1}],
    )
    refused("ValidationException", "Cannot update in-progress endpoint", sm.delete_endpoint, EndpointName="boto")
    settled()
    assert (variant()["CurrentInstanceCount"], variant()["DesiredInstanceCount"]) == (3, 3)
    refused("ValidationException", "variant", sm.update_endpoint_weights_and_capacities, EndpointName="boto", DesiredWeightsAndCapacities=[{"VariantName": "red", "DesiredInstanceCount": 1}])
    sm.update_endpoint_weights_and_capacities(EndpointName="boto", DesiredWeightsAndCapacities=[{"VariantName": "green", "DesiredWeight": 0.0}])
    settled()
    assert variant("green")["CurrentWeight"] == 0.0
    for _ in range(20):
        assert runtime.invoke_endpoint(EndpointName="boto", ContentType="text/csv", Body="5,3,1,0")["InvokedProductionVariant"] == "blue"

    sm.update_endpoint(EndpointName="boto", EndpointConfigName="two", RetainAllVariantProperties=True, ExcludeRetainedVariantProperties=[{"VariantPropertyType": "DesiredWeight"}])
    settled()
    assert sm.describe_endpoint(EndpointName="boto")["EndpointConfigName"] == "two"
    assert variant()["CurrentInstanceCount"] == 3 and variant("green")["CurrentWeight"] == 0.25
    sm.update_endpoint(EndpointName="boto", EndpointConfigName="one")
    settled()
    assert variant()["CurrentInstanceCount"] == 1, "an update without RetainAllVariantProperties goes back to the config's count"


def failures():
    sm.create_model(ModelName="sick", PrimaryContainer={"Image": IMAGE, "Environment": {"BELLOWS_DEMO_EXIT_AT_START": "1"}})
    sm.create_endpoint_config(
        EndpointConfigName="sick",
        ProductionVariants=[{
            "VariantName": "v", "ModelName": "sick", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large",
            "ContainerStartupHealthCheckTimeoutInSeconds": 60,
        }],
    )
    sm.create_endpoint(EndpointName="sick", EndpointConfigName="sick")
    until("failed", lambda: sm.describe_endpoint(EndpointName="sick")["EndpointStatus"] == "Failed")
    reason = sm.describe_endpoint(EndpointName="sick")["FailureReason"]
    assert "The primary container for production variant v did not pass the ping health check." in reason and "exited with code" in reason, reason
    sm.delete_endpoint(EndpointName="sick")
    sm.get_waiter("endpoint_deleted").wait(EndpointName="sick", WaiterConfig={"Delay": 1, "MaxAttempts": 60})


def scaling():
    refused("ObjectNotFoundException", "No scalable target registered for service namespace: sagemaker", aas.put_scaling_policy, PolicyName="p", PolicyType="StepScaling", StepScalingPolicyConfiguration={}, **TARGET)
    refused("ValidationException", "Maximum capacity must be specified", aas.register_scalable_target, MinCapacity=1, **TARGET)
    arn = aas.register_scalable_target(MinCapacity=2, MaxCapacity=4, Tags={"team": "ml"}, **TARGET)["ScalableTargetARN"]
    until("the minimum is reached", lambda: variant()["CurrentInstanceCount"] == 2 and status() == "InService")
    activity = aas.describe_scaling_activities(ServiceNamespace="sagemaker")["ScalingActivities"][0]
    assert activity["Cause"] == "minimum capacity was set to 2" and activity["Description"] == "Setting desired instance count to 2.", activity
    until("the activity ends", lambda: aas.describe_scaling_activities(ServiceNamespace="sagemaker")["ScalingActivities"][0]["StatusCode"] == "Successful")
    aas.register_scalable_target(SuspendedState={"ScheduledScalingSuspended": True}, **TARGET)
    target = aas.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"][0]
    assert target["SuspendedState"] == {"DynamicScalingInSuspended": False, "DynamicScalingOutSuspended": False, "ScheduledScalingSuspended": True}
    assert (target["MinCapacity"], target["MaxCapacity"], target["ScalableTargetARN"]) == (2, 4, arn)
    aas.tag_resource(ResourceARN=arn, Tags={"more": "tags"})
    aas.untag_resource(ResourceARN=arn, TagKeys=["team"])
    assert aas.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"more": "tags"}
    step = dict(
        PolicyName="out", PolicyType="StepScaling",
        StepScalingPolicyConfiguration={
            "AdjustmentType": "ChangeInCapacity", "Cooldown": 60, "MetricAggregationType": "Maximum",
            "StepAdjustments": [{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}],
        },
    )
    policy = aas.put_scaling_policy(**step, **TARGET)
    assert policy["Alarms"] == []
    cw.put_metric_alarm(
        AlarmName="queue", Namespace="App", MetricName="Queue", Statistic="Maximum", Period=60, EvaluationPeriods=1, Threshold=10,
        ComparisonOperator="GreaterThanThreshold", AlarmActions=[policy["PolicyARN"]], TreatMissingData="notBreaching",
    )
    assert aas.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"][0]["Alarms"][0]["AlarmName"] == "queue"

    def load():  # a custom metric triggers a real alarm, which scales real instances
        cw.put_metric_data(Namespace="App", MetricData=[{"MetricName": "Queue", "Value": 25.0, "Unit": "Count"}])
        return variant()["CurrentInstanceCount"] == 3

    until("the queue's alarm scales out", load)
    settled()
    assert "monitor alarm queue in state ALARM triggered policy out" in [a["Cause"] for a in aas.describe_scaling_activities(ServiceNamespace="sagemaker", ResourceId=TARGET["ResourceId"])["ScalingActivities"]]
    history = cw.describe_alarm_history(AlarmName="queue")["AlarmHistoryItems"]
    assert {"ConfigurationUpdate", "StateUpdate", "Action"} <= {h["HistoryItemType"] for h in history}, history
    for h in history:
        json.loads(h["HistoryData"])
    alarm = cw.describe_alarms(AlarmNames=["queue"])["MetricAlarms"][0]
    assert alarm["TreatMissingData"] == "notBreaching" and "DatapointsToAlarm" not in alarm
    data = json.loads(alarm["StateReasonData"])
    assert data["threshold"] == 10 and data["version"] == "1.0", data

    def deregister():
        settled()
        aas.deregister_scalable_target(**TARGET)

    deregister()
    assert cw.describe_alarms(AlarmNames=["queue"])["MetricAlarms"][0]["AlarmActions"] == []
    refused("ObjectNotFoundException", "No scalable target found for service namespace: sagemaker", aas.deregister_scalable_target, **TARGET)
    cw.delete_alarms(AlarmNames=["queue", "none"])


def schedules():
    nightly = dict(ScheduledActionName="nightly", **TARGET)
    refused("ObjectNotFoundException", "No scalable target registered for service namespace: sagemaker", aas.put_scheduled_action, Schedule="rate(1 day)", ScalableTargetAction={"MinCapacity": 1}, **nightly)
    uuid = aas.register_scalable_target(MinCapacity=1, MaxCapacity=4, **TARGET)["ScalableTargetARN"][-32:]
    for text, arguments in (
        ("ScalableTargetAction must be set", dict(Schedule="rate(1 day)")),
        ("At least one of minimum capacity and maximum capacity should be provided", dict(Schedule="rate(1 day)", ScalableTargetAction={})),
        ("Maximum capacity cannot be less than minimum capacity", dict(Schedule="rate(1 day)", ScalableTargetAction={"MinCapacity": 3, "MaxCapacity": 2})),
        ("Invalid schedule timezone: Mars/Olympus", dict(Schedule="rate(1 day)", Timezone="Mars/Olympus", ScalableTargetAction={"MinCapacity": 3})),
        ("Invalid schedule expression", dict(Schedule="cron(0 9 * * MON-FRI *)", ScalableTargetAction={"MinCapacity": 3})),
        ("Invalid schedule frequency. Run for '", dict(Schedule="rate(0 days)", ScalableTargetAction={"MinCapacity": 3})),
        ("StartTime must be before EndTime", dict(Schedule="rate(1 days)", StartTime=2e9, EndTime=1.9e9, ScalableTargetAction={"MinCapacity": 3})),
    ):
        refused("ValidationException", text, aas.put_scheduled_action, **arguments, **nightly)
    refused("ValidationException", "at 'scheduledActionName' failed to satisfy constraint: Member must satisfy regular expression pattern: (?!((^[ ]+.*)", aas.put_scheduled_action, ScheduledActionName="a:b", Schedule="rate(1 day)", ScalableTargetAction={"MinCapacity": 3}, **TARGET)
    assert aas.describe_scheduled_actions(ServiceNamespace="sagemaker")["ScheduledActions"] == []
    aas.put_scheduled_action(Schedule="cron(30 6 ? * MON-FRI *)", Timezone="Europe/Paris", StartTime=2e9, EndTime=2.1e9, ScalableTargetAction={"MinCapacity": 2, "MaxCapacity": 4}, **nightly)
    action = aas.describe_scheduled_actions(ServiceNamespace="sagemaker")["ScheduledActions"][0]
    assert action.pop("CreationTime") and action.pop("StartTime").timestamp() == 2e9 and action.pop("EndTime").timestamp() == 2.1e9
    arn = action.pop("ScheduledActionARN")
    assert arn.replace("-", "").split(":")[6] == uuid and arn.endswith(":resource/sagemaker/endpoint/boto/variant/blue:scheduledActionName/nightly"), arn
    assert action == dict(Schedule="cron(30 6 ? * MON-FRI *)", Timezone="Europe/Paris", ScalableTargetAction={"MinCapacity": 2, "MaxCapacity": 4}, **nightly), action
    aas.put_scheduled_action(ScalableTargetAction={"MaxCapacity": 5}, **nightly)  # keeps omitted members except start and end
    action = aas.describe_scheduled_actions(ServiceNamespace="sagemaker", ScheduledActionNames=["nightly"], ResourceId=TARGET["ResourceId"])["ScheduledActions"][0]
    assert "StartTime" not in action and "EndTime" not in action and action["ScalableTargetAction"] == {"MaxCapacity": 5} and action["Timezone"] == "Europe/Paris", action
    aas.put_scheduled_action(ScheduledActionName="past", Schedule="at(2020-01-01T00:00:00)", ScalableTargetAction={"MaxCapacity": 1}, **TARGET)
    for i in range(3):
        aas.put_scheduled_action(ScheduledActionName=f"page {i}", Schedule="rate(1 days)", ScalableTargetAction={"MaxCapacity": 9}, **TARGET)
    pages = aas.get_paginator("describe_scheduled_actions").paginate(ServiceNamespace="sagemaker", PaginationConfig={"PageSize": 2})
    names = [[a["ScheduledActionName"] for a in page["ScheduledActions"]] for page in pages]
    assert names == [["nightly", "past"], ["page 0", "page 1"], ["page 2"]], names
    token = aas.describe_scheduled_actions(ServiceNamespace="sagemaker", MaxResults=2)["NextToken"]
    refused("InvalidNextTokenException", "The NextToken value is not valid.", aas.describe_scheduled_actions, ServiceNamespace="sagemaker", ScheduledActionNames=["past"], NextToken=token)
    aas.put_scheduled_action(ScheduledActionName="soon", Schedule="rate(1 minute)", ScalableTargetAction={"MinCapacity": 1, "MaxCapacity": 2}, **TARGET)
    until("the schedule sets the range, and the capacity follows", lambda: variant()["CurrentInstanceCount"] == 2 and status() == "InService")
    target = aas.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"][0]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (1, 2), target
    activities = aas.describe_scaling_activities(ServiceNamespace="sagemaker", ResourceId=TARGET["ResourceId"])["ScalingActivities"]
    ran = next(a for a in reversed(activities) if a["Cause"] == "scheduled action name soon was triggered")
    assert (ran["Description"], ran["StatusCode"], ran["StatusMessage"]) == (
        "Setting min capacity to 1 and max capacity to 2", "Successful", "Successfully set min capacity to 1 and max capacity to 2"), ran
    assert any(a["Cause"] == "maximum capacity was set to 2" and a["Description"] == "Setting desired instance count to 2." for a in activities), activities
    aas.delete_scheduled_action(ScheduledActionName="soon", **TARGET)
    refused("ObjectNotFoundException", "No scheduled action found for service namespace: sagemaker, scalable target ID: ", aas.delete_scheduled_action, ScheduledActionName="soon", **TARGET)
    settled()
    aas.deregister_scalable_target(**TARGET)
    assert aas.describe_scheduled_actions(ServiceNamespace="sagemaker")["ScheduledActions"] == []


def predictive():
    """Two weeks of calls by the hour, fifty at noon (UTC) and ten otherwise: the forecast has the peak at noon."""
    aas.register_scalable_target(MinCapacity=1, MaxCapacity=4, **TARGET)
    name = dict(PolicyName="ahead", **TARGET)
    query = lambda metric, stat: {"MetricDataQueries": [{"Id": "m", "MetricStat": {"Metric": {"Namespace": "App", "MetricName": metric}, "Stat": stat}}]}

    def put(value, mode="ForecastOnly", **more):
        specification = {
            "TargetValue": value, "CustomizedLoadMetricSpecification": query("Calls", "Sum"),
            "CustomizedScalingMetricSpecification": query("Busy", "Average"), "CustomizedCapacityMetricSpecification": query("Instances", "Average"),
        }
        return aas.put_scaling_policy(
            PolicyType="PredictiveScaling", PredictiveScalingPolicyConfiguration={"MetricSpecifications": [specification], "Mode": mode, **more}, **name
        )

    refused(
        "ValidationException", "You must specify one metric specification.", aas.put_scaling_policy, PolicyType="PredictiveScaling",
        PredictiveScalingPolicyConfiguration={"MetricSpecifications": []}, **name,
    )
    refused("ValidationException", "MaxCapacityBuffer must be specified", put, value=50, MaxCapacityBreachBehavior="IncreaseMaxCapacity")
    refused("ValidationException", "You must specify PredictiveScalingConfiguration.", aas.put_scaling_policy, PolicyType="PredictiveScaling", **name)
    assert put(50)["Alarms"] == []
    described = lambda: aas.describe_scaling_policies(ServiceNamespace="sagemaker", PolicyNames=["ahead"])["ScalingPolicies"][0]
    hour = int(described()["CreationTime"].timestamp()) // 3600 * 3600  # policy time is ahead of wall time
    forecast = lambda start=hour - 3600, end=hour + 49 * 3600: aas.get_predictive_scaling_forecast(StartTime=start, EndTime=end, **name)
    assert forecast()["CapacityForecast"] == {"Timestamps": [], "Values": []}
    for day in range(14):
        data = []
        for h in range(24 if day else 2):  # also the current and the next hour: an hour takes a minute here, and the last one may end meanwhile
            at = hour - day * 86400 + h * 3600
            noon = at // 3600 % 24 == 12
            for metric, value in ("Calls", 50.0 if noon else 10.0), ("Busy", 40.0), ("Instances", 5.0 if noon else 1.0):
                data.append({"MetricName": metric, "Timestamp": at, "Value": value})
        cw.put_metric_data(Namespace="App", MetricData=data)
    values = iter(range(1000))

    def made():
        answer = forecast()
        if len(answer["CapacityForecast"]["Values"]) >= 48:
            return True
        put(50 - next(values) % 2 / 1000)  # a changed policy requests its history again
        return False

    until("there is a forecast", made)
    put(50)
    until("it is for the policy as it is", lambda: forecast()["LoadForecast"][0]["MetricSpecification"]["TargetValue"] == 50)
    answer = forecast()
    load, capacity = answer["LoadForecast"][0], answer["CapacityForecast"]
    assert load["Timestamps"] == capacity["Timestamps"] and answer["UpdateTime"] is not None
    for at, expected, instances in zip(load["Timestamps"], load["Values"], capacity["Values"]):
        noon = at.astimezone(datetime.timezone.utc).hour == 12
        assert (round(expected), instances) == ((50, 4) if noon else (10, 1)), (at, expected, instances)
    assert len(forecast(start=hour + 3600, end=hour + 3 * 3600)["CapacityForecast"]["Values"]) == 2
    refused("ValidationException", "StartTime must be before EndTime", forecast, start=hour, end=hour)
    refused("ValidationException", "30 days", forecast, start=hour, end=hour + 31 * 86400)
    refused(
        "ValidationException", "policy name: nobody", aas.get_predictive_scaling_forecast, StartTime=hour, EndTime=hour + 60,
        PolicyName="nobody", **TARGET,
    )
    policy = described()
    got = policy["PredictiveScalingPolicyConfiguration"]
    assert policy["PolicyType"] == "PredictiveScaling" and policy["Alarms"] == []
    assert (got["Mode"], got["SchedulingBufferTime"], got["MaxCapacityBreachBehavior"]) == ("ForecastOnly", 300, "HonorMaxCapacity"), got
    target = lambda: aas.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"][0]
    assert "PredictedCapacity" not in target()
    put(2.5, mode="ForecastAndScale")  # even quiet hours need sixteen now, and the maximum is 4
    until("the maximum is reached", lambda: variant()["DesiredInstanceCount"] == 4)
    assert target()["PredictedCapacity"] == 4
    activity = next(a for a in aas.describe_scaling_activities(ServiceNamespace="sagemaker")["ScalingActivities"] if "predictive" in a["Cause"])
    assert activity["Description"] == "Setting desired instance count to 4." and activity["Cause"].startswith("predictive scaling policy ahead"), activity
    aas.delete_scaling_policy(**name)
    assert "PredictedCapacity" not in target()
    settled()
    aas.deregister_scalable_target(**TARGET)


def alarms_by_hand():
    put = dict(
        AlarmName="hand", Namespace="App", MetricName="Nothing", ExtendedStatistic="p90", Period=60, EvaluationPeriods=3, DatapointsToAlarm=2,
        Threshold=1.5, ComparisonOperator="LessThanOrEqualToThreshold", TreatMissingData="ignore", EvaluateLowSampleCountPercentile="ignore",
    )
    cw.put_metric_alarm(**put)
    before = cw.describe_alarms(AlarmNames=["hand"])["MetricAlarms"][0]
    cw.put_metric_alarm(**put)
    assert cw.describe_alarms(AlarmNames=["hand"])["MetricAlarms"][0] == before, "an identical put changes nothing"
    cw.set_alarm_state(AlarmName="hand", StateValue="ALARM", StateReason="by hand")
    after = cw.describe_alarms(StateValue="ALARM")["MetricAlarms"]
    assert [a["AlarmName"] for a in after] == ["hand"] and after[0]["StateReason"] == "by hand" and "StateReasonData" not in after[0]
    cw.disable_alarm_actions(AlarmNames=["hand", "none"])
    assert cw.describe_alarms(AlarmNamePrefix="ha")["MetricAlarms"][0]["ActionsEnabled"] is False
    cw.enable_alarm_actions(AlarmNames=["hand"])
    assert [a["AlarmName"] for a in cw.describe_alarms_for_metric(Namespace="App", MetricName="Nothing")["MetricAlarms"]] == ["hand"]
    refused("ResourceNotFound", "", cw.set_alarm_state, AlarmName="none", StateValue="OK", StateReason="x")
    cw.delete_alarms(AlarmNames=["hand"])
    assert [h["HistorySummary"] for h in cw.describe_alarm_history(AlarmName="hand", HistoryItemType="ConfigurationUpdate")["AlarmHistoryItems"]][0] == 'Alarm "hand" deleted'


def metrics():
    now = time.time()
    for unit, values in (("Count", [1.0, 2.0, 3.0]), ("Seconds", [10.0])):
        cw.put_metric_data(Namespace="M", MetricData=[{"MetricName": "m", "Dimensions": [{"Name": "d", "Value": "1"}], "Values": values, "Unit": unit}])
    listed = cw.get_paginator("list_metrics").paginate(Namespace="M").build_full_result()["Metrics"]
    assert listed == [{"Namespace": "M", "MetricName": "m", "Dimensions": [{"Name": "d", "Value": "1"}]}], listed
    query = {"Id": "q", "MetricStat": {"Metric": listed[0], "Period": 60, "Stat": "Sum"}}
    # Policy time is ahead of wall time.
    span = dict(StartTime=now - 3600, EndTime=now + 86400)
    result = cw.get_metric_data(MetricDataQueries=[query], **span)["MetricDataResults"][0]
    assert result["Values"] == [6.0] and result["Messages"] == [{"Code": "MultipleUnits", "Value": "Multiple units returned: '[Count, Seconds]'"}], result
    points = cw.get_metric_statistics(Namespace="M", MetricName="m", Dimensions=listed[0]["Dimensions"], Period=86400, Statistics=["Average"], Unit="Seconds", **span)["Datapoints"]
    assert [p["Average"] for p in points] == [10.0], points
    cw.put_metric_data(Namespace="M", MetricData=[{"MetricName": "tail", "Values": [float(i) for i in range(1, 101)]}])
    queries = [
        {"Id": f"q{i}", "MetricStat": {"Metric": {"Namespace": "M", "MetricName": "tail"}, "Period": 86400, "Stat": stat}}
        for i, stat in enumerate(["p90", "tm90", "TC(10:20)", "PR(:50)", "IQM"])
    ]
    found = [r["Values"][0] for r in cw.get_metric_data(MetricDataQueries=queries, **span)["MetricDataResults"]]
    assert all(abs(got - want) < 0.01 * want for got, want in zip(found, [90, 45.5, 10, 50, 50.5])), found
    points = cw.get_metric_statistics(Namespace="M", MetricName="tail", Period=86400, ExtendedStatistics=["tm90", "p50"], **span)["Datapoints"]
    assert abs(points[0]["ExtendedStatistics"]["tm90"] - 45.5) < 0.5, points
    cw.put_metric_alarm(
        AlarmName="trimmed", Namespace="M", MetricName="tail", ExtendedStatistic="tm90", Period=60, EvaluationPeriods=1, Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )
    assert cw.describe_alarms(AlarmNames=["trimmed"])["MetricAlarms"][0]["ExtendedStatistic"] == "tm90"
    cw.delete_alarms(AlarmNames=["trimmed"])
    refused("InvalidParameterCombination", "You have requested up to", cw.get_metric_statistics, Namespace="M", MetricName="m", Period=60, Statistics=["Sum"], **span)


def metric_math():
    base = int(time.time()) // 60 * 60 - 600
    for name, values in (("errors", {0: 1, 1: 2, 3: 4}), ("requests", {0: 10, 1: 20, 2: 5, 3: 8})):
        for minute, value in values.items():
            cw.put_metric_data(Namespace="Math", MetricData=[
                {"MetricName": name, "Dimensions": [{"Name": "Service", "Value": "web"}], "Timestamp": base + 60 * minute, "Value": value},
            ])

    def stat(name):
        metric = {"Namespace": "Math", "MetricName": name, "Dimensions": [{"Name": "Service", "Value": "web"}]}
        return {"Id": name, "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}, "ReturnData": False}

    def get(*queries, **more):
        return cw.get_metric_data(
            MetricDataQueries=[stat("errors"), stat("requests"), *queries], StartTime=base, EndTime=base + 300, ScanBy="TimestampAscending", **more
        )

    answer = get(
        {"Id": "rate", "Expression": "100 * errors / requests", "Label": "Error rate [max: ${MAX}]"},
        {"Id": "filled", "Expression": "FILL(errors, 0)"},
        {"Id": "chosen", "Expression": "IF(requests > 9, requests, 0)"},
        {"Id": "both", "Expression": "SUM(METRICS())"},
        {"Id": "found", "Expression": "SEARCH('{Math,Service} MetricName=\"errors\" OR requests', 'Sum', 60)", "Label": "${PROP('Dim.Service')} ${PROP('MetricName')}"},
        {"Id": "when", "Expression": "RATE(requests)", "Label": "${FIRST_TIME}"},
        LabelOptions={"Timezone": "+0130"},
    )["MetricDataResults"]
    got = [(r["Id"], r["Label"], r["Values"]) for r in answer]
    first = time.strftime("%Y-%m-%d %H:%M:%S UTC+01:30", time.gmtime(base + 60 + 5400))
    assert got == [
        ("rate", "Error rate [max: 50]", [10, 10, 0, 50]),
        ("filled", "filled", [1, 2, 0, 4, 0]),
        ("chosen", "chosen", [10, 20, 0, 0]),
        ("both", "both", [11, 22, 5, 12]),
        ("found", "web errors", [1, 2, 4]),
        ("found", "web requests", [10, 20, 5, 8]),
        ("when", first, [10 / 60, -15 / 60, 3 / 60]),
    ], got
    assert [int(t.timestamp()) - base for t in answer[0]["Timestamps"]] == [0, 60, 120, 180]
    refused("ValidationError", "Error in expression 'e': Function 'NOPE' not found", lambda: get({"Id": "e", "Expression": "NOPE(errors)"}))
    refused("ValidationError", "Error in expression 'e': ID 'm9' not found", lambda: get({"Id": "e", "Expression": "m9 + 1"}))
    refused("InvalidNextToken", "", lambda: get({"Id": "e", "Expression": "errors"}, NextToken="none"))
    pages = cw.get_paginator("get_metric_data").paginate(
        MetricDataQueries=[{**stat("requests"), "ReturnData": True}], StartTime=base, EndTime=base + 300, MaxDatapoints=2,
    )
    assert [r["Values"] for page in pages for r in page["MetricDataResults"]] == [[8], [5, 20], [10]]  # newest first


def clean_up():
    settled()
    sm.delete_endpoint(EndpointName="boto")
    sm.get_waiter("endpoint_deleted").wait(EndpointName="boto", WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    assert cw.describe_alarms()["MetricAlarms"] == []


for part in (models_and_configs, endpoints, failures, scaling, schedules, predictive, alarms_by_hand, metrics, metric_math, clean_up):
    began = time.monotonic()
    part()
    print(f"{part.__name__}: {time.monotonic() - began:.1f} s", flush=True)
print("all passed")
