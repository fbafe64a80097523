"""Referrers: the manifests that name a subject (specification, "Listing Referrers")."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from moto_ecr_ext.oci.digest import Digest
from moto_ecr_ext.testing import (
    OCI,
    Image,
    build_artifact,
    build_image,
    build_index,
)
from support.registry_client import RepositoryClient, assert_refused

IMAGE = build_image(seed="subject", layers=0)
SIGNATURE = build_artifact(
    artifact_type="application/signature", subject=IMAGE, annotations={"by": "naïve"}
)
NUL = "\0"
SBOM = build_artifact(artifact_type="application/sbom", subject=IMAGE, content=b"parts")


def referrers(response: requests.Response) -> list[dict[str, Any]]:
    """The descriptors of an answer, which is an image index."""
    assert response.status_code == 200, response.text
    assert response.headers["Content-Type"] == OCI.index
    document = response.json()
    assert (document["schemaVersion"], document["mediaType"]) == (2, OCI.index)
    descriptors: list[dict[str, Any]] = document["manifests"]
    return descriptors


def descriptor(artifact: Image, artifact_type: str, **members: Any) -> dict[str, Any]:
    return {**artifact.descriptor(), "artifactType": artifact_type, **members}


OF_SIGNATURE = descriptor(SIGNATURE, "application/signature", annotations={"by": "naïve"})
OF_SBOM = descriptor(SBOM, "application/sbom")


@pytest.fixture
def signed(repository: RepositoryClient) -> RepositoryClient:
    """A repository with an image, a signature and an SBOM of it."""
    for each in (IMAGE, SIGNATURE, SBOM):
        repository.push(each)
    return repository


def test_descriptors(signed: RepositoryClient) -> None:
    """Each referrer has its descriptor, its artifact type and its annotations."""
    response = signed.get(f"/referrers/{IMAGE.digest}")
    assert referrers(response) == [OF_SIGNATURE, OF_SBOM]
    assert "OCI-Filters-Applied" not in response.headers


@pytest.mark.parametrize(
    ("artifact_type", "expected"),
    [
        ("application/sbom", [OF_SBOM]),
        ("application/signature", [OF_SIGNATURE]),
        ("application/nothing", []),
    ],
)
def test_filter(
    signed: RepositoryClient, artifact_type: str, expected: list[dict[str, Any]]
) -> None:
    """The filter is applied, and the answer says that it was."""
    response = signed.get(f"/referrers/{IMAGE.digest}", params={"artifactType": artifact_type})
    assert referrers(response) == expected
    assert response.headers["OCI-Filters-Applied"] == "artifactType"


def many(count: int) -> list[Image]:
    """Artifacts that refer to IMAGE."""
    return [
        build_artifact(
            artifact_type=f"application/kind-{number % 2}",
            subject=IMAGE,
            annotations={"number": str(number)},
        )
        for number in range(count)
    ]


def followed(repository: RepositoryClient, url: str) -> Iterator[list[str]]:
    """The digests of each page, from one Link to the next."""
    while url:
        response = repository.get(url)
        yield [each["digest"] for each in referrers(response)]
        url = response.links.get("next", {}).get("url", "")


@pytest.mark.parametrize("size", [1, 3, 6, 7, 8, 1000])
def test_pages(repository: RepositoryClient, size: int) -> None:
    """Link leads to the next page, in the order of push, and keeps the filter.

    OCI Distribution Specification 1.1, "Listing Referrers", has the header; the parameter for the size is that of
    tags.
    """
    artifacts = many(7)
    for each in artifacts:
        repository.push(each)
    digests = [each.digest for each in artifacts]
    url = f"/referrers/{IMAGE.digest}?n={size}"
    assert list(followed(repository, url)) == [
        digests[start : start + size] for start in range(0, 7, size)
    ]
    kind_1 = digests[1::2]
    assert list(followed(repository, f"{url}&artifactType=application/kind-1")) == [
        kind_1[start : start + size] for start in range(0, 3, size)
    ]


def test_a_page_of_none(signed: RepositoryClient) -> None:
    """With `n` 0 the list is empty, and has no Link, as for tags."""
    response = signed.get(f"/referrers/{IMAGE.digest}?n=0")
    assert (referrers(response), response.links) == ([], {})


def test_all_of_more_than_are_read_at_once(repository: RepositoryClient) -> None:
    """A page has up to 1000 referrers, though they are read in parts: clients that ignore Link miss none of fewer."""
    artifacts = many(103)
    repository.push_blobs(artifacts[0])
    for each in artifacts:
        assert repository.put_manifest(each).status_code == 201
    [digests] = followed(repository, f"/referrers/{IMAGE.digest}")
    assert digests == [each.digest for each in artifacts]


def test_large_referrers(repository: RepositoryClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page ends early if its referrers are large, so that no answer takes more memory than some manifests."""
    monkeypatch.setattr("moto_ecr_ext.models.reading.referrers.PAGE_BYTES", 1000)
    artifacts = [
        build_artifact(
            artifact_type="application/large", subject=IMAGE, annotations={"a": str(n) * 600}
        )
        for n in range(5)
    ]
    for each in artifacts:
        repository.push(each)
    pages = list(followed(repository, f"/referrers/{IMAGE.digest}"))
    assert pages == [[each.digest] for each in artifacts]


