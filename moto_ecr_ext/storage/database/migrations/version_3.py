"""Version 3: the digests of manifests that clients were given in another form than the stored one."""

from __future__ import annotations

from alembic.operations import Operations
from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String

_NAME = String().with_variant(String(collation="C"), "postgresql")
_ID = BigInteger().with_variant(Integer(), "sqlite")


def upgrade(op: Operations) -> None:
    """Add the table that version 2 does not have."""
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
