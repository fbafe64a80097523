"""`quirks=aws`: the registry's deviations from the specification, as ECR has them."""

from __future__ import annotations

import json
import os
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
import requests
from moto import mock_aws

import moto_ecr_ext
from moto_ecr_ext.oci.digest import Digest
from moto_ecr_ext.testing import OCI, Image, build_image
from support.constants import ACCOUNT
from support.ecr_schema import CHILD, IMAGE, REFUSED_BY_ECR, TAKEN_BY_ECR, image_with, index_of
from support.environments import Environment
from support.moto_versions import needs_kept_connections
from support.registry_client import (
    Connection,
    RegistrySession,
    RepositoryClient,
    assert_refused,
)
from support.stored import everything_stored

MIB = 1024 * 1024
PART = os.urandom(MIB) * 5
DIGEST_INVALID_AT_PUT = "None of the provided layer digests match the calculated layer digest"


@pytest.fixture
def quirky(aws: Environment, repository: RepositoryClient) -> RepositoryClient:
    """A repository of a registry that has ECR's quirks."""
    aws.configure(quirks="aws")
    return repository


def test_patch_answers_201_and_its_range_does_not_move(quirky: RepositoryClient) -> None:
    """A chunk is answered with 201, and Range always ends with the first chunk.

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
    """ECR refuses a blob of no bytes: https://github.com/devcontainers/cli/issues/814"""
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
    """A chunk other than the last one must have 5 MiB; a smaller one is refused at the end."""
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
    """The last chunk can be small, in PATCH or PUT."""
    for rest in (b"", b"rest"):
        upload = quirky.start_upload()
        quirky.patch(upload, data=PART)
        if not rest:
            quirky.patch(upload, data=b"last")
        content = PART + (rest or b"last")
        response = quirky.put(upload, params={"digest": Digest.of(content)}, data=rest)
        assert response.status_code == 201


def test_codes_of_aws(quirky: RepositoryClient) -> None:
    """A wrong digest has ECR's code of an invalid upload."""
    upload = quirky.start_upload()
    assert_refused(
        quirky.put(upload, params={"digest": Digest.of(b"x")}, data=b"y"),
        400,
        "BLOB_UPLOAD_INVALID",
        DIGEST_INVALID_AT_PUT,
    )


def test_tags_are_plain_text(quirky: RepositoryClient) -> None:
    """Lists of tags are JSON with the content type of plain text."""
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


@pytest.mark.parametrize("mutability", ["MUTABLE", "IMMUTABLE"])
def test_the_same_image_under_its_tag(ecr: Any, quirky: RepositoryClient, mutability: str) -> None:
    """An immutable tag refuses its own image, too: https://github.com/aws/containers-roadmap/issues/2179 The text is
    ECR's since tags can be excluded: https://github.com/osscontainertools/kaniko/issues/204
    """
    ecr.put_image_tag_mutability(repositoryName="team/app", imageTagMutability=mutability)
    quirky.push(IMAGE, "v1")
    before = everything_stored()
    response = quirky.put_manifest(IMAGE, "v1")
    if mutability == "MUTABLE":
        assert response.status_code == 201
    else:
        assert_refused(
            response,
            400,
            "TAG_INVALID",
            "The image tag 'v1' already exists in the 'team/app' repository "
            "and cannot be overwritten because the tag is immutable.",
        )
    assert everything_stored() == before


def test_the_same_image_under_a_new_tag(ecr: Any, quirky: RepositoryClient) -> None:
    """An immutable repository accepts the same image under a new tag."""
    ecr.put_image_tag_mutability(repositoryName="team/app", imageTagMutability="IMMUTABLE")
    quirky.push(IMAGE, "v1")
    assert quirky.put_manifest(IMAGE, "v2").status_code == 201
    assert quirky.put_manifest(IMAGE).status_code == 201


def test_uploads_have_no_header_of_their_own(quirky: RepositoryClient) -> None:
    """An upload's answers have Location, and no Docker-Upload-UUID, which no recorded answer of ECR has.

    OCI Distribution Specification 1.1, "Pushing a blob in chunks", requires only Location.
    """
    started = quirky.post("/blobs/uploads/")
    upload = started.headers["Location"]
    answers = [
        started,
        quirky.patch(upload, data=PART),
        quirky.patch(upload, data=b"more", headers={"Content-Range": "0-3"}),
        quirky.get(upload),
    ]
    assert [each.status_code for each in answers] == [202, 201, 416, 204]
    assert not any("Docker-Upload-UUID" in each.headers for each in answers)


