"""Validation of requests by botocore's service model.

The input shape of an operation is compiled, once, into two functions. The reader converts every member to its Python
value and refuses wrong JSON types. The constraint then refuses values that the shape does not allow. AWS uses the same
order: an unreadable request is a SerializationException, whatever other faults it has.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from botocore.model import OperationModel

from moto_ecr_ext import service_model
from moto_ecr_ext.compatibility.notices import checking
from moto_ecr_ext.exceptions import InvalidParameterException
from moto_ecr_ext.exceptions.common import SerializationException, UnknownOperationException

from .constraints import Constraints, Violation
from .readers import Readers

Check = Callable[[object], dict[str, Any]]


def check(operation_name: str, parameters: object) -> dict[str, Any]:
    """Return the parameters of a request, from the JSON value of its body.

    Null and unknown members are left out, at every depth. Blobs are bytes; a blob that is bytes already is not decoded.

    Raises UnknownOperationException, SerializationException for a wrong JSON type, and InvalidParameterException for
    the first constraint that fails. Unlike AWS, it refuses text with a lone surrogate, which no database or digest
    could store, and a fraction in place of an integer, which AWS truncates.
    """
    check_request = _check_of(operation_name)
    with checking(operation_name):
        return check_request(parameters)


@functools.cache
def _check_of(operation_name: str) -> Check:
    operation = service_model.operation(operation_name)
    if operation is None:
        raise UnknownOperationException()
    return compile_check(operation)


def compile_check(operation: OperationModel) -> Check:
    """Return the function that checks requests of one operation."""
    if operation.input_shape is None:
        return lambda parameters: {}
    read = Readers().of(operation.input_shape)
    constrain = Constraints().of_request(operation)

    def check_request(parameters: object) -> dict[str, Any]:
        try:
            request: dict[str, Any] = read(parameters)
            constrain(request)
        except RecursionError:
            # Only a recursive shape lets a request choose its depth.
            raise SerializationException("The request is nested too deeply") from None
        except Violation as violation:
            raise InvalidParameterException.at(violation.field, violation.constraint) from None
        return request

    return check_request
