"""AWS's command line: the password for a registry, and images."""

from __future__ import annotations

import hashlib
import json

import pytest

from moto_ecr_ext.testing import build_image, push
from support.commands import Server
from support.programs import Home, Program
from support.pushed import RemoteRepository


@pytest.fixture
def aws(home: Home) -> Program:
    """The command line, which knows the server from its environment."""
    return home.program("aws")


def test_the_login_password_opens_the_registry(
    aws: Program, registry: Server, remote: RemoteRepository
) -> None:
    """get-login-password prints a password of the registry."""
    password = aws("ecr", "get-login-password").strip()

    assert registry.registry("GET", "/v2/", password).status_code == 200
    tags = registry.registry("GET", f"/v2/{remote.name}/tags/list", password)
    assert tags.json() == {"name": remote.name, "tags": []}


def test_a_manifest_is_copied_to_another_tag(aws: Program, remote: RemoteRepository) -> None:
    """batch-get-image returns the manifest byte for byte, so that put-image can tag it once more."""
    digest = push(remote.ecr, remote.name, build_image(seed=1), tag="1.0")
    named = ("--repository-name", remote.name)

    got = json.loads(aws("ecr", "batch-get-image", *named, "--image-ids", "imageTag=1.0"))
    manifest = got["images"][0]["imageManifest"]
    assert f"sha256:{hashlib.sha256(manifest.encode()).hexdigest()}" == digest
    aws("ecr", "put-image", *named, "--image-tag", "release", "--image-manifest", manifest)

    assert remote.digest_of("release") == digest


def test_a_repository_from_creation_to_deletion(aws: Program, registry: Server) -> None:
    """The URI that create-repository prints is the server's; an error has ECR's message."""
    named = ("--repository-name", "cli/made")
    created = json.loads(aws("ecr", "create-repository", *named))

    assert created["repository"]["repositoryUri"] == f"{registry.address}/cli/made"
    assert "RepositoryAlreadyExistsException" in aws.refused("ecr", "create-repository", *named)
    aws("ecr", "delete-repository", *named)
    said = aws.refused("ecr", "describe-images", *named)
    assert (
        "The repository with name 'cli/made' does not exist in the registry with id "
        "'123456789012'" in said
    )
