"""Policies of repositories and registries: which are accepted, and what an accepted one decides."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.loaders import create_loader
from hypothesis import given
from hypothesis import strategies as st

from moto_ecr_ext.exceptions import InvalidParameterException
from moto_ecr_ext.policies.documents import (
    PolicyDecision,
    PolicyDocument,
    parse_registry_policy,
    parse_repository_policy,
    read_identity_policy,
    read_resource_policy,
)
from support.constants import ACCOUNT
from support.hanging import not_hanging

ALLOW, DENY, NONE = PolicyDecision.ALLOW, PolicyDecision.DENY, PolicyDecision.NONE

REPOSITORY_REFUSAL = (
    "Invalid parameter at 'PolicyText' failed to satisfy constraint: "
    "'Invalid repository policy provided'"
)
REGISTRY_REFUSAL = (
    "Invalid parameter at 'PolicyText' failed to satisfy constraint: "
    "'Invalid registry policy provided'"
)
BOTH = [
    pytest.param(parse_repository_policy, REPOSITORY_REFUSAL, id="repository"),
    pytest.param(parse_registry_policy, REGISTRY_REFUSAL, id="registry"),
]


def of_kind(parse: Callable[[str], PolicyDocument], text: str) -> str:
    """The policy as a repository may have it, without its resources, if `parse` is about repositories."""
    if parse is not parse_repository_policy:
        return text
    document = json.loads(text)
    statements = document["Statement"]
    for each in statements if isinstance(statements, list) else [statements]:
        each.pop("Resource", None)
        each.pop("NotResource", None)
    return json.dumps(document)


OTHER = "111122223333"
USER = f"arn:aws:iam::{ACCOUNT}:user/dev/alice"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/ci/Builder"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/Builder/run-1"
REPOSITORY = f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/team/app"

REMOVED = object()


def statement(**changes: Any) -> dict[str, Any]:
    """A statement of a registry's policy, with members changed or removed."""
    members = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "ecr:BatchGetImage",
        "Resource": "*",
        **changes,
    }
    return {name: value for name, value in members.items() if value is not REMOVED}


def policy(*statements: Any, **changes: Any) -> str:
    members = {"Version": "2012-10-17", "Statement": list(statements), **changes}
    return json.dumps({name: value for name, value in members.items() if value is not REMOVED})


def condition(operator: str, key: str, values: Any) -> dict[str, Any]:
    return statement(Condition={operator: {key: values}})


ACCEPTED = {
    "version_absent": policy(statement(), Version=REMOVED),
    "version_2008": policy(statement(), Version="2008-10-17"),
    "id": policy(statement(), Id="any text, with spaces"),
    "statement_object": policy(Statement=statement()),
    "sid_with_spaces": policy(statement(Sid="new statement 1")),
    "sid_empty": policy(statement(Sid="")),
    "sid_twice": policy(statement(Sid="a"), statement(Sid="a", Action="ecr:PutImage")),
    "deny": policy(statement(Effect="Deny")),
    "account": policy(statement(Principal={"AWS": OTHER})),
    "root": policy(statement(Principal={"AWS": f"arn:aws:iam::{OTHER}:root"})),
    "root_in_china": policy(statement(Principal={"AWS": f"arn:aws-cn:iam::{OTHER}:root"})),
    "user": policy(statement(Principal={"AWS": USER})),
    "role": policy(statement(Principal={"AWS": [ROLE, OTHER]})),
    "session": policy(statement(Principal={"AWS": SESSION})),
    "everyone_of_aws": policy(statement(Principal={"AWS": "*"})),
    "service": policy(statement(Principal={"Service": "lambda.amazonaws.com"})),
    "services": policy(
        statement(
            Principal={"Service": ["codebuild.amazonaws.com", "states.us-east-1.amazonaws.com"]}
        )
    ),
    "federated": policy(statement(Principal={"Federated": "cognito-identity.amazonaws.com"})),
    "not_principal": policy(
        statement(Effect="Deny", Principal=REMOVED, NotPrincipal={"AWS": [USER, ACCOUNT]})
    ),
    "every_action": policy(statement(Action="*")),
    "every_action_of_ecr": policy(statement(Action="ecr:*")),
    "action_wildcards": policy(statement(Action=["ecr:Batch*", "ecr:?utImage", "ecr:*Layer*"])),
    "action_in_any_case": policy(statement(Action=["ECR:putimage", "ecr:GETDOWNLOADURLFORLAYER"])),
    "permission_only_actions": policy(
        statement(
            Action=["ecr:BatchImportUpstreamImage", "ecr:ReplicateImage", "ecr:GetImageCopyStatus"]
        )
    ),
    "not_action": policy(statement(Action=REMOVED, NotAction=["ecr:Delete*"])),
    "resources": policy(statement(Resource=[REPOSITORY, "arn:aws:ecr:*:*:repository/prod-*"])),
    "not_resource": policy(statement(Resource=REMOVED, NotResource=REPOSITORY)),
    "resource_that_lacks_a_part": policy(
        statement(Resource="arn:aws:us-east-2:012345678901:repository/*")
    ),
    "condition_empty": policy(statement(Condition={})),
    "condition_boolean": policy(condition("Bool", "aws:SecureTransport", False)),
    "condition_number": policy(condition("NumericLessThan", "aws:MultiFactorAuthAge", 3600)),
    "condition_list": policy(condition("StringLike", "aws:PrincipalOrgID", ["o-1", "o-2*"])),
    "condition_null": policy(condition("Null", "aws:TokenIssueTime", "true")),
}


