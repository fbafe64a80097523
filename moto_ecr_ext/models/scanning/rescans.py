"""Continuous scans: images of registries with enhanced scanning are scanned again, once a day of the clock.

Amazon Inspector scans again for each new vulnerability; an interval of a day is this emulator's choice. Meanwhile an
image stays `ACTIVE`, with its previous findings.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-enhanced.html
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

from moto_ecr_ext import settings
from moto_ecr_ext.clock import now, timestamp
from moto_ecr_ext.models.base import RegistryBackend, repository_by_id
from moto_ecr_ext.models.events import announce, enhanced_finding_event
from moto_ecr_ext.models.repositories.repository import Repository
from moto_ecr_ext.scanners.run import ScannerError
from moto_ecr_ext.storage import rows
from moto_ecr_ext.storage.database.transaction import Transaction, View
from moto_ecr_ext.storage.rows.images import ImageKey
from moto_ecr_ext.storage.rows.scans import RepeatedScan

from .findings import WITH_FINDINGS, announced_finding, outcome_of
from .queued_findings import queue_of
from .rules import SETTING, scanning_of
from .scan import ELIGIBILITY, RESCAN_INTERVAL, examine_image, is_too_old, scanned_image

log = logging.getLogger("moto_ecr_ext")


class _Rescan(NamedTuple):
    registry: RegistryBackend
    scan: RepeatedScan


def rescan_images(registry: RegistryBackend) -> float:
    """Scan due images again, in all registries. Return when the next image is due, in seconds since the epoch."""
    at = now()
    with registry.store.database.read() as view:
        found = list(_continuous_scans(registry, view, since=at - ELIGIBILITY))
    next_at = math.inf
    for each in found:
        due_at = each.scan.completed_at + RESCAN_INTERVAL
        if due_at <= at:
            _scan_again(each)
            due_at = at + RESCAN_INTERVAL
        next_at = min(next_at, due_at)
    return next_at


def _continuous_scans(registry: RegistryBackend, view: View, since: float) -> Iterator[_Rescan]:
    """Yield the last scans, ended since a time, of images that are scanned continuously."""
    for account_id, region, configuration in rows.registry_settings.of_name(view, SETTING):
        frequencies = {rule["scanFrequency"] for rule in configuration["rules"]}
        if configuration["scanType"] != "ENHANCED" or "CONTINUOUS_SCAN" not in frequencies:
            continue
        owner = registry.registry(account_id, region)
        continuous = {
            row.id
            for row in rows.repositories.of_registry(view, account_id, region)
            if _is_continuous(Repository.of(row), configuration)
        }
        for scan in rows.scans.ended_since(view, account_id, region, "ENHANCED", since):
            if scan.repository_id in continuous and not is_too_old(scan):
                yield _Rescan(owner, scan)


def _is_continuous(repository: Repository, configuration: dict[str, Any]) -> bool:
    return bool(scanning_of(repository, configuration)["scanFrequency"] == "CONTINUOUS_SCAN")


def _scan_again(rescan: _Rescan) -> None:
    """Give an image its queued findings if there are any, otherwise let the scanner examine it again."""
    registry, scan = rescan
    command = settings.parse_scanner(settings.SCANNER.get())
    with registry.store.database.write(durable=False) as transaction:
        last = rows.scans.last(transaction, scan.image_id, scan.scan_type)
        if last is None or last.completed_at != scan.completed_at:
            return  # Another process was faster.
        at = timestamp()
        rows.scans.update(transaction, scan.image_id, scan.scan_type, completed_at=at)
        repository = repository_by_id(transaction, scan.repository_id)
        image = ImageKey(scan.image_id, scan.digest)
        names = {image.digest, *rows.tags.of_image(transaction, repository.id, image)}
        queue = queue_of(registry, repository)
        before = queue.peek(repository.repository_name, image.id, names)
        after = queue.renew(repository.repository_name, image.id, names)
        if after is not None:
            known = outcome_of(before).findings if before is not None else []
            _announce(transaction, repository, image, known, outcome_of(after).findings)
        elif before is None and command:
            transaction.after_commit(partial(_examine, registry, command, repository, image, at))


def _examine(
    registry: RegistryBackend,
    command: Sequence[str],
    repository: Repository,
    image: ImageKey,
    at: float,
) -> None:
    """Let the scanner examine an image, and store its findings, unless it fails or another scan has begun."""
    try:
        outcome = examine_image(registry, command, repository, image, "ENHANCED")
    except ScannerError as error:
        log.warning("%s was not scanned again: %s", image.digest, error)
        return
    with registry.store.database.write() as transaction:
        last = rows.scans.last(transaction, image.id, "ENHANCED")
        if last is None or last.completed_at != at:
            return
        known = {each.get("findingArn"): each for each in last.findings or ()}
        findings = [
            _observed_again(each, known.get(each["findingArn"])) for each in outcome.findings
        ]
        rows.scans.update(
            transaction,
            image.id,
            "ENHANCED",
            status=outcome.status,
            description=outcome.description,
            findings=findings,
            severity_counts=outcome.severity_counts,
        )
        if outcome.status in WITH_FINDINGS:
            _announce(transaction, repository, image, last.findings or [], findings)


def _observed_again(finding: dict[str, Any], before: dict[str, Any] | None) -> dict[str, Any]:
    """Return a finding with the time of its first observation."""
    if before is None:
        return finding
    return {**finding, "firstObservedAt": before["firstObservedAt"]}


def _announce(
    transaction: Transaction,
    repository: Repository,
    image: ImageKey,
    before: Sequence[dict[str, Any]],
    after: Sequence[dict[str, Any]],
) -> None:
    """Send new findings to EventBridge, as Amazon Inspector does."""
    known = [_identity(each) for each in before]
    scanned = scanned_image(transaction, repository, image)
    for finding in after:
        if _identity(finding) not in known:
            event = enhanced_finding_event(
                repository, image.digest, announced_finding(finding, scanned)
            )
            announce(transaction, repository, event)


def _identity(finding: dict[str, Any]) -> Any:
    """Return the identity of a finding. A queued finding need not have an ARN."""
    return finding.get("findingArn", finding)
