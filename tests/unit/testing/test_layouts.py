"""Image layouts that are written and pushed."""

from __future__ import annotations

import hashlib
import json
import shutil
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from moto_ecr_ext.testing import (
    OCI,
    Image,
    ImageError,
    Index,
    build_image,
    build_index,
    pull,
    push_oci_layout,
    write_oci_layout,
)
from support.fake_ecr import REPOSITORY, FakeECR, sha256
from support.layouts import packed


def test_a_layout_holds_every_blob_under_its_digest(tmp_path: Path) -> None:
    """The files of a layout have the names and contents of the image layout specification."""
    index = build_index([build_image(), build_image(seed=1, architecture="arm64")])
    path = write_oci_layout(index, tmp_path / "layout", tag="1.0")
    assert json.loads((path / "oci-layout").read_bytes()) == {"imageLayoutVersion": "1.0.0"}
    (entry,) = json.loads((path / "index.json").read_bytes())["manifests"]
    assert entry == {
        **index.descriptor(),
        "annotations": {"org.opencontainers.image.ref.name": "1.0"},
    }
    stored = {
        f"sha256:{file.name}": file.read_bytes() for file in (path / "blobs/sha256").iterdir()
    }
    assert stored == {
        **{blob.digest: blob.content for blob in index.blobs},
        **{image.digest: image.manifest for image in index.images},
        index.digest: index.manifest,
    }
    assert all(sha256(content) == digest for digest, content in stored.items())


def test_a_layout_takes_more_images(tmp_path: Path) -> None:
    """Images are added, one under an existing tag replaces the other; untagged ones stay."""
    old, new, other = (build_image(seed=seed) for seed in range(3))
    written = [(old, "1.0"), (old, None), (other, "2.0"), (new, "1.0"), (other, None), (old, None)]
    for image, tag in written:
        write_oci_layout(image, tmp_path, tag=tag)
    entries = json.loads((tmp_path / "index.json").read_bytes())["manifests"]
    assert [
        (entry["digest"], *entry.get("annotations", {None: None}).values()) for entry in entries
    ] == [(other.digest, "2.0"), (new.digest, "1.0"), (other.digest, None), (old.digest, None)]


def nested(path: Path, depth: int, width: int) -> None:
    """A layout of an index that lists an index `width` times, and so on, above one image."""
    index: Image | Index = build_image(layers=0)
    for _ in range(depth):
        document = {
            "schemaVersion": 2,
            "mediaType": OCI.index,
            "manifests": [index.descriptor()] * width,
        }
        index = Index(json.dumps(document).encode(), OCI.index, [index])
    write_oci_layout(index, path)


@pytest.mark.parametrize(
    ("depth", "width", "message"),
    [(17, 1, "indexes more than 16 deep"), (15, 3, "has too many manifests")],
)
def test_indexes_of_indexes(
    ecr: FakeECR, tmp_path: Path, depth: int, width: int, message: str
) -> None:
    """A few small files that stand for millions of manifests are refused."""
    nested(tmp_path, depth, width)
    with pytest.raises(ImageError, match=message):
        push_oci_layout(ecr, REPOSITORY, tmp_path)
    assert ecr.calls == []


def test_json_that_is_too_deep(ecr: FakeECR, tmp_path: Path) -> None:
    """JSON that is nested too deep is refused like other malformed JSON."""
    write_oci_layout(build_image(), tmp_path)
    (tmp_path / "index.json").write_text("[" * 100_000)
    with pytest.raises(ImageError, match=r"index\.json in .* is not JSON"):
        push_oci_layout(ecr, REPOSITORY, tmp_path)


