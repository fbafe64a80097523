"""Requests against botocore's service model.

The input shape of an operation is compiled, once, into two functions. The reader gives every member its Python value
and refuses wrong JSON types; the constraint then refuses values that the shape does not allow. That is AWS's order too:
a request that cannot be read is a SerializationException, whatever else is wrong with it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from botocore.model import OperationModel

from moto_ecr_ext import service_model
from moto_ecr_ext.exceptions import InvalidParameterException
from moto_ecr_ext.exceptions.common import SerializationException, UnknownOperationException

from .constraints import Constraints, Violation
from .readers import Readers

Check = Callable[[object], dict[str, Any]]


def check(operation_name: str, parameters: object) -> dict[str, Any]:
    """Return the parameters of a request, given the JSON value of its body.

    Members that are null or unknown are left out, at every depth, and blobs are bytes. A blob that is bytes already is
    taken as it is.

    Raises UnknownOperationException, SerializationException if a JSON type is wrong, and InvalidParameterException for
    the first constraint that fails. Two values are refused that AWS takes: text with half a surrogate pair, which no
    database or digest could keep, and a fraction given for an integer, which AWS cuts off.
    """
    return _check_of(operation_name)(parameters)


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
            # Only a shape that contains itself lets a request decide how deep it is walked.
            raise SerializationException("The request is nested too deeply") from None
        except Violation as violation:
            raise InvalidParameterException.at(violation.field, violation.constraint) from None
        return request

    return check_request
