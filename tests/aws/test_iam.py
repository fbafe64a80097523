"""moto's IAM, where a test has it enforced: who may do what, and what the others are told."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

import boto3
import pytest
from aws.raw_http import RawClient
from aws.refusals import Refusal, refusal
from aws.stored import everything_stored
from moto.core import set_initial_no_auth_action_count

from moto_ecr_ext.testing import build_image, pull, push

T = TypeVar("T")

ARN = "arn:aws:ecr:us-east-1:123456789012:repository/"
IMAGE = build_image(layers=1)


def enforced(call: Callable[[], T], after: int = 0) -> T:
    """Make calls while IAM is enforced, from the request after the first `after` on."""
    result: T = set_initial_no_auth_action_count(after)(call)()
    return result


def refusal_enforced(call: Callable[..., Any], **request: Any) -> Refusal:
    """The refusal of one call while IAM is enforced."""
    return enforced(lambda: refusal(call, **request))


class User:
    """A user of moto's IAM with a policy of one statement."""

    arn = "arn:aws:iam::123456789012:user/builder"

    def __init__(self, aws: Any, **statement: Any):
        self._aws = aws
        iam = aws.client("iam")
        iam.create_user(UserName="builder")
        document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]}
        if statement:
            iam.put_user_policy(
                UserName="builder", PolicyName="policy", PolicyDocument=json.dumps(document)
            )
        self.key = iam.create_access_key(UserName="builder")["AccessKey"]

    def client(self, secret: str | None = None, key_id: str | None = None) -> Any:
        """A client with the user's key, or with another key or secret."""
        return boto3.client(
            "ecr",
            region_name="us-east-1",
            endpoint_url=self._aws.endpoint_url,
            aws_access_key_id=key_id or self.key["AccessKeyId"],
            aws_secret_access_key=secret or self.key["SecretAccessKey"],
        )


def denied(action: str, resource: str, principal: str = User.arn) -> Refusal:
    """AWS's refusal of an action that no policy of the caller allows."""
    return Refusal(
        "AccessDeniedException",
        f"User: {principal} is not authorized to perform: ecr:{action} on resource: {resource} "
        f"because no identity-based policy allows the ecr:{action} action",
    )


def test_without_a_policy_nothing_is_allowed(aws: Any, ecr: Any, repository: str) -> None:
    """And nothing changes."""
    client = User(aws).client()
    before = everything_stored()
    assert refusal_enforced(client.delete_repository, repositoryName=repository) == denied(
        "DeleteRepository", ARN + repository
    )
    assert everything_stored() == before


def test_a_policy_allows_actions_on_resources(aws: Any, ecr: Any, repository: str) -> None:
    """What is not named is not allowed."""
    ecr.create_repository(repositoryName="other")
    user = User(aws, Action=["ecr:ListImages", "ecr:DescribeImages"], Resource=f"{ARN}team/*")
    client = user.client()

    def calls() -> None:
        assert client.list_images(repositoryName=repository)["imageIds"] == []
        assert refusal(client.list_images, repositoryName="other") == denied(
            "ListImages", f"{ARN}other"
        )
        request = {"repositoryName": repository, "imageIds": [{"imageTag": "v1"}]}
        assert refusal(client.batch_get_image, **request) == denied(
            "BatchGetImage", ARN + repository
        )
        assert refusal(client.get_authorization_token) == denied("GetAuthorizationToken", "*")

    enforced(calls)


def test_an_image_is_pushed_and_pulled(aws: Any, ecr: Any, repository: str) -> None:
    """With signatures checked on every request, whatever its body."""
    client = User(aws, Action="ecr:*", Resource="*").client()

    def push_and_pull() -> str:
        push(client, repository, IMAGE, tag="v1")
        return pull(client, repository, "v1").digest

    assert enforced(push_and_pull) == IMAGE.digest


def test_resources_that_requests_name_otherwise(aws: Any, ecr: Any, repository: str) -> None:
    """By ARN, or several by name: each must be allowed."""
    ecr.create_repository(repositoryName="other")
    client = User(aws, Action="ecr:*", Resource=f"{ARN}team/*").client()

    def calls() -> None:
        client.list_tags_for_resource(resourceArn=ARN + repository)
        assert refusal(client.list_tags_for_resource, resourceArn=f"{ARN}other") == denied(
            "ListTagsForResource", f"{ARN}other"
        )
        client.describe_repositories(repositoryNames=[repository])
        names = [repository, "other"]
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
    """Of those that moto lets pass before it enforces, however many repositories it names."""
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
    """As everywhere: a request that is none has no resource."""
    client = User(aws).client()
    assert refusal_enforced(client.list_images, repositoryName="AB").code == (
        "InvalidParameterException"
    )


def test_an_assumed_role(aws: Any, ecr: Any, repository: str) -> None:
    """Its session is the principal."""
    role = aws.client("iam").create_role(
        RoleName="builder",
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": []}),
    )["Role"]
    credentials = aws.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="session")[
        "Credentials"
    ]
    client = boto3.client(
        "ecr",
        region_name="us-east-1",
        endpoint_url=aws.endpoint_url,
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
    )
    session = "arn:aws:sts::123456789012:assumed-role/builder/session"
    assert refusal_enforced(client.list_images, repositoryName=repository) == denied(
        "ListImages", ARN + repository, session
    )


def test_an_unknown_access_key(aws: Any) -> None:
    """Is not recognised."""
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
    """Is a wrong signature."""
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
    """They are refused as AWS refuses them, and reach no operation."""
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
    """Is told by IAM, as of keys that are used for moto's own services."""
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
    """As long as IAM is not enforced, and the host says which region is meant."""
    answer = RawClient(in_process).send("DescribeRegistry", Authorization=authorization)
    assert answer.status == 200


@pytest.mark.parametrize(
    "authorization", ["AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 Credential=a/b", "AWS4,/"]
)
def test_a_signature_without_a_region(in_process: Any, authorization: str) -> None:
    """Where moto takes the region from there: a dual-stack host."""
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
