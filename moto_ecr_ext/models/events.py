"""Events about images, for EventBridge.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html

"ECR Artifact Action" is not sent. https://docs.aws.amazon.com/eventbridge/latest/ref/events-ref-ecr.html names it; its
members and its cause are not documented.
"""

from __future__ import annotations

from typing import Any, Protocol

from moto_ecr_ext.arns import Registry, repository_arn
from moto_ecr_ext.clock import spoken_time, text_of_time
from moto_ecr_ext.models.repositories.repository import Repository
from moto_ecr_ext.moto_services.eventbridge import EcrEvent, send_event
from moto_ecr_ext.process import this_process
from moto_ecr_ext.storage.database.transaction import Transaction

_INSPECTOR = "aws.inspector2"


class ManifestFacts(Protocol):
    """The members that an event takes from a manifest. Parsed manifests and rows of `images` have them."""

    @property
    def media_type(self) -> str: ...

    @property
    def artifact_type(self) -> str | None: ...

    @property
    def subject(self) -> str | None: ...


def push_event(
    repository_name: str, digest: str, tag: str | None, about: ManifestFacts
) -> EcrEvent:
    """Return the event of a push with a tag, or without one.

    Events that were recorded in 2023 and 2025 have the media types, and an empty tag for a push without one; the
    examples of the User Guide do not.
    """
    detail = {
        "result": "SUCCESS",
        "repository-name": repository_name,
        "image-digest": digest,
        "action-type": "PUSH",
        "image-tag": tag or "",
        **_media_types(about),
    }
    return EcrEvent(_detail_type(about), detail)


def deletion_event(
    repository_name: str, digest: str, tag: str | None, about: ManifestFacts
) -> EcrEvent:
    """Return the event of deleting a tag, or an untagged image. The latter has no media types in the User Guide."""
    detail = {
        "result": "SUCCESS",
        "repository-name": repository_name,
        "image-digest": digest,
        "action-type": "DELETE",
        "image-tag": tag,
        **({} if about.subject is None else _media_types(about)),
    }
    return EcrEvent(_detail_type(about), detail)


def archival_event(repository_name: str, digest: str, about: ManifestFacts) -> EcrEvent:
    """Return the event of an image that was archived."""
    return _storage_class_event("ARCHIVE", repository_name, digest, about, None)


def restore_event(
    repository_name: str, digest: str, about: ManifestFacts, activated_at: float
) -> EcrEvent:
    """Return the event of an image that was restored from the archive. `activated_at` is in seconds since the epoch."""
    return _storage_class_event("STANDARD", repository_name, digest, about, activated_at)


def _storage_class_event(
    target: str,
    repository_name: str,
    digest: str,
    about: ManifestFacts,
    activated_at: float | None,
) -> EcrEvent:
    detail = {
        "result": "SUCCESS",
        "repository-name": repository_name,
        "image-digest": digest,
        "action-type": "UPDATE_STORAGE_CLASS",
        "target-storage-class": target,
        "last-activated-at": text_of_time(activated_at) if activated_at is not None else None,
        **_media_types(about),
    }
    return EcrEvent(_detail_type(about), detail)


def _detail_type(about: ManifestFacts) -> str:
    return "ECR Image Action" if about.subject is None else "ECR Referrer Action"


def _media_types(about: ManifestFacts) -> dict[str, str | None]:
    return {
        "manifest-media-type": about.media_type,
        "artifact-media-type": about.artifact_type,
    }


def scan_event(
    repository: Repository, digest: str, tags: list[str], counts: dict[str, int], status: str
) -> EcrEvent:
    """Return the event of a basic scan that has ended.

    `status` is COMPLETE or FAILED; `counts` are the numbers of findings by severity.
    """
    detail = {
        "scan-status": status,
        "repository-name": repository.repository_name,
        "finding-severity-counts": counts,
        "image-digest": digest,
        "image-tags": tags,
    }
    return EcrEvent("ECR Image Scan", detail, [repository.repository_arn])


def enhanced_scan_events(
    repository: Repository,
    digest: str,
    tags: list[str],
    counts: dict[str, int],
    findings: list[dict[str, Any]],
) -> list[EcrEvent]:
    """Return the events of an enhanced scan that has ended: one for the scan, and one for each finding.

    Amazon Inspector sends them.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-enhanced-events.html
    """
    detail = {
        "scan-status": "INITIAL_SCAN_COMPLETE",
        # As on AWS, the name is an ARN here.
        "repository-name": repository.repository_arn,
        "finding-severity-counts": {**counts, "TOTAL": sum(counts.values())},
        "image-digest": digest,
        "image-tags": tags,
    }
    scan = EcrEvent("Inspector2 Scan", detail, [repository.repository_arn], _INSPECTOR)
    return [scan, *(enhanced_finding_event(repository, digest, each) for each in findings)]


def enhanced_finding_event(
    repository: Repository, digest: str, finding: dict[str, Any]
) -> EcrEvent:
    """Return the event of one finding of an enhanced scan."""
    image_arn = f"{repository.repository_arn}/{digest}"
    return EcrEvent("Inspector2 Finding", _with_times_as_text(finding), [image_arn], _INSPECTOR)


def _with_times_as_text(document: Any) -> Any:
    """Return a finding with times, such as `updatedAt`, as text."""
    if isinstance(document, list):
        return [_with_times_as_text(each) for each in document]
    if isinstance(document, dict):
        return {
            name: spoken_time(value)
            if name.endswith("At") and isinstance(value, (int, float))
            else _with_times_as_text(value)
            for name, value in document.items()
            if value is not None
        }
    return document


def scan_frequency_event(changes: list[tuple[Repository, str, str]]) -> EcrEvent:
    """Return the event of changed scan frequencies: each repository with its new and its previous frequency.

    It is also sent for new repositories, and for new and deleted images. AWS documents this form only.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-enhanced-events.html
    """
    detail = {
        "action-type": "SCAN_FREQUENCY_CHANGE",
        "repositories": [
            {
                "repository-name": repository.repository_name,
                "repository-arn": repository.repository_arn,
                "scan-frequency": frequency,
                "previous-scan-frequency": previous,
            }
            for repository, frequency, previous in changes
        ],
        "resource-type": "REPOSITORY",
        "scan-type": "ENHANCED",
    }
    return EcrEvent("ECR Scan Resource Change", detail)


def replication_event(
    result: str,
    repository_name: str,
    digest: str,
    tag: str | None,
    source: Registry,
    destination: Registry,
) -> EcrEvent:
    """Return the event of replicating an image or a tag from one registry to another.

    `result` is SUCCESS or FAILED. EventBridge's schema requires `image-tag`; its value for an image without tags is not
    documented.
    """
    detail = {
        "result": result,
        "repository-name": repository_name,
        "image-digest": digest,
        "source-account": source.account_id,
        "action-type": "REPLICATE",
        "source-region": source.region,
        "image-tag": tag or "",
    }
    arn = repository_arn(destination.account_id, destination.region, repository_name)
    return EcrEvent("ECR Replication Action", detail, [arn])


def announce(transaction: Transaction, repository: Repository, event: EcrEvent) -> None:
    """Put an event on the bus of the repository's account, once the transaction is committed."""
    announce_in_registry(transaction, repository.registry_id, repository.region, event)


def announce_in_registry(
    transaction: Transaction, account_id: str, region: str, event: EcrEvent
) -> None:
    """Put an event on the bus of the registry's account, once the transaction is committed."""
    this_process().need_moto()
    transaction.after_commit(lambda: send_event(account_id, region, event))