def test_a_layout_is_not_written_over_something_else(tmp_path: Path) -> None:
    """A directory with other files in it stays as it is."""
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ImageError, match="is not an OCI image layout"):
        write_oci_layout(build_image(), tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["notes.txt"]


AS_DIRECTORY = pytest.param(lambda path: path, id="directory")

AS_TAR = pytest.param(lambda path: packed(path, path.with_suffix(".tar")), id="tar")

AS_DOTTED_TAR = pytest.param(
    lambda path: packed(path, path.with_suffix(".tar"), prefix="./"), id="tar-of-dot"
)

AS_GZIPPED_TAR = pytest.param(
    lambda path: packed(path, path.with_suffix(".tgz"), "w:gz"), id="gzipped-tar"
)


@pytest.mark.parametrize("form", [AS_DIRECTORY, AS_TAR, AS_DOTTED_TAR, AS_GZIPPED_TAR])
def test_a_layout_is_pushed_in_every_form(
    ecr: FakeECR, tmp_path: Path, form: Callable[[Path], Path]
) -> None:
    """A directory and its archives push the same manifests and blobs, under the tag inside."""
    index = build_index([build_image(), build_image(architecture="arm64")])
    path = form(write_oci_layout(index, tmp_path / "layout", tag="1.0"))
    assert push_oci_layout(ecr, REPOSITORY, path) == [index.digest]
    assert ecr.blobs == {blob.digest: blob.content for blob in index.blobs}
    assert ecr.images[index.digest] == (index.manifest, index.media_type)
    assert ecr.tags == {"1.0": index.digest}


def test_a_pushed_manifest_keeps_its_bytes(ecr: FakeECR, tmp_path: Path) -> None:
    """Manifests are pushed as they were written, spaces included."""
    built = build_image()
    manifest = json.dumps(built.document, indent=3).encode()
    image = Image(manifest, OCI.manifest, built.config, built.layers)
    write_oci_layout(image, tmp_path)
    assert push_oci_layout(ecr, REPOSITORY, tmp_path, tag="1.0") == [sha256(manifest)]
    assert ecr.images[sha256(manifest)] == (manifest, OCI.manifest)


def test_all_images_of_a_layout_are_pushed_under_their_tags(ecr: FakeECR, tmp_path: Path) -> None:
    """Annotations give the tags; an image without one is pushed untagged."""
    images = [build_image(seed=seed) for seed in range(3)]
    for image, tag in zip(images, ["1.0", "registry.test:5000/team/app:2.0", None], strict=True):
        write_oci_layout(image, tmp_path, tag=tag)
    assert push_oci_layout(ecr, REPOSITORY, tmp_path) == [image.digest for image in images]
    assert ecr.tags == {"1.0": images[0].digest, "2.0": images[1].digest}
    assert set(ecr.images) == {image.digest for image in images}


@pytest.mark.parametrize(
    ("name", "tags"),
    [
        ("1.0", {"1.0"}),
        ("app:1.0", {"1.0"}),
        ("localhost:5000/app", set()),
        ("docker.io/library/app", set()),
        ("app@sha256:" + 64 * "a", set()),
        ("not a tag", set()),
    ],
)
def test_a_reference_name_gives_its_tag(
    ecr: FakeECR, tmp_path: Path, name: str, tags: set[str]
) -> None:
    """Tools annotate with a tag or a whole image name; an image without a tag stays untagged."""
    push_oci_layout(ecr, REPOSITORY, write_oci_layout(build_image(), tmp_path, tag=name))
    assert set(ecr.tags) == tags
    assert len(ecr.images) == 1


def test_the_only_image_of_a_layout_gets_the_tag_asked_for(ecr: FakeECR, tmp_path: Path) -> None:
    """A tag of the call replaces the tag inside."""
    image = build_image()
    write_oci_layout(image, tmp_path, tag="inside")
    assert push_oci_layout(ecr, REPOSITORY, tmp_path, tag="asked") == [image.digest]
    assert ecr.tags == {"asked": image.digest}


def test_a_tag_chooses_among_the_images_of_a_layout(ecr: FakeECR, tmp_path: Path) -> None:
    """With several images the tag names one, and only that is pushed."""
    for seed in range(3):
        write_oci_layout(build_image(seed=seed), tmp_path, tag=f"{seed}.0")
    assert push_oci_layout(ecr, REPOSITORY, tmp_path, "1.0") == [build_image(seed=1).digest]
    assert ecr.tags == {"1.0": build_image(seed=1).digest}
    with pytest.raises(ImageError, match=r"3 images, none .* '9' \(tags: 0.0, 1.0, 2.0\)"):
        push_oci_layout(ecr, REPOSITORY, tmp_path, tag="9")


def attestation() -> Image:
    """An attestation as BuildKit adds it to an index: an image for no platform."""
    return build_image(seed="attestation", layers=1, architecture="unknown", os="unknown")


def remove_blob(layout: Path, digest: str) -> None:
    (layout / "blobs" / "sha256" / digest.partition(":")[2]).unlink()


def test_an_index_of_which_one_image_is_there_is_pushed_as_that(
    ecr: FakeECR, tmp_path: Path
) -> None:
    """An index with one present image is pushed as that image, as with docker after a pull for one platform."""
    amd64, arm64 = build_image(seed=1), build_image(seed=2, architecture="arm64")
    write_oci_layout(build_index([amd64, arm64, attestation()]), tmp_path, tag="1.0")
    remove_blob(tmp_path, arm64.digest)
    assert push_oci_layout(ecr, REPOSITORY, tmp_path) == [amd64.digest]
    assert ecr.tags == {"1.0": amd64.digest}


def test_an_index_of_which_several_but_not_all_images_are_there_is_refused(
    ecr: FakeECR, tmp_path: Path
) -> None:
    """An index with several, but not all, images present is refused; the error names the missing ones."""
    images = [build_image(seed=name, architecture=name) for name in ("amd64", "arm64", "s390x")]
    write_oci_layout(build_index(images), tmp_path)
    remove_blob(tmp_path, images[1].layers[0].digest)
    with pytest.raises(ImageError, match=f"does not hold blob {images[1].layers[0].digest}"):
        push_oci_layout(ecr, REPOSITORY, tmp_path)
    assert ecr.calls == []


def test_a_foreign_layer_need_not_be_there(ecr: FakeECR, tmp_path: Path) -> None:
    """Layers that are downloaded from elsewhere are not pushed or pulled."""
    built = build_image()
    document = built.document
    foreign = {
        "mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        "digest": sha256(b"elsewhere"),
        "size": 9,
        "urls": ["https://elsewhere.test/layer"],
    }
    document["layers"].insert(0, foreign)
    manifest = json.dumps(document).encode()
    image = Image(manifest, OCI.manifest, built.config, built.layers)
    push_oci_layout(ecr, REPOSITORY, write_oci_layout(image, tmp_path), tag="1.0")
    pulled = pull(ecr, REPOSITORY, "1.0")
    assert pulled.manifest == manifest
    assert [blob.digest for blob in pulled.blobs] == [blob.digest for blob in built.blobs]


class ForgetfulECR(FakeECR):
    """Keeps no bytes, for layers that are larger than a test wants in memory."""

    part_size = 1 << 20

    def initiate_layer_upload(self, **parameters: Any) -> dict[str, Any]:
        self.hasher = hashlib.sha256()
        return {"uploadId": "upload", "partSize": self.part_size}

    def upload_layer_part(self, **parameters: Any) -> dict[str, Any]:
        self.hasher.update(parameters["layerPartBlob"])
        return {"lastByteReceived": parameters["partLastByte"]}

    def complete_layer_upload(self, **parameters: Any) -> dict[str, Any]:
        digest = f"sha256:{self.hasher.hexdigest()}"
        assert parameters["layerDigests"] == [digest]
        self.blobs[digest] = b""
        return {"layerDigest": digest}


@pytest.mark.parametrize("form", [AS_DIRECTORY, AS_TAR])
def test_a_large_layer_is_streamed(tmp_path: Path, form: Callable[[Path], Path]) -> None:
    """Memory does not grow with the size of a layer on disk."""
    image = build_image(layers=1, layer_size=32 << 20)
    path = form(write_oci_layout(image, tmp_path / "layout"))
    ecr = ForgetfulECR()
    tracemalloc.start()
    try:
        push_oci_layout(ecr, REPOSITORY, path)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()
    assert set(ecr.blobs) == {blob.digest for blob in image.blobs}


def edit_entry(layout: Path, **members: Any) -> None:
    document = json.loads((layout / "index.json").read_bytes())
    document["manifests"][0].update(members)
    (layout / "index.json").write_text(json.dumps(document))


def overwrite_blob(layout: Path, digest: str, content: bytes) -> None:
    (layout / "blobs" / "sha256" / digest.partition(":")[2]).write_bytes(content)


def flip_a_bit(layout: Path, digest: str) -> None:
    path = layout / "blobs" / "sha256" / digest.partition(":")[2]
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


IMAGE = build_image()

DAMAGED_LAYOUTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "no-directory": (shutil.rmtree, "layout does not exist"),
    "no-marker": (lambda path: (path / "oci-layout").unlink(), "it has no file 'oci-layout'"),
    "no-index": (lambda path: (path / "index.json").unlink(), "it has no file 'index.json'"),
    "other-version": (
        lambda path: (path / "oci-layout").write_text('{"imageLayoutVersion": "2.0.0"}'),
        "not an OCI image layout of version 1.0.0",
    ),
    "not-json": (lambda path: (path / "index.json").write_text("{"), "index.json .* is not JSON"),
    "not-an-object": (
        lambda path: (path / "index.json").write_text("[]"),
        "index.json .* is not a JSON object",
    ),
    "no-list": (
        lambda path: (path / "index.json").write_text("{}"),
        "index.json .* has no list 'manifests'",
    ),
    "no-image": (
        lambda path: (path / "index.json").write_text('{"manifests": []}'),
        "holds no image",
    ),
    "digest-is-a-path": (
        lambda path: edit_entry(path, digest="sha256:../../oci-layout"),
        "a descriptor without a media type or a valid digest",
    ),
    "no-size": (lambda path: edit_entry(path, size="1"), "without a valid size"),
    "not-an-image": (
        lambda path: edit_entry(path, mediaType="text/plain"),
        "not an image or an index: text/plain",
    ),
    "no-manifest": (lambda path: remove_blob(path, IMAGE.digest), "does not hold blob sha256:"),
    "no-layer": (
        lambda path: remove_blob(path, IMAGE.layers[1].digest),
        f"does not hold blob {IMAGE.layers[1].digest}",
    ),
    "short-layer": (
        lambda path: overwrite_blob(path, IMAGE.layers[1].digest, b"short"),
        f"Blob {IMAGE.layers[1].digest} .* has 5 bytes, but its descriptor says",
    ),
    "damaged-layer": (
        lambda path: flip_a_bit(path, IMAGE.layers[1].digest),
        f"has the digest sha256:.* instead of {IMAGE.layers[1].digest}",
    ),
    "damaged-config": (
        lambda path: flip_a_bit(path, IMAGE.config.digest),
        f"has the digest sha256:.* instead of {IMAGE.config.digest}",
    ),
    "damaged-manifest": (
        lambda path: flip_a_bit(path, IMAGE.digest),
        f"has the digest sha256:.* instead of {IMAGE.digest}",
    ),
}


def test_a_damaged_blob_of_a_gzipped_archive_is_reported_by_the_name_of_the_archive(
    ecr: FakeECR, tmp_path: Path
) -> None:
    """The error names the given file, and not a temporary one."""
    layout = write_oci_layout(IMAGE, tmp_path / "layout")
    flip_a_bit(layout, IMAGE.layers[0].digest)
    path = packed(layout, tmp_path / "layout.tgz", "w:gz")
    with pytest.raises(ImageError, match=f"A blob in {path} has the digest"):
        push_oci_layout(ecr, REPOSITORY, path)


@pytest.mark.parametrize("name", DAMAGED_LAYOUTS)
def test_a_damaged_layout_is_refused(ecr: FakeECR, tmp_path: Path, name: str) -> None:
    """The error gives the fault in a sentence, and no image reaches the registry."""
    damage, message = DAMAGED_LAYOUTS[name]
    layout = write_oci_layout(IMAGE, tmp_path / "layout", tag="1.0")
    damage(layout)
    with pytest.raises(ImageError, match=message):
        push_oci_layout(ecr, REPOSITORY, layout)
    assert ecr.images == {}
