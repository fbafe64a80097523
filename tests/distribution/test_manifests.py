"""Manifests: which are accepted, how they are returned, the effects of pulling and pushing, and deletion."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import pytest
import requests
from freezegun import freeze_time

from moto_ecr_ext.distribution.manifests import MAX_PUSHED_TAGS
from moto_ecr_ext.oci.digest import Digest
from moto_ecr_ext.oci.media_types import DOCKER_SCHEMA_1, DOCKER_SCHEMA_1_SIGNED, MANIFEST_TYPES
from moto_ecr_ext.testing import (
    DOCKER,
    OCI,
    Image,
    Index,
    build_artifact,
    build_image,
    build_index,
)
from support.environments import Environment
from support.registry_client import RepositoryClient, assert_refused
from support.stored import everything_stored

pytestmark = pytest.mark.platform

IMAGE = build_image(seed="one", layers=2)
OTHER = build_image(seed="two", layers=1)
DOCKER_IMAGE = build_image(seed="docker", layers=2, media_types=DOCKER)
INVALID = "Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'"
IMMUTABLE = (
    "The image tag '{}' already exists in the 'team/app' repository "
    "and cannot be overwritten because the tag is immutable."
)


def as_bytes(document: Any) -> bytes:
    return json.dumps(document).encode()


def changed(image: Image, **members: Any) -> bytes:
    """The manifest of an image with other members; those that are None are left out."""
    document = {**image.document, **members}
    return as_bytes({name: value for name, value in document.items() if value is not None})


def schema_1(layer: str) -> dict[str, Any]:
    return {
        "schemaVersion": 1,
        "name": "team/app",
        "tag": "v1",
        "architecture": "amd64",
        "fsLayers": [{"blobSum": layer}],
        "history": [{"v1Compatibility": "{}"}],
    }


def images(ecr: Any) -> dict[str, list[str]]:
    """The repository's images in the JSON API: tags by digest."""
    details = ecr.describe_images(repositoryName="team/app")["imageDetails"]
    return {each["imageDigest"]: sorted(each.get("imageTags", [])) for each in details}


# Every type that is taken, and a manifest of it.
TAKEN: dict[str, Image | Index] = {
    OCI.manifest: IMAGE,
    OCI.index: build_index([IMAGE, OTHER], annotations={"index": "yes"}),
    DOCKER.manifest: DOCKER_IMAGE,
    DOCKER.index: build_index([DOCKER_IMAGE], media_types=DOCKER),
    "artifact": build_artifact(artifact_type="application/example", content=b"an SBOM"),
    "artifact without content": build_artifact(artifact_type="application/example"),
    "artifact with subject": build_artifact(
        artifact_type="application/example", subject=IMAGE, annotations={"é": "日本"}
    ),
    "nested index": build_index([build_index([IMAGE]), OTHER]),
}


class TestTaken:
    """Manifests that the registry accepts and returns unchanged."""

    @pytest.mark.parametrize("name", TAKEN)
    @pytest.mark.parametrize("reference", ["tag", "digest"])
    def test_bytes_come_back(self, repository: RepositoryClient, name: str, reference: str) -> None:
        """A manifest is returned byte for byte, under its digest and its type, by tag and by digest."""
        manifest = TAKEN[name]
        repository.push(manifest, "v1" if reference == "tag" else "")
        references = [manifest.digest, *(["v1"] if reference == "tag" else [])]
        for each in references:
            for method in ("GET", "HEAD"):
                response = repository.request(method, f"/manifests/{each}")
                assert response.status_code == 200
                assert response.headers["Docker-Content-Digest"] == manifest.digest
                assert response.headers["Content-Type"] == manifest.media_type
                assert response.headers["Content-Length"] == str(manifest.size)
                assert response.content == (manifest.manifest if method == "GET" else b"")

    def test_types_are_tested(self) -> None:
        """Every accepted type has a manifest here."""
        assert {manifest.media_type for manifest in TAKEN.values()} | {
            DOCKER_SCHEMA_1,
            DOCKER_SCHEMA_1_SIGNED,
        } == MANIFEST_TYPES

    @pytest.mark.parametrize("media_type", [DOCKER_SCHEMA_1, DOCKER_SCHEMA_1_SIGNED])
    def test_schema_1(self, repository: RepositoryClient, media_type: str) -> None:
        """ECR still accepts the first schema of Docker, which names no type."""
        content = as_bytes(schema_1(repository.push_blob(b"a layer")))
        assert repository.put_manifest(content, "v1", media_type).status_code == 201
        response = repository.get("/manifests/v1")
        assert (response.content, response.headers["Content-Type"]) == (content, media_type)

    @pytest.mark.parametrize(
        "content",
        [
            changed(IMAGE, mediaType=None),
            json.dumps(IMAGE.document, indent=3).encode() + b"\n\n",
            changed(IMAGE, unknown={"member": [1, 2.5, None]}),
            changed(IMAGE, annotations={"key": "naïve 日本"}),
            changed(IMAGE, layers=[]),
            as_bytes({**IMAGE.document, "layers": None}),
            changed(IMAGE, layers=[IMAGE.document["layers"][0]] * 3),
            as_bytes({**IMAGE.document, "annotations": None, "subject": None}),
            changed(IMAGE, annotations={}),
            changed(IMAGE, schemaVersion=None),
            changed(IMAGE, artifactType="application/vnd.dev.sigstore.bundle+json;version=0.2"),
        ],
        ids=[
            "no type",
            "white space",
            "unknown member",
            "unicode",
            "no layers",
            "layers null",
            "layer thrice",
            "members null",
            "no annotations",
            "no version",
            "parameters",
        ],
    )
    def test_any_bytes_come_back(self, repository: RepositoryClient, content: bytes) -> None:
        """Every form of a manifest is stored with its bytes and their digest.

        Programs in Go write `null` for an empty list. Media types with parameters are those of
        https://github.com/aws/containers-roadmap/issues/2306.
        """
        repository.push_blobs(IMAGE)
        response = repository.put_manifest(content, "v1", OCI.manifest)
        assert response.status_code == 201, response.text
        assert response.headers["Docker-Content-Digest"] == Digest.of(content)
        assert repository.get("/manifests/v1").content == content

    def test_parameters_of_the_content_type(self, repository: RepositoryClient) -> None:
        """Parameters and capitals of Content-Type change nothing (RFC 9110, 8.3.1)."""
        repository.push_blobs(IMAGE)
        given = f"{OCI.manifest.upper()} ; charset=utf-8"
        assert repository.put_manifest(IMAGE, "v1", given).status_code == 201
        assert repository.get("/manifests/v1").headers["Content-Type"] == OCI.manifest

    def test_by_a_digest_of_sha512(self, repository: RepositoryClient) -> None:
        """A manifest may be pushed and pulled by its sha512."""
        repository.push_blobs(IMAGE)
        digest = Digest.of(IMAGE.manifest, "sha512")
        response = repository.put_manifest(IMAGE, digest)
        assert response.status_code == 201
        assert response.headers["Docker-Content-Digest"] == digest
        assert repository.get(f"/manifests/{digest}").content == IMAGE.manifest

    def test_foreign_layers(self, repository: RepositoryClient) -> None:
        """Foreign layers, which are not pushed to registries, may be missing."""
        foreign = {
            "mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
            "digest": Digest.of(b"Windows"),
            "size": 7,
            "urls": ["https://example.com/windows"],
        }
        repository.push_blobs(DOCKER_IMAGE)
        layers = [*DOCKER_IMAGE.document["layers"], foreign]
        content = changed(DOCKER_IMAGE, layers=layers)
        assert repository.put_manifest(content, "v1", DOCKER.manifest).status_code == 201

    def test_the_largest(self, repository: RepositoryClient) -> None:
        """A manifest of exactly 4 MiB is accepted."""
        repository.push_blobs(IMAGE)
        content = IMAGE.manifest.ljust(4 * 1024 * 1024)
        assert repository.put_manifest(content, "v1", OCI.manifest).status_code == 201
        assert repository.get("/manifests/v1").content == content

    @pytest.mark.parametrize("length", ["known", "unknown"])
    def test_too_large(self, ecr: Any, repository: RepositoryClient, length: str) -> None:
        """A larger manifest is refused, whether or not the client states its length."""
        content = IMAGE.manifest.ljust(4 * 1024 * 1024 + 1)
        response = repository.put(
            "/manifests/v1",
            data=content if length == "known" else iter([content[:100], content[100:]]),
            headers={"Content-Type": OCI.manifest},
        )
        assert_refused(response, 413, "MANIFEST_INVALID", "A manifest has at most 4194304 bytes")
        assert images(ecr) == {}


