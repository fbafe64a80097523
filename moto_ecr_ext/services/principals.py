"""What moto's IAM knows of a principal: whether there is one, and what conditions of policies may ask of it.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principal-properties
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from moto.iam.exceptions import NoSuchEntity, NotFoundException
from moto.iam.models import IAMBackend, Role, User, iam_backends

T = TypeVar("T")


def is_known_principal(arn: str) -> bool:
    """Return whether the user or role of an ARN exists, or the role of a session.

    True for what moto's IAM keeps no list of: accounts, federated users.
    """
    backend, kind, names = _parts(arn)
    if kind == "user":
        user = _user(backend, names[-1])
        return user is not None and bool(user.arn == arn)
    if kind == "role":
        role = _role(backend, names[-1])
        return role is not None and bool(role.arn == arn)
    return kind != "assumed-role" or _role(backend, names[0]) is not None


def condition_values_of(arn: str) -> dict[str, str]:
    """Return the values of the condition keys that are about a principal. Tags of sessions are not known to moto."""
    backend, kind, names = _parts(arn)
    if kind == "user":
        user = _user(backend, names[-1])
        if user is None:
            return {"aws:PrincipalType": "User", "aws:username": names[-1]}
        return {
            "aws:PrincipalType": "User",
            "aws:username": names[-1],
            "aws:userid": user.id,
            **_tags(backend.list_user_tags(names[-1])),
        }
    if kind == "assumed-role":
        role = _role(backend, names[0])
        if role is None:
            return {"aws:PrincipalType": "AssumedRole"}
        return {
            "aws:PrincipalType": "AssumedRole",
            "aws:userid": f"{role.id}:{names[-1]}",
            **_tags(backend.list_role_tags(names[0], None)[0]),
        }
    return {"aws:PrincipalType": "Account", "aws:userid": arn.split(":")[4]}


def _parts(arn: str) -> tuple[IAMBackend, str, list[str]]:
    partition, _, _, account_id, resource = arn.split(":", 5)[1:]
    kind, *names = resource.split("/")
    return iam_backends[account_id][partition], kind, names


def _user(backend: IAMBackend, name: str) -> User | None:
    return _found(lambda: backend.get_user(name))


def _role(backend: IAMBackend, name: str) -> Role | None:
    return _found(lambda: backend.get_role(name))


def _found(find: Callable[[], T]) -> T | None:
    try:
        return find()
    except (NoSuchEntity, NotFoundException):
        return None


def _tags(tags: list[dict[str, str]]) -> dict[str, str]:
    return {f"aws:PrincipalTag/{tag['Key']}": tag["Value"] for tag in tags}
