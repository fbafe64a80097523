"""The service of an error, as moto determines it."""

from __future__ import annotations

from typing import Any

from .replacing import Unplug


def plug() -> Unplug:
    """Assign the errors of this package to ECR.

    moto takes the second part of the name of any module that begins with "moto" for a service: for
    `moto_ecr_ext.exceptions` that would be `exceptions`. Other services meet such errors when they call ECR's backend.
    This function of one module returns the service of an error, and is found by its name there.
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