DESCRIPTOR = IMAGE.document["layers"][0]


class NotTaken(NamedTuple):
    """A manifest that the registry refuses: its bytes, its Content-Type, and the reason."""

    content: bytes
    media_type: str
    member: str
    reason: str


def not_taken(member: str, reason: str, **members: Any) -> NotTaken:
    """The manifest of an image with other members."""
    return NotTaken(changed(IMAGE, **members), OCI.manifest, member, reason)


NO_DIGEST = "must be a digest"
NO_SIZE = "must be a number of bytes below 1125899906842624"
NO_TYPE = "must be a media type"
NOT_JSON = "is not JSON in UTF-8"
HALF = "has a lone surrogate"
ARTIFACT_1 = "application/vnd.oci.artifact.manifest.v1+json"
ARTIFACT_ORAS = "application/vnd.cncf.oras.artifact.manifest.v1+json"
NOT_TAKEN = {
    "empty": NotTaken(b"", OCI.manifest, "", NOT_JSON),
    "no JSON": NotTaken(b"{", OCI.manifest, "", NOT_JSON),
    "no object": NotTaken(b"[]", OCI.manifest, "", "must be an object"),
    "null": NotTaken(b"null", OCI.manifest, "", "must be an object"),
    "not UTF-8": NotTaken(b'{"a":"\xff"}', OCI.manifest, "", NOT_JSON),
    "nested deeply": NotTaken(b"[" * 100_000, OCI.manifest, "", NOT_JSON),
    "a huge number": NotTaken(
        b'{"schemaVersion":' + b"9" * 5000 + b"}", OCI.manifest, "", NOT_JSON
    ),
    "no type": NotTaken(
        changed(IMAGE, mediaType=None),
        "",
        "mediaType",
        "is missing, and no media type was sent with it",
    ),
    "another type beside it": NotTaken(
        IMAGE.manifest,
        DOCKER.manifest,
        "mediaType",
        f"is not '{DOCKER.manifest}', the media type that was sent with it",
    ),
    "a long type": NotTaken(
        changed(IMAGE, mediaType="a" * 100_000),
        "",
        "mediaType",
        f"must be the media type of a manifest, and is '{'a' * 100}'",
    ),
    "a type that is none": not_taken("mediaType", "must be a string", mediaType=["a"]),
    "text": NotTaken(b"hello", "text/plain", "", NOT_JSON),
    "a Helm chart": NotTaken(
        changed(IMAGE, mediaType=None),
        "application/vnd.cncf.helm.config.v1+json",
        "mediaType",
        "must be the media type of a manifest, and is 'application/vnd.cncf.helm.config.v1+json'",
    ),
    "OCI 1.1's withdrawn artifact": NotTaken(
        changed(IMAGE, mediaType=ARTIFACT_1),
        ARTIFACT_1,
        "mediaType",
        f"must be the media type of a manifest, and is '{ARTIFACT_1}'",
    ),
    "an ORAS artifact": NotTaken(
        changed(IMAGE, mediaType=ARTIFACT_ORAS),
        ARTIFACT_ORAS,
        "mediaType",
        f"must be the media type of a manifest, and is '{ARTIFACT_ORAS}'",
    ),
    "a version in quotes": not_taken("schemaVersion", "must be the number 2", schemaVersion="2"),
    "a version that is true": not_taken(
        "schemaVersion", "must be the number 2", schemaVersion=True
    ),
    "another version": not_taken("schemaVersion", "must be the number 2", schemaVersion=1),
    "no config": not_taken("config", "is missing", config=None),
    "a config that is none": not_taken("config", "must be an object", config=[]),
    "a layer that is null": not_taken("layers[0]", "must be an object", layers=[None]),
    "a config without a digest": not_taken(
        "config.digest", "is missing", config={"mediaType": OCI.config, "size": 2}
    ),
    "no layers": not_taken("layers", "is missing", layers=None),
    "layers that are no list": not_taken("layers", "must be a list", layers={}),
    "a layer that is none": not_taken("layers[1]", "must be an object", layers=[DESCRIPTOR, 1]),
    "an index without manifests": NotTaken(
        changed(IMAGE, mediaType=OCI.index), OCI.index, "manifests", "is missing"
    ),
    "a digest that is none": not_taken(
        "config.digest", NO_DIGEST, config={**DESCRIPTOR, "digest": "sha256"}
    ),
    "a digest that is a number": not_taken(
        "layers[0].digest", NO_DIGEST, layers=[{**DESCRIPTOR, "digest": 5}]
    ),
    "a negative size": not_taken("config.size", NO_SIZE, config={**DESCRIPTOR, "size": -1}),
    "a huge size": not_taken("config.size", NO_SIZE, config={**DESCRIPTOR, "size": 2**63}),
    "half a byte": not_taken("config.size", NO_SIZE, config={**DESCRIPTOR, "size": 0.5}),
    "an artifact type that is a number": not_taken(
        "artifactType", "must be a string", artifactType=7
    ),
    "an artifact type that is none": not_taken("artifactType", NO_TYPE, artifactType="sbom"),
    "half a character": not_taken("artifactType", HALF, artifactType="\ud800"),
    "half a character in a type": not_taken(
        "config.mediaType", HALF, config={**DESCRIPTOR, "mediaType": "\ud800"}
    ),
    "a null character": not_taken("artifactType", "has the character U+0000", artifactType="a\0b"),
    "an annotation that is no text": not_taken(
        "annotations.a", "must be a string", annotations={"a": 1}
    ),
    "half a character in an annotation": not_taken(
        "annotations.a", HALF, annotations={"a": "\udfff"}
    ),
    "an annotation with a line's end in its name": not_taken(
        f"annotations['a\\n{'b' * 98}']", "must be a string", annotations={"a\n" + "b" * 200: 1}
    ),
    "half a character in an annotation's name": not_taken(
        "annotations", HALF, annotations={"\udfff": "a"}
    ),
    "annotations in a list": not_taken("annotations", "must be an object", annotations=[]),
    "a subject that is a digest": not_taken("subject", "must be an object", subject="sha256:1"),
    "a subject in a list": not_taken("subject", "must be an object", subject=[]),
    "a subject without a digest": not_taken("subject.digest", "is missing", subject={}),
}


