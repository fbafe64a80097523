"""Rows of images with their manifests, found by tag, digest or subject."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import bindparam, null, select

from moto_ecr_ext.oci.reference import Reference, Tag
from moto_ecr_ext.storage.database.queries import Query
from moto_ecr_ext.storage.database.transaction import View

from . import repositories
from .images import IS_PLACEHOLDER
from .repositories import RepositoryRow
from .tables import images, tags, upstream_tags
from .tables import repositories as repositories_table


class ManifestRow(NamedTuple):
    """An image with its manifest.

    `checked_at` is the last time at which the upstream registry was asked for the tag, in seconds since the epoch. It
    is None except for tags from the pull-through cache.
    """

    id: int
    digest: str
    media_type: str
    artifact_type: str | None
    subject: str | None
    status: str
    manifest: bytes
    checked_at: float | None
    is_placeholder: bool


class ReferrerRow(NamedTuple):
    """An image that has a subject, with its manifest."""

    id: int
    digest: str
    media_type: str
    artifact_type: str | None
    status: str
    manifest: bytes


COLUMNS = {
    **{name: images.c[name] for name in ManifestRow._fields if name in images.c},
    "is_placeholder": IS_PLACEHOLDER,
}
"""The columns of a ManifestRow in the table of images."""

_BY_DIGEST = repositories.joined_with(
    ManifestRow,
    {**COLUMNS, "checked_at": null()},
    repositories_table.outerjoin(
        images,
        (images.c.repository_id == repositories_table.c.id)
        & (images.c.digest == bindparam("reference")),
    ),
)
_BY_TAG = repositories.joined_with(
    ManifestRow,
    {**COLUMNS, "checked_at": upstream_tags.c.checked_at},
    repositories_table.outerjoin(
        tags,
        (tags.c.repository_id == repositories_table.c.id) & (tags.c.name == bindparam("reference")),
    )
    .outerjoin(images, images.c.id == tags.c.image_id)
    .outerjoin(
        upstream_tags,
        (upstream_tags.c.tag_id == tags.c.id) & (upstream_tags.c.image_id == images.c.id),
    ),
)


def by_reference(
    view: View, account_id: str, region: str, repository_name: str, reference: Reference
) -> tuple[RepositoryRow, ManifestRow | None] | None:
    """Return a repository of a registry, and its image by tag or digest."""
    query = _BY_TAG if isinstance(reference, Tag) else _BY_DIGEST
    return query.first(
        view,
        reference=reference,
        **repositories.named(account_id, region, repository_name),
    )


def referrers(
    view: View,
    repository_id: int,
    subject: str,
    artifact_types: Collection[str] | None,
    status: str,
    after: int,
    count: int,
) -> list[ReferrerRow]:
    """Return at most `count` manifests whose subject is a digest, after the row `after`, in the order of their push.

    `artifact_types=None` and `status=ANY` keep all of them.
    """
    query = _referrers(artifact_types is not None, status != "ANY")
    values: dict[str, Any] = {"status": status, "count": count}
    if artifact_types is not None:
        # No type has a NUL, and PostgreSQL refuses text with one.
        values["artifact_types"] = [each for each in artifact_types if "\0" not in each]
    return query.all(view, repository=repository_id, subject=subject, after=after, **values)


@cache
def _referrers(of_types: bool, of_status: bool) -> Query[ReferrerRow]:
    statement = (
        select(*(images.c[name] for name in ReferrerRow._fields))
        .where(
            images.c.repository_id == bindparam("repository"),
            images.c.subject == bindparam("subject"),
            images.c.id > bindparam("after"),
        )
        .order_by(images.c.id)
        .limit(bindparam("count"))
    )
    if of_types:
        statement = statement.where(
            images.c.artifact_type.in_(bindparam("artifact_types", expanding=True))
        )
    if of_status:
        statement = statement.where(images.c.status == bindparam("status"))
    return Query(ReferrerRow, statement)
