"""Images that are pushed and pulled through the API."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from moto_ecr_ext.testing import (
    DOCKER,
    OCI,
    Blob,
    Image,
    ImageError,
    Index,
    MediaTypes,
    build_artifact,
    build_image,
    build_index,
    build_layer,
    download_blob,
    pull,
    push,
    upload_blob,
)
from support.fake_ecr import CLIENT, REPOSITORY, FakeECR, damage_a_layer, sha256


def test_a_push_uploads_every_blob_in_parts(ecr: FakeECR) -> None:
    """Blobs arrive whole, in as many parts as they need, and the tag names the image."""
    image = build_image(layer_size=5000)
    assert push(ecr, REPOSITORY, image, tag="1.0") == image.digest
    assert ecr.blobs == {blob.digest: blob.content for blob in image.blobs}
    assert len(ecr.called("UploadLayerPart")) == sum(
        -(-blob.size // ecr.part_size) for blob in image.blobs
    )
    assert ecr.images == {image.digest: (image.manifest, image.media_type)}
    assert ecr.tags == {"1.0": image.digest}


def test_a_push_sends_only_what_is_missing(ecr: FakeECR) -> None:
    """Layers that the repository has are not uploaded again."""
    base = build_image()
    push(ecr, REPOSITORY, base)
    ecr.calls.clear()
    image = build_image(layers=base.layers, files={"top": b"1"})
    push(ecr, REPOSITORY, image, tag="1.0")
    uploaded = [call["layerDigests"][0] for call in ecr.called("CompleteLayerUpload")]
    assert sorted(uploaded) == sorted([image.config.digest, image.layers[2].digest])


def test_a_push_of_many_layers_asks_for_a_hundred_at_a_time(ecr: FakeECR) -> None:
    """A push asks for a hundred layers at a time, as an image may have more than one call allows."""
    image = build_image(layers=120, layer_size=1)
    push(ecr, REPOSITORY, image)
    asked = [len(call["layerDigests"]) for call in ecr.called("BatchCheckLayerAvailability")]
    assert asked == [100, 21]
    assert image.digest in ecr.images


@pytest.mark.parametrize("tag", ["1.0", None], ids=["tagged", "untagged"])
def test_a_second_push_of_the_same_image_succeeds(ecr: FakeECR, tag: str | None) -> None:
    """A second push succeeds, though ECR refuses an image that exists."""
    image = build_image()
    push(ecr, REPOSITORY, image, tag)
    assert push(ecr, REPOSITORY, image, tag) == image.digest
    assert len(ecr.called("PutImage")) == 2


@pytest.mark.parametrize("code", ["ImageTagAlreadyExistsException", "ImageAlreadyExistsException"])
def test_a_push_does_not_hide_an_immutable_tag(
    ecr: FakeECR, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    """A push raises if the immutable tag is another image's, whichever of two codes the server has for it."""
    first, second = build_image(seed=1), build_image(seed=2)
    push(ecr, REPOSITORY, first, "1.0")
    ecr.immutable = True
    make_error = ecr.error
    monkeypatch.setattr(ecr, "error", lambda _, operation: make_error(code, operation))
    with pytest.raises(getattr(CLIENT.exceptions, code)):
        push(ecr, REPOSITORY, second, "1.0")
    assert ecr.tags == {"1.0": first.digest}


