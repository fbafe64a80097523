"""moto's IAM when a test enforces it: which calls are allowed, and how the others are refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from moto_ecr_ext.testing import build_image, pull, push
from support.constants import ACCOUNT, OTHER_ACCOUNT
from support.iam import Role, User, document, enforced
from support.raw_http import RawClient
from support.refusals import Refusal, invalid, refusal
from support.stored import everything_stored

ARN = "arn:aws:ecr:us-east-1:123456789012:repository/"
IMAGE = build_image(layers=1)


def refusal_enforced(call: Callable[..., Any], **request: Any) -> Refusal:
    """The refusal of one call while IAM is enforced."""
    return enforced(lambda: refusal(call, **request))


def denied(action: str, resource: str, principal: str = User.arn) -> Refusal:
    """AWS's refusal of an action that no policy of the caller allows."""
    return Refusal(
        "AccessDeniedException",
        f"User: {principal} is not authorized to perform: ecr:{action} on resource: {resource} "
        f"because no identity-based policy allows the ecr:{action} action",
    )


def explicitly_denied(action: str, resource: str, policies: str) -> Refusal:
    """AWS's refusal of an action that a policy denies."""
    return Refusal(
        "AccessDeniedException",
        f"User: {User.arn} is not authorized to perform: ecr:{action} on resource: {resource} "
        f"with an explicit deny in {policies} policy",
    )


def test_without_a_policy_nothing_is_allowed(aws: Any, ecr: Any, repository_name: str) -> None:
    """A user without a policy is denied, and changes nothing."""
    client = User(aws).client()
    before = everything_stored()
    assert refusal_enforced(client.delete_repository, repositoryName=repository_name) == denied(
        "DeleteRepository", ARN + repository_name
    )
    assert everything_stored() == before


def test_a_policy_allows_actions_on_resources(aws: Any, ecr: Any, repository_name: str) -> None:
    """Actions that no statement names are denied."""
    ecr.create_repository(repositoryName="other")
    user = User(aws, Action=["ecr:ListImages", "ecr:DescribeImages"], Resource=f"{ARN}team/*")
    client = user.client()

    def calls() -> None:
        assert client.list_images(repositoryName=repository_name)["imageIds"] == []
        assert refusal(client.list_images, repositoryName="other") == denied(
            "ListImages", f"{ARN}other"
        )
        request = {"repositoryName": repository_name, "imageIds": [{"imageTag": "v1"}]}
        assert refusal(client.batch_get_image, **request) == denied(
            "BatchGetImage", ARN + repository_name
        )
        assert refusal(client.get_authorization_token) == denied("GetAuthorizationToken", "*")

    enforced(calls)


def test_an_image_is_pushed_and_pulled(aws: Any, ecr: Any, repository_name: str) -> None:
    """An image is pushed and pulled with signatures checked on every request, whatever its body."""
    client = User(aws, Action="ecr:*", Resource="*").client()

    def push_and_pull() -> str:
        push(client, repository_name, IMAGE, tag="v1")
        return pull(client, repository_name, "v1").digest

    assert enforced(push_and_pull) == IMAGE.digest


def test_resources_that_requests_name_otherwise(aws: Any, ecr: Any, repository_name: str) -> None:
    """Resources that a request names by ARN, or several by name, must each be allowed."""
    ecr.create_repository(repositoryName="other")
    client = User(aws, Action="ecr:*", Resource=f"{ARN}team/*").client()

    def calls() -> None:
        client.list_tags_for_resource(resourceArn=ARN + repository_name)
        assert refusal(client.list_tags_for_resource, resourceArn=f"{ARN}other") == denied(
            "ListTagsForResource", f"{ARN}other"
        )
        client.describe_repositories(repositoryNames=[repository_name])
        names = [repository_name, "other"]
        assert refusal(client.describe_repositories, repositoryNames=names) == denied(
            "DescribeRepositories", f"{ARN}other"
        )
        assert refusal(
            client.batch_get_repository_scanning_configuration, repositoryNames=names
        ) == denied("BatchGetRepositoryScanningConfiguration", f"{ARN}other")
        assert refusal(client.describe_repositories) == denied("DescribeRepositories", f"{ARN}*")
        assert refusal(client.describe_registry) == denied("DescribeRegistry", "*")

    enforced(calls)