class TestRefused:
    """The registry refuses invalid manifests and stores nothing."""

    @pytest.mark.parametrize("name", NOT_TAKEN)
    def test_not_taken(self, ecr: Any, repository: RepositoryClient, name: str) -> None:
        """Other media types and invalid manifests are refused with ECR's one text; `detail` names the member.

        OCI Distribution Specification 1.1, "Error Codes", leaves the detail to the registry.
        """
        content, media_type, member, reason = NOT_TAKEN[name]
        repository.push_blobs(IMAGE)
        detail = {"member": member} if member else {}
        assert_refused(
            repository.put_manifest(content, "v1", media_type),
            405,
            "UNSUPPORTED",
            INVALID,
            **detail,
            reason=reason,
        )
        assert images(ecr) == {}

    @pytest.mark.parametrize(
        ("content", "line"),
        [
            (
                changed(IMAGE, layers=[{**DESCRIPTOR, "size": -1}]),
                f"Push to team/app refused: the manifest's member layers[0].size {NO_SIZE}",
            ),
            (b"{", "Push to team/app refused: the manifest is not JSON in UTF-8"),
        ],
        ids=["a member", "all of it"],
    )
    def test_the_log_says_why(
        self,
        repository: RepositoryClient,
        caplog: pytest.LogCaptureFixture,
        content: bytes,
        line: str,
    ) -> None:
        """The log has the reason, since clients show only ECR's text."""
        repository.put_manifest(content, "v1", OCI.manifest)
        assert [each.getMessage() for each in caplog.records if each.name == "moto_ecr_ext"] == [
            line
        ]

    @pytest.mark.parametrize("layers", [501, 4201])
    def test_too_many_layers(self, ecr: Any, repository: RepositoryClient, layers: int) -> None:
        """An image has at most 500 layers: https://github.com/cirruslabs/tart/issues/890 has ECR's text."""
        repository.push_blobs(IMAGE)
        content = changed(IMAGE, layers=[IMAGE.document["layers"][0]] * layers)
        assert_refused(
            repository.put_manifest(content, "v1", OCI.manifest),
            405,
            "UNSUPPORTED",
            "Invalid parameter at 'ImageManifest' failed to satisfy constraint: "
            "'Limit on number of layers per image exceeded'",
        )
        assert images(ecr) == {}

    def test_missing_blobs(self, ecr: Any, repository: RepositoryClient) -> None:
        """The error names each missing blob once, in the manifest's order."""
        repository.push_blob(IMAGE.layers[0].content)
        content = changed(IMAGE, layers=[*IMAGE.document["layers"], IMAGE.document["layers"][1]])
        response = repository.put_manifest(content, "v1", OCI.manifest)
        assert response.status_code == 404
        [error] = response.json()["errors"]
        assert error["code"] == "MANIFEST_BLOB_UNKNOWN"
        assert f"[{IMAGE.config.digest}, {IMAGE.layers[1].digest}]" in error["message"]
        assert images(ecr) == {}

    def test_blobs_of_another_repository(self, ecr: Any, repository: RepositoryClient) -> None:
        """A blob counts as missing though another repository holds it."""
        ecr.create_repository(repositoryName="team/other")
        RepositoryClient(repository.session, "team/other").push_blobs(IMAGE)
        assert repository.put_manifest(IMAGE, "v1").status_code == 404

    def test_missing_children(self, ecr: Any, repository: RepositoryClient) -> None:
        """An index is refused before its images are pushed."""
        repository.push(IMAGE)
        response = repository.put_manifest(build_index([IMAGE, OTHER]), "v1")
        assert response.status_code == 404
        [error] = response.json()["errors"]
        assert error["code"] == "MANIFEST_BLOB_UNKNOWN"
        assert f"Images with digests '[{OTHER.digest}]' required" in error["message"]
        assert images(ecr) == {IMAGE.digest: []}

    @pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
    def test_another_digest(self, ecr: Any, repository: RepositoryClient, algorithm: str) -> None:
        """A manifest that is pushed under another digest is refused."""
        repository.push_blobs(IMAGE)
        response = repository.put_manifest(IMAGE, Digest.of(b"other", algorithm))
        assert response.json()["errors"][0]["code"] == "DIGEST_INVALID"
        assert response.status_code == 400
        assert images(ecr) == {}

    def test_missing_subject(self, repository: RepositoryClient) -> None:
        """The subject of an artifact may be missing (specification, "Pushing Manifests with Subject")."""
        artifact = build_artifact(artifact_type="application/example", subject=IMAGE)
        assert repository.push(artifact).headers["OCI-Subject"] == IMAGE.digest


def put_with(
    repository: RepositoryClient, image: Image, reference: str, **parameters: Any
) -> requests.Response:
    """Push an image with parameters in the query of its manifest."""
    repository.push_blobs(image)
    return repository.put(
        f"/manifests/{reference}",
        params=parameters,
        data=image.manifest,
        headers={"Content-Type": image.media_type},
    )


