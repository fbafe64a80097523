"""The pull-through cache between programs of others: Debian's docker-registry upstream, and skopeo that pulls."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from moto_ecr_ext.testing import (
    Image,
    Index,
    build_image,
    build_index,
    push,
    write_oci_layout,
)
from support.commands import Command, Server, running_server
from support.fault_rules import FaultRules
from support.programs import Home, Program, find

IMAGE = build_image(seed="pulled through", layers=3, layer_size=300_000)
INDEX = build_index([IMAGE, build_image(seed="arm", layers=1, architecture="arm64")])


@pytest.fixture(scope="module")
def docker_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a docker-registry that anybody may read and write."""
    directory = tmp_path_factory.mktemp("docker-registry")
    configuration = {
        "version": "0.1",
        "storage": {"filesystem": {"rootdirectory": str(directory / "data")}},
        "http": {"addr": "127.0.0.1:0"},
    }
    # YAML is a superset of JSON.
    (directory / "config.yml").write_text(json.dumps(configuration))
    with Command(find("docker-registry"), "serve", str(directory / "config.yml")) as command:
        yield command.wait_for(r"listening on ([\d.:]+)")[1]


@pytest.fixture(scope="module")
def ecr_upstream() -> Iterator[Server]:
    """Another `moto_ecr_server`, which wants a password."""
    with running_server() as server:
        yield server


@pytest.fixture(scope="module")
def cache(docker_registry: str, ecr_upstream: Server) -> Iterator[Server]:
    """A `moto_ecr_server` with both upstream: as quay, and as docker-hub with a secret."""
    upstreams = f"quay=http://{docker_registry},docker-hub={ecr_upstream.url}"
    with running_server("--upstreams", upstreams) as server:
        secret = server.client("secretsmanager").create_secret(
            Name="ecr-pullthroughcache/hub",
            SecretString=json.dumps({"username": "AWS", "accessToken": ecr_upstream.password}),
        )
        ecr = server.client()
        ecr.create_pull_through_cache_rule(
            ecrRepositoryPrefix="quay", upstreamRegistryUrl="quay.io"
        )
        ecr.create_pull_through_cache_rule(
            ecrRepositoryPrefix="docker-hub",
            upstreamRegistryUrl="registry-1.docker.io",
            credentialArn=secret["ARN"],
        )
        yield server


@pytest.fixture
def skopeo(cache: Server, tmp_path: Path) -> Program:
    """skopeo, logged in to the cache."""
    home = Home(tmp_path / "home")
    skopeo = home.program("skopeo", REGISTRY_AUTH_FILE=str(home.path / "auth.json"))
    skopeo(
        *("login", "--tls-verify=false", "--username", "AWS", "--password-stdin", cache.address),
        stdin=cache.password,
    )
    return skopeo


@pytest.fixture
def pulled(skopeo: Program, cache: Server, tmp_path: Path) -> Callable[[str], dict[str, bytes]]:
    """Gives all blobs and manifests of what skopeo pulls from the cache, by digest."""

    def pull(name: str) -> dict[str, bytes]:
        layout = tmp_path / "pulled"
        skopeo(
            *("copy", "--all", "--src-tls-verify=false"),
            *(f"docker://{cache.address}/{name}", f"oci:{layout}:1.0"),
        )
        blobs = layout.glob("blobs/sha256/*")
        return {f"sha256:{each.name}": each.read_bytes() for each in blobs}

    return pull


def _contents(image: Image | Index) -> dict[str, bytes]:
    """All that an image or index consists of, by digest."""
    parts = [image, *(image.images if isinstance(image, Index) else ())]
    return {
        **{part.digest: part.manifest for part in parts},
        **{blob.digest: blob.content for blob in image.blobs},
    }


@pytest.mark.parametrize("image", [IMAGE, INDEX], ids=["image", "index"])
def test_from_docker_registry(
    skopeo: Program,
    docker_registry: str,
    cache: Server,
    pulled: Callable[[str], dict[str, bytes]],
    tmp_path: Path,
    image: Any,
) -> None:
    """skopeo pulls through the cache every byte that it pushed to a docker-registry."""
    layout = write_oci_layout(image, tmp_path / "layout", "1.0")
    name = f"library/{type(image).__name__.lower()}"
    skopeo(
        *("copy", "--all", "--dest-tls-verify=false"),
        *(f"oci:{layout}:1.0", f"docker://{docker_registry}/{name}:1.0"),
    )

    assert pulled(f"quay/{name}:1.0") == _contents(image)
    details = cache.client().describe_images(repositoryName=f"quay/{name}")["imageDetails"]
    tags = {each["imageDigest"]: each.get("imageTags") for each in details}
    assert tags[image.digest] == ["1.0"]


