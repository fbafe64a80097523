"""Calls of operations by their names and members in ECR's API."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from moto_ecr_ext import service_model
from moto_ecr_ext.exceptions import InvalidParameterException

if TYPE_CHECKING:
    from moto_ecr_ext.models import ECRBackend


def perform(backend: ECRBackend, operation: str, parameters: Mapping[str, Any]) -> Any:
    """Call the method of an operation and return its result.

    `parameters` are the result of `validation.check`. Raises InvalidParameterException if one is missing that the
    installed botocore does not require, or no longer has, and the errors of the method.
    """
    method = getattr(backend, service_model.method_name(operation))
    arguments = {service_model.method_name(name): value for name, value in parameters.items()}
    for name in _required(method.__func__):
        if name not in arguments:
            member = re.sub("_(.)", lambda found: found[1].upper(), name)
            raise InvalidParameterException.at(member, "Member must not be null")
    return method(**arguments)


@functools.cache
def _required(method: Callable[..., Any]) -> tuple[str, ...]:
    """Return the names of a method's parameters without a default, except the first."""
    _, *parameters = inspect.signature(method).parameters.values()
    return tuple(each.name for each in parameters if each.default is inspect.Parameter.empty)
