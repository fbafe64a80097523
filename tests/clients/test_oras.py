"""oras: artifacts, what is attached to them, and their blobs."""

from __future__ import annotations

import json

import pytest

from moto_ecr_ext.oci.digest import digest_of
from support.commands import Server
from support.programs import Home, Program

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


def test_an_artifact_is_pushed_and_pulled(oras, repository, home):
    """A file goes to the registry and back; the API lists the artifact with its type."""
    _push(oras, f"{repository.uri}:1.0")

    artifact = repository.image("1.0")
    assert artifact.document["artifactType"] == REPORT
    assert [each.content for each in artifact.layers] == [REPORT_TEXT.encode()]
    assert repository.details()[artifact.digest]["artifactMediaType"] == REPORT
    resolved = oras("resolve", "--plain-http", f"{repository.uri}:1.0")
    assert resolved.strip() == artifact.digest

    oras("pull", "--plain-http", "--output", "pulled", f"{repository.uri}:1.0")
    assert (home.path / "pulled/report.json").read_text() == REPORT_TEXT


def test_an_attached_artifact_is_discovered(oras, repository):
    """What is attached to an artifact is its referrer, for oras and for the API."""
    _push(oras, f"{repository.uri}:1.0")
    subject = repository.digest_of("1.0")
    _attach(oras, f"{repository.uri}:1.0")

    found = oras("discover", "--plain-http", "--format", "json", f"{repository.uri}:1.0")
    (sbom,) = json.loads(found)["manifests"]
    assert sbom["artifactType"] == SBOM
    assert repository.referrers(subject) == {sbom["digest"]: SBOM}
    # The registry lists referrers itself: a client that has to would make an index with this tag.
    assert subject.replace(":", "-") not in _tags(oras, repository.uri)

    other = ("discover", "--plain-http", "--format", "json", "--artifact-type", REPORT)
    assert json.loads(oras(*other, f"{repository.uri}:1.0"))["manifests"] == []


def test_a_signature_of_managed_signing_is_discovered(oras, repository, home):
    """A push gets a signature, by the registry's configuration; oras finds it and pulls its envelope."""
    arn = "arn:aws:signer:us-east-1:123456789012:/signing-profiles/release"
    filters = [{"filter": repository.name, "filterType": "WILDCARD_MATCH"}]
    rule = {"signingProfileArn": arn, "repositoryFilters": filters}
    repository.ecr.put_signing_configuration(signingConfiguration={"rules": [rule]})
    try:
        _push(oras, f"{repository.uri}:1.0")
    finally:
        repository.ecr.delete_signing_configuration()
    subject = repository.digest_of("1.0")

    found = oras("discover", "--plain-http", "--format", "json", f"{repository.uri}:1.0")
    (signature,) = json.loads(found)["manifests"]
    assert signature["artifactType"] == SIGNATURE
    assert repository.referrers(subject) == {signature["digest"]: SIGNATURE}

    name = f"{repository.uri}@{signature['digest']}"
    manifest = json.loads(oras("manifest", "fetch", "--plain-http", name))
    (layer,) = manifest["layers"]
    blob = f"{repository.uri}@{layer['digest']}"
    envelope = json.loads(oras("blob", "fetch", "--plain-http", "--output", "-", blob))
    assert envelope.keys() == {"payload", "protected", "header", "signature"}


def test_an_artifact_is_copied_with_what_is_attached(oras, repository, other_repository):
    """`cp --recursive` takes the referrers of an artifact to another repository."""
    _push(oras, f"{repository.uri}:1.0")
    _attach(oras, f"{repository.uri}:1.0")

    oras(
        *("cp", "--recursive", "--from-plain-http", "--to-plain-http"),
        *(f"{repository.uri}:1.0", f"{other_repository.uri}:copy"),
    )

    assert other_repository.details().keys() == repository.details().keys()
    copied, original = other_repository.image("copy"), repository.image("1.0")
    assert copied.manifest == original.manifest
    assert set(other_repository.referrers(copied.digest).values()) == {SBOM}


def test_tags_and_repositories_are_listed(oras, repository, registry):
    """`repo tags` and `repo ls` name what is there; `tag` adds a name."""
    _push(oras, f"{repository.uri}:1.0")
    oras("tag", "--plain-http", f"{repository.uri}:1.0", "latest")

    assert _tags(oras, repository.uri) == ["1.0", "latest"]
    assert repository.name in oras("repo", "ls", "--plain-http", registry.address).split()
    assert repository.digest_of("latest") == repository.digest_of("1.0")


def test_a_blob_is_pushed_fetched_and_deleted(oras, repository):
    """A blob is there by its digest until it is deleted."""
    digest = digest_of(REPORT_TEXT.encode())
    oras("blob", "push", "--plain-http", repository.uri, "report.json")
    assert repository.has_blob(digest)

    fetched = oras("blob", "fetch", "--plain-http", "--output", "-", f"{repository.uri}@{digest}")
    assert fetched == REPORT_TEXT

    oras("blob", "delete", "--plain-http", "--force", f"{repository.uri}@{digest}")
    assert not repository.has_blob(digest)


def test_a_manifest_is_fetched_pushed_and_deleted(oras, repository, home):
    """A manifest goes out and in again byte for byte, and is gone when it is deleted."""
    _push(oras, f"{repository.uri}:1.0")
    digest = repository.digest_of("1.0")

    oras("manifest", "fetch", "--plain-http", "--output", "manifest.json", f"{repository.uri}:1.0")
    assert digest_of((home.path / "manifest.json").read_bytes()) == digest
    oras("manifest", "push", "--plain-http", f"{repository.uri}:again", "manifest.json")
    assert repository.digest_of("again") == digest

    oras("manifest", "delete", "--plain-http", "--force", f"{repository.uri}@{digest}")
    assert repository.details() == {}


def _tags(oras: Program, name: str) -> list[str]:
    return oras("repo", "tags", "--plain-http", name).split()