def test_a_request_counts_once(aws: Any, ecr: Any) -> None:
    """A request counts once toward INITIAL_NO_AUTH_ACTION_COUNT, however many repositories it names."""
    names = ["app-1", "app-2", "app-3"]
    for name in names:
        ecr.create_repository(repositoryName=name)
    client = User(aws).client()

    def calls() -> Refusal:
        for _ in range(2):
            assert len(client.describe_repositories(repositoryNames=names)["repositories"]) == 3
        return refusal(client.describe_repositories, repositoryNames=names)

    assert enforced(calls, after=2) == denied("DescribeRepositories", f"{ARN}app-1")


def test_parameters_come_first(aws: Any) -> None:
    """Parameters are checked before permissions: an invalid request has no resource."""
    client = User(aws).client()
    assert refusal_enforced(client.list_images, repositoryName="AB").code == (
        "InvalidParameterException"
    )


def test_an_assumed_role(aws: Any, ecr: Any, repository_name: str) -> None:
    """The session of an assumed role is the principal, with the policies of the role."""
    role = Role(aws, Action="ecr:DescribeImages", Resource="*")
    client = role.client()

    def calls() -> None:
        client.describe_images(repositoryName=repository_name)
        assert refusal(client.list_images, repositoryName=repository_name) == denied(
            "ListImages", ARN + repository_name, role.session_arn
        )

    enforced(calls)


def test_a_denial_of_the_user_s_own_policy(aws: Any, ecr: Any, repository_name: str) -> None:
    """An explicit denial overrides permissions, and has its own message."""
    user = User(aws)
    user.allow(
        {"Action": "*", "Resource": "*"},
        {"Effect": "Deny", "Action": "ecr:List*", "NotResource": f"{ARN}public/*"},
    )
    client = user.client()
    ecr.create_repository(repositoryName="public/app")

    def calls() -> None:
        client.describe_images(repositoryName=repository_name)
        client.list_images(repositoryName="public/app")
        assert refusal(client.list_images, repositoryName=repository_name) == explicitly_denied(
            "ListImages", ARN + repository_name, "an identity-based"
        )

    enforced(calls)


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ({"StringEquals": {"aws:PrincipalAccount": ACCOUNT}}, True),
        ({"StringEquals": {"aws:PrincipalAccount": OTHER_ACCOUNT}}, False),
        ({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:user/b*"}}, True),
        ({"StringEquals": {"aws:ResourceTag/none": "x"}}, False),
    ],
)
def test_a_condition_of_the_user_s_policy(
    aws: Any, ecr: Any, repository_name: str, condition: dict[str, Any], holds: bool
) -> None:
    """An allowance whose condition does not hold has no effect, and is no explicit denial."""
    client = User(aws, Action="ecr:*", Resource="*", Condition=condition).client()
    if holds:
        assert (
            enforced(lambda: client.list_images(repositoryName=repository_name))["imageIds"] == []
        )
    else:
        assert refusal_enforced(client.list_images, repositoryName=repository_name) == denied(
            "ListImages", ARN + repository_name
        )


def test_policies_of_groups_and_managed_ones(aws: Any, ecr: Any, repository_name: str) -> None:
    """Policies of groups and managed policies apply like the user's own."""
    user = User(aws)
    user.iam.create_group(GroupName="readers")
    user.iam.put_group_policy(
        GroupName="readers",
        PolicyName="policy",
        PolicyDocument=document({"Action": "ecr:ListImages", "Resource": "*"}),
    )
    user.iam.add_user_to_group(GroupName="readers", UserName="builder")
    managed = user.iam.create_policy(
        PolicyName="managed",
        PolicyDocument=document({"Action": "ecr:DescribeImages", "Resource": "*"}),
    )["Policy"]["Arn"]
    user.iam.attach_user_policy(UserName="builder", PolicyArn=managed)
    client = user.client()

    def calls() -> None:
        client.list_images(repositoryName=repository_name)
        client.describe_images(repositoryName=repository_name)
        assert refusal(client.delete_repository, repositoryName=repository_name) == denied(
            "DeleteRepository", ARN + repository_name
        )

    enforced(calls)


