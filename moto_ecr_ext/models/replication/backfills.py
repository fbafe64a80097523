"""Replication backfills: images that were pushed before the rules are replicated to one destination.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/replication-backfill.html
"""

from __future__ import annotations

import math
import uuid
from typing import Any

from moto_ecr_ext import settings
from moto_ecr_ext.arns import Registry
from moto_ecr_ext.clock import now, timestamp
from moto_ecr_ext.exceptions import (
    InvalidParameterException,
    LimitExceededException,
    ReplicationBackfillInProgressException,
    ReplicationBackfillInvalidStatusException,
    ReplicationBackfillNotFoundException,
)
from moto_ecr_ext.models.background import BackgroundWork
from moto_ecr_ext.models.base import RegistryBackend
from moto_ecr_ext.models.images.identifiers import NO_TAG, image_id_of
from moto_ecr_ext.models.paging import cut_page, decode_token, page_size
from moto_ecr_ext.oci.media_types import INDEX_TYPES
from moto_ecr_ext.storage import rows
from moto_ecr_ext.storage.database.transaction import Transaction, View
from moto_ecr_ext.storage.due import AT_ONCE
from moto_ecr_ext.storage.rows.backfills import BackfillResultRow, BackfillRow, OutcomeRow

from .replication import REPLICATIONS, store_replication
from .rules import destinations_of, matches, rules_of

# Seconds. https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ListReplicationBackfills.html
RETENTION = 90 * 24 * 60 * 60
LIST_PAGE_SIZE = 25
# A backfill with at least this many replications fails if half of them fail.
FEWEST_TO_FAIL = 100

_ENDS = ["COMPLETE", "FAILED"]


