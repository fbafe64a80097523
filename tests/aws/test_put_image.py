"""PutImage: digests, media types, what is checked in which order. Tags are in `test_tag_mutability`."""

from __future__ import annotations

import gc
import hashlib
import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from freezegun import freeze_time

from moto_ecr_ext.storage.rows import tables
from moto_ecr_ext.storage.store import current_store
from moto_ecr_ext.testing import (
    DOCKER,
    OCI,
    build_artifact,
    build_image,
    build_index,
    push,
    upload_blob,
)
from support.constants import ABSENT_DIGEST, ACCOUNT
from support.ecr_schema import IMAGE as REFERRED_TO
from support.ecr_schema import REFUSED_BY_ECR, TAKEN_BY_ECR
from support.environments import Environment
from support.refusals import Refusal, invalid, no_repository, refusal, refused
from support.stored import everything_stored

IMAGE = build_image(layers=2)
BAD_MANIFEST = invalid("ImageManifest", "Invalid JSON syntax")


def put(ecr: Any, manifest: str | bytes, **request: Any) -> dict[str, Any]:
    """The image that PutImage answers with."""
    text = manifest if isinstance(manifest, str) else manifest.decode()
    answer = ecr.put_image(repositoryName="team/app", imageManifest=text, **request)
    image: dict[str, Any] = answer["image"]
    return image


def manifest(**members: Any) -> str:
    """An OCI manifest of one layer, with other or further members; None takes one out."""
    document = {
        "schemaVersion": 2,
        "mediaType": OCI.manifest,
        "config": {"mediaType": OCI.config, "digest": ABSENT_DIGEST, "size": 2},
        "layers": [{"mediaType": OCI.layer_tar, "digest": f"sha256:{'1' * 64}", "size": 3}],
        **members,
    }
    return json.dumps({name: value for name, value in document.items() if value is not None})


def test_a_refused_text_is_forgotten(in_process: Environment) -> None:
    """Nothing keeps its document until a collection of cycles.

    https://docs.python.org/3/reference/compound_stmts.html#except-clause: an error refers to the frames it has passed.
    A text of 4 MiB can have a document of 200 MB.
    """
    ecr = in_process.client("ecr")
    ecr.create_repository(repositoryName="team/app")
    text = manifest(layers=[{}], of_the_refused=[])
    gc.collect()
    gc.disable()
    try:
        assert refusal(ecr.put_image, repositoryName="team/app", imageManifest=text) == BAD_MANIFEST
        assert not [
            each for each in gc.get_objects() if type(each) is dict and "of_the_refused" in each
        ]
    finally:
        gc.enable()


def test_the_log_says_why(in_process: Environment, caplog: pytest.LogCaptureFixture) -> None:
    """The log names the member and the reason, which ECR's one text lacks."""
    ecr = in_process.client("ecr")
    ecr.create_repository(repositoryName="team/app")
    text = manifest(layers=[{**DESCRIPTOR, "size": -1}])
    assert refusal(ecr.put_image, repositoryName="team/app", imageManifest=text) == BAD_MANIFEST
    [line] = [each.getMessage() for each in caplog.records if each.name == "moto_ecr_ext"]
    assert line == (
        "Push to team/app refused: the manifest's member layers[0].size "
        "must be a number of bytes below 1125899906842624"
    )


def test_the_answer_is_the_image(ecr: Any, repository_name: str) -> None:
    """The answer is the image with its manifest as given, its digest and its tag."""
    assert put(ecr, IMAGE.manifest, imageTag="v1") == {
        "registryId": ACCOUNT,
        "repositoryName": repository_name,
        "imageId": {"imageDigest": IMAGE.digest, "imageTag": "v1"},
        "imageManifest": IMAGE.manifest.decode(),
        "imageManifestMediaType": OCI.manifest,
    }