UNREADABLE = {"IpAddress": {"aws:SourceIp": "10.0.0.0/33"}}


def test_a_statement_that_cannot_be_read(aws: Any, ecr: Any, repository_name: str) -> None:
    """Other statements of the document still apply. An unreadable denial still denies.

    moto's IAM takes conditions with such values; what AWS does with them is not known.
    """
    user = User(aws)
    client = user.client()
    everything = {"Action": "ecr:*", "Resource": "*"}
    denial = {"Effect": "Deny", "Action": "ecr:ListImages", "Resource": "*"}
    refused = explicitly_denied("ListImages", ARN + repository_name, "an identity-based")
    for statements in (
        [everything, {**everything, "Condition": UNREADABLE}, denial],
        [everything, {**denial, "Condition": UNREADABLE}],
    ):
        user.allow(*statements)
        enforced(lambda: client.describe_images(repositoryName=repository_name))
        assert refusal_enforced(client.list_images, repositoryName=repository_name) == refused
    user.allow({**everything, "Condition": UNREADABLE})
    assert refusal_enforced(client.list_images, repositoryName=repository_name) == denied(
        "ListImages", ARN + repository_name
    )


@pytest.mark.parametrize(
    "principal",
    [
        "arn:aws:iam::123456789012:user/nobody",
        "arn:aws:iam::123456789012:user/path/builder",
        "arn:aws:iam::123456789012:role/nobody",
        "arn:aws:iam::888888888888:user/builder",
        "arn:aws:sts::123456789012:assumed-role/nobody/session",
    ],
)
def test_a_policy_names_principals_that_exist(
    aws: Any, ecr: Any, repository_name: str, principal: str
) -> None:
    """Principals must exist only while IAM is enforced.

    https://github.com/hashicorp/terraform-provider-aws/issues/39064; a registry's policy has one text for everything:
    https://github.com/pulumi/pulumi-aws/issues/2326
    """
    client = User(aws, Action="ecr:*", Resource="*").client()
    statement = {"Principal": {"AWS": [User.arn, principal]}, "Action": "ecr:ListImages"}
    before = everything_stored()
    assert refusal_enforced(
        client.set_repository_policy,
        repositoryName=repository_name,
        policyText=document(statement),
    ) == invalid("PolicyText", "Principal not found")
    assert refusal_enforced(
        client.put_registry_policy, policyText=document({**statement, "Resource": "*"})
    ) == invalid("PolicyText", "Invalid registry policy provided")
    assert everything_stored() == before
    ecr.set_repository_policy(repositoryName=repository_name, policyText=document(statement))


def test_a_policy_names_anyone_who_exists(aws: Any, ecr: Any, repository_name: str) -> None:
    """A policy can name users and roles of IAM with their paths, sessions of roles, and every account."""
    client = User(aws, Action="ecr:*", Resource="*").client()
    role = Role(aws)
    names = [User.arn, role.arn, role.session_arn, "888888888888", "*"]
    text = document({"Principal": {"AWS": names}, "Action": "ecr:ListImages"})
    enforced(lambda: client.set_repository_policy(repositoryName=repository_name, policyText=text))


def test_a_policy_of_the_repository_allows(aws: Any, ecr: Any, repository_name: str) -> None:
    """A repository's policy allows a user of the account that it names, without a policy of the user's."""
    client = User(aws).client()
    for principal in ({"AWS": User.arn}, "*"):
        ecr.set_repository_policy(
            repositoryName=repository_name,
            policyText=document({"Principal": principal, "Action": "ecr:ListImages"}),
        )
        enforced(lambda: client.list_images(repositoryName=repository_name))
    assert refusal_enforced(client.describe_images, repositoryName=repository_name) == denied(
        "DescribeImages", ARN + repository_name
    )


