"""Scans by the program of the setting `scanner`, here one of the tests that reports as trivy or grype."""

from __future__ import annotations

import os
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from freezegun import freeze_time

from moto_ecr_ext.storage.rows import tables
from moto_ecr_ext.storage.store import current_store
from moto_ecr_ext.testing import (
    build_image,
    push,
    queue_scan_findings,
    upload_blob,
)
from support.constants import ACCOUNT
from support.platforms import needs_named_pipes, needs_posix
from support.refusals import refusal
from support.scanning import COMPLETE, debian_image, scanner
from support.stored import everything_stored

# The programs are scripts.
pytestmark = needs_posix

IMAGE = debian_image()
UNSUPPORTED = (
    "UnsupportedImageError: The operating system and/or package manager are not supported."
)


@pytest.fixture(params=["trivy", "grype"])
def program(request: pytest.FixtureRequest, aws: Any, tmp_path: Path) -> str:
    """The name of the program that scans."""
    aws.configure(scanner=str(scanner(tmp_path, request.param)))
    name: str = request.param
    return name


def findings_of(ecr: Any, tag: str = "v1", **request: Any) -> dict[str, Any]:
    answer: dict[str, Any] = ecr.describe_image_scan_findings(
        repositoryName="team/app", imageId={"imageTag": tag}, **request
    )
    return answer


def scan_on_push(ecr: Any, frequency: str = "SCAN_ON_PUSH", scan_type: str = "BASIC") -> None:
    everything = [{"filter": "*", "filterType": "WILDCARD"}]
    ecr.put_registry_scanning_configuration(
        scanType=scan_type, rules=[{"scanFrequency": frequency, "repositoryFilters": everything}]
    )


def test_findings_of_a_basic_scan(ecr: Any, repository_name: str, program: str) -> None:
    """A basic scan reports packages of the operating system only, as soon as the push is answered.

    https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImageScanFindings.html
    """
    scan_on_push(ecr)
    push(ecr, repository_name, IMAGE, tag="v1")
    answer = findings_of(ecr)
    assert answer["imageScanStatus"] == COMPLETE
    found = answer["imageScanFindings"]
    lowest = "UNDEFINED" if program == "trivy" else "INFORMATIONAL"
    assert found["findingSeverityCounts"] == {"HIGH": 1, "CRITICAL": 1, lowest: 1}
    assert "enhancedFindings" not in found
    first, second, third = found["findings"]
    uri = {
        "trivy": "https://avd.aquasec.com/nvd/cve-2022-49043",
        "grype": "https://security-tracker.debian.org/tracker/CVE-2022-49043",
    }
    assert first == {
        "name": "CVE-2022-49043",
        "description": "A fault of libxml2.",
        "uri": uri[program],
        "severity": "HIGH",
        "attributes": [
            {"key": "package_version", "value": "2.9.14+dfsg-1.3~deb12u1"},
            {"key": "package_name", "value": "libxml2"},
            {
                "key": "CVSS3_VECTOR",
                "value": "CVSS:3.1/AV:L/AC:H/PR:N/UI:N/S:C/C:H/I:H/A:H",
            },
            {"key": "CVSS3_SCORE", "value": "8.1"},
        ],
    }
    assert [each["key"] for each in second["attributes"]] == ["package_version", "package_name"]
    assert third["attributes"][2:] == [
        {"key": "CVSS2_VECTOR", "value": "AV:L/AC:L/Au:N/C:P/I:P/A:P"},
        {"key": "CVSS2_SCORE", "value": "4.6"},
    ]


