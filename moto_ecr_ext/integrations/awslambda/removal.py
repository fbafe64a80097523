"""Removal of containers with moto's state."""

from __future__ import annotations

import sys
from typing import Any

from moto_ecr_ext.seams.replacing import Unplug, replace


def plug() -> Unplug:
    """Remove the containers of functions when moto resets.

    `BackendDict.reset` is called when `mock_aws` starts and ends, and by POST /moto-api/reset.
    """
    from moto.core.base_backend import BackendDict

    original = BackendDict.reset.__func__  # type: ignore[attr-defined]

    def reset(cls: Any) -> None:
        remove_containers()
        original(cls)

    put_back = replace(BackendDict, "reset", classmethod(reset))

    def unplug() -> None:
        remove_containers()
        put_back()

    return unplug


def remove_containers() -> None:
    """Remove all containers of this process. Import nothing if no container was started."""
    pool = sys.modules.get("moto_ecr_ext.integrations.awslambda.runtime.pool")
    if pool is not None:
        pool.pool.remove_all()
