"""The base of all errors, and common parts of their messages."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from moto.core.exceptions import ServiceException


class ECRError(ServiceException):
    """An error for clients of either protocol.

    A class whose name ends in `Exception` is the error shape of this name. Other classes are special cases: they have
    the code of the shape that they derive from, or an explicit code. `status` is the HTTP status in the JSON protocol.
    """

    status = 400

    def __init_subclass__(cls) -> None:
        if cls.__name__.endswith("Exception"):
            cls.code = cls.__name__

    def members(self) -> dict[str, Any]:
        """Return the members of the error shape without `message`, with their names in the API."""
        return {}


class NamedRepository(Protocol):
    """The members of a repository that messages use."""

    @property
    def repository_name(self) -> str: ...

    @property
    def registry_id(self) -> str: ...


class UncheckedRepository(NamedTuple):
    """A `NamedRepository` that may not exist."""

    repository_name: str
    registry_id: str


def in_registry(repository: NamedRepository, article: str = "the ") -> str:
    """Return the end of most messages: the repository and its registry."""
    return (
        f"repository with name '{repository.repository_name}' "
        f"in {article}registry with id '{repository.registry_id}'"
    )
