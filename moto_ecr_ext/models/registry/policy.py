"""The policy of a registry, stored in ECR's form."""

from __future__ import annotations

from typing import Any

from moto_ecr_ext.exceptions import InvalidParameterException, RegistryPolicyNotFoundException
from moto_ecr_ext.models.base import POLICY, RegistryBackend
from moto_ecr_ext.models.repositories.policy_texts import accept_registry_policy
from moto_ecr_ext.storage.database.transaction import View


class RegistryPolicyBackend(RegistryBackend):
    """Operations on the registry's policy."""

    def put_registry_policy(self, policy_text: str) -> dict[str, Any]:
        """Set the policy of the registry.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutRegistryPolicy.html
        """
        policy = accept_registry_policy(policy_text, self.region_name)
        if self.rules.policies.refuse_registry_actions(policy.document.actions()):
            raise InvalidParameterException.at("PolicyText", "Invalid registry policy provided")
        with self.store.database.write() as transaction:
            self.store_setting(transaction, POLICY, policy.text)
        return {"registryId": self.account_id, "policyText": policy.text}

    def get_registry_policy(self) -> dict[str, Any]:
        """Return the policy of the registry.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetRegistryPolicy.html
        """
        with self.store.database.read() as view:
            return self._registry_policy(view)

    def delete_registry_policy(self) -> dict[str, Any]:
        """Delete the policy of the registry, and return it.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DeleteRegistryPolicy.html
        """
        with self.store.database.write() as transaction:
            policy = self._registry_policy(transaction)
            self.delete_setting(transaction, POLICY)
            return policy

    def _registry_policy(self, view: View) -> dict[str, Any]:
        policy_text = self.setting(view, POLICY)
        if policy_text is None:
            raise RegistryPolicyNotFoundException(self.account_id)
        return {"registryId": self.account_id, "policyText": policy_text}
