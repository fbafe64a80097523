"""The condition keys that a request has: what policies may ask of it, and which keys are missing.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html and
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html. What
operators do with values is in `tests/unit/test_policy_documents.py`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from freezegun import freeze_time

from moto_ecr_ext.testing import build_image, push
from support.constants import ACCOUNT, OTHER_ACCOUNT
from support.environments import Environment
from support.iam import Role, User, document, enforced
from support.raw_http import RawClient
from support.refusals import refusal
from support.registry_client import RegistrySession

NAME = "team/app"
ARN = f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/{NAME}"
ENDPOINT = "vpce-0a1b2c3d4e5f60718"
IMAGE = build_image(layers=1)
TAG = [{"Key": "team", "Value": "blue"}]


@pytest.fixture
def repository(ecr: Any) -> None:
    """A repository with the tag `team`."""
    ecr.create_repository(repositoryName=NAME, tags=TAG)


def let_in(ecr: Any, condition: Any, **statement: Any) -> None:
    """Let everyone in who meets a condition."""
    ecr.set_repository_policy(
        repositoryName=NAME,
        policyText=document(
            {"Principal": "*", "Action": "ecr:ListImages", "Condition": condition, **statement}
        ),
    )


def is_let_in(client: Any) -> bool:
    """Return whether a client may list the images of the repository."""
    return is_granted(lambda: client.list_images(registryId=ACCOUNT, repositoryName=NAME))


def is_granted(call: Callable[[], Any]) -> bool:
    """Return whether policies allow a call. Raises any other refusal."""
    try:
        call()
    except ClientError as error:
        if error.response["Error"]["Code"] != "AccessDeniedException":
            raise
        return False
    return True


MISSING = [
    *("aws:SourceArn", "aws:SourceAccount", "aws:SourceOrgID", "aws:SourceVpce", "aws:SourceVpc"),
    *("aws:VpcSourceIp", "aws:PrincipalOrgID", "aws:PrincipalOrgPaths", "aws:ResourceOrgID"),
    *("aws:PrincipalTag/team", "aws:RequestTag/team", "aws:TagKeys", "aws:ResourceTag/none"),
    *("ecr:ResourceTag/none", "ecr:AccountSetting", "aws:username", "aws:CalledVia"),
    *("aws:MultiFactorAuthPresent", "aws:PrincipalServiceName", "aws:NoSuchKey"),
]


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ({"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}, True),
        ({"IpAddress": {"AWS:SOURCEIP": ["10.0.0.0/8", "127.0.0.1"]}}, True),
        ({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, False),
        ({"NotIpAddress": {"aws:SourceIp": "127.0.0.0/8"}}, False),
        ({"StringEquals": {"ecr:ResourceTag/team": "blue"}}, True),
        ({"StringEquals": {"aws:ResourceTag/team": ["red", "blue"]}}, True),
        ({"StringEquals": {"aws:ResourceTag/team": "red"}}, False),
        ({"StringNotEquals": {"ecr:ResourceTag/team": "blue"}}, False),
        ({"StringEquals": {"aws:ResourceAccount": ACCOUNT}}, True),
        ({"StringEquals": {"aws:PrincipalAccount": OTHER_ACCOUNT}}, True),
        ({"StringEquals": {"aws:PrincipalType": "Account"}}, True),
        ({"StringEquals": {"aws:RequestedRegion": "us-east-1"}}, True),
        ({"StringLike": {"aws:UserAgent": "*Boto3/*"}}, True),
        ({"StringLike": {"aws:UserAgent": "docker/*"}}, False),
        ({"Bool": {"aws:PrincipalIsAWSService": "false", "aws:ViaAWSService": "false"}}, True),
        *(({"Null": {key: "true"}}, True) for key in MISSING),
        *(({"StringEquals": {key: "x"}}, False) for key in MISSING[:2]),
        *(({"StringNotEquals": {key: "x"}}, True) for key in MISSING[:2]),
        *(({"StringEqualsIfExists": {key: "x"}}, True) for key in MISSING[:2]),
    ],
)
def test_keys_of_an_account_that_calls(
    aws: Environment, ecr: Any, repository: None, condition: Any, holds: bool
) -> None:
    """Those that the request lacks are missing: only a negated operator or `IfExists` holds then."""
    let_in(ecr, condition)
    assert is_let_in(aws.client(account=OTHER_ACCOUNT)) is holds


def test_whether_the_transport_is_secure(aws: Environment, ecr: Any, repository: None) -> None:
    """`aws:SecureTransport` is false at the server of these tests, which speaks plain HTTP."""
    let_in(ecr, {"Bool": {"aws:SecureTransport": "true"}})
    assert is_let_in(aws.client(account=OTHER_ACCOUNT)) is (aws.name == "in_process")


def test_the_time(aws: Environment, ecr: Any, repository: None) -> None:
    """The time is available as a date and in seconds."""
    guest = aws.client(account=OTHER_ACCOUNT)
    let_in(
        ecr,
        {
            "DateGreaterThan": {"aws:CurrentTime": "2026-06-01T00:00:00Z"},
            "NumericLessThan": {"aws:EpochTime": 1_800_000_000},
        },
    )
    for at, expected in (("2026-05-31", False), ("2026-06-02", True), ("2027-06-02", False)):
        with freeze_time(at):
            assert is_let_in(guest) is expected


class Organization:
    """An organization of moto, managed by the account of the tests."""

    def __init__(self, aws: Environment):
        self.client = aws.client("organizations")
        self.id = self.client.create_organization(FeatureSet="ALL")["Organization"]["Id"]
        self.root = self.client.list_roots()["Roots"][0]["Id"]

    def member(self, name: str) -> str:
        """Return the id of a new account in it."""
        status = self.client.create_account(AccountName=name, Email=f"{name}@example.com")
        return str(status["CreateAccountStatus"]["AccountId"])

    def unit(self, name: str, parent: str) -> str:
        """Return the id of a new unit."""
        unit = self.client.create_organizational_unit(ParentId=parent, Name=name)
        return str(unit["OrganizationalUnit"]["Id"])


def test_an_organization_is_let_in(aws: Environment, ecr: Any, repository: None) -> None:
    """All accounts of an organization are allowed, and no other:
    https://github.com/aws/containers-roadmap/issues/1972.
    """
    organization = Organization(aws)
    member = aws.client(account=organization.member("member"))
    let_in(ecr, {"StringEquals": {"aws:PrincipalOrgID": organization.id}})
    assert is_let_in(member)
    assert not is_let_in(aws.client(account=OTHER_ACCOUNT))
    let_in(ecr, {"StringEquals": {"aws:PrincipalOrgID": "o-another"}})
    assert not is_let_in(member)
    let_in(ecr, {"StringEquals": {"aws:ResourceOrgID": organization.id}})
    assert is_let_in(aws.client(account=OTHER_ACCOUNT))


def test_a_unit_of_an_organization(aws: Environment, ecr: Any, repository: None) -> None:
    """A unit is matched by the path to the account, which is a list of one."""
    organization = Organization(aws)
    accounts = [organization.member("one"), organization.member("two")]
    upper = organization.unit("upper", organization.root)
    lower = organization.unit("lower", upper)
    organization.client.move_account(
        AccountId=accounts[0], SourceParentId=organization.root, DestinationParentId=lower
    )
    one, two = (aws.client(account=account) for account in accounts)
    path = f"{organization.id}/{organization.root}/"
    for pattern, expected in (
        (f"{path}*", (True, True)),
        (f"{path}{upper}/*", (True, False)),
        (f"{path}{upper}/{lower}/", (True, False)),
        (f"{path}{lower}/", (False, False)),
        (path, (False, True)),
    ):
        let_in(ecr, {"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": pattern}})
        assert (is_let_in(one), is_let_in(two)) == expected, pattern


def url_of_endpoint(kind: str) -> str:
    """The URL of an endpoint of ECR in a VPC, by its own name."""
    return f"https://{ENDPOINT}-x1y2z3.{kind}.ecr.us-east-1.vpce.amazonaws.com"


def test_a_vpc_endpoint(aws: Environment, ecr: Any, repository: None) -> None:
    """A request to the endpoint's own host name has its key, and no `aws:SourceIp`.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html
    """
    raw = RawClient(aws)
    host = f"{ENDPOINT}-x1y2z3-us-east-1a.api.ecr.us-east-1.vpce.amazonaws.com"

    def status(**headers: str) -> int:
        request = {"registryId": ACCOUNT, "repositoryName": NAME}
        return raw.send("ListImages", request, x_moto_account_id=OTHER_ACCOUNT, **headers).status

    for condition in (
        {"StringEquals": {"aws:SourceVpce": ENDPOINT}},
        {"Null": {"aws:SourceIp": "true"}, "IpAddress": {"aws:VpcSourceIp": "127.0.0.1"}},
    ):
        let_in(ecr, condition)
        assert status(Host=host) == 200
        assert status() == 400
    let_in(ecr, {"StringEquals": {"aws:SourceVpce": "vpce-another"}})
    assert status(Host=host) == 400


def test_the_vpc_of_an_endpoint(aws: Environment, ecr: Any, repository: None) -> None:
    """The VPC of an endpoint is known in the caller's own account, where moto's EC2 has the endpoint."""
    guest_ec2 = aws.client("ec2", account=OTHER_ACCOUNT)
    vpc = guest_ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    endpoint = guest_ec2.create_vpc_endpoint(
        VpcId=vpc, ServiceName="com.amazonaws.us-east-1.ecr.api", VpcEndpointType="Interface"
    )["VpcEndpoint"]["VpcEndpointId"]
    let_in(ecr, {"StringEquals": {"aws:SourceVpc": vpc}})
    raw = RawClient(aws)
    for name, status in ((endpoint, 200), (ENDPOINT, 400)):
        assert (
            raw.send(
                "ListImages",
                {"registryId": ACCOUNT, "repositoryName": NAME},
                x_moto_account_id=OTHER_ACCOUNT,
                Host=f"{name}-x1y2z3.api.ecr.us-east-1.vpce.amazonaws.com",
            ).status
            == status
        )


def test_clients_reach_a_vpc_endpoint(in_process: Environment) -> None:
    """Both protocols answer under `mock_aws` at the endpoint's own name. URIs and passwords are those of the
    registry.
    """
    ecr = in_process.client()
    ecr.create_repository(repositoryName=NAME)
    client = boto3.client(
        "ecr",
        region_name="us-east-1",
        endpoint_url=url_of_endpoint("api"),
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    repositories = client.describe_repositories()["repositories"]
    assert repositories == ecr.describe_repositories()["repositories"]
    push(client, NAME, IMAGE, tag="v1")
    guest = in_process.client(account=OTHER_ACCOUNT)
    [data] = guest.get_authorization_token(registryIds=[ACCOUNT])["authorizationData"]
    registry = RegistrySession(url_of_endpoint("dkr"), data["authorizationToken"])
    for endpoint, status in ((ENDPOINT, 200), ("vpce-another", 403)):
        let_in(ecr, {"StringEquals": {"aws:SourceVpce": endpoint}})
        assert registry.get(f"/v2/{NAME}/tags/list").status_code == status


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ({"StringEquals": {"ecr:ResourceTag/team": "blue"}}, True),
        ({"StringEquals": {"ecr:ResourceTag/team": "red"}}, False),
        ({"IpAddress": {"aws:SourceIp": "127.0.0.1"}}, True),
        ({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, False),
        ({"StringLike": {"aws:UserAgent": "docker/*"}}, True),
        ({"StringEquals": {"aws:SourceVpce": ENDPOINT}}, False),
        ({"Null": {"aws:TagKeys": "true", "aws:PrincipalOrgID": "true"}}, True),
    ],
)
def test_a_client_with_a_password(
    aws: Environment, ecr: Any, repository: None, condition: Any, holds: bool
) -> None:
    """A request with a password has the keys of the principal that asked for the password."""
    let_in(ecr, condition)
    guest = aws.client(account=OTHER_ACCOUNT)
    [data] = guest.get_authorization_token(registryIds=[ACCOUNT])["authorizationData"]
    registry = RegistrySession(aws.registry_url(), data["authorizationToken"])
    answer = registry.get(f"/v2/{NAME}/tags/list", headers={"User-Agent": "docker/29.0"})
    assert answer.status_code == (200 if holds else 403)


def test_an_organization_pulls(aws: Environment, ecr: Any, repository: None) -> None:
    """An organization also pulls with a password: https://github.com/aws/containers-roadmap/issues/1972."""
    organization = Organization(aws)
    let_in(ecr, {"StringEquals": {"aws:PrincipalOrgID": organization.id}})
    for account, status in ((organization.member("member"), 200), (OTHER_ACCOUNT, 403)):
        guest = aws.client(account=account)
        [data] = guest.get_authorization_token(registryIds=[ACCOUNT])["authorizationData"]
        registry = RegistrySession(aws.registry_url(), data["authorizationToken"])
        assert registry.get(f"/v2/{NAME}/tags/list").status_code == status


