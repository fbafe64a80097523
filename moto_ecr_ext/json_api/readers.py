"""Readers: functions from JSON values to parameters, by the input shapes of botocore's service model.

They raise SerializationException for a JSON value of another type than its shape's.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pybase64
from botocore.model import Shape

from moto_ecr_ext.clock import time_of_text
from moto_ecr_ext.exceptions.common import SerializationException

Reader = Callable[[Any], Any]

# Texts of the common front end of AWS's services. kinesalite's tests recorded them from Kinesis:
# https://github.com/mhart/kinesalite/blob/master/test/helpers.js
_UNEXPECTED_LIST = "Start of list found where not expected"
_UNEXPECTED_OBJECT = "Start of structure or map found where not expected."


def _mistyped(value: object, expected: str) -> SerializationException:
    """Return the error for a JSON value of the wrong type. `expected` is the text for a scalar."""
    if isinstance(value, list):
        return SerializationException(_UNEXPECTED_LIST)
    if isinstance(value, dict):
        return SerializationException(_UNEXPECTED_OBJECT)
    return SerializationException(expected)


def _unconvertible(value: object, target: str) -> SerializationException:
    """Return the error for a JSON value in place of a scalar of another type."""
    if isinstance(value, bool):
        name = "TRUE_VALUE" if value else "FALSE_VALUE"
    elif isinstance(value, (int, float)):
        name = "NUMBER_VALUE"
    else:
        name = "STRING_VALUE"
    return _mistyped(value, f"{name} can not be converted to {target}")


def _read_string(value: Any) -> str:
    if not isinstance(value, str):
        raise _unconvertible(value, "String")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise SerializationException("Unpaired surrogate in a string") from None
    return value


def _read_boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _unconvertible(value, "Boolean")
    return value


def _integer_reader(target: str, bits: int) -> Reader:
    lowest, highest = -(1 << bits - 1), (1 << bits - 1) - 1

    def read_integer(value: Any) -> int:
        number = value
        if type(value) is float and value.is_integer():
            number = int(value)
        if type(number) is not int or not lowest <= number <= highest:
            raise _unconvertible(value, target)
        return number

    return read_integer


def _number_reader(target: str) -> Reader:
    greatest = sys.float_info.max

    def read_number(value: Any) -> float:
        # JSON has no NaN and no Infinity. Python's parser accepts them; this reader does not.
        if type(value) not in (int, float) or not -greatest <= value <= greatest:
            raise _unconvertible(value, target)
        return float(value)

    return read_number


_read_epoch = _number_reader("Timestamp")


def _read_date(value: Any) -> float:
    if not isinstance(value, str):
        raise _unconvertible(value, "Timestamp")
    try:
        return time_of_text(value, default_zone=None)
    except ValueError:
        raise _unconvertible(value, "Timestamp") from None


def decode_blob(text: str | memoryview) -> bytes:
    """Return the bytes of a blob in base64. Raises SerializationException for malformed base64."""
    try:
        return pybase64.b64decode(text, validate=True)
    except ValueError:
        raise _unconvertible("", "Blob") from None


def _read_blob(value: Any) -> bytes:
    if isinstance(value, str):
        return decode_blob(value)
    if isinstance(value, bytes):
        return value
    raise _unconvertible(value, "Blob")


_SCALAR_READERS: dict[str, Reader] = {
    "string": _read_string,
    "boolean": _read_boolean,
    "integer": _integer_reader("Integer", 32),
    "long": _integer_reader("Long", 64),
    "float": _number_reader("Float"),
    "double": _number_reader("Double"),
    "blob": _read_blob,
}


class Readers:
    """A compiler from shapes to functions that convert a JSON value to a parameter.

    Structures are cached by name, so that a recursive shape is compiled once.
    """

    def __init__(self) -> None:
        self._structures: dict[str, Reader] = {}

    def of(self, shape: Shape) -> Reader:
        """Return the function for a shape."""
        if shape.type_name == "structure":
            return self._structures.get(shape.name) or self._structure(shape)
        if shape.type_name == "list":
            return self._list(shape)
        if shape.type_name == "map":
            return self._map(shape)
        if shape.type_name == "timestamp":
            # JSON protocols use epoch seconds unless the shape says otherwise.
            form = shape.serialization.get("timestampFormat", "unixTimestamp")
            return _read_epoch if form == "unixTimestamp" else _read_date
        return _SCALAR_READERS[shape.type_name]

    def _structure(self, shape: Shape) -> Reader:
        members: dict[str, Reader] = {}

        def read_structure(value: Any) -> dict[str, Any]:
            if not isinstance(value, dict):
                raise _mistyped(value, "Expected null")
            return {
                name: members[name](item)
                for name, item in value.items()
                if item is not None and name in members
            }

        self._structures[shape.name] = read_structure
        for name, member in shape.members.items():
            members[name] = self.of(member)
        return read_structure

    def _list(self, shape: Shape) -> Reader:
        read = self.of(shape.member)

        def read_list(value: Any) -> list[Any]:
            if not isinstance(value, list):
                raise _mistyped(value, "Expected list or null")
            return [None if item is None else read(item) for item in value]

        return read_list

    def _map(self, shape: Shape) -> Reader:
        read_key, read = self.of(shape.key), self.of(shape.value)

        def read_map(value: Any) -> dict[Any, Any]:
            if not isinstance(value, dict):
                raise _mistyped(value, "Expected map or null")
            return {read_key(key): read(item) for key, item in value.items() if item is not None}

        return read_map