@pytest.mark.parametrize(("parse", "_refusal"), BOTH)
@pytest.mark.parametrize("text", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_documents_of_the_grammar_are_accepted(
    text: str, parse: Callable[[str], PolicyDocument], _refusal: str
) -> None:
    """IAM's grammar with ECR's actions, in both kinds of policy."""
    statements = json.loads(text)["Statement"]
    count = len(statements) if isinstance(statements, list) else 1
    assert len(parse(of_kind(parse, text)).statements) == count


_OPERATORS = [
    f"{prefix}{name}{suffix}"
    for prefix in ("", "ForAnyValue:", "ForAllValues:")
    for name in (
        *("StringEquals", "StringNotEquals", "StringEqualsIgnoreCase"),
        *("StringNotEqualsIgnoreCase", "StringLike", "StringNotLike", "BinaryEquals"),
        *("ArnEquals", "ArnNotEquals", "ArnLike", "ArnNotLike"),
    )
    for suffix in ("", "IfExists")
]


@pytest.mark.parametrize(
    ("operator", "value"),
    [
        *((operator, "a text") for operator in _OPERATORS),
        *(
            (f"{kind}{comparison}{suffix}", value)
            for kind, value in (("Numeric", "-1.5"), ("Date", "2026-11-24T00:00:00Z"))
            for comparison in (
                *("Equals", "NotEquals", "LessThan", "LessThanEquals"),
                *("GreaterThan", "GreaterThanEquals"),
            )
            for suffix in ("", "IfExists")
        ),
        ("Bool", "TRUE"),
        ("BoolIfExists", "false"),
        ("Null", False),
        ("IpAddress", "203.0.113.0/24"),
        ("NotIpAddressIfExists", "2001:db8::/32"),
        ("DateLessThan", "1764000000"),
        ("DateLessThan", "2026-11-24"),
    ],
)
def test_operators_of_iam_are_accepted(operator: str, value: Any) -> None:
    """Each operator is accepted, for any value and for all, and with IfExists."""
    text = policy(condition(operator, "aws:some", value))
    assert len(parse_registry_policy(text).statements[0].conditions) == 1


REFUSED = {
    "empty": "",
    "not_json": "some invalid input",
    "text": '"*"',
    "list": "[]",
    "null": "null",
    "deep": "[" * 200_000,
    "deep_condition": policy(statement()).replace('"*"', "[" * 100_000 + "]" * 100_000, 1),
    "long_number": policy(condition("NumericEquals", "a:b", 77)).replace("77", "7" * 20_000),
    "nan": policy(condition("NumericEquals", "a:b", float("nan"))),
    "surrogate": policy(statement(Sid="\ud83d")),
    "raw_surrogate": policy(statement(Sid="x")).replace('"x"', '"\ude00"'),
    "member_twice": policy(statement()).replace('"Effect"', '"Effect": "Deny", "Effect"'),
    "unknown_member": policy(statement(), Conditions={}),
    "lower_case_member": policy(statement(), version="2012-10-17"),
    "version_unknown": policy(statement(), Version="2012-10-18"),
    "version_number": policy(statement(), Version=2012),
    "version_null": policy(statement(), Version=None),
    "id_number": policy(statement(), Id=1),
    "statement_absent": policy(Statement=REMOVED),
    "statement_empty": policy(),
    "statement_text": policy("Allow"),
    "statement_null": policy(Statement=None),
    "statement_unknown_member": policy(statement(Principals="*")),
    "sid_null": policy(statement(Sid=None)),
    "effect_absent": policy(statement(Effect=REMOVED)),
    "effect_lower_case": policy(statement(Effect="allow")),
    "effect_none": policy(statement(Effect="None")),
    "effect_list": policy(statement(Effect=["Allow"])),
    "principal_absent": policy(statement(Principal=REMOVED)),
    "principal_and_not": policy(statement(NotPrincipal="*")),
    "principal_null": policy(statement(Principal=None)),
    "principal_empty": policy(statement(Principal={})),
    "principal_list": policy(statement(Principal=["*"])),
    "principal_text": policy(statement(Principal=OTHER)),
    "principal_type_unknown": policy(statement(Principal={"aws": "*"})),
    "principal_none": policy(statement(Principal={"AWS": []})),
    "principal_number": policy(statement(Principal={"AWS": 123456789012})),
    "account_short": policy(statement(Principal={"AWS": "123"})),
    "account_short_in_arn": policy(statement(Principal={"AWS": "arn:aws:iam::123:user/sample"})),
    "account_in_other_digits": policy(statement(Principal={"AWS": "١٢٣٤٥٦٧٨٩٠١٢"})),
    "principal_wildcard": policy(statement(Principal={"AWS": f"arn:aws:iam::{OTHER}:user/*"})),
    "principal_group": policy(statement(Principal={"AWS": f"arn:aws:iam::{OTHER}:group/a"})),
    "principal_of_other_service": policy(statement(Principal={"AWS": "arn:aws:s3:::bucket"})),
    "service_arn": policy(statement(Principal={"Service": USER})),
    "service_everyone": policy(statement(Principal={"Service": "*"})),
    "action_absent": policy(statement(Action=REMOVED)),
    "action_and_not": policy(statement(NotAction="ecr:PutImage")),
    "action_none": policy(statement(Action=[])),
    "action_null": policy(statement(Action=[None])),
    "action_without_service": policy(statement(Action="PutImage")),
    "action_of_other_service": policy(statement(Action=["ecr:PutImage", "s3:GetObject"])),
    "action_of_ecr_public": policy(statement(Action="ecr-public:PutImage")),
    "action_of_services": policy(statement(Action="ec*:PutImage")),
    "action_unknown": policy(statement(Action="ecr:PullImage")),
    "action_unknown_wildcard": policy(statement(Action="ecr:Pull*")),
    "action_bracket": policy(statement(Action="ecr:[P]utImage")),
    "action_of_referrers": policy(statement(Action="ecr:ListImageReferrers")),
    "resource_and_not": policy(statement(NotResource="*")),
    "resource_name": policy(statement(Resource="team/app")),
    "resource_none": policy(statement(Resource=[])),
    "resource_null": policy(statement(Resource=None)),
    "condition_null": policy(statement(Condition=None)),
    "condition_list": policy(statement(Condition=[])),
    "operator_unknown": policy(condition("StringMatches", "aws:SourceIp", "a")),
    "operator_unknown_without_keys": policy(statement(Condition={"StringMatches": {}})),
    "operator_in_lower_case": policy(condition("stringequals", "aws:SourceIp", "a")),
    "operator_prefix_unknown": policy(condition("ForEachValue:StringEquals", "a:b", "a")),
    "operator_if_exists_twice": policy(condition("BoolIfExistsIfExists", "a:b", "true")),
    "null_if_exists": policy(condition("NullIfExists", "a:b", "true")),
    "operator_of_text": policy(statement(Condition={"StringEquals": "a"})),
    "value_null": policy(condition("StringEquals", "a:b", None)),
    "value_object": policy(condition("StringEquals", "a:b", {})),
    "value_list_of_lists": policy(condition("StringEquals", "a:b", [["a"]])),
    "value_not_boolean": policy(condition("Bool", "a:b", "yes")),
    "value_not_null": policy(condition("Null", "a:b", "maybe")),
    "value_not_number": policy(condition("NumericEquals", "a:b", "one")),
    "value_infinite": policy(condition("NumericEquals", "a:b", "Infinity")),
    "value_not_date": policy(condition("DateLessThan", "a:b", "2026-13-01T00:00:00Z")),
    "value_not_address": policy(condition("IpAddress", "aws:SourceIp", "10.0.0.256")),
}


@pytest.mark.parametrize(("parse", "refusal"), BOTH)
@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED.keys())
def test_documents_outside_the_grammar_are_refused(
    text: str, parse: Callable[[str], PolicyDocument], refusal: str
) -> None:
    """ECR has one sentence for everything that is wrong with a policy."""
    with pytest.raises(InvalidParameterException) as refused:
        parse(text)
    assert refused.value.code == "InvalidParameterException"
    assert refused.value.message == refusal