def is_permitted(call: Callable[[], Any]) -> bool:
    """Return whether a call is allowed while IAM is enforced."""
    return enforced(lambda: is_granted(call))


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ({"StringEquals": {"aws:PrincipalTag/team": "blue"}}, True),
        ({"StringEquals": {"aws:PrincipalTag/team": "red"}}, False),
        ({"StringEquals": {"aws:username": "builder", "aws:PrincipalType": "User"}}, True),
        ({"Null": {"aws:userid": "false"}}, True),
        ({"StringEquals": {"ecr:ResourceTag/team": "blue"}}, True),
        ({"StringEquals": {"ecr:ResourceTag/team": "red"}}, False),
        ({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, False),
        ({"Null": {"aws:MultiFactorAuthPresent": "true"}}, True),
    ],
)
def test_keys_of_a_user(
    aws: Environment, ecr: Any, repository: None, condition: Any, holds: bool
) -> None:
    """A condition in a user's own policies applies while IAM is enforced."""
    user = User(aws, Action="ecr:*", Resource="*", Condition=condition)
    user.iam.tag_user(UserName="builder", Tags=TAG)
    client = user.client()
    assert is_permitted(lambda: client.list_images(repositoryName=NAME)) is holds


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ({"StringEquals": {"aws:PrincipalTag/team": "blue"}}, True),
        ({"StringEquals": {"aws:PrincipalType": "AssumedRole"}}, True),
        ({"StringLike": {"aws:userid": "AROA*:session"}}, True),
        ({"Bool": {"aws:MultiFactorAuthPresent": "false"}}, True),
        ({"Null": {"aws:username": "true"}}, True),
        ({"ArnEquals": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/builder"}}, True),
    ],
)
def test_keys_of_a_session(
    aws: Environment, ecr: Any, repository: None, condition: Any, holds: bool
) -> None:
    """The tags of a session are those of its role."""
    role = Role(aws, Action="ecr:*", Resource="*", Condition=condition)
    aws.client("iam").tag_role(RoleName="builder", Tags=TAG)
    client = role.client()
    assert is_permitted(lambda: client.list_images(repositoryName=NAME)) is holds


