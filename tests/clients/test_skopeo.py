"""skopeo: images between files and the registry, and what it says about them."""

from __future__ import annotations

import json
from base64 import b64decode
from pathlib import Path

import pytest

from moto_ecr_ext.testing import (
    DOCKER,
    OCI,
    build_image,
    build_index,
    write_oci_layout,
)
from support.commands import Server
from support.constants import ACCOUNT
from support.programs import Home, Program
from support.pushed import RemoteRepository, files_of

FILES = {"srv/app": b"an application", "srv/data": bytes(range(256)) * 10_000}


@pytest.fixture
def skopeo(home: Home, registry: Server) -> Program:
    """skopeo, logged in by its own command."""
    # --tls-verify is an option of its commands; here it is said once.
    (home.path / "registries.conf").write_text(
        f'[[registry]]\nlocation = "{registry.address}"\ninsecure = true\n'
    )
    skopeo = home.program(
        "skopeo",
        "--registries-conf",
        str(home.path / "registries.conf"),
        REGISTRY_AUTH_FILE=str(home.path / "auth.json"),
    )
    login = ("login", "--username", "AWS", "--password-stdin", registry.address)
    assert "Login Succeeded" in skopeo(*login, stdin=registry.password)
    return skopeo


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    """An OCI layout with an image `1.0` and an index `multi` of two platforms."""
    image = build_image(seed=1, layers=2, files=FILES, config={"Env": ["MODE=test"]})
    arm = build_image(seed=2, layers=1, architecture="arm64", variant="v8")
    write_oci_layout(image, tmp_path / "layout", "1.0")
    return write_oci_layout(build_index([image, arm]), tmp_path / "layout", "multi")


def _blobs(layout: Path) -> dict[str, bytes]:
    """All that an OCI layout holds, by digest."""
    return {f"sha256:{each.name}": each.read_bytes() for each in layout.glob("blobs/sha256/*")}


def test_an_image_goes_to_the_registry_and_back(
    skopeo: Program, remote: RemoteRepository, layout: Path, tmp_path: Path
) -> None:
    """A layout that is pushed and pulled has the same bytes, and the API lists the image."""
    skopeo("copy", f"oci:{layout}:1.0", f"docker://{remote.uri}:1.0")

    image = remote.image("1.0")
    assert files_of(image).items() >= FILES.items()
    assert image.media_type == OCI.manifest
    assert image.manifest == _blobs(layout)[image.digest]

    skopeo("copy", f"docker://{remote.uri}:1.0", f"oci:{tmp_path / 'back'}:1.0")
    assert _blobs(tmp_path / "back").items() <= _blobs(layout).items()
    assert image.digest in _blobs(tmp_path / "back")


def test_an_image_is_pulled_by_digest_into_a_directory(
    skopeo: Program, remote: RemoteRepository, layout: Path, tmp_path: Path
) -> None:
    """`dir:` gets the manifest byte for byte, and each blob under its digest."""
    skopeo("copy", f"oci:{layout}:1.0", f"docker://{remote.uri}:1.0")
    image = remote.image("1.0")

    skopeo("copy", f"docker://{remote.uri}@{image.digest}", f"dir:{tmp_path / 'out'}")

    assert (tmp_path / "out/manifest.json").read_bytes() == image.manifest
    for blob in image.blobs:
        assert (tmp_path / "out" / blob.digest.removeprefix("sha256:")).read_bytes() == blob.content


def test_an_index_goes_to_the_registry_and_back(
    skopeo: Program, remote: RemoteRepository, layout: Path, tmp_path: Path
) -> None:
    """`--all` copies the index and the images of every platform in both directions, byte for byte."""
    skopeo("copy", "--all", f"oci:{layout}:multi", f"docker://{remote.uri}:multi")

    index = remote.index("multi")
    assert index.manifest == _blobs(layout)[index.digest]
    assert {each.digest for each in index.images} | {index.digest} == set(remote.details())

    skopeo("copy", "--all", f"docker://{remote.uri}:multi", f"oci:{tmp_path / 'back'}:multi")
    assert _blobs(tmp_path / "back") == _blobs(layout)


