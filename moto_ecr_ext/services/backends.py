"""The backends of other services, as far as something uses them."""

from __future__ import annotations

import sys
from typing import Any

from .moto_process import require_moto


def backends_in_use(service: str) -> Any | None:
    """Return moto's backends of a service by account; None if nothing has used it.

    A service that nothing has used is not imported, which takes moto long.
    """
    require_moto()
    models = sys.modules.get(f"moto.{service}.models")
    return getattr(models, f"{service}_backends", None)


def backend_in_use(service: str, account_id: str, region: str) -> Any | None:
    """Return moto's backend of a service in an account and region; None if nothing has used it there."""
    backends = backends_in_use(service)
    account = backends.get(account_id) if backends is not None else None
    return account.get(region) if account is not None else None
