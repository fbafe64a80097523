"""Constraints of parameters, by the input shapes of botocore's service model, with ECR's error texts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from botocore.model import OperationModel, Shape

from moto_ecr_ext.compatibility.requests import may_have_other_values
from moto_ecr_ext.compatibility.switches import current_rules
from moto_ecr_ext.oci.reference import TAG_PATTERN

Constraint = Callable[[Any], None]


class Violation(Exception):
    """A constraint that a value fails. `field` is the path to the failing field from the value that is checked."""

    def __init__(self, constraint: str, field: str = "") -> None:
        self.constraint = constraint
        self.field = field

    def found_within(self, field: str) -> None:
        """Extend the path: the checked value contains the failing one in this field."""
        self.field = f"{field}.{self.field}" if self.field else field


class _Wording(NamedTuple):
    must: str
    match: str


_MEMBER = _Wording("Member must", "satisfy regular expression pattern: {}")
_BARE = _Wording("must", "satisfy regular expression '{}'")

# ECR's errors for these lack the word `Member`. The first two quote the pattern:
# https://github.com/alexjurkiewicz/ecr-scan-image/issues/40
_WORDINGS = {
    "repositoryName": _BARE,
    "imageTag": _BARE,
    "registryId": _Wording("must", "satisfy regular expression {}"),
}

# Error texts list these values in another order than botocore's model.
_ENUM_ORDERS = {
    "ImageTagMutability": (
        "IMMUTABLE",
        "MUTABLE",
        "MUTABLE_WITH_EXCLUSION",
        "IMMUTABLE_WITH_EXCLUSION",
    )
}

# ECR's own field and constraint for some missing members.
# https://github.com/mulgadc/spinifex, TestSetRepositoryPolicy_MissingPolicyTextMessage: from a recorded response.
_ABSENT = {("SetRepositoryPolicyRequest", "policyText"): ("PolicyText", "Cannot be null")}

# Patterns that ECR enforces and the model lacks, by operation and member. Operations on several images are not here:
# they report a malformed tag as the failure of one image (`InvalidImageTag`).
_PATTERNS_BEYOND_MODEL: dict[str, dict[str, str]] = {"PutImage": {"imageTag": TAG_PATTERN}}

# The same language without the nested repetition. For text that almost matches, a backtracking matcher would take
# exponential time.
_LINEAR_PATTERNS = {
    r"^[a-z0-9*](?:[._\-/a-z0-9*]?[a-z0-9*]+)*$": r"[a-z0-9*]+(?:[._\-/][a-z0-9*]+)*",
}


class _Rule(NamedTuple):
    """One constraint of a value: a check, and the text for a value that fails it."""

    holds: Callable[[Any], object]
    text: str


def _pattern_rule(pattern: str, printed: str, wording: _Wording) -> _Rule:
    # Java's character classes are ASCII, and its `matches` matches the whole text.
    compiled = re.compile(_LINEAR_PATTERNS.get(pattern, pattern), re.ASCII)
    return _Rule(compiled.fullmatch, f"{wording.must} {wording.match.format(printed)}")


def _by_rules(shape_name: str, rule: _Rule) -> _Rule:
    """Return a rule for a pattern whose violation the rules of a call may accept."""
    if not may_have_other_values(shape_name):
        return rule

    def holds(value: str) -> bool:
        return bool(rule.holds(value)) or current_rules().parameters.accept(shape_name, value)

    return _Rule(holds, rule.text)


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
    """Return the constraints of a single value, in the order in which they are checked and printed."""
    rules = _limit_rules(shape, wording)
    pattern = shape.metadata.get("pattern")
    if pattern is not None:
        # botocore's model escapes the slashes of a repository name, ECR's error text does not.
        printed = pattern.replace(r"\/", "/") if shape.name == "RepositoryName" else pattern
        rules.append(_by_rules(shape.name, _pattern_rule(pattern, printed, wording)))
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
    """Return the rules as one function; None if there are no rules."""
    if not rules:
        return None

    def constrain(value: Any) -> None:
        for holds, text in rules:
            if not holds(value):
                raise Violation(text)

    return constrain


def _is_scalar(shape: Shape) -> bool:
    return shape.type_name not in ("structure", "list", "map")


def _printed(rules: Iterable[_Rule]) -> str:
    # AWS prints every constraint of such a value, including those that are met.
    return f"must satisfy constraint: [{', '.join(rule.text for rule in rules)}]"


class Constraints:
    """A compiler from shapes to functions that raise `Violation` for values that the shape does not allow."""

    def __init__(self) -> None:
        self._structures: dict[str, Constraint] = {}

    def of_request(self, operation: OperationModel) -> Constraint:
        """Return the function for the input of an operation."""
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
                    raise Violation(text, field)
            for name, field, constrain in constrained:
                item = value.get(name)
                if item is not None:
                    try:
                        constrain(item)
                    except Violation as violation:
                        violation.found_within(field)
                        raise

        self._structures[shape.name] = constrain_structure
        for name, member in shape.members.items():
            field = name[0].lower() + name[1:]
            wording = _WORDINGS.get(field, _MEMBER)
            if name in shape.required_members:
                refusal = _ABSENT.get((shape.name, name), (field, f"{wording.must} not be null"))
                required.append((name, *refusal))
            if name in patterns:
                rule = _pattern_rule(patterns[name], patterns[name], wording)
                constraint = _constraint([*_rules(member, wording), _by_rules(member.name, rule)])
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
                raise Violation("Member must not be null", field)
            if element is None:
                return
            checked = 0
            try:
                for item in value:
                    element(item)
                    checked += 1
            except Violation as violation:
                if scalars:
                    raise Violation(refused_scalar) from None
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
                    except Violation:
                        raise Violation(refused_key) from None
                if constrain_value is not None:
                    try:
                        constrain_value(item)
                    except Violation as violation:
                        if scalars:
                            raise Violation(refused_scalar) from None
                        violation.found_within(f"{key}.member")
                        raise

        return constrain_map
