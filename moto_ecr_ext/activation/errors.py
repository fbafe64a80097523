"""moto's search for the service that an error is of."""

from __future__ import annotations

from typing import Any

from .replacing import Unplug


def plug() -> Unplug:
    """Let errors of this package be ECR's.

    moto takes the second part of the name of any module that begins with "moto" for a service: that of
    `moto_ecr_ext.exceptions` would be `exceptions`. Other services meet such errors when they call ECR's backend. This
    function of one module says which service an error is of, by its name there.
    """
    from moto.core import errors
    from moto.core.utils import get_service_model

    original = errors.get_exception_service_model

    def get_exception_service_model(exception: Exception) -> Any:
        if type(exception).__module__.startswith("moto_ecr_ext."):
            return get_service_model("ecr")
        return original(exception)

    errors.get_exception_service_model = get_exception_service_model

    def unplug() -> None:
        errors.get_exception_service_model = original

    return unplug
