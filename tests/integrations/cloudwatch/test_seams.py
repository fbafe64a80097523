"""Assumptions of the seam for CloudWatch in moto. A failure names the assumption that moved."""

from __future__ import annotations

import boto3
import pytest
from moto import mock_aws
from moto.cloudwatch.models import CloudWatchBackend, MetricDatum

REGION = "us-east-1"


def test_cloudwatch_reads_the_metrics_of_services_from_a_property(
    stock_moto: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CloudWatch reads the property with each request."""
    assert isinstance(CloudWatchBackend.aws_metric_data, property)
    datum = MetricDatum(
        namespace="N", name="M", value=1.0, dimensions=[], timestamp=None, unit="Count"
    )
    monkeypatch.setattr(CloudWatchBackend, "aws_metric_data", property(lambda self: [datum]))
    with mock_aws():
        [metric] = boto3.client("cloudwatch", region_name=REGION).list_metrics()["Metrics"]
    assert (metric["Namespace"], metric["MetricName"]) == ("N", "M")
