"""The stack: its template, and a deployment to a local server."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App
from aws_cdk.assertions import Template
from service import Service

HERE = Path(__file__).parent


def test_tags_of_releases_cannot_move() -> None:
    template = Template.from_stack(Service(App(), "Service"))

    template.has_resource_properties(
        "AWS::ECR::Repository",
        {
            "RepositoryName": "service/releases",
            "ImageTagMutability": "IMMUTABLE",
            "ImageScanningConfiguration": {"ScanOnPush": True},
        },
    )


@pytest.fixture
def deployed(moto_ecr_server: Any, tmp_path: Path) -> Any:
    """The server after `cdk deploy`."""
    environment = {
        **os.environ,
        "AWS_ENDPOINT_URL": moto_ecr_server.url,
        "AWS_ACCESS_KEY_ID": moto_ecr_server.access_key_id,
        "AWS_SECRET_ACCESS_KEY": moto_ecr_server.secret_access_key,
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    output = ["--output", str(tmp_path / "cdk.out")]
    for command in (
        ["cdk", "bootstrap", *output, "aws://123456789012/us-east-1"],
        ["cdk", "deploy", *output, "--all", "--require-approval", "never"],
    ):
        subprocess.run(command, cwd=HERE, env=environment, check=True)
    return moto_ecr_server


def test_it_can_be_deployed(deployed: Any) -> None:
    ecr, functions = deployed.client(), deployed.client("lambda")

    (releases,) = ecr.describe_repositories(repositoryNames=["service/releases"])["repositories"]
    assert releases["imageTagMutability"] == "IMMUTABLE"
    policy = ecr.get_lifecycle_policy(repositoryName="service/releases")["lifecyclePolicyText"]
    assert json.loads(policy)["rules"][0]["selection"]["countNumber"] == 10

    code = functions.get_function(FunctionName="greeter")["Code"]
    name, _, digest = code["ResolvedImageUri"].partition("/")[2].partition("@")
    (image,) = ecr.describe_images(repositoryName=name)["imageDetails"]
    assert image["imageDigest"] == digest
