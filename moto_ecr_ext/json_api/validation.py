"""Requests against the constraints of botocore's service model.

The input shape of an operation is compiled, once, into two functions. The reader gives every member
its Python value and refuses wrong JSON types; the constraint then refuses values that the shape
does not allow. That is AWS's order too: a request that cannot be read is a SerializationException,
whatever else is wrong with it.
"""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import pybase64
from botocore.model import OperationModel, Shape
from botocore.utils import parse_timestamp

from moto_ecr_ext import service_model
from moto_ecr_ext.exceptions import InvalidParameterException
from moto_ecr_ext.exceptions.common import SerializationException, UnknownOperationException

Check = Callable[[object], dict[str, Any]]
Reader = Callable[[Any], Any]
Constraint = Callable[[Any], None]


def check(operation_name: str, parameters: object) -> dict[str, Any]:
    """The parameters of a request, given the JSON value of its body.

    Members that are null or unknown are left out, at every depth, and blobs are bytes. A blob that
    is bytes already is taken as it is.

    Raises UnknownOperationException, SerializationException where a JSON type is wrong, and
    InvalidParameterException for the first constraint that fails. Two values are refused that AWS
    takes: text with half a surrogate pair, which no database or digest could keep, and a fraction
    given for an integer, which AWS cuts off.
    """
    return _check_of(operation_name)(parameters)


@functools.cache
def _check_of(operation_name: str) -> Check:
    operation = service_model.operation(operation_name)
    if operation is None:
        raise UnknownOperationException()
    return compile_check(operation)


def compile_check(operation: OperationModel) -> Check:
    """The function that checks requests of one operation."""
    if operation.input_shape is None:
        return lambda parameters: {}
    read = _Readers().of(operation.input_shape)
    constrain = _Constraints().of_request(operation)

    def check_request(parameters: object) -> dict[str, Any]:
        try:
            request: dict[str, Any] = read(parameters)
            constrain(request)
        except RecursionError:
            # Only a shape that contains itself lets a request decide how deep it is walked.
            raise SerializationException("The request is nested too deeply") from None
        except _Violation as violation:
            raise InvalidParameterException.at(violation.field, violation.constraint) from None
        return request

    return check_request


# The front end that AWS's services share says these; kinesalite's tests recorded them from Kinesis:
# https://github.com/mhart/kinesalite/blob/master/test/helpers.js
_UNEXPECTED_LIST = "Start of list found where not expected"
_UNEXPECTED_OBJECT = "Start of structure or map found where not expected."


def _mistyped(value: object, expected: str) -> SerializationException:
    """The refusal of a JSON value of the wrong type. `expected` is what to say of a scalar."""
    if isinstance(value, list):
        return SerializationException(_UNEXPECTED_LIST)
    if isinstance(value, dict):
        return SerializationException(_UNEXPECTED_OBJECT)
    return SerializationException(expected)


def _unconvertible(value: object, target: str) -> SerializationException:
    """The refusal of a JSON value where a scalar of another type belongs."""
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
        # JSON has no NaN and no Infinity, but Python's parser lets them in; they are refused here.
        if type(value) not in (int, float) or not -greatest <= value <= greatest:
            raise _unconvertible(value, target)
        return float(value)

    return read_number


_read_epoch = _number_reader("Timestamp")


def _read_date(value: Any) -> float:
    if not isinstance(value, str):
        raise _unconvertible(value, "Timestamp")
    try:
        moment = parse_timestamp(value)
    except (ValueError, RuntimeError):
        # botocore raises RuntimeError for years that a datetime cannot have.
        raise _unconvertible(value, "Timestamp") from None
    if moment.tzinfo is None:
        raise _unconvertible(value, "Timestamp")
    return float(moment.timestamp())


def decode_blob(text: str | memoryview) -> bytes:
    """The bytes of a blob on the wire. Raises SerializationException when it is not base64."""
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


class _Readers:
    """Compiles shapes into functions from a JSON value to the value of a parameter.

    Structures are remembered by name, so that a shape that contains itself is compiled once.
    """

    def __init__(self) -> None:
        self._structures: dict[str, Reader] = {}

    def of(self, shape: Shape) -> Reader:
        if shape.type_name == "structure":
            return self._structures.get(shape.name) or self._structure(shape)
        if shape.type_name == "list":
            return self._list(shape)
        if shape.type_name == "map":
            return self._map(shape)
        if shape.type_name == "timestamp":
            # JSON protocols write epoch seconds unless the shape says otherwise.
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


