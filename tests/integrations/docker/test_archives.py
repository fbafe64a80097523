"""Images as archives, and in the daemon."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from typing import Any

import pytest
from docker import DockerClient

from moto_ecr_ext import settings
from moto_ecr_ext.arns import Registry
from moto_ecr_ext.integrations.docker import daemon
from moto_ecr_ext.integrations.docker.archive import archive
from moto_ecr_ext.integrations.docker.image_names import ImageName
from moto_ecr_ext.integrations.docker.images import RegistryImage, find_image
from moto_ecr_ext.oci.digest import Digest
from moto_ecr_ext.testing import Image, build_image
from support.constants import ACCOUNT, REGION
from support.containers import push_image
from support.docker_daemon import STORES, running_docker

HOME = Registry(ACCOUNT, REGION)
IMAGE = build_image(layers=2, files={"hello": b"world"})


def stored(ecr: Any, image: Image, tag: str = "1.0") -> tuple[RegistryImage, ImageName]:
    """Push an image, and find it by its name."""
    name = ImageName.parse(push_image(ecr, "team/app", image, tag))
    assert name is not None
    found = find_image(name, HOME, "nobody")
    assert found is not None
    return found, name


@pytest.fixture
def local(in_process: Any) -> Any:
    """A client of the ECR of this process."""
    return in_process.client()


def files_of(pieces: Iterator[bytes]) -> dict[str, bytes]:
    """The files of an archive."""
    with tarfile.open(fileobj=io.BytesIO(b"".join(pieces))) as archive:
        return {each.name: archive.extractfile(each).read() for each in archive}  # type: ignore[union-attr]


def test_an_archive_is_a_layout_with_a_manifest_of_docker(local: Any) -> None:
    """Blobs of the archive are unchanged, under their digests. Docker Image Specification 1.2; OCI Image
    Specification 1.1.
    """
    image, name = stored(local, IMAGE)
    files = files_of(archive(image, name.text))

    index = json.loads(files.pop("index.json"))
    [descriptor] = index["manifests"]
    assert descriptor["digest"] == IMAGE.digest
    assert descriptor["annotations"]["io.containerd.image.name"] == name.text
    assert json.loads(files.pop("oci-layout")) == {"imageLayoutVersion": "1.0.0"}
    [entry] = json.loads(files.pop("manifest.json"))
    assert entry["RepoTags"] == [name.text]
    assert files[entry["Config"]] == IMAGE.config.content
    assert [files[each] for each in entry["Layers"]] == [each.content for each in IMAGE.layers]
    assert all(
        name == f"blobs/sha256/{Digest.of(content).encoded}" for name, content in files.items()
    )


def test_an_archive_comes_in_pieces(local: Any) -> None:
    """The pieces of an archive have at most a mebibyte, whatever the size of a layer."""
    image, name = stored(local, build_image(layers=1, layer_size=3_000_000))
    sizes = [len(piece) for piece in archive(image, name.text)]
    assert max(sizes) <= 1024 * 1024
    assert sum(sizes) > 3_000_000


def test_layers_that_the_daemon_has_are_left_out(local: Any) -> None:
    """Layers that the daemon has are omitted from the archive, and listed in its manifest."""
    image, name = stored(local, IMAGE)
    left_out = IMAGE.layers[0].digest
    files = files_of(archive(image, name.text, {left_out}))
    [entry] = json.loads(files["manifest.json"])
    assert len(entry["Layers"]) == 3
    assert [each for each in entry["Layers"] if each not in files] == [
        left_out.replace("sha256:", "blobs/sha256/")
    ]


@pytest.fixture(scope="module", params=STORES)
def each_daemon(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The address of a daemon, of both kinds of store."""
    with running_docker(tmp_path_factory.mktemp("docker"), request.param) as address:
        yield address


