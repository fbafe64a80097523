"""Who makes the request that is being served, at which address it arrived, and what a server notes of it.

The backend's methods have the signatures that moto calls them with (Lambda and CloudFormation call them as plain
Python), so this travels beside their parameters. Outside a request it is the account itself, at AWS's own address.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Any

# Where requests come from that are made in this process.
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Caller:
    """One request's origin.

    `action` is the IAM action (`ecr:PutImage`), `principal` an IAM ARN, or the name of a service that acts for
    somebody. `address` is the `host[:port]` that the request named when that is the emulator's own; None when the
    request named a host of AWS. `is_enforced` says that moto's IAM is enforced for this request. `client` is the IP
    address that it came from, None for what ECR does by itself; `vpc_endpoint` is the id of the endpoint that it came
    through, `parameters` are those of an operation of the API. `source_arn` is the resource that a service acts for.
    """

    action: str
    principal: str
    scheme: str = "https"
    address: str | None = None
    is_enforced: bool = False
    client: str | None = None
    vpc_endpoint: str | None = None
    user_agent: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict, compare=False)
    source_arn: str | None = None

    @property
    def is_service(self) -> bool:
        """Whether a service of AWS calls, by its own name, as `lambda.amazonaws.com` does for a function's image."""
        return not self.principal.startswith("arn:")


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


@dataclass(slots=True)
class Exchange:
    """A request and its answer, as a server notes them. What is not known is empty.

    `kind` is one of a bounded number: an operation of the API, a route of the registry, or `other`. `name` is what a
    line of the log calls the request, if that is not its method and path; `service` is another one than ECR. `received`
    and `sent` are the bytes of the bodies. `began` is a reading of the performance counter, `seconds` is how long the
    answer took.
    """

    method: str
    path: str
    kind: str = "other"
    name: str = ""
    service: str = ""
    repository: str = ""
    digest: str = ""
    account_id: str = ""
    region: str = ""
    request_id: str = ""
    status: int = 0
    received: int = 0
    sent: int = 0
    began: float = field(default_factory=perf_counter)
    seconds: float = 0.0


_exchange: ContextVar[Exchange | None] = ContextVar("moto_ecr_exchange", default=None)


def current_exchange() -> Exchange | None:
    """Return what is noted of the request that is being served; None if nobody takes notes."""
    return _exchange.get()


@contextmanager
def exchanging(exchange: Exchange | None) -> Iterator[None]:
    """Serve the request of this block while `exchange` takes notes of it."""
    token = _exchange.set(exchange)
    try:
        yield
    finally:
        _exchange.reset(token)
