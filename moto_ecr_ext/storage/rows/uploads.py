"""Rows of upload sessions."""

from __future__ import annotations

from sqlalchemy import bindparam, select

from moto_ecr_ext.storage.database.queries import Scalars
from moto_ecr_ext.storage.database.transaction import View

from .tables import uploads

_OF_REPOSITORY: Scalars[str] = Scalars(
    select(uploads.c.id).where(uploads.c.repository_id == bindparam("repository"))
)


def of_repository(view: View, repository_id: int) -> list[str]:
    """Return the ids of the upload sessions of a repository."""
    return _OF_REPOSITORY.all(view, repository=repository_id)