@pytest.mark.parametrize(("team", "holds"), [("blue", True), ("red", False), (None, False)])
def test_repositories_of_one_s_own_team(
    aws: Environment, ecr: Any, repository: None, team: str | None, holds: bool
) -> None:
    """A variable for the user's tag allows each team its repositories with one policy.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/tutorial_attribute-based-access-control.html
    """
    condition = {"StringEquals": {"ecr:ResourceTag/team": "${aws:PrincipalTag/team}"}}
    user = User(aws, Action="ecr:*", Resource="*", Condition=condition)
    if team is not None:
        user.iam.tag_user(UserName="builder", Tags=[{"Key": "team", "Value": team}])
    client = user.client()
    assert is_permitted(lambda: client.list_images(repositoryName=NAME)) is holds


def test_a_user_s_own_repositories(aws: Environment, ecr: Any) -> None:
    """A variable in the resource allows each user its own repositories."""
    arn = "arn:aws:ecr:us-east-1:*:repository/${aws:username}/*"
    client = User(aws, Action="ecr:*", Resource=arn).client()
    assert is_permitted(lambda: client.create_repository(repositoryName="builder/app"))
    assert not is_permitted(lambda: client.create_repository(repositoryName="other/app"))


def test_tags_of_another_account_s_repository(aws: Environment, ecr: Any, repository: None) -> None:
    """Tags of another account's repository also count in the policies of the caller."""
    ecr.set_repository_policy(
        repositoryName=NAME, policyText=document({"Principal": "*", "Action": "ecr:ListImages"})
    )
    for value, expected in (("blue", True), ("red", False)):
        user = User(aws, account=OTHER_ACCOUNT)
        user.allow(
            {
                "Action": "ecr:*",
                "Resource": "*",
                "Condition": {"StringEquals": {"aws:ResourceTag/team": value}},
            }
        )
        client = user.client()
        call = {"registryId": ACCOUNT, "repositoryName": NAME}
        assert is_permitted(lambda client=client, call=call: client.list_images(**call)) is expected
        user.iam.delete_access_key(UserName="builder", AccessKeyId=user.key["AccessKeyId"])
        user.iam.delete_user_policy(UserName="builder", PolicyName="policy")
        user.iam.delete_user(UserName="builder")