def test_a_policy_that_names_the_account(aws: Any, ecr: Any, repository_name: str) -> None:
    """An allowance leaves the decision to the policies of the account's users; a denial is for all users."""
    user = User(aws)
    client = user.client()
    root = {"AWS": "arn:aws:iam::123456789012:root"}
    statement = {"Principal": root, "Action": "ecr:ListImages", "Resource": "*"}
    ecr.put_registry_policy(policyText=document(statement))
    assert refusal_enforced(client.list_images, repositoryName=repository_name) == denied(
        "ListImages", ARN + repository_name
    )
    user.allow({"Action": "ecr:*", "Resource": "*"})
    enforced(lambda: client.list_images(repositoryName=repository_name))
    ecr.put_registry_policy(policyText=document({**statement, "Effect": "Deny"}))
    assert refusal_enforced(
        client.list_images, repositoryName=repository_name
    ) == explicitly_denied("ListImages", ARN + repository_name, "a resource-based")


def test_another_account_s_repository(aws: Any, ecr: Any, repository_name: str) -> None:
    """Both the user's policy and the repository's policy must allow the call."""
    guest = User(aws, account=OTHER_ACCOUNT)
    client = guest.client()
    request = {"registryId": ACCOUNT, "repositoryName": repository_name}
    ecr.set_repository_policy(
        repositoryName=repository_name,
        policyText=document({"Principal": {"AWS": guest.arn}, "Action": "ecr:ListImages"}),
    )
    assert refusal_enforced(client.list_images, **request) == denied(
        "ListImages", ARN + repository_name, guest.arn
    )
    guest.allow({"Action": "ecr:*", "Resource": "*"})
    assert enforced(lambda: client.list_images(**request))["imageIds"] == []
    assert refusal_enforced(client.describe_images, **request) == Refusal(
        "AccessDeniedException",
        f"User: {guest.arn} is not authorized to perform: ecr:DescribeImages "
        f"on resource: {ARN}{repository_name} "
        "because no resource-based policy allows the ecr:DescribeImages action",
    )


def test_tags_of_a_new_repository(aws: Any, ecr: Any) -> None:
    """Tags of a new repository need permission to tag."""
    user = User(aws, Action="ecr:CreateRepository", Resource="*")
    client = user.client()
    tags = [{"Key": "a", "Value": "b"}]
    before = everything_stored()
    assert refusal_enforced(client.create_repository, repositoryName="app", tags=tags) == denied(
        "TagResource", f"{ARN}app"
    )
    assert everything_stored() == before
    enforced(lambda: client.create_repository(repositoryName="without"))
    user.allow({"Action": ["ecr:CreateRepository", "ecr:TagResource"], "Resource": "*"})
    enforced(lambda: client.create_repository(repositoryName="app", tags=tags))


def test_referrers(aws: Any, ecr: Any, repository_name: str) -> None:
    """Listing referrers needs BatchGetImage; it has no separate permission."""
    push(ecr, repository_name, IMAGE, tag="v1")
    user = User(aws, Action="ecr:ListImageReferrers", Resource="*")
    client = user.client()
    request = {"repositoryName": repository_name, "subjectId": {"imageDigest": IMAGE.digest}}
    assert refusal_enforced(client.list_image_referrers, **request) == denied(
        "BatchGetImage", ARN + repository_name
    )
    user.allow({"Action": "ecr:BatchGetImage", "Resource": "*"})
    assert enforced(lambda: client.list_image_referrers(**request))["referrers"] == []


def test_a_session_of_a_role_that_is_gone(aws: Any) -> None:
    """A session of a deleted role is not recognised."""
    role = Role(aws)
    client = role.client()
    aws.client("iam").delete_role(RoleName="builder")
    assert refusal_enforced(client.describe_registry).code == "UnrecognizedClientException"


def test_an_unknown_access_key(aws: Any) -> None:
    """An unknown access key is not recognised."""
    client = User(aws).client(key_id="AKIAAAAAAAAAAAAAAAAA")
    assert refusal_enforced(client.describe_registry) == Refusal(
        "UnrecognizedClientException",
        "The security token included in the request is invalid.",
    )


WRONG_SIGNATURE = Refusal(
    "InvalidSignatureException",
    "The request signature we calculated does not match the signature you provided. "
    "Check your AWS Secret Access Key and signing method. "
    "Consult the service documentation for details.",
)


