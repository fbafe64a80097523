"""GET /moto-api/ecr/journal: the calls of ECR's API and of the registry, as JSON lines.

Parameters of the query are conditions by their names (`CallFilter`). With `follow`, the answer has later calls, too,
until the client or the server ends it.
"""

from __future__ import annotations

import json
import selectors
import socket
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from moto_ecr_ext.calls import CallRecord
from moto_ecr_ext.distribution.carriers.open_connections import (
    OpenConnections,
    connections_of_server,
)
from moto_ecr_ext.process import this_process
from moto_ecr_ext.seams.replacing import Unplug
from moto_ecr_ext.settings.setting import nearest

if TYPE_CHECKING:
    from moto_ecr_ext.models import ECRBackend
    from moto_ecr_ext.models.reading.journal import CallFilter, FoundCall

_PATH = "{0}/moto-api/ecr/journal"
_JSON = {"Content-Type": "application/json"}
_LINES = {"Content-Type": "application/jsonl", "Cache-Control": "no-store"}
# Attributes of a record without a meaning for clients. ECR's calls have no other service.
_INTERNAL = frozenset(("began", "is_authorized", "service"))
_MEMBERS = tuple(each.name for each in fields(CallRecord) if each.name not in _INTERNAL)
# Seconds between empty lines for a client that follows, by which the server notices that it has vanished.
_SIGN_OF_LIFE = 15.0
# Seconds between two looks at the journals of other processes, which cannot wake this one.
_LOOK = 0.5


def plug() -> Unplug:
    """Add the path to the dict of moto's own API."""
    from moto.moto_api._internal.urls import url_paths

    url_paths[_PATH] = _answer

    def unplug() -> None:
        del url_paths[_PATH]

    return unplug


def _answer(request: Any, full_url: str, headers: Any) -> Any:
    """Answer with the calls. moto's server sends each piece of an iterator at once."""
    # They import SQLAlchemy.
    from moto_ecr_ext.exceptions import ECRError
    from moto_ecr_ext.models.failures import reporting_failures_of_storage
    from moto_ecr_ext.models.lookup import any_backend
    from moto_ecr_ext.models.reading.journal import FilterError

    if request.method not in ("GET", "HEAD"):
        return 405, {**_JSON, "Allow": "GET, HEAD"}, json.dumps({"Error": "Need to GET"})
    connections = connections_of_server.get(None)
    connection = getattr(request, "environ", {}).get("werkzeug.socket")
    try:
        wanted, is_followed = _read_query(urlsplit(full_url).query)
        if is_followed and (connections is None or connection is None):
            raise FilterError("Only moto_ecr_server has the parameter follow.")
    except FilterError as error:
        return 400, _JSON, json.dumps({"Error": str(error)})
    backend = any_backend()
    if is_followed and connections is not None and request.method == "GET":
        return 200, _LINES, _followed(backend, wanted, connections, connection)
    try:
        # Platforms are read from stored configurations.
        with reporting_failures_of_storage("journal"):
            return 200, _LINES, "".join(map(_line, backend.find_calls(wanted)))
    except ECRError as error:
        return error.status, _JSON, json.dumps({"Error": error.message})


def _read_query(query: str) -> tuple[CallFilter, bool]:
    """Return the filter of a query, and whether its client follows the journal. Raises FilterError."""
    from moto_ecr_ext.models.reading.journal import NAMES_OF_CONDITIONS, CallFilter, FilterError

    conditions: dict[str, Any] = {}
    is_followed = False
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=100)
    except ValueError:
        raise FilterError("The query has too many parameters.") from None
    for name, value in pairs:
        if name == "follow":
            if value not in ("", "true"):
                raise FilterError("The parameter follow has no value.")
            is_followed = True
        elif name not in NAMES_OF_CONDITIONS:
            names = ("follow", *NAMES_OF_CONDITIONS)
            hint = nearest(name, names) or f". There are {', '.join(names)}."
            raise FilterError(f"There is no parameter {name[:100]}{hint}")
        elif name in conditions:
            raise FilterError(f"The parameter {name} is given twice.")
        else:
            conditions[name] = value
    after = conditions.get("after", "0")
    if not (after.isascii() and after.isdecimal()) or len(after) > 18:
        raise FilterError("The parameter after must be the number of a call.")
    return CallFilter(**{**conditions, "after": int(after)}), is_followed


def _line(found: FoundCall) -> str:
    members = {name: getattr(found.call, name) for name in _MEMBERS}
    if found.platforms:
        members["platforms"] = found.platforms
    return json.dumps(members) + "\n"


class _Waiting:
    """A wait for the next call, or for the end of a connection, which makes it readable.

    The client ends it, or the server (`expect_no_more`).
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._woken, self._waker = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        for each in (self._woken, self._waker):
            each.setblocking(False)
        for each in (self._woken, connection):
            self._selector.register(each, selectors.EVENT_READ)

    def wake(self) -> None:
        """End the wait."""
        with suppress(OSError):  # It has been ended so often that the buffer is full.
            self._waker.send(b"\0")

    def wait(self, seconds: float) -> bool:
        """Wait for at most this long. Return False at the end of the connection."""
        ready = [key.fileobj for key, _ in self._selector.select(seconds)]
        with suppress(BlockingIOError):
            while self._woken.recv(4096):
                pass
        return self._connection not in ready

    def close(self) -> None:
        """Release what the wait needs."""
        for each in (self._selector, self._woken, self._waker):
            each.close()


def _followed(
    backend: ECRBackend, wanted: CallFilter, connections: OpenConnections, connection: Any
) -> Iterator[bytes]:
    """Yield the lines of all calls, now and later, until the client or the server ends the connection."""
    from moto_ecr_ext.exceptions import ECRError
    from moto_ecr_ext.models.failures import reporting_failures_of_storage

    seconds = _LOOK if this_process().has_siblings else _SIGN_OF_LIFE
    quiet_since = time.monotonic()
    with closing(_Waiting(connection)) as waiting, backend.listening_to_calls(waiting.wake):
        connections.begin_waiting(connection)
        try:
            yield b""  # The head of the answer.
            while True:
                try:
                    with reporting_failures_of_storage("journal"):
                        found = backend.find_calls(wanted)
                except ECRError:  # It is in the log.
                    return
                if found or time.monotonic() >= quiet_since + _SIGN_OF_LIFE:
                    yield "".join(map(_line, found)).encode() or b"\n"
                    quiet_since = time.monotonic()
                if found:
                    wanted = replace(wanted, after=found[-1].call.number)
                if not waiting.wait(seconds):
                    return
        finally:
            connections.waiting.discard(connection)
