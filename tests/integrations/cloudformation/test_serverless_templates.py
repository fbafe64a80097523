"""Templates of the AWS Serverless Application Model in stacks.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/transform-aws-serverless.html
"""

from __future__ import annotations

import json
import sys
from typing import Any

import boto3
import pytest
from moto import mock_aws

import moto_ecr_ext
from support.environments import Environment
from support.refusals import Refusal, refusal

pytest.importorskip("samtranslator", reason="aws-sam-translator is not installed")

TEMPLATE = {
    "Transform": "AWS::Serverless-2016-10-31",
    "Parameters": {"Alias": {"Type": "String", "Default": "live"}},
    "Globals": {"Function": {"Timeout": 7}},
    "Resources": {
        "App": {"Type": "AWS::ECR::Repository", "Properties": {"RepositoryName": "team/app"}},
        "Function": {
            "Type": "AWS::Serverless::Function",
            "Properties": {
                "FunctionName": "app",
                "PackageType": "Image",
                "ImageUri": {"Fn::Sub": "${App.RepositoryUri}:1.0"},
            },
        },
    },
    "Outputs": {"Function": {"Value": {"Fn::GetAtt": ["Function", "Arn"]}}},
}


def with_properties(**properties: Any) -> str:
    """The template, with more properties of the function; None takes one out."""
    template = json.loads(json.dumps(TEMPLATE))
    function = template["Resources"]["Function"]["Properties"]
    function.update(properties)
    for name in [name for name, value in function.items() if value is None]:
        del function[name]
    return json.dumps(template)


@pytest.fixture
def stacks(aws: Environment) -> Any:
    """A client of CloudFormation."""
    return aws.client("cloudformation")


def types_of(stacks: Any) -> dict[str, str]:
    """The types of the stack's resources."""
    found = stacks.describe_stack_resources(StackName="stack")["StackResources"]
    return {each["LogicalResourceId"]: each["ResourceType"] for each in found}


PLAIN = {
    "App": "AWS::ECR::Repository",
    "Function": "AWS::Lambda::Function",
    "FunctionRole": "AWS::IAM::Role",
}


def test_a_stack_has_plain_resources(aws: Environment, stacks: Any, ecr: Any) -> None:
    """A stack has a function, with the properties of Globals, and its role; GetTemplate returns the template as it
    was sent.
    """
    sent = with_properties()
    stacks.create_stack(
        StackName="stack", TemplateBody=sent, Capabilities=["CAPABILITY_AUTO_EXPAND"]
    )

    assert types_of(stacks) == PLAIN
    function = aws.client("lambda").get_function(FunctionName="app")
    uri = ecr.describe_repositories()["repositories"][0]["repositoryUri"]
    assert function["Code"]["ImageUri"] == f"{uri}:1.0"
    assert function["Configuration"]["Timeout"] == 7
    [stack] = stacks.describe_stacks()["Stacks"]
    arn = function["Configuration"]["FunctionArn"]
    assert stack["Outputs"] == [{"OutputKey": "Function", "OutputValue": arn}]
    assert json.loads(
        json.dumps(stacks.get_template(StackName="stack")["TemplateBody"])
    ) == json.loads(sent)


def test_change_sets_and_updates(aws: Environment, stacks: Any, ecr: Any) -> None:
    """A change set lists plain resources, and an update is compared with them."""
    about = {"StackName": "stack", "ChangeSetName": "first"}
    stacks.create_change_set(**about, ChangeSetType="CREATE", TemplateBody=with_properties())

    changes = stacks.describe_change_set(**about)["Changes"]

    listed = [each["ResourceChange"] for each in changes]
    assert {each["LogicalResourceId"]: each["ResourceType"] for each in listed} == PLAIN
    stacks.execute_change_set(**about)
    assert types_of(stacks) == PLAIN
    stacks.update_stack(StackName="stack", TemplateBody=with_properties(Timeout=11))
    function = aws.client("lambda").get_function(FunctionName="app")
    assert function["Configuration"]["Timeout"] == 11
    again = {"StackName": "stack", "ChangeSetName": "again", "ChangeSetType": "UPDATE"}
    same = stacks.create_change_set(**again, TemplateBody=with_properties(Timeout=11))["Id"]
    assert stacks.describe_change_set(ChangeSetName=same)["Status"] == "FAILED"


def test_a_change_set_is_transformed_with_its_parameters(stacks: Any, ecr: Any) -> None:
    """SAM names the resource of an alias by the alias, which may be a parameter."""
    about = {"StackName": "stack", "ChangeSetName": "first"}
    stacks.create_change_set(
        **about,
        ChangeSetType="CREATE",
        TemplateBody=with_properties(AutoPublishAlias={"Ref": "Alias"}),
        Parameters=[{"ParameterKey": "Alias", "ParameterValue": "blue"}],
    )

    changes = stacks.describe_change_set(**about)["Changes"]

    assert "FunctionAliasblue" in [each["ResourceChange"]["LogicalResourceId"] for each in changes]


def test_a_template_that_cannot_be_transformed(stacks: Any, ecr: Any) -> None:
    """An invalid template is refused with the reasons of the transformation, and no stack is created."""
    invalid = with_properties(Colour="red")

    answer = refusal(stacks.create_stack, StackName="stack", TemplateBody=invalid)

    assert answer == Refusal(
        "ValidationError",
        "Transform AWS::Serverless-2016-10-31 failed with: Invalid Serverless Application Specification document. "
        "Number of errors found: 1. Resource with id [Function] is invalid. property Colour not defined for resource "
        "of type AWS::Serverless::Function",
    )
    assert stacks.describe_stacks()["Stacks"] == []


def test_without_the_translator(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The log names the package to install; the stack has the other resources, as in moto."""
    monkeypatch.setitem(sys.modules, "samtranslator.parser.parser", None)
    with moto_ecr_ext.install(), mock_aws():
        stacks = boto3.client("cloudformation", region_name="us-east-1")
        template = json.loads(with_properties())
        del template["Outputs"]
        with pytest.warns(UserWarning, match="AWS::Serverless::Function"):
            stacks.create_stack(StackName="stack", TemplateBody=json.dumps(template))
        [repository] = boto3.client("ecr", region_name="us-east-1").describe_repositories()[
            "repositories"
        ]
    assert repository["repositoryName"] == "team/app"
    assert "Install moto_ecr_ext with its extra 'sam'." in caplog.text
