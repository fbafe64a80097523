"""Version 4: placeholder images, and scans that were requested."""

from __future__ import annotations

from alembic.operations import Operations
from sqlalchemy import Boolean, Column, false


def upgrade(op: Operations) -> None:
    """Mark no image as a placeholder, and no scan as requested, which is not known of them."""
    op.add_column(
        "images", Column("is_placeholder", Boolean, nullable=False, server_default=false())
    )
    op.add_column("scans", Column("was_requested", Boolean, nullable=False, server_default=false()))
