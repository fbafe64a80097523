"""The schema of lifecycle policies, with the error texts of the validator that ECR uses.

The texts are those of https://github.com/java-json-tools/json-schema-validator. The members of an object are checked if
the object has all required members and no unknown one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from moto_ecr_ext.exceptions import InvalidParameterException

_AT = "Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: 'Lifecycle policy "
_NO_MATCH = "instance failed to match exactly one schema"
_TOO_LOW = "numeric instance is lower than the required minimum"

_TAG_STATUSES = ("any", "tagged", "untagged")
_STORAGE_CLASSES = ("archive", "standard")
_COUNT_TYPES = (
    "imageCountMoreThan",
    "sinceImagePushed",
    "sinceImagePulled",
    "sinceImageTransitioned",
)
# Count types that need an action.
_ACTIONS_NEEDED = {"sinceImagePulled": "transition", "sinceImageTransitioned": "expire"}

_TYPES = {
    type(None): "null",
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}


def refusal(reasons: Sequence[str]) -> InvalidParameterException:
    """Return the error for a policy. Several reasons have a line each, in one text.

    The end of such a text is that of the recorded text for members that match no schema.
    """
    if len(reasons) > 1 or reasons[0].startswith(_NO_MATCH):
        return _error("validation", "".join(f"{each}\n" for each in reasons))
    if reasons[0].startswith(_TOO_LOW):
        # ECR's text lacks the closing quote.
        return InvalidParameterException(f"{_AT}validation failure: {reasons[0]}")
    return _error("validation", reasons[0])


def unreadable(stage: str = "validation") -> InvalidParameterException:
    """Return the error for a text that is not a policy at all."""
    return _error(stage, "Could not map policyString into LifecyclePolicy.")


def _error(stage: str, reason: str) -> InvalidParameterException:
    return InvalidParameterException(f"{_AT}{stage} failure: {reason}'")


def check_schema(document: dict[str, Any]) -> None:
    """Raise InvalidParameterException for a policy with violations of the schema."""
    found = _Violations()
    rules = document.get("rules")
    if not isinstance(rules, list):
        raise refusal([_missing({"rules"})])
    found.members(document, required={"rules"})
    if not rules:
        found.append(
            "array is too short: must have at least 1 elements but instance has 0 elements"
        )
    elif len(rules) > 50:
        found.append(
            f"array is too long: must have at most 50 elements but instance has {len(rules)} elements"
        )
    else:
        for rule in rules:
            _check_rule(found, rule)
    found.report()


def check_rule(rule: object) -> None:
    """Raise InvalidParameterException for a rule with violations of the schema."""
    found = _Violations()
    _check_rule(found, rule)
    found.report()


class _Violations(list[str]):
    """The violations that were found so far."""

    def report(self) -> None:
        """Raise the error for them, if there are any."""
        if self:
            raise refusal(self)

    def typed(self, value: object, name: str) -> bool:
        """Return True if a value has a type of JSON."""
        if _TYPES[type(value)] == name:
            return True
        self.append(
            f"instance type ({_TYPES[type(value)]}) does not match any allowed primitive type "
            f'(allowed: ["{name}"])'
        )
        return False

    def members(
        self, value: object, *, required: set[str], optional: Iterable[str] = ()
    ) -> dict[str, Any] | None:
        """Return the members of an object, or None if they are missing or unknown, or it is no object."""
        if not self.typed(value, "object"):
            return None
        assert isinstance(value, dict)
        before = len(self)
        if missing := required - value.keys():
            self.append(_missing(missing))
        if unknown := value.keys() - required - set(optional):
            self.append(
                "object instance has properties which are not allowed by the schema: "
                f"({_listed(unknown)})"
            )
        return value if len(self) == before else None

    def integer(self, value: Any, minimum: int) -> None:
        """Check a whole number."""
        if self.typed(value, "integer") and value < minimum:
            self.append(f"{_TOO_LOW} (minimum: {minimum}, found: {value})")

    def enumerated(self, value: Any, values: Iterable[str], named: Iterable[str] = ()) -> None:
        """Check a text. The violation lists those `named`, or all `values`."""
        if self.typed(value, "string") and value not in values:
            self.append(
                f"instance value ({value}) not found in enum "
                f":(possible values: {_listed(named or values)})"
            )

    def strings(self, value: Any) -> None:
        """Check a list of texts."""
        if self.typed(value, "array"):
            for each in value:
                self.typed(each, "string")


def _check_rule(found: _Violations, value: object) -> None:
    members = found.members(
        value, required={"rulePriority", "selection", "action"}, optional={"description"}
    )
    if members is None:
        return
    before = len(found)
    found.integer(members["rulePriority"], minimum=1)
    if "description" in members:
        found.typed(members["description"], "string")
    _check_action(found, members["action"])
    _check_selection(found, members["selection"])
    if len(found) == before:
        needed = _ACTIONS_NEEDED.get(members["selection"]["countType"])
        if needed not in (None, members["action"]["type"]):
            found.append(f"{_NO_MATCH} (matched 0 out of 2)")


def _check_action(found: _Violations, value: object) -> None:
    members = found.members(value, required={"type"}, optional={"targetStorageClass"})
    if members is None:
        return
    before = len(found)
    # The text was recorded before ECR had transitions.
    found.enumerated(members["type"], ("expire", "transition"), named=["expire"])
    if len(found) > before or "targetStorageClass" not in members:
        return
    target = members["targetStorageClass"]
    if target is None or members["type"] == "expire":
        found.append(f"{_NO_MATCH} (matched 0 out of 2)")
    else:
        found.enumerated(target, ("archive",))


def _check_selection(found: _Violations, value: object) -> None:
    members = found.members(
        value,
        required={"tagStatus", "countType", "countNumber"},
        optional={"tagPrefixList", "tagPatternList", "storageClass", "countUnit"},
    )
    if members is None:
        return
    before = len(found)
    storage_class = members.get("storageClass", "standard")
    found.enumerated(members["tagStatus"], _TAG_STATUSES)
    found.typed(members["countType"], "string")
    found.enumerated(storage_class, _STORAGE_CLASSES)
    if members.get("countUnit") is not None:
        found.enumerated(members["countUnit"], ("days",))
    for name in ("tagPrefixList", "tagPatternList"):
        if name in members:
            found.strings(members[name])
    is_known = len(found) == before
    transitioned = members["countType"] == "sinceImageTransitioned"
    if is_known and not _matches_a_schema(members, storage_class):
        found.append(f"{_NO_MATCH} (matched 0 out of 4)")
    else:
        found.integer(members["countNumber"], minimum=90 if transitioned else 1)


def _matches_a_schema(members: dict[str, Any], storage_class: str) -> bool:
    """Return True if the count type of a selection goes with its unit and its storage class."""
    count_type = members["countType"]
    unit_needed = count_type != "imageCountMoreThan"
    archive_needed = count_type == "sinceImageTransitioned"
    return (
        count_type in _COUNT_TYPES
        and members.get("countUnit", "days") is not None
        and ("countUnit" in members) == unit_needed
        and (storage_class == "archive") == archive_needed
    )


def _missing(names: Iterable[str]) -> str:
    return f"object has missing required properties ({_listed(names)})"


def _listed(names: Iterable[str]) -> str:
    return json.dumps(sorted(names), ensure_ascii=False)
