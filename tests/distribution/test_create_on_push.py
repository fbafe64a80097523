"""Create on push: a push creates a missing repository if a template applies.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-creation-templates.html
"""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from moto_ecr_ext.testing import build_image, pull
from support.constants import ACCOUNT, OTHER_ACCOUNT
from support.registry_client import RegistrySession, RepositoryClient, assert_refused
from support.stored import everything_stored

IMAGE = build_image(layers=1)
EMPTY = build_image(layers=0)
TAGS = [{"Key": "made", "Value": "by a push"}]
ROLE = f"arn:aws:iam::{ACCOUNT}:role/creation"


@pytest.fixture
def app(ecr: Any, session: RegistrySession) -> RepositoryClient:
    """A repository that does not exist, and is created when it is pushed to."""
    ecr.create_repository_creation_template(
        prefix="team", appliedFor=["CREATE_ON_PUSH"], resourceTags=TAGS, customRoleArn=ROLE
    )
    return RepositoryClient(session, "team/app")


def names(ecr: Any) -> list[str]:
    return [each["repositoryName"] for each in ecr.describe_repositories()["repositories"]]


def test_push(ecr: Any, app: RepositoryClient) -> None:
    """A client's push creates the repository with its first blob, by the template."""
    assert not app.holds(IMAGE.layers[0])
    assert names(ecr) == []
    app.push(IMAGE, "v1")
    [repository] = ecr.describe_repositories()["repositories"]
    assert ecr.list_tags_for_resource(resourceArn=repository["repositoryArn"])["tags"] == TAGS
    assert pull(ecr, "team/app", "v1").digest == IMAGE.digest


def test_upload(ecr: Any, app: RepositoryClient) -> None:
    """An upload session creates the repository, and continues in it."""
    upload = app.start_upload()
    assert names(ecr) == ["team/app"]
    blob = IMAGE.layers[0]
    assert app.put(upload, params={"digest": blob.digest}, data=blob.content).status_code == 201
    assert app.holds(blob)


def test_manifest(ecr: Any, app: RepositoryClient) -> None:
    """A manifest alone creates the repository, in which its blobs are missing."""
    response = app.put_manifest(IMAGE, "v1")
    assert (response.status_code, response.json()["errors"][0]["code"]) == (
        404,
        "MANIFEST_BLOB_UNKNOWN",
    )
    assert names(ecr) == ["team/app"]


def test_a_manifest_of_nothing(ecr: Any, app: RepositoryClient) -> None:
    """An index of no images is pushed, and its bytes are unchanged."""
    content = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": [],
        }
    ).encode()
    response = app.put_manifest(content, "v1", "application/vnd.oci.image.index.v1+json")
    assert response.status_code == 201, response.text
    assert app.get("/manifests/v1").content == content


def test_mount(ecr: Any, session: RegistrySession, app: RepositoryClient) -> None:
    """A mount creates the repository, and mounts the blob."""
    ecr.put_account_setting(name="BLOB_MOUNTING", value="ENABLED")
    ecr.create_repository(repositoryName="base")
    RepositoryClient(session, "base").push(IMAGE, "v1")
    digest = IMAGE.layers[0].digest
    response = app.post("/blobs/uploads/", params={"mount": digest, "from": "base"})
    assert response.status_code == 201
    assert names(ecr) == ["base", "team/app"]
    assert app.holds(digest)


def test_all_in_one_post(ecr: Any, app: RepositoryClient) -> None:
    """A single POST creates the repository before its body is read."""
    app.push_blob(IMAGE.layers[0].content)
    assert names(ecr) == ["team/app"]


@pytest.mark.parametrize(
    ("prefix", "occasions"),
    [
        ("other", ["CREATE_ON_PUSH"]),
        ("team/app", ["CREATE_ON_PUSH"]),
        ("team", ["REPLICATION", "PULL_THROUGH_CACHE"]),
    ],
)
def test_without_a_template_for_it(
    ecr: Any, session: RegistrySession, prefix: str, occasions: list[str]
) -> None:
    """The repository stays missing."""
    ecr.create_repository_creation_template(prefix=prefix, appliedFor=occasions)
    app = RepositoryClient(session, "team/app")
    before = everything_stored()
    for response in (app.post("/blobs/uploads/"), app.put_manifest(IMAGE, "v1")):
        assert_refused(
            response,
            404,
            "NAME_UNKNOWN",
            f"The repository with name 'team/app' does not exist in the registry with id '{ACCOUNT}'",
        )
    assert everything_stored() == before


