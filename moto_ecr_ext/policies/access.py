"""Access decisions by the policies of repositories, registries and, if moto's IAM is enforced, callers.

For a repository of another account, its own policy or its registry's must allow access, and no policy may deny it:
https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-policies.html and
https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry-permissions.html. If IAM is enforced, the caller's
policies must allow it too. In the caller's own account, either side is enough:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from moto_ecr_ext.caller import Caller
from moto_ecr_ext.exceptions.common import AccessDeniedException, ExplicitlyDenied

from .documents import PolicyDecision, PolicyDocument, read_resource_policy


def resource_policies(
    registry_policy: str | None, repository_policy: str | None
) -> list[PolicyDocument]:
    """Return the documents of a registry's and a repository's policy, if they exist."""
    return [read_resource_policy(text) for text in (repository_policy, registry_policy) if text]


@dataclass(frozen=True, slots=True)
class Attempt:
    """A request for access: a caller of an account, its action, and a resource.

    A service has no account: an empty text. `context` has the values of condition keys, in the form that
    `PolicyDocument.decision` expects.
    """

    caller: Caller
    account_id: str
    resource: str
    context: Mapping[str, str | Sequence[str]]

    def decision(self, policy: PolicyDocument) -> PolicyDecision:
        """Return the decision of a policy about this request."""
        caller = self.caller
        return policy.decision(
            caller.principal, self.account_id, caller.action, self.resource, self.context
        )


def check_access_from_outside(attempt: Attempt, policies: Iterable[PolicyDocument]) -> None:
    """Raise AccessDeniedException unless policies of another account's resource allow the request."""
    if not _allows(policies, attempt, "resource-based"):
        raise _denied(attempt, "resource-based")


def check_permission(
    attempt: Attempt,
    identity_policies: Iterable[PolicyDocument],
    policies: Collection[PolicyDocument],
) -> None:
    """Raise AccessDeniedException unless the caller is permitted to act on a resource.

    `identity_policies` are the caller's. `policies` are the resource's, if it is in the same account.
    """
    permitted = _allows(identity_policies, attempt, "identity-based")
    if _allows(policies, attempt, "resource-based"):
        # A policy that names the account as a whole leaves the decision to the policies of its users and roles
        # (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html).
        context = {"aws:PrincipalAccount": attempt.account_id, **attempt.context}
        itself = replace(attempt, account_id="", context=context)
        permitted = permitted or any(
            itself.decision(each) is PolicyDecision.ALLOW for each in policies
        )
    if not permitted:
        raise _denied(attempt, "identity-based")


def _allows(policies: Iterable[PolicyDocument], attempt: Attempt, policy_type: str) -> bool:
    """Return True if one of the policies allows the request. Raises AccessDeniedException if one denies it."""
    decisions = {attempt.decision(each) for each in policies}
    if PolicyDecision.DENY in decisions:
        caller = attempt.caller
        raise ExplicitlyDenied(caller.principal, caller.action, attempt.resource, policy_type)
    return PolicyDecision.ALLOW in decisions


def _denied(attempt: Attempt, policy_type: str) -> AccessDeniedException:
    caller = attempt.caller
    return AccessDeniedException(caller.principal, caller.action, attempt.resource, policy_type)
