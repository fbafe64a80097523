"""Who may act on what: policies of repositories and registries, and those of the caller where moto's IAM is enforced.

For a repository of another account, its own policy or its registry's must allow it, and neither may deny it:
https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-policies.html and
https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry-permissions.html. Where IAM is enforced the caller's
policies must allow it too. In the caller's own account either side is enough:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from moto_ecr_ext.caller import Caller
from moto_ecr_ext.exceptions.common import AccessDeniedException, ExplicitlyDenied

from .documents import Decision, PolicyDocument, read_resource_policy


def resource_policies(
    registry_policy: str | None, repository_policy: str | None
) -> list[PolicyDocument]:
    """Return the documents among a registry's policy and a repository's that are there."""
    return [read_resource_policy(text) for text in (repository_policy, registry_policy) if text]


def check_access_from_outside(
    caller: Caller, account_id: str, resource: str, policies: Iterable[PolicyDocument]
) -> None:
    """Raise AccessDeniedException unless policies of another account's resource let the caller, of `account_id`, in."""
    if not _allows(policies, caller, account_id, resource, "resource-based"):
        raise AccessDeniedException(caller.principal, caller.action, resource, "resource-based")


def check_permission(
    caller: Caller,
    account_id: str,
    resource: str,
    identity_policies: Iterable[PolicyDocument],
    policies: Collection[PolicyDocument],
) -> None:
    """Raise AccessDeniedException unless the caller, of `account_id`, is permitted to act on a resource.

    `identity_policies` are the caller's, `policies` those of the resource if it is of the same account.
    """
    permitted = _allows(identity_policies, caller, account_id, resource, "identity-based")
    if _allows(policies, caller, account_id, resource, "resource-based"):
        # Naming the account as a whole leaves it to the policies of its users and roles
        # (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html).
        context = {"aws:PrincipalAccount": account_id}
        permitted = permitted or any(
            each.decision(caller.principal, "", caller.action, resource, context) is Decision.ALLOW
            for each in policies
        )
    if not permitted:
        raise AccessDeniedException(caller.principal, caller.action, resource, "identity-based")


def _allows(
    policies: Iterable[PolicyDocument],
    caller: Caller,
    account_id: str,
    resource: str,
    policy_type: str,
) -> bool:
    """Whether one of the policies allows it. Raises AccessDeniedException where one denies it."""
    decisions = {
        each.decision(caller.principal, account_id, caller.action, resource, {})
        for each in policies
    }
    if Decision.DENY in decisions:
        raise ExplicitlyDenied(caller.principal, caller.action, resource, policy_type)
    return Decision.ALLOW in decisions