@pytest.mark.parametrize(
    "special",
    [
        {"resourceTags": TAGS},
        {"encryptionConfiguration": {"encryptionType": "KMS"}},
    ],
    ids=["tags", "key"],
)
def test_a_template_without_its_role(
    ecr: Any, session: RegistrySession, special: dict[str, Any]
) -> None:
    """ECR's own role may not tag repositories or use keys, so the push is refused, and nothing is created.

    https://github.com/aws/containers-roadmap/issues/2398
    """
    template = {"prefix": "team", "appliedFor": ["CREATE_ON_PUSH"], **special}
    ecr.create_repository_creation_template(**template)
    app = RepositoryClient(session, "team/app")
    before = everything_stored()
    for response in (app.post("/blobs/uploads/"), app.put_manifest(IMAGE, "v1")):
        assert_refused(
            response,
            404,
            "NAME_UNKNOWN",
            f"The repository with name 'team/app' does not exist in the registry with id '{ACCOUNT}'",
            hint="team/app was not created: the creation template of the prefix team has resource tags "
            "or KMS encryption, and no customRoleArn. Add customRoleArn to the template.",
        )
    assert everything_stored() == before
    ecr.update_repository_creation_template(prefix="team", customRoleArn=ROLE)
    app.push(IMAGE, "v1")
    assert names(ecr) == ["team/app"]


def test_root(ecr: Any, session: RegistrySession) -> None:
    """The template ROOT applies to every name."""
    ecr.create_repository_creation_template(prefix="ROOT", appliedFor=["CREATE_ON_PUSH"])
    RepositoryClient(session, "app").push(IMAGE, "v1")
    assert names(ecr) == ["app"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/manifests/v1"),
        ("HEAD", f"/blobs/{IMAGE.digest}"),
        ("GET", "/tags/list"),
        ("DELETE", "/manifests/v1"),
        ("PATCH", "/blobs/uploads/1b2c3d4e-0000-4000-8000-000000000000"),
    ],
)
def test_other_requests_create_nothing(
    ecr: Any, app: RepositoryClient, method: str, path: str
) -> None:
    """Requests that are not pushes create nothing."""
    before = everything_stored()
    assert app.request(method, path).status_code == 404
    assert everything_stored() == before


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/blobs/uploads/?digest=sha256:abc", 400),
        ("PUT", "/manifests/sha256:abc", 400),
        ("PUT", "/manifests/a+b", 405),
    ],
)
def test_an_invalid_request_creates_nothing(
    ecr: Any, app: RepositoryClient, method: str, path: str, status: int
) -> None:
    """An invalid request creates nothing."""
    before = everything_stored()
    assert app.request(method, path, data=b"x").status_code == status
    assert everything_stored() == before


def test_many_at_once(ecr: Any, app: RepositoryClient, aws: Any) -> None:
    """A client pushes several blobs at a time: one request creates the repository, and all succeed."""
    statuses: list[int] = []
    ready = threading.Barrier(8)
    headers = dict(app.session.headers)

    def push() -> None:
        session = RegistrySession(app.session.registry_url)
        session.headers.update(headers)
        ready.wait()
        statuses.append(RepositoryClient(session, app.name).post("/blobs/uploads/").status_code)

    threads = [threading.Thread(target=push) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [202] * 8
    assert names(ecr) == ["team/app"]


def test_another_account(ecr: Any, aws: Any, app: RepositoryClient) -> None:
    """The registry's policy must allow the other account to create the repository and to push."""
    token = aws.client(account=OTHER_ACCOUNT).get_authorization_token(registryIds=[ACCOUNT])
    guest = RepositoryClient(
        RegistrySession(aws.registry_url(), token["authorizationData"][0]["authorizationToken"]),
        "team/app",
    )
    actions = ["ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload"]

    def allow(*actions: str) -> None:
        statement = {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{OTHER_ACCOUNT}:root"},
            "Action": actions,
            "Resource": "*",
        }
        ecr.put_registry_policy(
            policyText=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        )

    allow(*actions)
    before = everything_stored()
    assert_refused(
        guest.post("/blobs/uploads/"),
        403,
        "DENIED",
        f"User: arn:aws:iam::{OTHER_ACCOUNT}:root is not authorized to perform: ecr:CreateRepository "
        f"on resource: arn:aws:ecr:us-east-1:{ACCOUNT}:repository/team/app "
        "because no resource-based policy allows the ecr:CreateRepository action",
    )
    assert everything_stored() == before
    allow(*actions, "ecr:CreateRepository")
    guest.push_blob(IMAGE.layers[0].content)
    assert names(ecr) == ["team/app"]
    assert names(aws.client(account=OTHER_ACCOUNT)) == []


def test_the_guest_s_own_templates_do_not_count(ecr: Any, aws: Any) -> None:
    """Only templates of the registry that is pushed to apply, not those of the caller."""
    client = aws.client(account=OTHER_ACCOUNT)
    client.create_repository_creation_template(prefix="ROOT", appliedFor=["CREATE_ON_PUSH"])
    token = client.get_authorization_token(registryIds=[ACCOUNT])["authorizationData"][0]
    guest = RepositoryClient(
        RegistrySession(aws.registry_url(), token["authorizationToken"]), "team/app"
    )
    assert guest.post("/blobs/uploads/").status_code == 404