class TestTagParameters:
    """`PUT /v2/<name>/manifests/<digest>?tag=…`, endpoint end-7b of the specification's development version.

    https://github.com/opencontainers/distribution-spec/pull/600
    """

    @pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
    def test_all_tags(self, ecr: Any, repository: RepositoryClient, algorithm: str) -> None:
        """A manifest that is pushed by digest gets all tags, which the answer repeats, each in a line of OCI-Tag."""
        digest = Digest.of(IMAGE.manifest, algorithm)
        tags = [f"1.{number}" for number in range(10)]
        response = put_with(repository, IMAGE, digest, tag=[*tags, tags[0]])
        assert response.status_code == 201
        assert response.headers["Docker-Content-Digest"] == digest
        assert response.headers["OCI-Tag"] == ", ".join(tags)
        assert images(ecr) == {digest: tags}
        for tag in tags:
            head = repository.head(f"/manifests/{tag}")
            assert head.headers["Docker-Content-Digest"] == digest

    def test_without_tags(self, repository: RepositoryClient) -> None:
        """A push without the parameter has no OCI-Tag, so that clients know that they must push the tags."""
        assert "OCI-Tag" not in put_with(repository, IMAGE, IMAGE.digest).headers
        assert "OCI-Tag" not in put_with(repository, IMAGE, "v1").headers

    @pytest.mark.parametrize("tag", ["", "v+1", "a" * 301, IMAGE.digest])
    def test_a_malformed_tag(self, ecr: Any, repository: RepositoryClient, tag: str) -> None:
        """One malformed tag refuses the push."""
        response = put_with(repository, IMAGE, IMAGE.digest, tag=["v1", tag])
        assert (response.status_code, response.json()["errors"][0]["code"]) == (405, "UNSUPPORTED")
        assert images(ecr) == {}

    def test_all_or_none(self, ecr: Any, repository: RepositoryClient) -> None:
        """If one tag is immutable and names another image, no tag is put, and the manifest is not stored."""
        ecr.put_image_tag_mutability(repositoryName="team/app", imageTagMutability="IMMUTABLE")
        repository.push(IMAGE, "v1")
        repository.push_blobs(OTHER)
        before = everything_stored()
        response = put_with(repository, OTHER, OTHER.digest, tag=["v2", "v1", "v3"])
        assert_refused(response, 400, "TAG_INVALID", IMMUTABLE.format("v1"))
        assert images(ecr) == {IMAGE.digest: ["v1"]}
        assert everything_stored() == before

    def test_many_tags(self, ecr: Any, repository: RepositoryClient) -> None:
        """As many tags as a client can read in an answer are accepted; more are refused as a whole."""
        repository.push_blobs(IMAGE)
        tags = [f"1.{number}" for number in range(MAX_PUSHED_TAGS + 1)]
        assert_refused(
            put_with(repository, IMAGE, IMAGE.digest, tag=tags),
            414,
            "TAG_INVALID",
            f"A push takes at most {MAX_PUSHED_TAGS} tags",
        )
        assert images(ecr) == {}
        response = put_with(repository, IMAGE, IMAGE.digest, tag=tags[1:])
        assert response.headers["OCI-Tag"] == ", ".join(tags[1:])
        assert images(ecr) == {IMAGE.digest: sorted(tags[1:])}

    def test_a_tag_beside_a_tag(self, ecr: Any, repository: RepositoryClient) -> None:
        """The parameter is refused beside a tag: the specification has it for pushes by digest only."""
        assert_refused(
            put_with(repository, IMAGE, "v1", tag="v2"),
            400,
            "TAG_INVALID",
            "Only a push by digest takes the parameter 'tag'",
        )
        assert images(ecr) == {}


class TestIndexOfBlobs:
    """An index whose children are blobs, as BuildKit exports its cache with `image-manifest=false`.

    https://github.com/aws/containers-roadmap/issues/876; the image specification lets an index list any media type.
    """

    LAYERS = IMAGE.layers
    CACHE = IMAGE.config

    @pytest.fixture
    def index(self) -> bytes:
        """The index of a cache: its layers, and its configuration."""
        children = [layer.descriptor() for layer in self.LAYERS]
        config = {
            **self.CACHE.descriptor(),
            "mediaType": "application/vnd.buildkit.cacheconfig.v0",
        }
        return as_bytes(
            {"schemaVersion": 2, "mediaType": OCI.index, "manifests": [*children, config]}
        )

    def test_push(self, ecr: Any, repository: RepositoryClient, index: bytes) -> None:
        """The index is accepted once its blobs exist; they have a size, and stay as long as the index."""
        response = repository.put_manifest(index, "cache", OCI.index)
        assert response.status_code == 404
        assert response.json()["errors"][0]["code"] == "MANIFEST_BLOB_UNKNOWN"
        assert images(ecr) == {}
        repository.push_blobs(IMAGE)
        assert repository.put_manifest(index, "cache", OCI.index).status_code == 201
        assert repository.get("/manifests/cache").content == index
        [detail] = ecr.describe_images(repositoryName="team/app")["imageDetails"]
        assert detail["imageSizeInBytes"] == sum(blob.size for blob in IMAGE.blobs)
        assert repository.delete(f"/blobs/{self.CACHE.digest}").status_code == 405
        assert repository.delete(f"/manifests/{Digest.of(index)}").status_code == 202
        assert not any(repository.holds(blob) for blob in IMAGE.blobs)

    def test_images_beside_blobs(self, ecr: Any, repository: RepositoryClient) -> None:
        """An index may list images and blobs; its size is that of its largest image."""
        repository.push(IMAGE)
        children = [IMAGE.descriptor(), IMAGE.layers[0].descriptor()]
        content = as_bytes({"schemaVersion": 2, "mediaType": OCI.index, "manifests": children})
        assert repository.put_manifest(content, "both", OCI.index).status_code == 201
        assert repository.delete(f"/manifests/{IMAGE.digest}").status_code == 405


class TestTagHeaders:
    """OCI-Tag on the wire of a server."""

    @pytest.fixture
    def aws(self, server: Environment) -> Environment:
        return server

    def test_a_line_for_each(self, repository: RepositoryClient) -> None:
        """Each tag has a separate line, as the conformance program expects (RFC 9110, 5.3, allows one list for
        several).
        """
        response = put_with(repository, IMAGE, IMAGE.digest, tag=["v1", "latest"])
        assert response.raw.headers.getlist("OCI-Tag") == ["v1", "latest"]


