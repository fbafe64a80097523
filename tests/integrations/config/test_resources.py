"""Repositories as resources of AWS Config."""

from __future__ import annotations

import json

from support.constants import ACCOUNT
from support.environments import Environment

ARN = f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository"


def test_resources_of_config(aws: Environment, repositories: None) -> None:
    """Repositories are listed by id and by name.

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
