"""Stacks by change sets, as the AWS CDK and SAM deploy them.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-changesets.html
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.constants import ACCOUNT
from support.environments import Environment
from support.refusals import Refusal, refusal, refused

# What AWS answered: https://github.com/localstack/localstack, tests/aws/services/cloudformation/api/
# test_changesets.snapshot.json, recordings of August 2022.
NOT_FOUND = "ChangeSet [{}] does not exist"
NO_STACK = "Stack [{}] does not exist"


def template(**resources: Any) -> dict[str, Any]:
    """A template of repositories: their names, by their logical ids."""
    return {
        "Description": f"{len(resources)} repositories",
        "Parameters": {"Team": {"Type": "String", "Default": "a"}},
        "Conditions": {"Never": {"Fn::Equals": [{"Ref": "Team"}, "nobody"]}},
        "Resources": {
            logical_id: {"Type": "AWS::ECR::Repository", "Properties": {"RepositoryName": name}}
            for logical_id, name in resources.items()
        },
    }


def exporting(name: str, **resources: Any) -> dict[str, Any]:
    """A template whose first repository is an output, which is exported by a name."""
    first = next(iter(resources))
    uri = {"Value": {"Fn::GetAtt": [first, "RepositoryUri"]}, "Export": {"Name": name}}
    return {**template(**resources), "Outputs": {"Uri": uri}}


class Stacks:
    """CloudFormation, by change sets of one name, as the AWS CDK has them."""

    NAME = "cdk-deploy-change-set"

    def __init__(self, client: Any):
        self.client = client

    def propose(self, stack: str, body: dict[str, Any], kind: str = "CREATE", **more: Any) -> str:
        """Make a change set. Return its ARN."""
        arn: str = self.client.create_change_set(
            StackName=stack,
            ChangeSetName=self.NAME,
            ChangeSetType=kind,
            TemplateBody=json.dumps(body),
            **more,
        )["Id"]
        return arn

    def deploy(self, stack: str, body: dict[str, Any], kind: str = "CREATE", **more: Any) -> None:
        """Create a change set, and execute it."""
        self.propose(stack, body, kind, **more)
        self.client.execute_change_set(StackName=stack, ChangeSetName=self.NAME)

    def show(self, stack: str) -> Any:
        """Return the description of a stack."""
        return self.client.describe_stacks(StackName=stack)["Stacks"][0]

    def outputs(self, stack: str) -> dict[str, str]:
        """Return the outputs of a stack, by their keys."""
        found = self.show(stack).get("Outputs", [])
        return {each["OutputKey"]: each["OutputValue"] for each in found}

    def exports(self) -> dict[str, str]:
        """Return the stacks that export names."""
        found = self.client.list_exports()["Exports"]
        return {each["Name"]: each["ExportingStackId"] for each in found}

    def change_sets(self, stack: str) -> list[str]:
        """Return the ARNs of a stack's change sets."""
        found = self.client.list_change_sets(StackName=stack)["Summaries"]
        return [each["ChangeSetId"] for each in found]


@pytest.fixture
def stacks(aws: Environment) -> Stacks:
    """CloudFormation, without stacks."""
    return Stacks(aws.client("cloudformation"))


def test_a_stack_has_outputs_exports_and_description(stacks: Stacks, ecr: Any) -> None:
    """An executed change set creates all resources of its template.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/outputs-section-structure.html
    """
    stacks.deploy("one", exporting("app-uri", App="app"), Tags=[{"Key": "team", "Value": "a"}])

    [repository] = ecr.describe_repositories()["repositories"]
    shown = stacks.show("one")
    assert stacks.outputs("one") == {"Uri": repository["repositoryUri"]}
    assert shown["Outputs"][0]["ExportName"] == "app-uri"
    assert shown["Description"] == "1 repositories"
    assert shown["Tags"] == [{"Key": "team", "Value": "a"}]
    assert stacks.exports() == {"app-uri": shown["StackId"]}


