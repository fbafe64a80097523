"""Policies of repositories, of the registry, and lifecycle policies: stored as they were accepted."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from moto_ecr_ext.caller import current_caller
from moto_ecr_ext.clock import now
from moto_ecr_ext.exceptions import (
    AccessDeniedException,
    InvalidParameterException,
    LifecyclePolicyNotFoundException,
    RegistryPolicyNotFoundException,
    RepositoryPolicyNotFoundException,
)
from moto_ecr_ext.policies.documents import (
    Decision,
    PolicyDocument,
    parse_registry_policy,
    parse_repository_policy,
)
from moto_ecr_ext.policies.lifecycle import compact, parse_lifecycle_policy
from moto_ecr_ext.services.principals import account_principal

from .repositories import RepositoriesBackend
from .repository import Repository

# Seconds. AWS runs a policy within 24 hours after an image has met its criteria:
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
EVALUATION_INTERVAL = 24 * 60 * 60


class PoliciesBackend(RepositoriesBackend):
    """Operations on policies."""

    def set_repository_policy(
        self,
        repository_name: str,
        policy_text: str,
        registry_id: str | None = None,
        force: bool = False,
    ) -> Repository:
        """A policy that denies the caller to set another one is only set by `force`.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_SetRepositoryPolicy.html
        """
        with self.store.database.write() as transaction:
            repository = self._repository(transaction, repository_name, registry_id)
            document = parse_repository_policy(policy_text)
            if not force and self._locks_out(transaction, repository, document, policy_text):
                raise InvalidParameterException.at(
                    "PolicyText",
                    "The policy would prevent you from setting another policy in the future. "
                    "Use force to set it nevertheless",
                )
            return self._change(transaction, repository, policy=policy_text)

    def _locks_out(
        self,
        transaction: Connection,
        repository: Repository,
        document: PolicyDocument,
        policy_text: str,
    ) -> bool:
        """Whether the caller, who sets this policy, could not set another one after it."""
        if repository.registry_id != self.account_id:
            try:
                self._check_access(
                    transaction, repository.registry_id, repository.repository_name, policy_text
                )
            except AccessDeniedException:
                return True
            return False
        caller = current_caller()
        decision = document.decision(
            caller.principal if caller else account_principal(self.account_id, self.region_name),
            self.account_id,
            "ecr:SetRepositoryPolicy",
            repository.repository_arn,
            {},
        )
        return decision is Decision.DENY

    def get_repository_policy(
        self, repository_name: str, registry_id: str | None = None
    ) -> Repository:
        """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetRepositoryPolicy.html"""
        with self.store.database.read() as transaction:
            return self._with_policy(transaction, repository_name, registry_id)

    def delete_repository_policy(
        self, repository_name: str, registry_id: str | None = None
    ) -> Repository:
        """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DeleteRepositoryPolicy.html"""
        with self.store.database.write() as transaction:
            repository = self._with_policy(transaction, repository_name, registry_id)
            self._change(transaction, repository, policy=None)
            return repository

    def _with_policy(
        self, transaction: Connection, repository_name: str, registry_id: str | None
    ) -> Repository:
        repository = self._repository(transaction, repository_name, registry_id)
        if repository.policy_text is None:
            raise RepositoryPolicyNotFoundException(repository_name, repository.registry_id)
        return repository

    def put_lifecycle_policy(
        self, repository_name: str, lifecycle_policy_text: str, registry_id: str | None = None
    ) -> Repository:
        """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutLifecyclePolicy.html"""
        with self.store.database.write() as transaction:
            repository = self._repository(transaction, repository_name, registry_id)
            return self._put_lifecycle_policy(transaction, repository, lifecycle_policy_text)

    def _put_lifecycle_policy(
        self, transaction: Connection, repository: Repository, text: str
    ) -> Repository:
        """The repository with this policy, which runs for the first time in a day."""
        parse_lifecycle_policy(text)
        due_at = now() + EVALUATION_INTERVAL
        self.store.database.after_commit(lambda: self.store.schedule.expect(due_at))
        return self._change(
            transaction,
            repository,
            lifecycle_policy=compact(text),
            lifecycle_evaluated_at=0.0,
            lifecycle_due_at=due_at,
        )

    def get_lifecycle_policy(
        self, repository_name: str, registry_id: str | None = None
    ) -> Repository:
        """`lastEvaluatedAt` is the epoch until the policy has run.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetLifecyclePolicy.html
        """
        with self.store.database.read() as transaction:
            return self._with_lifecycle_policy(transaction, repository_name, registry_id)

    def delete_lifecycle_policy(
        self, repository_name: str, registry_id: str | None = None
    ) -> Repository:
        """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DeleteLifecyclePolicy.html"""
        with self.store.database.write() as transaction:
            repository = self._with_lifecycle_policy(transaction, repository_name, registry_id)
            self._change(
                transaction,
                repository,
                lifecycle_policy=None,
                lifecycle_evaluated_at=None,
                lifecycle_due_at=None,
            )
            return repository

    def _with_lifecycle_policy(
        self, transaction: Connection, repository_name: str, registry_id: str | None
    ) -> Repository:
        repository = self._repository(transaction, repository_name, registry_id)
        if repository.lifecycle_policy_text is None:
            raise LifecyclePolicyNotFoundException(repository_name, repository.registry_id)
        return repository

    def put_registry_policy(self, policy_text: str) -> dict[str, Any]:
        """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutRegistryPolicy.html"""
        parse_registry_policy(policy_text)
        with self.store.database.write() as transaction:
            self._store_setting(transaction, "policy", policy_text)
        return {"registryId": self.account_id, "policyText": policy_text}

    def get_registry_policy(self) -> dict[str, Any]:
        """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetRegistryPolicy.html"""
        with self.store.database.read() as transaction:
            return self._registry_policy(transaction)

    def delete_registry_policy(self) -> dict[str, Any]:
        """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DeleteRegistryPolicy.html"""
        with self.store.database.write() as transaction:
            policy = self._registry_policy(transaction)
            self._delete_setting(transaction, "policy")
            return policy

    def _registry_policy(self, transaction: Connection) -> dict[str, Any]:
        policy_text = self._setting(transaction, "policy")
        if policy_text is None:
            raise RegistryPolicyNotFoundException(self.account_id)
        return {"registryId": self.account_id, "policyText": policy_text}
