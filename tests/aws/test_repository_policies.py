"""SetRepositoryPolicy, GetRepositoryPolicy, DeleteRepositoryPolicy.

What a policy allows other accounts is in `test_accounts_and_regions`.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.constants import ACCOUNT
from support.refusals import Refusal, invalid, no_repository, refusal
from support.stored import everything_stored

POLICY = """{
  "Version" : "2008-10-17",
  "Statement" : [ {
    "Sid" : "pull",
    "Effect" : "Allow",
    "Principal" : {"AWS": "arn:aws:iam::999999999999:root"},
    "Action" : [ "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer" ]
  } ]
}"""
NO_POLICY = Refusal(
    "RepositoryPolicyNotFoundException",
    "Repository policy does not exist for the repository with name 'team/app' "
    "in the registry with id '123456789012'",
)
REFUSED = invalid("PolicyText", "Invalid repository policy provided")


def policy(**members: object) -> str:
    """A policy of one statement, with other or further members."""
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "ecr:BatchGetImage",
        **members,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_a_policy_is_kept_as_it_was_given(ecr: Any, repository_name: str) -> None:
    """Set, get and delete answer the same; a policy that is set again is replaced."""
    expected = {
        "registryId": ACCOUNT,
        "repositoryName": repository_name,
        "policyText": POLICY,
    }
    ecr.set_repository_policy(repositoryName=repository_name, policyText=policy())
    for answer in (
        ecr.set_repository_policy(repositoryName=repository_name, policyText=POLICY),
        ecr.get_repository_policy(repositoryName=repository_name),
        ecr.delete_repository_policy(repositoryName=repository_name),
    ):
        del answer["ResponseMetadata"]
        assert answer == expected
    assert refusal(ecr.get_repository_policy, repositoryName=repository_name) == NO_POLICY
    assert refusal(ecr.delete_repository_policy, repositoryName=repository_name) == NO_POLICY


def test_a_repository_that_is_not_there(ecr: Any) -> None:
    """It comes before the policy that is not there."""
    for operation, request in (
        ("set_repository_policy", {"policyText": POLICY}),
        ("get_repository_policy", {}),
        ("delete_repository_policy", {}),
    ):
        call = getattr(ecr, operation)
        assert refusal(call, repositoryName="team/app", **request) == no_repository("team/app")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("{", id="not JSON"),
        pytest.param("[]", id="no object"),
        pytest.param("{}", id="no statement"),
        pytest.param('{"Version": "2012-10-17", "Statement": []}', id="no statements"),
        pytest.param(policy().replace("2012-10-17", "2024-01-01"), id="unknown version"),
        pytest.param(policy(Effect="allow"), id="effect"),
        pytest.param(policy(Action="s3:GetObject"), id="action of another service"),
        pytest.param(policy(Action="ecr:NoSuchAction"), id="unknown action"),
        pytest.param(policy(Principal={"AWS": "nobody"}), id="principal"),
        pytest.param(policy(Condition={"StringMatches": {"a": "b"}}), id="condition operator"),
        pytest.param(policy(Conditions={}), id="unknown member"),
        pytest.param('{"Statement":' + "[" * 5000 + "]" * 5000 + "}", id="nested too deep"),
    ],
)
def test_policies_that_ecr_does_not_take(ecr: Any, repository_name: str, text: str) -> None:
    """One text for all of them; the policy that is there stays."""
    ecr.set_repository_policy(repositoryName=repository_name, policyText=POLICY)
    before = everything_stored()
    assert (
        refusal(ecr.set_repository_policy, repositoryName=repository_name, policyText=text)
        == REFUSED
    )
    assert everything_stored() == before


def test_any_action_of_ecr_may_be_allowed(ecr: Any, repository_name: str) -> None:
    """Also those that are no operations, and by wildcard."""
    actions = ["ecr:*", "ecr:Get*", "ecr:BatchImportUpstreamImage", "ecr:DescribeImages"]
    ecr.set_repository_policy(repositoryName=repository_name, policyText=policy(Action=actions))


LOCKED = invalid(
    "PolicyText",
    "The policy would prevent you from setting another policy in the future. "
    "Use force to set it nevertheless",
)


@pytest.mark.parametrize("action", ["ecr:SetRepositoryPolicy", "ecr:*"])
def test_a_policy_that_locks_its_setter_out_needs_force(
    ecr: Any, repository_name: str, action: str
) -> None:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_SetRepositoryPolicy.html"""
    text = policy(Effect="Deny", Action=action)
    request = {"repositoryName": repository_name, "policyText": text}
    assert refusal(ecr.set_repository_policy, **request) == LOCKED
    assert refusal(ecr.set_repository_policy, force=False, **request) == LOCKED
    assert refusal(ecr.get_repository_policy, repositoryName=repository_name) == NO_POLICY
    assert ecr.set_repository_policy(force=True, **request)["policyText"] == text


@pytest.mark.parametrize(
    "members",
    [
        {"Action": "ecr:PutImage"},
        {"Action": "ecr:*", "Principal": {"AWS": "arn:aws:iam::999999999999:root"}},
    ],
    ids=["another action", "another account"],
)
def test_other_denials_need_no_force(
    ecr: Any, repository_name: str, members: dict[str, object]
) -> None:
    """Whoever sets them can set another policy."""
    text = policy(Effect="Deny", **members)
    ecr.set_repository_policy(repositoryName=repository_name, policyText=text)


def test_a_policy_has_at_most_10240_characters(ecr: Any, repository_name: str) -> None:
    """The model's limit, which botocore does not check."""
    longest = policy(Sid="x" * (10240 - len(policy(Sid=""))))
    ecr.set_repository_policy(repositoryName=repository_name, policyText=longest)
    assert refusal(
        ecr.set_repository_policy, repositoryName=repository_name, policyText=longest + " "
    ) == invalid("policyText", "Member must have length less than or equal to 10240")
