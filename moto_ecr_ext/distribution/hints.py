"""Hints for clients that reached another registry than they meant."""

from __future__ import annotations

import ipaddress
import logging

from moto_ecr_ext.arns import Registry
from moto_ecr_ext.models.lookup import default_registry

from .authentication import Access

log = logging.getLogger("moto_ecr_ext")

IS_HINT = "is_hint"
"""The attribute of log records that are hints: a client that tries again causes the same one again."""
# Without enforced IAM, any key belongs to the default account.
_ANY_CREDENTIALS = "AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test "


def give(hint: str) -> None:
    """Write a hint to the log."""
    log.warning(hint, extra={IS_HINT: True})


def how_to_create(access: Access, name: str, base_url: str) -> str:
    """Return how to create a repository that a push did not find."""
    registry = Registry(access.registry_id, access.backend.region_name)
    command = f"aws ecr create-repository --repository-name {name} --region {registry.region}"
    if access.caller.address:
        command += f" --endpoint-url {base_url}"
        if registry.account_id == default_registry().account_id and not access.caller.is_enforced:
            command = _ANY_CREDENTIALS + command
    return (
        f"Push to {name}, which does not exist in the registry of account {registry.account_id} in {registry.region}. "
        f"To create it: {command}"
    )


def where_it_is(access: Access, name: str) -> str | None:
    """Return how to reach a repository that another registry has, or None if no registry has it.

    A host of AWS names a registry, so no hint is given for it. While IAM is enforced, hints would reveal the
    repositories of others.
    """
    address = access.caller.address
    if address is None or access.caller.is_enforced:
        return None
    found = access.backend.registries_with(name)
    return _how_to_reach(found[0], name, access.caller.scheme, address) if found else None


def _how_to_reach(registry: Registry, name: str, scheme: str, address: str) -> str:
    host, colon, port = address.rpartition(":")
    if not port.isdecimal():
        host, colon, port = address, "", ""
    local = f"{registry.account_id}.dkr.ecr.{registry.region}.localhost"
    return (
        f"{name} is in the registry of account {registry.account_id} in {registry.region}. "
        f"Log in there with credentials of account {registry.account_id} "
        f"(aws ecr get-login-password --region {registry.region} --endpoint-url {scheme}://{address}), "
        f"or name the host {local}{colon}{port}. If that name does not resolve, add this line to /etc/hosts: "
        f"{_ip_address(host)} {local}"
    )


def _ip_address(host: str) -> str:
    """Return the address of this server for a hosts file."""
    try:
        return str(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        return "127.0.0.1"
