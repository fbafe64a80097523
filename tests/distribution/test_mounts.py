"""Mounting a blob of another repository: granted if the caller may read it, otherwise an upload session.

With `quirks=aws` it is granted under ECR's conditions, which are in
https://docs.aws.amazon.com/AmazonECR/latest/userguide/blob-mounting.html
"""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests

from moto_ecr_ext.oci.digest import Digest
from moto_ecr_ext.testing import build_image
from support.constants import ACCOUNT, OTHER_ACCOUNT
from support.environments import Environment
from support.registry_client import LogIn, RegistrySession, RepositoryClient

pytestmark = pytest.mark.platform

IMAGE = build_image(seed="base", layers=1)
LAYER = IMAGE.layers[0]
KMS = {"encryptionType": "KMS"}


def mount(
    repository: RepositoryClient, digest: str = LAYER.digest, source: str | None = "team/base"
) -> requests.Response:
    """Ask for a mount."""
    return repository.post("/blobs/uploads/", params={"mount": digest, "from": source})


def assert_mounted(repository: RepositoryClient, response: requests.Response) -> None:
    """Check that the mount was granted, and that the blob exists."""
    assert (response.status_code, response.content) == (201, b"")
    assert response.headers["Docker-Content-Digest"] == LAYER.digest
    assert response.headers["Location"].endswith(f"/v2/{repository.name}/blobs/{LAYER.digest}")
    assert repository.get(response.headers["Location"]).content == LAYER.content


def assert_not_mounted(repository: RepositoryClient, response: requests.Response) -> None:
    """Check that the answer is a session, through which the blob can be pushed."""
    assert (response.status_code, response.content) == (202, b"")
    assert response.headers["Range"] == "0-0"
    assert not repository.holds(LAYER)
    pushed = repository.put(
        response.headers["Location"], params={"digest": LAYER.digest}, data=LAYER.content
    )
    assert pushed.status_code == 201


@pytest.fixture
def base(ecr: Any, session: RegistrySession) -> RepositoryClient:
    """The repository to mount from, with an image."""
    ecr.create_repository(repositoryName="team/base")
    base = RepositoryClient(session, "team/base")
    base.push(IMAGE, "v1")
    return base


@pytest.fixture(params=["specification", "ECR"])
def mounting(
    request: pytest.FixtureRequest, aws: Environment, ecr: Any, base: RepositoryClient
) -> str:
    """The registry mounts blobs: as it does by default, or with ECR's quirks, switched on. The name of which."""
    if request.param == "ECR":
        aws.configure(quirks="aws")
        ecr.put_account_setting(name="BLOB_MOUNTING", value="ENABLED")
    return str(request.param)


def test_unless_the_account_says_no(
    ecr: Any, base: RepositoryClient, repository: RepositoryClient
) -> None:
    """BLOB_MOUNTING reads as DISABLED by default; mounts are refused only once it was set to that."""
    assert ecr.get_account_setting(name="BLOB_MOUNTING")["value"] == "DISABLED"
    assert_mounted(repository, mount(repository))
    ecr.put_account_setting(name="BLOB_MOUNTING", value="DISABLED")
    assert mount(repository, IMAGE.config.digest).status_code == 202
    assert not repository.holds(IMAGE.config)


def test_not_by_ecr_unless_the_account_says_so(
    aws: Environment, base: RepositoryClient, repository: RepositoryClient
) -> None:
    """With `quirks=aws` nothing is mounted while BLOB_MOUNTING is off, as it is by default."""
    aws.configure(quirks="aws")
    assert_not_mounted(repository, mount(repository))


@pytest.mark.usefixtures("mounting")
def test_mount(repository: RepositoryClient) -> None:
    """The layer of an image of the registry is mounted."""
    assert_mounted(repository, mount(repository))


@pytest.mark.usefixtures("mounting")
def test_not_from_the_archive(ecr: Any, repository: RepositoryClient) -> None:
    """Layers that only archived images have are not mounted, as they cannot be downloaded."""
    ecr.update_image_storage_class(
        repositoryName="team/base", imageId={"imageTag": "v1"}, targetStorageClass="ARCHIVE"
    )
    assert_not_mounted(repository, mount(repository))


@pytest.mark.parametrize("prefix", ["team", "other"])
def test_where_a_cache_rule_applies(
    ecr: Any, session: RegistrySession, mounting: str, prefix: str
) -> None:
    """ECR does not mount from or into a repository that a pull-through cache rule covers."""
    ecr.create_repository(repositoryName="other/app")
    ecr.create_pull_through_cache_rule(
        ecrRepositoryPrefix=prefix, upstreamRegistryUrl="public.ecr.aws"
    )
    repository = RepositoryClient(session, "other/app")
    check = assert_not_mounted if mounting == "ECR" else assert_mounted
    check(repository, mount(repository))


@pytest.mark.usefixtures("mounting")
def test_off_again(ecr: Any, repository: RepositoryClient) -> None:
    """A change of the setting applies to the next mount."""
    ecr.put_account_setting(name="BLOB_MOUNTING", value="DISABLED")
    assert_not_mounted(repository, mount(repository))


