"""Errors of repositories, their resource tags and their encryption."""

from __future__ import annotations

from typing import Any

from .base import ECRError, NamedRepository, in_registry


class RepositoryNotFoundException(ECRError):
    hint: str | None = None
    """A hint for clients of the registry protocol: how to address a repository of this name in another registry."""

    def __init__(self, repository_name: str, registry_id: str):
        super().__init__(
            f"The repository with name '{repository_name}' does not exist "
            f"in the registry with id '{registry_id}'"
        )


class RepositoryAlreadyExistsException(ECRError):
    def __init__(self, repository_name: str, registry_id: str):
        super().__init__(
            f"The repository with name '{repository_name}' already exists "
            f"in the registry with id '{registry_id}'"
        )


class RepositoryNotEmptyException(ECRError):
    def __init__(self, repository: NamedRepository):
        super().__init__(
            f"The {in_registry(repository, article='')} "
            "cannot be deleted because it still contains images"
        )


class InvalidTagParameterException(ECRError):
    message = "Tag parameters are invalid"


class TooManyTagsException(ECRError):
    message = (
        "The list of tags on the repository is over the limit. "
        "The maximum number of tags that can be applied to a repository is 50."
    )


class KmsException(ECRError):
    """The error for a key that KMS refuses, with KMS's code and message."""

    def __init__(self, kms_error: str, message: str):
        super().__init__(message)
        self._kms_error = kms_error

    def members(self) -> dict[str, Any]:
        return {"kmsError": self._kms_error}