def test_without_a_tag(ecr: Any, repository_name: str) -> None:
    """An image without a tag is found by its digest."""
    assert put(ecr, IMAGE.manifest)["imageId"] == {"imageDigest": IMAGE.digest}
    listed = ecr.list_images(repositoryName=repository_name)["imageIds"]
    assert listed == [{"imageDigest": IMAGE.digest}]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(manifest(), id="compact"),
        pytest.param(json.dumps(json.loads(manifest()), indent=3), id="indented"),
        pytest.param(manifest() + "\n \n", id="space behind it"),
        pytest.param(manifest(annotations={"a": "é 😀"}).replace("\\u00e9", "é"), id="not ASCII"),
    ],
)
def test_the_digest_is_that_of_the_bytes_given(ecr: Any, repository_name: str, text: str) -> None:
    """Equal documents of different bytes are different images; the bytes are returned unchanged."""
    digest = f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
    assert put(ecr, text, imageDigest=digest)["imageId"] == {"imageDigest": digest}
    [image] = ecr.batch_get_image(
        repositoryName=repository_name, imageIds=[{"imageDigest": digest}]
    )["images"]
    assert image["imageManifest"] == text


def test_a_digest_that_is_not_the_manifest_s(ecr: Any, repository_name: str) -> None:
    """A wrong digest is refused, and nothing is stored."""
    before = everything_stored()
    assert refusal(
        ecr.put_image,
        repositoryName=repository_name,
        imageManifest=IMAGE.manifest.decode(),
        imageDigest=ABSENT_DIGEST,
        imageTag="v1",
    ) == Refusal(
        "ImageDigestDoesNotMatchException",
        f"The image with digest '{ABSENT_DIGEST}' in repository 'team/app' and registry ID "
        "'123456789012' does not match the image digest that Amazon ECR has calculated.",
    )
    assert everything_stored() == before


def test_the_media_type_of_the_manifest(ecr: Any, repository_name: str) -> None:
    """The manifest's own media type applies; without one, the given one does."""
    assert put(ecr, manifest())["imageManifestMediaType"] == OCI.manifest
    text = manifest(mediaType=None)
    image = put(ecr, text, imageManifestMediaType=OCI.manifest)
    assert image["imageManifestMediaType"] == OCI.manifest
    assert image["imageManifest"] == text
    [shown] = ecr.describe_images(repositoryName=repository_name, imageIds=[image["imageId"]])[
        "imageDetails"
    ]
    assert shown["imageManifestMediaType"] == OCI.manifest


SCHEMA_1 = json.dumps(
    {
        "schemaVersion": 1,
        "name": "team/app",
        "tag": "v1",
        "fsLayers": [{"blobSum": ABSENT_DIGEST}],
        "history": [{"v1Compatibility": "{}"}],
    }
)


@pytest.mark.parametrize(
    ("text", "given"),
    [
        pytest.param(manifest(mediaType=DOCKER.manifest), DOCKER.manifest, id="docker"),
        pytest.param(
            SCHEMA_1, "application/vnd.docker.distribution.manifest.v1+json", id="schema 1"
        ),
        pytest.param(
            SCHEMA_1,
            "application/vnd.docker.distribution.manifest.v1+prettyjws",
            id="signed schema 1",
        ),
        pytest.param(build_index([IMAGE]).manifest.decode(), OCI.index, id="index"),
        pytest.param(
            build_index([IMAGE], media_types=DOCKER).manifest.decode(), DOCKER.index, id="list"
        ),
        pytest.param(
            build_artifact(artifact_type="application/x.sbom", content=b"{}").manifest.decode(),
            OCI.manifest,
            id="artifact",
        ),
        pytest.param(manifest(layers=[]), OCI.manifest, id="no layers"),
    ],
)
def test_media_types_that_ecr_takes(ecr: Any, repository_name: str, text: str, given: str) -> None:
    """Every documented media type is accepted:
    https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-manifest-formats.html
    """
    assert put(ecr, text, imageManifestMediaType=given)["imageManifestMediaType"] == given


DESCRIPTOR = {"mediaType": OCI.layer_tar, "digest": ABSENT_DIGEST, "size": 3}


