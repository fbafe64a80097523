"""Events for the default bus of moto's EventBridge."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from .backends import backend_in_use


@dataclass(frozen=True, slots=True)
class EcrEvent:
    """One event. Members of `detail` that are None are left out."""

    detail_type: str
    detail: dict[str, Any]
    resources: list[str] = field(default_factory=list)
    source: str = "aws.ecr"


def send_event(account_id: str, region: str, event: EcrEvent) -> None:
    """Put an event on the default bus of an account in a Region, if EventBridge is in use there."""
    backend = backend_in_use("events", account_id, region)
    if backend is None:
        return
    detail = {name: value for name, value in event.detail.items() if value is not None}
    backend.put_events(
        [
            {
                "Source": event.source,
                "DetailType": event.detail_type,
                "Detail": json.dumps(detail),
                "Resources": event.resources,
            }
        ]
    )