class TestDigestParameter:
    """`PUT /v2/<name>/manifests/<tag>?digest=…`: the digest under which a manifest that is pushed by tag is stored.

    regclient sends it: https://github.com/regclient/regclient/pull/778
    """

    @pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
    def test_by_tag(self, ecr: Any, repository: RepositoryClient, algorithm: str) -> None:
        """The manifest is stored and served under the given digest, also in the JSON API."""
        digest = Digest.of(IMAGE.manifest, algorithm)
        response = put_with(repository, IMAGE, "v1", digest=digest)
        assert response.status_code == 201
        assert response.headers["Docker-Content-Digest"] == digest
        assert response.headers["Location"].endswith(f"/manifests/{digest}")
        for reference in ("v1", digest):
            get = repository.get(f"/manifests/{reference}")
            assert (get.content, get.headers["Docker-Content-Digest"]) == (IMAGE.manifest, digest)
        assert images(ecr) == {digest: ["v1"]}
        [image] = ecr.batch_get_image(
            repositoryName="team/app", imageIds=[{"imageDigest": digest}]
        )["images"]
        assert image["imageManifest"].encode() == IMAGE.manifest

    @pytest.mark.parametrize("reference", ["v1", IMAGE.digest])
    def test_of_other_content(self, ecr: Any, repository: RepositoryClient, reference: str) -> None:
        """A digest of other content refuses the push, by tag and by digest."""
        response = put_with(
            repository, IMAGE, reference, digest=Digest.of(OTHER.manifest, "sha512")
        )
        assert (response.status_code, response.json()["errors"][0]["code"]) == (
            400,
            "DIGEST_INVALID",
        )
        assert images(ecr) == {}

    def test_no_digest(self, ecr: Any, repository: RepositoryClient) -> None:
        """An invalid digest is refused."""
        assert_refused(
            put_with(repository, IMAGE, "v1", digest="sha512:1234"),
            400,
            "DIGEST_INVALID",
            "'sha512:1234' is not a digest of sha256 or sha512",
        )
        assert images(ecr) == {}

    def test_by_two_algorithms(self, ecr: Any, repository: RepositoryClient) -> None:
        """One manifest under two digests is two images: digests of different algorithms are not compared.

        https://github.com/opencontainers/distribution-spec/issues/494
        """
        digest = Digest.of(IMAGE.manifest, "sha512")
        put_with(repository, IMAGE, "v1", digest=digest)
        put_with(repository, IMAGE, "v2")
        assert images(ecr) == {digest: ["v1"], IMAGE.digest: ["v2"]}


class TestTags:
    """Pushes and tags, by the repository's mutability."""

    def test_a_tag_moves(self, ecr: Any, repository: RepositoryClient) -> None:
        """A tag that is pushed again names the new image; the old one stays."""
        repository.push(IMAGE, "v1")
        repository.push(OTHER, "v1")
        assert images(ecr) == {IMAGE.digest: [], OTHER.digest: ["v1"]}
        assert repository.get("/manifests/v1").content == OTHER.manifest

    def test_several_tags(self, ecr: Any, repository: RepositoryClient) -> None:
        """One image can have many tags."""
        for tag in ("v1", "latest", "V1", "_", "1.0-rc.1", "a" * 300):
            repository.push(IMAGE, tag)
        assert images(ecr) == {
            IMAGE.digest: sorted(["v1", "latest", "V1", "_", "1.0-rc.1", "a" * 300])
        }

    @pytest.mark.parametrize("mutability", ["MUTABLE", "IMMUTABLE"])
    @pytest.mark.parametrize("reference", ["v1", IMAGE.digest])
    def test_the_same_again(
        self, ecr: Any, repository: RepositoryClient, reference: str, mutability: str
    ) -> None:
        """An identical push answers 201 as the first did, and changes nothing. With `quirks=aws`: `test_quirks`."""
        ecr.put_image_tag_mutability(repositoryName="team/app", imageTagMutability=mutability)
        repository.push_blobs(IMAGE)
        with freeze_time("2026-01-01"):
            first = repository.put_manifest(IMAGE, reference)
        before = ecr.describe_images(repositoryName="team/app")["imageDetails"]
        again = repository.put_manifest(IMAGE, reference)
        assert (first.status_code, again.status_code) == (201, 201)
        assert again.headers["Location"] == first.headers["Location"]
        assert again.headers["Docker-Content-Digest"] == first.headers["Docker-Content-Digest"]
        assert ecr.describe_images(repositoryName="team/app")["imageDetails"] == before

    def test_an_immutable_tag(self, ecr: Any, repository: RepositoryClient) -> None:
        """A tag of an immutable repository does not move; other tags can be pushed."""
        ecr.put_image_tag_mutability(repositoryName="team/app", imageTagMutability="IMMUTABLE")
        repository.push(IMAGE, "v1")
        repository.push_blobs(OTHER)
        assert_refused(
            repository.put_manifest(OTHER, "v1"), 400, "TAG_INVALID", IMMUTABLE.format("v1")
        )
        assert images(ecr) == {IMAGE.digest: ["v1"]}
        assert repository.put_manifest(OTHER, "v2").status_code == 201
        assert repository.put_manifest(IMAGE, "v3").status_code == 201

    def test_a_deleted_tag_is_free(self, ecr: Any, repository: RepositoryClient) -> None:
        """A tag of an immutable repository can be used again once it is deleted."""
        ecr.put_image_tag_mutability(repositoryName="team/app", imageTagMutability="IMMUTABLE")
        repository.push(IMAGE, "v1")
        assert repository.delete("/manifests/v1").status_code == 202
        repository.push(OTHER, "v1")

    @pytest.mark.parametrize(
        ("mutability", "movable", "fixed"),
        [
            ("IMMUTABLE_WITH_EXCLUSION", ["latest", "1-dev"], ["v1", "latest2", "dev"]),
            ("MUTABLE_WITH_EXCLUSION", ["v1", "latest2", "dev"], ["latest", "1-dev"]),
        ],
    )
    def test_exclusion_filters(
        self,
        ecr: Any,
        repository: RepositoryClient,
        mutability: str,
        movable: list[str],
        fixed: list[str],
    ) -> None:
        """Tags that a filter names are exceptions to the repository's mutability."""
        ecr.put_image_tag_mutability(
            repositoryName="team/app",
            imageTagMutability=mutability,
            imageTagMutabilityExclusionFilters=[
                {"filterType": "WILDCARD", "filter": "latest"},
                {"filterType": "WILDCARD", "filter": "*-dev"},
            ],
        )
        for tag in movable + fixed:
            repository.push(IMAGE, tag)
        repository.push_blobs(OTHER)
        for tag in movable:
            assert repository.put_manifest(OTHER, tag).status_code == 201
        for tag in fixed:
            assert_refused(
                repository.put_manifest(OTHER, tag), 400, "TAG_INVALID", IMMUTABLE.format(tag)
            )
        assert images(ecr) == {IMAGE.digest: sorted(fixed), OTHER.digest: sorted(movable)}

    def test_one_immutable_tag_many_pushers(self, ecr: Any, repository: RepositoryClient) -> None:
        """Of clients that push different images under one immutable tag at once, one succeeds."""
        ecr.put_image_tag_mutability(repositoryName="team/app", imageTagMutability="IMMUTABLE")
        candidates = [build_image(seed=f"race {number}", layers=1) for number in range(4)]
        for candidate in candidates:
            repository.push_blobs(candidate)
        together = threading.Barrier(len(candidates))

        def push(candidate: Image) -> requests.Response:
            together.wait(timeout=20)
            return repository.put_manifest(candidate, "v1")

        with ThreadPoolExecutor(len(candidates)) as threads:
            answers = list(threads.map(push, candidates))
        assert sorted(answer.status_code for answer in answers) == [201, 400, 400, 400]
        [winner] = [answer for answer in answers if answer.status_code == 201]
        assert images(ecr) == {winner.headers["Docker-Content-Digest"]: ["v1"]}


