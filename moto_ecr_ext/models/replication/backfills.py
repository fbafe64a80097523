"""Replication backfills: the images that a registry had before its rules, brought to one destination.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/replication-backfill.html
"""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import Connection, Row, bindparam, exists, func, select

from moto_ecr_ext.clock import now
from moto_ecr_ext.exceptions import (
    InvalidParameterException,
    LimitExceededException,
    ReplicationBackfillInProgressException,
    ReplicationBackfillInvalidStatusException,
    ReplicationBackfillNotFoundException,
)
from moto_ecr_ext.hosts import Registry
from moto_ecr_ext.models.images.identifiers import DETAILS, image_id_of, tags_of
from moto_ecr_ext.models.paging import DEFAULT_PAGE_SIZE, decode_token, encode_token
from moto_ecr_ext.models.repositories.repository import Repository
from moto_ecr_ext.oci.manifests import INDEX_MEDIA_TYPES
from moto_ecr_ext.services.state_manager import has_ended
from moto_ecr_ext.storage.due import AT_ONCE
from moto_ecr_ext.storage.rows import tables

from .replication import (
    REPLICATION,
    ReplicationBackend,
    destinations_of,
    matches,
    registry_at,
)

# https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_StartReplicationBackfill.html
MAX_IN_PROGRESS = 10
# https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ListReplicationBackfills.html; seconds
RETENTION = 90 * 24 * 60 * 60
LIST_PAGE_SIZE = 25
# A backfill of which so many replications, or more, were tried fails where half of them do.
FEWEST_TO_FAIL = 100

_ENDS = ["COMPLETE", "FAILED"]

backfills, results, replications = (
    tables.replication_backfills,
    tables.backfill_results,
    tables.replications,
)

_OF_REGISTRY = (backfills.c.account_id == bindparam("account")) & (
    backfills.c.region == bindparam("in_region")
)
_IS_KEPT = backfills.c.ended_at.is_(None) | (backfills.c.ended_at > bindparam("since"))
_IS_BACKFILL = backfills.c.id == bindparam("backfill")
_BY_ID = select(backfills).where(
    _OF_REGISTRY, _IS_KEPT, backfills.c.backfill_id == bindparam("backfill_name")
)
_PAGE = (
    select(backfills)
    .where(_OF_REGISTRY, _IS_KEPT, backfills.c.id < bindparam("before"))
    .order_by(backfills.c.id.desc())
    .limit(bindparam("count"))
)
_UNENDED = select(backfills).where(_OF_REGISTRY, backfills.c.ended_at.is_(None))
_PREPARING = select(backfills).where(backfills.c.status == "PREPARING").order_by(backfills.c.id)
_RUNNING = (
    select(backfills)
    .where(backfills.c.status.in_(("IN_PROGRESS", "STOPPING")))
    .order_by(backfills.c.id)
)
_UPDATE = backfills.update().where(_IS_BACKFILL)
_FORGET = backfills.delete().where(~_IS_KEPT)
_SEE_AGAIN = (
    backfills.update()
    .where(_OF_REGISTRY, backfills.c.status == "PREPARING")
    .values(times_seen=backfills.c.times_seen + 1)
)
_IS_REPLICATION_OF = (
    (replications.c.image_id == results.c.image_id)
    & (replications.c.account_id == backfills.c.destination_account_id)
    & (replications.c.region == backfills.c.destination_region)
)
_SEE_REPLICATIONS_AGAIN = (
    replications.update()
    .where(
        replications.c.status == "IN_PROGRESS",
        exists()
        .where(
            _OF_REGISTRY,
            results.c.backfill_row_id == backfills.c.id,
            results.c.status == "IN_PROGRESS",
            _IS_REPLICATION_OF,
        )
        .correlate(replications),
    )
    .values(times_seen=replications.c.times_seen + 1)
)
_OUTCOMES = (
    select(results.c.id, replications.c.status, replications.c.failure_code)
    .join(backfills, backfills.c.id == results.c.backfill_row_id)
    .outerjoin(replications, _IS_REPLICATION_OF)
    .where(_IS_BACKFILL, results.c.status == "IN_PROGRESS")
)
_UPDATE_RESULT = results.update().where(results.c.id == bindparam("result"))
_COUNTS = (
    select(results.c.status, results.c.failure_code, func.count().label("number"))
    .where(results.c.backfill_row_id == bindparam("backfill"))
    .group_by(results.c.status, results.c.failure_code)
    .order_by(results.c.failure_code)
)
_RESULTS = (
    select(results)
    .where(
        results.c.backfill_row_id == bindparam("backfill"),
        results.c.status.in_(bindparam("statuses", expanding=True)),
        results.c.id > bindparam("after"),
    )
    .order_by(results.c.id)
    .limit(bindparam("count"))
)
_REPOSITORIES = (
    select(tables.repositories)
    .where(
        tables.repositories.c.account_id == bindparam("account"),
        tables.repositories.c.region == bindparam("in_region"),
    )
    .order_by(tables.repositories.c.name)
)
_ACTIVE_IMAGES = (
    select(*DETAILS)
    .where(
        tables.images.c.repository_id == bindparam("repository"),
        tables.images.c.status == "ACTIVE",
    )
    .order_by(tables.images.c.id)
)


