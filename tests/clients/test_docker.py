"""docker with a separate daemon, for both kinds of image store."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from moto_ecr_ext.testing import (
    DOCKER,
    OCI,
    Image,
    Index,
    build_image,
    push,
)
from support.commands import Server
from support.docker_daemon import STORES, running_docker
from support.fault_rules import FaultRules
from support.programs import Home, Program
from support.pushed import RemoteRepository, files_of

DATA = bytes(range(256)) * 20_000


@pytest.fixture(scope="module", params=STORES)
def store(request: pytest.FixtureRequest) -> str:
    """The name of a kind of store."""
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def daemon(store: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a daemon."""
    with running_docker(tmp_path_factory.mktemp("docker"), store) as address:
        yield address


@pytest.fixture
def anonymous(home: Home, daemon: str) -> Program:
    """docker, not logged in."""
    return home.program("docker", "--host", daemon)


@pytest.fixture
def docker(anonymous: Program, registry: Server) -> Program:
    """docker, logged in."""
    login = ("login", "--username", "AWS", "--password-stdin", registry.address)
    assert "Login Succeeded" in anonymous(*login, stdin=registry.password)
    return anonymous


@pytest.fixture
def context(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """The context of `docker build` for an image of one file; another image for every test."""
    context = tmp_path / "context"
    context.mkdir()
    (context / "data").write_bytes(DATA)
    (context / "Dockerfile").write_text(
        f"FROM scratch\nCOPY data /srv/data\nLABEL test={request.node.name}\n"
    )
    return context


def _pushed(said: str) -> str:
    """The digest that `docker push` reported."""
    match = re.search(r"digest: (sha256:[0-9a-f]{64}) size: \d+", said)
    assert match, said
    return match[1]


def _image(repository: RemoteRepository, tag: str) -> Image:
    """The image that was built: containerd's store has it in an index, beside its attestation."""
    if repository.details()[repository.digest_of(tag)]["imageManifestMediaType"] != OCI.index:
        return repository.image(tag)
    image, *attestations = repository.index(tag).images
    assert isinstance(image, Image)
    assert all(
        each.platform == {"os": "unknown", "architecture": "unknown"} for each in attestations
    )
    return image


def _file(docker: Program, image: str, path: str, directory: Path) -> bytes:
    """A file of an image as a container has it."""
    container = docker("create", image, "nothing").strip()
    docker("cp", f"{container}:{path}", directory / "file")
    docker("rm", container)
    return (directory / "file").read_bytes()


def test_a_built_image_is_pushed_and_pulled(
    docker: Program, store: str, remote: RemoteRepository, context: Path, tmp_path: Path
) -> None:
    """The API lists the digest that the push reported; a pull by tag brings the same image back."""
    name = f"{remote.uri}:1.0"
    docker("build", "--tag", name, context)
    digest = _pushed(docker("push", name))

    assert remote.digest_of("1.0") == digest
    image = _image(remote, "1.0")
    assert image.media_type == (OCI if store == "containerd" else DOCKER).manifest
    assert files_of(image) == {"srv/data": DATA}

    docker("rmi", name)
    assert f"Digest: {digest}" in docker("pull", name)
    assert json.loads(docker("inspect", name))[0]["RepoDigests"] == [f"{remote.uri}@{digest}"]
    assert _file(docker, name, "/srv/data", tmp_path) == DATA


def test_an_image_is_pulled_by_digest(
    docker: Program, remote: RemoteRepository, context: Path, tmp_path: Path
) -> None:
    """The digest that the API lists names the image to a pull."""
    docker("build", "--tag", f"{remote.uri}:1.0", context)
    docker("push", f"{remote.uri}:1.0")
    docker("rmi", f"{remote.uri}:1.0")
    name = f"{remote.uri}@{remote.digest_of('1.0')}"

    docker("pull", name)

    assert _file(docker, name, "/srv/data", tmp_path) == DATA


def test_all_tags_are_pushed(docker: Program, remote: RemoteRepository, context: Path) -> None:
    """`--all-tags` pushes every tag, with what they share sent once."""
    for tag in ("1.0", "latest"):
        docker("build", "--tag", f"{remote.uri}:{tag}", context)

    docker("push", "--all-tags", remote.uri)

    assert files_of(_image(remote, "latest")) == files_of(_image(remote, "1.0"))


def test_what_is_there_is_not_sent_again(
    docker: Program, other_remote: RemoteRepository, remote: RemoteRepository, context: Path
) -> None:
    """A push does not send a layer that the repository has; another repository gets it."""
    docker("build", "--tag", f"{remote.uri}:1.0", context)
    docker("push", f"{remote.uri}:1.0")
    docker("tag", f"{remote.uri}:1.0", f"{remote.uri}:again")
    docker("tag", f"{remote.uri}:1.0", f"{other_remote.uri}:1.0")

    said = docker("push", f"{remote.uri}:again")
    assert "Layer already exists" in said
    assert "Pushed" not in said

    docker("push", f"{other_remote.uri}:1.0")
    assert other_remote.digest_of("1.0") == remote.digest_of("again")
    assert files_of(_image(other_remote, "1.0")) == {"srv/data": DATA}


def test_an_index_of_platforms_is_built_and_pushed(
    docker: Program, store: str, remote: RemoteRepository, context: Path
) -> None:
    """buildx sends an index of images for two platforms, and what it attests of each."""
    if store != "containerd":
        pytest.skip("only containerd's store keeps images of several platforms")
    if "buildx" not in docker("info", "--format", "{{range .ClientInfo.Plugins}}{{.Name}} {{end}}"):
        pytest.skip("docker's plugin buildx is not installed")

    docker(
        *("buildx", "build", "--platform", "linux/amd64,linux/arm64", "--provenance", "mode=max"),
        *("--tag", f"{remote.uri}:all", "--push", context),
    )

    index = remote.index("all")
    assert isinstance(index, Index)
    platforms = [each.platform["architecture"] for each in index.images]
    assert platforms == ["amd64", "arm64", "unknown", "unknown"]
    assert all(files_of(each) == {"srv/data": DATA} for each in index.images[:2])
    for image, attestation in zip(index.images[:2], index.document["manifests"][2:], strict=True):
        assert attestation["annotations"]["vnd.docker.reference.digest"] == image.digest
    statement = json.loads(index.images[2].layers[0].content)
    assert statement["predicateType"].startswith("https://slsa.dev/provenance/")


def test_a_push_without_login(anonymous: Program, remote: RemoteRepository, context: Path) -> None:
    """A push without a login is refused with that reason, and nothing is stored."""
    anonymous("build", "--tag", f"{remote.uri}:1.0", context)

    assert "no basic auth credentials" in anonymous.refused("push", f"{remote.uri}:1.0")
    assert remote.details() == {}


def test_a_push_to_a_repository_that_does_not_exist(
    docker: Program, store: str, registry: Server, context: Path
) -> None:
    """The push is refused with ECR's message; containerd's client repeats only the status."""
    docker("build", "--tag", f"{registry.address}/nowhere:1.0", context)

    said = docker.refused("push", f"{registry.address}/nowhere:1.0")

    if store == "containerd":
        assert "404 Not Found" in said
    else:
        assert (
            "name unknown: The repository with name 'nowhere' does not exist in the registry with "
            "id '123456789012'" in said
        )


def test_a_pull_of_a_missing_tag(docker: Program, remote: RemoteRepository) -> None:
    """A tag that does not exist is refused."""
    assert "not found" in docker.refused("pull", f"{remote.uri}:1.0")


def test_a_wrong_password(anonymous: Program, registry: Server) -> None:
    """A login with another password is refused."""
    login = ("login", "--username", "AWS", "--password-stdin", registry.address)

    assert "failed with status: 400 Bad Request" in anonymous.refused(*login, stdin="another")


def test_a_pull_that_breaks_off_is_continued(
    docker: Program, remote: RemoteRepository, rules: FaultRules
) -> None:
    """With both kinds of store, a layer arrives although its connection ends in the middle."""
    image = build_image(seed="cut", layers=1, layer_size=3_000_000)
    push(remote.ecr, remote.name, image, tag="1.0")
    layer = image.layers[0].digest
    rules.put({"fault": "cut", "call": f"GET /v2/*/blobs/{layer}", "after": 1_000_000, "times": 1})
    assert f"Digest: {image.digest}" in docker("pull", f"{remote.uri}:1.0")
    assert rules.strikes() == [1]


def test_a_damaged_layer_is_noticed(
    docker: Program, remote: RemoteRepository, rules: FaultRules
) -> None:
    """A layer with a wrong byte is an error of the pull."""
    image = build_image(seed="damage", layers=1, layer_size=100_000)
    push(remote.ecr, remote.name, image, tag="1.0")
    rules.put({"fault": "corrupt", "call": f"GET /v2/*/blobs/{image.layers[0].digest}"})
    assert image.layers[0].digest in docker.refused("pull", f"{remote.uri}:1.0")
    assert rules.strikes()[0] >= 1


def test_a_pull_is_throttled(docker: Program, remote: RemoteRepository, rules: FaultRules) -> None:
    """With both kinds of store, a pull survives one throttled request."""
    image = build_image(seed="throttled")
    push(remote.ecr, remote.name, image, tag="1.0")
    rules.put({"fault": "throttle", "repository": remote.name, "times": 1})
    assert f"Digest: {image.digest}" in docker("pull", f"{remote.uri}:1.0")
    assert rules.strikes() == [1]


def test_a_login_expires(
    docker: Program, store: str, remote: RemoteRepository, rules: FaultRules
) -> None:
    """A pull with an expired login fails. Without containerd, ECR's text reaches the user."""
    push(remote.ecr, remote.name, build_image(seed="expired"), tag="1.0")
    rules.put({"fault": "expired_token"})
    output = docker.refused("pull", f"{remote.uri}:1.0")
    text = "Your authorization token has expired. Reauthenticate and try again."
    assert ("403 Forbidden" if store == "containerd" else text) in output
