"""Validation of requests by botocore's service model.

The input shape of an operation is compiled, once, into two functions. The reader converts every member to its Python
value and refuses wrong JSON types. The constraint then refuses values that the shape does not allow. AWS uses the same
order: an unreadable request is a SerializationException, whatever other faults it has. If the model is newer than this
package, a third function takes out what it does not know.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from botocore.model import OperationModel

from moto_ecr_ext import service_model
from moto_ecr_ext.compatibility.notices import checking
from moto_ecr_ext.exceptions import InvalidParameterException
from moto_ecr_ext.exceptions.common import (
    NotImplementedException,
    SerializationException,
    UnknownOperationException,
)

from .constraints import Constraints, Violation
from .known import known_members
from .newer_models import (
    Announce,
    Dropper,
    announce_ignored,
    compile_dropper,
    log_newer,
    newer,
)
from .readers import Readers

Check = Callable[[object], dict[str, Any]]


def check(
    operation_name: str, parameters: object, announce: Announce = log_newer
) -> dict[str, Any]:
    """Return the parameters of a request, from the JSON value of its body.

    Null and unknown members are left out, at every depth. Blobs are bytes; a blob that is bytes already is not decoded.
    The installed botocore may know members that this package does not: they are checked, left out, and announced once.

    Raises UnknownOperationException, NotImplementedException for an operation that only botocore knows,
    SerializationException for a wrong JSON type, and InvalidParameterException for the first constraint that fails, and
    for a value that only botocore knows. Unlike AWS, it refuses text with a lone surrogate, which no database or digest
    could store, and a fraction in place of an integer, which AWS truncates.
    """
    check_request, drop = _compiled(operation_name)
    with checking(operation_name):
        request = check_request(parameters)
    if drop is not None:
        ignored: list[str] = []
        try:
            drop(request, ignored)
        except Violation as violation:
            raise _refusal(violation) from None
        announce_ignored(operation_name, ignored, announce)
    return request


@functools.cache
def _compiled(operation_name: str) -> tuple[Check, Dropper | None]:
    operation = service_model.operation(operation_name)
    if operation is None:
        raise UnknownOperationException()
    known = known_members(operation)
    if known is None:
        raise NotImplementedException(
            f"The {operation_name} action has not been implemented: {newer('it')}."
        )
    shape = operation.input_shape
    return compile_check(operation), compile_dropper(shape, known) if shape else None


def compile_check(operation: OperationModel) -> Check:
    """Return the function that checks requests of one operation by the model."""
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
            raise _refusal(violation) from None
        return request

    return check_request


def _refusal(violation: Violation) -> InvalidParameterException:
    return InvalidParameterException.at(violation.field, violation.constraint)
