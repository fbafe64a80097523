"""IAM policy documents: their grammar for repositories, registries and identities, and their decisions.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar

from moto_ecr_ext.exceptions import InvalidParameterException

from .conditions import Condition, NullCondition, read_conditions
from .grammar import load_json, read_object, statements_of
from .patterns import (
    EVERYTHING,
    Patterns,
    Resources,
    read_actions,
    read_ecr_actions,
    read_repository_actions,
    read_resources,
)
from .principals import EVERYONE, Principals, read_principals, role_of_session
from .variables import Context

T = TypeVar("T")

# The version of a document without a `Version`.
_OLDEST = "2008-10-17"


def parse_repository_policy(text: str) -> PolicyDocument:
    """Return the document of SetRepositoryPolicy. Raises InvalidParameterException if ECR would refuse it.

    No statement may have a `Resource`: the repository is implied (https://github.com/aws/aws-cdk/issues/24314). Two
    statements may share a `Sid`.
    """
    return _parse(text, _REPOSITORY, "Invalid repository policy provided")


def parse_registry_policy(text: str) -> PolicyDocument:
    """Return the document of PutRegistryPolicy. Raises InvalidParameterException if ECR would refuse it.

    Every statement needs a `Resource`. Every ECR action is allowed in it, as in registries whose REGISTRY_POLICY_SCOPE
    is V2.
    """
    return _parse(text, _REGISTRY, "Invalid registry policy provided")


def read_resource_policy(text: str) -> PolicyDocument:
    """Return the document of a repository or registry, as far as it is readable (see `_readable`).

    ECR has accepted it, but an earlier version of this package may have accepted more.
    """
    return _readable(text, _RESOURCE)


def read_identity_policy(text: str) -> PolicyDocument:
    """Return the document of a user, a group or a role, as far as it is readable (see `_readable`).

    It names no principal, and actions of any service. moto's IAM has accepted it without a full check.
    """
    return _readable(text, _IDENTITY)


class PolicyDecision(Enum):
    """The decision of a document about a request. NONE leaves it to other policies."""

    ALLOW = "Allow"
    DENY = "Deny"
    NONE = "None"


@dataclass(frozen=True, slots=True)
class PolicyDocument:
    """A policy. Its statements are parsed once."""

    version: str
    id: str | None
    statements: tuple[Statement, ...]

    def actions(self) -> set[str]:
        """Return the actions that statements name, in lower case. Patterns are not expanded."""
        return {action for each in self.statements for action in each.actions.patterns}

    def identities(self) -> set[str]:
        """Return the ARNs of the users, roles and sessions that the document names as principals."""
        return {
            name
            for statement in self.statements
            for kind, name in statement.principals.members
            if kind == "AWS" and name.startswith("arn:")
        }

    def decision(
        self,
        principal_arn: str,
        principal_account: str,
        action: str,
        resource: str,
        context: Mapping[str, str | Sequence[str]],
    ) -> PolicyDecision:
        """Return the decision of this document about a request. One denial outweighs every permission.

        `principal_arn` of a service is its name (`lambda.amazonaws.com`); a service has no account, and no value for
        `aws:PrincipalArn` and `aws:PrincipalAccount`. A session of a role counts as the role too. `context` has the
        values of all other condition keys; these two follow from the principal.
        """
        values: dict[str, str | Sequence[str]] = {}
        if principal_arn.startswith("arn:"):
            values["aws:PrincipalArn"] = role_of_session(principal_arn) or principal_arn
        if principal_account:
            values["aws:PrincipalAccount"] = principal_account
        request = AccessRequest(
            principal_arn,
            principal_account,
            action.lower(),
            resource,
            {
                key.lower(): (value,) if isinstance(value, str) else tuple(value)
                for key, value in (*values.items(), *context.items())
            },
        )
        effects = {each.effect for each in self.statements if each.applies_to(request)}
        if PolicyDecision.DENY in effects:
            return PolicyDecision.DENY
        return PolicyDecision.ALLOW if effects else PolicyDecision.NONE


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """A request of a principal for an action on a resource. The action is in lower case."""

    principal_arn: str
    principal_account: str
    action: str
    resource: str
    context: Context


@dataclass(frozen=True, slots=True)
class Statement:
    """One rule of a policy. A repository's policy has no `resources`: they are the repository."""

    sid: str | None
    effect: PolicyDecision
    principals: Principals
    actions: Patterns
    resources: Resources | None
    conditions: tuple[Condition | NullCondition, ...]

    def applies_to(self, request: AccessRequest) -> bool:
        return (
            self.actions.match(request.action)
            and (self.resources is None or self.resources.match(request.resource, request.context))
            and self.principals.include(request.principal_arn, request.principal_account)
            and all(condition.holds(request.context) for condition in self.conditions)
        )


@dataclass(frozen=True, slots=True)
class _Grammar:
    """The elements of statements in one kind of policy. Each function raises ValueError."""

    members: frozenset[str]
    principals: Callable[[dict[str, Any]], Principals]
    actions: Callable[[dict[str, Any]], Patterns]
    resources: Callable[[dict[str, Any], str], Resources | None]


def _everyone(statement: dict[str, Any]) -> Principals:
    return EVERYONE


def _some_resources(statement: dict[str, Any], version: str) -> Resources:
    resources = read_resources(statement, version)
    if resources is None:
        raise ValueError("no resource")
    return resources


_DOCUMENT_MEMBERS = frozenset({"Version", "Id", "Statement"})
_PRINCIPAL = frozenset({"Principal", "NotPrincipal"})
_RESOURCE_MEMBERS = frozenset({"Resource", "NotResource"})
_IDENTITY_MEMBERS = _RESOURCE_MEMBERS | {"Sid", "Effect", "Action", "NotAction", "Condition"}
_ALL_MEMBERS = _IDENTITY_MEMBERS | _PRINCIPAL

_REPOSITORY = _Grammar(
    _ALL_MEMBERS - _RESOURCE_MEMBERS, read_principals, read_repository_actions, read_resources
)
_REGISTRY = _Grammar(_ALL_MEMBERS, read_principals, read_ecr_actions, _some_resources)
_RESOURCE = _Grammar(_ALL_MEMBERS, read_principals, read_actions, read_resources)
_IDENTITY = _Grammar(_IDENTITY_MEMBERS, _everyone, read_actions, read_resources)


def _parse(text: str, grammar: _Grammar, refusal: str) -> PolicyDocument:
    try:
        members = read_object(load_json(text), _DOCUMENT_MEMBERS)
        version = members.get("Version", _OLDEST)
        if version not in (_OLDEST, "2012-10-17"):
            raise ValueError("Version")
        statements = statements_of(members)
        if not statements:
            raise ValueError("no statement")
        return PolicyDocument(
            version,
            _optional_text(members, "Id"),
            tuple(_statement(each, grammar, version) for each in statements),
        )
    except ValueError as error:
        raise InvalidParameterException.at("PolicyText", refusal) from error


def _readable(text: str, grammar: _Grammar) -> PolicyDocument:
    """Return the readable statements of a document: an unreadable statement does not affect the others.

    A statement that allows and is unreadable allows nothing. In a statement that denies, an unreadable element is
    replaced by one that matches everything.
    """
    try:
        # Otherwise, an integer of thousands of digits would raise ValueError for the whole text.
        members = json.loads(text, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        members = None
    if not isinstance(members, dict):
        members = {"Statement": []}
    version = str(members.get("Version", _OLDEST))
    statements = (_readable_statement(each, grammar, version) for each in statements_of(members))
    return PolicyDocument(version, None, tuple(each for each in statements if each is not None))


def _readable_statement(value: object, grammar: _Grammar, version: str) -> Statement | None:
    try:
        return _statement(value, grammar, version)
    except ValueError:
        if not isinstance(value, dict) or value.get("Effect") != "Deny":
            return None
    return Statement(
        sid=None,
        effect=PolicyDecision.DENY,
        principals=_or_else(EVERYONE, lambda: grammar.principals(value)),
        actions=_or_else(EVERYTHING, lambda: grammar.actions(value)),
        resources=_or_else(None, lambda: grammar.resources(value, version)),
        conditions=_or_else((), lambda: _conditions(value, version)),
    )


def _or_else(default: T, read: Callable[[], T]) -> T:
    try:
        return read()
    except ValueError:
        return default


def _statement(value: object, grammar: _Grammar, version: str) -> Statement:
    members = read_object(value, grammar.members)
    if members.get("Effect") not in ("Allow", "Deny"):
        raise ValueError("Effect")
    return Statement(
        sid=_optional_text(members, "Sid"),
        effect=PolicyDecision(members["Effect"]),
        principals=grammar.principals(members),
        actions=grammar.actions(members),
        resources=grammar.resources(members, version),
        conditions=_conditions(members, version),
    )


def _conditions(statement: dict[str, Any], version: str) -> tuple[Condition | NullCondition, ...]:
    return tuple(read_conditions(statement.get("Condition", {}), version))


def _optional_text(members: dict[str, Any], name: str) -> str | None:
    if not isinstance(members.get(name, ""), str):
        raise ValueError(name)
    return members.get(name)
