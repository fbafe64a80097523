"""Version 3: placeholder images."""

from __future__ import annotations

from alembic.operations import Operations
from sqlalchemy import Boolean, Column, false


def upgrade(op: Operations) -> None:
    """Mark no image as a placeholder."""
    op.add_column(
        "images", Column("is_placeholder", Boolean, nullable=False, server_default=false())
    )