@pytest.mark.parametrize(
    ("text", "given"),
    [
        pytest.param("{", None, id="not JSON"),
        pytest.param("[]", None, id="no object"),
        pytest.param("null", OCI.manifest, id="null"),
        pytest.param('"text"', OCI.manifest, id="a string"),
        pytest.param("{}", None, id="empty object"),
        pytest.param(manifest(mediaType=None), None, id="no media type"),
        pytest.param(manifest(mediaType="text/plain"), None, id="unknown media type"),
        pytest.param(manifest(mediaType=None), "text/plain", id="unknown media type given"),
        pytest.param(manifest(), DOCKER.manifest, id="another media type given"),
        pytest.param(manifest(mediaType=["a"]), OCI.manifest, id="media type is no text"),
        pytest.param(manifest(config=None), None, id="no config"),
        pytest.param(manifest(layers=None), None, id="no layers"),
        pytest.param(manifest(layers=DESCRIPTOR), None, id="layers are no list"),
        pytest.param(manifest(layers=[1]), None, id="a layer is no object"),
        pytest.param(manifest(layers=[{"size": 1}]), None, id="a layer without digest"),
        pytest.param(
            manifest(layers=[{**DESCRIPTOR, "digest": "latest"}]), None, id="digest of a layer"
        ),
        pytest.param(manifest(layers=[{**DESCRIPTOR, "digest": 5}]), None, id="digest is no text"),
        pytest.param(manifest(layers=[{**DESCRIPTOR, "size": -1}]), None, id="negative size"),
        pytest.param(manifest(layers=[{**DESCRIPTOR, "size": 2**70}]), None, id="size of no disk"),
        pytest.param(manifest(layers=[{**DESCRIPTOR, "size": "3"}]), None, id="size is no number"),
        pytest.param(manifest(layers=[{**DESCRIPTOR, "mediaType": 3}]), None, id="type of a layer"),
        pytest.param(
            manifest(layers=[{**DESCRIPTOR, "mediaType": "application/x;version=0.2"}]),
            None,
            id="type of a layer with a parameter",
        ),
        pytest.param(manifest(artifactType="sbom"), None, id="artifact type without a slash"),
        pytest.param(
            manifest(artifactType="application/x;version=0.2"),
            None,
            id="artifact type with a parameter",
        ),
        pytest.param(manifest(subject={"digest": 1}), None, id="subject"),
        pytest.param(manifest(subject="v1"), None, id="subject is no object"),
        pytest.param(manifest(subject=[]), None, id="subject is a list"),
        pytest.param(manifest(annotations=[]), None, id="annotations are a list"),
        pytest.param(manifest(schemaVersion="2"), None, id="version in quotes"),
        pytest.param(manifest(artifactType=1), None, id="artifact type is no text"),
        pytest.param(
            manifest(layers=[{**DESCRIPTOR, "mediaType": False}]), None, id="type is false"
        ),
        pytest.param(manifest(artifactType="a\0b"), None, id="NUL in the artifact type"),
        pytest.param(manifest(annotations={"a": 1}), None, id="annotation is no text"),
        pytest.param(manifest(annotations="a"), None, id="annotations are no object"),
        pytest.param("[" * 100_000, None, id="nested too deep"),
        pytest.param(manifest() + "x", None, id="more behind it"),
    ],
)
def test_manifests_that_ecr_does_not_take(
    ecr: Any, repository_name: str, text: str, given: str | None
) -> None:
    """Invalid manifests are refused with one text: https://github.com/aws/aws-cli/issues/8620"""
    before = everything_stored()
    request = {"repositoryName": repository_name, "imageManifest": text}
    if given:
        request["imageManifestMediaType"] = given
    assert refusal(ecr.put_image, **request) == BAD_MANIFEST
    assert everything_stored() == before


