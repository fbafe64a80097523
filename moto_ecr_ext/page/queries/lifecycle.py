"""The lifecycle policy of a repository: its actions, if it ran now. Reading them changes nothing."""

from __future__ import annotations

from moto_ecr_ext.clock import now
from moto_ecr_ext.compatibility.loose_lifecycle import read_lifecycle_policy
from moto_ecr_ext.exceptions import LifecyclePolicyNotFoundException
from moto_ecr_ext.models.base import RegistryBackend
from moto_ecr_ext.models.lifecycle.facts import images_of
from moto_ecr_ext.policies.lifecycle_evaluation import LifecycleDecision, evaluate
from moto_ecr_ext.storage.turns import switching_threads_often


@switching_threads_often()
def lifecycle_decisions(registry: RegistryBackend, repository_name: str) -> list[LifecycleDecision]:
    """Return the actions that the policy of a repository would take now. No preview is stored.

    Raises RepositoryNotFoundException and LifecyclePolicyNotFoundException.
    """
    registry.store.pulls.write()
    with registry.store.database.read() as view:
        repository = registry.repository(view, repository_name)
    if repository.lifecycle_policy_text is None:
        raise LifecyclePolicyNotFoundException(repository)
    policy = read_lifecycle_policy(repository.lifecycle_policy_text)
    return evaluate(policy, images_of(registry.store.database, repository), now())