class _Violation(Exception):
    """A constraint that a value fails; `field` is where, seen from the value that is checked."""

    def __init__(self, constraint: str, field: str = "") -> None:
        self.constraint = constraint
        self.field = field

    def found_within(self, field: str) -> None:
        self.field = f"{field}.{self.field}" if self.field else field


class _Wording(NamedTuple):
    must: str
    match: str


_MEMBER = _Wording("Member must", "satisfy regular expression pattern: {}")
_BARE = _Wording("must", "satisfy regular expression '{}'")

# ECR's refusals of these two lack the word `Member`, and quote the pattern:
# https://github.com/alexjurkiewicz/ecr-scan-image/issues/40
_WORDINGS = {"repositoryName": _BARE, "imageTag": _BARE}

# Messages list these values in another order than botocore's model does.
_ENUM_ORDERS = {
    "ImageTagMutability": (
        "IMMUTABLE",
        "MUTABLE",
        "MUTABLE_WITH_EXCLUSION",
        "IMMUTABLE_WITH_EXCLUSION",
    )
}

# Patterns that ECR enforces and the model lacks, by operation and member. Operations on several
# images report a bad tag as the failure of one image (`InvalidImageTag`), so they are not here.
_PATTERNS_BEYOND_MODEL: dict[str, dict[str, str]] = {"PutImage": {"imageTag": "[a-zA-Z0-9-_.]+"}}

# The same language without the nested repetition, on which a matcher that backtracks spends
# exponential time when the text almost matches.
_LINEAR_PATTERNS = {
    r"^[a-z0-9*](?:[._\-/a-z0-9*]?[a-z0-9*]+)*$": r"[a-z0-9*]+(?:[._\-/][a-z0-9*]+)*",
}


class _Rule(NamedTuple):
    """One constraint of a value: whether it holds, and what to say where it does not."""

    holds: Callable[[Any], object]
    text: str


def _pattern_rule(pattern: str, printed: str, wording: _Wording) -> _Rule:
    # Java's character classes are ASCII, and its `matches` means the whole text.
    compiled = re.compile(_LINEAR_PATTERNS.get(pattern, pattern), re.ASCII)
    return _Rule(compiled.fullmatch, f"{wording.must} {wording.match.format(printed)}")


def _value(number: float) -> float:
    return number


def _limit_rules(shape: Shape, wording: _Wording) -> list[_Rule]:
    lowest, highest = shape.metadata.get("min"), shape.metadata.get("max")
    numeric = shape.type_name in ("integer", "long", "float", "double")
    measure: Callable[[Any], float] = _value if numeric else len
    have = f"{wording.must} have {'value' if numeric else 'length'}"
    rules = []
    if highest is not None:
        at_most = f"{have} less than or equal to {highest}"
        rules.append(_Rule(lambda value: measure(value) <= highest, at_most))
    if lowest is not None:
        at_least = f"{have} greater than or equal to {lowest}"
        rules.append(_Rule(lambda value: measure(value) >= lowest, at_least))
    return rules


def _rules(shape: Shape, wording: _Wording) -> list[_Rule]:
    """The constraints of a value by itself, in the order in which they are checked and printed."""
    rules = _limit_rules(shape, wording)
    pattern = shape.metadata.get("pattern")
    if pattern is not None:
        # botocore's model has the slashes of a repository name escaped, ECR's message does not.
        printed = pattern.replace(r"\/", "/") if shape.name == "RepositoryName" else pattern
        rules.append(_pattern_rule(pattern, printed, wording))
    values = shape.metadata.get("enum")
    if values:
        known = [value for value in _ENUM_ORDERS.get(shape.name, ()) if value in values]
        order = known + [value for value in values if value not in known]
        rules.append(
            _Rule(
                frozenset(values).__contains__,
                f"{wording.must} satisfy enum value set: [{', '.join(order)}]",
            )
        )
    return rules


