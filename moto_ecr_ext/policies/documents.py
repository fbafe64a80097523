"""IAM policy documents: what ECR accepts for repositories and registries, and who may do what.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html

Policy variables (`${aws:username}`) are compared as they stand, and that a principal exists is not
checked.
"""

from __future__ import annotations

import ipaddress
import json
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from decimal import Decimal
from enum import Enum
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

from botocore.loaders import create_loader

from moto_ecr_ext.exceptions import InvalidParameterException


def load_json(text: str) -> Any:
    """The value of a policy text.

    Raises ValueError for what is not JSON, and for a member given twice, NaN, half of a surrogate
    pair and nesting too deep to follow.
    """
    try:
        value = json.loads(text, object_pairs_hook=_unique_members, parse_constant=_no_constant)
        json.dumps(value, ensure_ascii=False).encode()
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    return value


def _unique_members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a member is given twice")
    return members


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def parse_repository_policy(text: str) -> PolicyDocument:
    """The document of SetRepositoryPolicy; InvalidParameterException if ECR would refuse it.

    `Resource` may be left out, and two statements may share a `Sid`.
    """
    return _parse(text, "Invalid repository policy provided")


def parse_registry_policy(text: str) -> PolicyDocument:
    """The document of PutRegistryPolicy; InvalidParameterException if ECR would refuse it.

    Every ECR action is allowed in it, as in registries whose REGISTRY_POLICY_SCOPE is V2.
    """
    refusal = "Invalid registry policy provided"
    document = _parse(text, refusal)
    if any(statement.resources is None for statement in document.statements):
        raise InvalidParameterException.at("PolicyText", refusal)
    return document


def parse_identity_policy(text: str) -> PolicyDocument:
    """The document of a user, a group or a role: it names no principal, and actions of any service.

    IAM has accepted it. What cannot be read of it says nothing.
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
    version: str
    id: str | None
    statements: tuple[Statement, ...]

    def decision(
        self,
        principal_arn: str,
        principal_account: str,
        action: str,
        resource: str,
        context: Mapping[str, str | Sequence[str]],
    ) -> Decision:
        """What this document says about a request; one denial outweighs every permission.

        `principal_arn` of a service is its name (`lambda.amazonaws.com`). A session of a role is
        the role too. `context` has the values of condition keys beside `aws:PrincipalArn` and
        `aws:PrincipalAccount`, which are known.
        """
        values: dict[str, str | Sequence[str]] = {
            "aws:PrincipalArn": _role_of_session(principal_arn) or principal_arn,
            "aws:PrincipalAccount": principal_account,
            **context,
        }
        request = Request(
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
class Request:
    """Who asks to do what. The action and the keys of `context` are in lower case."""

    principal_arn: str
    principal_account: str
    action: str
    resource: str
    context: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Statement:
    """`resources` is None where none is named: a repository's policy is about that repository."""

    sid: str | None
    effect: Decision
    principals: Principals
    actions: Patterns
    resources: Patterns | None
    conditions: tuple[Condition | NullCondition, ...]

    def applies_to(self, request: Request) -> bool:
        return (
            self.actions.match(request.action)
            and (self.resources is None or self.resources.match(request.resource))
            and self.principals.include(request)
            and all(condition.holds(request) for condition in self.conditions)
        )


@dataclass(frozen=True, slots=True)
class Patterns:
    """`Action` or `Resource`, or where `inverted` their opposite; `*` and `?` are wildcards."""

    patterns: tuple[str, ...]
    inverted: bool

    def match(self, name: str) -> bool:
        return any(_matches(name, pattern) for pattern in self.patterns) != self.inverted


@dataclass(frozen=True, slots=True)
class Principals:
    """`Principal`, or where `inverted` `NotPrincipal`: pairs of a type and a name.

    An account's name is its number, however the document writes it.
    """

    members: tuple[tuple[str, str], ...]
    inverted: bool

    def include(self, request: Request) -> bool:
        return any(_stands_for(*member, request) for member in self.members) != self.inverted


def _stands_for(kind: str, name: str, request: Request) -> bool:
    if kind == "AWS" and name in ("*", request.principal_account):
        return True
    if name == request.principal_arn:
        return True
    # The ARN of a session has the name of its role and not the role's path.
    role = _role_of_session(request.principal_arn)
    return role is not None and role == _ROLE_PATH.sub(":role/", name)


def _role_of_session(principal_arn: str) -> str | None:
    session = _SESSION.fullmatch(principal_arn)
    return f"{session[1]}:iam::{session[2]}:role/{session[3]}" if session else None


_SESSION = re.compile(r"(arn:aws[a-z-]*):sts::([0-9]{12}):assumed-role/([^/]+)/.+")
_ROLE_PATH = re.compile(r":role/.*/")


