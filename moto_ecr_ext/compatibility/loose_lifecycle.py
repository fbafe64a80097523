"""Lifecycle policies that moto accepts and ECR does not: their rules contradict themselves or each other.

They are read leniently: a member that contradicts the others is ignored.
"""

from __future__ import annotations

from typing import Any

from moto_ecr_ext.exceptions import InvalidParameterException
from moto_ecr_ext.policies.grammar import load_json
from moto_ecr_ext.policies.lifecycle import (
    LifecyclePolicy,
    LifecycleRule,
    parse_lifecycle_policy,
    read_rule,
)


def read_lifecycle_policy(text: str) -> LifecyclePolicy:
    """Return the rules of a policy that was accepted once, even if it would be refused now."""
    try:
        return parse_lifecycle_policy(text)
    except InvalidParameterException:
        return read_loosely(text) or LifecyclePolicy(())


def read_loosely(text: str) -> LifecyclePolicy | None:
    """Return the rules of a text, in their order; None if moto would refuse it too."""
    try:
        values = load_json(text)["rules"]
        rules = [_rule(value) for value in values]
    except (InvalidParameterException, ValueError, TypeError, LookupError, AttributeError):
        return None
    return LifecyclePolicy(tuple(sorted(rules, key=lambda rule: rule.priority)))


def _rule(value: dict[str, Any]) -> LifecycleRule:
    rule = {**value, "selection": _selection(value["selection"])}
    if type(rule["rulePriority"]) is not int or rule["rulePriority"] < 1:
        rule["rulePriority"] = 1
    if not isinstance(rule.get("description", ""), str):
        del rule["description"]
    return read_rule(rule)


def _selection(value: dict[str, Any]) -> dict[str, Any]:
    selection = dict(value)
    unit = selection.pop("countUnit", None) or "days"
    if selection["countType"] == "sinceImagePushed" or unit != "days":
        selection["countUnit"] = unit
    lists = [selection.pop(name, None) for name in ("tagPatternList", "tagPrefixList")]
    if selection["tagStatus"] == "tagged":
        # Patterns take precedence over prefixes.
        patterns, prefixes = (each if isinstance(each, list) else [] for each in lists)
        selection["tagPatternList"] = patterns or [f"{each}*" for each in prefixes] or ["*"]
    return selection
