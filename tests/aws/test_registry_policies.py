"""PutRegistryPolicy, GetRegistryPolicy, DeleteRegistryPolicy; DescribeRegistry."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.constants import ACCOUNT
from support.refusals import Refusal, invalid, refusal
from support.stored import everything_stored

NO_POLICY = Refusal(
    "RegistryPolicyNotFoundException",
    "Registry policy does not exist in the registry with id '123456789012'",
)


def policy(**members: object) -> str:
    """A policy of one statement, with other or further members; None takes one out."""
    statement = {
        "Sid": "replicate",
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::999999999999:root"},
        "Action": ["ecr:CreateRepository", "ecr:ReplicateImage"],
        "Resource": "arn:aws:ecr:us-east-1:123456789012:repository/*",
        **members,
    }
    kept = {name: value for name, value in statement.items() if value is not None}
    return json.dumps({"Version": "2012-10-17", "Statement": [kept]}, indent=1)


WRITTEN = """{
  "Version" : "2012-10-17",
  "Statement" : [ {
    "Sid" : "replicate",
    "Effect" : "Allow",
    "Principal" : {
      "AWS" : "arn:aws:iam::999999999999:root"
    },
    "Action" : [ "ecr:CreateRepository", "ecr:ReplicateImage" ],
    "Resource" : "arn:aws:ecr:us-east-1:123456789012:repository/*"
  } ]
}"""


def test_a_policy_is_answered_as_ecr_writes_it(ecr: Any) -> None:
    """Put, get and delete return the same text; a second policy replaces the first.

    https://github.com/aws-cloudformation/aws-cloudformation-resource-providers-ecr, REGISTRY_POLICY_OUTPUT_TEXT of
    aws-ecr-registrypolicy
    """
    ecr.put_registry_policy(policyText=policy(Sid="old"))
    for answer in (
        ecr.put_registry_policy(policyText=policy()),
        ecr.get_registry_policy(),
        ecr.delete_registry_policy(),
    ):
        del answer["ResponseMetadata"]
        assert answer == {"registryId": ACCOUNT, "policyText": WRITTEN}
    assert refusal(ecr.get_registry_policy) == NO_POLICY
    assert refusal(ecr.delete_registry_policy) == NO_POLICY


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("policy", id="not JSON"),
        pytest.param("{}", id="no statement"),
        pytest.param(policy(Resource=None), id="no resource"),
        pytest.param(policy(Principal=None), id="no principal"),
        pytest.param(policy(Action="sts:AssumeRole"), id="action of another service"),
        pytest.param(policy(Effect=None), id="no effect"),
    ],
)
def test_policies_that_ecr_does_not_take(ecr: Any, text: str) -> None:
    """Invalid policies are refused with one text; the stored policy stays."""
    ecr.put_registry_policy(policyText=policy())
    before = everything_stored()
    assert refusal(ecr.put_registry_policy, policyText=text) == invalid(
        "PolicyText", "Invalid registry policy provided"
    )
    assert everything_stored() == before


@pytest.mark.parametrize("action", ["ecr:*", "ecr:BatchGetImage", "ecr:BatchImportUpstreamImage"])
def test_every_action_of_ecr_may_be_in_it(ecr: Any, action: str) -> None:
    """Every action of ECR is accepted, as in all registries since the scope of the policy is V2.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry-permissions.html
    """
    ecr.put_registry_policy(policyText=policy(Action=action))


def test_a_registry_describes_itself(ecr: Any) -> None:
    """DescribeRegistry answers before anything was set."""
    answer = ecr.describe_registry()
    del answer["ResponseMetadata"]
    assert answer == {"registryId": ACCOUNT, "replicationConfiguration": {"rules": []}}
