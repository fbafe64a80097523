"""GET /moto-api/ecr/health and /moto-api/ecr/metrics: the health of a server, and its metrics.

Metrics are in Prometheus's text format (https://prometheus.io/docs/instrumenting/exposition_formats/). They need the
package `prometheus-client`, which the extra `server` installs. Labels have a bounded number of values: operations,
routes and statuses, but no names from clients.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from moto_ecr_ext._version import __version__
from moto_ecr_ext.calls import current_call
from moto_ecr_ext.seams.replacing import Unplug

from .tally import BOUNDS, RequestCounts

if TYPE_CHECKING:
    from prometheus_client import Metric

    from moto_ecr_ext.server.statistics import Statistics

_Answer = tuple[int, dict[str, str], str]
_JSON = {"Content-Type": "application/json"}
_TEXT = {"Content-Type": "text/plain; charset=utf-8"}
_PROMETHEUS = {"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
_WITHOUT_LIBRARY = (
    "Metrics need the package prometheus-client. Install moto_ecr_ext with its extra 'server'.\n"
)

# Counts the requests of this process's server, if it has one.
_count_requests: Callable[[], RequestCounts] | None = None


def plug() -> Unplug:
    """Add the paths to the dict of moto's own API."""
    from moto.moto_api._internal.urls import url_paths

    paths = {"{0}/moto-api/ecr/health": _health, "{0}/moto-api/ecr/metrics": _metrics}
    url_paths.update(paths)

    def unplug() -> None:
        for path in paths:
            del url_paths[path]
        count_requests_by(None)

    return unplug


def count_requests_by(counts: Callable[[], RequestCounts] | None) -> None:
    """Include the requests that `counts` returns in the metrics of this process."""
    global _count_requests
    _count_requests = counts


def _health(request: Any, full_url: str, headers: Any) -> _Answer:
    """Answer 200 if the store answers, otherwise 503 with the reason."""
    # It imports SQLAlchemy.
    from moto_ecr_ext.server.statistics import failure_of_store

    if request.method not in ("GET", "HEAD"):
        return _only_get()
    reason = failure_of_store()
    if reason is not None:
        call = current_call()
        if call is not None:
            call.reason = reason
        return 503, _JSON, json.dumps({"status": "unavailable", "reason": reason})
    return 200, _JSON, json.dumps({"status": "ok", "version": __version__})


def _metrics(request: Any, full_url: str, headers: Any) -> _Answer:
    """Answer with all metrics, with 501 without the library, or with 503 if the store does not answer."""
    from moto_ecr_ext.server.statistics import failure_of_store, statistics

    if request.method not in ("GET", "HEAD"):
        return _only_get()
    try:
        from prometheus_client import CollectorRegistry
        from prometheus_client.exposition import generate_latest
    except ImportError:
        return 501, _TEXT, _WITHOUT_LIBRARY
    reason = failure_of_store()
    if reason is not None:
        return 503, _TEXT, f"The store does not answer: {reason}\n"
    registry = CollectorRegistry()
    registry.register(_Collector(statistics(), _count_requests() if _count_requests else None))
    text = generate_latest(registry).decode()
    return 200, _PROMETHEUS, text


def _only_get() -> _Answer:
    return 405, {**_JSON, "Allow": "GET, HEAD"}, json.dumps({"Error": "Need to GET"})


class _Collector:
    """The metrics at one moment."""

    def __init__(self, there: Statistics, requests: RequestCounts | None) -> None:
        self._there = there
        self._requests = requests

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics; `prometheus_client` calls this."""
        yield from self._of_store()
        if self._requests is not None:
            yield from self._of_requests(self._requests)

    def _of_store(self) -> Iterator[Metric]:
        from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily

        yield InfoMetricFamily("moto_ecr", "The version.", value={"version": __version__})
        numbers = {
            "repositories": "Repositories in all registries.",
            "images": "Images in all repositories.",
            "tags": "Tags of all images.",
            "blobs": "Blobs, each once.",
        }
        for name, text in numbers.items():
            yield GaugeMetricFamily(f"moto_ecr_{name}", text, value=self._there.numbers[name])
        yield GaugeMetricFamily(
            "moto_ecr_stored_bytes",
            "Bytes of all blobs, each once.",
            value=self._there.bytes_stored,
        )
        yield GaugeMetricFamily(
            "moto_ecr_uploads_open",
            "Upload sessions that are not committed or cancelled yet.",
            value=self._there.numbers["uploads"],
        )
        work = GaugeMetricFamily(
            "moto_ecr_background_work", "Background work that is due or under way.", labels=["work"]
        )
        for kind, number in self._there.work.items():
            work.add_metric([kind], number)
        yield work

    def _of_requests(self, requests: RequestCounts) -> Iterator[Metric]:
        from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily

        answers = CounterMetricFamily(
            "moto_ecr_requests",
            "Requests that were answered. An operation is ECR's, a route of the registry, or other.",
            labels=["operation", "status"],
        )
        for (kind, status), number in sorted(requests.answers.items()):
            answers.add_metric([kind, str(status)], number)
        yield answers
        durations = HistogramMetricFamily(
            "moto_ecr_request_duration_seconds",
            "From the head of a request to the end of its answer.",
            labels=["operation"],
        )
        bounds = [*map(str, BOUNDS), "+Inf"]
        for kind, each in sorted(requests.durations.items()):
            buckets = list(zip(bounds, each.cumulated(), strict=True))
            durations.add_metric([kind], buckets, each.total)
        yield durations
        yield CounterMetricFamily(
            "moto_ecr_received_bytes", "Bytes of the bodies of requests.", value=requests.received
        )
        yield CounterMetricFamily(
            "moto_ecr_sent_bytes", "Bytes of the bodies of answers.", value=requests.sent
        )
