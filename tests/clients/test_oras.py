"""oras: artifacts, what is attached to them, and their blobs."""

from __future__ import annotations

import json

import pytest

from moto_ecr_ext.oci.digest import Digest
from support.commands import Server
from support.programs import Home, Program
from support.pushed import RemoteRepository

REPORT = "application/vnd.example.report+json"
REPORT_TEXT = '{"found": []}'
SBOM = "application/spdx+json"
SIGNATURE = "application/vnd.cncf.notary.signature"


@pytest.fixture
def oras(home: Home, registry: Server) -> Program:
    """oras in a home with two files, logged in."""
    oras = home.program("oras")
    login = ("login", "--plain-http", "--username", "AWS", "--password-stdin", registry.address)
    assert "Login Succeeded" in oras(*login, stdin=registry.password)
    (home.path / "report.json").write_text(REPORT_TEXT)
    (home.path / "sbom.json").write_text('{"spdxVersion": "SPDX-2.3"}')
    return oras


def _push(oras: Program, name: str) -> None:
    oras("push", "--plain-http", "--artifact-type", REPORT, name, "report.json:application/json")


def _attach(oras: Program, name: str) -> None:
    oras("attach", "--plain-http", "--artifact-type", SBOM, name, "sbom.json:application/json")


def test_an_artifact_is_pushed_and_pulled(
    oras: Program, remote: RemoteRepository, home: Home
) -> None:
    """A file goes to the registry and back; the API lists the artifact with its type."""
    _push(oras, f"{remote.uri}:1.0")

    artifact = remote.image("1.0")
    assert artifact.document["artifactType"] == REPORT
    assert [each.content for each in artifact.layers] == [REPORT_TEXT.encode()]
    assert remote.details()[artifact.digest]["artifactMediaType"] == REPORT
    resolved = oras("resolve", "--plain-http", f"{remote.uri}:1.0")
    assert resolved.strip() == artifact.digest

    oras("pull", "--plain-http", "--output", "pulled", f"{remote.uri}:1.0")
    assert (home.path / "pulled/report.json").read_text() == REPORT_TEXT


def test_an_attached_artifact_is_discovered(oras: Program, remote: RemoteRepository) -> None:
    """An attached artifact is a referrer, for oras and for the API."""
    _push(oras, f"{remote.uri}:1.0")
    subject = remote.digest_of("1.0")
    _attach(oras, f"{remote.uri}:1.0")

    found = oras("discover", "--plain-http", "--format", "json", f"{remote.uri}:1.0")
    (sbom,) = json.loads(found)["manifests"]
    assert sbom["artifactType"] == SBOM
    assert remote.referrers(subject) == {sbom["digest"]: SBOM}
    # The registry lists referrers itself: a client that has to would make an index with this tag.
    assert subject.replace(":", "-") not in _tags(oras, remote.uri)

    other = ("discover", "--plain-http", "--format", "json", "--artifact-type", REPORT)
    assert json.loads(oras(*other, f"{remote.uri}:1.0"))["manifests"] == []


def test_a_signature_of_managed_signing_is_discovered(
    oras: Program, remote: RemoteRepository, home: Home
) -> None:
    """A push gets a signature, by the registry's configuration; oras finds it and pulls its envelope."""
    arn = "arn:aws:signer:us-east-1:123456789012:/signing-profiles/release"
    filters = [{"filter": remote.name, "filterType": "WILDCARD_MATCH"}]
    rule = {"signingProfileArn": arn, "repositoryFilters": filters}
    remote.ecr.put_signing_configuration(signingConfiguration={"rules": [rule]})
    try:
        _push(oras, f"{remote.uri}:1.0")
    finally:
        remote.ecr.delete_signing_configuration()
    subject = remote.digest_of("1.0")

    found = oras("discover", "--plain-http", "--format", "json", f"{remote.uri}:1.0")
    (signature,) = json.loads(found)["manifests"]
    assert signature["artifactType"] == SIGNATURE
    assert remote.referrers(subject) == {signature["digest"]: SIGNATURE}

    name = f"{remote.uri}@{signature['digest']}"
    manifest = json.loads(oras("manifest", "fetch", "--plain-http", name))
    (layer,) = manifest["layers"]
    blob = f"{remote.uri}@{layer['digest']}"
    envelope = json.loads(oras("blob", "fetch", "--plain-http", "--output", "-", blob))
    assert envelope.keys() == {"payload", "protected", "header", "signature"}


def test_an_artifact_is_copied_with_what_is_attached(
    oras: Program, remote: RemoteRepository, other_remote: RemoteRepository
) -> None:
    """`cp --recursive` takes the referrers of an artifact to another repository."""
    _push(oras, f"{remote.uri}:1.0")
    _attach(oras, f"{remote.uri}:1.0")

    oras(
        *("cp", "--recursive", "--from-plain-http", "--to-plain-http"),
        *(f"{remote.uri}:1.0", f"{other_remote.uri}:copy"),
    )

    assert other_remote.details().keys() == remote.details().keys()
    copied, original = other_remote.image("copy"), remote.image("1.0")
    assert copied.manifest == original.manifest
    assert set(other_remote.referrers(copied.digest).values()) == {SBOM}


def test_tags_and_repositories_are_listed(
    oras: Program, remote: RemoteRepository, registry: Server
) -> None:
    """`repo tags` and `repo ls` list tags and repositories; `tag` adds a tag."""
    _push(oras, f"{remote.uri}:1.0")
    oras("tag", "--plain-http", f"{remote.uri}:1.0", "latest")

    assert _tags(oras, remote.uri) == ["1.0", "latest"]
    assert remote.name in oras("repo", "ls", "--plain-http", registry.address).split()
    assert remote.digest_of("latest") == remote.digest_of("1.0")


def test_a_blob_is_pushed_fetched_and_deleted(oras: Program, remote: RemoteRepository) -> None:
    """A pushed blob is available by its digest until it is deleted."""
    digest = Digest.of(REPORT_TEXT.encode())
    oras("blob", "push", "--plain-http", remote.uri, "report.json")
    assert remote.has_blob(digest)

    fetched = oras("blob", "fetch", "--plain-http", "--output", "-", f"{remote.uri}@{digest}")
    assert fetched == REPORT_TEXT

    oras("blob", "delete", "--plain-http", "--force", f"{remote.uri}@{digest}")
    assert not remote.has_blob(digest)


def test_a_manifest_is_fetched_pushed_and_deleted(
    oras: Program, remote: RemoteRepository, home: Home
) -> None:
    """A manifest is fetched and pushed byte for byte, and is missing once it is deleted."""
    _push(oras, f"{remote.uri}:1.0")
    digest = remote.digest_of("1.0")

    oras("manifest", "fetch", "--plain-http", "--output", "manifest.json", f"{remote.uri}:1.0")
    assert Digest.of((home.path / "manifest.json").read_bytes()) == digest
    oras("manifest", "push", "--plain-http", f"{remote.uri}:again", "manifest.json")
    assert remote.digest_of("again") == digest

    oras("manifest", "delete", "--plain-http", "--force", f"{remote.uri}@{digest}")
    assert remote.details() == {}


def _tags(oras: Program, name: str) -> list[str]:
    return oras("repo", "tags", "--plain-http", name).split()