class ReplicationBackfillsBackend(RegistryBackend):
    """Operations on backfills.

    A backfill takes no time unless moto's state manager delays `ecr::replication`: first its preparation, and then the
    replication of its images, take that long. Archived images are left out.
    """

    def start_replication_backfill(
        self, destination: dict[str, str], registry_id: str | None = None
    ) -> dict[str, Any]:
        """Replicate the images that exist now, by the rules. The response says that the backfill is in preparation.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_StartReplicationBackfill.html
        """
        account_id = registry_id or self.account_id
        wanted = Registry(destination["registryId"], destination["region"])
        at = timestamp()
        with self.store.database.write() as transaction:
            self.check_access(transaction, account_id, "*")
            if wanted not in destinations_of(rules_of(self, transaction, account_id)):
                raise InvalidParameterException.at(
                    "destination", "Destination must be in the registry's replication configuration"
                )
            unended = rows.backfills.unended(transaction, account_id, self.region_name)
            if any(each.destination_region == wanted.region for each in unended):
                raise ReplicationBackfillInProgressException(wanted.region)
            if len(unended) >= (most := settings.quota("replication_backfills_in_progress")):
                raise LimitExceededException(
                    f"A registry has at most {most} replication backfills in progress."
                )
            rows.backfills.forget(transaction, at - RETENTION)
            row = {
                "backfill_id": str(uuid.uuid4()),
                "account_id": account_id,
                "region": self.region_name,
                "destination_account_id": wanted.account_id,
                "destination_region": wanted.region,
                "status": "PREPARING",
                "started_at": at,
                "times_seen": 0,
            }
            rows.backfills.insert(transaction, row)
            PREPARATIONS.begin_after_commit(self, transaction)
        return {
            "replicationBackfillId": row["backfill_id"],
            "registryId": account_id,
            "destination": destination,
            "status": "PREPARING",
            "startedAt": at,
        }

    def stop_replication_backfill(
        self, replication_backfill_id: str, registry_id: str | None = None
    ) -> dict[str, Any]:
        """Stop a backfill. Replications under way end first.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_StopReplicationBackfill.html
        """
        with self.store.database.write() as transaction:
            backfill = self._backfill(transaction, replication_backfill_id, registry_id)
            if backfill.status == "PREPARING":
                change: dict[str, Any] = {"status": "STOPPED", "ended_at": timestamp()}
            elif backfill.status == "IN_PROGRESS":
                change = {"status": "STOPPING"}
            else:
                raise ReplicationBackfillInvalidStatusException(
                    backfill.backfill_id, backfill.status
                )
            rows.backfills.update(transaction, backfill.id, **change)
        return {
            **_described(backfill),
            "registryId": backfill.account_id,
            "status": change["status"],
        }

    def list_replication_backfills(
        self,
        registry_id: str | None = None,
        max_results: int | None = None,
        next_token: str | None = None,
    ) -> dict[str, Any]:
        """Return backfills, the newest first. A backfill is listed for ninety days after its end.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ListReplicationBackfills.html
        """
        account_id = registry_id or self.account_id
        count = max_results or LIST_PAGE_SIZE
        listing = "backfills"
        [before] = decode_token(listing, next_token, (int,)) or [2**63 - 1]
        self._look_at_backfills(account_id)
        with self.store.database.read() as view:
            self.check_access(view, account_id, "*")
            found = rows.backfills.page(
                view, account_id, self.region_name, now() - RETENTION, before, count + 1
            )
            page, token = cut_page(listing, found, count, lambda row: [row.id])
            summaries = [{**_described(row), "progress": _progress(view, row)} for row in page]
        return {
            "registryId": account_id,
            "backfills": summaries,
            "nextToken": token,
        }

    def describe_replication_backfill_results(
        self,
        replication_backfill_id: str,
        registry_id: str | None = None,
        result_status_filter: str | None = None,
        max_results: int | None = None,
        next_token: str | None = None,
    ) -> dict[str, Any]:
        """Return the progress of a backfill; once it has ended, also the result of each image with each of its tags.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeReplicationBackfillResults.html
        """
        count = page_size(max_results)
        listing = f"backfills/{replication_backfill_id.lower()}"
        [after] = decode_token(listing, next_token, (int,)) or [0]
        self._look_at_backfills(registry_id or self.account_id)
        with self.store.database.read() as view:
            backfill = self._backfill(view, replication_backfill_id, registry_id)
            progress = _progress(view, backfill)
            found = rows.backfills.results_page(
                view,
                backfill.id,
                [result_status_filter] if result_status_filter else _ENDS,
                after,
                count + 1,
            )
        ended = found if backfill.ended_at is not None else []
        page, token = cut_page(listing, ended, max_results, lambda row: [row.id])
        return {
            **_described(backfill),
            "registryId": backfill.account_id,
            "progress": progress,
            "results": [_result(row) for row in page],
            "nextToken": token,
        }

    def _look_at_backfills(self, account_id: str) -> None:
        """Count one more description of the backfills of a registry that are under way, and of their images."""

        def unended(view: View) -> list[BackfillRow]:
            self.check_access(view, account_id, "*")
            return rows.backfills.unended(view, account_id, self.region_name)

        PREPARATIONS.described(
            self,
            unended,
            bool,
            lambda transaction, _: rows.backfills.count_description(
                transaction, account_id, self.region_name
            ),
        )

    def _backfill(self, view: View, backfill_id: str, registry_id: str | None) -> BackfillRow:
        account_id = registry_id or self.account_id
        self.check_access(view, account_id, "*")
        row = rows.backfills.by_id(
            view, account_id, self.region_name, backfill_id.lower(), now() - RETENTION
        )
        if row is None:
            raise ReplicationBackfillNotFoundException(backfill_id, account_id)
        return row


