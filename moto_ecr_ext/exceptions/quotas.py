"""Errors of quotas that are reached."""

from __future__ import annotations

from .base import ECRError, NamedRepository, in_registry


class LimitExceededException(ECRError):
    """The error for a quota that is reached."""


class TooManyImages(LimitExceededException):
    """The error for a repository that has the greatest number of images."""

    def __init__(self, repository: NamedRepository, limit: int):
        # The text is from https://github.com/semaphoreci/docs/issues/404, with the quota of that year.
        super().__init__(
            f"The {in_registry(repository, article='')} "
            f"already has the maximum allowed number of images which is '{limit}'"
        )


class TooManyRepositories(LimitExceededException):
    """The error for a registry with the greatest number of repositories. Its text is adapted; AWS's is not known."""

    def __init__(self, registry_id: str, limit: int):
        super().__init__(
            f"The registry with id '{registry_id}' "
            f"already has the maximum allowed number of repositories which is '{limit}'"
        )


class TooManyScans(LimitExceededException):
    """The error for a registry with the greatest number of scans in a day. Its text is adapted; AWS's is not known."""

    def __init__(self) -> None:
        super().__init__("The scan quota per registry has been exceeded. Wait and try again.")


class TooManyImageTags(LimitExceededException):
    """The error for an image that has the greatest number of tags."""

    def __init__(self, tag: str, repository: NamedRepository, limit: int):
        # https://github.com/medic/cht-core/issues/11099
        super().__init__(
            f"Adding tag '{tag}' to an image in the "
            f"{in_registry(repository, article='')} "
            f"exceeds the maximum allowed number of tags per image which is '{limit}'"
        )