@pytest.mark.parametrize("resource", ["*", REPOSITORY, [REPOSITORY]])
@pytest.mark.parametrize("member", ["Resource", "NotResource"])
def test_a_repository_policy_has_no_resource(member: str, resource: Any) -> None:
    """The repository is implied: https://github.com/aws/aws-cdk/issues/24314."""
    with pytest.raises(InvalidParameterException) as refused:
        parse_repository_policy(policy(statement(**{"Resource": REMOVED, member: resource})))
    assert refused.value.message == REPOSITORY_REFUSAL


def test_a_registry_policy_has_a_resource_in_every_statement() -> None:
    """Each statement of a registry policy needs a resource: https://github.com/pulumi/pulumi-aws/issues/2326"""
    with pytest.raises(InvalidParameterException) as refused:
        parse_registry_policy(policy(statement(), statement(Resource=REMOVED)))
    assert refused.value.message == REGISTRY_REFUSAL


@pytest.mark.parametrize("action", ["ecr:GetAuthorizationToken", "ECR:getauthorizationtoken"])
def test_a_repository_policy_allows_no_tokens(action: str) -> None:
    """A repository policy cannot allow GetAuthorizationToken:
    https://github.com/cloudposse/terraform-aws-ecr/pull/67; a wildcard may match that action.
    """
    with pytest.raises(InvalidParameterException) as refused:
        parse_repository_policy(
            policy(statement(Resource=REMOVED, Action=["ecr:PutImage", action]))
        )
    assert refused.value.message == REPOSITORY_REFUSAL
    parse_repository_policy(policy(statement(Resource=REMOVED, Action="ecr:Get*")))
    parse_registry_policy(policy(statement(Action=action)))


@pytest.mark.parametrize("action", ["ecr:abc", ["ecr:PutImage", "s3:Get*"]])
def test_any_name_may_be_in_not_action(action: Any) -> None:
    """A recorded repository has `"NotAction" : "ecr:abc"` (cloud-custodian, test_ecr_cross_account_filter_config)."""
    text = policy(statement(Resource=REMOVED, Action=REMOVED, NotAction=action))
    assert parse_repository_policy(text).statements[0].actions.inverted


