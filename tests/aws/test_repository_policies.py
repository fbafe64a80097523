"""SetRepositoryPolicy, GetRepositoryPolicy, DeleteRepositoryPolicy. Which calls a policy allows other accounts is in
`test_accounts_and_regions`.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from moto_ecr_ext.storage import rows
from moto_ecr_ext.storage.store import current_store
from support.constants import ACCOUNT, OTHER_ACCOUNT, REGION
from support.raw_http import RawClient
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
WRITTEN = """{
  "Version" : "2008-10-17",
  "Statement" : [ {
    "Sid" : "pull",
    "Effect" : "Allow",
    "Principal" : {
      "AWS" : "arn:aws:iam::999999999999:root"
    },
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


def test_a_policy_is_answered_as_ecr_writes_it(ecr: Any, repository_name: str) -> None:
    """Set, get and delete return the same text; a second policy replaces the first.

    Recorded: https://github.com/cloud-custodian/cloud-custodian, tests/data/placebo/test_cross_account_ecr,
    test_ecr_remove_named. The normal form is in `tests/unit/test_policy_normal_form.py`.
    """
    expected = {
        "registryId": ACCOUNT,
        "repositoryName": repository_name,
        "policyText": WRITTEN,
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
    """A missing repository is reported before a missing policy."""
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
        pytest.param(policy(Resource="*"), id="resource"),
        pytest.param(policy(Action="ecr:GetAuthorizationToken"), id="action of registries"),
        pytest.param(
            policy(Principal={"AWS": "arn:aws:iam::123:role/a"}), id="account of three digits"
        ),
        pytest.param(
            policy(Principal={"AWS": "arn:aws:iam::123456789012:*"}), id="wildcard in a principal"
        ),
        pytest.param(policy(Principal={"AWS": "arn:aws:iam::123456789012:group/a"}), id="group"),
        pytest.param(
            policy(Principal={"AWS": "arn:aws:iam::123456789012:role/a b"}), id="blank in a name"
        ),
        pytest.param(
            policy(Principal={"AWS": "arn:aws:iam::123456789012:role//a"}), id="empty path"
        ),
        pytest.param(
            policy(Principal={"AWS": "arn:aws:iam::123456789012:role/a/"}), id="path without a name"
        ),
        pytest.param(
            policy(Principal={"AWS": "arn:aws:iam::123456789012:role/" + "a" * 65}), id="long name"
        ),
        pytest.param(
            policy(Principal={"AWS": "arn:aws:sts::123456789012:assumed-role/a"}), id="no session"
        ),
        pytest.param(
            policy(Principal={"AWS": "arn:awsx:iam::123456789012:root"}), id="unknown partition"
        ),
        pytest.param('{"Statement":' + "[" * 5000 + "]" * 5000 + "}", id="nested too deep"),
    ],
)
def test_policies_that_ecr_does_not_take(ecr: Any, repository_name: str, text: str) -> None:
    """Invalid policies are refused with one text; the stored policy stays.

    Resource: https://github.com/aws/aws-cdk/issues/24314. Principals:
    https://github.com/hashicorp/terraform-provider-aws/issues/3924; names and paths:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html. Tokens:
    https://github.com/cloudposse/terraform-aws-ecr/pull/67.
    """
    ecr.set_repository_policy(repositoryName=repository_name, policyText=POLICY)
    before = everything_stored()
    assert (
        refusal(ecr.set_repository_policy, repositoryName=repository_name, policyText=text)
        == REFUSED
    )
    assert everything_stored() == before


def test_any_action_of_ecr_may_be_allowed(ecr: Any, repository_name: str) -> None:
    """Actions that are not operations are accepted, and so are wildcards."""
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
    """A policy that denies its author SetRepositoryPolicy is refused without `force`:
    https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_SetRepositoryPolicy.html
    """
    text = policy(Effect="Deny", Action=action)
    request = {"repositoryName": repository_name, "policyText": text}
    assert refusal(ecr.set_repository_policy, **request) == LOCKED
    assert refusal(ecr.set_repository_policy, force=False, **request) == LOCKED
    assert refusal(ecr.get_repository_policy, repositoryName=repository_name) == NO_POLICY
    answer = ecr.set_repository_policy(force=True, **request)
    assert json.loads(answer["policyText"]) == json.loads(text)


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
    """A denial that leaves the author able to set policies needs no force."""
    text = policy(Effect="Deny", **members)
    ecr.set_repository_policy(repositoryName=repository_name, policyText=text)


def test_a_policy_has_at_most_10240_characters(ecr: Any, repository_name: str) -> None:
    """A policy has at most 10240 characters: the model's limit, which botocore does not check."""
    longest = policy(Sid="x" * (10240 - len(policy(Sid=""))))
    ecr.set_repository_policy(repositoryName=repository_name, policyText=longest)
    assert refusal(
        ecr.set_repository_policy, repositoryName=repository_name, policyText=longest + " "
    ) == invalid("policyText", "Member must have length less than or equal to 10240")


def test_actions_that_sam_compares(ecr: Any, repository_name: str) -> None:
    """`Action` of several is a list, in the order given, which SAM CLI's tests of deploys sort.

    https://github.com/aws/aws-sam-cli, tests/integration/package/package_integ_base.py
    """
    actions = ["ecr:GetDownloadUrlForLayer", "ecr:GetRepositoryPolicy", "ecr:BatchGetImage"]
    text = policy(Principal={"Service": ["lambda.amazonaws.com"]}, Action=actions)
    ecr.set_repository_policy(repositoryName=repository_name, policyText=text)
    answer = json.loads(ecr.get_repository_policy(repositoryName=repository_name)["policyText"])
    [statement] = answer["Statement"]
    assert statement["Action"] == actions
    assert statement["Principal"] == {"Service": "lambda.amazonaws.com"}


def test_an_account_is_answered_as_an_arn_of_the_region_s_partition(aws: Any) -> None:
    """An account is returned as an ARN of the Region's partition:
    https://github.com/crossplane-contrib/provider-aws/issues/700
    """
    for region, partition in (("us-east-1", "aws"), ("cn-north-1", "aws-cn")):
        ecr = aws.client(region=region)
        ecr.create_repository(repositoryName="team/app")
        text = policy(Principal={"AWS": "111122223333"})
        ecr.set_repository_policy(repositoryName="team/app", policyText=text)
        answer = ecr.get_repository_policy(repositoryName="team/app")["policyText"]
        [statement] = json.loads(answer)["Statement"]
        assert statement["Principal"] == {"AWS": f"arn:{partition}:iam::111122223333:root"}


def test_a_text_is_needed(raw: RawClient, repository_name: str) -> None:
    """An empty or missing text is refused: https://github.com/mulgadc/spinifex,
    TestSetRepositoryPolicy_MissingPolicyTextMessage
    """
    answer = raw.send("SetRepositoryPolicy", {"repositoryName": repository_name})
    assert answer.refusal == invalid("PolicyText", "Cannot be null")


def test_a_policy_of_an_earlier_version(aws: Any, ecr: Any, repository_name: str) -> None:
    """A stored policy with a resource applies, and is returned as it was written."""
    text = policy(Resource="*", Action=["ecr:ListImages"])
    with current_store().database.write() as transaction:
        row = rows.repositories.by_name(transaction, ACCOUNT, REGION, repository_name)
        assert row is not None
        rows.repositories.update(transaction, row.id, policy=text)
    guest = aws.client(account=OTHER_ACCOUNT)
    guest.list_images(registryId=ACCOUNT, repositoryName=repository_name)
    assert ecr.get_repository_policy(repositoryName=repository_name)["policyText"] == text


def test_principals_need_not_exist(ecr: Any, repository_name: str) -> None:
    """Unknown principals are accepted while IAM is not enforced: see `test_iam`."""
    for principal in (
        "arn:aws:iam::111122223333:role/none",
        "arn:aws:iam::123456789012:user/none",
        "arn:aws:iam::123456789012:role/aws-service-role/ecr.amazonaws.com/AWSServiceRoleForECR",
        "arn:aws-iso-b:iam::123456789012:user/a+b=c,d.e@f-g_h",
        "arn:aws:sts::123456789012:assumed-role/none/session",
    ):
        ecr.set_repository_policy(
            repositoryName=repository_name, policyText=policy(Principal={"AWS": principal})
        )
