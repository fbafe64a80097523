"""IAM policy documents: what ECR accepts for repositories and registries, and who may do what.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html

Policy variables (`${aws:username}`) are compared as they stand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from moto_ecr_ext.exceptions import InvalidParameterException

from .conditions import Condition, Context, NullCondition, read_conditions
from .grammar import load_json, read_object
from .patterns import Patterns, read_actions, read_ecr_actions, read_resources
from .principals import EVERYONE, Principals, read_principals, role_of_session


def parse_repository_policy(text: str) -> PolicyDocument:
    """Return the document of SetRepositoryPolicy. Raises InvalidParameterException if ECR would refuse it.

    `Resource` may be left out, and two statements may share a `Sid`.
    """
    return _parse(text, "Invalid repository policy provided")


def parse_registry_policy(text: str) -> PolicyDocument:
    """Return the document of PutRegistryPolicy. Raises InvalidParameterException if ECR would refuse it.

    Every ECR action is allowed in it, as in registries whose REGISTRY_POLICY_SCOPE is V2.
    """
    refusal = "Invalid registry policy provided"
    document = _parse(text, refusal)
    if any(statement.resources is None for statement in document.statements):
        raise InvalidParameterException.at("PolicyText", refusal)
    return document


def parse_identity_policy(text: str) -> PolicyDocument:
    """Return the document of a user, a group or a role, which names no principal, and actions of any service.

    IAM has accepted it, so that it is read without refusals: one that cannot be read has no statements.
    """
    try:
        return _document(load_json(text), _identity_statement)
    except ValueError:
        return PolicyDocument("2012-10-17", None, ())


def _parse(text: str, refusal: str) -> PolicyDocument:
    try:
        return _document(load_json(text), _resource_statement)
    except ValueError as error:
        raise InvalidParameterException.at("PolicyText", refusal) from error


class Decision(Enum):
    """What a document says about a request. NONE leaves it to other policies."""

    ALLOW = "Allow"
    DENY = "Deny"
    NONE = "None"


@dataclass(frozen=True, slots=True)
class PolicyDocument:
    """A policy. Its statements are read once, when it is parsed."""

    version: str
    id: str | None
    statements: tuple[Statement, ...]

    def actions(self) -> set[str]:
        """Return the actions that statements name, in lower case, patterns as they are."""
        return {action for each in self.statements for action in each.actions.patterns}

    def decision(
        self,
        principal_arn: str,
        principal_account: str,
        action: str,
        resource: str,
        context: Mapping[str, str | Sequence[str]],
    ) -> Decision:
        """Return what this document says about a request; one denial outweighs every permission.

        `principal_arn` of a service is its name (`lambda.amazonaws.com`). A session of a role is the role too.
        `context` has the values of condition keys beside `aws:PrincipalArn` and `aws:PrincipalAccount`, which follow
        from the principal.
        """
        values: dict[str, str | Sequence[str]] = {
            "aws:PrincipalArn": role_of_session(principal_arn) or principal_arn,
            "aws:PrincipalAccount": principal_account,
            **context,
        }
        request = AccessRequest(
            principal_arn,
            principal_account,
            action.lower(),
            resource,
            {
                key.lower(): (value,) if isinstance(value, str) else tuple(value)
                for key, value in values.items()
            },
        )
        effects = {each.effect for each in self.statements if each.applies_to(request)}
        if Decision.DENY in effects:
            return Decision.DENY
        return Decision.ALLOW if effects else Decision.NONE


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """A principal that asks for an action on a resource. The action is in lower case."""

    principal_arn: str
    principal_account: str
    action: str
    resource: str
    context: Context


@dataclass(frozen=True, slots=True)
class Statement:
    """One rule of a policy. `resources` is None if it names none: a repository's policy is about that repository."""

    sid: str | None
    effect: Decision
    principals: Principals
    actions: Patterns
    resources: Patterns | None
    conditions: tuple[Condition | NullCondition, ...]

    def applies_to(self, request: AccessRequest) -> bool:
        return (
            self.actions.match(request.action)
            and (self.resources is None or self.resources.match(request.resource))
            and self.principals.include(request.principal_arn, request.principal_account)
            and all(condition.holds(request.context) for condition in self.conditions)
        )


_DOCUMENT_MEMBERS = {"Version", "Id", "Statement"}
_STATEMENT_MEMBERS = {
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
}


def _document(value: object, read_statement: Callable[[object], Statement]) -> PolicyDocument:
    members = read_object(value, _DOCUMENT_MEMBERS)
    version = members.get("Version", "2008-10-17")
    if version not in ("2008-10-17", "2012-10-17"):
        raise ValueError("Version")
    statements = members.get("Statement")
    if not isinstance(statements, list):
        statements = [statements]
    if not statements:
        raise ValueError("no statement")
    return PolicyDocument(
        version, _optional_text(members, "Id"), tuple(map(read_statement, statements))
    )


def _resource_statement(value: object) -> Statement:
    members = read_object(value, _STATEMENT_MEMBERS)
    return _statement(members, read_principals(members), read_ecr_actions(members))


def _identity_statement(value: object) -> Statement:
    members = read_object(value, _STATEMENT_MEMBERS - {"Principal", "NotPrincipal"})
    return _statement(members, EVERYONE, read_actions(members))


def _statement(members: dict[str, Any], principals: Principals, actions: Patterns) -> Statement:
    if members.get("Effect") not in ("Allow", "Deny"):
        raise ValueError("Effect")
    return Statement(
        sid=_optional_text(members, "Sid"),
        effect=Decision(members["Effect"]),
        principals=principals,
        actions=actions,
        resources=read_resources(members),
        conditions=tuple(read_conditions(members.get("Condition", {}))),
    )


def _optional_text(members: dict[str, Any], name: str) -> str | None:
    if not isinstance(members.get(name, ""), str):
        raise ValueError(name)
    return members.get(name)