def test_an_update_changes_outputs_exports_and_description(stacks: Stacks, ecr: Any) -> None:
    """Outputs and exports that the new template omits are removed."""
    stacks.deploy("one", exporting("old", App="app"))
    stacks.deploy("one", exporting("new", Other="other", App="app"), "UPDATE")

    assert stacks.outputs("one")["Uri"].endswith("/other")
    assert list(stacks.exports()) == ["new"]
    assert stacks.show("one")["Description"] == "2 repositories"

    stacks.deploy("one", template(App="app"), "UPDATE")
    assert stacks.outputs("one") == {}
    assert stacks.exports() == {}


def test_another_stack_imports_what_a_change_set_exported(stacks: Stacks, ecr: Any) -> None:
    """`Fn::ImportValue` finds the export, whether the other stack comes from a change set or not.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-importvalue.html
    """
    stacks.deploy("one", exporting("name", App="app"))
    uri = ecr.describe_repositories()["repositories"][0]["repositoryUri"]
    importing = template(Other="other")
    importing["Outputs"] = {"Of": {"Value": {"Fn::ImportValue": "name"}}}
    tags = [{"Key": "of", "Value": {"Fn::ImportValue": "name"}}]
    importing["Resources"]["Other"]["Properties"]["Tags"] = tags

    stacks.deploy("two", importing)

    assert stacks.outputs("two") == {"Of": uri}
    arn = f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/other"
    assert ecr.list_tags_for_resource(resourceArn=arn)["tags"] == [{"Key": "of", "Value": uri}]


def test_a_name_is_exported_once(stacks: Stacks, ecr: Any) -> None:
    """A second stack may not export the same name, and the first one keeps it."""
    stacks.deploy("one", exporting("name", App="app"))
    stacks.propose("two", exporting("name", Other="other"))

    answer = refusal(stacks.client.execute_change_set, StackName="two", ChangeSetName=Stacks.NAME)

    assert answer == Refusal("ValidationError", "Export names must be unique across a given region")
    assert stacks.exports() == {"name": stacks.show("one")["StackId"]}


def test_an_output_that_cannot_be_resolved_is_left_out(stacks: Stacks, ecr: Any) -> None:
    """DescribeStacks omits an output that cannot be resolved. moto does not have all attributes; stacks of change
    sets had no outputs.
    """
    body = exporting("name", App="app")
    body["Outputs"] |= {
        "Gone": {"Value": {"Fn::GetAtt": ["Nothing", "Arn"]}},
        "Unknown": {"Value": {"Fn::GetAtt": ["App", "Colour"]}},
        "Undefined": {"Value": {"Ref": "Nothing"}},
        "Conditional": {"Value": "x", "Condition": "Never", "Export": {"Name": "never"}},
    }

    stacks.deploy("one", body)

    assert list(stacks.outputs("one")) == ["Uri"]
    assert list(stacks.exports()) == ["name"]


def test_the_next_change_set_is_compared_with_the_last(stacks: Stacks, ecr: Any) -> None:
    """The next change set is compared with the parameters of the last one, so that a return to earlier ones is a
    change.
    """

    def team(name: str) -> list[dict[str, str]]:
        return [{"ParameterKey": "Team", "ParameterValue": name}]

    stacks.deploy("one", template(App="app"), Parameters=team("a"))
    stacks.deploy("one", template(App="app"), "UPDATE", Parameters=team("b"))
    arn = stacks.propose("one", template(App="app"), "UPDATE", Parameters=team("a"))

    assert stacks.client.describe_change_set(ChangeSetName=arn)["Status"] == "CREATE_COMPLETE"
    stacks.client.execute_change_set(ChangeSetName=arn)
    assert stacks.show("one")["Parameters"] == team("a")


