"""ECR's metrics in CloudWatch."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from moto_ecr_ext.testing import build_image, pull, push
from support.environments import Environment

IMAGE = build_image(layers=1)


def test_metrics(aws: Environment, ecr: Any) -> None:
    """CloudWatch has pulls of a repository, and calls of operations, by the minute.

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
    """A GET of a manifest counts as a pull, a HEAD does not."""
    ecr.create_repository(repositoryName="app")
    push(ecr, "app", IMAGE, tag="1.0")
    registry = aws.registry()
    registry.head("/v2/app/manifests/1.0")
    assert aws.client("cloudwatch").list_metrics(Namespace="AWS/ECR")["Metrics"] == []
    registry.get("/v2/app/manifests/1.0")
    [metric] = aws.client("cloudwatch").list_metrics(Namespace="AWS/ECR")["Metrics"]
    assert metric["Dimensions"] == [{"Name": "RepositoryName", "Value": "app"}]