def _constraint(rules: list[_Rule]) -> Constraint | None:
    """The rules as one function; None where there is nothing to check."""
    if not rules:
        return None

    def constrain(value: Any) -> None:
        for holds, text in rules:
            if not holds(value):
                raise _Violation(text)

    return constrain


def _is_scalar(shape: Shape) -> bool:
    return shape.type_name not in ("structure", "list", "map")


def _printed(rules: Iterable[_Rule]) -> str:
    # AWS prints every constraint of such a value, also those that hold.
    return f"must satisfy constraint: [{', '.join(rule.text for rule in rules)}]"


class _Constraints:
    """Compiles shapes into functions that raise `_Violation` for what the shape does not allow."""

    def __init__(self) -> None:
        self._structures: dict[str, Constraint] = {}

    def of_request(self, operation: OperationModel) -> Constraint:
        patterns = _PATTERNS_BEYOND_MODEL.get(operation.name, {})
        return self._structure(operation.input_shape, patterns)

    def _of(self, shape: Shape, wording: _Wording = _MEMBER) -> Constraint | None:
        if shape.type_name == "structure":
            return self._structures.get(shape.name) or self._structure(shape, {})
        if shape.type_name == "list":
            return self._list(shape)
        if shape.type_name == "map":
            return self._map(shape)
        return _constraint(_rules(shape, wording))

    def _structure(self, shape: Shape, patterns: Mapping[str, str]) -> Constraint:
        required: list[tuple[str, str, str]] = []
        constrained: list[tuple[str, str, Constraint]] = []

        def constrain_structure(value: dict[str, Any]) -> None:
            for name, field, text in required:
                if name not in value:
                    raise _Violation(text, field)
            for name, field, constrain in constrained:
                item = value.get(name)
                if item is not None:
                    try:
                        constrain(item)
                    except _Violation as violation:
                        violation.found_within(field)
                        raise

        self._structures[shape.name] = constrain_structure
        for name, member in shape.members.items():
            field = name[0].lower() + name[1:]
            wording = _WORDINGS.get(field, _MEMBER)
            if name in shape.required_members:
                required.append((name, field, f"{wording.must} not be null"))
            if name in patterns:
                rule = _pattern_rule(patterns[name], patterns[name], wording)
                constraint = _constraint([*_rules(member, wording), rule])
            else:
                constraint = self._of(member, wording)
            if constraint is not None:
                constrained.append((name, field, constraint))
        return constrain_structure

    def _list(self, shape: Shape) -> Constraint:
        size = _constraint(_rules(shape, _MEMBER))
        element = self._of(shape.member)
        scalars = _is_scalar(shape.member)
        refused_scalar = f"Member {_printed(_rules(shape.member, _MEMBER))}" if scalars else ""

        def constrain_list(value: list[Any]) -> None:
            if size is not None:
                size(value)
            if None in value:
                field = "" if scalars else f"{value.index(None) + 1}.member"
                raise _Violation("Member must not be null", field)
            if element is None:
                return
            checked = 0
            try:
                for item in value:
                    element(item)
                    checked += 1
            except _Violation as violation:
                if scalars:
                    raise _Violation(refused_scalar) from None
                violation.found_within(f"{checked + 1}.member")
                raise

        return constrain_list

    def _map(self, shape: Shape) -> Constraint:
        size = _constraint(_rules(shape, _MEMBER))
        key_rules = _rules(shape.key, _MEMBER)
        constrain_key, constrain_value = _constraint(key_rules), self._of(shape.value)
        scalars = _is_scalar(shape.value)
        refused_key = f"Map keys {_printed(key_rules)}"
        refused_scalar = f"Map value {_printed(_rules(shape.value, _MEMBER))}" if scalars else ""

        def constrain_map(value: dict[str, Any]) -> None:
            if size is not None:
                size(value)
            for key, item in value.items():
                if constrain_key is not None:
                    try:
                        constrain_key(key)
                    except _Violation:
                        raise _Violation(refused_key) from None
                if constrain_value is not None:
                    try:
                        constrain_value(item)
                    except _Violation as violation:
                        if scalars:
                            raise _Violation(refused_scalar) from None
                        violation.found_within(f"{key}.member")
                        raise

        return constrain_map
