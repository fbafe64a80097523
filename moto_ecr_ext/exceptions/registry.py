"""Errors of a registry's creation templates, signing configuration and pull-time exclusions."""

from __future__ import annotations

from .base import ECRError
from .repositories import RepositoryNotFoundException


class TemplateAlreadyExistsException(ECRError):
    message = (
        "The repository creation template already exists. Specify a unique prefix and try again."
    )


class TemplateNeedsRole(RepositoryNotFoundException):
    """The error for a repository that is not created, since its template has no role that may do so."""

    def __init__(self, repository_name: str, registry_id: str, prefix: str):
        super().__init__(repository_name, registry_id)
        self.hint: str = (
            f"{repository_name} was not created: the creation template of the prefix {prefix} has resource tags or "
            "KMS encryption, and no customRoleArn. Add customRoleArn to the template."
        )


class TemplateNotFoundException(ECRError):
    message = (
        "The specified repository creation template can't be found. "
        "Verify the registry ID and prefix and try again."
    )


class SigningConfigurationNotFoundException(ECRError):
    message = (
        "The specified signing configuration was not found. This occurs when attempting to "
        "retrieve or delete a signing configuration that does not exist."
    )


class ExclusionAlreadyExistsException(ECRError):
    message = "The specified pull time update exclusion already exists for the registry."


class ExclusionNotFoundException(ECRError):
    message = "The specified pull time update exclusion was not found."
