"""Hints for people whose client reached another registry than they meant."""

from __future__ import annotations

import ipaddress

from moto_ecr_ext.hosts import Registry

from .authentication import Access


def where_it_is(access: Access, name: str) -> str | None:
    """Return how to reach a repository that is in another registry than the one that was asked; None if it is in none.

    Clients that name a host of AWS mean its registry. Where IAM is enforced, nobody is told what others have.
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
        f"or name the host {local}{colon}{port}. Where that name does not resolve, add this line to /etc/hosts: "
        f"{_ip_address(host)} {local}"
    )


def _ip_address(host: str) -> str:
    """Return the address that a name of this server stands for in a file of hosts."""
    try:
        return str(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        return "127.0.0.1"
