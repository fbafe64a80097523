"""CloudWatch: counts of image pulls and of calls.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-repository-metrics.html and
https://docs.aws.amazon.com/AmazonECR/latest/userguide/monitoring-usage.html
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

from moto_ecr_ext.seams.replacing import Unplug, replace


def plug() -> Unplug:
    """Add ECR's metrics to those of moto's other services.

    CloudWatch reads them with each request, in this property of its backend, as objects of `MetricDatum`.
    """
    from moto.cloudwatch.models import CloudWatchBackend

    original = CloudWatchBackend.aws_metric_data.fget  # type: ignore[attr-defined]

    def aws_metric_data(self: Any) -> list[Any]:
        return [*original(self), *_metrics(self.account_id, self.region_name)]

    return replace(CloudWatchBackend, "aws_metric_data", property(aws_metric_data))


def _metrics(account_id: str, region: str) -> Iterator[Any]:
    from moto.cloudwatch.models import MetricDatum

    from moto_ecr_ext.models.lookup import backend_of

    for count in backend_of(account_id, region).counts():
        if count.name == "RepositoryPullCount":
            namespace, unit = "AWS/ECR", "Count"
            dimensions = {"RepositoryName": count.of}
        else:
            namespace, unit = "AWS/Usage", None
            dimensions = {"Service": "ECR", "Type": "API", "Resource": count.of, "Class": "None"}
        yield MetricDatum(
            namespace=namespace,
            name=count.name,
            value=float(count.number),
            dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
            # moto's times are naive, in UTC.
            timestamp=datetime.fromtimestamp(count.minute * 60, timezone.utc).replace(tzinfo=None),
            unit=unit,
        )