def test_a_push_overtaken_by_another_succeeds(
    ecr: FakeECR, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A layer that another client completed in the meantime counts as pushed."""
    image = build_image()
    push(ecr, REPOSITORY, image)
    monkeypatch.setattr(
        ecr, "batch_check_layer_availability", lambda **_: {"layers": [], "failures": []}
    )
    assert push(ecr, REPOSITORY, image, "1.0") == image.digest
    assert ecr.tags == {"1.0": image.digest}


def test_a_push_of_an_index_starts_with_its_images(ecr: FakeECR) -> None:
    """Images go first and without a tag, also those of an index inside the index."""
    inner = build_index([build_image(seed=1)])
    index = build_index([inner, build_image(seed=2)])
    assert push(ecr, REPOSITORY, index, tag="1.0") == index.digest
    assert list(ecr.images) == [
        inner.images[0].digest,
        inner.digest,
        index.images[1].digest,
        index.digest,
    ]
    assert ecr.tags == {"1.0": index.digest}


def test_every_call_names_the_registry(ecr: FakeECR) -> None:
    """All calls go to the account's registry with a registry ID; without, none names one."""
    image = build_image()
    push(ecr, REPOSITORY, image, "1.0", registry_id="111122223333")
    pull(ecr, REPOSITORY, "1.0", registry_id="111122223333")
    assert {call["registryId"] for _, call in ecr.calls} == {"111122223333"}
    ecr.calls.clear()
    push(ecr, REPOSITORY, image, "2.0")
    assert not any("registryId" in call for _, call in ecr.calls)


def test_a_blob_is_uploaded_and_downloaded_by_itself(ecr: FakeECR) -> None:
    """A single blob is uploaded in parts and downloaded as a stream."""
    blob = Blob(bytes(range(256)) * 10, "application/octet-stream")
    upload_blob(ecr, REPOSITORY, blob)
    upload_blob(ecr, REPOSITORY, blob)
    assert b"".join(download_blob(ecr, REPOSITORY, blob.digest)) == blob.content


@pytest.mark.parametrize("media_types", [OCI, DOCKER], ids=["oci", "docker"])
def test_a_pull_gives_back_what_was_pushed(ecr: FakeECR, media_types: MediaTypes) -> None:
    """The manifest and all blobs are pulled unchanged, by tag and by digest."""
    image = build_image(media_types=media_types)
    push(ecr, REPOSITORY, image, "1.0")
    for reference in ("1.0", image.digest):
        pulled = pull(ecr, REPOSITORY, reference)
        assert isinstance(pulled, Image)
        assert (pulled.manifest, pulled.media_type) == (image.manifest, image.media_type)
        for blob, original in zip(pulled.blobs, image.blobs, strict=True):
            assert (blob.content, blob.media_type) == (original.content, original.media_type)


def test_a_pull_of_an_index_brings_its_images(ecr: FakeECR) -> None:
    """Everything below an index is pulled; a layer that images share is downloaded once."""
    layer = build_layer()
    index = build_index(
        [build_image(layers=[layer]), build_image(layers=[layer], architecture="arm64")]
    )
    push(ecr, REPOSITORY, index, "1.0")
    pulled = pull(ecr, REPOSITORY, "1.0")
    assert isinstance(pulled, Index)
    assert [image.manifest for image in pulled.images] == [image.manifest for image in index.images]
    assert [blob.content for blob in pulled.blobs] == [blob.content for blob in index.blobs]
    assert len(ecr.called("GetDownloadUrlForLayer")) == 3


def test_a_pulled_blob_has_the_media_type_of_its_place(ecr: FakeECR) -> None:
    """The same bytes as configuration and as layer keep their two media types."""
    artifact = build_artifact(artifact_type="application/vnd.example", content=b"{}")
    push(ecr, REPOSITORY, artifact, "1.0")
    pulled = pull(ecr, REPOSITORY, "1.0")
    assert isinstance(pulled, Image)
    assert pulled.config.media_type == "application/vnd.oci.empty.v1+json"
    assert pulled.layers[0].media_type == "application/vnd.example"


def test_a_pull_of_nothing_says_so(ecr: FakeECR) -> None:
    """A missing reference raises an error with the registry's reason."""
    with pytest.raises(ImageError, match=r"no image 1.0 in .*team/app\. Requested image not found"):
        pull(ecr, REPOSITORY, "1.0")


def lose_a_layer(ecr: FakeECR, image: Image) -> None:
    ecr.blobs[image.layers[1].digest + "-lost"] = ecr.blobs.pop(image.layers[1].digest)
    url = {"downloadUrl": "https://layers.test/lost"}
    ecr.get_download_url_for_layer = lambda **_: url  # type: ignore[method-assign]


def damage_the_manifest(ecr: FakeECR, image: Image) -> None:
    ecr.images[image.digest] = (image.manifest + b"\n", image.media_type)


def rewrite_the_manifest(ecr: FakeECR, manifest: bytes, media_type: str) -> None:
    ecr.images = {sha256(manifest): (manifest, media_type)}
    ecr.tags = {"1.0": sha256(manifest)}


def misstate_a_size(ecr: FakeECR, image: Image) -> None:
    document = image.document
    document["layers"][0]["size"] += 1
    rewrite_the_manifest(ecr, json.dumps(document).encode(), image.media_type)


def forget_the_configuration(ecr: FakeECR, image: Image) -> None:
    document = image.document
    del document["config"]
    rewrite_the_manifest(ecr, json.dumps(document).encode(), image.media_type)


def call_it_something_else(ecr: FakeECR, image: Image) -> None:
    rewrite_the_manifest(
        ecr, image.manifest, "application/vnd.docker.distribution.manifest.v1+prettyjws"
    )


def invent_a_digest(ecr: FakeECR, image: Image) -> None:
    ecr.images = {"sha256:1": (image.manifest, image.media_type)}
    ecr.tags = {"1.0": "sha256:1"}


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (call_it_something_else, "not an image or an index: .*prettyjws"),
        (invent_a_digest, "'sha256:1' is not a digest"),
        (damage_a_layer, "has the digest sha256:.* instead of sha256:"),
        (lose_a_layer, "answered 403: Forbidden"),
        (damage_the_manifest, "Manifest 1.0 .* has the digest sha256:.* instead of"),
        (misstate_a_size, "bytes, but its descriptor says"),
        (forget_the_configuration, "lacks a required descriptor"),
    ],
)
def test_a_pull_checks_what_it_gets(
    ecr: FakeECR, damage: Callable[[FakeECR, Image], None], message: str
) -> None:
    """Bytes that do not match their digest or descriptor raise an error that names them."""
    image = build_image()
    push(ecr, REPOSITORY, image, "1.0")
    damage(ecr, image)
    with pytest.raises(ImageError, match=message):
        pull(ecr, REPOSITORY, "1.0")


def test_a_download_needs_a_digest(ecr: FakeECR) -> None:
    """An invalid digest is refused before any request."""
    with pytest.raises(ImageError, match="'latest' is not a digest"):
        next(download_blob(ecr, REPOSITORY, "latest"))
    assert ecr.calls == []
