"""The organization of an account, in moto's Organizations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from .backends import backend_in_use, backends_in_use


class Membership(NamedTuple):
    """An organization's id, and the path from it to an account in it (`o-…/r-…/ou-…/`)."""

    organization_id: str
    path: str


def membership_of(account_id: str, partition: str) -> Membership | None:
    """Return the organization of an account and its path in it; None for an account without an organization.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_last-accessed-view-data-orgs.html, "Organizations
    entity path"
    """
    backend = _backend_with(account_id, partition)
    if backend is None:
        return None
    account = next((each for each in backend.accounts if each.id == account_id), None)
    if account is None:
        return None
    parents = {each.id: getattr(each, "parent_id", None) for each in backend.ou}
    units = [*_ancestors(account.parent_id, parents)][::-1]
    return Membership(backend.org.id, "/".join([backend.org.id, *units, ""]))


def _backend_with(account_id: str, partition: str) -> Any | None:
    """Return the backend of the organization's management account."""
    own = backend_in_use("organizations", account_id, partition)
    if own is not None and own.org is not None:
        return own
    backends = backends_in_use("organizations")
    # It maps accounts to the management account and the partition.
    management = backends.master_accounts.get(account_id) if backends is not None else None
    return backend_in_use("organizations", *management) if management else None


def _ancestors(unit: str | None, parents: dict[str, str | None]) -> Iterator[str]:
    while unit is not None:
        yield unit
        unit = parents.get(unit)