class TestAccept:
    """ECR translates Docker's schema 2 into OCI's form and back for a pull by tag.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-manifest-formats.html
    """

    @pytest.fixture(params=[(DOCKER_IMAGE, OCI), (IMAGE, DOCKER)], ids=["Docker", "OCI"])
    def stored(self, request: pytest.FixtureRequest, repository: RepositoryClient) -> Any:
        """A stored image, and the names of the other family."""
        repository.push(request.param[0], "v1")
        return request.param

    def test_by_tag(self, repository: RepositoryClient, stored: Any) -> None:
        """A pull by tag that accepts only the other form gets it, under its digest."""
        image, wanted = stored
        response = repository.get("/manifests/v1", headers={"Accept": wanted.manifest})
        assert response.headers["Content-Type"] == wanted.manifest
        assert response.headers["Docker-Content-Digest"] == Digest.of(response.content)
        document = response.json()
        assert document["mediaType"] == wanted.manifest
        assert document["config"] == {**image.document["config"], "mediaType": wanted.config}
        assert document["layers"] == [
            {**layer, "mediaType": wanted.layer_gzip} for layer in image.document["layers"]
        ]
        head = repository.head("/manifests/v1", headers={"Accept": wanted.manifest})
        assert head.headers["Docker-Content-Digest"] == response.headers["Docker-Content-Digest"]
        assert head.headers["Content-Length"] == str(len(response.content))

    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    def test_the_digest_of_the_other_form(
        self, repository: RepositoryClient, stored: Any, method: str
    ) -> None:
        """The digest of the other form can be pulled: docker asks HEAD by tag, then GET by digest."""
        _, wanted = stored
        accept = {"Accept": wanted.manifest}
        digest = Digest.of(repository.get("/manifests/v1", headers=accept).content)
        for _ in range(2):
            told = repository.request(method, "/manifests/v1", headers=accept)
            assert told.headers["Docker-Content-Digest"] == digest
        for headers in (accept, {}):
            for each in ("GET", "HEAD"):
                response = repository.request(each, f"/manifests/{digest}", headers=headers)
                assert response.status_code == 200
                assert response.headers["Docker-Content-Digest"] == digest
                assert response.headers["Content-Type"] == wanted.manifest
        assert Digest.of(repository.get(f"/manifests/{digest}").content) == digest

    def test_the_digest_of_the_other_form_is_no_image(
        self, ecr: Any, repository: RepositoryClient, stored: Any
    ) -> None:
        """The digest of the other form is pulled, not listed or deleted, and ends with its image.

        Two images can have the same other form, and it can be pushed as an image: a repeated DELETE would delete
        more.
        """
        image, wanted = stored
        told = repository.head("/manifests/v1", headers={"Accept": wanted.manifest})
        path = f"/manifests/{told.headers['Docker-Content-Digest']}"
        assert images(ecr) == {image.digest: ["v1"]}
        assert repository.delete(path).status_code == 404
        assert repository.get(path).status_code == 200
        assert repository.delete(f"/manifests/{image.digest}").status_code == 202
        assert repository.get(path).status_code == 404

    @pytest.mark.parametrize(
        "beside", [False, True], ids=["alone", "beside another with that form"]
    )
    def test_conditions_with_the_other_form(
        self, ecr: Any, repository: RepositoryClient, stored: Any, beside: bool
    ) -> None:
        """The ETag of the other form matches the image (RFC 9110, 13.1.1)."""
        image, wanted = stored
        if beside:
            same = json.dumps(image.document, indent=1).encode()
            assert repository.put_manifest(same, "v0", image.media_type).status_code == 201
            repository.head("/manifests/v0", headers={"Accept": wanted.manifest})
        told = repository.head("/manifests/v1", headers={"Accept": wanted.manifest})
        condition = {"If-Match": told.headers["ETag"]}
        wrong = {"If-None-Match": told.headers["ETag"]}
        path = "/manifests/v1"
        pushed = {"data": image.manifest, "headers": {"Content-Type": image.media_type}}
        for headers, status in ((wrong, 412), (condition, 201), ({"If-Match": '"other"'}, 412)):
            pushed["headers"] = {"Content-Type": image.media_type, **headers}
            assert repository.put(path, **pushed).status_code == status
        assert repository.delete(path, headers=wrong).status_code == 412
        assert images(ecr)[image.digest] == ["v1"]
        assert repository.delete(path, headers=condition).status_code == 202

    def test_the_digest_of_the_other_form_elsewhere(
        self, ecr: Any, repository: RepositoryClient, stored: Any
    ) -> None:
        """Another repository does not know the digest of the other form, and it pulls no archived image."""
        _, wanted = stored
        told = repository.head("/manifests/v1", headers={"Accept": wanted.manifest})
        path = f"/manifests/{told.headers['Docker-Content-Digest']}"
        ecr.create_repository(repositoryName="team/other")
        assert RepositoryClient(repository.session, "team/other").get(path).status_code == 404
        ecr.update_image_storage_class(
            repositoryName="team/app", imageId={"imageTag": "v1"}, targetStorageClass="ARCHIVE"
        )
        assert_refused(repository.get(path), 404, "MANIFEST_UNKNOWN", "Requested image not found")

    def test_many_clients_ask_for_the_other_form_at_once(
        self, repository: RepositoryClient, stored: Any
    ) -> None:
        """Many clients get the digest of the other form at once, and all can pull it."""
        _, wanted = stored
        together = threading.Barrier(4)

        def ask(_: int) -> int:
            together.wait(timeout=20)
            told = repository.head("/manifests/v1", headers={"Accept": wanted.manifest})
            return repository.get(f"/manifests/{told.headers['Docker-Content-Digest']}").status_code

        with ThreadPoolExecutor(4) as threads:
            assert list(threads.map(ask, range(4))) == [200] * 4

    def test_no_layers(self, repository: RepositoryClient) -> None:
        """A manifest whose list of layers is `null` is translated, too."""
        repository.push_blobs(IMAGE)
        content = as_bytes({**IMAGE.document, "layers": None})
        assert repository.put_manifest(content, "v1", OCI.manifest).status_code == 201
        response = repository.get("/manifests/v1", headers={"Accept": DOCKER.manifest})
        assert response.headers["Content-Type"] == DOCKER.manifest
        assert response.json()["layers"] is None

    def test_by_digest(self, repository: RepositoryClient, stored: Any) -> None:
        """A pull by the stored digest is not translated: the digest would differ."""
        image, wanted = stored
        response = repository.get(f"/manifests/{image.digest}", headers={"Accept": wanted.manifest})
        assert response.content == image.manifest
        assert response.headers["Content-Type"] == image.media_type

    @pytest.mark.parametrize(
        "accept",
        [
            "*/*",
            "application/*",
            "",
            "{other}, {own}",
            "{other}, */*;q=0.1",
            "{OWN};q=0.5,{other}",
            "{own};q=0.001,{other}",
            "{other};q=0, {own}",
            "{other};q=0",
            "text/plain",
        ],
    )
    def test_as_it_is_stored(self, repository: RepositoryClient, stored: Any, accept: str) -> None:
        """A client gets the stored form if it accepts that form, or no form that ECR can translate to."""
        image, wanted = stored
        header = accept.format(
            own=image.media_type, OWN=image.media_type.upper(), other=wanted.manifest
        )
        response = repository.get("/manifests/v1", headers={"Accept": header})
        assert response.content == image.manifest

    @pytest.mark.parametrize(
        "accept",
        [
            "{own};q=0, {other}",
            "{OWN} ; Q=0.000,*/*",
            "application/*, {own};q=0",
            "{own};q=0.0,{other};q=0.1",
        ],
    )
    def test_a_quality_of_0(self, repository: RepositoryClient, stored: Any, accept: str) -> None:
        """A quality of 0 excludes the stored form (RFC 9110, 12.4.2)."""
        image, wanted = stored
        header = accept.format(
            own=image.media_type, OWN=image.media_type.upper(), other=wanted.manifest
        )
        response = repository.get("/manifests/v1", headers={"Accept": header})
        assert response.headers["Content-Type"] == wanted.manifest

    @pytest.mark.parametrize("name", [OCI.index, DOCKER.index, "artifact"])
    def test_indexes_and_artifacts_are_not_translated(
        self, repository: RepositoryClient, name: str
    ) -> None:
        """Indexes, lists and artifacts are not translated."""
        manifest = TAKEN[name]
        repository.push(manifest, "v1")
        response = repository.get("/manifests/v1", headers={"Accept": DOCKER.manifest})
        assert response.content == manifest.manifest


