"""Creates what the notebook assumes: an endpoint with one variant, AllTraffic.

    eval "$(bellows env)"
    python3 deploy.py NAME          # then: ENDPOINT_NAME=NAME python3 notebook.py
    python3 deploy.py --delete NAME
"""

import sys
import time

import boto3

sagemaker_client = boto3.client("sagemaker")


def deploy(name):
    sagemaker_client.create_model(
        ModelName=name,
        PrimaryContainer={
            "Image": "bellows/demo-model",
            # The start takes as long as that of a small model, so that the status Updating is visible.
            "Environment": {"BELLOWS_DEMO_START_DELAY_MS": "700"},
        },
    )
    sagemaker_client.create_endpoint_config(
        EndpointConfigName=name,
        ProductionVariants=[
            {
                "VariantName": "AllTraffic",
                "ModelName": name,
                "InitialInstanceCount": 1,
                "InstanceType": "ml.m5.large",
            }
        ],
    )
    sagemaker_client.create_endpoint(EndpointName=name, EndpointConfigName=name)
    while True:
        response = sagemaker_client.describe_endpoint(EndpointName=name)
        if response["EndpointStatus"] != "Creating":
            break
        time.sleep(0.1)
    print(name, response["EndpointStatus"], response.get("FailureReason", ""))
    return response["EndpointStatus"] == "InService"


def delete(name):
    while sagemaker_client.describe_endpoint(EndpointName=name)["EndpointStatus"] not in ("InService", "Failed"):
        time.sleep(0.1)
    sagemaker_client.delete_endpoint(EndpointName=name)
    while any(e["EndpointName"] == name for e in sagemaker_client.list_endpoints(NameContains=name)["Endpoints"]):
        time.sleep(0.1)
    sagemaker_client.delete_endpoint_config(EndpointConfigName=name)
    sagemaker_client.delete_model(ModelName=name)
    print(name, "deleted")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--delete"]:
        delete(sys.argv[2])
    else:
        sys.exit(0 if deploy(sys.argv[1]) else 1)
