"""moto's IAM when it is enforced: which user or role may push and pull.

What the policies mean is tested with the operations; here it is which request needs which action
(https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html).
"""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
import requests

from moto_ecr_ext.testing import build_image
from support.commands import running_server
from support.constants import ACCOUNT, OTHER_ACCOUNT
from support.environments import Environment
from support.iam import Role, User, document, enforced
from support.registry_client import RegistrySession, RepositoryClient, assert_refused
from support.stored import everything_stored

ARN = f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/"
IMAGE = build_image(layers=1)
OTHER = build_image(seed="other", layers=1)
UPLOAD = "1b2c3d4e-0000-4000-8000-000000000000"
PUSH = [
    "ecr:BatchCheckLayerAvailability",
    "ecr:InitiateLayerUpload",
    "ecr:UploadLayerPart",
    "ecr:CompleteLayerUpload",
    "ecr:PutImage",
]
PULL = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
LOGIN = {"Action": "ecr:GetAuthorizationToken", "Resource": "*"}


def logged_in(aws: Environment, client: Any, name: str = "team/app") -> RepositoryClient:
    """A repository for whom a client's key gets the token."""
    token = client.get_authorization_token(registryIds=[ACCOUNT])["authorizationData"][0]
    session = RegistrySession(aws.registry_url(), token["authorizationToken"])
    return RepositoryClient(session, name)


def text(principal: str, action: str, resource: str = f"{ARN}team/app") -> str:
    """AWS's refusal of an action that no policy of the caller allows."""
    return (
        f"User: {principal} is not authorized to perform: ecr:{action} on resource: {resource} "
        f"because no identity-based policy allows the ecr:{action} action"
    )


REQUESTS = [
    ("GET", "/v2/team/app/manifests/v1", "BatchGetImage"),
    ("PUT", "/v2/team/app/manifests/v2", "PutImage"),
    ("DELETE", "/v2/team/app/manifests/v1", "BatchDeleteImage"),
    ("GET", f"/v2/team/app/blobs/{IMAGE.layers[0].digest}", "GetDownloadUrlForLayer"),
    ("DELETE", f"/v2/team/app/blobs/{IMAGE.layers[0].digest}", "BatchDeleteImage"),
    ("POST", "/v2/team/app/blobs/uploads/", "InitiateLayerUpload"),
    ("GET", f"/v2/team/app/blobs/uploads/{UPLOAD}", "UploadLayerPart"),
    ("PATCH", f"/v2/team/app/blobs/uploads/{UPLOAD}", "UploadLayerPart"),
    (
        "PUT",
        f"/v2/team/app/blobs/uploads/{UPLOAD}?digest={IMAGE.digest}",
        "CompleteLayerUpload",
    ),
    ("DELETE", f"/v2/team/app/blobs/uploads/{UPLOAD}", "UploadLayerPart"),
    ("GET", "/v2/team/app/tags/list", "ListImages"),
    ("GET", f"/v2/team/app/referrers/{IMAGE.digest}", "BatchGetImage"),
    ("GET", "/v2/_catalog", "DescribeRepositories"),
    ("GET", "/v2/", "GetAuthorizationToken"),
]


def test_every_request_needs_its_action(aws: Environment, repository: RepositoryClient) -> None:
    """A request without its action is refused, and changes nothing."""
    repository.push(IMAGE, "v1")
    user = User(aws)
    registry = logged_in(aws, user.client()).session
    before = everything_stored()
    resources = {"DescribeRepositories": f"{ARN}*", "GetAuthorizationToken": "*"}

    def calls() -> None:
        for method, path, action in REQUESTS:
            response = registry.request(method, path, data=OTHER.manifest)
            resource = resources.get(action, f"{ARN}team/app")
            assert_refused(response, 403, "DENIED", text(user.arn, action, resource))
        head = registry.head(f"/v2/team/app/blobs/{IMAGE.layers[0].digest}")
        assert (head.status_code, head.content) == (403, b"")

    enforced(calls)
    assert everything_stored() == before


