"""Actions and resources of statements, which are patterns of names.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html and
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from moto_ecr_ext import service_model

from .grammar import read_either, read_texts
from .variables import Context, Text, read_text
from .wildcards import matches_pattern


@dataclass(frozen=True, slots=True)
class Patterns:
    """`Action`, or `NotAction` if `inverted`. `*` and `?` are wildcards."""

    patterns: tuple[str, ...]
    inverted: bool

    def match(self, action: str) -> bool:
        """Return True if an action, in lower case, matches."""
        return any(matches_pattern(action, pattern) for pattern in self.patterns) != self.inverted


@dataclass(frozen=True, slots=True)
class Resources:
    """`Resource`, or `NotResource` if `inverted`. `*` and `?` are wildcards, and variables are allowed."""

    texts: tuple[Text, ...]
    inverted: bool

    def match(self, arn: str, context: Context) -> bool:
        """Return True if a resource matches in a request with these condition keys."""
        patterns = (text.pattern(context) for text in self.texts)
        return (
            any(matches_pattern(arn, each) for each in patterns if each is not None)
            != self.inverted
        )


EVERYTHING = Patterns(("*",), inverted=False)


def read_actions(statement: dict[str, Any]) -> Patterns:
    """Return the actions of a statement, of any service. Raises ValueError."""
    return _read(statement, str.lower)


def read_ecr_actions(statement: dict[str, Any]) -> Patterns:
    """Return the actions of a statement. Raises ValueError if one of `Action` matches no action of ECR.

    ECR accepts any name in `NotAction` (AWS Config showed `"NotAction" : "ecr:abc"` in the policy of a repository:
    https://github.com/cloud-custodian/cloud-custodian, tests/data/placebo/test_ecr_cross_account_filter_config).
    """
    return _read(statement, _action if "NotAction" in statement else _ecr_action)


def read_repository_actions(statement: dict[str, Any]) -> Patterns:
    """Return the actions of a repository's statement, like `read_ecr_actions`.

    Raises ValueError also for the action that concerns no repository.

    https://github.com/cloudposse/terraform-aws-ecr/pull/67
    """
    actions = read_ecr_actions(statement)
    if not actions.inverted and "ecr:getauthorizationtoken" in actions.patterns:
        raise ValueError("action of a registry")
    return actions


def read_resources(statement: dict[str, Any], version: str) -> Resources | None:
    """Return the resources of a statement, or None if it names none. Raises ValueError."""
    if "Resource" not in statement and "NotResource" not in statement:
        return None
    value, inverted = read_either(statement, "Resource")
    return Resources(tuple(_resource(text, version) for text in read_texts(value)), inverted)


def _resource(text: str, version: str) -> Text:
    # ECR accepts an ARN that lacks a part (https://github.com/aws/containers-roadmap/issues/2675).
    if text != "*" and not text.startswith("arn:"):
        raise ValueError(f"resource {text}")
    return read_text(text, version)


def _read(statement: dict[str, Any], read: Callable[[str], str]) -> Patterns:
    value, inverted = read_either(statement, "Action")
    return Patterns(tuple(read(text) for text in read_texts(value)), inverted)


def _action(text: str) -> str:
    if text != "*" and not re.fullmatch("[A-Za-z0-9-]+:[A-Za-z0-9*?]+", text):
        raise ValueError(f"action {text}")
    return text.lower()


def _ecr_action(text: str) -> str:
    pattern = text.lower()
    if pattern == "*":
        return pattern
    service, _, name = pattern.partition(":")
    if service != "ecr" or not any(matches_pattern(action, name) for action in _actions_of_ecr()):
        raise ValueError(f"action {text}")
    return pattern


@cache
def _actions_of_ecr() -> frozenset[str]:
    """Return the names of ECR's IAM actions, in lower case.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html
    """
    actions = {
        *service_model.operation_names(),
        "BatchImportUpstreamImage",
        "GetImageCopyStatus",
        "ReplicateImage",
    } - {"ListImageReferrers"}
    return frozenset(action.lower() for action in actions)