INVALID_SYNTAX = (
    "Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'"
)
NO_LAYER = (
    "Invalid parameter at 'ImageManifest' failed to satisfy constraint: "
    "'Image has to have at least 1 layer'"
)


@pytest.mark.parametrize("name", REFUSED_BY_ECR)
def test_the_schema_of_ecr(
    aws: Environment, ecr: Any, repository: RepositoryClient, name: str
) -> None:
    """Manifests of the specification are accepted; with `quirks=aws`, ECR's schema decides."""
    content, member, reason = REFUSED_BY_ECR[name]
    media_type = json.loads(content)["mediaType"]
    repository.push(IMAGE)
    aws.configure(quirks="aws")
    before = everything_stored()
    assert_refused(
        repository.put_manifest(content, "v1", media_type),
        405,
        "UNSUPPORTED",
        INVALID_SYNTAX,
        member=member,
        reason=reason,
    )
    assert everything_stored() == before
    aws.configure()
    assert repository.put_manifest(content, "v1", media_type).status_code == 201
    assert repository.get("/manifests/v1").content == content


@pytest.mark.parametrize("layers", [[], None])
def test_an_image_without_layers(
    ecr: Any, quirky: RepositoryClient, layers: list[Any] | None
) -> None:
    """An image without layers is refused: https://github.com/werf/werf/pull/2558"""
    quirky.push_blobs(IMAGE)
    content = image_with(layers=layers)
    assert_refused(quirky.put_manifest(content, "v1", OCI.manifest), 405, "UNSUPPORTED", NO_LAYER)
    assert ecr.list_images(repositoryName="team/app")["imageIds"] == []


def test_a_manifest_without_a_version(ecr: Any, quirky: RepositoryClient) -> None:
    """A manifest without schemaVersion is refused: https://github.com/bazel-contrib/rules_oci/issues/690"""
    quirky.push(IMAGE)
    document = json.loads(index_of(CHILD))
    del document["schemaVersion"]
    assert_refused(
        quirky.put_manifest(json.dumps(document).encode(), "v1", OCI.index),
        405,
        "UNSUPPORTED",
        INVALID_SYNTAX,
        member="schemaVersion",
        reason="is missing",
    )


@pytest.mark.parametrize("name", TAKEN_BY_ECR)
def test_what_the_schema_of_ecr_has(quirky: RepositoryClient, name: str) -> None:
    """Images, indexes, artifacts with subjects, and unknown types are stored as they were sent.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-manifest-formats.html
    """
    content = TAKEN_BY_ECR[name]
    quirky.push(IMAGE)
    response = quirky.put_manifest(content, "v1", json.loads(content)["mediaType"])
    assert response.status_code == 201, response.text
    assert quirky.get("/manifests/v1").content == content


def test_deleting_the_last_tag(ecr: Any, quirky: RepositoryClient) -> None:
    """The image is deleted with its last tag, as by BatchDeleteImage."""
    quirky.push(IMAGE, "v1")
    quirky.push(IMAGE, "v2")
    assert quirky.delete("/manifests/v1").status_code == 202
    assert quirky.head(f"/manifests/{IMAGE.digest}").status_code == 200
    assert quirky.delete("/manifests/v2").status_code == 202
    assert quirky.head(f"/manifests/{IMAGE.digest}").status_code == 404
    assert ecr.list_images(repositoryName="team/app")["imageIds"] == []


def test_by_the_environment(monkeypatch: pytest.MonkeyPatch, repository: RepositoryClient) -> None:
    """MOTO_ECR_QUIRKS=aws has the same effect."""
    monkeypatch.setenv("MOTO_ECR_QUIRKS", "aws")
    assert repository.patch(repository.start_upload(), data=b"bytes").status_code == 201


