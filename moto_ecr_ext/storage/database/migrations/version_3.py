"""Version 3: filters of images, translated manifests, placeholder images, requested scans, large previews.

It adds indexes for pages of images by any filter, digests of translated manifests, placeholder images, the mark of
scans that were requested, and previews of lifecycle policies with a row for each result.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from alembic.operations import Operations
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    column,
    exists,
    false,
    select,
    table,
    text,
    true,
)

_NAME = String().with_variant(String(collation="C"), "postgresql")
_ID = BigInteger().with_variant(Integer(), "sqlite")
_JSON = JSON(none_as_null=True)


def _belongs_to(name: str) -> ForeignKey:
    return ForeignKey(name, ondelete="CASCADE")


def upgrade(op: Operations) -> None:
    """Add the tables and columns that version 2 lacks."""
    _note_which_images_are_tagged(op)
    _add_translations(op)
    _find_placeholders_by_text(op)
    _mark_nothing(op)
    _give_results_of_previews_rows(op)


def _note_which_images_are_tagged(op: Operations) -> None:
    """Note in the row of each image whether it has a tag, and index images by the columns of filters."""
    op.add_column("images", Column("is_tagged", Boolean, nullable=False, server_default=false()))
    images = table("images", column("id"), column("is_tagged", Boolean))
    tags = table("tags", column("image_id"))
    op.execute(
        images.update()
        .where(exists().where(tags.c.image_id == images.c.id))
        .values(is_tagged=true())
    )
    op.create_index("images_by_status", "images", ["repository_id", "status", "id"])
    op.create_index("images_by_tagging", "images", ["repository_id", "is_tagged", "id"])
    op.create_index(
        "images_by_tagging_and_status", "images", ["repository_id", "is_tagged", "status", "id"]
    )


def _add_translations(op: Operations) -> None:
    """Add the digests of manifests in the translated forms that clients received."""
    op.create_table(
        "translations",
        Column("repository_id", _ID, _belongs_to("repositories.id"), primary_key=True),
        Column("digest", _NAME, primary_key=True),
        Column("image_id", _ID, _belongs_to("images.id"), nullable=False),
        Index("translations_of_image", "image_id"),
        sqlite_with_rowid=False,
    )


def _find_placeholders_by_text(op: Operations) -> None:
    """Add the index of placeholder images by their text. There are no placeholders yet."""
    op.add_column("images", Column("text_digest", _NAME))
    op.create_index(
        "placeholders_by_text",
        "images",
        ["repository_id", "text_digest"],
        sqlite_where=text("text_digest IS NOT NULL"),
        postgresql_where=text("text_digest IS NOT NULL"),
    )


def _mark_nothing(op: Operations) -> None:
    """Mark no scan as requested: for older scans that is unknown."""
    op.add_column("scans", Column("was_requested", Boolean, nullable=False, server_default=false()))


def _give_results_of_previews_rows(op: Operations) -> None:
    """Keep each result of a preview in a row, instead of one text for all."""
    connection = op.get_bind()
    names = ("repository_id", "policy", "status", "started_at", "times_seen")
    before = table("lifecycle_previews", *map(column, names), column("results", _JSON))
    found = connection.execute(select(before)).mappings().all()
    op.drop_table("lifecycle_previews")
    previews = op.create_table(
        "lifecycle_previews",
        Column("id", _ID, primary_key=True),
        Column("repository_id", _ID, _belongs_to("repositories.id"), nullable=False),
        Column("policy", Text, nullable=False),
        Column("status", String, nullable=False),
        Column("started_at", Float, nullable=False),
        Column("times_seen", Integer, nullable=False),
        Column("expiring", Integer, nullable=False),
        Column("transitioning", Integer, nullable=False),
        Index("lifecycle_previews_of_repository", "repository_id", "status"),
        Index("lifecycle_previews_by_status", "status"),
        sqlite_autoincrement=True,
    )
    results = op.create_table(
        "preview_results",
        Column("preview_id", _ID, _belongs_to("lifecycle_previews.id"), primary_key=True),
        Column("position", Integer, primary_key=True),
        Column("digest", _NAME, nullable=False),
        Column("tags", _JSON, nullable=False),
        Column("is_tagged", Boolean, nullable=False),
        Column("pushed_at", Float, nullable=False),
        Column("storage_class", String, nullable=False),
        Column("action", String, nullable=False),
        Column("rule_priority", Integer),
        Index("preview_results_by_tagging", "preview_id", "is_tagged", "position"),
        Index("preview_results_by_digest", "preview_id", "digest"),
    )
    tags = op.create_table(
        "preview_tags",
        Column("preview_id", _ID, _belongs_to("lifecycle_previews.id"), primary_key=True),
        Column("name", _NAME, primary_key=True),
        Column("position", Integer, nullable=False),
        sqlite_with_rowid=False,
    )
    for preview in found:
        actions = [result["action"]["type"] for result in preview["results"]]
        counts = {
            "expiring": actions.count("EXPIRE"),
            "transitioning": actions.count("TRANSITION"),
        }
        about = {name: preview[name] for name in names}
        inserted = connection.execute(previews.insert().values(**about, **counts))
        assert inserted.inserted_primary_key is not None
        rows = list(enumerate(preview["results"], 1))
        of_preview = {"preview_id": inserted.inserted_primary_key[0]}
        op.bulk_insert(
            results,
            [{**of_preview, "position": position, **_columns(each)} for position, each in rows],
        )
        op.bulk_insert(
            tags,
            [
                {**of_preview, "position": position, "name": name}
                for position, each in rows
                for name in each["imageTags"]
            ],
        )


def _columns(result: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "digest": result["imageDigest"],
        "tags": result["imageTags"],
        "is_tagged": bool(result["imageTags"]),
        "pushed_at": result["imagePushedAt"],
        "storage_class": result["storageClass"],
        "action": result["action"]["type"],
        "rule_priority": result["appliedRulePriority"],
    }
