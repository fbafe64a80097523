"""The gate, as moto lets a team write its tests."""

import json

import pytest
from gate import findings, passes

IMAGE = {"imageTag": "v1"}


@pytest.fixture
def image(ecr):
    manifest = {
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": {"digest": "sha256:config", "size": 1},
        "layers": [],
    }
    ecr.put_image(repositoryName="app", imageManifest=json.dumps(manifest), imageTag="v1")


def test_a_grave_finding_stops_it(ecr, image):
    assert not passes(ecr, "app", "v1")


def test_a_finding_below_the_limit_passes(ecr, image):
    assert passes(ecr, "app", "v1", below="CRITICAL")


def test_the_finding_is_named(ecr, image):
    assert [each["name"] for each in findings(ecr, "app", "v1")] == ["CVE-9999-9999"]


def test_without_a_scan_there_is_nothing(ecr, image):
    with pytest.raises(ecr.exceptions.ScanNotFoundException):
        ecr.describe_image_scan_findings(repositoryName="app", imageId=IMAGE)


def test_a_repository_that_scans_on_push(ecr):
    ecr.put_image_scanning_configuration(
        repositoryName="app", imageScanningConfiguration={"scanOnPush": True}
    )
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": {"digest": f"sha256:{'1' * 64}", "size": 1},
        "layers": [],
    }
    ecr.put_image(repositoryName="app", imageManifest=json.dumps(manifest), imageTag="v1")
    assert findings(ecr, "app", "v1")


def test_an_image_is_scanned_once_a_day(ecr, image):
    findings(ecr, "app", "v1")
    with pytest.raises(ecr.exceptions.LimitExceededException):
        findings(ecr, "app", "v1")
