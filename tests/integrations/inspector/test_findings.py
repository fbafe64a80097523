"""Findings and coverage of Amazon Inspector."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import requests

from moto_ecr_ext.testing import push
from support.constants import ACCOUNT
from support.environments import Environment
from support.scanning import debian_image, scanner

ARN = f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository"


def equals(value: str) -> list[dict[str, str]]:
    return [{"comparison": "EQUALS", "value": value}]


@pytest.fixture
def scanned(aws: Environment, ecr: Any, tmp_path: Path) -> None:
    """Two repositories with the same vulnerable image, which Inspector scans."""
    aws.configure(scanner=str(scanner(tmp_path)))
    rule = {
        "scanFrequency": "SCAN_ON_PUSH",
        "repositoryFilters": [{"filter": "*", "filterType": "WILDCARD"}],
    }
    ecr.put_registry_scanning_configuration(scanType="ENHANCED", rules=[rule])
    for name in ("aa", "bb"):
        ecr.create_repository(repositoryName=name)
        push(ecr, name, debian_image(), tag=f"of-{name}")


def test_findings_of_inspector(aws: Environment, ecr: Any, scanned: None) -> None:
    """Inspector lists the findings of ECR, with the same ARNs and Inspector's names, by filters.

    https://docs.aws.amazon.com/inspector/v2/APIReference/API_ListFindings.html
    """
    inspector = aws.client("inspector2")

    def found(**criteria: Any) -> list[dict[str, Any]]:
        answer: list[dict[str, Any]] = inspector.list_findings(filterCriteria=criteria)["findings"]
        return answer

    of_a = ecr.describe_image_scan_findings(repositoryName="aa", imageId={"imageTag": "of-aa"})
    arns = {each["findingArn"] for each in of_a["imageScanFindings"]["enhancedFindings"]}
    assert {each["findingArn"] for each in found(ecrImageRepositoryName=equals("aa"))} == arns
    assert {each["findingArn"] for each in found(ecrImageTags=equals("of-aa"))} == arns
    everything = found()
    assert len(everything) == 2 * len(arns)
    other = [{"comparison": "NOT_EQUALS", "value": "aa"}]
    assert not arns & {each["findingArn"] for each in found(ecrImageRepositoryName=other)}
    prefix = [{"comparison": "PREFIX", "value": "CVE-2022"}]
    assert {
        each["packageVulnerabilityDetails"]["vulnerabilityId"]
        for each in found(vulnerabilityId=prefix)
    } == {"CVE-2022-49043"}
    assert found(ecrImageInUseCount=[{"lowerInclusive": 1}]) == []
    assert found(severity=equals("CRITICAL"), ecrImageRepositoryName=equals("nowhere")) == []
    [scored] = found(vulnerabilityId=prefix, ecrImageRepositoryName=equals("aa"))
    assert scored["inspectorScore"] == 8.1
    assert scored["inspectorScoreDetails"]["adjustedCvss"]["score"] == 8.1
    pages = inspector.get_paginator("list_findings").paginate(PaginationConfig={"PageSize": 3})
    assert [each for page in pages for each in page["findings"]] == everything


def test_results_that_a_test_has_queued_come_first(aws: Environment, scanned: None) -> None:
    """Results that a test has queued in moto's own way are returned first:
    https://docs.getmoto.org/en/latest/docs/services/inspector2.html
    """
    url = aws.endpoint_url or "https://motoapi.amazonaws.com"
    queued = {"results": [[{"awsAccountId": "111122223333"}]]}
    requests.post(f"{url}/moto-api/static/inspector2/findings-results", json=queued, timeout=60)
    [finding] = aws.client("inspector2").list_findings()["findings"]
    assert finding["awsAccountId"] == "111122223333"


def test_coverage_of_inspector(aws: Environment, ecr: Any, scanned: None) -> None:
    """Coverage has a row for each repository and each image.

    https://docs.aws.amazon.com/inspector/v2/APIReference/API_ListCoverage.html
    """
    inspector = aws.client("inspector2")
    criteria = {"ecrRepositoryName": equals("aa")}
    rows = inspector.list_coverage(filterCriteria=criteria)["coveredResources"]
    repository, image = rows
    assert repository["resourceType"] == "AWS_ECR_REPOSITORY"
    assert repository["resourceId"] == f"{ARN}/aa"
    assert repository["resourceMetadata"]["ecrRepository"] == {
        "name": "aa",
        "scanFrequency": "SCAN_ON_PUSH",
    }
    assert image["resourceType"] == "AWS_ECR_CONTAINER_IMAGE"
    assert image["resourceId"] == f"{ARN}/aa/{debian_image().digest}"
    assert image["resourceMetadata"]["ecrImage"]["tags"] == ["of-aa"]
    assert image["scanStatus"] == {
        "statusCode": "INACTIVE",
        "reason": "SCAN_FREQUENCY_SCAN_ON_PUSH",
    }
    assert len(inspector.list_coverage()["coveredResources"]) == 4


def test_basic_scanning_is_not_inspector_s(aws: Environment, ecr: Any) -> None:
    """Inspector omits registries with basic scanning."""
    ecr.create_repository(repositoryName="aa")
    inspector = aws.client("inspector2")
    assert inspector.list_findings()["findings"] == []
    assert inspector.list_coverage()["coveredResources"] == []