def test_every_action_is_enough_for_its_request(
    aws: Environment, repository: RepositoryClient
) -> None:
    """Each request succeeds with its documented action as the only one allowed."""
    repository.push(IMAGE, "v1")
    user = User(aws)
    registry = logged_in(aws, user.client()).session
    for method, path, action in REQUESTS:
        user.allow({"Action": f"ecr:{action}", "Resource": "*"})
        response = enforced(lambda m=method, p=path: registry.request(m, p, data=OTHER.manifest))
        assert response.status_code not in (401, 403), (method, path)


@pytest.mark.parametrize("kind", [User, Role])
def test_push_and_pull(aws: Environment, repository: RepositoryClient, kind: Any) -> None:
    """The actions of AWS's guide suffice to push and to pull, from the login on, for a user and for a session."""
    client = kind(aws, Action=[*PUSH, *PULL, "ecr:GetAuthorizationToken"], Resource="*").client()

    def calls() -> None:
        repository = logged_in(aws, client)
        assert repository.session.get("/v2/").status_code == 200
        assert not repository.holds(IMAGE.layers[0])
        repository.push(IMAGE, "v1")
        assert repository.get("/manifests/v1").content == IMAGE.manifest
        blob = IMAGE.layers[0]
        assert repository.get(f"/blobs/{blob.digest}").content == blob.content
        assert repository.get("/tags/list").status_code == 403

    enforced(calls)


def test_a_session_is_named(aws: Environment, repository: RepositoryClient) -> None:
    """The refusal names the session of a role."""
    role = Role(aws, **LOGIN)

    def calls() -> None:
        response = logged_in(aws, role.client()).get("/tags/list")
        assert_refused(response, 403, "DENIED", text(role.session_arn, "ListImages"))

    enforced(calls)


def test_policies_of_now(aws: Environment, repository: RepositoryClient) -> None:
    """The policies at the time of the request apply, not those at the time of the token."""
    repository.push(IMAGE, "v1")
    user = User(aws, Action="*", Resource="*")
    mine = logged_in(aws, user.client())
    assert enforced(lambda: mine.get("/tags/list")).status_code == 200
    user.allow(LOGIN)
    assert enforced(lambda: mine.get("/tags/list")).status_code == 403
    user.allow({"Action": "ecr:ListImages", "Resource": f"{ARN}team/*"})
    assert enforced(lambda: mine.get("/tags/list")).status_code == 200


def test_whom_iam_does_not_know(aws: Environment, repository: RepositoryClient) -> None:
    """A deleted user, and unknown keys, are asked to log in."""
    user = User(aws)
    gone = logged_in(aws, user.client())
    user.iam.delete_access_key(UserName="builder", AccessKeyId=user.key["AccessKeyId"])
    user.iam.delete_user(UserName="builder")
    for each in (gone, repository):
        response = enforced(lambda e=each: e.get("/tags/list"))
        assert (response.status_code, response.text) == (401, "Not Authorized\n")
        assert each.get("/tags/list").status_code == 200


def test_urls_of_get_download_url_for_layer(aws: Environment, repository: RepositoryClient) -> None:
    """A download URL needs no further permission."""
    repository.push(IMAGE, "v1")
    client = User(aws, Action="ecr:GetDownloadUrlForLayer", Resource="*").client()
    blob = IMAGE.layers[0]

    def calls() -> bytes:
        url = client.get_download_url_for_layer(repositoryName="team/app", layerDigest=blob.digest)[
            "downloadUrl"
        ]
        return requests.get(url, timeout=60).content

    assert enforced(calls) == blob.content


def test_a_request_counts(aws: Environment, repository: RepositoryClient) -> None:
    """A request counts toward INITIAL_NO_AUTH_ACTION_COUNT."""
    mine = logged_in(aws, User(aws).client())

    def calls() -> list[int]:
        return [mine.get("/tags/list").status_code for _ in range(4)]

    assert enforced(calls, after=2) == [200, 200, 403, 403]


def test_a_mount(aws: Environment, ecr: Any, repository: RepositoryClient) -> None:
    """A mount needs permission to download from the source; without it, an upload session begins."""
    ecr.put_account_setting(name="BLOB_MOUNTING", value="ENABLED")
    ecr.create_repository(repositoryName="base")
    RepositoryClient(repository.session, "base").push(IMAGE, "v1")
    user = User(aws)
    mine = logged_in(aws, user.client())
    query = {"mount": IMAGE.layers[0].digest, "from": "base"}
    push = {"Action": PUSH, "Resource": f"{ARN}team/app"}
    user.allow(push)
    assert enforced(lambda: mine.post("/blobs/uploads/", params=query)).status_code == 202
    user.allow(push, {"Action": "ecr:GetDownloadUrlForLayer", "Resource": f"{ARN}base"})
    assert enforced(lambda: mine.post("/blobs/uploads/", params=query)).status_code == 201