@pytest.mark.usefixtures("mounting")
def test_mount_of_what_is_there(repository: RepositoryClient) -> None:
    """A blob that the repository already holds can be mounted."""
    repository.push_blob(LAYER.content)
    assert_mounted(repository, mount(repository))


@pytest.mark.usefixtures("mounting")
def test_an_image_of_mounted_blobs(ecr: Any, repository: RepositoryClient) -> None:
    """An image of mounted blobs can be pushed, and survives the source's deletion."""
    for blob in IMAGE.blobs:
        assert mount(repository, blob.digest).status_code == 201
    assert repository.put_manifest(IMAGE, "v1").status_code == 201
    ecr.delete_repository(repositoryName="team/base", force=True)
    for blob in IMAGE.blobs:
        assert repository.get(f"/blobs/{blob.digest}").content == blob.content


@pytest.mark.usefixtures("mounting")
@pytest.mark.parametrize(
    ("digest", "source"),
    [
        (LAYER.digest, None),
        (LAYER.digest, ""),
        (LAYER.digest, "team/none"),
        (LAYER.digest, "Team/Base"),
        (LAYER.digest, "../team/base"),
        (Digest.of(b"nothing has this digest"), "team/base"),
        ("sha256:1234", "team/base"),
        ("", "team/base"),
    ],
)
def test_never_an_error(repository: RepositoryClient, digest: str, source: str | None) -> None:
    """A mount of a missing blob or from a missing repository is answered with a session."""
    assert_not_mounted(repository, mount(repository, digest, source))


def test_a_blob_of_no_image(
    base: RepositoryClient, repository: RepositoryClient, mounting: str
) -> None:
    """ECR does not mount a blob to which no image of the source refers."""
    digest = base.push_blob(b"loose")
    response = mount(repository, digest)
    assert response.status_code == (202 if mounting == "ECR" else 201)
    assert repository.holds(digest) == (mounting != "ECR")


@pytest.mark.usefixtures("mounting")
def test_a_digest_beside_a_mount(repository: RepositoryClient) -> None:
    """A mount that is not granted is answered with a session, also if a digest is given."""
    response = repository.post(
        "/blobs/uploads/",
        params={"mount": LAYER.digest, "from": "team/none", "digest": LAYER.digest},
    )
    assert_not_mounted(repository, response)


@pytest.mark.parametrize(
    ("encryption", "by_ecr"),
    [(KMS, 202), ({"encryptionType": "AES256"}, 201)],
    ids=["another", "the same"],
)
def test_encryption(
    ecr: Any, session: RegistrySession, mounting: str, encryption: dict[str, str], by_ecr: int
) -> None:
    """ECR mounts only between repositories with the same encryption."""
    ecr.create_repository(repositoryName="team/secret", encryptionConfiguration=encryption)
    status = mount(RepositoryClient(session, "team/secret")).status_code
    assert status == (by_ecr if mounting == "ECR" else 201)


@pytest.mark.parametrize(("key", "by_ecr"), [("alias/one", 201), ("alias/two", 202)])
def test_the_same_key(
    ecr: Any, session: RegistrySession, mounting: str, key: str, by_ecr: int
) -> None:
    """Repositories with different keys have different encryption."""
    for name, of_name in (("secret/base", "alias/one"), ("secret/app", key)):
        ecr.create_repository(
            repositoryName=name, encryptionConfiguration={**KMS, "kmsKey": of_name}
        )
    RepositoryClient(session, "secret/base").push(IMAGE, "v1")
    response = mount(RepositoryClient(session, "secret/app"), source="secret/base")
    assert response.status_code == (by_ecr if mounting == "ECR" else 201)


def allow(ecr: Any, repository: str, *actions: str) -> None:
    """Allow the stranger these actions on a repository."""
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": OTHER_ACCOUNT},
                "Action": [f"ecr:{action}" for action in actions],
            }
        ],
    }
    ecr.set_repository_policy(repositoryName=repository, policyText=json.dumps(policy))


PUSH = ("InitiateLayerUpload", "UploadLayerPart", "CompleteLayerUpload", "GetDownloadUrlForLayer")


@pytest.mark.usefixtures("mounting")
@pytest.mark.parametrize(
    ("of_source", "status"),
    [((), 202), (("BatchCheckLayerAvailability",), 202), (("GetDownloadUrlForLayer",), 201)],
)
def test_another_account(
    ecr: Any, repository: RepositoryClient, log_in: LogIn, of_source: tuple[str, ...], status: int
) -> None:
    """A caller of another account must be allowed to download from the source.

    The account setting is that of the registry, not the caller's.
    """
    allow(ecr, "team/app", *PUSH)
    if of_source:
        allow(ecr, "team/base", *of_source)
    stranger = log_in(account=OTHER_ACCOUNT)
    stranger.registry_url = repository.session.registry_url
    stranger.headers["Host"] = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com"
    assert mount(RepositoryClient(stranger, "team/app")).status_code == status