class TestConditions:
    """Conditional pulls of manifests."""

    @pytest.mark.parametrize("reference", ["v1", IMAGE.digest])
    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    def test_if_none_match(self, repository: RepositoryClient, method: str, reference: str) -> None:
        """The ETag is the digest; a client that sends it gets 304."""
        repository.push(IMAGE, "v1")
        path = f"/manifests/{reference}"
        etag = repository.request(method, path).headers["ETag"]
        assert etag == f'"{IMAGE.digest}"'
        response = repository.request(method, path, headers={"If-None-Match": etag})
        assert (response.status_code, response.content) == (304, b"")
        repository.push(OTHER, "v1")
        response = repository.request(
            method, "/manifests/v1", headers={"If-None-Match": f'"x", {etag}'}
        )
        assert response.status_code == 200

    @pytest.mark.parametrize("reference", ["v1", IMAGE.digest])
    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    def test_if_match(self, repository: RepositoryClient, method: str, reference: str) -> None:
        """A failed If-Match is answered with 412 (RFC 9110, 13.1.1)."""
        repository.push(IMAGE, "v1")
        path = f"/manifests/{reference}"
        for etag, status in (('"other"', 412), (f'"{IMAGE.digest}"', 200), ("*", 200)):
            response = repository.request(method, path, headers={"If-Match": etag})
            assert response.status_code == status

    def test_a_failed_condition_is_no_pull(self, ecr: Any, repository: RepositoryClient) -> None:
        """A pull whose condition fails does not set the time of the last pull."""
        repository.push(IMAGE, "v1")
        assert repository.get("/manifests/v1", headers={"If-Match": '"other"'}).status_code == 412
        [detail] = ecr.describe_images(repositoryName="team/app")["imageDetails"]
        assert "lastRecordedPullTime" not in detail

    def put(
        self, repository: RepositoryClient, image: Image, reference: str, **headers: str
    ) -> int:
        """The status of a push with these headers, whose names have underscores for hyphens."""
        response = repository.put(
            f"/manifests/{reference}",
            data=image.manifest,
            headers={
                "Content-Type": image.media_type,
                **{name.replace("_", "-"): value for name, value in headers.items()},
            },
        )
        return response.status_code

    def test_push_of_a_tag_that_has_moved(self, ecr: Any, repository: RepositoryClient) -> None:
        """A push with If-Match replaces the image that it names, and no other that was pushed since."""
        repository.push(IMAGE, "v1")
        repository.push_blobs(OTHER)
        before = images(ecr)
        assert self.put(repository, OTHER, "v1", If_Match=f'"{OTHER.digest}"') == 412
        assert self.put(repository, OTHER, "v2", If_Match="*") == 412
        assert images(ecr) == before
        assert self.put(repository, OTHER, "v1", If_Match=f'"{IMAGE.digest}"') == 201
        assert images(ecr) == {IMAGE.digest: [], OTHER.digest: ["v1"]}

    def test_push_of_a_new_tag(self, ecr: Any, repository: RepositoryClient) -> None:
        """A push with `If-None-Match: *` creates a tag, and does not move one (RFC 9110, 13.1.2)."""
        repository.push_blobs(IMAGE)
        repository.push_blobs(OTHER)
        assert self.put(repository, IMAGE, "v1", If_None_Match="*") == 201
        assert self.put(repository, OTHER, "v1", If_None_Match="*") == 412
        assert images(ecr) == {IMAGE.digest: ["v1"]}
        assert self.put(repository, IMAGE, IMAGE.digest, If_None_Match="*") == 412
        assert self.put(repository, OTHER, OTHER.digest, If_None_Match="*") == 201

    def test_one_of_many_pushers(self, ecr: Any, repository: RepositoryClient) -> None:
        """One of several clients that replace the same image at once, each on the condition that it is current,
        succeeds.
        """
        repository.push(IMAGE, "v1")
        candidates = [build_image(seed=f"next {number}", layers=1) for number in range(4)]
        for candidate in candidates:
            repository.push_blobs(candidate)
        together = threading.Barrier(len(candidates))

        def push(candidate: Image) -> int:
            together.wait(timeout=20)
            return self.put(repository, candidate, "v1", If_Match=f'"{IMAGE.digest}"')

        with ThreadPoolExecutor(len(candidates)) as threads:
            assert sorted(threads.map(push, candidates)) == [201, 412, 412, 412]

    @pytest.mark.parametrize("quirks", ["none", "aws"])
    @pytest.mark.parametrize("reference", ["v1", IMAGE.digest])
    def test_delete(
        self, aws: Environment, ecr: Any, repository: RepositoryClient, reference: str, quirks: str
    ) -> None:
        """A deletion removes an image or a tag only if the image is the one that If-Match names."""
        aws.configure(quirks=quirks)
        repository.push(IMAGE, "v1")
        path = f"/manifests/{reference}"
        assert_refused(
            repository.delete(path, headers={"If-Match": '"other"'}),
            412,
            "UNSUPPORTED",
            "The condition 'If-Match: \"other\"' is not met",
        )
        assert images(ecr) == {IMAGE.digest: ["v1"]}
        assert repository.delete(path, headers={"If-Match": f'"{IMAGE.digest}"'}).status_code == 202
        assert repository.head("/manifests/v1").status_code == 404


