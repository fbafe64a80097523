"""The backends of other services, if they are in use."""

from __future__ import annotations

import sys
from typing import Any

from moto_ecr_ext.process import this_process


def backends_in_use(service: str) -> Any | None:
    """Return moto's backends of a service by account; None if the service is not in use.

    A service that is not in use is not imported, since moto's imports are slow.
    """
    this_process().need_moto()
    models = sys.modules.get(f"moto.{service}.models")
    return getattr(models, f"{service}_backends", None)


def backend_in_use(service: str, account_id: str, region: str) -> Any | None:
    """Return moto's backend of a service in an account and Region; None if it is not in use there."""
    backends = backends_in_use(service)
    account = backends.get(account_id) if backends is not None else None
    return account.get(region) if account is not None else None