def test_tags_of_a_request(aws: Environment, ecr: Any) -> None:
    """A repository can be created and tagged only with the tags that the policy allows."""
    condition = {
        "StringEquals": {"aws:RequestTag/team": "blue"},
        "ForAllValues:StringEquals": {"aws:TagKeys": ["team", "stage"]},
    }
    actions = ["ecr:CreateRepository", "ecr:TagResource"]
    client = User(aws, Action=actions, Resource="*", Condition=condition).client()
    stage, other = {"Key": "stage", "Value": "test"}, {"Key": "other", "Value": "x"}

    def creates(*tags: dict[str, str]) -> bool:
        given = {"tags": list(tags)} if tags else {}
        return is_permitted(lambda: client.create_repository(repositoryName="new", **given))

    assert not creates()
    assert not creates({"Key": "team", "Value": "red"})
    assert not creates(*TAG, other)
    assert ecr.describe_repositories()["repositories"] == []
    assert creates(*TAG, stage)
    arn = ARN.replace(NAME, "new")
    assert is_permitted(lambda: client.tag_resource(resourceArn=arn, tags=TAG))
    assert not is_permitted(lambda: client.tag_resource(resourceArn=arn, tags=[*TAG, other]))


def test_keys_of_tags_that_go(aws: Environment, ecr: Any, repository: None) -> None:
    """UntagResource has the keys of the tags that it removes."""
    condition = {"ForAnyValue:StringEquals": {"aws:TagKeys": ["team"]}}
    user = User(aws)
    user.allow(
        {"Action": "ecr:*", "Resource": "*"},
        {"Effect": "Deny", "Action": "ecr:UntagResource", "Resource": "*", "Condition": condition},
    )
    client = user.client()
    assert is_permitted(lambda: client.untag_resource(resourceArn=ARN, tagKeys=["stage"]))
    assert not is_permitted(lambda: client.untag_resource(resourceArn=ARN, tagKeys=["team"]))
    assert ecr.list_tags_for_resource(resourceArn=ARN)["tags"] == TAG


