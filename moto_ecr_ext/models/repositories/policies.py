"""Policies of repositories, stored in ECR's form."""

from __future__ import annotations

from dataclasses import replace

from moto_ecr_ext.caller import Caller, current_caller
from moto_ecr_ext.exceptions import InvalidParameterException, RepositoryPolicyNotFoundException
from moto_ecr_ext.exceptions.common import AccessDeniedException
from moto_ecr_ext.models.base import RegistryBackend
from moto_ecr_ext.moto_services.iam import account_principal
from moto_ecr_ext.policies.documents import PolicyDecision
from moto_ecr_ext.storage.database.transaction import View

from .policy_texts import AcceptedPolicy, accept_repository_policy
from .repositories import change_repository
from .repository import Repository


class RepositoryPoliciesBackend(RegistryBackend):
    """Operations on repository policies."""

    def set_repository_policy(
        self,
        repository_name: str,
        policy_text: str,
        registry_id: str | None = None,
        force: bool = False,
    ) -> Repository:
        """Set the policy. A policy that denies the caller to set another one needs `force`.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_SetRepositoryPolicy.html
        """
        with self.store.database.write() as transaction:
            repository = self.repository(transaction, repository_name, registry_id)
            policy = accept_repository_policy(policy_text, self.region_name)
            if not force and self._locks_out(transaction, repository, policy):
                raise InvalidParameterException.at(
                    "PolicyText",
                    "The policy would prevent you from setting another policy in the future. "
                    "Use force to set it nevertheless",
                )
            return change_repository(transaction, repository, policy=policy.text)

    def _locks_out(self, view: View, repository: Repository, policy: AcceptedPolicy) -> bool:
        """Return True if this policy prevents the caller, who sets it, from setting another one."""
        if repository.registry_id != self.account_id:
            try:
                self.check_access(
                    view,
                    repository.registry_id,
                    repository.repository_name,
                    policy.text,
                    repository.resource_tags,
                )
            except AccessDeniedException:
                return True
            return False
        account = Caller("", account_principal(self.account_id, self.region_name))
        attempt = self.attempt(
            replace(current_caller() or account, action="ecr:SetRepositoryPolicy"),
            repository.repository_arn,
            repository.registry_id,
            repository.resource_tags,
        )
        return attempt.decision(policy.document) is PolicyDecision.DENY

    def get_repository_policy(
        self, repository_name: str, registry_id: str | None = None
    ) -> Repository:
        """Return the policy of a repository.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetRepositoryPolicy.html
        """
        with self.store.database.read() as view:
            return self._with_policy(view, repository_name, registry_id)

    def delete_repository_policy(
        self, repository_name: str, registry_id: str | None = None
    ) -> Repository:
        """Delete the policy of a repository, and return it.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DeleteRepositoryPolicy.html
        """
        with self.store.database.write() as transaction:
            repository = self._with_policy(transaction, repository_name, registry_id)
            change_repository(transaction, repository, policy=None)
            return repository

    def _with_policy(self, view: View, repository_name: str, registry_id: str | None) -> Repository:
        repository = self.repository(view, repository_name, registry_id)
        if repository.policy_text is None:
            raise RepositoryPolicyNotFoundException(repository)
        return repository
