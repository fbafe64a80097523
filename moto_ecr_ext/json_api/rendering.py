"""Results of operations as JSON, by the output shapes of botocore's service model.

Every output shape is compiled once into a function that knows its members. A result is a mapping with the API's names
(`imageDigest`), or any object with attributes of the same names in snake case (`image_digest`). The same applies to the
values in it.
"""

from __future__ import annotations

import binascii
import functools
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from operator import attrgetter
from typing import Any

import botocore
from botocore.model import OperationModel, Shape

from moto_ecr_ext import service_model
from moto_ecr_ext.exceptions.common import UnknownOperationException

Renderer = Callable[[Any], Any]


def render(operation_name: str, result: object) -> dict[str, Any]:
    """Return the result of an operation, ready to be written as JSON.

    Members that are None or not in the model are left out; empty lists stay. An aware datetime becomes epoch seconds,
    and bytes become base64.

    Raises TypeError for an object without any member of its shape, and ValueError for a datetime without a time zone.
    """
    wire: dict[str, Any] = _renderer_of(operation_name)(result)
    return wire


@functools.cache
def _renderer_of(operation_name: str) -> Renderer:
    operation = service_model.operation(operation_name)
    if operation is None:
        raise UnknownOperationException()
    return compile_renderer(operation)


def compile_renderer(operation: OperationModel) -> Renderer:
    """Return the function that renders results of one operation."""
    if operation.output_shape is None:
        return _render_nothing
    return _Renderers().of_structure(operation.output_shape)


def _render_nothing(value: object) -> dict[str, Any]:
    return {}


def _render_timestamp(value: Any) -> float:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone")
        return value.timestamp()
    number: float = value
    return number


def _render_blob(value: bytes) -> str:
    return binascii.b2a_base64(value, newline=False).decode("ascii")


class _Renderers:
    """A compiler from shapes to renderers.

    Structures are cached by name, so that a recursive shape is compiled once.
    """

    def __init__(self) -> None:
        self._structures: dict[str, Renderer] = {}

    def of(self, shape: Shape) -> Renderer | None:
        """Return the renderer of a shape; None if its values need no conversion."""
        if shape.type_name == "structure":
            return self._structures.get(shape.name) or self.of_structure(shape)
        if shape.type_name == "list":
            return self._list(shape)
        if shape.type_name == "map":
            return self._map(shape)
        if shape.type_name == "timestamp":
            return _render_timestamp
        if shape.type_name == "blob":
            return _render_blob
        return None

    def of_structure(self, shape: Shape) -> Renderer:
        if not shape.members:
            return _render_nothing
        members: list[tuple[str, Renderer | None]] = []
        read_object = _object_reader(shape)
        read_mapping = _mapping_reader(shape)

        # A page of images calls this some hundred times. A loop is faster here than a comprehension, and than a second
        # loop over the members that need rendering.
        def render_structure(value: Any) -> dict[str, Any]:
            items = read_mapping(value) if isinstance(value, dict) else read_object(value)
            wire = {}
            for (name, render_member), item in zip(members, items, strict=False):
                if item is not None:
                    wire[name] = item if render_member is None else render_member(item)
            return wire

        self._structures[shape.name] = render_structure
        members.extend((name, self.of(member)) for name, member in shape.members.items())
        return render_structure

    def _list(self, shape: Shape) -> Renderer:
        render_element = self.of(shape.member)
        if render_element is None:
            return list

        def render_list(value: Iterable[Any]) -> list[Any]:
            return [render_element(item) for item in value]

        return render_list

    def _map(self, shape: Shape) -> Renderer:
        render_value = self.of(shape.value)

        def copy_map(value: Mapping[str, Any]) -> dict[str, Any]:
            return {key: item for key, item in value.items() if item is not None}

        if render_value is None:
            return copy_map

        def render_map(value: Mapping[str, Any]) -> dict[str, Any]:
            return {key: render_value(item) for key, item in copy_map(value).items()}

        return render_map


Reader = Callable[[Any], tuple[Any, ...]]


def _mapping_reader(shape: Shape) -> Reader:
    """Return the function that reads all members of a structure from a mapping, in the model's order.

    Missing members are None.
    """
    names = tuple(shape.members)

    def read_mapping(value: Mapping[str, Any]) -> tuple[Any, ...]:
        get = value.get
        return tuple([get(name) for name in names])

    return read_mapping


def _object_reader(shape: Shape) -> Reader:
    """Return the function that reads all members of a structure from an object's attributes."""
    attributes = tuple(botocore.xform_name(name) for name in shape.members)
    get: Callable[[Any], Any] = attrgetter(*attributes)
    # `attrgetter` of one name returns the value instead of a tuple.
    get_all: Reader = get if len(attributes) > 1 else lambda value: (get(value),)
    read_mapping = _mapping_reader(shape)

    def read_object(value: Any) -> tuple[Any, ...]:
        try:
            return get_all(value)
        except AttributeError:
            if isinstance(value, Mapping):
                return read_mapping(value)
        if not any(hasattr(value, attribute) for attribute in attributes):
            raise TypeError(f"{type(value).__name__} has no member of {shape.name}")
        return tuple([_attribute(value, attribute) for attribute in attributes])

    return read_object


def _attribute(value: Any, name: str) -> Any:
    """Return an attribute, or None if it is missing."""
    item = getattr(value, name, None)
    # An error in a property is a bug, not a missing member.
    if item is None and hasattr(type(value), name):
        return getattr(value, name)
    return item
