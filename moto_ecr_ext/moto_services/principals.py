"""Principals in moto's IAM: their existence, and the values of their condition keys.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principal-properties
"""

from __future__ import annotations

from contextlib import suppress

from moto.iam.exceptions import NoSuchEntity, NotFoundException
from moto.iam.models import IAMBackend, Role, User, iam_backends


def is_known_principal(arn: str) -> bool:
    """Return True if the user or role of an ARN exists, or the role of a session.

    It is also True for principals that moto's IAM does not list: accounts, federated users. In a partition that moto
    does not know, it is False.
    """
    kind, *names = _resource(arn)
    try:
        if kind == "user":
            return bool(_user(arn).arn == arn)
        if kind == "role":
            return bool(_role(arn, names[-1]).arn == arn)
        if kind == "assumed-role":
            _role(arn, names[0])
    except (NoSuchEntity, NotFoundException, KeyError):
        return False
    return True


def condition_values_of(arn: str) -> dict[str, str]:
    """Return the values of a principal's condition keys. moto does not know the tags of sessions."""
    kind, *names = _resource(arn)
    if kind == "user":
        values = {"aws:PrincipalType": "User", "aws:username": names[-1]}
        with suppress(NoSuchEntity):
            values["aws:userid"] = _user(arn).id
            values |= _tags(_backend(arn).list_user_tags(names[-1]))
        return values
    if kind in ("role", "assumed-role"):
        # moto does not record whether a session was created with MFA. Most sessions are not.
        values = {"aws:PrincipalType": "AssumedRole", "aws:MultiFactorAuthPresent": "false"}
        name = names[0] if kind == "assumed-role" else names[-1]
        with suppress(NotFoundException):
            role_id = _role(arn, name).id
            values["aws:userid"] = f"{role_id}:{names[-1]}" if kind == "assumed-role" else role_id
            values |= _tags(_backend(arn).list_role_tags(name, None)[0])
        return values
    return {"aws:PrincipalType": "Account", "aws:userid": arn.split(":")[4]}


def _resource(arn: str) -> list[str]:
    return arn.split(":", 5)[5].split("/")


def _backend(arn: str) -> IAMBackend:
    partition, _, _, account_id = arn.split(":")[1:5]
    return iam_backends[account_id][partition]


def _user(arn: str) -> User:
    return _backend(arn).get_user(_resource(arn)[-1])


def _role(arn: str, name: str) -> Role:
    return _backend(arn).get_role(name)


def _tags(tags: list[dict[str, str]]) -> dict[str, str]:
    return {f"aws:PrincipalTag/{tag['Key']}": tag["Value"] for tag in tags}
