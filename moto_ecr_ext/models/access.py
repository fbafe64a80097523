"""Whether another account may act on a repository.

The repository's own policy or the registry's must allow it, and neither may deny it:
https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-policies.html and
https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry-permissions.html
"""

from __future__ import annotations

from moto_ecr_ext.caller import current_caller
from moto_ecr_ext.exceptions import AccessDeniedException
from moto_ecr_ext.policies.documents import (
    Decision,
    parse_registry_policy,
    parse_repository_policy,
)


def check_access(
    account_id: str,
    repository_arn: str,
    registry_policy: str | None,
    repository_policy: str | None = None,
) -> None:
    """Raise AccessDeniedException unless `account_id` may make the current call on a repository.

    The repository is that of another account; it need not be there.
    """
    caller = current_caller()
    if caller is None:
        return  # moto itself, which calls on behalf of nobody
    documents = []
    if repository_policy:
        documents.append(parse_repository_policy(repository_policy))
    if registry_policy:
        documents.append(parse_registry_policy(registry_policy))
    decisions = [
        document.decision(caller.principal, account_id, caller.action, repository_arn, {})
        for document in documents
    ]
    if Decision.DENY in decisions or Decision.ALLOW not in decisions:
        raise AccessDeniedException(
            caller.principal, caller.action, repository_arn, "resource-based"
        )