@pytest.mark.parametrize("last", ["v1", IMAGE.digest, "bnVsbA==", NUL])
def test_no_page(signed: RepositoryClient, last: str) -> None:
    """A `last` that no Link has had is refused."""
    response = signed.get(f"/referrers/{IMAGE.digest}", params={"last": last})
    reason = "Member must not have the character U+0000"
    assert_refused(
        response,
        405,
        "UNSUPPORTED",
        "Invalid parameter at 'last' failed to satisfy constraint: "
        f"'{reason if last == NUL else 'Member must be that of a Link'}'",
    )


def test_oci_subject(repository: RepositoryClient) -> None:
    """The answer to a PUT of a manifest with a subject names the subject, so that clients need no tag for it."""
    assert repository.push(SIGNATURE).headers["OCI-Subject"] == IMAGE.digest
    assert "OCI-Subject" not in repository.push(IMAGE).headers


def test_pushed_before_the_subject(repository: RepositoryClient) -> None:
    """A referrer is listed though its subject does not exist."""
    repository.push(SIGNATURE)
    assert referrers(repository.get(f"/referrers/{IMAGE.digest}")) == [OF_SIGNATURE]


@pytest.mark.parametrize(
    "digest", [Digest.of(b"never pushed"), Digest.of(b"never pushed", "sha512"), SBOM.digest]
)
def test_referrers_of_a_digest_without_any(signed: RepositoryClient, digest: str) -> None:
    """A digest without referrers has an empty index, whether or not the image exists."""
    assert referrers(signed.get(f"/referrers/{digest}")) == []


@pytest.mark.parametrize("digest", ["sha256:1234", "v1", "sha256"])
def test_of_no_digest(signed: RepositoryClient, digest: str) -> None:
    """An invalid digest is refused."""
    assert_refused(
        signed.get(f"/referrers/{digest}"),
        400,
        "DIGEST_INVALID",
        f"'{digest}' is not a digest of sha256 or sha512",
    )


def test_of_another_repository(ecr: Any, signed: RepositoryClient) -> None:
    """A repository lists only its own referrers."""
    ecr.create_repository(repositoryName="team/other")
    other = RepositoryClient(signed.session, "team/other")
    assert referrers(other.get(f"/referrers/{IMAGE.digest}")) == []


def test_an_image_as_referrer(repository: RepositoryClient) -> None:
    """A referrer without an artifact type is listed with the type of its config."""
    document = {**build_image(seed="patch", layers=0).document, "subject": IMAGE.descriptor()}
    patch = Image(
        json.dumps(document).encode(), OCI.manifest, build_image(seed="patch", layers=0).config, []
    )
    repository.push(patch)
    assert referrers(repository.get(f"/referrers/{IMAGE.digest}")) == [
        descriptor(patch, OCI.config)
    ]


def test_an_index_as_referrer(repository: RepositoryClient) -> None:
    """An index with a subject is listed, with or without an artifact type."""
    repository.push(IMAGE)
    for artifact_type in ("application/index", None):
        document = {**build_index([IMAGE]).document, "subject": IMAGE.descriptor()}
        if artifact_type:
            document["artifactType"] = artifact_type
        content = json.dumps(document).encode()
        response = repository.put_manifest(content, media_type=OCI.index)
        assert response.headers["OCI-Subject"] == IMAGE.digest
    first, second = referrers(repository.get(f"/referrers/{IMAGE.digest}"))
    assert first["artifactType"] == "application/index"
    assert set(second) == {"mediaType", "digest", "size"}
    assert second["mediaType"] == OCI.index


def test_a_deleted_referrer(signed: RepositoryClient) -> None:
    """A deleted referrer is no longer listed."""
    signed.delete(f"/manifests/{SIGNATURE.digest}")
    assert referrers(signed.get(f"/referrers/{IMAGE.digest}")) == [OF_SBOM]


def test_a_deleted_subject(signed: RepositoryClient) -> None:
    """A deleted subject leaves its referrers."""
    signed.delete(f"/manifests/{IMAGE.digest}")
    assert len(referrers(signed.get(f"/referrers/{IMAGE.digest}"))) == 2


def test_the_tag_schema_is_left_to_clients(repository: RepositoryClient) -> None:
    """A tag of the referrers tag schema is a tag like any other."""
    repository.push(IMAGE)
    tag = IMAGE.digest.replace(":", "-")
    index = build_index([])
    repository.push(index, tag)
    assert repository.get(f"/manifests/{tag}").content == index.manifest
    assert referrers(repository.get(f"/referrers/{IMAGE.digest}")) == []