@pytest.mark.parametrize("tag", ["a b", "é", "a/b", "a:b", "\n", "a\0"])
def test_tags_that_ecr_does_not_take(ecr: Any, repository_name: str, tag: str) -> None:
    """A tag is checked against the service's pattern, which the model lacks."""
    before = everything_stored()
    assert refusal(
        ecr.put_image,
        repositoryName=repository_name,
        imageManifest=IMAGE.manifest.decode(),
        imageTag=tag,
    ) == invalid("imageTag", "must satisfy regular expression '[a-zA-Z0-9-_.]+'")
    assert everything_stored() == before


def test_what_is_checked_first(ecr: Any) -> None:
    """Parameters are checked first, then the repository, the manifest and its digest."""
    request = {
        "repositoryName": "team/app",
        "imageManifest": "x",
        "imageTag": "a b",
        "imageDigest": ABSENT_DIGEST,
    }
    assert refusal(ecr.put_image, **request)[1].startswith("Invalid parameter at 'imageTag'")
    request["imageTag"] = "v1"
    assert refusal(ecr.put_image, **request) == no_repository("team/app")
    ecr.create_repository(repositoryName="team/app")
    assert refusal(ecr.put_image, **request) == BAD_MANIFEST
    request["imageManifest"] = IMAGE.manifest.decode()
    assert refusal(ecr.put_image, **request).code == "ImageDigestDoesNotMatchException"


def test_layers_come_before_tags(aws: Any, ecr: Any, repository_name: str) -> None:
    """A missing layer is reported before an immutable tag."""
    put(ecr, IMAGE.manifest, imageTag="v1")
    ecr.put_image_tag_mutability(repositoryName=repository_name, imageTagMutability="IMMUTABLE")
    aws.configure(verify_layers=True)
    request = {"repositoryName": repository_name, "imageTag": "v1", "imageManifest": manifest()}
    assert refusal(ecr.put_image, **request).code == "LayersNotFoundException"


@pytest.mark.parametrize("name", REFUSED_BY_ECR)
def test_with_verify_layers_ecr_s_schema_decides(
    aws: Any, ecr: Any, repository_name: str, name: str
) -> None:
    """ECR takes less than the specification, and does not say why. The reports are in `support.ecr_schema`."""
    content, _, reason = REFUSED_BY_ECR[name]
    push(ecr, repository_name, REFERRED_TO)
    if "parameters" not in reason:  # Those are refused over the JSON API in any case.
        assert put(ecr, content)["imageManifest"].encode() == content
        content += b" "
    aws.configure(verify_layers=True)
    before = everything_stored()
    request = {"repositoryName": repository_name, "imageManifest": content.decode()}
    assert refusal(ecr.put_image, **request) == BAD_MANIFEST
    assert everything_stored() == before


@pytest.mark.parametrize("name", TAKEN_BY_ECR)
def test_with_verify_layers_what_ecr_s_schema_has(
    aws: Any, ecr: Any, repository_name: str, name: str
) -> None:
    """With `verify_layers` a manifest that meets ECR's schema is accepted:
    https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-manifest-formats.html
    """
    push(ecr, repository_name, REFERRED_TO)
    aws.configure(verify_layers=True)
    content = TAKEN_BY_ECR[name] + b" "
    assert put(ecr, content)["imageManifest"].encode() == content


def test_with_verify_layers_an_image_has_a_layer(aws: Any, ecr: Any, repository_name: str) -> None:
    """With `verify_layers` an image without layers is refused: https://github.com/werf/werf/pull/2558"""
    aws.configure(verify_layers=True)
    before = everything_stored()
    request = {"repositoryName": repository_name, "imageManifest": manifest(layers=[])}
    assert refusal(ecr.put_image, **request) == invalid(
        "ImageManifest", "Image has to have at least 1 layer"
    )
    assert everything_stored() == before


def test_layers_need_not_be_there_by_default(ecr: Any, repository_name: str) -> None:
    """Suites written for moto put images whose layers were never uploaded."""
    put(ecr, IMAGE.manifest, imageTag="v1")
    put(ecr, build_index([build_image(seed=9)]).manifest, imageTag="index")
    assert len(ecr.list_images(repositoryName=repository_name)["imageIds"]) == 2


