"""Calls of operations by their names and members in ECR's API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from moto_ecr_ext import service_model
from moto_ecr_ext.exceptions.common import UnknownOperationException

if TYPE_CHECKING:
    from moto_ecr_ext.models import ECRBackend


def perform(backend: ECRBackend, operation: str, parameters: Mapping[str, Any]) -> Any:
    """Call the method of an operation and return its result.

    `parameters` are the result of `validation.check`. Raises UnknownOperationException if the method is missing, and
    the errors of the method.
    """
    method = getattr(backend, service_model.method_name(operation), None)
    if method is None:
        raise UnknownOperationException(f"{operation} is not implemented by moto_ecr_ext.")
    return method(**{service_model.method_name(name): value for name, value in parameters.items()})