class ReplicationBackfillsBackend(ReplicationBackend):
    """Operations on backfills.

    A backfill takes no time unless moto's state manager says otherwise of `ecr::replication`: it is in preparation that
    long, and then its images are on their way that long. Images in the archive are left out.
    """

    def start_replication_backfill(
        self, destination: dict[str, str], registry_id: str | None = None
    ) -> dict[str, Any]:
        """Send the images that are there now where the rules say so. The answer is that it is in preparation.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_StartReplicationBackfill.html
        """
        account_id = registry_id or self.account_id
        wanted = Registry(destination["registryId"], destination["region"])
        at = now()
        with self.store.database.write() as transaction:
            self._check_access(transaction, account_id, "*")
            if wanted not in destinations_of(self._replication_rules(transaction, account_id)):
                raise InvalidParameterException.at(
                    "destination", "Destination must be in the registry's replication configuration"
                )
            unended = transaction.execute(_UNENDED, self._registry_key(account_id)).all()
            if any(each.destination_region == wanted.region for each in unended):
                raise ReplicationBackfillInProgressException(wanted.region)
            if len(unended) >= MAX_IN_PROGRESS:
                raise LimitExceededException(
                    f"A registry has at most {MAX_IN_PROGRESS} replication backfills in progress."
                )
            transaction.execute(_FORGET, {"since": at - RETENTION})
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
            transaction.execute(backfills.insert(), row)
        self.store.schedule.expect(AT_ONCE)
        self.catch_up()
        return {
            "replicationBackfillId": row["backfill_id"],
            "registryId": account_id,
            "destination": destination,
            "status": "PREPARING",
            "startedAt": round(at, 3),
        }

    def stop_replication_backfill(
        self, replication_backfill_id: str, registry_id: str | None = None
    ) -> dict[str, Any]:
        """End a backfill. Images that are on their way arrive first.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_StopReplicationBackfill.html
        """
        with self.store.database.write() as transaction:
            backfill = self._backfill(transaction, replication_backfill_id, registry_id)
            if backfill.status == "PREPARING":
                change = {"status": "STOPPED", "ended_at": now()}
            elif backfill.status == "IN_PROGRESS":
                change = {"status": "STOPPING"}
            else:
                raise ReplicationBackfillInvalidStatusException(
                    backfill.backfill_id, backfill.status
                )
            transaction.execute(_UPDATE, {"backfill": backfill.id, **change})
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
        """The newest first; those that have ended for ninety days after that.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ListReplicationBackfills.html
        """
        account_id = registry_id or self.account_id
        count = max_results or LIST_PAGE_SIZE
        [before] = decode_token("backfills", next_token, (int,)) or [2**63 - 1]
        self._look_at_backfills(account_id)
        with self.store.database.read() as transaction:
            self._check_access(transaction, account_id, "*")
            rows = transaction.execute(
                _PAGE, {**self._registry_key(account_id), "before": before, "count": count + 1}
            ).all()
            summaries = [
                {**_described(row), "progress": _progress(transaction, row)} for row in rows[:count]
            ]
        more = len(rows) > count
        return {
            "registryId": account_id,
            "backfills": summaries,
            "nextToken": encode_token("backfills", [rows[count - 1].id]) if more else None,
        }

    def describe_replication_backfill_results(
        self,
        replication_backfill_id: str,
        registry_id: str | None = None,
        result_status_filter: str | None = None,
        max_results: int | None = None,
        next_token: str | None = None,
    ) -> dict[str, Any]:
        """How far a backfill has come, and once it has ended what became of each image under each of its tags.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeReplicationBackfillResults.html
        """
        count = max_results or DEFAULT_PAGE_SIZE
        listing = f"backfills/{replication_backfill_id.lower()}"
        [after] = decode_token(listing, next_token, (int,)) or [0]
        self._look_at_backfills(registry_id or self.account_id)
        with self.store.database.read() as transaction:
            backfill = self._backfill(transaction, replication_backfill_id, registry_id)
            progress = _progress(transaction, backfill)
            rows = transaction.execute(
                _RESULTS,
                {
                    "backfill": backfill.id,
                    "statuses": [result_status_filter] if result_status_filter else _ENDS,
                    "after": after,
                    "count": count + 1,
                },
            ).all()
        page = rows[:count] if backfill.ended_at is not None else []
        more = len(rows) > len(page) > 0
        return {
            **_described(backfill),
            "registryId": backfill.account_id,
            "progress": progress,
            "results": [_result(row) for row in page],
            "nextToken": encode_token(listing, [page[-1].id]) if more else None,
        }

    def _do_what_is_due(self) -> float:
        """Backfills are due as their images are."""
        go_on = self._prepare_backfills()
        then = super()._do_what_is_due()
        go_on |= self._settle_backfills()
        return AT_ONCE if go_on else then

    def _prepare_backfills(self) -> bool:
        """Put the images of those backfills on their way that have been in preparation long enough.

        Gives whether others still are.
        """
        with self.store.database.read() as transaction:
            preparing = transaction.execute(_PREPARING).all()
        prepared = [
            each for each in preparing if has_ended(REPLICATION, each.started_at, each.times_seen)
        ]
        for each in prepared:
            with self.store.database.write() as transaction:
                # Another process may have been faster.
                row = transaction.execute(
                    _PREPARING.where(_IS_BACKFILL), {"backfill": each.id}
                ).one_or_none()
                if row is not None:
                    self._prepare_backfill(transaction, row)
        return len(prepared) < len(preparing)

    def _prepare_backfill(self, transaction: Connection, backfill: Row[Any]) -> None:
        destination = Registry(backfill.destination_account_id, backfill.destination_region)
        source = registry_at(Registry(backfill.account_id, backfill.region))
        rules = [
            rule
            for rule in source._replication_rules(transaction, backfill.account_id)
            if destination in destinations_of([rule])
        ]
        key = {"account": backfill.account_id, "in_region": backfill.region}
        found = []
        for repository in map(Repository.from_row, transaction.execute(_REPOSITORIES, key).all()):
            if not any(matches(rule, repository.repository_name) for rule in rules):
                continue
            rows = transaction.execute(_ACTIVE_IMAGES, {"repository": repository.id}).all()
            names = tags_of(transaction, repository, rows)
            for image in rows:
                tag_names = names.get(image.id, [])
                self._begin_replication(transaction, image, tag_names, destination)
                found += [
                    {
                        "backfill_row_id": backfill.id,
                        "repository_name": repository.repository_name,
                        "image_id": image.id,
                        "digest": image.digest,
                        "tag": tag,
                        "is_index": image.media_type in INDEX_MEDIA_TYPES,
                        "status": "IN_PROGRESS",
                    }
                    for tag in tag_names or (None,)
                ]
        if found:
            transaction.execute(results.insert(), found)
        change = {"status": "IN_PROGRESS", "prepared_at": now()}
        transaction.execute(_UPDATE, {"backfill": backfill.id, **change})

    def _settle_backfills(self) -> bool:
        """Note what has become of the images of backfills; whether some are still on their way."""
        with self.store.database.read() as transaction:
            running = transaction.execute(_RUNNING).all()
        go_on = False
        for each in running:
            with self.store.database.write() as transaction:
                go_on |= _settle(transaction, each.id)
        return go_on

    def _look_at_backfills(self, account_id: str) -> None:
        """Backfills under way, and their images, have been seen once more."""
        if self.store.schedule.is_due(AT_ONCE):
            with self.store.database.write() as transaction:
                self._check_access(transaction, account_id, "*")
                key = self._registry_key(account_id)
                transaction.execute(_SEE_AGAIN, key)
                transaction.execute(_SEE_REPLICATIONS_AGAIN, key)
            self.catch_up()

    def _backfill(
        self, transaction: Connection, backfill_id: str, registry_id: str | None
    ) -> Row[Any]:
        account_id = registry_id or self.account_id
        self._check_access(transaction, account_id, "*")
        row = transaction.execute(
            _BY_ID, {**self._registry_key(account_id), "backfill_name": backfill_id.lower()}
        ).one_or_none()
        if row is None:
            raise ReplicationBackfillNotFoundException(backfill_id, account_id)
        return row

    def _registry_key(self, account_id: str) -> dict[str, Any]:
        """Which registry, and since when backfills may have ended that are shown."""
        return {
            "account": account_id,
            "in_region": self.region_name,
            "since": now() - RETENTION,
        }


