"""Events to EventBridge: what happened to an image, for the rules of moto's default event bus.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

# moto takes as many at once as PutEvents does.
_BATCH = 10


@dataclass(frozen=True, slots=True)
class Event:
    """One event of `source` aws.ecr. Members of `detail` that are None are left out."""

    detail_type: str
    detail: dict[str, Any]
    resources: list[str] = field(default_factory=list)


def image_event(
    action: str, repository_name: str, digest: str, tag: str | None, manifest_types: ManifestTypes
) -> Event:
    """A push or a deletion of an image, or of one of its tags. An image with a subject is a referrer."""
    detail = {
        "result": "SUCCESS",
        "repository-name": repository_name,
        "image-digest": digest,
        "action-type": action,
        "image-tag": tag,
    }
    if not manifest_types.subject:
        return Event("ECR Image Action", detail)
    types = {
        "manifest-media-type": manifest_types.media_type,
        "artifact-media-type": manifest_types.artifact_type,
    }
    return Event("ECR Referrer Action", {**detail, **types})


@dataclass(frozen=True, slots=True)
class ManifestTypes:
    """What an event says of a manifest."""

    media_type: str
    artifact_type: str | None
    subject: str | None


def scan_event(repository_name: str, repository_arn: str, digest: str, tags: list[str]) -> Event:
    """A basic scan that has ended, with nothing found by it."""
    return Event(
        "ECR Image Scan",
        {
            "scan-status": "COMPLETE",
            "repository-name": repository_name,
            "finding-severity-counts": {},
            "image-digest": digest,
            "image-tags": tags,
        },
        [repository_arn],
    )


def send_events(account_id: str, region: str, events: Sequence[Event]) -> None:
    """Put events on the default bus of the registry's account, if anything of EventBridge is used there."""
    models = sys.modules.get("moto.events.models")
    if models is None or not events:
        return
    account = models.events_backends.get(account_id)
    backend = account.get(region) if account else None
    if backend is None:
        return
    entries = [
        {
            "Source": "aws.ecr",
            "DetailType": event.detail_type,
            "Detail": json.dumps(
                {name: value for name, value in event.detail.items() if value is not None}
            ),
            "Resources": event.resources,
        }
        for event in events
    ]
    for start in range(0, len(entries), _BATCH):
        backend.put_events(entries[start : start + _BATCH])
