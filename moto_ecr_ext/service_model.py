"""ECR's service model in the installed botocore."""

from __future__ import annotations

import functools
import os
import re
from typing import NamedTuple

import botocore
from botocore.loaders import create_loader
from botocore.model import (
    NoShapeFoundError,
    OperationModel,
    OperationNotFoundError,
    ServiceModel,
)

# Characters. A manifest may have 4,194,304. All other texts have at most 30,720, a lifecycle policy's.
_MANY = 1024 * 1024
_TAG = re.compile("<[^>]*>")


@functools.cache
def _model() -> ServiceModel:
    # `Loader.load_service_model` first lists every service that botocore knows. That takes four times as long as
    # reading this one.
    loader = create_loader(os.environ.get("AWS_DATA_PATH"))
    version = loader.determine_latest_version("ecr", "service-2")
    return ServiceModel(loader.load_data(os.path.join("ecr", version, "service-2")), "ecr")


def operation_names() -> tuple[str, ...]:
    """Return the names of all operations, such as `PutImage`."""
    return tuple(_model().operation_names)


def operation(name: str) -> OperationModel | None:
    """Return the model of one operation, or None if this botocore does not know it."""
    try:
        return _model().operation_model(name)
    except OperationNotFoundError:
        return None


@functools.cache
def values_of(shape_name: str) -> tuple[str, ...]:
    """Return the values of an enumeration, in the model's order."""
    return tuple(_model().shape_for(shape_name).enum)


def documentation_of(shape_name: str) -> str:
    """Return the documentation of a shape as plain text; an empty text if the model does not have the shape."""
    try:
        text: str = _model().shape_for(shape_name).documentation
    except NoShapeFoundError:
        return ""
    return _TAG.sub("", text).strip()


class LargeMember(NamedTuple):
    """The one member of a request that may have MiBs: a layer part, in base64, or a manifest."""

    name: str
    is_blob: bool


@functools.cache
def large_member(operation_name: str) -> LargeMember | None:
    """Return the member of an operation's input that may have MiBs, if any."""
    model = operation(operation_name)
    shape = model.input_shape if model else None
    for name, member in (shape.members if shape else {}).items():
        is_blob = member.type_name == "blob"
        if is_blob or (member.type_name == "string" and member.metadata.get("max", 0) >= _MANY):
            return LargeMember(name, is_blob)
    return None


def method_name(operation_name: str) -> str:
    """Return the name of an operation's method: `PutImage` is `put_image`.

    botocore caches every name that it converts, so call this only with names in the model.
    """
    name: str = botocore.xform_name(operation_name)
    return name
