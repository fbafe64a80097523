"""The AWS CDK's command line: an environment that is bootstrapped, and a stack with a repository and an image in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.commands import Server, running_server
from support.constants import ACCOUNT, REGION
from support.docker_daemon import running_docker
from support.pages import HowTo
from support.programs import Home, find
from support.pushed import RemoteRepository, files_of

ENVIRONMENT = f"aws://{ACCOUNT}/{REGION}"
# The default names of the bucket and the repository of `cdk bootstrap`:
# https://docs.aws.amazon.com/cdk/v2/guide/bootstrapping-customizing.html
BUCKET = f"cdk-hnb659fds-assets-{ACCOUNT}-{REGION}"
ASSETS = f"cdk-hnb659fds-container-assets-{ACCOUNT}-{REGION}"


@pytest.fixture
def server() -> Iterator[Server]:
    """A server for these stacks alone."""
    with running_server() as server:
        yield server


@pytest.fixture
def how_to(server: Server, tmp_path: Path) -> Iterator[HowTo]:
    """The section of the CDK, with a docker daemon."""
    find("cdk")
    with running_docker(tmp_path) as address:
        home = Home(
            tmp_path / "home",
            DOCKER_HOST=address,
            CDK_DISABLE_CLI_TELEMETRY="true",
            # Otherwise it writes to the home that the system has for the user, whatever HOME says.
            CDK_HOME=str(tmp_path / "cdk"),
        )
        yield HowTo(home, server.address)


def synthesize(home: Home, version: str, **repository: Any) -> None:
    """Write what the CDK makes of an app with a stack `Images`: a repository and a function of a DockerImageAsset.

    https://docs.aws.amazon.com/cdk/v2/guide/configure-synth.html; an app itself needs a library of some 100 MB.
    """
    directory = home.path / "cdk.out"
    context = directory / f"asset.{version}"
    context.mkdir(parents=True)
    (context / "Dockerfile").write_text("FROM scratch\nCOPY data /srv/data\n")
    (context / "data").write_text(version)
    image = {
        "Fn::Sub": f"${{AWS::AccountId}}.dkr.ecr.${{AWS::Region}}.${{AWS::URLSuffix}}/{ASSETS}:{version}"
    }
    template = {
        "Resources": {
            "Repo": {
                "Type": "AWS::ECR::Repository",
                "Properties": {"RepositoryName": "team/app", **repository},
            },
            "Role": {
                "Type": "AWS::IAM::Role",
                "Properties": {"AssumeRolePolicyDocument": {"Statement": []}},
            },
            "Function": {
                "Type": "AWS::Lambda::Function",
                "Properties": {
                    "FunctionName": "app",
                    "PackageType": "Image",
                    "Code": {"ImageUri": image},
                    "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                },
            },
        },
        "Outputs": {
            "Image": {"Value": image},
            "Uri": {"Value": {"Fn::GetAtt": ["Repo", "RepositoryUri"]}},
        },
    }
    assets = {
        "version": "36.0.0",
        "files": {
            "images": {
                "source": {"path": "images.template.json", "packaging": "file"},
                "destinations": {
                    "here": {
                        "bucketName": BUCKET,
                        "objectKey": f"{version}.json",
                        "region": REGION,
                    }
                },
            }
        },
        "dockerImages": {
            # An id that docker has an image of is not built again.
            version: {
                "source": {"directory": context.name},
                "destinations": {
                    "here": {"repositoryName": ASSETS, "imageTag": version, "region": REGION}
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
                    "stackTemplateAssetObjectUrl": f"s3://{BUCKET}/{version}.json",
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
    (home.path / "cdk.json").write_text('{"app": "cdk.out"}')


def deployed(how_to: HowTo) -> dict[str, str]:
    """The outputs of a deployment."""
    how_to.run("cdk-deploy")
    outputs: dict[str, str] = json.loads((how_to.home.path / "outputs.json").read_text())["Images"]
    return outputs


def test_from_bootstrap_to_destroy(how_to: HowTo, server: Server) -> None:
    """A stack is deployed, deployed with changes, and destroyed; its images are built and pushed by docker.

    The CDK reads outputs of the stack of its bootstrap, and waits until an earlier change set is not found:
    https://github.com/aws/aws-cdk-cli, packages/@aws-cdk/toolkit-lib/lib/api/.
    """
    ecr, stacks = server.client(), server.client("cloudformation")
    how_to.run("cdk-bootstrap")
    synthesize(how_to.home, "one")

    first = deployed(how_to)

    registry = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
    assert first == {"Image": f"{registry}/{ASSETS}:one", "Uri": f"{server.address}/team/app"}
    found = ecr.describe_repositories()["repositories"]
    assert {each["repositoryName"]: each["imageTagMutability"] for each in found} == {
        ASSETS: "IMMUTABLE",
        "team/app": "MUTABLE",
    }

    synthesize(how_to.home, "two", ImageTagMutability="IMMUTABLE")
    second = deployed(how_to)

    assert second["Image"] == f"{registry}/{ASSETS}:two"
    [changed] = ecr.describe_repositories(repositoryNames=["team/app"])["repositories"]
    assert changed["imageTagMutability"] == "IMMUTABLE"
    assets = RemoteRepository(ASSETS, "", ecr)
    for version in ("one", "two"):
        assert files_of(assets.image(version)) == {"srv/data": version.encode()}
    function = server.client("lambda").get_function(FunctionName="app")
    assert function["Code"]["ResolvedImageUri"].endswith(assets.digest_of("two"))
    status = {each["StackName"]: each["StackStatus"] for each in stacks.describe_stacks()["Stacks"]}
    assert status == {"CDKToolkit": "CREATE_COMPLETE", "Images": "UPDATE_COMPLETE"}

    how_to.run("cdk-destroy")

    left = ecr.describe_repositories()["repositories"]
    assert [each["repositoryName"] for each in left] == [ASSETS]
    assert [each["StackName"] for each in stacks.describe_stacks()["Stacks"]] == ["CDKToolkit"]
