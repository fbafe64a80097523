"""cosign: images signed with a key of this machine, and the signatures verified."""

from __future__ import annotations

import json

import pytest

from moto_ecr_ext.testing import build_image, push
from support.commands import Server
from support.programs import Home, Program
from support.pushed import RemoteRepository

SBOM = '{"spdxVersion": "SPDX-2.3"}'

# Nothing is asked of or told to the public instances of the project.
PRIVATE = ("--allow-insecure-registry", "--allow-http-registry")
OFFLINE = ("--tlog-upload=false", "--yes", *PRIVATE)
UNLOGGED = ("--insecure-ignore-tlog", *PRIVATE)


@pytest.fixture
def cosign(home: Home, registry: Server) -> Program:
    """cosign in a home with a pair of keys, logged in."""
    cosign = home.program("cosign", COSIGN_PASSWORD="a password", COSIGN_EXPERIMENTAL="1")
    cosign("generate-key-pair")
    cosign("login", "--username", "AWS", "--password", registry.password, registry.address)
    return cosign


@pytest.fixture
def name(remote: RemoteRepository) -> str:
    """An image of the registry, by digest."""
    image = build_image(seed=1, layers=1)
    return f"{remote.uri}@{push(remote.ecr, remote.name, image, tag='1.0')}"


def _tag_for(name: str, suffix: str) -> str:
    """The tag under which cosign keeps what belongs to an image."""
    return name.partition("@")[2].replace(":", "-") + suffix


def test_a_signature_is_verified(cosign: Program, name: str, remote: RemoteRepository) -> None:
    """The signature is an image under a separate tag; the key that made it verifies it."""
    cosign("sign", "--key", "cosign.key", *OFFLINE, name)

    (signed,) = json.loads(cosign("verify", "--key", "cosign.pub", *UNLOGGED, name))
    digest = name.partition("@")[2]
    assert signed["critical"]["image"]["docker-manifest-digest"] == digest
    signature = remote.image(_tag_for(name, ".sig"))
    (layer,) = signature.layers
    assert json.loads(layer.content) == {**signed, "optional": None}


def test_another_key_does_not_verify(cosign: Program, name: str) -> None:
    """An image that is unsigned, or signed with another key, is refused."""
    assert "no signatures found" in cosign.refused("verify", "--key", "cosign.pub", *UNLOGGED, name)
    cosign("sign", "--key", "cosign.key", *OFFLINE, name)
    cosign("generate-key-pair", "--output-key-prefix", "other")

    said = cosign.refused("verify", "--key", "other.pub", *UNLOGGED, name)

    assert "invalid signature" in said


def test_a_signature_that_refers_to_the_image(
    cosign: Program, name: str, remote: RemoteRepository
) -> None:
    """In OCI 1.1's way the signature has the image as its subject, and is found as a referrer."""
    way = "--registry-referrers-mode=oci-1-1"
    cosign("sign", way, "--key", "cosign.key", *OFFLINE, name)

    verify = ("verify", "--experimental-oci11", "--key", "cosign.pub")
    assert json.loads(cosign(*verify, *UNLOGGED, name))
    (media_type,) = remote.referrers(name.partition("@")[2]).values()
    assert media_type == "application/vnd.dev.cosign.artifact.sig.v1+json"
    assert _tag_for(name, ".sig") not in {
        tag for each in remote.details().values() for tag in each.get("imageTags", ())
    }


def test_an_attestation_is_verified(
    cosign: Program, name: str, remote: RemoteRepository, home: Home
) -> None:
    """A signed statement about the image is kept beside it and returned unchanged."""
    (home.path / "sbom.json").write_text(SBOM)
    of_type = ("--type", "spdxjson")
    cosign("attest", "--key", "cosign.key", "--predicate", "sbom.json", *of_type, *OFFLINE, name)

    said = cosign("verify-attestation", "--key", "cosign.pub", *of_type, *UNLOGGED, name)

    (layer,) = remote.image(_tag_for(name, ".att")).layers
    assert json.loads(layer.content) == json.loads(said)


def test_a_bill_of_materials_is_attached(
    cosign: Program, name: str, remote: RemoteRepository, home: Home
) -> None:
    """`attach sbom` keeps a file beside the image; `download sbom` returns it."""
    (home.path / "sbom.json").write_text(SBOM)
    cosign("attach", "sbom", "--sbom", "sbom.json", *PRIVATE, name)

    assert cosign("download", "sbom", *PRIVATE, name) == SBOM
    (layer,) = remote.image(_tag_for(name, ".sbom")).layers
    assert layer.content == SBOM.encode()
