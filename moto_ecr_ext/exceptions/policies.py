"""Errors of the policies of repositories and registries."""

from __future__ import annotations

from .base import ECRError, NamedRepository, in_registry


class RepositoryPolicyNotFoundException(ECRError):
    def __init__(self, repository: NamedRepository):
        super().__init__(f"Repository policy does not exist for the {in_registry(repository)}")


class RegistryPolicyNotFoundException(ECRError):
    def __init__(self, registry_id: str):
        super().__init__(f"Registry policy does not exist in the registry with id '{registry_id}'")