def _settle(transaction: Connection, row_id: int) -> bool:
    """Note what has become of the images of a backfill; whether some are still on their way."""
    backfill = transaction.execute(_RUNNING.where(_IS_BACKFILL), {"backfill": row_id}).one_or_none()
    if backfill is None:
        return False  # Another process was faster.
    outcomes = transaction.execute(_OUTCOMES, {"backfill": row_id}).all()
    settled = [
        # Without a replication the image is gone.
        {
            "result": each.id,
            "status": each.status or "FAILED",
            "failure_code": each.failure_code if each.status else "ImageNotFoundException",
        }
        for each in outcomes
        if each.status != "IN_PROGRESS"
    ]
    if settled:
        transaction.execute(_UPDATE_RESULT, settled)
    if len(settled) < len(outcomes):
        return True
    end = {"status": "COMPLETE" if backfill.status == "IN_PROGRESS" else "STOPPED"}
    progress = _progress(transaction, backfill)
    assert progress is not None
    total, failed = progress["totalReplicationCount"], progress["failedReplicationCount"]
    if end["status"] == "COMPLETE" and total >= FEWEST_TO_FAIL and failed * 2 >= total:
        end = {"status": "FAILED", "failure_code": "TooManyFailedReplications"}
    transaction.execute(_UPDATE, {"backfill": row_id, "ended_at": now(), **end})
    return False


