"""Faults with real clients: what they recover from, and what they do not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from moto_ecr_ext.testing import Image, build_image, push, write_oci_layout
from support.commands import Server
from support.fault_rules import FaultRules
from support.programs import Home, Program
from support.pushed import RemoteRepository

IMAGE = build_image(seed="faults", layers=2, layer_size=4_000_000, compression="none")


@pytest.fixture
def skopeo(home: Home, registry: Server) -> Program:
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
    skopeo(*login, stdin=registry.password)
    return skopeo


@pytest.fixture
def image(remote: RemoteRepository) -> Image:
    push(remote.ecr, remote.name, IMAGE, tag="1.0")
    return IMAGE


@pytest.fixture
def oras(home: Home, registry: Server) -> Program:
    oras = home.program("oras")
    login = ("login", "--plain-http", "--username", "AWS", "--password-stdin", registry.address)
    oras(*login, stdin=registry.password)
    return oras


def test_skopeo_waits_after_throttling(
    skopeo: Program, remote: RemoteRepository, image: Image, rules: FaultRules, tmp_path: Path
) -> None:
    """skopeo repeats a throttled request, without an option."""
    rules.put({"fault": "throttle", "call": "GET /v2/*/manifests/*", "times": 1})
    skopeo("copy", f"docker://{remote.uri}:1.0", f"dir:{tmp_path / 'back'}")
    assert rules.strikes() == [1]


def test_skopeo_continues_a_blob(
    skopeo: Program, remote: RemoteRepository, image: Image, rules: FaultRules, tmp_path: Path
) -> None:
    """A download that breaks off after more than a MiB is continued by a range."""
    rules.put({"fault": "cut", "call": "GET /v2/*/blobs/*", "after": 2_000_000, "times": 2})
    skopeo("copy", f"docker://{remote.uri}:1.0", f"dir:{tmp_path / 'back'}")
    assert sum(rules.strikes()) == 2
    for each in image.layers:
        assert (tmp_path / "back" / each.digest[7:]).read_bytes() == each.content


def test_skopeo_notices_a_wrong_byte(
    skopeo: Program, remote: RemoteRepository, image: Image, rules: FaultRules, tmp_path: Path
) -> None:
    """A layer with another digest is an error."""
    rules.put({"fault": "corrupt", "call": f"GET /v2/*/blobs/{image.layers[0].digest}"})
    output = skopeo.refused("copy", f"docker://{remote.uri}:1.0", f"dir:{tmp_path / 'back'}")
    assert "Digest did not match" in output
    assert rules.strikes() == [1]


def test_skopeo_shows_the_text_of_an_expired_login(
    skopeo: Program, remote: RemoteRepository, image: Image, rules: FaultRules
) -> None:
    """ECR's text about an expired login reaches the user."""
    rules.put({"fault": "expired_token"})
    output = skopeo.refused("inspect", f"docker://{remote.uri}:1.0")
    assert "Your authorization token has expired. Reauthenticate and try again." in output


def test_skopeo_does_not_repeat_an_upload(
    skopeo: Program, remote: RemoteRepository, rules: FaultRules, tmp_path: Path
) -> None:
    """An upload whose connection ends fails, and the next run succeeds."""
    layout = write_oci_layout(IMAGE, tmp_path / "layout", "1.0")
    rules.put({"fault": "close_while_streaming", "call": "PATCH /v2/*", "times": 1})
    skopeo.refused("copy", f"oci:{layout}:1.0", f"docker://{remote.uri}:1.0")
    assert rules.strikes() == [1]
    skopeo("copy", f"oci:{layout}:1.0", f"docker://{remote.uri}:1.0")
    # skopeo compresses layers.
    assert remote.image("1.0").document["config"] == IMAGE.document["config"]


@pytest.mark.parametrize(
    "rule",
    [
        {"fault": "throttle", "call": "GET /v2/*", "times": 2},
        {"fault": "fail", "call": "GET /v2/*", "status": 503, "times": 2},
    ],
    ids=["throttled", "unavailable"],
)
def test_oras_tries_again(
    oras: Program, remote: RemoteRepository, image: Image, rules: FaultRules, rule: dict[str, Any]
) -> None:
    """oras repeats requests that are throttled, or that the server cannot answer now."""
    rules.put(rule)
    oras("manifest", "fetch", "--plain-http", f"{remote.uri}:1.0")
    assert rules.strikes() == [rule["times"]]


def test_oras_does_not_try_again_after_a_lost_connection(
    oras: Program, remote: RemoteRepository, image: Image, rules: FaultRules
) -> None:
    """A connection that ends without an answer is an error."""
    rules.put({"fault": "close_while_streaming", "call": "GET /v2/*/manifests/*", "times": 1})
    output = oras.refused("manifest", "fetch", "--plain-http", f"{remote.uri}:1.0")
    assert "EOF" in output
    oras("manifest", "fetch", "--plain-http", f"{remote.uri}:1.0")


def test_oras_does_not_continue_a_blob(
    oras: Program, remote: RemoteRepository, image: Image, rules: FaultRules, home: Home
) -> None:
    """A download that breaks off is an error, and leaves no file."""
    rules.put({"fault": "cut", "call": "GET /v2/*/blobs/*", "after": 2_000_000, "times": 1})
    name = f"{remote.uri}@{image.layers[0].digest}"
    output = oras.refused("blob", "fetch", "--plain-http", "--output", "layer", name)
    assert "EOF" in output
    oras("blob", "fetch", "--plain-http", "--output", "layer", name)
    assert (home.path / "layer").read_bytes() == image.layers[0].content
