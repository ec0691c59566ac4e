"""EC2 Auto Scaling with an unmodified boto3. Run by groups_test.go against a server whose policy time runs 60 times as fast."""

import datetime

import boto3

from checks import refused, until

sm = boto3.client("sagemaker")
runtime = boto3.client("sagemaker-runtime")
asg = boto3.client("autoscaling")
aas = boto3.client("application-autoscaling")
cw = boto3.client("cloudwatch")

GROUP = "pets.cats"


def group():
    return asg.describe_auto_scaling_groups(AutoScalingGroupNames=[GROUP])["AutoScalingGroups"][0]


def serving():
    return sum(i["LifecycleState"] == "InService" for i in group()["Instances"])


def settled(n):
    until(f"{n} instances", lambda: serving() == len(group()["Instances"]) == n and sm.describe_endpoint(EndpointName="pets")["EndpointStatus"] == "InService")


def activities():
    return [a for p in asg.get_paginator("describe_scaling_activities").paginate(AutoScalingGroupName=GROUP, PaginationConfig={"PageSize": 2}) for a in p["Activities"]]


def deploy():
    sm.create_model(ModelName="pets", PrimaryContainer={"Image": "bellows/demo-model"})
    sm.create_endpoint_config(
        EndpointConfigName="pets",
        ProductionVariants=[
            {"VariantName": v, "ModelName": "pets", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large", "InitialVariantWeight": 1} for v in ("cats", "dogs")
        ],
    )
    assert asg.describe_auto_scaling_groups()["AutoScalingGroups"] == []
    sm.create_endpoint(EndpointName="pets", EndpointConfigName="pets", Tags=[{"Key": "team", "Value": "vets"}])
    settled(1)


def groups():
    names = [g["AutoScalingGroupName"] for p in asg.get_paginator("describe_auto_scaling_groups").paginate(PaginationConfig={"PageSize": 1}) for g in p["AutoScalingGroups"]]
    assert names == ["pets.cats", "pets.dogs"], names
    assert [g["AutoScalingGroupName"] for g in asg.describe_auto_scaling_groups(Filters=[{"Name": "tag:team", "Values": ["vets"]}])["AutoScalingGroups"]] == names
    g = group()
    assert (g["MinSize"], g["MaxSize"], g["DesiredCapacity"], g["DefaultCooldown"]) == (1, 1, 1, 300), g
    assert g["Tags"][0]["Value"] == "vets" and g["SuspendedProcesses"] == [] and g["CreatedTime"].tzinfo is not None
    assert g["AutoScalingGroupARN"].startswith("arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroup:") and g["AutoScalingGroupARN"].endswith(":autoScalingGroupName/pets.cats")
    asg.update_auto_scaling_group(AutoScalingGroupName=g["AutoScalingGroupARN"], MinSize=1, MaxSize=4)
    refused("ValidationError", "Desired capacity:15 must be between the specified min size:1 and max size:4", asg.update_auto_scaling_group, AutoScalingGroupName=GROUP, DesiredCapacity=15)
    refused("ValidationError", "is above max value 4", asg.set_desired_capacity, AutoScalingGroupName=GROUP, DesiredCapacity=5)
    refused("ValidationError", "not found", asg.set_desired_capacity, AutoScalingGroupName="pets.birds", DesiredCapacity=1)
    refused("ValidationError", "production variants", asg.delete_auto_scaling_group, AutoScalingGroupName=GROUP)
    refused("InvalidNextToken", "NextToken", asg.describe_policies, NextToken="nonsense")
    instances = asg.describe_auto_scaling_instances()["AutoScalingInstances"]
    assert sorted(i["AutoScalingGroupName"] for i in instances) == names and {i["HealthStatus"] for i in instances} == {"HEALTHY"}, instances
    assert len(asg.describe_scaling_process_types()["Processes"]) == 9 and len(asg.describe_adjustment_types()["AdjustmentTypes"]) == 3


def policies():
    simple = asg.put_scaling_policy(AutoScalingGroupName=GROUP, PolicyName="out", AdjustmentType="ChangeInCapacity", ScalingAdjustment=1, Cooldown=120)
    assert simple["Alarms"] == []
    asg.put_scaling_policy(
        AutoScalingGroupName=GROUP, PolicyName="steps", PolicyType="StepScaling", AdjustmentType="ChangeInCapacity", EstimatedInstanceWarmup=60,
        StepAdjustments=[{"MetricIntervalLowerBound": 0, "MetricIntervalUpperBound": 10, "ScalingAdjustment": 1}, {"MetricIntervalLowerBound": 10, "ScalingAdjustment": 2}],
    )
    tracking = asg.put_scaling_policy(
        AutoScalingGroupName=GROUP, PolicyName="cpu", PolicyType="TargetTrackingScaling",
        TargetTrackingConfiguration={"TargetValue": 5000.0, "PredefinedMetricSpecification": {"PredefinedMetricType": "ASGAverageCPUUtilization"}, "DisableScaleIn": True},
    )
    assert [a["AlarmName"][: len("TargetTracking-pets.cats-AlarmHigh-")] for a in tracking["Alarms"]] == ["TargetTracking-pets.cats-AlarmHigh-"]
    alarm = cw.describe_alarms(AlarmNames=[tracking["Alarms"][0]["AlarmName"]])["MetricAlarms"][0]
    assert alarm["AlarmActions"] == [tracking["PolicyARN"]] and alarm["MetricName"] == "CPUUtilizationNormalized", alarm
    described = {p["PolicyName"]: p for p in asg.describe_policies(AutoScalingGroupName=GROUP)["ScalingPolicies"]}
    assert list(described) == ["out", "steps", "cpu"] and described["out"]["PolicyARN"] == simple["PolicyARN"] and described["out"]["Cooldown"] == 120
    assert described["steps"]["StepAdjustments"][1] == {"MetricIntervalLowerBound": 10.0, "ScalingAdjustment": 2}, described["steps"]
    assert described["cpu"]["TargetTrackingConfiguration"]["DisableScaleIn"] is True
    assert [p["PolicyName"] for p in asg.describe_policies(PolicyTypes=["StepScaling"])["ScalingPolicies"]] == ["steps"]
    refused("ValidationError", "StepAdjustment intervals cannot overlap", asg.put_scaling_policy, AutoScalingGroupName=GROUP, PolicyName="bad", PolicyType="StepScaling",
            AdjustmentType="ChangeInCapacity", StepAdjustments=[{"MetricIntervalLowerBound": 0, "MetricIntervalUpperBound": 10, "ScalingAdjustment": 1}, {"MetricIntervalLowerBound": 5, "ScalingAdjustment": 2}])
    asg.delete_policy(AutoScalingGroupName=GROUP, PolicyName="cpu")
    asg.delete_policy(AutoScalingGroupName=GROUP, PolicyName="cpu")
    assert cw.describe_alarms()["MetricAlarms"] == []
    return simple["PolicyARN"]


def a_real_alarm_scales_out(policy):
    """Invocations put an alarm into ALARM, which starts a model server; the next one starts after the cooldown."""
    cw.put_metric_alarm(
        AlarmName="busy", Namespace="AWS/SageMaker", MetricName="Invocations", Statistic="Sum", Period=60, EvaluationPeriods=1, Threshold=5,
        ComparisonOperator="GreaterThanThreshold", TreatMissingData="notBreaching", AlarmActions=[policy],
        Dimensions=[{"Name": "EndpointName", "Value": "pets"}, {"Name": "VariantName", "Value": "cats"}],
    )
    assert asg.describe_policies(PolicyNames=[policy])["ScalingPolicies"][0]["Alarms"][0]["AlarmName"] == "busy"

    def three():
        runtime.invoke_endpoint(EndpointName="pets", TargetVariant="cats", ContentType="text/csv", Body="5,3,1,0")
        return serving() == 3

    until("three instances", three)
    cw.delete_alarms(AlarmNames=["busy"])
    launches = [a for a in activities() if "monitor alarm busy in state ALARM triggered policy out" in a["Cause"]]
    assert len(launches) >= 2 and all(a["Description"].startswith("Launching a new EC2 instance: i-") for a in launches), launches
    second, first = launches[-2], launches[-1]
    assert "changing the desired capacity from 1 to 2." in first["Cause"] and "from 2 to 3." in second["Cause"], launches
    assert second["StartTime"] - first["EndTime"] >= datetime.timedelta(seconds=120), (first, second)
    assert first["StatusCode"] == "Successful" and first["Progress"] == 100 and "Availability Zone" in first["Details"]
    until("rest", lambda: sm.describe_endpoint(EndpointName="pets")["EndpointStatus"] == "InService")
    assert [a["ActivityId"] for a in asg.describe_scaling_activities(ActivityIds=[first["ActivityId"]])["Activities"]] == [first["ActivityId"]]
    upto = [{"Name": "StartTimeUpperBound", "Values": [first["StartTime"].isoformat()]}, {"Name": "Status", "Values": ["Successful"]}]
    assert [a["ActivityId"] for a in asg.describe_scaling_activities(AutoScalingGroupName=GROUP, Filters=upto)["Activities"]][0] == first["ActivityId"]
    assert asg.describe_scaling_activities(AutoScalingGroupName=GROUP, Filters=[{"Name": "Status", "Values": ["Failed"]}])["Activities"] == []


def by_hand(policy):
    asg.set_desired_capacity(AutoScalingGroupName=GROUP, DesiredCapacity=1)
    settled(1)
    asg.execute_policy(PolicyName=policy)
    settled(2)
    refused("ScalingActivityInProgress", "cooldown", asg.execute_policy, PolicyName=policy, HonorCooldown=True)
    refused("ScalingActivityInProgress", "cooldown", asg.set_desired_capacity, AutoScalingGroupName=GROUP, DesiredCapacity=1, HonorCooldown=True)
    asg.execute_policy(AutoScalingGroupName=GROUP, PolicyName="steps", MetricValue=59, BreachThreshold=50)
    asg.suspend_processes(AutoScalingGroupName=GROUP, ScalingProcesses=["Terminate"])
    asg.set_desired_capacity(AutoScalingGroupName=GROUP, DesiredCapacity=1)
    g = group()
    assert g["DesiredCapacity"] == 1 and [p["ProcessName"] for p in g["SuspendedProcesses"]] == ["Terminate"] and "User suspended at " in g["SuspendedProcesses"][0]["SuspensionReason"], g
    asg.resume_processes(AutoScalingGroupName=GROUP)
    settled(1)


def schedules():
    now = sm.describe_endpoint(EndpointName="pets")["LastModifiedTime"]
    asg.put_scheduled_update_group_action(AutoScalingGroupName=GROUP, ScheduledActionName="soon", StartTime=now + datetime.timedelta(minutes=10), MinSize=2, MaxSize=5)
    failed = asg.batch_put_scheduled_update_group_action(
        AutoScalingGroupName=GROUP,
        ScheduledUpdateGroupActions=[
            {"ScheduledActionName": "yearly", "Recurrence": "30 0 1 1,6,12 *", "TimeZone": "Pacific/Tahiti", "DesiredCapacity": 2},
            {"ScheduledActionName": "never", "Recurrence": "rarely", "MinSize": 1},
        ],
    )["FailedScheduledUpdateGroupActions"]
    assert [(f["ScheduledActionName"], f["ErrorCode"]) for f in failed] == [("never", "ValidationError")], failed
    until("the schedule's instances", lambda: serving() == 2)
    assert "a scheduled action update of AutoScalingGroup constraints to min: 2, max: 5, desired: 2" in activities()[0]["Cause"], activities()[0]
    left = asg.describe_scheduled_actions(AutoScalingGroupName=GROUP)["ScheduledUpdateGroupActions"]
    assert [(s["ScheduledActionName"], s["Recurrence"], s["TimeZone"]) for s in left] == [("yearly", "30 0 1 1,6,12 *", "Pacific/Tahiti")], left
    asg.delete_scheduled_action(AutoScalingGroupName=GROUP, ScheduledActionName="yearly")
    assert asg.batch_delete_scheduled_action(AutoScalingGroupName=GROUP, ScheduledActionNames=["yearly"])["FailedScheduledActions"][0]["ErrorCode"] == "ValidationError"


def one_range_for_both_apis():
    target = dict(ServiceNamespace="sagemaker", ResourceId="endpoint/pets/variant/cats", ScalableDimension="sagemaker:variant:DesiredInstanceCount")
    aas.register_scalable_target(MinCapacity=1, MaxCapacity=3, **target)
    g = group()
    assert (g["MinSize"], g["MaxSize"]) == (1, 3), g
    asg.update_auto_scaling_group(AutoScalingGroupName=GROUP, MaxSize=6)
    assert aas.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"][0]["MaxCapacity"] == 6
    assert aas.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"] == []
    assert all("Cause" in a and "monitor alarm busy" not in a["Cause"] for a in aas.describe_scaling_activities(ServiceNamespace="sagemaker")["ScalingActivities"])
    aas.deregister_scalable_target(**target)
    assert (group()["MinSize"], group()["MaxSize"]) == (1, 6)


def delete():
    until("rest", lambda: sm.describe_endpoint(EndpointName="pets")["EndpointStatus"] == "InService")
    sm.delete_endpoint(EndpointName="pets")
    until("gone", lambda: asg.describe_auto_scaling_groups()["AutoScalingGroups"] == [])
    assert asg.describe_policies()["ScalingPolicies"] == [] and asg.describe_scaling_activities()["Activities"] == []
    kept = asg.describe_scaling_activities(AutoScalingGroupName=GROUP, IncludeDeletedGroups=True)["Activities"]
    assert kept and kept[0]["AutoScalingGroupState"] == "Deleted" and "a user request deleted the endpoint" in kept[0]["Cause"], kept[0]


deploy()
groups()
out = policies()
a_real_alarm_scales_out(out)
by_hand(out)
schedules()
one_range_for_both_apis()
delete()
print("all passed")
