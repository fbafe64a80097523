"""Who makes the request that is being served, and at which address it arrived.

The backend's methods have the signatures that moto calls them with (Lambda and CloudFormation call them as plain
Python), so this travels beside their parameters. Outside a request it is the account itself, at AWS's own address.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Caller:
    """One request's origin.

    `action` is the IAM action (`ecr:PutImage`), `principal` an IAM ARN. `address` is the `host[:port]` that the request
    named when that is the emulator's own; None when the request named a host of AWS. `is_enforced` says that moto's IAM
    is enforced for this request.
    """

    action: str
    principal: str
    scheme: str = "https"
    address: str | None = None
    is_enforced: bool = False


_caller: ContextVar[Caller | None] = ContextVar("moto_ecr_caller", default=None)


def current_caller() -> Caller | None:
    return _caller.get()


@contextmanager
def calling(caller: Caller) -> Iterator[None]:
    """Serve the calls of this block for `caller`."""
    token = _caller.set(caller)
    try:
        yield
    finally:
        _caller.reset(token)


@contextmanager
def acting(action: str) -> Iterator[None]:
    """Do what this block does as another action of the caller: some requests need permission for several."""
    caller = current_caller()
    if caller is None:
        yield
    else:
        with calling(replace(caller, action=action)):
            yield
