"""Stacks that are deployed by change sets, as the AWS CDK and the SAM CLI do.

The error of a change set that is not there is from LocalStack's recording,
https://github.com/localstack/localstack, tests/aws/services/cloudformation/api/test_changesets.snapshot.json.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.refusals import refused


def template(name: str, **output: Any) -> str:
    """A template of one repository, with an output of its URI."""
    value = {"Value": {"Fn::GetAtt": ["App", "RepositoryUri"]}, **output}
    return json.dumps(
        {
            "Description": f"the stack of {name}",
            "Resources": {
                "App": {"Type": "AWS::ECR::Repository", "Properties": {"RepositoryName": name}}
            },
            "Outputs": {"Uri": value},
        }
    )


@pytest.fixture
def stacks(aws: Any) -> Any:
    """A client of CloudFormation."""
    return aws.client("cloudformation")


def deploy(stacks: Any, stack: str, body: str, kind: str = "CREATE") -> Any:
    """Deploy a stack by a change set of the name that the CDK has for all, and describe the stack."""
    request = {"StackName": stack, "ChangeSetName": "deploy"}
    stacks.create_change_set(**request, TemplateBody=body, ChangeSetType=kind)
    described = stacks.describe_change_set(**request)
    assert described["StackName"] == stack
    stacks.execute_change_set(**request)
    return stacks.describe_stacks(StackName=stack)["Stacks"][0]


def test_outputs(stacks: Any) -> None:
    """A stack has them, and its description, after a creation and after an update."""
    created = deploy(stacks, "one", template("app/one"))
    assert created["Description"] == "the stack of app/one"
    assert created["Outputs"][0]["OutputValue"].endswith("/app/one")

    stacks.delete_change_set(StackName="one", ChangeSetName="deploy")
    updated = deploy(stacks, "one", template("app/two"), "UPDATE")
    assert updated["StackStatus"] == "UPDATE_COMPLETE"
    assert updated["Outputs"][0]["OutputValue"].endswith("/app/two")


def test_exports(stacks: Any, ecr: Any) -> None:
    """Another stack imports them."""
    deploy(stacks, "one", template("app/one", Export={"Name": "uri"}))
    assert [each["Name"] for each in stacks.list_exports()["Exports"]] == ["uri"]
    importing = {
        "Resources": {
            "Task": {
                "Type": "AWS::ECS::TaskDefinition",
                "Properties": {
                    "Family": "app",
                    "ContainerDefinitions": [
                        {"Name": "a", "Memory": 1, "Image": {"Fn::ImportValue": "uri"}}
                    ],
                },
            }
        }
    }
    assert deploy(stacks, "two", json.dumps(importing))["StackStatus"] == "CREATE_COMPLETE"


def test_two_stacks_with_a_change_set_of_one_name(stacks: Any) -> None:
    """Each has its own."""
    for name in ("one", "two"):
        stacks.create_change_set(
            StackName=name,
            ChangeSetName="deploy",
            ChangeSetType="CREATE",
            TemplateBody=template(f"app/{name}"),
        )
    for name in ("one", "two"):
        described = stacks.describe_change_set(StackName=name, ChangeSetName="deploy")
        assert described["StackName"] == name
        [listed] = stacks.list_change_sets(StackName=name)["Summaries"]
        assert listed["ChangeSetId"] == described["ChangeSetId"]
    stacks.delete_change_set(StackName="two", ChangeSetName="deploy")
    assert stacks.describe_change_set(StackName="one", ChangeSetName="deploy")["StackName"] == "one"


def test_a_change_set_that_is_not_there(stacks: Any) -> None:
    """The CDK waits for this error after it has deleted one. Deleting it again is fine."""
    deploy(stacks, "one", template("app/one"))
    request = {"StackName": "one", "ChangeSetName": "deploy"}
    for _ in range(2):
        stacks.delete_change_set(**request)
    for call in (stacks.describe_change_set, stacks.execute_change_set):
        error = refused(call, **request).response
        assert error["Error"]["Code"] == "ChangeSetNotFound"
        assert error["Error"]["Message"] == "ChangeSet [deploy] does not exist"
        assert error["ResponseMetadata"]["HTTPStatusCode"] == 404


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:5000/templates/one.json",
        "http://moto:5000/templates/one.json",
        "http://host.docker.internal:5000/templates/one.json",
        "http://localhost:5000/templates/one.json",
        "https://s3.us-east-1.amazonaws.com/templates/one.json",
        "https://templates.s3.us-east-1.amazonaws.com/one.json",
    ],
)
def test_a_template_at_a_url(aws: Any, stacks: Any, url: str) -> None:
    """The bucket is in the path where the host is an address, or a name of a container."""
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="templates")
    s3.put_object(Bucket="templates", Key="one.json", Body=template("app/one"))
    stacks.create_stack(StackName="one", TemplateURL=url)
    assert stacks.describe_stacks(StackName="one")["Stacks"][0]["Outputs"]
