"""Lifecycle policies: their grammar in ECR, and their rules.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html

A policy is checked against the schema first (`lifecycle_schema`), then for contradictions. All violations of either
kind are reported. The texts about tag lists, tag patterns and priorities are recorded in
https://github.com/badmintoncryer/cdk-preflight (rules/ecr). The text for a prefix in two rules is not known.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from .grammar import load_json
from .lifecycle_schema import check_rule, check_schema, refusal, unreadable


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


class ActionType(Enum):
    EXPIRE = "expire"
    TRANSITION = "transition"


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
class LifecycleRule:
    priority: int
    description: str | None
    selection: LifecycleSelection
    action: ActionType


@dataclass(frozen=True, slots=True)
class LifecyclePolicy:
    """A lifecycle policy. `rules` are in the order of their priorities, in which they apply."""

    rules: tuple[LifecycleRule, ...]


def parse_lifecycle_policy(text: str) -> LifecyclePolicy:
    """Return the rules of a lifecycle policy. Raises InvalidParameterException if ECR would refuse it."""
    try:
        document = load_json(text)
    except ValueError as error:
        raise unreadable() from error
    if not isinstance(document, dict):
        raise unreadable()
    check_schema(document)
    rules = sorted(map(_rule, document["rules"]), key=lambda rule: rule.priority)
    reasons = [
        reason for rule in document["rules"] for reason in _contradictions_within(rule["selection"])
    ]
    reasons += _contradictions_between(rules)
    if reasons:
        raise refusal(reasons)
    return LifecyclePolicy(tuple(rules))


def stored_form(text: str) -> str:
    """Return a policy as ECR stores it: rules in the order of their priorities, and no whitespace between tokens.

    https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/ecr_lifecycle_policy
    """
    document = load_json(text)
    priorities = [rule["rulePriority"] for rule in document["rules"]]
    # Policies that only moto accepts may have other priorities.
    if all(type(each) is int for each in priorities) and priorities != sorted(priorities):
        document["rules"].sort(key=lambda rule: rule["rulePriority"])
        text = json.dumps(document, ensure_ascii=False)
    return compact(text)


def compact(text: str) -> str:
    """Return JSON without the whitespace between its tokens."""
    return _STRING_OR_SPACE.sub(r"\1", text)


_STRING_OR_SPACE = re.compile(r'("(?:[^"\\]|\\.)*")|[ \t\r\n]+')


def read_rule(value: dict[str, Any]) -> LifecycleRule:
    """Return one rule. Raises InvalidParameterException if ECR would refuse it in any policy."""
    check_rule(value)
    if reasons := list(_contradictions_within(value["selection"])):
        raise refusal(reasons)
    return _rule(value)


def _rule(value: dict[str, Any]) -> LifecycleRule:
    """Return a rule that the schema allows."""
    return LifecycleRule(
        priority=_number(value["rulePriority"]),
        description=value.get("description"),
        action=_action(value["action"]),
        selection=_selection(value["selection"]),
    )


def _action(value: dict[str, Any]) -> ActionType:
    """Return the type of an action. A transition has one possible target, the archive."""
    action_type = ActionType(value["type"])
    if action_type is ActionType.TRANSITION and "targetStorageClass" not in value:
        # Recorded. The schema seems to allow it.
        raise unreadable("parsing")
    return action_type


def _selection(value: dict[str, Any]) -> LifecycleSelection:
    return LifecycleSelection(
        tag_status=TagStatus(value["tagStatus"]),
        tag_prefixes=tuple(value.get("tagPrefixList", ())),
        tag_patterns=tuple(value.get("tagPatternList", ())),
        storage_class=StorageClass(value.get("storageClass", "standard")),
        count_type=CountType(value["countType"]),
        count_number=_number(value["countNumber"]),
    )


def _number(value: int) -> int:
    if value > 2**31 - 1:
        raise unreadable()
    return value


def _contradictions_within(selection: Mapping[str, Any]) -> Iterator[str]:
    """Yield the contradictions between a selection's tag status and its lists. A list may be empty."""
    lists = {
        name: selection[name] for name in ("tagPatternList", "tagPrefixList") if name in selection
    }
    if selection["tagStatus"] != TagStatus.TAGGED.value:
        if lists:
            yield f"Cannot specify {min(lists)} with tagStatus {selection['tagStatus']}"
    elif len(lists) > 1:
        yield (
            "If policy has a tagged rule, "
            "it must specify only one of tagPrefixList or tagPatternList"
        )
    elif not any(lists.values()):
        yield "Must specify tagPrefixList or tagPatternList when tagStatus=TAGGED."
    if any(pattern.count("*") > 4 for pattern in lists.get("tagPatternList", ())):
        yield "Invalid tag pattern provided. Total number of * must not exceed 4"


def _contradictions_between(rules: Sequence[LifecycleRule]) -> Iterator[str]:
    """Yield the contradictions between rules, which come in the order of their priorities."""
    if len({rule.priority for rule in rules}) < len(rules):
        yield "Duplicate priority in multiple rules"
    for storage_class in StorageClass:
        selections = [
            rule.selection for rule in rules if rule.selection.storage_class is storage_class
        ]
        statuses = [selection.tag_status for selection in selections]
        if statuses.count(TagStatus.UNTAGGED) > 1:
            yield "Only one rule can select Untagged images per storage class."
        if TagStatus.ANY in statuses[:-1]:
            yield "Rule for tagStatus=ANY must have the lowest priority per storage class"
        prefixes: set[str] = set()
        for selection in selections:
            for twice in sorted(prefixes.intersection(selection.tag_prefixes)):
                yield f"Duplicate tag prefix {twice} in multiple rules"
            prefixes.update(selection.tag_prefixes)