def test_one_platform_of_an_index_is_pulled(
    skopeo: Program, remote: RemoteRepository, layout: Path, tmp_path: Path
) -> None:
    """Without `--all` the image of one platform is chosen from the index."""
    skopeo("copy", "--all", f"oci:{layout}:multi", f"docker://{remote.uri}:multi")

    skopeo(
        *("--override-arch", "arm64", "--override-variant", "v8", "copy"),
        *(f"docker://{remote.uri}:multi", f"dir:{tmp_path / 'out'}"),
    )

    _, arm = remote.index("multi").images
    assert (tmp_path / "out/manifest.json").read_bytes() == arm.manifest


def test_an_image_in_dockers_format(
    skopeo: Program, remote: RemoteRepository, layout: Path
) -> None:
    """An image that skopeo converts to Docker's schema 2 is stored in that form."""
    skopeo("copy", "--format", "v2s2", f"oci:{layout}:1.0", f"docker://{remote.uri}:1.0")

    image = remote.image("1.0")
    assert image.media_type == DOCKER.manifest
    assert {each.media_type for each in image.layers} == {DOCKER.layer_gzip}
    assert files_of(image).items() >= FILES.items()


def test_layers_compressed_by_zstandard(
    skopeo: Program, remote: RemoteRepository, layout: Path, tmp_path: Path
) -> None:
    """Layers that the client compresses with zstandard are kept and returned unchanged."""
    compression = ("--dest-compress-format", "zstd")
    skopeo("copy", *compression, f"oci:{layout}:1.0", f"docker://{remote.uri}:1.0")

    image = remote.image("1.0")
    assert {each.media_type for each in image.layers} == {f"{OCI.layer_tar}+zstd"}

    skopeo("copy", f"docker://{remote.uri}:1.0", f"dir:{tmp_path / 'out'}")
    for blob in image.blobs:
        assert (tmp_path / "out" / blob.digest.removeprefix("sha256:")).read_bytes() == blob.content


def test_what_is_there_is_not_sent_again(
    skopeo: Program, remote: RemoteRepository, layout: Path
) -> None:
    """A second push of an image finds every blob, and sends no bytes."""
    skopeo("copy", f"oci:{layout}:1.0", f"docker://{remote.uri}:1.0")

    again = skopeo.run("--debug", "copy", f"oci:{layout}:1.0", f"docker://{remote.uri}:2.0")

    assert again.returncode == 0
    assert "/blobs/sha256:" in again.stderr
    assert "/blobs/uploads/" not in again.stderr
    assert remote.digest_of("2.0") == remote.digest_of("1.0")


@pytest.mark.parametrize(
    ("setting", "is_mounted"), [("ENABLED", True), ("DISABLED", False)], ids=["enabled", "disabled"]
)
def test_a_copy_between_repositories(
    skopeo: Program,
    remote: RemoteRepository,
    other_remote: RemoteRepository,
    layout: Path,
    setting: str,
    is_mounted: bool,
) -> None:
    """Blobs of another repository are mounted if the account setting allows it, else sent."""
    skopeo("copy", f"oci:{layout}:1.0", f"docker://{remote.uri}:1.0")
    remote.ecr.put_account_setting(name="BLOB_MOUNTING", value=setting)

    copied = skopeo.run(
        *("--debug", "copy", f"docker://{remote.uri}:1.0"),
        f"docker://{other_remote.uri}:1.0",
    )

    assert copied.returncode == 0, copied.stderr
    assert f"?from={remote.name.replace('/', '%2F')}&mount=sha256" in copied.stderr
    assert ("mount OK" in copied.stderr) is is_mounted
    assert other_remote.image("1.0").manifest == remote.image("1.0").manifest


def test_tags_are_listed(skopeo: Program, remote: RemoteRepository, layout: Path) -> None:
    """`list-tags` names every tag."""
    for tag in ("1.0", "1.1", "latest"):
        skopeo("copy", f"oci:{layout}:1.0", f"docker://{remote.uri}:{tag}")

    listed = json.loads(skopeo("list-tags", f"docker://{remote.uri}"))

    assert listed == {"Repository": remote.uri, "Tags": ["1.0", "1.1", "latest"]}


