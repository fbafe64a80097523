"""Faults in the API: refusals, and connections that end without an answer."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

from moto_ecr_ext import faults
from moto_ecr_ext.calls import CallRecord
from moto_ecr_ext.exceptions.faults import InjectedError
from moto_ecr_ext.platforms.sockets import end, has_gone


def suffer(call: CallRecord) -> None:
    """Let a fault strike a call. Raises InjectedError and ConnectionEnds."""
    struck = faults.strike(call)
    if struck is None:
        return
    fault, act = struck[0], struck[0].act
    if act.api is not None:
        raise InjectedError(act.api.code, act.api.message, act.api.status)
    if act.cut_after is not None:
        raise faults.ConnectionEnds(fault)


def broken_answer(
    request: Any, call: CallRecord, ending: faults.ConnectionEnds
) -> tuple[int, dict[str, str], Any]:
    """Return an answer of which a server sends nothing. Raises the error of botocore in the test process."""
    call.reason = str(ending)
    environ = getattr(request, "environ", {})
    # As `date_header` says, only a server has this name.
    if "SERVER_SOFTWARE" in environ:
        return 200, {}, _nothing(ending, environ.get("werkzeug.socket"))
    from botocore.exceptions import ConnectionClosedError, ReadTimeoutError

    if ending.hangs_for:
        raise ReadTimeoutError(endpoint_url=call.path)
    raise ConnectionClosedError(endpoint_url=call.path)


def _nothing(ending: faults.ConnectionEnds, connection: socket.socket | None) -> Iterator[bytes]:
    """End the connection where the server would read the body."""
    ending.hang(lambda: connection is not None and has_gone(connection))
    if connection is not None:
        end(connection)
    raise ConnectionResetError(str(ending))
    yield b""
