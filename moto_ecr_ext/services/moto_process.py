"""Which process is moto: of a server with workers only one is, and they leave to it what needs moto.

A worker has moto's code and none of its state: no event reaches a rule in it, no key and no secret is there.
"""

from __future__ import annotations

from collections.abc import Callable


class NeedsMoto(Exception):
    """A request came to a worker, and is for the process that is moto. Nothing is changed, and no body was read."""


# Whether everything is moto's at this moment; None in the process that is moto.
_is_all_motos: Callable[[], bool] | None = None


def become_worker(is_all_motos: Callable[[], bool]) -> None:
    """Leave to another process what needs moto, and everything while `is_all_motos`."""
    global _is_all_motos
    _is_all_motos = is_all_motos


def require_moto() -> None:
    """Raise NeedsMoto in a worker."""
    if _is_all_motos is not None:
        raise NeedsMoto


def require_moto_at_times() -> None:
    """Raise NeedsMoto in a worker while everything is moto's."""
    if _is_all_motos is not None and _is_all_motos():
        raise NeedsMoto