@dataclass(frozen=True, slots=True)
class Condition:
    """One key under one operator; `quantifier` is `any` for ForAnyValue, `all` for ForAllValues."""

    key: str
    comparison: Comparison
    operands: tuple[Any, ...]
    quantifier: Callable[[Iterable[bool]], bool] | None
    if_exists: bool

    def holds(self, request: Request) -> bool:
        quantifier = self.quantifier or (all if self.comparison.negated else any)
        values = request.context.get(self.key)
        if values is None:
            # "If the policy condition requires that the key is not matched, … and the right key is
            # not present, the condition is true" (IAM User Guide, "Condition operators").
            return self.if_exists or quantifier is all
        return quantifier(self.comparison.accepts(value, self.operands) for value in values)


@dataclass(frozen=True, slots=True)
class NullCondition:
    """One key under `Null`: true is for a key that the request does not have."""

    key: str
    operands: tuple[bool, ...]

    def holds(self, request: Request) -> bool:
        return (self.key not in request.context) in self.operands


@dataclass(frozen=True, slots=True)
class Comparison:
    """A condition operator. `holds` gets the request's value before the document's.

    `read` makes either comparable; it raises ValueError for a text not of the operator's type.
    """

    read: Callable[[str], Any]
    holds: Callable[[Any, Any], bool]
    negated: bool = False

    def accepts(self, value: str, operands: Iterable[Any]) -> bool:
        try:
            requested = self.read(value)
        except ValueError:
            return self.negated
        return any(self.holds(requested, operand) for operand in operands) != self.negated


def _matches(name: str, pattern: str) -> bool:
    # fnmatch caches its expressions, which do not backtrack over `*`. Brackets are literal in IAM.
    return fnmatchcase(name, pattern.replace("[", "[[]"))


def _matches_arn(arn: list[str], pattern: list[str]) -> bool:
    # "Each of the six colon-delimited components of the ARN is checked separately" (IAM Guide).
    return pattern == ["*"] or (len(arn) == len(pattern) and all(map(_matches, arn, pattern)))


def _within(address: Any, network: Any) -> bool:
    return address.version == network.version and bool(address.subnet_of(network))


def _components(text: str) -> list[str]:
    return text.split(":", 5)


