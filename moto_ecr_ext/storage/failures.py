"""Failures to read or write bytes or rows."""

from __future__ import annotations

import sqlite3
import sys

from sqlalchemy.exc import DBAPIError


def is_failure_of_storage(error: Exception) -> bool:
    """Return True if a call failed because its bytes or rows could not be read or written: a full disk, for example."""
    psycopg = sys.modules.get("psycopg")
    drivers = (sqlite3.Error, psycopg.Error) if psycopg else (sqlite3.Error,)
    return isinstance(error, (OSError, DBAPIError, *drivers))
