"""Version 3: pages of images by any filter in repositories of any size, digests of translated manifests, placeholder
images, and scans that were requested.
"""

from __future__ import annotations

from alembic.operations import Operations
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    column,
    exists,
    false,
    table,
    text,
    true,
)

_NAME = String().with_variant(String(collation="C"), "postgresql")
_ID = BigInteger().with_variant(Integer(), "sqlite")


def upgrade(op: Operations) -> None:
    """Add what version 2 does not have."""
    _note_which_images_are_tagged(op)
    _add_translations(op)
    _find_placeholders_by_text(op)
    _mark_nothing(op)


def _note_which_images_are_tagged(op: Operations) -> None:
    """Note in the row of each image whether it has a tag, and keep images in order by what filters ask."""
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
    """Add the digests of manifests that clients were given in another form than the stored one."""
    op.create_table(
        "translations",
        Column(
            "repository_id",
            _ID,
            ForeignKey("repositories.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        Column("digest", _NAME, primary_key=True),
        Column("image_id", _ID, ForeignKey("images.id", ondelete="CASCADE"), nullable=False),
        Index("translations_of_image", "image_id"),
        sqlite_with_rowid=False,
    )


def _find_placeholders_by_text(op: Operations) -> None:
    """Add what placeholder images are known by, of which there are none."""
    op.add_column("images", Column("text_digest", _NAME))
    op.create_index(
        "placeholders_by_text",
        "images",
        ["repository_id", "text_digest"],
        sqlite_where=text("text_digest IS NOT NULL"),
        postgresql_where=text("text_digest IS NOT NULL"),
    )


def _mark_nothing(op: Operations) -> None:
    """Mark no scan as requested, which is not known of them."""
    op.add_column("scans", Column("was_requested", Boolean, nullable=False, server_default=false()))
