"""Hints for clients that reached another registry than they meant."""

from __future__ import annotations

import ipaddress

from moto_ecr_ext.hosts import Registry

from .authentication import Access


def where_it_is(access: Access, name: str) -> str | None:
    """Return how to reach a repository that another registry has, or None if no registry has it.

    A host of AWS names a registry, so no hint is given for it. While IAM is enforced, hints would reveal the
    repositories of others.
    """
    address = access.caller.address
    if address is None or access.caller.is_enforced:
        return None
    found = access.backend.registries_with(name)
    return _how_to_reach(found[0], name, address) if found else None


def _how_to_reach(registry: Registry, name: str, address: str) -> str:
    host, colon, port = address.rpartition(":")
    if not port.isdecimal():
        host, colon, port = address, "", ""
    local = f"{registry.account_id}.dkr.ecr.{registry.region}.localhost"
    return (
        f"{name} is in the registry of account {registry.account_id} in {registry.region}. "
        f"Log in with the password of that registry (aws ecr get-login-password --region {registry.region}), "
        f"or name the host {local}{colon}{port}. If that name does not resolve, add this line to /etc/hosts: "
        f"{_ip_address(host)} {local}"
    )


def _ip_address(host: str) -> str:
    """Return the address of this server for a hosts file."""
    try:
        return str(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        return "127.0.0.1"