def test_create_on_push(aws: Environment, ecr: Any) -> None:
    """The push needs permission to create the repository."""
    ecr.create_repository_creation_template(prefix="ROOT", appliedFor=["CREATE_ON_PUSH"])
    user = User(aws, Action=PUSH, Resource="*")
    mine = logged_in(aws, user.client())
    before = everything_stored()
    response = enforced(lambda: mine.post("/blobs/uploads/"))
    assert_refused(response, 403, "DENIED", text(user.arn, "CreateRepository"))
    assert everything_stored() == before
    user.allow({"Action": [*PUSH, "ecr:CreateRepository"], "Resource": "*"})
    enforced(lambda: mine.push(IMAGE, "v1"))
    assert len(ecr.describe_repositories()["repositories"]) == 1


def test_create_on_push_by_one_who_may_not_push(aws: Environment, ecr: Any) -> None:
    """The push is denied, and the repository stays, empty: https://github.com/aws/containers-roadmap/issues/853"""
    ecr.create_repository_creation_template(prefix="ROOT", appliedFor=["CREATE_ON_PUSH"])
    user = User(aws, Action="ecr:CreateRepository", Resource="*")
    mine = logged_in(aws, user.client())
    assert_refused(
        enforced(lambda: mine.get("/tags/list")), 403, "DENIED", text(user.arn, "ListImages")
    )
    assert ecr.describe_repositories()["repositories"] == []
    for _ in range(2):
        response = enforced(lambda: mine.post("/blobs/uploads/"))
        assert_refused(response, 403, "DENIED", text(user.arn, "InitiateLayerUpload"))
    [made] = ecr.describe_repositories()["repositories"]
    assert made["repositoryName"] == "team/app"


def test_the_repository_s_policy(aws: Environment, ecr: Any, repository: RepositoryClient) -> None:
    """The repository's policy can allow or deny users of its account."""
    user = User(aws)
    mine = logged_in(aws, user.client())
    statement = {"Principal": {"AWS": user.arn}, "Action": "ecr:ListImages"}
    ecr.set_repository_policy(repositoryName="team/app", policyText=document(statement))
    assert enforced(lambda: mine.get("/tags/list")).status_code == 200
    user.allow({"Action": "ecr:*", "Resource": "*"})
    statement["Effect"] = "Deny"
    ecr.set_repository_policy(repositoryName="team/app", policyText=document(statement))
    assert_refused(
        enforced(lambda: mine.get("/tags/list")),
        403,
        "DENIED",
        f"User: {user.arn} is not authorized to perform: ecr:ListImages "
        f"on resource: {ARN}team/app with an explicit deny in a resource-based policy",
    )


