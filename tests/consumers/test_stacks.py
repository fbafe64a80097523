"""One stack with a repository, and what uses its images."""

from __future__ import annotations

import json
from typing import Any

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
