"""Events to EventBridge: what happened to an image, for the rules of moto's default event bus.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Event:
    """One event of the source aws.ecr. Members of `detail` that are None are left out."""

    detail_type: str
    detail: dict[str, Any]
    resources: list[str] = field(default_factory=list)


class ManifestFacts(Protocol):
    """What an event says of a manifest: a parsed one has it, and a row of `images`."""

    @property
    def media_type(self) -> str: ...

    @property
    def artifact_type(self) -> str | None: ...

    @property
    def subject(self) -> str | None: ...


def image_event(
    action: str, repository_name: str, digest: str, tag: str | None, about: ManifestFacts
) -> Event:
    """A push or a deletion (`action` PUSH, DELETE) of an image or a tag of it. One with a subject is a referrer."""
    detail = {
        "result": "SUCCESS",
        "repository-name": repository_name,
        "image-digest": digest,
        "action-type": action,
        "image-tag": tag,
    }
    if about.subject is None:
        return Event("ECR Image Action", detail)
    detail["manifest-media-type"] = about.media_type
    detail["artifact-media-type"] = about.artifact_type
    return Event("ECR Referrer Action", detail)


def storage_class_event(
    repository_name: str, digest: str, about: ManifestFacts, activated_at: float | None
) -> Event:
    """An image has come back from the archive (`activated_at` says when), or has gone there (it is None)."""
    detail = {
        "result": "SUCCESS",
        "repository-name": repository_name,
        "image-digest": digest,
        "action-type": "UPDATE_STORAGE_CLASS",
        "target-storage-class": "ARCHIVED" if activated_at is None else "STANDARD",
        "manifest-media-type": about.media_type,
        "artifact-media-type": about.artifact_type,
        "last-activated-at": _text_of_time(activated_at) if activated_at is not None else None,
    }
    kind = "ECR Image Action" if about.subject is None else "ECR Referrer Action"
    return Event(kind, detail)


def _text_of_time(at: float) -> str:
    return datetime.fromtimestamp(at, timezone.utc).isoformat(timespec="milliseconds")[:-6] + "Z"


def scan_event(repository_name: str, repository_arn: str, digest: str, tags: list[str]) -> Event:
    """A basic scan that has ended and found nothing."""
    detail = {
        "scan-status": "COMPLETE",
        "repository-name": repository_name,
        "finding-severity-counts": {},
        "image-digest": digest,
        "image-tags": tags,
    }
    return Event("ECR Image Scan", detail, [repository_arn])


def send_event(account_id: str, region: str, event: Event) -> None:
    """Put an event on the default bus of a registry's account, if anything of EventBridge is used there."""
    models = sys.modules.get("moto.events.models")
    if models is None:
        return
    account = models.events_backends.get(account_id)
    backend = account.get(region) if account else None
    if backend is None:
        return
    detail = {name: value for name, value in event.detail.items() if value is not None}
    backend.put_events(
        [
            {
                "Source": "aws.ecr",
                "DetailType": event.detail_type,
                "Detail": json.dumps(detail),
                "Resources": event.resources,
            }
        ]
    )
