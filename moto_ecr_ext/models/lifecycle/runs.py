"""Runs of lifecycle policies: once a day by the clock of the test, or when a test asks for them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from moto_ecr_ext.clock import now, timestamp
from moto_ecr_ext.models.base import RegistryBackend
from moto_ecr_ext.models.images.deletion import remove_image
from moto_ecr_ext.models.images.storage_class import archive_image
from moto_ecr_ext.models.repositories.repository import Repository
from moto_ecr_ext.policies.lifecycle import ActionType
from moto_ecr_ext.policies.lifecycle_evaluation import evaluate
from moto_ecr_ext.policies.loose_lifecycle import read_lifecycle_policy
from moto_ecr_ext.storage import rows
from moto_ecr_ext.storage.rows.repositories import RepositoryRow

from .facts import images_of
from .policies import EVALUATION_INTERVAL


class LifecycleRunsBackend(RegistryBackend):
    """Runs of lifecycle policies, for moto-api."""

    def run_lifecycle_policies(self) -> None:
        """Run the policies of all repositories in all registries, whether they are due or not."""
        self.store.pulls.write()
        with self.store.database.read() as view:
            found = rows.repositories.with_lifecycle_policy(view)
        _run_policies(self, found, math.inf)


def run_due_policies(registry: RegistryBackend) -> float:
    """Run the policies that are due by now, in all registries. Return when the next one is, in seconds since the epoch.

    They are due a day after they were put and after they ran.
    """
    registry.store.pulls.write()
    at = now()
    with registry.store.database.read() as view:
        found = rows.repositories.with_lifecycle_policy_due(view, at)
    _run_policies(registry, found, at)
    with registry.store.database.read() as view:
        next_due = rows.repositories.next_lifecycle_policy_due(view)
    return math.inf if next_due is None else next_due


def _run_policies(
    registry: RegistryBackend, repositories: Sequence[RepositoryRow], due_by: float
) -> None:
    at = timestamp()
    for each in repositories:
        _run_policy(registry.registry(each.account_id, each.region), each.id, due_by, at)


def _run_policy(registry: RegistryBackend, repository_id: int, due_by: float, at: float) -> None:
    """Run the policy of a repository if it is still due by a time: another process may have been faster."""
    with registry.store.database.write() as transaction:
        row = rows.repositories.with_lifecycle_policy_due_by(transaction, repository_id, due_by)
        if row is None or row.lifecycle_policy is None:
            return
        repository = Repository.of(row)
        images_by_digest, facts = images_of(transaction, repository)
        for decision in evaluate(read_lifecycle_policy(row.lifecycle_policy), facts, at):
            image = images_by_digest[decision.image.digest]
            if decision.action is ActionType.EXPIRE:
                remove_image(registry, transaction, repository, image)
            else:
                archive_image(transaction, repository, image)
        rows.repositories.update(
            transaction,
            repository.id,
            lifecycle_evaluated_at=at,
            lifecycle_due_at=at + EVALUATION_INTERVAL,
        )
