"""The caller of the current request, and the address of the request.

moto prescribes the signatures of the backend's methods (Lambda and CloudFormation call them as plain Python), so this
is passed beside their parameters. Outside of a request, the caller is the account itself, at AWS's address.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any

# The client address of requests that are made in this process.
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Caller:
    """The origin of one request.

    `action` is the IAM action (`ecr:PutImage`). `principal` is an IAM ARN, or the name of a service. `address` is the
    `host[:port]` of the request if it belongs to the emulator; a host of AWS has None. `is_enforced` is true if moto's
    IAM is enforced for this request. `client` is the client's IP address; ECR's own requests have None. `vpc_endpoint`
    is the id of the request's endpoint, `parameters` are those of an operation of the API. `source_arn` is the resource
    for which a service acts.
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
        """True if an AWS service calls by its own name, as `lambda.amazonaws.com` does for a function's image."""
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
    """Run this block as another action of the caller. Some requests need permission for several actions."""
    caller = current_caller()
    if caller is None:
        yield
    else:
        with calling(replace(caller, action=action)):
            yield
