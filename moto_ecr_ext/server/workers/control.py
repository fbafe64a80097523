"""The questions of moto's process to a worker: lines of JSON on a socket, each with an answer."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from moto_ecr_ext.process import ProcessUnavailable

_AT_ONCE = 64 * 1024
_NO_ANSWER = "A worker does not answer; try again"


class Lines:
    """Lines of JSON, in both directions."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._received = b""

    def send(self, value: Any, seconds: float | None = None) -> None:
        """Send a value. Raises TimeoutError, after which nothing more can be sent."""
        self._connection.settimeout(seconds)
        self._connection.sendall(json.dumps(value).encode() + b"\n")

    def receive(self, seconds: float | None = None) -> Any:
        """Return the next value. Raises EOFError if the other side has ended, and TimeoutError."""
        until = None if seconds is None else time.monotonic() + seconds
        while b"\n" not in self._received:
            self._connection.settimeout(
                None if until is None else max(until - time.monotonic(), 1e-6)
            )
            try:
                received = self._connection.recv(_AT_ONCE)
            except ConnectionError:
                received = b""
            if not received:
                raise EOFError
            self._received += received
        line, _, self._received = self._received.partition(b"\n")
        return json.loads(line)

    def close(self) -> None:
        self._connection.close()


class Asking:
    """The asking side: one question after the other, from many threads."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._lock = threading.Lock()
        self._number = 0

    def ask(self, what: str, seconds: float, **parameters: Any) -> Any | None:
        """Return the answer, or None if the process has ended.

        Raises ProcessUnavailable if there is no answer in time, and OSError if the other process has failed to do it.
        """
        until = time.monotonic() + seconds
        if not self._lock.acquire(timeout=seconds):
            raise ProcessUnavailable(_NO_ANSWER)
        try:
            self._number += 1
            self._lines.send([self._number, what, parameters], _left(until))
            number, error, answer = self._lines.receive(_left(until))
            while number != self._number:  # A late answer to an earlier question.
                number, error, answer = self._lines.receive(_left(until))
        except TimeoutError:
            raise ProcessUnavailable(_NO_ANSWER) from None
        except (EOFError, OSError):
            return None
        finally:
            self._lock.release()
        if error is not None:
            raise Failed(error)
        return answer

    def close(self) -> None:
        """Stop asking, once a question under way has ended."""
        with self._lock:
            self._lines.close()


def _left(until: float) -> float:
    return max(until - time.monotonic(), 1e-6)


class Failed(OSError):
    """The error of another process that has failed to do what it was asked. Its log has the details."""


def answer(lines: Lines, answers: Mapping[str, Callable[..., Any]]) -> None:
    """Answer questions until the other side ends."""
    with suppress(EOFError, ConnectionError):
        while True:
            number, what, parameters = lines.receive()
            try:
                reply = [number, None, answers[what](**parameters)]
            except Exception as error:
                reply = [number, str(error) or type(error).__name__, None]
            lines.send(reply)
