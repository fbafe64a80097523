"""Whether another account may act on a repository: its own policy or its registry's must allow it, neither deny it.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-policies.html and registry-permissions.html
"""

from __future__ import annotations

from moto_ecr_ext.caller import current_caller
from moto_ecr_ext.exceptions import AccessDeniedException
from moto_ecr_ext.policies.documents import (
    Decision,
    parse_registry_policy,
    parse_repository_policy,
)

from .repository import Repository


def check_access(repository: Repository, account_id: str, registry_policy: str | None) -> None:
    """Raise AccessDeniedException unless `account_id` may make the current call on `repository` of another account."""
    caller = current_caller()
    if caller is None:
        return  # moto itself, which calls on behalf of nobody
    documents = []
    if repository.policy_text:
        documents.append(parse_repository_policy(repository.policy_text))
    if registry_policy:
        documents.append(parse_registry_policy(registry_policy))
    arn = repository.repository_arn
    decisions = [
        document.decision(caller.principal, account_id, caller.action, arn, {})
        for document in documents
    ]
    if Decision.DENY in decisions or Decision.ALLOW not in decisions:
        raise AccessDeniedException(caller.principal, caller.action, arn, "resource-based")
