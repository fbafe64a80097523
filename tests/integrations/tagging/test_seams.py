"""Assumptions of the seam for the tagging API in moto. A failure names the assumption that moved."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.resourcegroupstaggingapi import models as tagging

ACCOUNT = "123456789012"
REGION = "us-east-1"

NEW_TAGGING = pytest.mark.skipif(
    not hasattr(tagging, "iter_taggable_backends"), reason="moto has it since 5.2.2"
)


@NEW_TAGGING
def test_the_tagging_api_asks_a_function_of_its_module(
    stock_moto: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It yields objects with these four methods, whose resources have an ARN, tags and a type."""
    from moto.core.resource_tagging import TaggedResource

    calls: list[Any] = []

    class Service:
        def iter_tagged_resources(self) -> Any:
            yield TaggedResource("arn:aws:x:y", {"key": "value"}, "x:y")

        def owns_arn(self, arn: str) -> bool:
            return arn == "arn:aws:x:y"

        def tag_resource(self, arn: str, tags: dict[str, str]) -> None:
            calls.append((arn, tags))

        def untag_resource(self, arn: str, tag_keys: list[str]) -> None:
            calls.append((arn, tag_keys))

    asked = []

    def services(account_id: str, region: str) -> Any:
        asked.append((account_id, region))
        yield Service()

    monkeypatch.setattr(tagging, "iter_taggable_backends", services)
    with mock_aws():
        client = boto3.client("resourcegroupstaggingapi", region_name=REGION)
        [found] = client.get_resources()["ResourceTagMappingList"]
        client.tag_resources(ResourceARNList=["arn:aws:x:y"], Tags={"a": "b"})
        client.untag_resources(ResourceARNList=["arn:aws:x:y"], TagKeys=["a"])
    assert found == {"ResourceARN": "arn:aws:x:y", "Tags": [{"Key": "key", "Value": "value"}]}
    assert set(asked) == {(ACCOUNT, REGION)}
    assert calls == [("arn:aws:x:y", {"a": "b"}), ("arn:aws:x:y", ["a"])]