def _prepare(registry: RegistryBackend, transaction: Transaction, backfill: BackfillRow) -> None:
    """Begin to replicate the images of a backfill."""
    destination = Registry(backfill.destination_account_id, backfill.destination_region)
    source = registry.registry(backfill.account_id, backfill.region)
    rules = [
        rule
        for rule in rules_of(source, transaction, backfill.account_id)
        if destination in destinations_of([rule])
    ]
    found: list[dict[str, Any]] = []
    for repository in rows.repositories.of_registry(
        transaction, backfill.account_id, backfill.region
    ):
        if not any(matches(rule, repository.name) for rule in rules):
            continue
        images = rows.images.active(transaction, repository.id)
        tags = rows.tags.of_images(transaction, repository.id, images)
        for image in images:
            names = tags.get(image.id, [])
            store_replication(transaction, repository.id, image, names, destination)
            found += [
                {
                    "backfill_row_id": backfill.id,
                    "repository_name": repository.name,
                    "image_id": image.id,
                    "digest": image.digest,
                    "tag": tag,
                    "is_index": image.media_type in INDEX_TYPES,
                    "status": "IN_PROGRESS",
                }
                for tag in names or NO_TAG
            ]
    rows.backfills.insert_results(transaction, found)
    rows.backfills.update(transaction, backfill.id, status="IN_PROGRESS", prepared_at=timestamp())
    REPLICATIONS.begin_after_commit(registry, transaction)
    transaction.after_commit(lambda: registry.store.schedule.expect(settle_backfills(registry)))


PREPARATIONS = BackgroundWork(
    # The preparation takes as long as the replication of the images.
    REPLICATIONS.name,
    under_way=rows.backfills.preparing,
    again=rows.backfills.still_preparing,
    end=_prepare,
)


def settle_backfills(registry: RegistryBackend) -> float:
    """Note the results of the images of backfills.

    Return when to look again: at once while some replications are under way.
    """
    with registry.store.database.read() as view:
        running = rows.backfills.running(view)
    then = math.inf
    for each in running:
        with registry.store.database.write() as transaction:
            then = min(then, _settle(transaction, each.id))
    return then


def _settle(transaction: Transaction, row_id: int) -> float:
    backfill = rows.backfills.still_running(transaction, row_id)
    if backfill is None:
        return math.inf  # Another process was faster.
    outcomes = rows.backfills.outcomes(transaction, row_id)
    settled = [
        # A replication without a status has lost its image.
        each if each.status else OutcomeRow(each.id, "FAILED", "ImageNotFoundException")
        for each in outcomes
        if each.status != "IN_PROGRESS"
    ]
    rows.backfills.settle(transaction, settled)
    if len(settled) < len(outcomes):
        return AT_ONCE
    end: dict[str, Any] = {"status": "COMPLETE" if backfill.status == "IN_PROGRESS" else "STOPPED"}
    progress = _progress(transaction, backfill)
    assert progress is not None
    total, failed = progress["totalReplicationCount"], progress["failedReplicationCount"]
    if end["status"] == "COMPLETE" and total >= FEWEST_TO_FAIL and failed * 2 >= total:
        end = {"status": "FAILED", "failure_code": "TooManyFailedReplications"}
    rows.backfills.update(transaction, row_id, ended_at=timestamp(), **end)
    return math.inf


def _progress(view: View, backfill: BackfillRow) -> dict[str, Any] | None:
    """Return the number of a backfill's replications, and of those that have ended; None until they are known."""
    if backfill.prepared_at is None:
        return None
    counts = rows.backfills.counts(view, backfill.id)
    return {
        "totalReplicationCount": sum(row.number for row in counts),
        "completedReplicationCount": sum(row.number for row in counts if row.status == "COMPLETE"),
        "failedReplicationCount": sum(row.number for row in counts if row.status == "FAILED"),
        "failureCodes": [row.failure_code for row in counts if row.status == "FAILED"],
    }


def _described(backfill: BackfillRow) -> dict[str, Any]:
    """Return the members of a backfill that all operations show."""
    return {
        "replicationBackfillId": backfill.backfill_id,
        "destination": {
            "region": backfill.destination_region,
            "registryId": backfill.destination_account_id,
        },
        "status": backfill.status,
        "failureCode": backfill.failure_code,
        "startedAt": backfill.started_at,
        "endedAt": backfill.ended_at,
    }


def _result(row: BackfillResultRow) -> dict[str, Any]:
    return {
        "repositoryName": row.repository_name,
        "imageId": image_id_of(row.digest, row.tag),
        "status": row.status,
        "failureCode": row.failure_code,
        # Children are replicated with their index, so none of them fails alone.
        "subImageFailureCodes": [] if row.is_index else None,
    }