def test_every_operation_of_ecr_is_an_action_but_one() -> None:
    """The installed botocore names the actions; listing referrers needs `ecr:BatchGetImage`."""
    operations = set(create_loader().load_service_model("ecr", "service-2")["operations"])
    assert "ListImageReferrers" in operations
    actions = sorted(f"ecr:{name}" for name in operations - {"ListImageReferrers"})
    document = parse_registry_policy(policy(statement(Action=actions)))
    assert document.statements[0].actions.patterns == tuple(action.lower() for action in actions)


def test_a_document_keeps_its_version_id_and_sids() -> None:
    """A parsed document has its id, its version and the Sids of its statements."""
    document = parse_registry_policy(
        policy(statement(Sid="one"), statement(), Id="me", Version="2008-10-17")
    )
    assert (document.version, document.id) == ("2008-10-17", "me")
    assert [each.sid for each in document.statements] == ["one", None]
    assert parse_registry_policy(policy(statement(), Version=REMOVED)).version == "2008-10-17"


def decide(
    *statements: dict[str, Any],
    principal: str = USER,
    account: str = ACCOUNT,
    action: str = "ecr:BatchGetImage",
    resource: str = REPOSITORY,
    context: dict[str, Any] | None = None,
) -> PolicyDecision:
    document = parse_registry_policy(policy(*statements))
    return document.decision(principal, account, action, resource, context or {})


def test_a_denial_outweighs_permissions_wherever_it_stands() -> None:
    """An explicit denial takes precedence; a call that no statement matches is not decided."""
    allow, deny = statement(Action="ecr:*"), statement(Effect="Deny", Action="ecr:Put*")
    for statements in ([allow, deny], [deny, allow]):
        assert decide(*statements, action="ecr:PutImage") is DENY
        assert decide(*statements) is ALLOW
    assert decide(deny) is NONE


@pytest.mark.parametrize(
    ("principals", "principal", "account", "decision"),
    [
        ("*", USER, ACCOUNT, ALLOW),
        ("*", "lambda.amazonaws.com", "", ALLOW),
        ({"AWS": "*"}, USER, ACCOUNT, ALLOW),
        ({"AWS": ACCOUNT}, USER, ACCOUNT, ALLOW),
        ({"AWS": ACCOUNT}, SESSION, ACCOUNT, ALLOW),
        ({"AWS": ACCOUNT}, f"arn:aws:iam::{ACCOUNT}:root", ACCOUNT, ALLOW),
        ({"AWS": OTHER}, USER, ACCOUNT, NONE),
        ({"AWS": [OTHER, ACCOUNT]}, USER, ACCOUNT, ALLOW),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, USER, ACCOUNT, ALLOW),
        ({"AWS": f"arn:aws:iam::{OTHER}:root"}, USER, ACCOUNT, NONE),
        ({"AWS": USER}, USER, ACCOUNT, ALLOW),
        ({"AWS": USER}, f"{USER}2", ACCOUNT, NONE),
        ({"AWS": USER}, USER.replace("alice", "ALICE"), ACCOUNT, NONE),
        ({"AWS": ROLE}, ROLE, ACCOUNT, ALLOW),
        ({"AWS": ROLE}, SESSION, ACCOUNT, ALLOW),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:role/Builder"}, SESSION, ACCOUNT, ALLOW),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:role/Build"}, SESSION, ACCOUNT, NONE),
        ({"AWS": f"arn:aws:iam::{OTHER}:role/Builder"}, SESSION, ACCOUNT, NONE),
        ({"AWS": SESSION}, SESSION, ACCOUNT, ALLOW),
        ({"AWS": SESSION}, SESSION.replace("run-1", "run-2"), ACCOUNT, NONE),
        ({"Service": "lambda.amazonaws.com"}, "lambda.amazonaws.com", "", ALLOW),
        ({"Service": "lambda.amazonaws.com"}, "ecs.amazonaws.com", "", NONE),
        ({"Service": "lambda.amazonaws.com"}, USER, ACCOUNT, NONE),
        ({"Service": "lambda.amazonaws.com", "AWS": ACCOUNT}, USER, ACCOUNT, ALLOW),
        ({"Federated": "accounts.google.com"}, "accounts.google.com", "", ALLOW),
        ({"Federated": ACCOUNT}, USER, ACCOUNT, NONE),
    ],
)
def test_principals(
    principals: Any, principal: str, account: str, decision: PolicyDecision
) -> None:
    """An account is everybody in it; a role is its sessions; a service is its name."""
    assert decide(statement(Principal=principals), principal=principal, account=account) is decision
    opposite = statement(Principal=REMOVED, NotPrincipal=principals)
    assert decide(opposite, principal=principal, account=account) is not decision


@pytest.mark.parametrize(
    ("actions", "action", "decision"),
    [
        ("ecr:BatchGetImage", "ecr:BatchGetImage", ALLOW),
        ("ecr:BatchGetImage", "ecr:BatchDeleteImage", NONE),
        ("ECR:batchgetimage", "ecr:BatchGetImage", ALLOW),
        ("ecr:Batch*Image", "ecr:BatchDeleteImage", ALLOW),
        ("ecr:Batch*Image", "ecr:BatchCheckLayerAvailability", NONE),
        ("ecr:?utImage", "ecr:PutImage", ALLOW),
        ("ecr:?utImage", "ecr:PutImageTagMutability", NONE),
        ("ecr:*", "ecr:PutImage", ALLOW),
        ("*", "ecr:PutImage", ALLOW),
        (["ecr:PutImage", "ecr:ListImages"], "ecr:ListImages", ALLOW),
    ],
)
def test_actions(actions: Any, action: str, decision: PolicyDecision) -> None:
    """Actions match in any case, with wildcards; NotAction is the opposite."""
    assert decide(statement(Action=actions), action=action) is decision
    assert decide(statement(Action=REMOVED, NotAction=actions), action=action) is not decision


