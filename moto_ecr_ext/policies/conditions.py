"""Conditions of statements: their operators, and their evaluation for a request.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

from __future__ import annotations

import ipaddress
import json
import operator
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from moto_ecr_ext.clock import time_of_text

from .variables import Context, Text, read_text
from .wildcards import matches_pattern

_MAX_DIGITS = 100


@dataclass(frozen=True, slots=True)
class Condition:
    """One key with one operator. `quantifier` is `any` for ForAnyValue, `all` for ForAllValues."""

    key: str
    comparison: Comparison
    operands: tuple[Any, ...]
    quantifier: Callable[[Iterable[bool]], bool] | None
    if_exists: bool

    def holds(self, context: Context) -> bool:
        quantifier = self.quantifier or (all if self.comparison.negated else any)
        values = context.get(self.key)
        if values is None:
            # "If the policy condition requires that the key is not matched, … and the right key is
            # not present, the condition is true" (IAM User Guide, "Condition operators").
            return self.if_exists or quantifier is all
        operands = self.comparison.resolved(self.operands, context)
        return quantifier(self.comparison.accepts(value, operands) for value in values)


@dataclass(frozen=True, slots=True)
class NullCondition:
    """One key with the operator `Null`. A value of true means that the request does not have the key."""

    key: str
    operands: tuple[bool, ...]

    def holds(self, context: Context) -> bool:
        return (self.key not in context) in self.operands


@dataclass(frozen=True, slots=True)
class Comparison:
    """A condition operator. `holds` compares the request's value with the document's.

    `read` makes both comparable; it raises ValueError for a text that is not of the operator's type. For operators
    whose texts may have variables, `text_of` resolves them. Other operators have no `text_of`.
    """

    read: Callable[[str], Any]
    holds: Callable[[Any, Any], bool]
    text_of: Callable[[Text, Context], str | None] | None = None
    negated: bool = False

    def read_operand(self, text: str, version: str) -> Any:
        """Return a value of a document, in the form that `resolved` expects. Raises ValueError."""
        return self.read(text) if self.text_of is None else read_text(text, version)

    def resolved(self, operands: Iterable[Any], context: Context) -> list[Any]:
        """Return the values of a document for a request. Texts with variables that the request lacks are left out."""
        if self.text_of is None:
            return list(operands)
        texts = (self.text_of(operand, context) for operand in operands)
        return [self.read(text) for text in texts if text is not None]

    def accepts(self, value: str, operands: Iterable[Any]) -> bool:
        try:
            requested = self.read(value)
        except ValueError:
            return self.negated
        return any(self.holds(requested, operand) for operand in operands) != self.negated


def _matches_arn(arn: list[str], pattern: list[str]) -> bool:
    # "Each of the six colon-delimited components of the ARN is checked separately" (IAM Guide).
    return pattern == ["*"] or (
        len(arn) == len(pattern) and all(map(matches_pattern, arn, pattern))
    )


def _within(address: Any, network: Any) -> bool:
    return address.version == network.version and bool(address.subnet_of(network))


def _components(text: str) -> list[str]:
    return text.split(":", 5)


def _bound(text: str) -> None:
    """Raise ValueError for too many digits: long numbers take long to read and to compare."""
    if len(text) > _MAX_DIGITS:
        raise ValueError("too long")


def _number(text: str) -> Decimal:
    _bound(text)
    try:
        number = Decimal(text)
    except ArithmeticError as error:
        raise ValueError(f"{text} is not a number") from error
    if not number.is_finite():
        raise ValueError(f"{text} is not a number")
    return number


def _moment(text: str) -> float:
    """Return the time of an ISO 8601 date, or of a number of seconds, in seconds since the epoch."""
    _bound(text)
    return float(text) if re.fullmatch("[0-9]+", text) else time_of_text(text)


def _boolean(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError(f"{text} is not a boolean")
    return text.lower() == "true"


def _network(text: str) -> Any:
    return ipaddress.ip_network(text, strict=False)


_ORDER = {
    "Equals": operator.eq,
    "LessThan": operator.lt,
    "LessThanEquals": operator.le,
    "GreaterThan": operator.gt,
    "GreaterThanEquals": operator.ge,
}
_COMPARISONS = {
    "StringEquals": Comparison(str, operator.eq, Text.plain),
    "StringEqualsIgnoreCase": Comparison(str.casefold, operator.eq, Text.plain),
    "StringLike": Comparison(str, matches_pattern, Text.pattern),
    **{f"Numeric{name}": Comparison(_number, holds) for name, holds in _ORDER.items()},
    **{f"Date{name}": Comparison(_moment, holds) for name, holds in _ORDER.items()},
    "Bool": Comparison(_boolean, operator.eq),
    "BinaryEquals": Comparison(str, operator.eq),
    "IpAddress": Comparison(_network, _within),
    "ArnEquals": Comparison(_components, _matches_arn, Text.pattern),
    "ArnLike": Comparison(_components, _matches_arn, Text.pattern),
}
_NEGATIONS = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "NumericNotEquals": "NumericEquals",
    "DateNotEquals": "DateEquals",
    "NotIpAddress": "IpAddress",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
}
_COMPARISONS |= {
    name: replace(_COMPARISONS[positive], negated=True) for name, positive in _NEGATIONS.items()
}
_OPERATOR = re.compile(r"(?:(ForAnyValue|ForAllValues):)?([A-Za-z]+?)(IfExists)?")
_QUANTIFIERS = {"ForAnyValue": any, "ForAllValues": all}


def read_conditions(value: object, version: str) -> Iterator[Condition | NullCondition]:
    """Yield the conditions of a `Condition` element in a document of a version.

    Raises ValueError if IAM would not accept them.
    """
    if not isinstance(value, dict):
        raise ValueError("Condition")
    for name, keys in value.items():
        make = _operator(name, version)
        if not isinstance(keys, dict):
            raise ValueError(name)
        for key, values in keys.items():
            texts = [
                operand_text(each) for each in (values if isinstance(values, list) else [values])
            ]
            yield make(key.lower(), texts)


def _operator(name: str, version: str) -> Callable[[str, list[str]], Condition | NullCondition]:
    """Return the function that makes a condition of a key and its values, with the operator `name`."""
    if name == "Null":
        return lambda key, texts: NullCondition(key, tuple(map(_boolean, texts)))
    parts = _OPERATOR.fullmatch(name)
    if parts is None or parts[2] not in _COMPARISONS:
        raise ValueError(f"condition operator {name}")
    comparison = _COMPARISONS[parts[2]]
    quantifier = _QUANTIFIERS.get(parts[1])
    if_exists = parts[3] is not None
    return lambda key, texts: Condition(
        key,
        comparison,
        tuple(comparison.read_operand(text, version) for text in texts),
        quantifier,
        if_exists,
    )


def operand_text(value: object) -> str:
    """Return a value of a condition as text. It may be a boolean or a number. Raises ValueError for other types."""
    if isinstance(value, str):
        return value
    if isinstance(value, (bool, int, float)):
        return json.dumps(value)
    raise ValueError("the value of a condition")
