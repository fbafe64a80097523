"""Tags of repositories in the tagging API."""

from __future__ import annotations

from typing import Any

import pytest
from moto.resourcegroupstaggingapi import models as tagging_models

from support.constants import ACCOUNT
from support.environments import Environment

ARN = f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository"


@pytest.mark.skipif(
    not hasattr(tagging_models, "iter_taggable_backends"),
    reason="moto asks backends for their tags since 5.2.2",
)
def test_resources_by_their_tags(aws: Environment, ecr: Any, repositories: None) -> None:
    """Resources are found by type, tag and ARN; TagResources and UntagResources change their tags.

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