def test_findings_of_an_enhanced_scan(ecr: Any, repository_name: str, program: str) -> None:
    """An enhanced scan also reports packages of languages, in the other form."""
    scan_on_push(ecr, "CONTINUOUS_SCAN", "ENHANCED")
    push(ecr, repository_name, IMAGE, tag="v1")
    answer = findings_of(ecr)
    assert answer["imageScanStatus"]["status"] == "ACTIVE"
    found = answer["imageScanFindings"]
    assert "findings" not in found
    assert found["findingSeverityCounts"]["MEDIUM"] == 1
    libxml2, zlib1g, _, requests = found["enhancedFindings"]
    completed_at = found["imageScanCompletedAt"]
    assert abs((libxml2.pop("updatedAt") - completed_at).total_seconds()) < 1
    assert libxml2.pop("firstObservedAt") == libxml2.pop("lastObservedAt")
    assert libxml2.pop("findingArn").startswith(
        "arn:aws:inspector2:us-east-1:123456789012:finding/"
    )
    details = libxml2.pop("packageVulnerabilityDetails")
    [package] = details["vulnerablePackages"]
    [resource] = libxml2.pop("resources")
    resource["details"]["awsEcrContainerImage"].pop("pushedAt")
    vector = "CVSS:3.1/AV:L/AC:H/PR:N/UI:N/S:C/C:H/I:H/A:H"
    source = {"trivy": "NVD", "grype": "NVD@NIST.GOV"}[program]
    assert libxml2 == {
        "awsAccountId": ACCOUNT,
        "description": "A fault of libxml2.",
        "remediation": {"recommendation": {"text": "None Provided"}},
        "score": 8.1,
        "scoreDetails": {
            "cvss": {
                "adjustments": [],
                "score": 8.1,
                "scoreSource": source,
                "scoringVector": vector,
                "version": "3.1",
            }
        },
        "severity": "HIGH",
        "status": "ACTIVE",
        "title": "CVE-2022-49043 - libxml2",
        "type": "PACKAGE_VULNERABILITY",
        "fixAvailable": "NO",
        "exploitAvailable": "NO",
    }
    assert resource == {
        "details": {
            "awsEcrContainerImage": {
                "architecture": "amd64",
                "inUseCount": 0,
                "imageHash": IMAGE.digest,
                "imageTags": ["v1"],
                "platform": "DEBIAN_12",
                "registry": ACCOUNT,
                "repositoryName": "team/app",
            }
        },
        "id": f"arn:aws:ecr:us-east-1:123456789012:repository/team/app/{IMAGE.digest}",
        "tags": {},
        "type": "AWS_ECR_CONTAINER_IMAGE",
    }
    assert package == {
        "arch": "AMD64",
        "epoch": 0,
        "fixedInVersion": "NotAvailable",
        "name": "libxml2",
        "packageManager": "OS",
        "release": "1.3~deb12u1",
        "sourceLayerHash": IMAGE.layers[0].digest,
        "version": "2.9.14+dfsg",
    }
    assert details["vulnerabilityId"] == "CVE-2022-49043"
    assert details["referenceUrls"] == ["https://nvd.nist.gov/vuln/detail/CVE-2022-49043"]
    assert details["relatedVulnerabilities"] == []
    [package] = zlib1g["packageVulnerabilityDetails"]["vulnerablePackages"]
    assert (package["epoch"], package["version"], package["release"]) == (1, "1.2.13.dfsg", "1")
    assert package["fixedInVersion"] == "1:1.3-2"
    assert zlib1g["fixAvailable"] == "YES"
    assert zlib1g["exploitAvailable"] == ("NO" if program == "trivy" else "YES")
    assert "score" not in zlib1g
    [package] = requests["packageVulnerabilityDetails"]["vulnerablePackages"]
    assert (package["packageManager"], package["version"]) == ("PYTHONPKG", "2.31.0")
    assert "release" not in package


@pytest.mark.parametrize(
    ("scan_type", "member"), [("BASIC", "findings"), ("ENHANCED", "enhancedFindings")]
)
def test_pages_of_findings(
    ecr: Any, repository_name: str, program: str, scan_type: str, member: str
) -> None:
    """botocore's paginator returns all findings."""
    scan_on_push(ecr, scan_type=scan_type)
    push(ecr, repository_name, IMAGE, tag="v1")
    pages = list(
        ecr.get_paginator("describe_image_scan_findings").paginate(
            repositoryName=repository_name,
            imageId={"imageTag": "v1"},
            PaginationConfig={"PageSize": 2},
        )
    )
    assert [len(page["imageScanFindings"][member]) for page in pages] == (
        [2, 1] if scan_type == "BASIC" else [2, 2]
    )


def test_a_scan_by_hand(ecr: Any, repository_name: str, program: str) -> None:
    """The waiter of a scan by hand returns at once; the image may be pushed with any protocol."""
    push(ecr, repository_name, IMAGE, tag="v1")
    request = {"repositoryName": repository_name, "imageId": {"imageTag": "v1"}}
    assert ecr.start_image_scan(**request)["imageScanStatus"] == {"status": "IN_PROGRESS"}
    waiter = ecr.get_waiter("image_scan_complete")
    waiter.wait(**request, WaiterConfig={"MaxAttempts": 1})
    assert len(findings_of(ecr)["imageScanFindings"]["findings"]) == 3
    assert refusal(ecr.start_image_scan, **request).code == "LimitExceededException"


def test_a_push_through_the_registry(
    aws: Any, ecr: Any, repository_name: str, program: str
) -> None:
    """The push is answered after the scan."""
    scan_on_push(ecr)
    for blob in IMAGE.blobs:
        upload_blob(ecr, repository_name, blob)
    answer = aws.registry().put(
        f"/v2/{repository_name}/manifests/v1",
        data=IMAGE.manifest,
        headers={"Content-Type": IMAGE.media_type},
    )
    assert answer.status_code == 201
    assert len(findings_of(ecr)["imageScanFindings"]["findings"]) == 3


@pytest.mark.parametrize(
    ("scan_type", "status"), [("BASIC", "FAILED"), ("ENHANCED", "UNSUPPORTED_IMAGE")]
)
def test_an_image_without_an_operating_system(
    ecr: Any, repository_name: str, program: str, scan_type: str, status: str
) -> None:
    """An image without an operating system is unsupported:
    https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-troubleshooting.html
    """
    scan_on_push(ecr, scan_type=scan_type)
    push(ecr, repository_name, build_image(layers=1), tag="v1")
    answer = findings_of(ecr)
    assert answer["imageScanStatus"] == {"status": status, "description": UNSUPPORTED}
    assert "imageScanFindings" not in answer