def _number(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except ArithmeticError as error:
        raise ValueError(f"{text} is not a number") from error
    if not number.is_finite():
        raise ValueError(f"{text} is not a number")
    return number


def _moment(text: str) -> float:
    """Seconds since 1970 of a date in ISO 8601, or of such seconds."""
    if re.fullmatch("[0-9]+", text):
        return float(text)
    moment = datetime.fromisoformat(text.upper().replace("Z", "+00:00"))
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()


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
    "StringEquals": Comparison(str, operator.eq),
    "StringEqualsIgnoreCase": Comparison(str.casefold, operator.eq),
    "StringLike": Comparison(str, _matches),
    **{f"Numeric{name}": Comparison(_number, holds) for name, holds in _ORDER.items()},
    **{f"Date{name}": Comparison(_moment, holds) for name, holds in _ORDER.items()},
    "Bool": Comparison(_boolean, operator.eq),
    "BinaryEquals": Comparison(str, operator.eq),
    "IpAddress": Comparison(_network, _within),
    "ArnEquals": Comparison(_components, _matches_arn),
    "ArnLike": Comparison(_components, _matches_arn),
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


# What follows makes the parts of a document of JSON values, and raises ValueError where it cannot.


def _document(value: object, read_statement: Callable[[object], Statement]) -> PolicyDocument:
    members = _object(value, _DOCUMENT_MEMBERS)
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
    members = _object(value, _STATEMENT_MEMBERS)
    principals, not_principals = _either(members, "Principal")
    return _statement(members, Principals(tuple(_principals(principals)), not_principals), _action)


def _identity_statement(value: object) -> Statement:
    members = _object(value, _STATEMENT_MEMBERS - {"Principal", "NotPrincipal"})
    return _statement(members, Principals((("AWS", "*"),), inverted=False), str.lower)


def _statement(
    members: dict[str, Any], principals: Principals, read_action: Callable[[str], str]
) -> Statement:
    if members.get("Effect") not in ("Allow", "Deny"):
        raise ValueError("Effect")
    resources = None
    if "Resource" in members or "NotResource" in members:
        resources = _patterns(members, "Resource", _resource)
    return Statement(
        sid=_optional_text(members, "Sid"),
        effect=Decision(members["Effect"]),
        principals=principals,
        actions=_patterns(members, "Action", read_action),
        resources=resources,
        conditions=tuple(_conditions(members.get("Condition", {}))),
    )


def _object(value: object, allowed: set[str]) -> dict[str, Any]:
    if not isinstance(value, dict) or not value.keys() <= allowed:
        raise ValueError("not an object of the members that it may have")
    return value


def _optional_text(members: dict[str, Any], name: str) -> str | None:
    if not isinstance(members.get(name, ""), str):
        raise ValueError(name)
    return members.get(name)


def _texts(value: object) -> list[str]:
    texts: list[Any] = value if isinstance(value, list) else [value]
    if not texts or not all(isinstance(text, str) for text in texts):
        raise ValueError("neither a text nor a list of texts")
    return texts


def _either(members: dict[str, Any], name: str) -> tuple[object, bool]:
    """The value of the element `name` or of its opposite, and whether it is the opposite."""
    opposite = f"Not{name}"
    if (name in members) == (opposite in members):
        raise ValueError(f"not one of {name} and {opposite}")
    return (members[name], False) if name in members else (members[opposite], True)


def _patterns(members: dict[str, Any], name: str, read: Callable[[str], str]) -> Patterns:
    value, inverted = _either(members, name)
    return Patterns(tuple(read(text) for text in _texts(value)), inverted)


def _resource(text: str) -> str:
    # ECR takes an ARN that lacks a part (https://github.com/aws/containers-roadmap/issues/2675).
    if text != "*" and not text.startswith("arn:"):
        raise ValueError(f"resource {text}")
    return text


def _action(text: str) -> str:
    pattern = text.lower()
    if pattern == "*":
        return pattern
    service, _, name = pattern.partition(":")
    if service != "ecr" or not any(_matches(action, name) for action in ecr_actions()):
        raise ValueError(f"action {text}")
    return pattern


@cache
def ecr_actions() -> frozenset[str]:
    """The names of ECR's IAM actions, in lower case.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html
    """
    operations = create_loader().load_service_model("ecr", "service-2")["operations"]
    actions = {
        *operations,
        "BatchImportUpstreamImage",
        "GetImageCopyStatus",
        "ReplicateImage",
    } - {"ListImageReferrers"}
    return frozenset(action.lower() for action in actions)


_ACCOUNT = re.compile(r"([0-9]{12})|arn:aws[a-z-]*:iam::([0-9]{12}):root")
_IDENTITY = re.compile(
    r"arn:aws[a-z-]*:"
    r"(?:iam::[0-9]{12}:(?:user|role)|sts::[0-9]{12}:(?:assumed-role|federated-user))/[^*?]+"
)
_SERVICE = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+")


def _principals(value: object) -> Iterator[tuple[str, str]]:
    if value == "*":
        value = {"AWS": "*"}
    kinds = _object(value, {"AWS", "Service", "Federated", "CanonicalUser"})
    if not kinds:
        raise ValueError("no principal")
    for kind, names in kinds.items():
        for name in _texts(names):
            yield kind, _principal(kind, name)


def _principal(kind: str, name: str) -> str:
    account = _ACCOUNT.fullmatch(name)
    if kind == "AWS" and account:
        return account[1] or account[2]
    # "You cannot use a wildcard to match part of a principal name or ARN" (IAM User Guide).
    if kind == "AWS" and name != "*" and not _IDENTITY.fullmatch(name):
        raise ValueError(f"principal {name}")
    if kind == "Service" and not _SERVICE.fullmatch(name):
        raise ValueError(f"service {name}")
    return name


def _conditions(value: object) -> Iterator[Condition | NullCondition]:
    if not isinstance(value, dict):
        raise ValueError("Condition")
    for name, keys in value.items():
        make = _operator(name)
        if not isinstance(keys, dict):
            raise ValueError(name)
        for key, values in keys.items():
            texts = [_operand(each) for each in (values if isinstance(values, list) else [values])]
            yield make(key.lower(), texts)


def _operator(name: str) -> Callable[[str, list[str]], Condition | NullCondition]:
    """What makes a condition of a key and its values under the operator `name`."""
    if name == "Null":
        return lambda key, texts: NullCondition(key, tuple(map(_boolean, texts)))
    parts = _OPERATOR.fullmatch(name)
    if parts is None or parts[2] not in _COMPARISONS:
        raise ValueError(f"condition operator {name}")
    comparison = _COMPARISONS[parts[2]]
    quantifier = _QUANTIFIERS.get(parts[1])
    if_exists = parts[3] is not None
    return lambda key, texts: Condition(
        key, comparison, tuple(map(comparison.read, texts)), quantifier, if_exists
    )


def _operand(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, (bool, int, float)):
        return json.dumps(value)
    raise ValueError("the value of a condition")