@pytest.mark.parametrize(
    ("resources", "decision"),
    [
        ("*", ALLOW),
        (REPOSITORY, ALLOW),
        (f"{REPOSITORY}2", NONE),
        (REPOSITORY.upper().replace("ARN", "arn"), NONE),
        ("arn:aws:ecr:*:*:repository/team/*", ALLOW),
        (f"arn:aws:ecr:us-east-?:{ACCOUNT}:repository/*", ALLOW),
        (f"arn:aws:ecr:us-east-?:{OTHER}:repository/*", NONE),
        ("arn:aws:ecr:*:repository/[t]eam/app", NONE),
        (["arn:aws:ecr:*:repository/other", "arn:aws:ecr:*:repository/*/app"], ALLOW),
    ],
)
def test_resources(resources: Any, decision: PolicyDecision) -> None:
    """Resources match in their case, with wildcards; NotResource is the opposite."""
    assert decide(statement(Resource=resources)) is decision
    assert decide(statement(Resource=REMOVED, NotResource=resources)) is not decision


def test_a_repository_policy_is_about_every_call() -> None:
    """The policy is asked for one repository's calls only."""
    document = parse_repository_policy(policy(statement(Resource=REMOVED)))
    request = (USER, ACCOUNT, "ecr:BatchGetImage", "arn:aws:ecr:any", {})
    assert document.decision(*request) is ALLOW


KEY = "aws:Some"
CONDITIONS = [
    # operator, values of the document, value of the request (None: absent), whether it holds
    ("StringEquals", "a", "a", True),
    ("StringEquals", "a", "A", False),
    ("StringEquals", "a*", "ab", False),
    ("StringEquals", ["a", "b"], "b", True),
    ("StringEquals", [], "b", False),
    ("StringEquals", True, "true", True),
    ("StringEquals", 5, "5", True),
    ("StringEquals", "a", None, False),
    ("StringEqualsIfExists", "a", None, True),
    ("StringEqualsIfExists", "a", "b", False),
    ("StringNotEquals", "a", "b", True),
    ("StringNotEquals", ["a", "b"], "b", False),
    ("StringNotEquals", "a", None, True),
    ("StringEqualsIgnoreCase", "Ab", "aB", True),
    ("StringNotEqualsIgnoreCase", "Ab", "aB", False),
    ("StringLike", "a*c?", "abbcd", True),
    ("StringLike", "a*c?", "abbc", False),
    ("StringLike", "[a]*", "ab", False),
    ("StringLike", "A*", "ab", False),
    ("StringNotLike", "a*", "ab", False),
    ("StringNotLike", "a*", "b", True),
    ("BinaryEquals", "QmluYXJ5", "QmluYXJ5", True),
    ("NumericEquals", "10", "10.0", True),
    ("NumericNotEquals", 10, "11", True),
    ("NumericLessThan", "10", "9", True),
    ("NumericLessThan", "10", "10", False),
    ("NumericLessThanEquals", "10", "10", True),
    ("NumericGreaterThan", "1e3", "1000.5", True),
    ("NumericGreaterThan", "10", "9", False),
    ("NumericGreaterThanEquals", "-1", "-1", True),
    ("NumericLessThan", "10", "many", False),
    ("NumericEquals", "1" + "0" * 40, "1" + "0" * 39 + "1", False),
    ("NumericLessThan", "10", None, False),
    ("DateEquals", "2026-11-24T12:00:00Z", "2026-11-24T13:00:00+01:00", True),
    ("DateNotEquals", "2026-11-24", "2026-11-24T00:00:00Z", False),
    ("DateLessThan", "2026-11-24T00:00:00Z", "2026-11-23T23:59:59Z", True),
    ("DateLessThan", "2026-11-24T00:00:00Z", "2026-11-24T00:00:00Z", False),
    ("DateLessThanEquals", "2026-11-24T00:00:00Z", "2026-11-24T00:00:00Z", True),
    ("DateGreaterThan", "0", "1970-01-01T00:00:01Z", True),
    ("DateGreaterThanEquals", "1970-01-01T00:00:10Z", "10", True),
    ("DateGreaterThan", "0", "yesterday", False),
    ("Bool", "true", "true", True),
    ("Bool", True, "TRUE", True),
    ("Bool", "false", "true", False),
    ("Bool", "false", None, False),
    ("BoolIfExists", "false", None, True),
    ("Null", "true", None, True),
    ("Null", True, "x", False),
    ("Null", "false", "x", True),
    ("Null", "false", None, False),
    ("IpAddress", "203.0.113.0/24", "203.0.113.7", True),
    ("IpAddress", "203.0.113.5/24", "203.0.113.7", True),
    ("IpAddress", "203.0.113.0/24", "203.0.114.7", False),
    ("IpAddress", ["10.0.0.1", "2001:db8::/32"], "2001:db8::7", True),
    ("IpAddress", "0.0.0.0/0", "2001:db8::7", False),
    ("IpAddress", "0.0.0.0/0", "somewhere", False),
    ("NotIpAddress", "203.0.113.0/24", "203.0.113.7", False),
    ("NotIpAddress", "203.0.113.0/24", "203.0.114.7", True),
    ("NotIpAddress", "203.0.113.0/24", None, True),
    ("ArnEquals", ROLE, ROLE, True),
    ("ArnEquals", "arn:aws:iam::*:role/ci/*", ROLE, True),
    ("ArnLike", f"arn:aws:*::{ACCOUNT}:role/?i/Builder", ROLE, True),
    ("ArnLike", "arn:aws:iam:*:role/ci/Builder", ROLE, False),
    ("ArnLike", "*", ROLE, True),
    ("ArnNotEquals", ROLE, USER, True),
    ("ArnNotLike", "arn:aws:iam::*:user/*", USER, False),
    ("ForAnyValue:StringEquals", ["a", "b"], ["x", "b"], True),
    ("ForAnyValue:StringEquals", ["a", "b"], ["x", "y"], False),
    ("ForAnyValue:StringEquals", "a", [], False),
    ("ForAnyValue:StringEquals", "a", None, False),
    ("ForAnyValue:StringEqualsIfExists", "a", None, True),
    ("ForAnyValue:StringNotEquals", "a", ["a", "b"], True),
    ("ForAnyValue:StringNotEquals", "a", ["a"], False),
    ("ForAnyValue:StringNotEquals", "a", None, False),
    ("ForAllValues:StringEquals", ["a", "b"], ["a", "b"], True),
    ("ForAllValues:StringEquals", ["a", "b"], ["a", "c"], False),
    ("ForAllValues:StringEquals", "a", "a", True),
    ("ForAllValues:StringEquals", "a", [], True),
    ("ForAllValues:StringEquals", "a", None, True),
    ("ForAllValues:StringNotLike", "a*", ["b", "ab"], False),
    ("ForAllValues:StringNotLike", "a*", ["b", "c"], True),
]


