"""The AWS CDK's command line: an environment that is bootstrapped, and a stack with a repository in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from moto_ecr_ext.testing import build_image, push
from support.commands import Server, running_server
from support.constants import ACCOUNT, REGION
from support.programs import Home, Program

ENVIRONMENT = f"aws://{ACCOUNT}/{REGION}"
# What `cdk bootstrap` calls its bucket and its repository, unless it is told otherwise:
# https://docs.aws.amazon.com/cdk/v2/guide/bootstrapping-customizing.html
BUCKET = f"cdk-hnb659fds-assets-{ACCOUNT}-{REGION}"
ASSETS = f"cdk-hnb659fds-container-assets-{ACCOUNT}-{REGION}"
TAG = "0123456789abcdef"


@pytest.fixture
def server() -> Iterator[Server]:
    """A server for these stacks alone."""
    with running_server() as server:
        yield server


@pytest.fixture
def cdk(server: Server, tmp_path: Path) -> Program:
    """The command line, which knows the server from its environment.

    By the name localhost: moto takes the URL of a template on 127.0.0.1 for one of a bucket `127`.
    """
    home = Home(
        tmp_path / "home",
        AWS_ACCESS_KEY_ID="test",
        AWS_SECRET_ACCESS_KEY="test",
        AWS_REGION=REGION,
        AWS_ENDPOINT_URL=server.url.replace("127.0.0.1", "localhost"),
        CDK_DISABLE_CLI_TELEMETRY="true",
        # Otherwise it writes to the home that the system has for the user, whatever HOME says.
        CDK_HOME=str(tmp_path / "cdk"),
    )
    return home.program("cdk", "--ci", "--no-color", "--no-notices", "--no-version-reporting")


def assembly(directory: Path) -> Path:
    """What the CDK makes of an app with a stack `Images`, which has one repository and an image as an asset.

    https://docs.aws.amazon.com/cdk/v2/guide/configure-synth.html; an app itself needs a library of some 100 MB.
    """
    directory.mkdir()
    template = {
        "Resources": {
            "Repo": {"Type": "AWS::ECR::Repository", "Properties": {"RepositoryName": "team/app"}}
        }
    }
    destination = {"bucketName": BUCKET, "objectKey": "images.json", "region": REGION}
    assets = {
        "version": "36.0.0",
        "files": {
            "images": {
                "source": {"path": "images.template.json", "packaging": "file"},
                "destinations": {"here": destination},
            }
        },
        # The command that would build the image.
        "dockerImages": {
            "app": {
                "source": {"executable": ["false"]},
                "destinations": {
                    "here": {"repositoryName": ASSETS, "imageTag": TAG, "region": REGION}
                },
            }
        },
    }
    manifest = {
        "version": "36.0.0",
        "artifacts": {
            "Images.assets": {
                "type": "cdk:asset-manifest",
                "properties": {"file": "images.assets.json"},
            },
            "Images": {
                "type": "aws:cloudformation:stack",
                "environment": ENVIRONMENT,
                "properties": {
                    "templateFile": "images.template.json",
                    "stackTemplateAssetObjectUrl": f"s3://{BUCKET}/images.json",
                },
                "dependencies": ["Images.assets"],
            },
        },
    }
    for name, document in (
        ("images.template.json", template),
        ("images.assets.json", assets),
        ("manifest.json", manifest),
    ):
        (directory / name).write_text(json.dumps(document))
    return directory


def test_bootstrap_and_deploy(cdk: Program, server: Server, tmp_path: Path) -> None:
    """Both make repositories. The image of the asset is there, as after an earlier deployment, and is found.

    That takes two calls of ECR. The SDK for JavaScript that the CDK has in these months ends the second one with
    "RangeError: Invalid time value" if answers have two `Date` headers.
    """
    cdk("bootstrap", ENVIRONMENT)
    push(server.client(), ASSETS, build_image(), tag=TAG)
    app = assembly(tmp_path / "app")
    cdk("deploy", "Images", "--app", app, "--require-approval", "never")

    found = server.client().describe_repositories()["repositories"]
    assert {each["repositoryName"]: each["imageTagMutability"] for each in found} == {
        ASSETS: "IMMUTABLE",
        "team/app": "MUTABLE",
    }
    stacks = server.client("cloudformation").describe_stacks()["Stacks"]
    assert {each["StackName"]: each["StackStatus"] for each in stacks} == {
        "CDKToolkit": "CREATE_COMPLETE",
        "Images": "CREATE_COMPLETE",
    }
