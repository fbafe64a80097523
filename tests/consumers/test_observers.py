"""Services that show what ECR has."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import requests
from moto.resourcegroupstaggingapi import models as tagging_models

from moto_ecr_ext.testing import build_image, pull, push
from support.constants import ACCOUNT
from support.environments import Environment
from support.scanning import debian_image, scanner

ARN = f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository"
IMAGE = build_image(layers=1)


@pytest.fixture
def repositories(ecr: Any) -> None:
    """Two repositories with resource tags, and one without."""
    for name, tags in (("aa", {"team": "red"}), ("bb", {"team": "blue", "x": "y"}), ("cc", {})):
        pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
        ecr.create_repository(repositoryName=name, tags=pairs)


@pytest.mark.skipif(
    not hasattr(tagging_models, "iter_taggable_backends"),
    reason="moto asks backends for their tags since 5.2.2",
)
def test_resources_by_their_tags(aws: Environment, ecr: Any, repositories: None) -> None:
    """By type, tag and ARN; TagResources and UntagResources change them.

    https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html
    """
    tagging = aws.client("resourcegroupstaggingapi")

    def found(**request: Any) -> list[str]:
        answer = tagging.get_resources(**request)["ResourceTagMappingList"]
        return [each["ResourceARN"].removeprefix(f"{ARN}/") for each in answer]

    assert found() == ["aa", "bb"]
    assert found(ResourceTypeFilters=["ecr:repository"]) == ["aa", "bb"]
    assert found(ResourceTypeFilters=["ecr"]) == ["aa", "bb"]
    assert found(ResourceTypeFilters=["s3"]) == []
    assert found(TagFilters=[{"Key": "team", "Values": ["blue"]}]) == ["bb"]
    assert found(ResourceARNList=[f"{ARN}/aa"]) == ["aa"]
    assert set(tagging.get_tag_keys()["TagKeys"]) == {"team", "x"}
    assert set(tagging.get_tag_values(Key="team")["TagValues"]) == {"red", "blue"}

    changed = tagging.tag_resources(ResourceARNList=[f"{ARN}/cc"], Tags={"team": "green"})
    assert changed["FailedResourcesMap"] == {}
    assert ecr.list_tags_for_resource(resourceArn=f"{ARN}/cc")["tags"] == [
        {"Key": "team", "Value": "green"}
    ]
    tagging.untag_resources(ResourceARNList=[f"{ARN}/aa"], TagKeys=["team"])
    assert found() == ["bb", "cc"]


def test_metrics(aws: Environment, ecr: Any) -> None:
    """Pulls of a repository, and calls of operations, by the minute.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-repository-metrics.html,
    https://docs.aws.amazon.com/AmazonECR/latest/userguide/monitoring-usage.html
    """
    ecr.create_repository(repositoryName="app")
    push(ecr, "app", IMAGE, tag="1.0")
    metrics = aws.client("cloudwatch")

    def total(namespace: str, name: str, **dimensions: str) -> float:
        now = datetime.now(timezone.utc)
        points = metrics.get_metric_statistics(
            Namespace=namespace,
            MetricName=name,
            Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
            StartTime=now - timedelta(hours=1),
            EndTime=now + timedelta(hours=1),
            Period=60,
            Statistics=["Sum"],
        )["Datapoints"]
        return sum(each["Sum"] for each in points)

    before = total("AWS/ECR", "RepositoryPullCount", RepositoryName="app")
    pull(ecr, "app", "1.0")
    ecr.batch_get_image(repositoryName="app", imageIds=[{"imageDigest": IMAGE.digest}])
    assert total("AWS/ECR", "RepositoryPullCount", RepositoryName="app") == before + 2
    usage = {"Service": "ECR", "Type": "API", "Resource": "PutImage", "Class": "None"}
    assert total("AWS/Usage", "CallCount", **usage) == 1
    names = {(each["Namespace"], each["MetricName"]) for each in metrics.list_metrics()["Metrics"]}
    assert names == {("AWS/ECR", "RepositoryPullCount"), ("AWS/Usage", "CallCount")}


def test_pulls_through_the_registry_are_counted(aws: Environment, ecr: Any) -> None:
    """A GET of a manifest is a pull, a HEAD is none."""
    ecr.create_repository(repositoryName="app")
    push(ecr, "app", IMAGE, tag="1.0")
    registry = aws.registry()
    registry.head("/v2/app/manifests/1.0")
    assert aws.client("cloudwatch").list_metrics(Namespace="AWS/ECR")["Metrics"] == []
    registry.get("/v2/app/manifests/1.0")
    [metric] = aws.client("cloudwatch").list_metrics(Namespace="AWS/ECR")["Metrics"]
    assert metric["Dimensions"] == [{"Name": "RepositoryName", "Value": "app"}]


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


def equals(value: str) -> list[dict[str, str]]:
    return [{"comparison": "EQUALS", "value": value}]


def test_findings_of_inspector(aws: Environment, ecr: Any, scanned: None) -> None:
    """Those of ECR, with the same ARNs, and Inspector's names; by filters.

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
    """moto's own way: https://docs.getmoto.org/en/latest/docs/services/inspector2.html"""
    url = aws.endpoint_url or "https://motoapi.amazonaws.com"
    queued = {"results": [[{"awsAccountId": "111122223333"}]]}
    requests.post(f"{url}/moto-api/static/inspector2/findings-results", json=queued, timeout=60)
    [finding] = aws.client("inspector2").list_findings()["findings"]
    assert finding["awsAccountId"] == "111122223333"


