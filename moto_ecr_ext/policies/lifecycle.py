"""Lifecycle policies: their grammar in ECR, and their rules.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html

The first error is reported. Most error texts are those of the JSON schema validator that ECR uses
(https://github.com/java-json-tools/json-schema-validator). Those about tag lists, tag patterns and priorities are
recorded in https://github.com/badmintoncryer/cdk-preflight (rules/ecr). The text for a prefix in two rules is not
known.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar

from moto_ecr_ext.exceptions import InvalidParameterException

from .grammar import load_json

_EnumT = TypeVar("_EnumT", bound=Enum)


class TagStatus(Enum):
    TAGGED = "tagged"
    UNTAGGED = "untagged"
    ANY = "any"


class StorageClass(Enum):
    STANDARD = "standard"
    ARCHIVE = "archive"


class CountType(Enum):
    IMAGE_COUNT_MORE_THAN = "imageCountMoreThan"
    SINCE_IMAGE_PUSHED = "sinceImagePushed"
    SINCE_IMAGE_PULLED = "sinceImagePulled"
    SINCE_IMAGE_TRANSITIONED = "sinceImageTransitioned"


class CountUnit(Enum):
    DAYS = "days"


class ActionType(Enum):
    EXPIRE = "expire"
    TRANSITION = "transition"


class TargetStorageClass(Enum):
    ARCHIVE = "archive"


@dataclass(frozen=True, slots=True)
class LifecycleSelection:
    """The images of a rule, and the condition under which it acts on them.

    An image is selected if every prefix, or every pattern, matches one of its tags. `count_number` counts images or,
    with the other count types, days: up to 2**31 - 1, more than a `timedelta` holds.
    """

    tag_status: TagStatus
    tag_prefixes: tuple[str, ...]
    tag_patterns: tuple[str, ...]
    storage_class: StorageClass
    count_type: CountType
    count_number: int


@dataclass(frozen=True, slots=True)
class LifecycleAction:
    """The action of a rule. `target_storage_class` is that of a transition; None for expiry."""

    type: ActionType
    target_storage_class: TargetStorageClass | None


@dataclass(frozen=True, slots=True)
class LifecycleRule:
    priority: int
    description: str | None
    selection: LifecycleSelection
    action: LifecycleAction


@dataclass(frozen=True, slots=True)
class LifecyclePolicy:
    """A lifecycle policy. `rules` are in the order of their priorities, in which they apply."""

    rules: tuple[LifecycleRule, ...]


def parse_lifecycle_policy(text: str) -> LifecyclePolicy:
    """Return the rules of a lifecycle policy. Raises InvalidParameterException if ECR would refuse it."""
    try:
        document = load_json(text)
    except ValueError as error:
        raise _unreadable() from error
    if not isinstance(document, dict):
        raise _unreadable()
    if not isinstance(document.get("rules"), list):
        raise _missing({"rules"})
    _members(document, required={"rules"})
    rules = _rules(document["rules"])
    _check_together(rules)
    return LifecyclePolicy(tuple(rules))


def compact(text: str) -> str:
    """Return JSON without the whitespace between its tokens, as ECR stores a policy."""
    return _STRING_OR_SPACE.sub(r"\1", text)


_STRING_OR_SPACE = re.compile(r'("(?:[^"\\]|\\.)*")|[ \t\r\n]+')


def _rules(values: list[Any]) -> list[LifecycleRule]:
    """Return the rules in the order of their priorities."""
    if not values:
        raise _refusal(
            "array is too short: must have at least 1 elements but instance has 0 elements"
        )
    if len(values) > 50:
        raise _refusal(
            "array is too long: must have at most 50 elements "
            f"but instance has {len(values)} elements"
        )
    return sorted((read_rule(value) for value in values), key=lambda rule: rule.priority)


def read_rule(value: object) -> LifecycleRule:
    """Return one rule. Raises InvalidParameterException if ECR would refuse it in any policy."""
    members = _members(
        value, required={"rulePriority", "selection", "action"}, optional={"description"}
    )
    rule = LifecycleRule(
        priority=_integer(members["rulePriority"], minimum=1),
        description=_typed(members["description"], "string") if "description" in members else None,
        action=_action(members["action"]),
        selection=_selection(members["selection"]),
    )
    needed = _ACTION_NEEDED.get(rule.selection.count_type)
    if needed and rule.action.type is not needed:
        raise _no_match()
    return rule


_ACTION_NEEDED = {
    CountType.SINCE_IMAGE_PULLED: ActionType.TRANSITION,
    CountType.SINCE_IMAGE_TRANSITIONED: ActionType.EXPIRE,
}


def _action(value: object) -> LifecycleAction:
    members = _members(value, required={"type"}, optional={"targetStorageClass"})
    # The text was recorded before ECR had transitions.
    action_type = _enumerated(members["type"], ActionType, named=[ActionType.EXPIRE])
    has_target = "targetStorageClass" in members
    if has_target != (action_type is ActionType.TRANSITION):
        raise _no_match()
    if not has_target:
        return LifecycleAction(action_type, None)
    target = members["targetStorageClass"]
    if target is None:
        raise _no_match()
    return LifecycleAction(action_type, _enumerated(target, TargetStorageClass))


def _selection(value: object) -> LifecycleSelection:
    members = _members(
        value,
        required={"tagStatus", "countType", "countNumber"},
        optional={"tagPrefixList", "tagPatternList", "storageClass", "countUnit"},
    )
    tag_status = _enumerated(members["tagStatus"], TagStatus)
    try:
        count_type = CountType(_typed(members["countType"], "string"))
    except ValueError as error:
        raise _no_match() from error
    storage_class = _enumerated(members.get("storageClass", "standard"), StorageClass)
    transitioned = count_type is CountType.SINCE_IMAGE_TRANSITIONED
    if transitioned != (storage_class is StorageClass.ARCHIVE):
        raise _no_match()
    counts_days = count_type is not CountType.IMAGE_COUNT_MORE_THAN
    has_unit = "countUnit" in members
    if has_unit:
        if members["countUnit"] is None:
            raise _no_match()
        _enumerated(members["countUnit"], CountUnit)
    tag_lists: dict[str, tuple[str, ...]] = {
        name: _strings(members[name])
        for name in ("tagPrefixList", "tagPatternList")
        if name in members
    }
    if has_unit != counts_days:
        raise _no_match()
    count_number = _integer(members["countNumber"], minimum=90 if transitioned else 1)
    _check_tag_lists(tag_status, tag_lists)
    return LifecycleSelection(
        tag_status=tag_status,
        tag_prefixes=tag_lists.get("tagPrefixList", ()),
        tag_patterns=tag_lists.get("tagPatternList", ()),
        storage_class=storage_class,
        count_type=count_type,
        count_number=count_number,
    )


def _strings(value: object) -> tuple[str, ...]:
    return tuple(_typed(each, "string") for each in _typed(value, "array"))


def _check_tag_lists(tag_status: TagStatus, tag_lists: Mapping[str, tuple[str, ...]]) -> None:
    if tag_status is not TagStatus.TAGGED:
        if tag_lists:
            raise _refusal(f"Cannot specify {min(tag_lists)} with tagStatus {tag_status.value}")
    else:
        if len(tag_lists) > 1:
            raise _refusal(
                "If policy has a tagged rule, "
                "it must specify only one of tagPrefixList or tagPatternList"
            )
        if not any(tag_lists.values()):
            raise _refusal("Must specify tagPrefixList or tagPatternList when tagStatus=TAGGED.")
    if any(pattern.count("*") > 4 for pattern in tag_lists.get("tagPatternList", ())):
        raise _refusal("Invalid tag pattern provided. Total number of * must not exceed 4")


def _check_together(rules: list[LifecycleRule]) -> None:
    """Refuse rules that contradict each other. They come in the order of their priorities."""
    if len({rule.priority for rule in rules}) < len(rules):
        raise _refusal("Duplicate priority in multiple rules")
    for storage_class in StorageClass:
        selections = [
            rule.selection for rule in rules if rule.selection.storage_class is storage_class
        ]
        statuses = [selection.tag_status for selection in selections]
        if statuses.count(TagStatus.UNTAGGED) > 1:
            raise _refusal("Only one rule can select Untagged images per storage class.")
        if TagStatus.ANY in statuses[:-1]:
            raise _refusal("Rule for tagStatus=ANY must have the lowest priority per storage class")
        prefixes: set[str] = set()
        for selection in selections:
            if twice := prefixes.intersection(selection.tag_prefixes):
                raise _refusal(f"Duplicate tag prefix {min(twice)} in multiple rules")
            prefixes.update(selection.tag_prefixes)


_TYPES = {
    type(None): "null",
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}


def _typed(value: object, name: str) -> Any:
    if _TYPES[type(value)] != name:
        raise _refusal(
            f"instance type ({_TYPES[type(value)]}) does not match any allowed primitive type "
            f'(allowed: ["{name}"])'
        )
    return value


def _members(value: object, *, required: set[str], optional: Iterable[str] = ()) -> dict[str, Any]:
    members: dict[str, Any] = _typed(value, "object")
    if missing := required - members.keys():
        raise _missing(missing)
    if unknown := members.keys() - required - set(optional):
        raise _refusal(
            "object instance has properties which are not allowed by the schema: "
            f"({_listed(unknown)})"
        )
    return members


def _integer(value: object, *, minimum: int) -> int:
    number: int = _typed(value, "integer")
    if number < minimum:
        # ECR's text lacks the closing quote, like that of `_no_match`.
        raise InvalidParameterException(
            f"{_REFUSAL}numeric instance is lower than the required minimum "
            f"(minimum: {minimum}, found: {number})"
        )
    if number > 2**31 - 1:
        raise _unreadable()
    return number


def _enumerated(value: object, values: type[_EnumT], named: Iterable[_EnumT] = ()) -> _EnumT:
    """Return the member of `values`. The error for another value lists those `named`, or all."""
    text: str = _typed(value, "string")
    try:
        return values(text)
    except ValueError as error:
        possible = _listed(each.value for each in named or values)
        raise _refusal(
            f"instance value ({text}) not found in enum :(possible values: {possible})"
        ) from error


def _listed(names: Iterable[str]) -> str:
    return json.dumps(sorted(names), ensure_ascii=False)


_REFUSAL = (
    "Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: "
    "'Lifecycle policy validation failure: "
)


def _refusal(reason: str) -> InvalidParameterException:
    return InvalidParameterException(f"{_REFUSAL}{reason}'")


def _unreadable() -> InvalidParameterException:
    return _refusal("Could not map policyString into LifecyclePolicy.")


def _missing(names: Iterable[str]) -> InvalidParameterException:
    return _refusal(f"object has missing required properties ({_listed(names)})")


def _no_match() -> InvalidParameterException:
    """Return the error for members of a selection or an action that contradict each other."""
    return InvalidParameterException(
        f"{_REFUSAL}instance failed to match exactly one schema (matched 0 out of 2)"
    )
