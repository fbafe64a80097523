"""This process among the processes of its server: the one hook by which `server/workers/` divides a server.

A process that is alone is the whole moto, and holds the whole state. Each process of a divided server has its own
`Process` from its start. One of them is moto; the others have moto's code without its state: their events would reach
no rules, and they have no keys and secrets.
"""

from __future__ import annotations

from collections.abc import MutableSequence
from typing import Any


def came_to_a_server(request: Any) -> bool:
    """Return True if a WSGI server has received a request, False for one that the code of this process has made.

    A server has its name in the environment (RFC 3875, 4.1.17, SERVER_SOFTWARE). In the process and in the proxy, moto
    makes an environment without that name, or passes a request of botocore.
    """
    return "SERVER_SOFTWARE" in getattr(request, "environ", {})


class NeedsMoto(Exception):
    """The error for a request that only the process with moto's state can serve.

    It is raised before anything was changed, and before the body was read.
    """


class ProcessUnavailable(OSError):
    """The error for a process that does not answer a question in time. A retry may succeed: it will be replaced."""


class Process:
    """A process that is alone."""

    has_siblings = False
    """True if other processes of the server have the same database."""

    def need_moto(self) -> None:
        """Raise NeedsMoto unless this process is moto."""

    def need_moto_at_times(self) -> None:
        """Raise NeedsMoto while all requests need moto, unless this process is it."""

    def ask_others(self, question: str, **parameters: Any) -> list[Any]:
        """Return the answers of the other processes, which are JSON values, to a question about their memory.

        Only the process that is moto has others to ask. One that does not answer in time is left out. Raises OSError if
        one cannot do what it was asked.
        """
        return []

    def ask_all_others(self, question: str) -> list[Any]:
        """Return the answers of all other processes. Raises ProcessUnavailable if one does not answer in time."""
        return []

    def due(self, at: float) -> MutableSequence[float]:
        """Return the place of the next time at which the store has work, which is `at` unless others know it."""
        return [at]

    def connections(self) -> tuple[MutableSequence[float], int]:
        """Return the numbers of connections of all processes, and the place of this process in them."""
        return [0], 0


_this = Process()


def this_process() -> Process:
    return _this


def become(process: Process) -> None:
    """Make this process another one, before it opens a store and a server."""
    global _this
    _this = process
