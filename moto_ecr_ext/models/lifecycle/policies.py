"""Lifecycle policies of repositories, stored without whitespace."""

from __future__ import annotations

from moto_ecr_ext.clock import now
from moto_ecr_ext.compatibility.switches import current_rules
from moto_ecr_ext.exceptions import LifecyclePolicyNotFoundException
from moto_ecr_ext.models.background import expect_after_commit
from moto_ecr_ext.models.base import RegistryBackend
from moto_ecr_ext.models.repositories.repositories import change_repository
from moto_ecr_ext.models.repositories.repository import Repository
from moto_ecr_ext.policies.lifecycle import stored_form
from moto_ecr_ext.storage.database.transaction import Transaction, View

# Seconds. AWS runs a policy within 24 hours after an image has met its criteria:
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
EVALUATION_INTERVAL = 24 * 60 * 60


class LifecyclePoliciesBackend(RegistryBackend):
    """Operations on lifecycle policies."""

    def put_lifecycle_policy(
        self, repository_name: str, lifecycle_policy_text: str, registry_id: str | None = None
    ) -> Repository:
        """Set the lifecycle policy of a repository.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutLifecyclePolicy.html
        """
        with self.store.database.write() as transaction:
            repository = self.repository(transaction, repository_name, registry_id)
            return set_lifecycle_policy(self, transaction, repository, lifecycle_policy_text)

    def get_lifecycle_policy(
        self, repository_name: str, registry_id: str | None = None
    ) -> Repository:
        """Return the policy. Until it has run, `lastEvaluatedAt` is the epoch.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetLifecyclePolicy.html
        """
        with self.store.database.read() as view:
            return self._with_lifecycle_policy(view, repository_name, registry_id)

    def delete_lifecycle_policy(
        self, repository_name: str, registry_id: str | None = None
    ) -> Repository:
        """Delete the lifecycle policy of a repository, and return it.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DeleteLifecyclePolicy.html
        """
        with self.store.database.write() as transaction:
            repository = self._with_lifecycle_policy(transaction, repository_name, registry_id)
            change_repository(
                transaction,
                repository,
                lifecycle_policy=None,
                lifecycle_evaluated_at=None,
                lifecycle_due_at=None,
            )
            return repository

    def _with_lifecycle_policy(
        self, view: View, repository_name: str, registry_id: str | None
    ) -> Repository:
        repository = self.repository(view, repository_name, registry_id)
        if repository.lifecycle_policy_text is None:
            raise LifecyclePolicyNotFoundException(repository)
        return repository


def set_lifecycle_policy(
    registry: RegistryBackend, transaction: Transaction, repository: Repository, text: str
) -> Repository:
    """Return the repository with this policy, which runs for the first time after a day."""
    current_rules().policies.accept_lifecycle_policy(text)
    due_at = now() + EVALUATION_INTERVAL
    expect_after_commit(registry, transaction, due_at)
    return change_repository(
        transaction,
        repository,
        lifecycle_policy=_stored_text(text),
        lifecycle_evaluated_at=0.0,
        lifecycle_due_at=due_at,
    )


def _stored_text(text: str) -> str:
    """Return the text that is stored and shown: in ECR's form, or as the rules say."""
    return current_rules().policies.stored_text(text, stored_form(text), "a lifecycle policy")