def test_from_a_registry_with_a_login(
    ecr_upstream: Server, cache: Server, pulled: Callable[[str], dict[str, bytes]]
) -> None:
    """The secret of the rule lets the cache in."""
    upstream = ecr_upstream.client()
    upstream.create_repository(repositoryName="library/x")
    push(upstream, "library/x", INDEX, tag="1.0")

    validated = cache.client().validate_pull_through_cache_rule(ecrRepositoryPrefix="docker-hub")
    assert validated["isValid"] is True
    assert pulled("docker-hub/library/x:1.0") == _contents(INDEX)


def test_an_image_that_upstream_has_not(skopeo: Program, cache: Server) -> None:
    """skopeo reports that the image is missing."""
    image = f"docker://{cache.address}/quay/library/none:1.0"
    said = skopeo.refused("inspect", "--tls-verify=false", image)
    assert "manifest unknown: Requested image not found" in said


CACHED = "docker-hub/library/faults"


@pytest.fixture
def at_cache(ecr_upstream: Server, cache: Server) -> Iterator[FaultRules]:
    """The faults of the cache, while upstream has an image `library/faults:1.0` and the cache has none of it."""
    rules, upstream = FaultRules(cache), ecr_upstream.client()
    upstream.create_repository(repositoryName="library/faults")
    push(upstream, "library/faults", IMAGE, tag="1.0")
    yield rules
    rules.clear()
    with suppress(ClientError):
        cache.client().delete_repository(repositoryName=CACHED, force=True)
    upstream.delete_repository(repositoryName="library/faults", force=True)


@pytest.fixture
def at_upstream(at_cache: FaultRules, ecr_upstream: Server) -> Iterator[FaultRules]:
    """The faults of the registry upstream."""
    rules = FaultRules(ecr_upstream)
    yield rules
    rules.clear()


def test_a_pull_goes_on_when_upstream_is_throttled(
    at_upstream: FaultRules, pulled: Callable[[str], dict[str, bytes]]
) -> None:
    """skopeo hears of the throttling from the cache, and repeats its request."""
    at_upstream.put({"fault": "throttle", "call": "GET /v2/*", "times": 1})
    assert pulled(f"{CACHED}:1.0") == _contents(IMAGE)
    assert at_upstream.strikes() == [1]


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"fault": "fail", "call": "GET /v2/*", "status": 503}, "503 Service Unavailable"),
        ({"fault": "corrupt", "call": "GET /v2/*/blobs/*"}, "503 Service Unavailable"),
        (
            {"fault": "cut", "call": "GET /v2/*/blobs/*", "after": 100_000},
            "503 Service Unavailable",
        ),
        ({"fault": "close_while_streaming", "call": "GET /v2/*"}, "503 Service Unavailable"),
        ({"fault": "invalid_token"}, "authentication to the upstream registry failed"),
    ],
    ids=["unavailable", "corrupt", "cut", "closed", "denied"],
)
def test_a_pull_ends_when_upstream_is(
    at_upstream: FaultRules,
    cache: Server,
    pulled: Callable[[str], dict[str, bytes]],
    rule: dict[str, Any],
    message: str,
) -> None:
    """Nothing is kept of an image that upstream does not give, and a later pull gets it."""
    at_upstream.put({**rule, "times": 1})
    with pytest.raises(AssertionError, match=message):
        pulled(f"{CACHED}:1.0")
    assert at_upstream.strikes() == [1]
    with pytest.raises(cache.client().exceptions.RepositoryNotFoundException):
        cache.client().describe_images(repositoryName=CACHED)
    assert pulled(f"{CACHED}:1.0") == _contents(IMAGE)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("upstream_denied", "authentication to the upstream registry failed"),
        ("upstream_unavailable", "503 Service Unavailable"),
    ],
)
def test_a_fault_of_the_cache(
    at_cache: FaultRules, pulled: Callable[[str], dict[str, bytes]], fault: str, message: str
) -> None:
    """The faults of an upstream have the same effect without it."""
    at_cache.put({"fault": fault, "times": 1})
    with pytest.raises(AssertionError, match=message):
        pulled(f"{CACHED}:1.0")
    assert at_cache.strikes() == [1]
    assert pulled(f"{CACHED}:1.0") == _contents(IMAGE)
