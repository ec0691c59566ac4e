"""The notebook "Autoscale SageMaker endpoints" as a program: its API calls, unchanged, in its order.

It needs an endpoint (deploy.py creates one) and traffic (traffic.py sends it), and works with both SageMaker and Bellows:

    eval "$(bellows env)"
    ENDPOINT_NAME=NAME python3 notebook.py

PAUSE is the time between cells in seconds (default 5), as a reader of the notebook would pause.
"""

import os
import pprint
import time

import boto3

pp = pprint.PrettyPrinter(indent=4, depth=4)
PAUSE = float(os.environ.get("PAUSE", "5"))
endpoint_name = os.environ["ENDPOINT_NAME"]


def cell(title):
    """Prints the title of the next cell, after a pause for the reader."""
    time.sleep(PAUSE)
    print()
    print("#", title)


def get_execution_role():
    """Equivalent of sagemaker.get_execution_role: the caller is a session of a role, and IAM returns the role's ARN."""
    arn = boto3.client("sts").get_caller_identity()["Arn"]
    return boto3.client("iam").get_role(RoleName=arn.split("/")[1])["Role"]["Arn"]


def wait_while_updating():
    response = sagemaker_client.describe_endpoint(EndpointName=endpoint_name)
    status = response["EndpointStatus"]
    print("Status: " + status)
    while status == "Updating":
        time.sleep(float(os.environ.get("POLL", "1")))
        response = sagemaker_client.describe_endpoint(EndpointName=endpoint_name)
        status = response["EndpointStatus"]
        print("Status: " + status)


print("# The role and the current endpoint")
role = get_execution_role()
print("Role: " + role)
sagemaker_client = boto3.Session().client(service_name="sagemaker")
response = sagemaker_client.describe_endpoint(EndpointName=endpoint_name)
pp.pprint(response)

cell("A target tracking policy on invocations per instance and minute")
client = boto3.client("application-autoscaling")
resource_id = "endpoint/" + endpoint_name + "/variant/" + "AllTraffic"
response = client.register_scalable_target(
    ServiceNamespace="sagemaker",
    ResourceId=resource_id,
    ScalableDimension="sagemaker:variant:DesiredInstanceCount",
    MinCapacity=1,
    MaxCapacity=2,
)
response = client.put_scaling_policy(
    PolicyName="Invocations-ScalingPolicy",
    ServiceNamespace="sagemaker",
    ResourceId=resource_id,
    ScalableDimension="sagemaker:variant:DesiredInstanceCount",
    PolicyType="TargetTrackingScaling",
    TargetTrackingScalingPolicyConfiguration={
        "TargetValue": 10.0,
        "PredefinedMetricSpecification": {
            "PredefinedMetricType": "SageMakerVariantInvocationsPerInstance",
        },
        "ScaleInCooldown": 600,
        "ScaleOutCooldown": 300,
    },
)

cell("Wait until the endpoint no longer updates")
wait_while_updating()

cell("A target tracking policy on CPU utilization")
response = client.put_scaling_policy(
    PolicyName="CPUUtil-ScalingPolicy",
    ServiceNamespace="sagemaker",
    ResourceId=resource_id,
    ScalableDimension="sagemaker:variant:DesiredInstanceCount",
    PolicyType="TargetTrackingScaling",
    TargetTrackingScalingPolicyConfiguration={
        "TargetValue": 90.0,
        "CustomizedMetricSpecification": {
            "MetricName": "CPUUtilization",
            "Namespace": "/aws/sagemaker/Endpoints",
            "Dimensions": [
                {"Name": "EndpointName", "Value": endpoint_name},
                {"Name": "VariantName", "Value": "AllTraffic"},
            ],
            "Statistic": "Average",
            "Unit": "Percent",
        },
        "ScaleInCooldown": 600,
        "ScaleOutCooldown": 300,
    },
)

cell("Wait until the endpoint no longer updates")
wait_while_updating()

cell("A step scaling policy on overhead latency")
response = client.put_scaling_policy(
    PolicyName="OverheadLatency-ScalingPolicy",
    ServiceNamespace="sagemaker",
    ResourceId=resource_id,
    ScalableDimension="sagemaker:variant:DesiredInstanceCount",
    PolicyType="StepScaling",
    StepScalingPolicyConfiguration={
        "AdjustmentType": "ChangeInCapacity",
        "StepAdjustments": [
            {
                "MetricIntervalLowerBound": 0.0,
                "ScalingAdjustment": 1,
            },
        ],
        "Cooldown": 120,
        "MetricAggregationType": "Average",
    },
)

cell("Wait until the endpoint no longer updates")
wait_while_updating()

cell("The policies of this target")
response = client.describe_scaling_policies(ServiceNamespace="sagemaker")
for i in response["ScalingPolicies"]:
    print("")
    pp.pprint(i["PolicyName"])
    print("")
    if "TargetTrackingScalingPolicyConfiguration" in i:
        pp.pprint(i["TargetTrackingScalingPolicyConfiguration"])
    else:
        pp.pprint(i["StepScalingPolicyConfiguration"])
    print("")

cell("Without a policy: is the endpoint available?")
wait_while_updating()
response = sagemaker_client.update_endpoint_weights_and_capacities(
    EndpointName=endpoint_name,
    DesiredWeightsAndCapacities=[
        {
            "VariantName": "AllTraffic",
            "DesiredInstanceCount": 5,
        },
    ],
)
response = sagemaker_client.describe_endpoint(EndpointName=endpoint_name)
pp.pprint(response)
wait_while_updating()

# The next cell follows without a pause: otherwise a policy might act first, and the endpoint would be updating.
print("\n# Scale in again")
response = sagemaker_client.update_endpoint_weights_and_capacities(
    EndpointName=endpoint_name,
    DesiredWeightsAndCapacities=[
        {
            "VariantName": "AllTraffic",
            "DesiredInstanceCount": 1,
        },
    ],
)
response = sagemaker_client.describe_endpoint(EndpointName=endpoint_name)
pp.pprint(response)

cell("The scaling activities until now")
response = client.describe_scaling_activities(ServiceNamespace="sagemaker")
pp.pprint(response)

cell("Clean-up: every policy goes")
response = client.describe_scaling_policies(ServiceNamespace="sagemaker")
for i in response["ScalingPolicies"]:
    pp.pprint(i["PolicyName"])
    response = client.delete_scaling_policy(
        PolicyName=i["PolicyName"],
        ServiceNamespace="sagemaker",
        ResourceId=resource_id,
        ScalableDimension="sagemaker:variant:DesiredInstanceCount",
    )
print("Done.")
