"""`quirks=aws`: where the registry departs from the specification as ECR does."""

from __future__ import annotations

import os
from typing import Any

import boto3
import pytest
from moto import mock_aws

import moto_ecr_ext
from moto_ecr_ext.oci.digest import Digest
from moto_ecr_ext.testing import build_image
from support.constants import ACCOUNT
from support.environments import Environment
from support.registry_client import RegistrySession, RepositoryClient, assert_refused

IMAGE = build_image(layers=1)
MIB = 1024 * 1024
PART = os.urandom(MIB) * 5
DIGEST_INVALID_AT_PUT = "None of the provided layer digests match the calculated layer digest"


@pytest.fixture
def quirky(aws: Environment, repository: RepositoryClient) -> RepositoryClient:
    """A repository of a registry that has ECR's quirks."""
    aws.configure(quirks="aws")
    return repository


def test_patch_answers_201_and_its_range_does_not_move(quirky: RepositoryClient) -> None:
    """A chunk is answered 201, and Range ends with the first chunk for ever.

    https://github.com/aws/containers-roadmap/issues/2831
    """
    upload = quirky.start_upload()
    first = quirky.patch(upload, data=PART, headers={"Content-Range": f"0-{len(PART) - 1}"})
    assert first.status_code == 201
    assert first.headers["Range"] == f"0-{len(PART) - 1}"
    second = quirky.patch(
        upload, data=b"last", headers={"Content-Range": f"{len(PART)}-{len(PART) + 3}"}
    )
    assert second.status_code == 201
    assert second.headers["Range"] == f"0-{len(PART) - 1}"
    assert quirky.get(upload).headers["Range"] == f"0-{len(PART) - 1}"
    digest = Digest.of(PART + b"last")
    assert quirky.put(upload, params={"digest": digest}).status_code == 201
    assert quirky.get(f"/blobs/{digest}").content == PART + b"last"


def test_no_digest_on_get(quirky: RepositoryClient) -> None:
    """A GET of a manifest has no Docker-Content-Digest; a HEAD has it.

    https://github.com/aws/containers-roadmap/issues/1931
    """
    quirky.push(IMAGE, "v1")
    for reference in ("v1", IMAGE.digest):
        get = quirky.get(f"/manifests/{reference}")
        assert get.content == IMAGE.manifest
        assert "Docker-Content-Digest" not in get.headers
        head = quirky.head(f"/manifests/{reference}")
        assert head.headers["Docker-Content-Digest"] == IMAGE.digest


@pytest.mark.parametrize("form", ["PUT", "PATCH and PUT", "POST"])
def test_zero_byte_blobs_are_refused(quirky: RepositoryClient, form: str) -> None:
    """ECR cannot hold a blob of no bytes: https://github.com/devcontainers/cli/issues/814"""
    digest = Digest.of(b"")
    if form == "POST":
        response = quirky.post("/blobs/uploads/", params={"digest": digest})
        [error] = response.json()["errors"]
        assert (response.status_code, error["code"]) == (400, "BLOB_UPLOAD_INVALID")
        assert error["message"].endswith("cannot be completed because it does not have any parts")
    else:
        upload = quirky.start_upload()
        if form == "PATCH and PUT":
            assert quirky.patch(upload, data=b"").status_code == 201
        assert_refused(
            quirky.put(upload, params={"digest": digest}),
            400,
            "BLOB_UPLOAD_INVALID",
            f"The upload with id '{upload.rpartition('/')[2]}' in the repository with name 'team/app' "
            f"in registry with id '{ACCOUNT}' cannot be completed because it does not have any parts",
        )
    assert not quirky.holds(digest)


@pytest.mark.parametrize("sizes", [[MIB, MIB], [5 * MIB, MIB, MIB]])
def test_small_chunks_are_refused(quirky: RepositoryClient, sizes: list[int]) -> None:
    """A chunk other than the last has 5 MiB at least, which is found at the end."""
    upload, content = quirky.start_upload(), b""
    for size in sizes:
        assert quirky.patch(upload, data=PART[:size]).status_code == 201
        content += PART[:size]
    assert_refused(
        quirky.put(upload, params={"digest": Digest.of(content)}),
        400,
        "BLOB_UPLOAD_INVALID",
        "All layer parts except the last part should be at least 5MB",
    )