class TestPulls:
    """`lastRecordedPullTime`, which DescribeImages shows."""

    def pull_time(self, ecr: Any) -> Any:
        [detail] = ecr.describe_images(repositoryName="team/app")["imageDetails"]
        return detail.get("lastRecordedPullTime")

    @pytest.mark.parametrize("reference", ["v1", IMAGE.digest])
    def test_get_is_a_pull(self, ecr: Any, repository: RepositoryClient, reference: str) -> None:
        """A GET sets the time, a HEAD does not."""
        repository.push(IMAGE, "v1")
        repository.head(f"/manifests/{reference}")
        assert self.pull_time(ecr) is None
        with freeze_time("2026-03-04 05:06:07"):
            repository.session.log_in(
                ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
            )
            repository.get(f"/manifests/{reference}")
            assert self.pull_time(ecr).timestamp() == 1772600767
        with freeze_time("2026-03-04 06:00:00"):
            repository.head(f"/manifests/{reference}")
            assert self.pull_time(ecr).timestamp() == 1772600767
            repository.get(f"/manifests/{reference}")
            assert self.pull_time(ecr).timestamp() == 1772604000

    def test_a_pull_of_a_blob_sets_no_time(self, ecr: Any, repository: RepositoryClient) -> None:
        """Pulling a blob does not set the time: the manifest has been pulled before."""
        repository.push(IMAGE, "v1")
        repository.get(f"/blobs/{IMAGE.layers[0].digest}")
        assert self.pull_time(ecr) is None


class TestDelete:
    """Deleting by tag, by digest, and of what an index lists."""

    def test_by_tag(self, ecr: Any, repository: RepositoryClient) -> None:
        """A deleted tag is missing; the manifest stays, also without tags."""
        repository.push(IMAGE, "v1")
        repository.push(IMAGE, "v2")
        assert repository.delete("/manifests/v1").status_code == 202
        assert repository.get("/manifests/v1").status_code == 404
        assert images(ecr) == {IMAGE.digest: ["v2"]}
        assert repository.delete("/manifests/v2").status_code == 202
        assert images(ecr) == {IMAGE.digest: []}
        assert repository.get(f"/manifests/{IMAGE.digest}").content == IMAGE.manifest

    def test_by_digest(self, ecr: Any, repository: RepositoryClient) -> None:
        """A deleted manifest is removed with its tags, and with the blobs that no other image needs."""
        shared = build_image(layers=IMAGE.layers, config={"Cmd": ["other"]})
        repository.push(IMAGE, "v1")
        repository.push(IMAGE, "v2")
        repository.push(shared, "v3")
        response = repository.delete(f"/manifests/{IMAGE.digest}")
        assert (response.status_code, response.content) == (202, b"")
        for reference in ("v1", "v2", IMAGE.digest):
            assert repository.get(f"/manifests/{reference}").status_code == 404
        assert images(ecr) == {shared.digest: ["v3"]}
        for blob in shared.blobs:
            assert repository.get(f"/blobs/{blob.digest}").content == blob.content
        repository.delete(f"/manifests/{shared.digest}")
        assert not any(repository.holds(blob) for blob in (*IMAGE.blobs, *shared.blobs))

    @pytest.mark.parametrize("reference", ["v1", IMAGE.digest])
    def test_twice(self, repository: RepositoryClient, reference: str) -> None:
        """A second deletion reports the image as missing."""
        repository.push(IMAGE, "v1")
        assert repository.delete(f"/manifests/{reference}").status_code == 202
        assert_refused(
            repository.delete(f"/manifests/{reference}"),
            404,
            "MANIFEST_UNKNOWN",
            "Requested image not found",
        )

    def test_child_of_an_index(self, ecr: Any, repository: RepositoryClient) -> None:
        """An image cannot be deleted while an index lists it.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageFailure.html,
        ImageReferencedByManifestList; OCI Distribution Specification 1.1, "Deleting Manifests", lets a registry
        refuse.
        """
        index = build_index([IMAGE, OTHER])
        repository.push(index, "all")
        assert_refused(
            repository.delete(f"/manifests/{IMAGE.digest}"),
            405,
            "UNSUPPORTED",
            f"Requested image referenced by manifest list: [{index.digest}]",
        )
        assert repository.get(f"/manifests/{IMAGE.digest}").status_code == 200
        assert repository.delete(f"/manifests/{index.digest}").status_code == 202
        assert repository.delete(f"/manifests/{IMAGE.digest}").status_code == 202
        assert images(ecr) == {OTHER.digest: []}

    def test_tag_of_a_child(self, ecr: Any, repository: RepositoryClient) -> None:
        """A tag of an index's image can be deleted."""
        repository.push(build_index([IMAGE]), "all")
        repository.push(IMAGE, "amd64")
        assert repository.delete("/manifests/amd64").status_code == 202
        assert images(ecr)[IMAGE.digest] == []