def test_the_account_setting(aws: Environment, ecr: Any) -> None:
    """The operations on settings have the setting's name as a key."""
    condition = {"StringEquals": {"ecr:AccountSetting": "BLOB_MOUNTING"}}
    client = User(aws, Action="ecr:*", Resource="*", Condition=condition).client()
    assert is_permitted(lambda: client.get_account_setting(name="BLOB_MOUNTING"))
    assert is_permitted(lambda: client.put_account_setting(name="BLOB_MOUNTING", value="ENABLED"))
    assert not is_permitted(lambda: client.get_account_setting(name="REGISTRY_POLICY_SCOPE"))


def test_a_denial_that_does_not_meet_its_setter(
    aws: Environment, ecr: Any, repository: None
) -> None:
    """The denial does not lock its caller out, so that it needs no force: the request's own keys count."""
    organization = Organization(aws)
    deny = {"Principal": "*", "Action": "ecr:*", "Effect": "Deny"}
    condition = {"StringNotEquals": {"aws:PrincipalOrgID": organization.id}}
    policy = document({**deny, "Condition": condition})
    ecr.set_repository_policy(repositoryName=NAME, policyText=policy)
    stored = ecr.get_repository_policy(repositoryName=NAME)["policyText"]
    assert json.loads(stored)["Statement"][0]["Condition"] == condition
    condition = {"StringNotEquals": {"aws:PrincipalOrgID": "o-another"}}
    error = refusal(
        ecr.set_repository_policy,
        repositoryName=NAME,
        policyText=document({**deny, "Condition": condition}),
    )
    assert "Use force to set it nevertheless" in error.message
