"""Rows of replication backfills, and of their results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import bindparam, exists, func, select

from moto_ecr_ext.storage.database.queries import Query
from moto_ecr_ext.storage.database.transaction import Transaction, View

from .tables import backfill_results as results
from .tables import replication_backfills as backfills
from .tables import replications


class BackfillRow(NamedTuple):
    """A backfill of one registry to one destination. Times are seconds since the epoch."""

    id: int
    backfill_id: str
    account_id: str
    region: str
    destination_account_id: str
    destination_region: str
    status: str
    failure_code: str | None
    started_at: float
    times_seen: int
    prepared_at: float | None
    ended_at: float | None


class BackfillResultRow(NamedTuple):
    """The result of an image under one of its tags, or without a tag; the image may be gone."""

    id: int
    repository_name: str
    digest: str
    tag: str | None
    is_index: bool
    status: str
    failure_code: str | None


class OutcomeRow(NamedTuple):
    """An open result and the status of its replication; `status` is None if the image is gone."""

    id: int
    status: str | None
    failure_code: str | None


class CountRow(NamedTuple):
    """The number of results of a backfill with a status and a failure code."""

    status: str
    failure_code: str | None
    number: int


_OF_REGISTRY = (backfills.c.account_id == bindparam("account")) & (
    backfills.c.region == bindparam("in_region")
)
_IS_KEPT = backfills.c.ended_at.is_(None) | (backfills.c.ended_at > bindparam("since"))
_IS_BACKFILL = backfills.c.id == bindparam("backfill")
_ALL = select(backfills)
_BY_ID = Query(
    BackfillRow,
    _ALL.where(_OF_REGISTRY, _IS_KEPT, backfills.c.backfill_id == bindparam("backfill_name")),
)
_PAGE = Query(
    BackfillRow,
    _ALL.where(_OF_REGISTRY, _IS_KEPT, backfills.c.id < bindparam("before"))
    .order_by(backfills.c.id.desc())
    .limit(bindparam("count")),
)
_UNENDED = Query(BackfillRow, _ALL.where(_OF_REGISTRY, backfills.c.ended_at.is_(None)))
_PREPARING_SELECT = _ALL.where(backfills.c.status == "PREPARING").order_by(backfills.c.id)
_PREPARING = Query(BackfillRow, _PREPARING_SELECT)
_STILL_PREPARING = Query(BackfillRow, _PREPARING_SELECT.where(_IS_BACKFILL))
_RUNNING_SELECT = _ALL.where(backfills.c.status.in_(("IN_PROGRESS", "STOPPING"))).order_by(
    backfills.c.id
)
_RUNNING = Query(BackfillRow, _RUNNING_SELECT)
_STILL_RUNNING = Query(BackfillRow, _RUNNING_SELECT.where(_IS_BACKFILL))
_IS_REPLICATION_OF = (
    (replications.c.image_id == results.c.image_id)
    & (replications.c.account_id == backfills.c.destination_account_id)
    & (replications.c.region == backfills.c.destination_region)
)
_OUTCOMES = Query(
    OutcomeRow,
    select(results.c.id, replications.c.status, replications.c.failure_code)
    .join(backfills, backfills.c.id == results.c.backfill_row_id)
    .outerjoin(replications, _IS_REPLICATION_OF)
    .where(_IS_BACKFILL, results.c.status == "IN_PROGRESS"),
)
_COUNTS = Query(
    CountRow,
    select(results.c.status, results.c.failure_code, func.count().label("number"))
    .where(results.c.backfill_row_id == bindparam("backfill"))
    .group_by(results.c.status, results.c.failure_code)
    .order_by(results.c.failure_code),
)
_RESULTS = Query(
    BackfillResultRow,
    select(results)
    .where(
        results.c.backfill_row_id == bindparam("backfill"),
        results.c.status.in_(bindparam("statuses", expanding=True)),
        results.c.id > bindparam("after"),
    )
    .order_by(results.c.id)
    .limit(bindparam("count")),
)
_UPDATE = backfills.update().where(_IS_BACKFILL)
_UPDATE_RESULT = results.update().where(results.c.id == bindparam("result"))
_FORGET = backfills.delete().where(~_IS_KEPT)
_SEE_AGAIN = (
    backfills.update()
    .where(_OF_REGISTRY, backfills.c.status == "PREPARING")
    .values(times_seen=backfills.c.times_seen + 1)
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


def by_id(
    view: View, account_id: str, region: str, backfill_id: str, since: float
) -> BackfillRow | None:
    """Return a backfill of a registry, unless it had ended before `since`."""
    return _BY_ID.first(
        view, account=account_id, in_region=region, backfill_name=backfill_id, since=since
    )


def page(
    view: View, account_id: str, region: str, since: float, before: int, count: int
) -> list[BackfillRow]:
    """Return at most `count` backfills of a registry that had not ended before `since`, newest first, before a row."""
    return _PAGE.all(
        view, account=account_id, in_region=region, since=since, before=before, count=count
    )


def unended(view: View, account_id: str, region: str) -> list[BackfillRow]:
    """Return the backfills of a registry that have not ended."""
    return _UNENDED.all(view, account=account_id, in_region=region)


def preparing(view: View) -> Sequence[BackfillRow]:
    """Return all backfills in preparation, of all registries."""
    return _PREPARING.all(view)


def still_preparing(view: View, backfill: BackfillRow) -> BackfillRow | None:
    """Read a backfill again. Return None if it is no longer in preparation."""
    return _STILL_PREPARING.first(view, backfill=backfill.id)


def running(view: View) -> Sequence[BackfillRow]:
    """Return all backfills with images under way, of all registries."""
    return _RUNNING.all(view)


def still_running(view: View, row_id: int) -> BackfillRow | None:
    """Read a backfill again. Return None if its images are no longer under way."""
    return _STILL_RUNNING.first(view, backfill=row_id)


def outcomes(view: View, row_id: int) -> list[OutcomeRow]:
    """Return the open results of a backfill, and the statuses of their replications."""
    return _OUTCOMES.all(view, backfill=row_id)


def counts(view: View, row_id: int) -> list[CountRow]:
    """Return the number of results of a backfill by status and failure code."""
    return _COUNTS.all(view, backfill=row_id)


def results_page(
    view: View, row_id: int, statuses: Sequence[str], after: int, count: int
) -> list[BackfillResultRow]:
    """Return at most `count` results of a backfill with these statuses, after a row."""
    return _RESULTS.all(view, backfill=row_id, statuses=statuses, after=after, count=count)


def insert(transaction: Transaction, row: Mapping[str, Any]) -> None:
    """Add a backfill."""
    transaction.insert(backfills, row)


def update(transaction: Transaction, row_id: int, **columns: Any) -> None:
    """Store new values in columns of a backfill."""
    transaction.change(_UPDATE, backfill=row_id, **columns)


def forget(transaction: Transaction, since: float) -> None:
    """Remove all backfills that had ended before `since`."""
    transaction.change(_FORGET, since=since)


def insert_results(transaction: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add results. `rows` may be empty."""
    transaction.insert_all(results, rows)


def settle(transaction: Transaction, outcomes: Sequence[OutcomeRow]) -> None:
    """Store the outcomes of results."""
    transaction.change_each(
        _UPDATE_RESULT,
        [
            {"result": each.id, "status": each.status, "failure_code": each.failure_code}
            for each in outcomes
        ],
    )


def count_description(transaction: Transaction, account_id: str, region: str) -> None:
    """Count one more description of a registry's backfills, and of the replications of their images."""
    transaction.change(_SEE_AGAIN, account=account_id, in_region=region)
    transaction.change(_SEE_REPLICATIONS_AGAIN, account=account_id, in_region=region)
