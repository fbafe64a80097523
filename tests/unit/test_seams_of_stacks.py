"""What the seams for change sets rely on in moto, and what they mend. A failure names the assumption that moved.

A test of something that is mended fails when moto has mended it: the seam can go then.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.cloudformation import models
from moto.cloudformation.models import CloudFormationBackend, Stack, cloudformation_backends
from moto.cloudformation.responses import CloudFormationResponse

ACCOUNT = "123456789012"
REGION = "us-east-1"
TEMPLATE = json.dumps(
    {
        "Resources": {"Q": {"Type": "AWS::SQS::Queue", "Properties": {}}},
        "Outputs": {"Url": {"Value": {"Ref": "Q"}}},
    }
)


@pytest.fixture
def stacks(stock_moto: None) -> Iterator[Any]:
    """A client of stock moto's CloudFormation."""
    with mock_aws():
        yield boto3.client("cloudformation", region_name=REGION)


def create(stacks: Any, stack: str) -> str:
    """Create a change set for a new stack, and return its ARN."""
    answer = stacks.create_change_set(
        StackName=stack, ChangeSetName="deploy", ChangeSetType="CREATE", TemplateBody=TEMPLATE
    )
    arn: str = answer["Id"]
    return arn


def test_change_sets_are_kept_by_their_arn(stacks: Any) -> None:
    """With the stack that each is of."""
    arn = create(stacks, "one")
    change_set = cloudformation_backends[ACCOUNT][REGION].change_sets[arn]
    assert change_set.change_set_id == arn
    assert change_set.change_set_name == "deploy"
    assert (change_set.stack_name, change_set.stack_id) == ("one", change_set.stack.stack_id)


def test_operations_are_methods_that_read_members_one_way(
    stacks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A member that is replaced there is what the backend gets."""
    arn = create(stacks, "one")
    original = CloudFormationResponse.describe_change_set

    def describe_change_set(self: Any) -> Any:
        self._get_param = lambda name: arn
        return original(self)

    monkeypatch.setattr(CloudFormationResponse, "describe_change_set", describe_change_set)
    assert stacks.describe_change_set(ChangeSetName="nothing")["ChangeSetId"] == arn
    for name in ("execute_change_set", "delete_change_set", "list_change_sets"):
        assert callable(getattr(CloudFormationResponse, name))
    assert callable(CloudFormationResponse._get_stack_from_s3_url)


def test_stacks_are_made_by_keyword(stacks: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """That of a change set without the exports of others."""
    seen = []
    original = Stack.__init__

    def record(self: Any, *arguments: Any, **options: Any) -> None:
        seen.append((arguments, options))
        original(self, *arguments, **options)

    monkeypatch.setattr(models.Stack, "__init__", record)
    create(stacks, "one")
    [(arguments, options)] = seen
    assert arguments == ()
    assert {"account_id", "region_name"} <= set(options)
    assert "cross_stack_resources" not in options, "moto gives such a stack the exports now"


def test_a_stack_of_a_change_set_has_no_outputs(stacks: Any) -> None:
    """The methods that make them are there, and are not called."""
    create(stacks, "one")
    stacks.execute_change_set(StackName="one", ChangeSetName="deploy")
    [stack] = stacks.describe_stacks(StackName="one")["Stacks"]
    assert "Outputs" not in stack, "moto gives such a stack its outputs now"
    [kept] = cloudformation_backends[ACCOUNT][REGION].stacks.values()
    kept._parse_template()
    kept.output_map = kept._create_output_map()
    [stack] = stacks.describe_stacks(StackName="one")["Stacks"]
    assert [each["OutputKey"] for each in stack["Outputs"]] == ["Url"]
    assert callable(CloudFormationBackend.execute_change_set)


def test_a_change_set_is_found_by_name_alone(stacks: Any) -> None:
    """Whatever its stack; and the error of one that is not there is that of a stack."""
    create(stacks, "one")
    create(stacks, "two")
    described = stacks.describe_change_set(StackName="one", ChangeSetName="deploy")
    assert described["StackName"] == "two", "moto asks for the stack now"
    with pytest.raises(ClientError, match="Stack with id nothing does not exist"):
        stacks.describe_change_set(StackName="one", ChangeSetName="nothing")


def test_the_host_of_a_template_s_url_is_taken_for_a_bucket(stacks: Any) -> None:
    """Unless it is localhost, or begins with s3."""
    s3 = boto3.client("s3", region_name=REGION)
    s3.create_bucket(Bucket="127")
    s3.put_object(Bucket="127", Key="bucket/key", Body=TEMPLATE)
    stacks.create_stack(StackName="one", TemplateURL="http://127.0.0.1:5000/bucket/key")
    s3.create_bucket(Bucket="bucket")
    s3.put_object(Bucket="bucket", Key="key", Body=TEMPLATE)
    stacks.create_stack(StackName="two", TemplateURL="http://localhost/bucket/key")