@pytest.mark.parametrize(("operator", "values", "requested", "holds"), CONDITIONS)
def test_conditions(operator: str, values: Any, requested: Any, holds: bool) -> None:
    """One key under one operator; the names of keys have no case."""
    context = {} if requested is None else {KEY.swapcase(): requested}
    decision = decide(condition(operator, KEY, values), context=context)
    assert decision is (ALLOW if holds else NONE)


VALUES = {"aws:username": "alice", "aws:PrincipalTag/team": "b*e", "a:many": ["x", "y"]}
VARIABLES = [
    # operator, value of the document, value of the request, whether it holds
    ("StringEquals", "${aws:username}", "alice", True),
    ("StringEquals", "${AWS:UserName}", "alice", True),
    ("StringEquals", "dev-${aws:username}-${aws:username}", "dev-alice-alice", True),
    ("StringEquals", "${aws:username}", "bob", False),
    ("StringEquals", "${aws:username}", "${aws:username}", False),
    ("StringNotEquals", "${aws:username}", "bob", True),
    ("StringEqualsIgnoreCase", "${aws:username}", "ALICE", True),
    ("StringLike", "*/${aws:username}/*", "home/alice/x", True),
    # What stands for a variable is no pattern.
    ("StringLike", "${aws:PrincipalTag/team}", "b*e", True),
    ("StringLike", "${aws:PrincipalTag/team}", "blue", False),
    ("ArnLike", "arn:aws:iam::*:user/${aws:username}", f"arn:aws:iam::{ACCOUNT}:user/alice", True),
    ("ArnLike", "arn:aws:iam::*:user/${aws:username}", f"arn:aws:iam::{ACCOUNT}:user/bob", False),
    # A key that the request lacks, or has several values of, has no value.
    ("StringEquals", "${a:none}", "", False),
    ("StringNotEquals", "${a:none}", "", True),
    ("StringLike", "${a:none}*", "any", False),
    ("StringEquals", ["${a:none}", "other"], "other", True),
    ("StringEquals", "${a:many}", "x", False),
    ("StringEquals", "${a:none, 'nobody'}", "nobody", True),
    ("StringEquals", "${aws:username,'nobody'}", "alice", True),
    ("StringLike", "${a:none, '*'}", "any", False),
    # Characters that are special otherwise.
    ("StringLike", "a${*}${?}${$}", "a*?$", True),
    ("StringLike", "a${*}", "abc", False),
    ("StringEquals", "a${*}", "a*", True),
    ("StringEquals", "${$}{aws:username}", "${aws:username}", True),
    # No variables.
    ("StringEquals", "${}", "${}", True),
    ("StringEquals", "${aws:username", "${aws:username", True),
    ("NumericEquals", "1", "1", True),
]


@pytest.mark.parametrize(("operator", "value", "requested", "holds"), VARIABLES)
def test_variables(operator: str, value: Any, requested: str, holds: bool) -> None:
    """Variables are replaced as documented:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
    """
    decision = decide(condition(operator, KEY, value), context={**VALUES, KEY: requested})
    assert decision is (ALLOW if holds else NONE)


