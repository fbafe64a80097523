"""Calls of operations by their names and members in ECR's API."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from moto_ecr_ext import service_model
from moto_ecr_ext.exceptions import InvalidParameterException
from moto_ecr_ext.exceptions.common import UnknownOperationException

if TYPE_CHECKING:
    from moto_ecr_ext.models import ECRBackend


def perform(backend: ECRBackend, operation: str, parameters: Mapping[str, Any]) -> Any:
    """Call the method of an operation and return its result.

    `parameters` are the result of `validation.check`. Raises UnknownOperationException if the method is missing,
    InvalidParameterException if it lacks a parameter (the installed botocore may be newer than this package), and the
    errors of the method.
    """
    method = getattr(backend, service_model.method_name(operation), None)
    if method is None:
        raise UnknownOperationException(f"{operation} is not implemented by moto_ecr_ext.")
    known = _parameters(method.__func__)
    arguments = {}
    for name, value in parameters.items():
        argument = service_model.method_name(name)
        if argument not in known:
            raise InvalidParameterException.at(name, "Is not implemented by moto_ecr_ext")
        arguments[argument] = value
    return method(**arguments)


@functools.cache
def _parameters(method: Callable[..., Any]) -> frozenset[str]:
    return frozenset(inspect.signature(method).parameters)