def test_two_stacks_have_change_sets_of_the_same_name(stacks: Stacks, ecr: Any) -> None:
    """All operations select the change set of the given stack, by its name or id."""
    first = stacks.propose("one", template(App="app"))
    second = stacks.propose("two", template(App="other"))
    client, named = stacks.client, {"ChangeSetName": Stacks.NAME}
    two = stacks.show("two")["StackId"]

    assert (stacks.change_sets("one"), stacks.change_sets(two)) == ([first], [second])
    for stack, arn in (("one", first), ("two", second), (two, second)):
        assert client.describe_change_set(StackName=stack, **named)["ChangeSetId"] == arn
    client.execute_change_set(StackName="one", **named)
    assert [stacks.show(each)["StackStatus"] for each in ("one", "two")] == [
        "CREATE_COMPLETE",
        "REVIEW_IN_PROGRESS",
    ]
    client.delete_change_set(StackName="two", **named)
    assert (stacks.change_sets("one"), stacks.change_sets("two")) == ([first], [])


def test_a_deleted_change_set_is_not_found(stacks: Stacks, ecr: Any) -> None:
    """The error of a deleted change set has the code for which the AWS CDK waits before it makes the next one.

    https://github.com/aws/aws-cdk-cli, packages/@aws-cdk/toolkit-lib/lib/api/deployments/cfn-api.ts
    """
    arn = stacks.propose("one", template(App="app"))
    client, named = stacks.client, {"StackName": "one", "ChangeSetName": Stacks.NAME}
    client.delete_change_set(**named)

    for operation in (client.describe_change_set, client.execute_change_set):
        for request, name in ((named, Stacks.NAME), ({"ChangeSetName": arn}, arn)):
            error = refused(operation, **request)
            assert type(error) is client.exceptions.ChangeSetNotFoundException
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 404
            assert error.response["Error"] == {
                "Code": "ChangeSetNotFound",
                "Message": NOT_FOUND.format(name),
                "Type": "Sender",
            }
    # Once more is no error: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DeleteChangeSet.html
    client.delete_change_set(**named)


def test_a_change_set_of_a_stack_that_does_not_exist(stacks: Stacks, ecr: Any) -> None:
    """The error names the stack; a deleted stack leaves no change sets to the next one of its name."""
    stacks.deploy("one", template(App="app"))
    stacks.client.delete_stack(StackName="one")
    named = {"StackName": "one", "ChangeSetName": Stacks.NAME}

    for operation in ("describe_change_set", "execute_change_set", "delete_change_set"):
        answer = refusal(getattr(stacks.client, operation), **named)
        assert answer == Refusal("ValidationError", NO_STACK.format("one"))
    stacks.client.create_stack(StackName="one", TemplateBody=json.dumps(template(App="app")))
    assert stacks.change_sets("one") == []


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:5000",
        "[::1]:5000",
        "localhost:5000",
        "moto:5000",
        "host.docker.internal:5000",
        "s3.us-east-1.amazonaws.com",
    ],
)
def test_a_template_at_a_url_of_this_machine(
    aws: Environment, stacks: Stacks, ecr: Any, host: str
) -> None:
    """A template is read from a URL with the bucket in its path, as a client has it whose S3 is at an endpoint
    without a domain.
    """
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="templates")
    nested = {"TemplateURL": f"http://{host}/templates/deep/inner.json"}
    outer = template(App="app")
    outer["Resources"]["Inner"] = {"Type": "AWS::CloudFormation::Stack", "Properties": nested}
    for key, body in (("outer.json", outer), ("deep/inner.json", template(App="inner"))):
        s3.put_object(Bucket="templates", Key=key, Body=json.dumps(body))

    stacks.client.create_stack(StackName="one", TemplateURL=f"http://{host}/templates/outer.json")

    found = ecr.describe_repositories()["repositories"]
    assert {each["repositoryName"] for each in found} == {"app", "inner"}
    assert "outer" not in stacks.client.get_template(StackName="one")["TemplateBody"]


@pytest.mark.parametrize("url", ["http://127.0.0.1:5000/templates", "http://templates/outer.json"])
def test_a_url_without_bucket_or_key(stacks: Stacks, ecr: Any, url: str) -> None:
    """A URL without bucket or key is read as the name of a bucket that does not exist, as before."""
    error = refused(stacks.client.create_stack, StackName="one", TemplateURL=url)

    # An older moto has S3's error in a form that clients of CloudFormation cannot read.
    assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 404
    assert stacks.client.describe_stacks()["Stacks"] == []