@pytest.mark.parametrize("version", ["2008-10-17", REMOVED])
def test_versions_without_variables(version: Any) -> None:
    """Variables are plain text before the version of 2012."""
    for text, requested, expected in (
        ("${aws:username}", "alice", NONE),
        ("${aws:username}", "${aws:username}", ALLOW),
        ("${*}", "*", NONE),
        ("${*}", "${*}", ALLOW),
        ("${*}", "${any}", ALLOW),
    ):
        document = parse_registry_policy(
            policy(condition("StringLike", KEY, text), Version=version)
        )
        context = {**VALUES, KEY: requested}
        request = (USER, ACCOUNT, "ecr:BatchGetImage", REPOSITORY, context)
        assert document.decision(*request) is expected


@pytest.mark.parametrize(
    ("resource", "decision"),
    [
        ("arn:aws:ecr:*:*:repository/${aws:username}/*", NONE),
        ("arn:aws:ecr:*:*:repository/${a:team}/*", ALLOW),
        ("arn:aws:ecr:*:*:repository/${a:none}/*", NONE),
        ("arn:aws:ecr:*:*:repository/${a:none, 'team'}/*", ALLOW),
    ],
)
def test_variables_in_resources(resource: str, decision: PolicyDecision) -> None:
    """A resource with a key that the request lacks matches nothing."""
    context = {**VALUES, "a:team": "team"}
    assert decide(statement(Resource=resource), context=context) is decision


def test_every_condition_has_to_hold() -> None:
    """All operators and all keys of a condition must hold; the values of one key are alternatives."""
    conditional = statement(
        Condition={
            "StringEquals": {"a:one": ["1", "uno"], "a:two": "2"},
            "Bool": {"a:three": "true"},
        }
    )
    context = {"a:one": "uno", "a:two": "2", "a:three": "true"}
    assert decide(conditional, context=context) is ALLOW
    for key in context:
        assert decide(conditional, context={**context, key: "false"}) is NONE


def test_the_principal_is_known_to_conditions() -> None:
    """`aws:PrincipalArn` is the role of a session; the caller's context may say otherwise."""
    by_role = condition("ArnEquals", "aws:PrincipalArn", f"arn:aws:iam::{ACCOUNT}:role/Builder")
    by_account = condition("StringEquals", "aws:PrincipalAccount", ACCOUNT)
    assert decide(by_role, principal=SESSION) is ALLOW
    assert decide(by_role) is NONE
    assert decide(by_account) is ALLOW
    assert decide(by_account, account=OTHER) is NONE
    assert decide(by_account, context={"aws:principalaccount": OTHER}) is NONE


def test_many_wildcards_take_no_time() -> None:
    """A pattern that a backtracking expression would try for ages answers at once."""
    slow = statement(Resource="arn:" + "*a" * 1_000 + "b")
    with not_hanging():
        assert decide(slow, resource="arn:" + "a" * 2_000) is NONE


_TEXT = st.text(st.characters(exclude_categories=()))
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _TEXT,
    lambda values: st.lists(values) | st.dictionaries(_TEXT, values),
    max_leaves=8,
)


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in `value` where a value is: what holds it, and its key or index there."""
    keys = (
        range(len(value)) if isinstance(value, list) else value if isinstance(value, dict) else ()
    )
    for key in keys:
        yield value, key
        yield from places(value[key])


@given(data=st.data(), value=_JSON)
def test_any_value_in_any_place_is_accepted_or_refused(data: st.DataObject, value: Any) -> None:
    """No JSON makes the validation fail in another way than ECR's, or the decision fail."""
    document = json.loads(
        policy(
            statement(Principal={"AWS": [USER], "Service": "lambda.amazonaws.com"}, Sid="s"),
            statement(
                Condition={
                    "DateLessThan": {"a:b": "2026-11-24"},
                    "NumericEquals": {"a:b": [1]},
                    "ForAnyValue:IpAddress": {"a:b": "10.0.0.0/8"},
                    "ArnLikeIfExists": {"a:b": "*"},
                    "Null": {"a:b": False},
                }
            ),
            Id="i",
        )
    )
    holder, key = data.draw(st.sampled_from(list(places(document))))
    holder[key] = value
    message = REGISTRY_REFUSAL
    requested = data.draw(_TEXT | st.lists(_TEXT))
    text = json.dumps(document)
    try:
        parsed = parse_registry_policy(text)
    except InvalidParameterException as refused:
        message = str(refused.message)
    else:
        parsed.decision(USER, ACCOUNT, "ecr:PutImage", REPOSITORY, {"a:b": requested})
    assert message == REGISTRY_REFUSAL
    for read in (read_resource_policy, read_identity_policy):
        read(text).decision(USER, ACCOUNT, "ecr:PutImage", REPOSITORY, {"a:b": requested})


@given(operator=st.sampled_from(["Date", "Numeric"]), text=_TEXT | st.from_regex(r"[0-9TZ:.+eE-]*"))
def test_any_text_is_a_value_or_refused(operator: str, text: str) -> None:
    """Dates and numbers that Python cannot hold are refused as others are."""
    message = REGISTRY_REFUSAL
    try:
        decide(condition(f"{operator}LessThan", KEY, text), context={KEY: text})
    except InvalidParameterException as refused:
        message = str(refused.message)
    assert message == REGISTRY_REFUSAL


