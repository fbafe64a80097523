"""The backends and URLs of ECR in moto."""

from __future__ import annotations

import re
import sys
from contextlib import nullcontext
from typing import Any

from .imports import without_collecting
from .replacing import Unplug

_BACKEND = "moto_ecr_ext.models"


def plug_factory() -> Unplug:
    """Make backends of this package, by calling `ecr_backends.backend(region, account_id=...)`.

    Decorator, server, proxy, Lambda, CloudFormation, moto-api and resets all find a backend in this one dict.
    """
    from moto.ecr.models import ecr_backends

    original = ecr_backends.backend
    ecr_backends.backend = _make_backend  # type: ignore[assignment]

    def unplug() -> None:
        ecr_backends.backend = original

    return unplug


def _make_backend(region_name: str, account_id: str) -> Any:
    # Its module imports SQLAlchemy, so it is imported with the first backend.
    with without_collecting() if _BACKEND not in sys.modules else nullcontext():
        from moto_ecr_ext.models import ECRBackend
    return ECRBackend(region_name, account_id)


def forget_backends() -> None:
    """Drop all backends. moto makes new ones on demand."""
    models = sys.modules.get("moto.ecr.models")
    if models is not None:
        models.ecr_backends.clear()


def plug_urls() -> Unplug:
    """Add the hosts that moto does not recognize as ECR's.

    Decorator, proxy and server find a service by the first pattern of this list that a URL matches.
    """
    from moto.backend_index import backend_url_patterns

    from moto_ecr_ext.hosts import ADDED_URL_PATTERNS

    added = [("ecr", re.compile(pattern)) for pattern in ADDED_URL_PATTERNS]
    backend_url_patterns[:0] = added

    def unplug() -> None:
        for entry in added:
            backend_url_patterns.remove(entry)

    return unplug
