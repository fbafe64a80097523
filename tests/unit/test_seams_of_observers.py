"""Assumptions of the seams in services that show ECR's contents. A failure names the assumption that moved."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import boto3
import pytest
import requests
from moto import mock_aws
from moto.cloudwatch.models import CloudWatchBackend, MetricDatum
from moto.config.models import RESOURCE_MAP
from moto.core.model_instances import model_data, reset_model_data
from moto.inspector2 import urls
from moto.inspector2.models import inspector2_backends
from moto.inspector2.responses import Inspector2Response
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


def test_cloudwatch_reads_the_metrics_of_services_from_a_property(
    stock_moto: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With each request."""
    assert isinstance(CloudWatchBackend.aws_metric_data, property)
    datum = MetricDatum(
        namespace="N", name="M", value=1.0, dimensions=[], timestamp=None, unit="Count"
    )
    monkeypatch.setattr(CloudWatchBackend, "aws_metric_data", property(lambda self: [datum]))
    with mock_aws():
        [metric] = boto3.client("cloudwatch", region_name=REGION).list_metrics()["Metrics"]
    assert (metric["Namespace"], metric["MetricName"]) == ("N", "M")


def test_inspector_answers_by_methods_of_its_response_class(
    stock_moto: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An operation that moto lacks works with a method and a path. A test's findings are in two attributes."""
    assert "{0}/coverage/list$" not in urls.url_paths, "moto has ListCoverage now"
    assert not hasattr(Inspector2Response, "list_coverage")
    monkeypatch.setitem(urls.url_paths, "{0}/coverage/list$", Inspector2Response.dispatch)
    seen = []

    def list_coverage(self: Any) -> str:
        seen.append((self.current_account, self.region, self._get_param("maxResults")))
        return json.dumps({"coveredResources": []})

    monkeypatch.setattr(Inspector2Response, "list_coverage", list_coverage, raising=False)
    with mock_aws():
        client = boto3.client("inspector2", region_name=REGION)
        client.list_coverage(maxResults=7)
        backend = inspector2_backends[ACCOUNT][REGION]
        assert (backend.findings_queue, backend.findings) == ([], {})
    assert seen == [(ACCOUNT, REGION, 7)]


def test_config_has_its_types_in_a_dict(stock_moto: None) -> None:
    """With an object for each, that has two methods."""
    assert "AWS::ECR::Repository" not in RESOURCE_MAP, "moto's Config knows repositories now"
    for query in RESOURCE_MAP.values():
        assert callable(query.list_config_service_resources)
        assert callable(query.get_config_resource)
        assert query.backends is not None


def test_the_dashboard_goes_through_a_dict_of_classes(stock_moto: None) -> None:
    """It shows public attributes of each one's instances; a reset assigns to that attribute."""

    class Instance:
        shown = "yes"

    class Model:
        instances_tracked: ClassVar[list[Any]] = [Instance()]

    before = model_data["ecr"].get("Repository")
    model_data["ecr"]["Repository"] = Model  # type: ignore[assignment]
    try:
        with mock_aws():
            Model.instances_tracked = [Instance()]
            data = requests.get("https://motoapi.amazonaws.com/moto-api/data.json").json()
            reset_model_data()
    finally:
        assert before is not None
        model_data["ecr"]["Repository"] = before
    assert data["ecr"]["Repository"] == [{"shown": "yes"}]
    assert Model.instances_tracked == []
