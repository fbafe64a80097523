"""Version 4: the second role of pull-through cache rules, for the upstream registry `ecr-public-premium`."""

from __future__ import annotations

from alembic.operations import Operations
from sqlalchemy import Column, String


def upgrade(op: Operations) -> None:
    """Add the column, which is empty in rules of version 3."""
    op.add_column("pull_through_cache_rules", Column("upstream_role_arn", String))