def _progress(transaction: Connection, backfill: Row[Any]) -> dict[str, Any] | None:
    """How many replications a backfill is, and how many have ended; None until they are known."""
    if backfill.prepared_at is None:
        return None
    rows = transaction.execute(_COUNTS, {"backfill": backfill.id}).all()
    return {
        "totalReplicationCount": sum(row.number for row in rows),
        "completedReplicationCount": sum(row.number for row in rows if row.status == "COMPLETE"),
        "failedReplicationCount": sum(row.number for row in rows if row.status == "FAILED"),
        "failureCodes": [row.failure_code for row in rows if row.status == "FAILED"],
    }


def _described(backfill: Row[Any]) -> dict[str, Any]:
    """What all operations tell of a backfill."""
    return {
        "replicationBackfillId": backfill.backfill_id,
        "destination": {
            "region": backfill.destination_region,
            "registryId": backfill.destination_account_id,
        },
        "status": backfill.status,
        "failureCode": backfill.failure_code,
        "startedAt": round(backfill.started_at, 3),
        "endedAt": round(backfill.ended_at, 3) if backfill.ended_at is not None else None,
    }


def _result(row: Row[Any]) -> dict[str, Any]:
    return {
        "repositoryName": row.repository_name,
        "imageId": image_id_of(row.digest, row.tag),
        "status": row.status,
        "failureCode": row.failure_code,
        # Children come with their index or not at all, so that none fails alone.
        "subImageFailureCodes": [] if row.is_index else None,
    }
