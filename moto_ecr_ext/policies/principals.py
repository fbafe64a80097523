"""Principals of statements, and whether they include the principal of a request.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .grammar import read_either, read_object, read_texts

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
_PARTITION = "aws(?:-cn|-us-gov|-eusc|-iso(?:-[a-z])?)?"
_ACCOUNT = re.compile(rf"([0-9]{{12}})|arn:{_PARTITION}:iam::([0-9]{{12}}):root")
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html: paths may have any visible character.
_PATH, _NAME = r"(?:[!-)+->@-~]+/)?", r"[\w+=,.@-]{1,64}"
_IDENTITY = re.compile(
    rf"arn:{_PARTITION}:(?:iam::[0-9]{{12}}:(?:user|role)/{_PATH}{_NAME}|"
    rf"sts::[0-9]{{12}}:(?:assumed-role/{_NAME}/{_NAME}|federated-user/{_NAME}))",
    re.ASCII,
)
_SERVICE = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+")
_KINDS = ("AWS", "Service", "Federated", "CanonicalUser")
_SESSION = re.compile(r"(arn:aws[a-z-]*):sts::([0-9]{12}):assumed-role/([^/]+)/.+")
_ROLE_PATH = re.compile(r":role/.*/")


@dataclass(frozen=True, slots=True)
class Principals:
    """`Principal`, or `NotPrincipal` if `inverted`: pairs of a type and a name.

    An account's name is always its number, even if the document has its ARN.
    """

    members: tuple[tuple[str, str], ...]
    inverted: bool

    def include(self, principal_arn: str, account: str) -> bool:
        """Return True if they include a principal of an account. For a service, `principal_arn` is its name."""
        return (
            any(_stands_for(kind, name, principal_arn, account) for kind, name in self.members)
            != self.inverted
        )


EVERYONE = Principals((("AWS", "*"),), inverted=False)


def _stands_for(kind: str, name: str, principal_arn: str, account: str) -> bool:
    if kind == "AWS" and name in ("*", account):
        return True
    if name == principal_arn:
        return True
    # The ARN of a session has the name of its role, but not the role's path.
    role = role_of_session(principal_arn)
    return role is not None and role == _ROLE_PATH.sub(":role/", name)


def role_of_session(principal_arn: str) -> str | None:
    """Return the ARN, without a path, of the role of a session; None for any other principal."""
    session = _SESSION.fullmatch(principal_arn)
    return f"{session[1]}:iam::{session[2]}:role/{session[3]}" if session else None


def read_principals(statement: dict[str, Any]) -> Principals:
    """Return the principals of a statement. Raises ValueError if IAM would not accept them.

    The principals need not exist.
    """
    value, inverted = read_either(statement, "Principal")
    return Principals(tuple(_members(value)), inverted)


def _members(value: object) -> Iterator[tuple[str, str]]:
    if value == "*":
        value = {"AWS": "*"}
    kinds = read_object(value, _KINDS)
    if not kinds:
        raise ValueError("no principal")
    for kind, names in kinds.items():
        for name in read_texts(names):
            yield kind, _name(kind, name)


def account_of(principal: str) -> str | None:
    """Return the number of an account from its number or its root ARN; None for any other principal."""
    match = _ACCOUNT.fullmatch(principal)
    return match[1] or match[2] if match else None


def root_arn(account_id: str, partition: str) -> str:
    """Return the ARN of an account as a whole."""
    return f"arn:{partition}:iam::{account_id}:root"


def _name(kind: str, text: str) -> str:
    account = account_of(text) if kind == "AWS" else None
    if account:
        return account
    # "You cannot use a wildcard to match part of a principal name or ARN" (IAM User Guide).
    if kind == "AWS" and text != "*" and not _IDENTITY.fullmatch(text):
        raise ValueError(f"principal {text}")
    if kind == "Service" and not _SERVICE.fullmatch(text):
        raise ValueError(f"service {text}")
    return text
