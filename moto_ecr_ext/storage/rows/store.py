"""Rows of the whole store."""

from __future__ import annotations

from sqlalchemy import bindparam, select

from moto_ecr_ext.storage.database.queries import Scalars
from moto_ecr_ext.storage.database.transaction import Transaction, View

from . import tables

_SIGNING_KEY = "signing_key"
_PRINCIPALS_KEY = "principals_key"
_VALUE: Scalars[str] = Scalars(
    select(tables.store.c.value).where(tables.store.c.name == bindparam("named"))
)
_DELETE = tables.store.delete().where(tables.store.c.name == bindparam("named"))


def signing_key(view: View) -> str | None:
    """Return the key that signs passwords, in hexadecimal, or None before the first."""
    return _VALUE.first(view, named=_SIGNING_KEY)


def store_signing_key(transaction: Transaction, key: str) -> None:
    """Store the key that signs passwords, in hexadecimal."""
    transaction.insert(tables.store, {"name": _SIGNING_KEY, "value": key})


def principals_key(view: View) -> str | None:
    """Return the key that signs passwords of IAM principals, in hexadecimal, or None."""
    return _VALUE.first(view, named=_PRINCIPALS_KEY)


def store_principals_key(transaction: Transaction, key: str) -> None:
    """Store the key that signs passwords of IAM principals, in hexadecimal."""
    transaction.insert(tables.store, {"name": _PRINCIPALS_KEY, "value": key})


def delete_principals_key(transaction: Transaction) -> None:
    """Remove the key that signs passwords of IAM principals, if it exists."""
    transaction.change(_DELETE, named=_PRINCIPALS_KEY)