def test_by_the_decorator() -> None:
    """`config={"ecr": {"quirks": "aws"}}` has the same effect for one test."""
    moto_ecr_ext.install()
    for config, status in (({"ecr": {"quirks": "aws"}}, 201), ({}, 202)):
        with mock_aws(config=config):  # type: ignore[call-overload]
            ecr = boto3.client("ecr", region_name="us-east-1")
            ecr.create_repository(repositoryName="team/app")
            [data] = ecr.get_authorization_token()["authorizationData"]
            with RegistrySession(data["proxyEndpoint"], data["authorizationToken"]) as session:
                repository = RepositoryClient(session, "team/app")
                assert repository.patch(repository.start_upload(), data=b"b").status_code == status


LARGE = build_image(seed="large", layers=20, layer_size=10)
NOT_FOUND = {
    "Content-Type": "text/plain; charset=utf-8",
    "X-Content-Type-Options": "nosniff",
    "Content-Length": "19",
}
CONFIG_TYPE = "application/vnd.docker.container.image.v1+json"
# Headers that are the carrier's, or moto's.
OF_CARRIERS = {"date", "connection", "server", "transfer-encoding"}


def headers_of(response: requests.Response) -> dict[str, str]:
    """The headers of an answer that the registry made."""
    return {
        name.lower(): value
        for name, value in response.headers.items()
        if name.lower() not in OF_CARRIERS
    }


def test_pages_of_tags(quirky: RepositoryClient) -> None:
    """Without `n`, a page has 100 tags; Link is absolute, has no `n`, and its `last` is no tag."""
    quirky.push(IMAGE, "v000")
    quirky.push(LARGE, "w000")
    names = {"v000", "w000"}
    for number in range(1, 120):
        for image, letter in ((IMAGE, "v"), (LARGE, "w")):
            names.add(f"{letter}{number:03}")
            quirky.put_manifest(image, f"{letter}{number:03}")
    url, found, pages = "/tags/list", [], 0
    while url:
        response = quirky.get(url)
        tags, url = response.json()["tags"], response.links.get("next", {}).get("url", "")
        found += tags
        pages += 1
        assert len(tags) <= 100
        if url:
            base, _, query = url.partition("?")
            assert base == f"{quirky.session.registry_url}/v2/team/app/tags/list"
            assert query.startswith("last=")
            assert "&" not in query
            assert parse_qs(query)["last"][0] not in names
    assert (pages, len(found), set(found)) == (3, len(names), names)


def test_pages_of_wanted_size(quirky: RepositoryClient) -> None:
    """A Link keeps the `n` of its request, and a tag that moves or goes between two pages ends none."""
    images = [build_image(seed=f"page {number}", layers=1, layer_size=10) for number in range(5)]
    for number, image in enumerate(images):
        quirky.push(image, f"v{number}")
    first = quirky.get("/tags/list", params={"n": "2"})
    [*shown] = first.json()["tags"]
    assert len(shown) == 2
    assert parse_qs(urlsplit(first.links["next"]["url"]).query)["n"] == ["2"]
    quirky.delete(f"/manifests/{shown[-1]}")
    found, url = set(shown), first.links["next"]["url"]
    while url:
        page = quirky.get(url)
        found |= set(page.json()["tags"])
        url = page.links.get("next", {}).get("url")
    assert found == {f"v{number}" for number in range(5)}


def test_the_order_of_tags(quirky: RepositoryClient) -> None:
    """It follows from the images, not from the names or the times of their tags."""
    images = sorted(
        (build_image(seed=f"order {number}", layers=1, layer_size=10) for number in range(4)),
        key=lambda image: image.digest,
    )
    for image, tag in zip(images, ("d", "b", "c", "a"), strict=True):
        quirky.push(image, tag)
    assert quirky.get("/tags/list").json()["tags"] == ["d", "b", "c", "a"]


@pytest.mark.parametrize("last", ["v1", "1", "WyJpbWFnZXMiLCBbMV1d", "ä", "AAAA"])
def test_a_last_that_is_not_of_a_link(quirky: RepositoryClient, last: str) -> None:
    """Only the `last` of a Link continues a list."""
    assert_refused(
        quirky.get("/tags/list", params={"last": last}),
        405,
        "UNSUPPORTED",
        "Invalid parameter at 'last' failed to satisfy constraint: 'Member must be that of a Link'",
    )