def test_a_small_last_chunk(quirky: RepositoryClient) -> None:
    """The last chunk may be small, in PATCH or PUT."""
    for rest in (b"", b"rest"):
        upload = quirky.start_upload()
        quirky.patch(upload, data=PART)
        if not rest:
            quirky.patch(upload, data=b"last")
        content = PART + (rest or b"last")
        response = quirky.put(upload, params={"digest": Digest.of(content)}, data=rest)
        assert response.status_code == 201


def test_codes_of_aws(quirky: RepositoryClient) -> None:
    """A wrong digest is an invalid upload to ECR."""
    upload = quirky.start_upload()
    assert_refused(
        quirky.put(upload, params={"digest": Digest.of(b"x")}, data=b"y"),
        400,
        "BLOB_UPLOAD_INVALID",
        DIGEST_INVALID_AT_PUT,
    )


def test_tags_are_plain_text(quirky: RepositoryClient) -> None:
    """Lists of tags are JSON that is called plain text."""
    quirky.push(IMAGE, "v1")
    response = quirky.get("/tags/list")
    assert response.json() == {"name": "team/app", "tags": ["v1"]}
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize(
    ("n", "constraint"),
    [
        (1001, "Member must have value less than or equal to 1000"),
        (10**17, "Member must have value less than or equal to 1000"),
        (0, "Member must have value greater than or equal to 1"),
    ],
)
@pytest.mark.parametrize("path", ["/v2/team/app/tags/list", "/v2/_catalog"])
def test_n(quirky: RepositoryClient, path: str, n: int, constraint: str) -> None:
    """An `n` outside of 1 to 1000 is refused: https://github.com/google/go-containerregistry/issues/681"""
    assert_refused(
        quirky.session.get(path, params={"n": str(n)}),
        405,
        "UNSUPPORTED",
        f"Invalid parameter at 'maxResults' failed to satisfy constraint: '{constraint}'",
    )
    assert quirky.session.get(path, params={"n": "1000"}).status_code == 200


def test_deleting_the_last_tag(ecr: Any, quirky: RepositoryClient) -> None:
    """An image goes with its last tag, as by BatchDeleteImage."""
    quirky.push(IMAGE, "v1")
    quirky.push(IMAGE, "v2")
    assert quirky.delete("/manifests/v1").status_code == 202
    assert quirky.head(f"/manifests/{IMAGE.digest}").status_code == 200
    assert quirky.delete("/manifests/v2").status_code == 202
    assert quirky.head(f"/manifests/{IMAGE.digest}").status_code == 404
    assert ecr.list_images(repositoryName="team/app")["imageIds"] == []


def test_by_the_environment(monkeypatch: pytest.MonkeyPatch, repository: RepositoryClient) -> None:
    """MOTO_ECR_QUIRKS=aws is the same."""
    monkeypatch.setenv("MOTO_ECR_QUIRKS", "aws")
    assert repository.patch(repository.start_upload(), data=b"bytes").status_code == 201


def test_by_the_decorator() -> None:
    """`config={"ecr": {"quirks": "aws"}}` is the same, for one test."""
    moto_ecr_ext.install()
    for config, status in (({"ecr": {"quirks": "aws"}}, 201), ({}, 202)):
        with mock_aws(config=config):  # type: ignore[call-overload]
            ecr = boto3.client("ecr", region_name="us-east-1")
            ecr.create_repository(repositoryName="team/app")
            [data] = ecr.get_authorization_token()["authorizationData"]
            with RegistrySession(data["proxyEndpoint"], data["authorizationToken"]) as session:
                repository = RepositoryClient(session, "team/app")
                assert repository.patch(repository.start_upload(), data=b"b").status_code == status