def test_with_verify_layers_every_missing_digest_is_named(
    aws: Any, ecr: Any, repository_name: str
) -> None:
    """The refusal names every missing digest, the config first, and no others."""
    aws.configure(verify_layers=True)
    upload_blob(ecr, repository_name, IMAGE.layers[0])
    before = everything_stored()
    request = {"repositoryName": repository_name, "imageManifest": IMAGE.manifest.decode()}
    missing = f"{IMAGE.config.digest}, {IMAGE.layers[1].digest}"
    assert refusal(ecr.put_image, **request) == Refusal(
        "LayersNotFoundException",
        f"Layers with digests '[{missing}]' required for pushing image into repository with name "
        "'team/app' in the registry with id '123456789012' do not exist",
    )
    assert everything_stored() == before
    for blob in (IMAGE.config, IMAGE.layers[1]):
        upload_blob(ecr, repository_name, blob)
    assert put(ecr, IMAGE.manifest)["imageId"] == {"imageDigest": IMAGE.digest}


def test_with_verify_layers_they_must_be_in_this_repository(
    aws: Any, ecr: Any, repository_name: str
) -> None:
    """With `verify_layers` layers must be in this repository; another repository's do not count."""
    aws.configure(verify_layers=True)
    ecr.create_repository(repositoryName="other")
    push(ecr, "other", IMAGE)
    request = {"repositoryName": repository_name, "imageManifest": IMAGE.manifest.decode()}
    assert refusal(ecr.put_image, **request).code == "LayersNotFoundException"


def test_with_verify_layers_the_images_of_an_index_must_be_there(
    aws: Any, ecr: Any, repository_name: str
) -> None:
    """With `verify_layers` the children of an index must exist as images; layers do not count."""
    aws.configure(verify_layers=True)
    images = [build_image(seed=number, layers=1) for number in range(3)]
    index = build_index(images)
    push(ecr, repository_name, images[1])
    request = {"repositoryName": repository_name, "imageManifest": index.manifest.decode()}
    missing = f"{images[0].digest}, {images[2].digest}"
    assert refusal(ecr.put_image, **request) == Refusal(
        "ReferencedImagesNotFoundException",
        f"Images with digests '[{missing}]' required for pushing image into repository with name "
        "'team/app' in the registry with id '123456789012' do not exist",
    )
    push(ecr, repository_name, index, tag="v1")
    assert len(ecr.list_images(repositoryName=repository_name)["imageIds"]) == 4


@pytest.mark.parametrize(
    "media_type",
    [
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
    ],
)
def test_with_verify_layers_foreign_layers_need_not_be_there(
    aws: Any, ecr: Any, repository_name: str, media_type: str
) -> None:
    """With `verify_layers` foreign layers may be missing, since their bytes are stored elsewhere on purpose."""
    aws.configure(verify_layers=True)
    upload_blob(ecr, repository_name, IMAGE.config)
    config = {"mediaType": OCI.config, "digest": IMAGE.config.digest, "size": IMAGE.config.size}
    foreign = {**DESCRIPTOR, "mediaType": media_type, "urls": ["https://example.com/layer"]}
    put(ecr, manifest(config=config, layers=[foreign]))


def test_with_verify_layers_a_subject_need_not_be_there(
    aws: Any, ecr: Any, repository_name: str
) -> None:
    """With `verify_layers` a subject may be missing (OCI Distribution Specification 1.1, "Pushing Manifests with
    Subject").
    """
    aws.configure(verify_layers=True)
    artifact = build_artifact(artifact_type="application/x.sbom", subject=IMAGE, content=b"{}")
    push(ecr, repository_name, artifact)
    [shown] = ecr.describe_images(repositoryName=repository_name)["imageDetails"]
    assert shown["subjectManifestDigest"] == IMAGE.digest