@pytest.mark.parametrize("scan_type", ["BASIC", "ENHANCED"])
def test_a_program_that_fails(
    aws: Any, ecr: Any, repository_name: str, tmp_path: Path, scan_type: str
) -> None:
    """Only the scan fails; its description has the reason."""
    program = scanner(tmp_path, "trivy", "import sys\nsys.exit('FATAL no database')")
    aws.configure(scanner=str(program))
    scan_on_push(ecr, scan_type=scan_type)
    push(ecr, repository_name, IMAGE, tag="v1")
    answer = findings_of(ecr)
    assert answer["imageScanStatus"] == {
        "status": "FAILED",
        "description": f"{program} ended with status 1: FATAL no database",
    }
    assert "imageScanFindings" not in answer


def test_a_program_that_is_not_there(
    aws: Any, ecr: Any, repository_name: str, tmp_path: Path
) -> None:
    """A missing program fails the scan like a program that fails."""
    aws.configure(scanner=f"{tmp_path}/grype")
    push(ecr, repository_name, IMAGE, tag="v1")
    ecr.start_image_scan(repositoryName=repository_name, imageId={"imageTag": "v1"})
    assert findings_of(ecr)["imageScanStatus"] == {
        "status": "FAILED",
        "description": f"{tmp_path}/grype cannot be run: No such file or directory",
    }


def test_layers_that_were_never_uploaded(ecr: Any, repository_name: str, program: str) -> None:
    """The scan fails, and does not use layers of another repository."""
    ecr.create_repository(repositoryName="other")
    push(ecr, "other", IMAGE)
    ecr.put_image(
        repositoryName=repository_name, imageManifest=IMAGE.manifest.decode(), imageTag="v1"
    )
    ecr.start_image_scan(repositoryName=repository_name, imageId={"imageTag": "v1"})
    status = findings_of(ecr)["imageScanStatus"]
    assert status["status"] == "FAILED"
    assert status["description"] in [
        f"{blob.digest} is not in the repository" for blob in IMAGE.blobs
    ]


@needs_named_pipes
def test_an_image_that_is_deleted_while_it_is_scanned(
    aws: Any, ecr: Any, repository_name: str, tmp_path: Path
) -> None:
    """Another client can delete the image during a scan, since no transaction is open while the program runs."""
    begin, end = tmp_path / "begin", tmp_path / "end"
    os.mkfifo(begin)
    os.mkfifo(end)
    program = scanner(
        tmp_path,
        "trivy",
        f"""
        open({str(begin)!r}, "w").close()
        open({str(end)!r}).close()
        print('{{"SchemaVersion": 2}}')
        """,
    )
    push(ecr, repository_name, IMAGE, tag="v1")
    aws.configure(scanner=str(program))
    scan = Thread(
        target=ecr.start_image_scan,
        kwargs={"repositoryName": repository_name, "imageId": {"imageTag": "v1"}},
    )
    scan.start()
    begin.read_bytes()
    assert findings_of(ecr)["imageScanStatus"] == {"status": "IN_PROGRESS"}
    ecr.batch_delete_image(repositoryName=repository_name, imageIds=[{"imageTag": "v1"}])
    before = everything_stored()
    end.write_bytes(b"")
    scan.join()
    assert everything_stored() == before


def test_a_server_that_was_killed_while_it_scanned(ecr: Any, repository_name: str) -> None:
    """The scan of a killed server counts as lost after an hour."""
    request = {"repositoryName": repository_name, "imageId": {"imageTag": "v1"}}
    with freeze_time("2026-01-01 12:00:00", ignore=["urllib3"]) as clock:
        push(ecr, repository_name, IMAGE, tag="v1")
        ecr.start_image_scan(**request)
        with current_store().database.write() as transaction:
            transaction.connection.execute(
                tables.scans.update().values(status="IN_PROGRESS", completed_at=None)
            )
        assert findings_of(ecr)["imageScanStatus"] == {"status": "IN_PROGRESS"}
        clock.move_to("2026-01-01 13:00:01")
        answer = findings_of(ecr)
    assert answer["imageScanStatus"] == {
        "status": "FAILED",
        "description": "The scan was interrupted.",
    }
    assert "imageScanFindings" not in answer


def test_what_is_queued_comes_first(aws: Any, ecr: Any, repository_name: str) -> None:
    """The program is not run if findings are queued."""
    aws.configure(scanner="trivy-that-is-not-there")
    queue_scan_findings(ecr, repository_name, [{"name": "CVE-2026-1", "severity": "LOW"}])
    scan_on_push(ecr)
    push(ecr, repository_name, IMAGE, tag="v1")
    answer = findings_of(ecr)
    assert answer["imageScanFindings"] == {
        "findings": [{"name": "CVE-2026-1", "severity": "LOW"}],
        "findingSeverityCounts": {"LOW": 1},
    }
    assert answer["imageScanStatus"] == COMPLETE
    assert answer["imageId"] == {"imageTag": "v1", "imageDigest": IMAGE.digest}
    push(ecr, repository_name, build_image(layers=1), tag="v2")
    assert findings_of(ecr, "v2")["imageScanStatus"]["status"] == "FAILED"