def test_an_image_is_inspected(skopeo: Program, remote: RemoteRepository, layout: Path) -> None:
    """`inspect` shows digest, tags and layers; `--raw` and `--config` return bytes as pushed."""
    skopeo("copy", f"oci:{layout}:1.0", f"docker://{remote.uri}:1.0")
    image = remote.image("1.0")

    told = json.loads(skopeo("inspect", f"docker://{remote.uri}:1.0"))

    assert told["Name"] == remote.uri
    assert told["Digest"] == image.digest
    assert told["RepoTags"] == ["1.0"]
    assert told["Layers"] == [each.digest for each in image.layers]
    assert told["Env"] == ["MODE=test"]
    raw = skopeo("inspect", "--raw", f"docker://{remote.uri}:1.0")
    assert raw.encode() == image.manifest
    config = skopeo("inspect", "--raw", "--config", f"docker://{remote.uri}:1.0")
    assert config.encode() == image.config.content


def test_an_image_is_replicated(
    skopeo: Program, remote: RemoteRepository, registry: Server, layout: Path, tmp_path: Path
) -> None:
    """A pushed image can be pulled from the other Region of a rule, with all platforms."""
    there = {"region": "eu-west-1", "registryId": ACCOUNT}
    filters = [{"filter": remote.name, "filterType": "PREFIX_MATCH"}]
    remote.ecr.put_replication_configuration(
        replicationConfiguration={
            "rules": [{"destinations": [there], "repositoryFilters": filters}]
        }
    )
    skopeo("copy", "--all", f"oci:{layout}:multi", f"docker://{remote.uri}:multi")

    ecr = registry.client(region="eu-west-1")
    [login] = ecr.get_authorization_token()["authorizationData"]
    credentials = b64decode(login["authorizationToken"]).decode()
    skopeo(
        *("copy", "--all", "--src-creds", credentials),
        *(f"docker://{remote.uri}:multi", f"oci:{tmp_path / 'there'}:multi"),
    )

    ecr.delete_repository(repositoryName=remote.name, force=True)
    remote.ecr.put_replication_configuration(replicationConfiguration={"rules": []})
    assert _blobs(tmp_path / "there") == _blobs(layout)


def test_an_image_is_deleted(skopeo: Program, remote: RemoteRepository, layout: Path) -> None:
    """`delete` removes the image that a tag names, with all its tags, and no other."""
    skopeo("copy", f"oci:{layout}:1.0", f"docker://{remote.uri}:1.0")
    skopeo("copy", f"oci:{layout}:1.0", f"docker://{remote.uri}:1.1")
    skopeo("copy", "--all", f"oci:{layout}:multi", f"docker://{remote.uri}:multi")
    index = remote.index("multi")

    # An index goes before what it lists, on ECR too.
    skopeo("delete", f"docker://{remote.uri}:multi")
    skopeo("delete", f"docker://{remote.uri}:1.0")

    assert set(remote.details()) == {index.images[1].digest}
    assert json.loads(skopeo("list-tags", f"docker://{remote.uri}"))["Tags"] == []
    assert "manifest unknown" in skopeo.refused("inspect", f"docker://{remote.uri}:1.1")


def test_an_immutable_tag_is_not_overwritten(
    skopeo: Program, remote: RemoteRepository, layout: Path
) -> None:
    """Another image under a tag of an immutable repository is refused with ECR's message."""
    skopeo("copy", f"oci:{layout}:1.0", f"docker://{remote.uri}:1.0")
    remote.ecr.put_image_tag_mutability(repositoryName=remote.name, imageTagMutability="IMMUTABLE")
    digest = remote.digest_of("1.0")

    said = skopeo.refused("copy", "--all", f"oci:{layout}:multi", f"docker://{remote.uri}:1.0")

    assert (
        f"The image tag '1.0' already exists in the '{remote.name}' repository and cannot be "
        "overwritten because the tag is immutable." in said
    )
    assert remote.digest_of("1.0") == digest


def test_a_repository_that_does_not_exist(skopeo: Program, registry: Server, layout: Path) -> None:
    """A push to a missing repository is refused with ECR's message."""
    said = skopeo.refused("copy", f"oci:{layout}:1.0", f"docker://{registry.address}/nowhere:1.0")

    assert (
        "name unknown: The repository with name 'nowhere' does not exist in the registry with id "
        "'123456789012'" in said
    )


def test_a_wrong_password(skopeo: Program, remote: RemoteRepository, registry: Server) -> None:
    """A login with another password is refused, and so is a command that uses one."""
    login = ("login", "--username", "AWS", "--password-stdin", registry.address)
    reason = "denied: Your Authorization Token is invalid."
    assert reason in skopeo.refused(*login, stdin="another")

    said = skopeo.refused("list-tags", "--creds", "AWS:another", f"docker://{remote.uri}")
    assert reason in said
