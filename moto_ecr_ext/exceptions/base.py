"""The base of all errors, and what their messages say of a repository."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from moto.core.exceptions import ServiceException


class ECRError(ServiceException):
    """An error for the client, of either protocol.

    A class whose name ends in `Exception` is the error shape of this name. Any other is a special case, and has the
    code of the shape that it derives from or one that it names. `status` is the HTTP status over the JSON protocol.
    """

    status = 400

    def __init_subclass__(cls) -> None:
        if cls.__name__.endswith("Exception"):
            cls.code = cls.__name__

    def members(self) -> dict[str, Any]:
        """Return the members of the error shape beside `message`, as they go over the wire."""
        return {}


class NamedRepository(Protocol):
    """What messages say of a repository."""

    @property
    def repository_name(self) -> str: ...

    @property
    def registry_id(self) -> str: ...


class RepositoryName(NamedTuple):
    """A `NamedRepository` that need not exist."""

    repository_name: str
    registry_id: str


def in_registry(repository: NamedRepository, article: str = "the ") -> str:
    """Return the end of most messages: the repository, and the registry that it is in."""
    return (
        f"repository with name '{repository.repository_name}' "
        f"in {article}registry with id '{repository.registry_id}'"
    )