@pytest.mark.parametrize(
    ("parts", "decision"),
    [
        pytest.param({"Action": "*", "Resource": "*"}, ALLOW, id="everything"),
        pytest.param({"Action": ["s3:*", "ECR:put*"], "Resource": "*"}, ALLOW, id="many services"),
        pytest.param({"Action": "s3:*", "Resource": "*"}, NONE, id="another service"),
        pytest.param({"NotAction": "ecr:PutImage", "Resource": "*"}, NONE, id="not this action"),
        pytest.param({"Action": "ecr:*", "NotResource": REPOSITORY}, NONE, id="not this resource"),
        pytest.param({"Action": "*", "Resource": "*", "Effect": "Deny"}, DENY, id="denial"),
        pytest.param({"Action": "*", "Resource": "*", "Principal": "*"}, NONE, id="principal"),
        pytest.param({"Action": 1, "Resource": "*"}, NONE, id="not readable"),
    ],
)
def test_policies_of_identities(parts: Any, decision: PolicyDecision) -> None:
    """A policy of an identity applies to its principal, in every service; unreadable parts have no effect."""
    text = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", **parts}})
    document = read_identity_policy(text)
    assert document.decision(USER, ACCOUNT, "ecr:PutImage", REPOSITORY, {}) is decision


BAD_RANGE = {"IpAddress": {"aws:SourceIp": "10.0.0.0/33"}}
ALL = {"Action": "*", "Resource": "*"}


def decide_readable(
    *statements: Any, read: Callable[[str], PolicyDocument] = read_identity_policy
) -> PolicyDecision:
    text = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    return read(text).decision(USER, ACCOUNT, "ecr:PutImage", REPOSITORY, {})


@pytest.mark.parametrize(
    "unreadable",
    [
        pytest.param({"Effect": "Allow", **ALL, "Condition": BAD_RANGE}, id="condition value"),
        pytest.param({"Effect": "Allow", **ALL, "Condition": {"Is": {"a": "b"}}}, id="operator"),
        pytest.param({"Effect": "Allow", "Action": [], "Resource": "*"}, id="actions"),
        pytest.param({"Effect": "Allow", **ALL, "When": "now"}, id="unknown member"),
        pytest.param({"Effect": "Perhaps", **ALL}, id="effect"),
        pytest.param(None, id="null"),
        pytest.param({"Effect": "Allow", **ALL, "Sid": [9]}, id="sid"),
    ],
)
def test_one_statement_that_cannot_be_read_leaves_the_others(unreadable: Any) -> None:
    """An unreadable statement allows nothing; the other statements apply unchanged."""
    allow, deny = {"Effect": "Allow", **ALL}, {"Effect": "Deny", **ALL}
    assert decide_readable(unreadable) is NONE
    assert decide_readable(allow, unreadable) is ALLOW
    assert decide_readable(unreadable, allow) is ALLOW
    assert decide_readable(unreadable, allow, deny) is DENY


@pytest.mark.parametrize(
    ("members", "decision"),
    [
        pytest.param({**ALL, "Condition": BAD_RANGE}, DENY, id="condition value"),
        pytest.param({**ALL, "Condition": {"NotIpAddress": {"a:b": "x"}}}, DENY, id="negated"),
        pytest.param({**ALL, "Condition": 7}, DENY, id="conditions"),
        pytest.param(
            {"Action": "ecr:Put*", "Resource": REPOSITORY, "Condition": BAD_RANGE}, DENY, id="this"
        ),
        pytest.param(
            {"Action": "s3:*", "Resource": "*", "Condition": BAD_RANGE}, NONE, id="other actions"
        ),
        pytest.param(
            {"Action": "*", "Resource": f"{REPOSITORY}2", "Condition": BAD_RANGE},
            NONE,
            id="other resources",
        ),
        pytest.param({"Action": {}, "Resource": "*"}, DENY, id="actions"),
        pytest.param({"Action": "*", "Resource": [9]}, DENY, id="resources"),
        pytest.param({**ALL, "Conditions": {}}, DENY, id="unknown member"),
    ],
)
def test_a_denial_that_cannot_be_read_denies(
    members: dict[str, Any], decision: PolicyDecision
) -> None:
    """An unreadable element of a denial matches everything; the other elements apply."""
    allowed = [{"Effect": "Allow", **ALL}] if decision is DENY else []
    assert decide_readable({"Effect": "Deny", **members}, *allowed) is decision
    with_principal = {"Effect": "Deny", "Principal": "*", **members}
    assert decide_readable(with_principal, read=read_resource_policy) is decision


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '{"Statement": []}', "[" * 100_000])
def test_a_text_that_is_no_document_says_nothing(text: str) -> None:
    """A text that is no document allows and denies nothing, for an identity and for a resource."""
    for read in (read_identity_policy, read_resource_policy):
        assert read(text).decision(USER, ACCOUNT, "ecr:PutImage", REPOSITORY, {}) is NONE


@pytest.mark.parametrize("number", ["9" * 101, "1" + "0" * 20_000])
def test_long_numbers_and_dates_cannot_be_read(number: str) -> None:
    """Numbers that are too long to parse are not read. Other statements are read."""
    for kind in ("Numeric", "Date"):
        with pytest.raises(InvalidParameterException):
            parse_registry_policy(policy(condition(f"{kind}LessThan", "a:b", number)))
    text = policy(statement(), condition("NumericEquals", "a:b", "7")).replace('"7"', number)
    document = read_resource_policy(text)
    assert document.decision(USER, ACCOUNT, "ecr:BatchGetImage", REPOSITORY, {}) is ALLOW
    assert len(document.statements) == 1