def test_the_same_image_without_a_tag_is_there_already(ecr: Any, repository_name: str) -> None:
    """An image that exists without a tag is refused, with the tag null in the text."""
    put(ecr, IMAGE.manifest)
    assert refusal(
        ecr.put_image, repositoryName=repository_name, imageManifest=IMAGE.manifest.decode()
    ) == Refusal(
        "ImageAlreadyExistsException",
        f"Image with digest '{IMAGE.digest}' and tag 'null' already exists in the repository "
        "with name 'team/app' in registry with id '123456789012'",
    )


def test_another_tag_on_the_same_image(ecr: Any, repository_name: str) -> None:
    """The image gets the second tag; its other details, also the time of the push, are unchanged."""
    put(ecr, IMAGE.manifest, imageTag="v1")
    [first] = ecr.describe_images(repositoryName=repository_name)["imageDetails"]
    put(ecr, IMAGE.manifest, imageTag="v2")
    [second] = ecr.describe_images(repositoryName=repository_name)["imageDetails"]
    assert first.pop("imageTags") == ["v1"]
    assert second.pop("imageTags") == ["v1", "v2"]
    assert first == second


def test_an_image_has_at_most_a_thousand_tags(ecr: Any, repository_name: str) -> None:
    """The thousand and first tag of an image is refused:
    https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html
    """
    put(ecr, IMAGE.manifest, imageTag="tag-0")
    with current_store().database.write() as transaction:
        [tag] = transaction.connection.execute(tables.tags.select()).all()
        values = {"repository_id": tag.repository_id, "image_id": tag.image_id}
        transaction.connection.execute(
            tables.tags.insert(),
            [{**values, "name": f"tag-{number}"} for number in range(1, 1000)],
        )
    before = everything_stored()
    request = {"repositoryName": repository_name, "imageManifest": IMAGE.manifest.decode()}
    assert refusal(ecr.put_image, imageTag="tag-1000", **request) == Refusal(
        "LimitExceededException",
        "Adding tag 'tag-1000' to an image in the repository with name 'team/app' in registry "
        "with id '123456789012' exceeds the maximum allowed number of tags per image "
        "which is '1000'",
    )
    assert everything_stored() == before
    assert refused(ecr.put_image, imageTag="tag-999", **request)


def test_images_of_equal_layers_are_different_images(ecr: Any, repository_name: str) -> None:
    """Stock moto treats them as one image. Here the digest is the manifest's."""
    other = build_image(layers=IMAGE.layers, annotations={"build": "2"})
    put(ecr, IMAGE.manifest, imageTag="v1")
    put(ecr, other.manifest, imageTag="v2")
    assert IMAGE.digest != other.digest
    details = ecr.describe_images(repositoryName=repository_name)["imageDetails"]
    assert [each["imageDigest"] for each in details] == [IMAGE.digest, other.digest]


def test_the_largest_manifest(ecr: Any, repository_name: str) -> None:
    """A manifest can have 4,194,304 characters, however many bytes they are."""
    text = manifest(annotations={"a": ""})
    largest = text.replace('""', '"' + "é" * (4_194_304 - len(text)) + '"')
    assert refusal(
        ecr.put_image, repositoryName=repository_name, imageManifest=largest + " "
    ) == invalid("imageManifest", "Member must have length less than or equal to 4194304")
    digest = f"sha256:{hashlib.sha256(largest.encode()).hexdigest()}"
    assert put(ecr, largest)["imageId"] == {"imageDigest": digest}


@pytest.mark.parametrize("milliseconds", [0, 1, 250, 999])
def test_when_an_image_was_pushed(ecr: Any, repository_name: str, milliseconds: int) -> None:
    """The time of the push is in milliseconds, as eight outputs of AWS that were recorded since September 2024 have
    it.

    https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageDetail.html promises no precision.
    """
    pushed = datetime(2026, 6, 1, 12, microsecond=milliseconds * 1000, tzinfo=timezone.utc)
    with freeze_time(pushed + timedelta(microseconds=300)):
        put(ecr, IMAGE.manifest)
    [image] = ecr.describe_images(repositoryName=repository_name)["imageDetails"]
    assert image["imagePushedAt"] == pushed
