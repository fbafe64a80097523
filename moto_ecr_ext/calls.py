"""The record of a call, one for each request: it feeds the log, the metrics, CloudWatch's counts and the journal.

The first that knows of a request makes its record: a server, or else the protocol. The protocol adds its facts to it
(`recording`), and passes it on with the answer. A server passes it to its `Recorder` at the end of the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, fields
from operator import attrgetter
from time import perf_counter
from typing import Any

from .clock import now

# The values of `CallRecord.protocol`.
API = "api"
REGISTRY = "registry"


@dataclass(slots=True)
class CallRecord:
    """A request and its answer. Unknown values are empty.

    `protocol` is API or REGISTRY; a server's requests for anything else have none. `kind` is one of a bounded number:
    an operation of the API, a route of the registry, or `other`. `operation` is ECR's for both protocols (`PutImage`).
    A call of an unknown one, or of another service, has any text there, and a call of another one its `service`.
    `caller` is the ARN of the principal, `account_id` its account, `registry_id` the account of the requested registry.
    `reference` is the tag or the digest in the request, `digest` that of the answer. A call of the API for several
    images has `images` instead: the tag, which may be empty, and the digest of each image in the answer. `reason`
    says why the registry refused a request, or why the store fails. `client` is the address of the client.

    `at` is the time of the request in seconds since the epoch, `began` a value of the performance counter. `received`
    and `sent` are the bytes of the bodies. `seconds` lasts until the answer, and, once a server has sent that, until
    its end. `is_authorized` is true from the moment at which the caller is allowed to make the call. The journal counts
    the calls in `number`.
    """

    method: str
    path: str
    protocol: str = ""
    kind: str = "other"
    operation: str = ""
    service: str = ""
    caller: str = ""
    account_id: str = ""
    region: str = ""
    registry_id: str = ""
    repository: str = ""
    reference: str = ""
    digest: str = ""
    images: Sequence[Sequence[str]] = ()
    client: str = ""
    user_agent: str = ""
    request_id: str = ""
    status: int = 0
    error_code: str = ""
    reason: str = ""
    received: int = 0
    sent: int = 0
    seconds: float = 0.0
    is_authorized: bool = False
    at: float = field(default_factory=now)
    began: float = field(default_factory=perf_counter)
    number: int = 0

    def end(self) -> None:
        """Note that the call has taken until now."""
        self.seconds = perf_counter() - self.began


values_of: Callable[[CallRecord], tuple[Any, ...]] = attrgetter(
    *(each.name for each in fields(CallRecord))
)
"""Return the values of a record, from which `CallRecord` makes an equal one. They are JSON values."""


class Recorder:
    """The listeners of a server, each of which gets the record of every request after the end of its answer."""

    def __init__(self, *listeners: Callable[[CallRecord], None]) -> None:
        self._listeners = listeners

    def record(self, call: CallRecord) -> None:
        """Pass on the record of a request that has just been answered."""
        call.end()
        for listen in self._listeners:
            listen(call)


_current: ContextVar[CallRecord | None] = ContextVar("moto_ecr_call", default=None)


def current_call() -> CallRecord | None:
    """Return the record of the current request; None outside of requests."""
    return _current.get()


@contextmanager
def carrying(call: CallRecord) -> Iterator[None]:
    """Serve the request of this block, which has this record."""
    token = _current.set(call)
    try:
        yield
    finally:
        _current.reset(token)


@contextmanager
def recording(protocol: str, method: str, path: str) -> Iterator[CallRecord]:
    """Serve the call of this block by a protocol, with the record that its carrier has made, or with a new one.

    A call may make another one in the same context, as a cache does whose upstream is in the same process: that has a
    record too.
    """
    carried = _current.get()
    call = CallRecord(method, path) if carried is None or carried.protocol else carried
    call.protocol = protocol
    token = _current.set(call)
    try:
        yield call
    finally:
        _current.reset(token)