class TestAnotherAccount:
    """Policies of the repository and of the registry, for both protocols; IAM need not be enforced."""

    @pytest.fixture
    def role(self, aws: Environment) -> Role:
        return Role(aws, account=OTHER_ACCOUNT)

    @pytest.mark.parametrize(
        ("principal", "condition", "is_let_in"),
        [
            pytest.param("*", {}, True, id="anyone"),
            pytest.param({"AWS": OTHER_ACCOUNT}, {}, True, id="the account by its number"),
            pytest.param({"AWS": f"arn:aws:iam::{OTHER_ACCOUNT}:root"}, {}, True, id="the account"),
            pytest.param(
                {"AWS": f"arn:aws:iam::{OTHER_ACCOUNT}:role/ci/builder"}, {}, True, id="the role"
            ),
            pytest.param(
                {"AWS": f"arn:aws:sts::{OTHER_ACCOUNT}:assumed-role/builder/session"},
                {},
                True,
                id="the session",
            ),
            pytest.param(
                {"AWS": f"arn:aws:iam::{OTHER_ACCOUNT}:role/other"}, {}, False, id="another role"
            ),
            pytest.param(
                {"AWS": "arn:aws:iam::111111111111:root"}, {}, False, id="another account"
            ),
            pytest.param(
                "*",
                {"StringEquals": {"aws:PrincipalAccount": OTHER_ACCOUNT}},
                True,
                id="a condition that holds",
            ),
            pytest.param(
                "*",
                {"StringNotEquals": {"aws:PrincipalAccount": OTHER_ACCOUNT}},
                False,
                id="a condition that does not",
            ),
        ],
    )
    @pytest.mark.parametrize("of", ["repository", "registry"])
    def test_principals(
        self,
        aws: Environment,
        ecr: Any,
        repository: RepositoryClient,
        role: Role,
        of: str,
        principal: Any,
        condition: Any,
        is_let_in: bool,
    ) -> None:
        """An admitted principal is admitted by both protocols."""
        statement = {
            "Principal": principal,
            "Action": "ecr:ListImages",
            **({"Condition": condition} if condition else {}),
        }
        if of == "repository":
            ecr.set_repository_policy(repositoryName="team/app", policyText=document(statement))
        else:
            ecr.put_registry_policy(policyText=document({**statement, "Resource": "*"}))
        client = role.client()
        registry = logged_in(aws, client)
        call = {"registryId": ACCOUNT, "repositoryName": "team/app"}
        if is_let_in:
            assert registry.get("/tags/list").status_code == 200
            assert client.list_images(**call)["imageIds"] == []
            return
        message = (
            f"User: {role.session_arn} is not authorized to perform: ecr:ListImages "
            f"on resource: {ARN}team/app "
            "because no resource-based policy allows the ecr:ListImages action"
        )
        assert_refused(registry.get("/tags/list"), 403, "DENIED", message)
        with pytest.raises(client.exceptions.ClientError) as raised:
            client.list_images(**call)
        assert raised.value.response["Error"] == {
            "Code": "AccessDeniedException",
            "Message": message,
        }

    def test_a_denial(
        self, aws: Environment, ecr: Any, repository: RepositoryClient, role: Role
    ) -> None:
        """A denial by the registry's policy outweighs a repository that allows the call."""
        statement = {"Principal": "*", "Action": "ecr:*"}
        ecr.set_repository_policy(repositoryName="team/app", policyText=document(statement))
        registry = logged_in(aws, role.client())
        assert registry.get("/tags/list").status_code == 200
        ecr.put_registry_policy(
            policyText=document({**statement, "Effect": "Deny", "Resource": "*"})
        )
        assert_refused(
            registry.get("/tags/list"),
            403,
            "DENIED",
            f"User: {role.session_arn} is not authorized to perform: ecr:ListImages "
            f"on resource: {ARN}team/app with an explicit deny in a resource-based policy",
        )
        assert repository.get("/tags/list").status_code == 200


def test_a_server_that_enforces_from_its_start() -> None:
    """With moto's own variable, the server enforces IAM from its start: a user is created in the first requests, and
    then needs policies.
    """
    with running_server(INITIAL_NO_AUTH_ACTION_COUNT="4") as server:
        server.client().create_repository(repositoryName="team/app")
        iam = server.client("iam")
        iam.create_user(UserName="builder")
        iam.put_user_policy(
            UserName="builder",
            PolicyName="policy",
            PolicyDocument=document({"Action": ["ecr:GetAuthorizationToken"], "Resource": "*"}),
        )
        key = iam.create_access_key(UserName="builder")["AccessKey"]
        assert server.registry("GET", "/v2/team/app/tags/list").status_code == 401
        client = boto3.client(
            "ecr",
            region_name="us-east-1",
            endpoint_url=server.url,
            aws_access_key_id=key["AccessKeyId"],
            aws_secret_access_key=key["SecretAccessKey"],
        )
        token = client.get_authorization_token()["authorizationData"][0]["authorizationToken"]
        answer = requests.get(
            f"{server.url}/v2/team/app/tags/list",
            headers={"Authorization": f"Basic {token}"},
            timeout=60,
        )
    assert answer.status_code == 403
    assert json.loads(answer.text)["errors"][0]["message"] == text(
        f"arn:aws:iam::{ACCOUNT}:user/builder", "ListImages"
    )