def test_a_wrong_secret(aws: Any) -> None:
    """A wrong secret makes a wrong signature."""
    client = User(aws, Action="*", Resource="*").client(secret="wrong")
    assert refusal_enforced(client.describe_registry) == WRONG_SIGNATURE


INCOMPLETE = Refusal(
    "IncompleteSignatureException",
    "Authorization header requires 'Credential' parameter. "
    "Authorization header requires 'Signature' parameter. "
    "Authorization header requires 'SignedHeaders' parameter.",
)


@pytest.mark.parametrize(
    ("authorization", "expected"),
    [
        pytest.param(
            None,
            Refusal("MissingAuthenticationTokenException", "Missing Authentication Token"),
            id="none",
        ),
        pytest.param("", INCOMPLETE, id="empty"),
        pytest.param("Basic QVdTOng=", INCOMPLETE, id="basic"),
        pytest.param("AWS4-HMAC-SHA256", INCOMPLETE, id="no parameters"),
        pytest.param("AWS4-HMAC-SHA256 Credential=a/b", INCOMPLETE, id="short scope"),
        pytest.param(
            "AWS4-HMAC-SHA256 Credential={key}/20260101/us-east-1/ecr/aws4_request",
            INCOMPLETE,
            id="no signature",
        ),
        pytest.param(
            "AWS4-HMAC-SHA256 Credential={key}/20260101/us-east-1/ecr/aws4_request, "
            "SignedHeaders=x-amz-date, Signature=0",
            INCOMPLETE,
            id="host is not signed",
        ),
        pytest.param(
            "AWS4-HMAC-SHA256 Credential={key}/20260101/us-east-1/sqs/aws4_request, "
            "SignedHeaders=host;x-amz-date, Signature=0",
            WRONG_SIGNATURE,
            id="signed for another service",
        ),
    ],
)
def test_signatures_that_are_none(
    in_process: Any, authorization: str | None, expected: Refusal
) -> None:
    """Malformed signatures are refused as AWS refuses them, and reach no operation."""
    user = User(in_process, Action="*", Resource="*")
    if authorization:
        authorization = authorization.format(key=user.key["AccessKeyId"])
    raw = RawClient(in_process)
    answer = enforced(
        lambda: raw.send(
            "DescribeRegistry", Authorization=authorization, X_Amz_Date="20260101T000000Z"
        )
    )
    assert answer.refusal == expected


def test_the_last_use_of_a_key(aws: Any) -> None:
    """IAM reports a call of ECR as the key's last use."""
    user = User(aws)
    iam = aws.client("iam")
    key_id = user.key["AccessKeyId"]
    used = iam.get_access_key_last_used(AccessKeyId=key_id)["AccessKeyLastUsed"]
    assert used.get("ServiceName") != "ecr"
    user.client().describe_registry()
    used = iam.get_access_key_last_used(AccessKeyId=key_id)["AccessKeyLastUsed"]
    assert (used["ServiceName"], used["Region"]) == ("ecr", "us-east-1")


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Basic QVdTOng=", "Bearer x", "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 Credential=a/b"],
)
def test_signatures_are_not_asked_for(in_process: Any, authorization: str | None) -> None:
    """Signatures are not required unless IAM is enforced, if the host names the Region."""
    answer = RawClient(in_process).send("DescribeRegistry", Authorization=authorization)
    assert answer.status == 200


@pytest.mark.parametrize(
    "authorization", ["AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 Credential=a/b", "AWS4,/"]
)
def test_a_signature_without_a_region(in_process: Any, authorization: str) -> None:
    """The Region is read from a dual-stack host, as in moto."""
    raw = RawClient(in_process, "https://ecr.us-west-2.api.aws/")
    answer = raw.send("DescribeRegistry", Authorization=authorization)
    assert (answer.status, answer.refusal) == (
        400,
        Refusal(
            "IncompleteSignatureException",
            "Authorization header requires 'Credential' parameter. "
            "Authorization header requires 'Signature' parameter. "
            "Authorization header requires 'SignedHeaders' parameter.",
        ),
    )