@pytest.fixture
def client(each_daemon: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[DockerClient]:
    """A client of that daemon, which the extension uses too."""
    monkeypatch.setenv("DOCKER_HOST", each_daemon)
    client = DockerClient(each_daemon)
    yield client
    client.close()


def test_images_are_loaded(local: Any, client: DockerClient) -> None:
    """The daemon has the image under its written name, once; an image that shares lower layers is loaded too."""
    image, name = stored(local, IMAGE)
    here = daemon.connect()
    first = here.load(image, image.config(), name)
    assert client.images.get(name.text).id == first
    assert here.load(image, image.config(), name) == first

    larger = build_image(layers=[*IMAGE.layers], files={"more": b"x" * 100})
    image, name = stored(local, larger, "2.0")
    second = here.load(image, image.config(), name)
    assert client.images.get(name.text).id == second
    expected = json.loads(larger.config.content)["rootfs"]["diff_ids"]
    assert client.images.get(second).attrs["RootFS"]["Layers"] == expected
    container = client.containers.create(second, ["/none"])
    pieces, _ = container.get_archive("/more")
    assert files_of(pieces) == {"more": b"x" * 100}
    container.remove()


def test_an_image_by_digest_has_a_tag_of_its_own(local: Any, client: DockerClient) -> None:
    """An image by digest is loaded under a separate tag, as a daemon loads nothing under a digest."""
    image, name = stored(local, build_image(seed="digest"))
    by_digest = ImageName.parse(f"{name.without_reference}@{image.digest}")
    assert by_digest is not None
    loaded = daemon.connect().load(image, image.config(), by_digest)
    tag = image.digest.removeprefix("sha256:")[:12]
    assert client.images.get(f"{name.without_reference}:moto-{tag}").id == loaded


def test_containers_of_a_process_that_is_gone(client: DockerClient, local: Any) -> None:
    """The first use of a daemon removes containers of ended processes, and no others."""
    image, name = stored(local, IMAGE)
    here = daemon.connect()
    loaded = here.load(image, image.config(), name)
    own = daemon.labels("lambda")
    [label] = set(own) - {daemon.LABEL}
    host, pid, _ = own[label].split("/")
    # No process has a number that large: `man 5 proc`, pid_max.
    labels = {
        "gone": f"{host}/{2**22 + 1}/a",
        "again": f"{host}/{pid}/a",
        "alive": f"{host}/1/a",
        "elsewhere": f"another.{host}/{2**22 + 1}/a",
        "own": own[label],
    }
    for each, process in labels.items():
        client.containers.create(loaded, ["/none"], name=each, labels={**own, label: process})
    client.containers.create(loaded, ["/none"], name="stranger", labels={label: labels["gone"]})

    here.remove_leftovers()

    left = {each.name for each in client.containers.list(all=True)}
    assert left == {"alive", "elsewhere", "own", "stranger"}
    for each in left:
        client.containers.get(each).remove()


NAMES = [
    ("host.example/a/b:1", "host.example", "a/b", "1", None),
    ("localhost:5000/a", "localhost:5000", "a", None, None),
    (f"[::1]:80/a:1@sha256:{'0' * 64}", "[::1]:80", "a", "1", f"sha256:{'0' * 64}"),
]


@pytest.mark.parametrize(("text", "host", "repository", "tag", "digest"), NAMES)
def test_names(text: str, host: str, repository: str, tag: str | None, digest: str | None) -> None:
    """Names of images are parsed as documented: https://pkg.go.dev/github.com/distribution/reference"""
    assert ImageName.parse(text) == ImageName(text, host, repository, tag, digest)


@pytest.mark.parametrize(
    "text", ["", "app", "app:1", "h/A:1", "h/a:", "h/a@sha256:1", "h//a", "h/a b"]
)
def test_a_name_without_a_host(text: str) -> None:
    """A name without a host belongs to another registry."""
    assert ImageName.parse(text) is None


def test_the_registry_of_a_name(in_process: Any) -> None:
    """A host of AWS's form names its registry. This server's address selects the registry of the caller."""

    def registry_of(text: str) -> Registry | None:
        name = ImageName.parse(text)
        assert name is not None
        return name.registry(HOME)

    assert registry_of("999999999999.dkr.ecr.eu-west-1.amazonaws.com/a:1") == Registry(
        "999999999999", "eu-west-1"
    )
    assert registry_of("127.0.0.1:5000/a:1") == HOME
    assert registry_of("registry.example/a:1") is None
    settings.listen_at("10.0.0.1:5000")
    assert registry_of("10.0.0.1:5000/a:1") == HOME
    assert registry_of("localhost:5000/a:1") == HOME
    assert registry_of("localhost:5001/a:1") is None
