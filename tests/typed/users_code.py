"""A user's code, which mypy and pyright check as users have them; it does not run.

Each line with a mistake says so to both: they report a comment that nothing needs.
"""

from __future__ import annotations

from typing import Any

from moto import mock_aws
from mypy_boto3_ecr import ECRClient
from typing_extensions import assert_type

import moto_ecr_ext
from moto_ecr_ext import MockConfig, Settings
from moto_ecr_ext.testing import Image, ImageBuilder, MotoECR, RunningServer
from moto_ecr_ext.testing.journal import CallRecord

# install()

assert_type(moto_ecr_ext.install(), moto_ecr_ext.Installation)
moto_ecr_ext.install(data_dir="registry", verify_layers=True, quirks="aws", quotas="repositories=2")
moto_ecr_ext.install(verify_layer=True)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
moto_ecr_ext.install(quirks="some")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
moto_ecr_ext.install(redirect=1.5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

_STRICT: Settings = {"compatibility": "strict", "verify_images": "true"}
with moto_ecr_ext.install(**_STRICT):
    pass

# mock_aws

_CONFIG: MockConfig = {"ecr": {"error_codes": "aws"}, "core": {"mock_credentials": False}}


@mock_aws(config=_CONFIG)
def test_with_config() -> None:
    """A whole configuration."""


@mock_aws(config=MockConfig(ecr=Settings(verify_layers=True)))
def test_with_settings() -> None:
    """ECR's settings alone."""


_WRONG_VALUE: MockConfig = {
    "ecr": {"error_codes": "AWS"}  # type: ignore[typeddict-item]  # pyright: ignore[reportAssignmentType]
}
_WRONG_NAME: MockConfig = {
    "ecr": {"error_code": "aws"}  # type: ignore[typeddict-unknown-key]  # pyright: ignore[reportAssignmentType]
}

# The fixtures


def test_with_everything(moto_ecr: MotoECR) -> None:
    """A registry, its journal and its images."""
    assert_type(moto_ecr.registry.client(), ECRClient)
    assert_type(moto_ecr.registry.push(moto_ecr.images.build(seed=1), "app:1.0"), str)
    assert_type(moto_ecr.images.read_file("app:1.0", "etc/app.conf"), bytes)
    call = moto_ecr.journal.assert_pushed("app:1.0", platform="linux/arm64")
    assert_type(call, CallRecord)
    moto_ecr.journal.calls("PutImage", repository="app", status=200)
    moto_ecr.journal.calls("PutImage", repo="app")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def test_with_fixtures(moto_ecr_server: RunningServer, moto_ecr_image: ImageBuilder) -> None:
    """A server, clients of it, and images."""
    ecr = moto_ecr_server.client()
    assert_type(ecr, ECRClient)
    assert_type(moto_ecr_server.client("ecr", region="eu-west-1"), ECRClient)
    assert_type(moto_ecr_server.client("sqs"), Any)
    assert_type(moto_ecr_server.password(), str)
    uri = ecr.create_repository(repositoryName="app")["repository"]["repositoryUri"]
    assert_type(uri, str)
    ecr.create_repository(name="app")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]

    assert_type(moto_ecr_image(seed=1, layers=3, compression="none"), Image)
    moto_ecr_image(layer=3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
