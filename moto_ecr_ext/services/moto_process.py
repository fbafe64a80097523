"""The process with moto's state. In a server with workers it is one process, and workers leave moto's tasks to it.

A worker has moto's code without its state: its events reach no rules, and it has no keys and secrets.
"""

from __future__ import annotations

from collections.abc import Callable


class NeedsMoto(Exception):
    """The error for a request in a worker that only the process with moto's state can serve.

    It is raised before anything was changed, and before the body was read.
    """


# A function that returns True while all requests need moto's process; None in that process.
_is_all_motos: Callable[[], bool] | None = None


def become_worker(is_all_motos: Callable[[], bool]) -> None:
    """Make this process a worker. It leaves moto's tasks to another process, and all requests while `is_all_motos`."""
    global _is_all_motos
    _is_all_motos = is_all_motos


def require_moto() -> None:
    """Raise NeedsMoto in a worker."""
    if _is_all_motos is not None:
        raise NeedsMoto


def require_moto_at_times() -> None:
    """Raise NeedsMoto in a worker while all requests need moto's process."""
    if _is_all_motos is not None and _is_all_motos():
        raise NeedsMoto
