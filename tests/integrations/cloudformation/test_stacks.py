"""One stack with a repository, and resources that use its images."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from moto_ecr_ext.testing import build_image, push
from support.environments import Environment

IMAGE = build_image(layers=1)
URI = {"Fn::Sub": "${App.RepositoryUri}:1.0"}


def template(**function: Any) -> str:
    """A template of everything; `function` are more properties of the function."""
    resources = {
        "App": {
            "Type": "AWS::ECR::Repository",
            "Properties": {"RepositoryName": "team/app", "EmptyOnDelete": True},
        },
        "Function": {
            "Type": "AWS::Lambda::Function",
            "DependsOn": "App",
            "Properties": {
                "FunctionName": "app",
                "PackageType": "Image",
                "Code": {"ImageUri": URI},
                "Role": "arn:aws:iam::123456789012:role/lambda",
                "Timeout": 7,
                "Tags": [{"Key": "team", "Value": "a"}],
                **function,
            },
        },
        "Job": {
            "Type": "AWS::Batch::JobDefinition",
            "Properties": {
                "JobDefinitionName": "job",
                "Type": "container",
                "ContainerProperties": {"Image": URI, "Vcpus": 1, "Memory": 128},
            },
        },
        "Task": {
            "Type": "AWS::ECS::TaskDefinition",
            "Properties": {
                "Family": "task",
                "ContainerDefinitions": [{"Name": "main", "Image": URI, "Memory": 128}],
            },
        },
    }
    return json.dumps({"Resources": resources})


def test_a_stack_of_a_repository_and_its_users(aws: Environment, ecr: Any, role: str) -> None:
    """Function, job definition and task definition name the image by the repository's URI.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-lambda-function-code.html
    """
    stacks = aws.client("cloudformation")
    stacks.create_stack(
        StackName="stack",
        TemplateBody=template(ImageConfig={"Command": ["handler"]}, Architectures=["arm64"]),
    )
    functions = aws.client("lambda")
    created = functions.get_function(FunctionName="app")
    uri = ecr.describe_repositories()["repositories"][0]["repositoryUri"] + ":1.0"
    assert created["Code"]["ImageUri"] == uri
    configuration = created["Configuration"]
    assert configuration["PackageType"] == "Image"
    assert configuration["Architectures"] == ["arm64"]
    assert configuration["Timeout"] == 7
    assert configuration["ImageConfigResponse"]["ImageConfig"]["Command"] == ["handler"]
    assert created["Tags"] == {"team": "a"}
    [job] = aws.client("batch").describe_job_definitions(jobDefinitionName="job")["jobDefinitions"]
    assert job["containerProperties"]["image"] == uri
    task = aws.client("ecs").describe_task_definition(taskDefinition="task")["taskDefinition"]
    assert task["containerDefinitions"][0]["image"] == uri

    push(ecr, "team/app", IMAGE, tag="1.0")
    stacks.update_stack(StackName="stack", TemplateBody=template(MemorySize=256))
    updated = functions.get_function(FunctionName="app")
    assert updated["Code"]["ResolvedImageUri"].endswith(IMAGE.digest)
    assert updated["Configuration"]["MemorySize"] == 256
    assert "ImageConfigResponse" not in updated["Configuration"]
    stacks.delete_stack(StackName="stack")


@pytest.mark.filterwarnings("ignore:.*does not match an error shape")
def test_a_vpc_with_route_tables_stays(in_process: Environment) -> None:
    """As docs/how-to/cdk.rst says; once moto deletes route tables, the page and the report for moto lose that."""
    resources = {
        "Network": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}},
        "Routes": {"Type": "AWS::EC2::RouteTable", "Properties": {"VpcId": {"Ref": "Network"}}},
    }
    stacks = in_process.client("cloudformation")
    stacks.create_stack(StackName="network", TemplateBody=json.dumps({"Resources": resources}))

    with pytest.raises(ClientError, match="has dependencies and cannot be deleted"):
        stacks.delete_stack(StackName="network")

    of_network = [{"Name": "cidr", "Values": ["10.0.0.0/16"]}]
    assert in_process.client("ec2").describe_vpcs(Filters=of_network)["Vpcs"] != []