def test_coverage_of_inspector(aws: Environment, ecr: Any, scanned: None) -> None:
    """A row for each repository and each image.

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
    """Inspector knows nothing of a registry with basic scanning."""
    ecr.create_repository(repositoryName="aa")
    inspector = aws.client("inspector2")
    assert inspector.list_findings()["findings"] == []
    assert inspector.list_coverage()["coveredResources"] == []


def test_data_of_moto_s_dashboard(aws: Environment, ecr: Any, repositories: None) -> None:
    """Repositories and images, under the names of moto's own; after a reset there are none."""
    push(ecr, "aa", IMAGE, tag="1.0")
    url = aws.endpoint_url or "https://motoapi.amazonaws.com"

    def shown() -> dict[str, list[dict[str, Any]]]:
        answer: dict[str, Any] = requests.get(f"{url}/moto-api/data.json", timeout=60).json()
        return answer["ecr"]

    data = shown()
    assert [each["name"] for each in data["Repository"]] == ["aa", "bb", "cc"]
    assert data["Repository"][0]["arn"] == f"{ARN}/aa"
    [image] = data["Image"]
    assert (image["image_digest"], image["image_tags"]) == (IMAGE.digest, ["1.0"])
    assert (image["repository"], image["registry_id"]) == ("aa", ACCOUNT)
    requests.post(f"{url}/moto-api/reset", timeout=60)
    assert shown()["Repository"] == []


def test_resources_of_config(aws: Environment, repositories: None) -> None:
    """Repositories, by id and name.

    https://docs.aws.amazon.com/config/latest/APIReference/API_ListDiscoveredResources.html
    """
    config = aws.client("config")
    kind = "AWS::ECR::Repository"
    listed = config.list_discovered_resources(resourceType=kind)["resourceIdentifiers"]
    assert [each["resourceId"] for each in listed] == ["aa", "bb", "cc"]
    page = config.list_discovered_resources(resourceType=kind, limit=2)
    assert len(page["resourceIdentifiers"]) == 2
    rest = config.list_discovered_resources(resourceType=kind, nextToken=page["nextToken"])
    assert [each["resourceId"] for each in rest["resourceIdentifiers"]] == ["cc"]
    history = config.get_resource_config_history(resourceType=kind, resourceId="aa")
    [item] = history["configurationItems"]
    assert item["arn"] == f"{ARN}/aa"
    assert item["tags"] == {"team": "red"}
    assert json.loads(item["configuration"])["RepositoryName"] == "aa"