def test_a_pushed_manifest_has_no_location(quirky: RepositoryClient) -> None:
    """The answer to a PUT names the digest alone."""
    response = quirky.push(IMAGE, "v1")
    assert response.headers["Docker-Content-Digest"] == IMAGE.digest
    assert "Location" not in response.headers


@pytest.mark.parametrize("image", [IMAGE, LARGE], ids=["small", "large"])
def test_headers_of_manifests(quirky: RepositoryClient, image: Image) -> None:
    """`Sizes` is empty, there is no ETag, and a manifest of more than 2 KiB is sent in chunks."""
    quirky.push(image, "v1")
    common = {
        "docker-distribution-api-version": "registry/2.0",
        "content-type": image.media_type,
        "sizes": "",
    }
    length = {"content-length": str(len(image.manifest))}
    for reference in ("v1", image.digest):
        head = quirky.head(f"/manifests/{reference}")
        assert headers_of(head) == {
            **common,
            **length,
            "docker-content-digest": image.digest,
        }
        get = quirky.get(f"/manifests/{reference}")
        assert get.content == image.manifest
        is_large = image is LARGE
        assert headers_of(get) == {**common, **({} if is_large else length)}
        in_chunks = get.headers.get("Transfer-Encoding") == "chunked"
        assert in_chunks == (is_large and quirky.session.registry_url.startswith("http:"))


@needs_kept_connections
def test_chunks_on_a_connection(server: Environment) -> None:
    """The connection stays open behind the last chunk; with HTTP/1.0 its end is that of the manifest."""
    server.client().create_repository(repositoryName="team/app")
    with server.registry() as session:
        RepositoryClient(session, "team/app").push(LARGE, "v1")
        login = str(session.headers["Authorization"])
    server.configure(quirks="aws")
    assert server.endpoint_url
    path = "/v2/team/app/manifests/v1"
    body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(LARGE.manifest), LARGE.manifest)
    with Connection(server.endpoint_url) as connection:
        for _ in range(2):
            connection.send_head("GET", path, Authorization=login)
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += connection.read(1)
            assert b"Transfer-Encoding: chunked" in head
            assert connection.read(len(body)) == body
    with Connection(server.endpoint_url) as connection:
        host = connection.host
        connection.send(
            f"GET {path} HTTP/1.0\r\nHost: {host}\r\nAuthorization: {login}\r\n\r\n".encode()
        )
        head, _, content = connection.read_to_end().partition(b"\r\n\r\n")
    assert b"chunked" not in head
    assert content == LARGE.manifest


def test_the_type_of_a_blob(quirky: RepositoryClient) -> None:
    """A HEAD calls every blob a configuration; a GET does not."""
    quirky.push(IMAGE)
    for blob in (IMAGE.config, *IMAGE.layers):
        assert quirky.head(f"/blobs/{blob.digest}").headers["Content-Type"] == CONFIG_TYPE
        get = quirky.get(f"/blobs/{blob.digest}")
        assert get.headers["Content-Type"] == "application/octet-stream"


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
@pytest.mark.parametrize("path", ["/v2/team", "/v2/team/app/nothing/here", "/v2/x/tags"])
def test_unknown_paths(
    aws: Environment, repository: RepositoryClient, method: str, path: str
) -> None:
    """They have the page of Go's server, and an error of the specification by default."""
    response = repository.session.request(method, path)
    assert response.status_code == 404
    assert response.headers["Content-Type"] == "application/json; charset=utf-8"
    aws.configure(quirks="aws")
    response = repository.session.request(method, path)
    text = "" if method == "HEAD" else "404 page not found\n"
    assert (response.status_code, response.text) == (404, text)
    assert NOT_FOUND.items() <= dict(response.headers).items()


def test_parameters_that_ecr_does_not_read(quirky: RepositoryClient) -> None:
    """Those of the specification's next version."""
    quirky.push(IMAGE, "v1")
    response = quirky.get("/manifests/v1", params={"ns": "docker.io"})
    assert response.status_code == 200
    assert "OCI-Namespace" not in response.headers
    started = quirky.post("/blobs/uploads/", params={"digest-algorithm": "md5"})
    assert started.status_code == 202
