"""Rules of policies, of repositories, registries and lifecycles, and of the keys that encrypt repositories."""

from __future__ import annotations

from collections.abc import Collection

from moto_ecr_ext.exceptions import InvalidParameterException
from moto_ecr_ext.moto_services.iam import is_policy, is_repository_policy
from moto_ecr_ext.policies.lifecycle import LifecyclePolicy, parse_lifecycle_policy
from moto_ecr_ext.settings import leniencies

from .answers import Answers
from .loose_lifecycle import read_loosely

_REGISTRY_ACTIONS_IN_MOTO = {"ecr:createrepository", "ecr:replicateimage"}


class PolicyRules(Answers):
    """Which policies are accepted, and how they are returned."""

    __slots__ = ()

    def accept_repository_policy(self, text: str, fault: str) -> bool:
        """Return True if a repository may have a policy that violates ECR's grammar by this fault."""
        return is_repository_policy(text) and self._applies(
            leniencies.LOOSE_POLICIES, f"a repository policy: {fault}"
        )

    def accept_registry_policy(self, text: str, fault: str) -> bool:
        """Return True if a registry may have a policy that violates ECR's grammar by this fault."""
        return is_policy(text) and self._applies(
            leniencies.LOOSE_POLICIES, f"a registry policy: {fault}"
        )

    def refuse_registry_actions(self, actions: Collection[str]) -> bool:
        """Return True if a registry's policy may not have all of these actions. In ECR it may."""
        others = set(actions) - _REGISTRY_ACTIONS_IN_MOTO
        return bool(others) and self._applies(
            leniencies.TWO_REGISTRY_POLICY_ACTIONS, ", ".join(sorted(others))
        )

    def accept_lifecycle_policy(self, text: str) -> LifecyclePolicy:
        """Return the rules of a new policy. Raises InvalidParameterException for one that is refused."""
        try:
            return parse_lifecycle_policy(text)
        except InvalidParameterException as error:
            policy = read_loosely(text)
            if policy is None or not self._applies(
                leniencies.LOOSE_LIFECYCLE_POLICIES, error.message
            ):
                raise
            return policy

    def stored_text(self, given: str, normal: str, what: str) -> str:
        """Return the text of a policy that is stored and shown: in the normal form of ECR."""
        if normal != given and self._applies(leniencies.POLICY_TEXTS_AS_GIVEN, what):
            return given
        return normal


class KeyRules(Answers):
    """Which keys may encrypt a repository."""

    __slots__ = ()

    def accept_missing_key(self, key: str) -> bool:
        """Return True if a key need not exist, and its name may be any text."""
        return self._applies(leniencies.MADE_UP_KMS_KEYS, key)

    def shown_key(self, given: str, arn: str) -> str:
        """Return the name under which a repository shows its key. In ECR it is the ARN."""
        return given if self._is_on(leniencies.MADE_UP_KMS_KEYS) else arn
