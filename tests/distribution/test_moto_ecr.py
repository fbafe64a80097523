"""The fixture `moto_ecr`: a registry in the process, its journal, and its images."""

from __future__ import annotations

import boto3
import requests

from moto_ecr_ext.testing import MotoECR


def test_all_in_one(moto_ecr: MotoECR) -> None:
    """What one attribute does the others see."""
    image = moto_ecr.images.build(files={"etc/app.conf": b"debug = false"})
    digest = moto_ecr.registry.push(image, "team/app:1.0")
    assert digest == image.digest
    assert moto_ecr.journal.assert_pushed("team/app:1.0", platform="linux/amd64").digest == digest
    assert moto_ecr.images.read_file("team/app:1.0", "etc/app.conf") == b"debug = false"
    moto_ecr.journal.assert_not_called("BatchGetImage")
    pulled = moto_ecr.registry.pull(f"team/app@{digest}")
    assert pulled.digest == digest
    moto_ecr.journal.assert_pulled("team/app")
    # A repository that exists is pushed to again.
    moto_ecr.registry.push(moto_ecr.images.build_index([image]), "team/app:2.0")
    moto_ecr.journal.assert_pushed("team/app:2.0", platform="linux/amd64")


def test_it_is_empty(moto_ecr: MotoECR) -> None:
    """Each test begins with an empty registry and an empty journal."""
    assert moto_ecr.journal.calls() == []
    assert moto_ecr.registry.client().describe_repositories()["repositories"] == []


def test_code_under_test_reaches_it(moto_ecr: MotoECR) -> None:
    """boto3 and HTTP clients reach the registry in its Region; others are separate."""
    region = moto_ecr.registry.region
    boto3.client("ecr", region_name=region).create_repository(repositoryName="team/app")
    answer = requests.get(f"https://{moto_ecr.registry.host}/v2/", timeout=60)
    assert answer.status_code == 401
    assert [each.status for each in moto_ecr.journal] == [200, 401]
    assert (
        moto_ecr.registry.client(region="eu-west-1").describe_repositories()["repositories"] == []
    )
    assert moto_ecr.registry.client("sts").get_caller_identity()["Account"] == (
        moto_ecr.registry.account_id
    )
