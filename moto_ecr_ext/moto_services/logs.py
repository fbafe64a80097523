"""CloudWatch Logs, for the output of containers."""

from __future__ import annotations

from collections.abc import Iterable

from moto.core.utils import unix_time_millis
from moto.logs.models import logs_backends


def put_log_lines(
    account_id: str, region: str, group: str, stream: str, lines: Iterable[str]
) -> None:
    """Append lines to a stream, each as an event of the current time. A missing stream or group is created."""
    backend = logs_backends[account_id][region]
    now = int(unix_time_millis())
    events = [{"timestamp": now, "message": line} for line in lines]
    backend.ensure_log_group(group)
    backend.ensure_log_stream(group, stream)
    if events:
        backend.put_log_events(group, stream, events)
