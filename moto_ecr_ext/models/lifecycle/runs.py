"""Runs of lifecycle policies: once a day by the clock of the test, or on request."""

from __future__ import annotations

import math
from collections.abc import Sequence

from moto_ecr_ext.clock import now, timestamp
from moto_ecr_ext.compatibility.loose_lifecycle import read_lifecycle_policy
from moto_ecr_ext.models.base import RegistryBackend
from moto_ecr_ext.models.images.deletion import remove_images
from moto_ecr_ext.models.images.storage_class import archive_images
from moto_ecr_ext.models.repositories.repository import Repository
from moto_ecr_ext.policies.lifecycle import ActionType
from moto_ecr_ext.policies.lifecycle_evaluation import ImageFacts, LifecycleDecision, evaluate
from moto_ecr_ext.storage import rows
from moto_ecr_ext.storage.database.transaction import Transaction, View
from moto_ecr_ext.storage.rows.images import ImageRow, TaggedImage
from moto_ecr_ext.storage.rows.repositories import RepositoryRow
from moto_ecr_ext.storage.turns import switching_threads_often, timed_turns

from .facts import facts_of, images_of
from .policies import EVALUATION_INTERVAL

# The number of images that one statement looks up or removes.
_ACTED_ON_AT_ONCE = 100


class LifecycleRunsBackend(RegistryBackend):
    """Runs of lifecycle policies, for moto-api."""

    def run_lifecycle_policies(self) -> None:
        """Run the policies of all repositories in all registries, whether they are due or not."""
        self.store.pulls.write()
        with self.store.database.read() as view:
            found = rows.repositories.with_lifecycle_policy(view)
        _run_policies(self, found, math.inf)

    def run_lifecycle_policy(self, repository_name: str) -> None:
        """Run the policy of a repository now, if it has one. Raises RepositoryNotFoundException."""
        self.store.pulls.write()
        with self.store.database.read() as view:
            repository = self.repository(view, repository_name)
            row = rows.repositories.by_id(view, repository.id)
        _run_policies(self, [row], math.inf)


def run_due_policies(registry: RegistryBackend) -> float:
    """Run the policies that are due, in all registries. Return when the next one is due, in seconds since the epoch.

    A policy is due a day after it was put, and a day after each run.
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
        owner = registry.registry(each.account_id, each.region)
        _Run(owner, each.id, due_by, at).run()


class _Run:
    """One run of the policy of a repository, which may be large.

    The policy is evaluated on one reading of the images, and its actions are done in several transactions, so that no
    other call waits for all of them. Each transaction checks its images again. An image that has changed meanwhile is
    left for the next run, and so are its dependents.
    """

    def __init__(self, registry: RegistryBackend, repository_id: int, due_by: float, at: float):
        self._registry = registry
        self._database = registry.store.database
        self._repository_id = repository_id
        self._due_by = due_by
        self._at = at
        self._left: set[str] = set()

    @switching_threads_often()
    def run(self) -> None:
        """Run the policy if it is still due: another process may have run it."""
        with self._database.read() as view:
            row = self._row(view)
        if row is None or row.lifecycle_policy is None:
            return
        repository = Repository.of(row)
        facts = images_of(self._database, repository)
        decisions = evaluate(read_lifecycle_policy(row.lifecycle_policy), facts, self._at)
        for turn in timed_turns(decisions, _ACTED_ON_AT_ONCE):
            with self._database.write() as transaction:
                if not self._is_still_due(transaction, row):
                    return
                for batch in turn:
                    self._act(transaction, repository, batch)
        with self._database.write() as transaction:
            if self._is_still_due(transaction, row):
                rows.repositories.update(
                    transaction,
                    repository.id,
                    lifecycle_evaluated_at=self._at,
                    lifecycle_due_at=self._at + EVALUATION_INTERVAL,
                )

    def _row(self, view: View) -> RepositoryRow | None:
        return rows.repositories.with_lifecycle_policy_due_by(
            view, self._repository_id, self._due_by
        )

    def _is_still_due(self, view: View, before: RepositoryRow) -> bool:
        row = self._row(view)
        return row is not None and row.lifecycle_policy == before.lifecycle_policy

    def _act(
        self,
        transaction: Transaction,
        repository: Repository,
        decisions: Sequence[LifecycleDecision],
    ) -> None:
        digests = [each.image.digest for each in decisions]
        found = rows.images.by_digests(transaction, repository.id, digests)
        parents = rows.references.parents(transaction, repository.id, digests)
        archived: list[ImageRow] = []
        expired: dict[str, ImageRow] = {}
        for decision in decisions:
            facts = decision.image
            image = found.get(facts.digest)
            if image is None:
                continue
            if self._is_left(image, facts):
                self._left.update((facts.digest, *facts.children))
            elif decision.action is ActionType.TRANSITION:
                archived.append(image.image)
            elif not expired.keys() >= set(parents.get(facts.digest, ())):
                # An index that lists it was pushed meanwhile.
                self._left.update((facts.digest, *facts.children))
            else:
                expired[facts.digest] = image.image
        remove_images(self._registry, transaction, repository, list(expired.values()))
        archive_images(transaction, repository, archived)

    def _is_left(self, image: TaggedImage, facts: ImageFacts) -> bool:
        """Return True if an image, or one of its parents, must be left for the next run."""
        if facts.digest in self._left or facts.subject in self._left:
            return True
        return facts_of(image.image, image.tags, facts.children) != facts
