"""Errors of lifecycle policies and their previews."""

from __future__ import annotations

from .base import ECRError, NamedRepository, in_registry


class LifecyclePolicyNotFoundException(ECRError):
    def __init__(self, repository: NamedRepository):
        super().__init__(f"Lifecycle policy does not exist for the {in_registry(repository)}")


class LifecyclePolicyPreviewInProgressException(ECRError):
    message = "The previous lifecycle policy preview request has not completed. Wait and try again."


class LifecyclePolicyPreviewNotFoundException(ECRError):
    message = "There is no dry run for this repository."
