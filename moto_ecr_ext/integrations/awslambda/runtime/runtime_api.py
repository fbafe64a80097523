"""The Lambda Runtime API of one container, version 2018-06-01.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html. The responses are those of AWS's sandbox,
https://github.com/aws/aws-lambda-runtime-interface-emulator, `internal/lambda/rapi/`.
"""

from __future__ import annotations

import base64
import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress

from .events import (
    LARGEST_RESPONSE,
    InvocationEvent,
    InvocationOutcome,
    reported_error_type,
    too_large,
)
from .http_server import HttpServer, RuntimeRequest, RuntimeResponse

_ROUTE = re.compile(
    r"/2018-06-01/(?P<call>runtime/init/error|ping|runtime/invocation/"
    r"(?:next|(?P<id>[^/?]+)/(?P<kind>response|error)))(?:\?.*)?"
)
_ACCEPTED = RuntimeResponse(202, b'{"status":"OK"}\n', {"Content-Type": "application/json"})

# The states of a runtime, with their names in its errors.
_STARTED = "Started"
_READY = "Ready"
_RUNNING = "Running"
_ANSWERED = "RuntimeResponseSentState"
_FAILED = "InitError"


def _error(status: int, error_type: str, message: str) -> RuntimeResponse:
    body = json.dumps({"errorMessage": message, "errorType": error_type}).encode()
    return RuntimeResponse(status, body, {"Content-Type": "application/json"})


_INVALID_ID = _error(400, "InvalidRequestID", "Invalid request ID")


class RuntimeApi:
    """The API of one container. It has a separate port, since a runtime knows only a host and a port.

    Another thread calls `begin` for one event at a time, and waits for the outcome.
    """

    def __init__(self, host: str) -> None:
        self._changed = threading.Condition()
        self._state = _STARTED
        self._event: InvocationEvent | None = None
        self._deadline_ms = 0
        self._outcome: InvocationOutcome | None = None
        self._is_over = False
        self._server = HttpServer(host, self._respond, LARGEST_RESPONSE)
        self.port = self._server.port
        self._server.start()

    def close(self) -> None:
        """Stop serving, and wake all waiting threads."""
        self.interrupt()
        self._server.close()

    def interrupt(self) -> None:
        """Wake all waiting threads: the container has ended, and will not respond."""
        with self._changed:
            self._is_over = True
            self._changed.notify_all()

    def wait_for_init(self, seconds: float) -> bool:
        """Wait until the runtime asks for its first event. Return True if it did."""
        self._wait(lambda: self._state != _STARTED, seconds)
        return self._state == _READY

    @property
    def outcome(self) -> InvocationOutcome | None:
        """The outcome of the event, or of the start; None so far."""
        return self._outcome

    def begin(self, event: InvocationEvent, seconds: float) -> None:
        """Give the runtime an event, with a time limit in seconds."""
        with self._changed:
            self._event = event
            self._deadline_ms = int((time.time() + seconds) * 1000)
            self._changed.notify_all()

    def wait_for_outcome(self, seconds: float) -> InvocationOutcome | None:
        """Wait for the outcome of the event. Return None after the time limit."""
        self._wait(lambda: self._outcome is not None, seconds)
        return self._outcome

    def wait_for_ready(self, seconds: float) -> None:
        """Wait until the runtime asks for another event, which means that it has completed the last one."""
        self._wait(lambda: self._state == _READY, seconds)

    def finish(self) -> None:
        """Forget the event, whose outcome is known."""
        with self._changed:
            self._event = self._outcome = None

    def _wait(self, condition: Callable[[], bool], seconds: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._is_over or condition(), seconds)

    def _respond(self, request: RuntimeRequest) -> RuntimeResponse | None:
        route = _ROUTE.fullmatch(request.path)
        if route is None:
            return RuntimeResponse(404, b"404 page not found\n", {"Content-Type": "text/plain"})
        if route["call"] == "ping":
            return RuntimeResponse(200, b"pong", {"Content-Type": "text/plain"})
        if route["call"] == "runtime/init/error":
            return self._init_error(request)
        if route["kind"]:
            return self._answer(request, route["id"], route["kind"])
        return self._next()

    def _refuse(self, to: str) -> RuntimeResponse:
        return _error(
            403,
            "InvalidStateTransition",
            f"State transition from {self._state} to {to} failed for runtime. Error: State transition is not allowed",
        )

    def _next(self) -> RuntimeResponse | None:
        """Wait for an event without a limit. A runtime that asks again before it has responded gets the same event."""
        with self._changed:
            if self._state == _FAILED:
                return self._refuse(_READY)
            if self._state != _RUNNING:
                self._state = _READY
                self._changed.notify_all()
                self._changed.wait_for(
                    lambda: self._is_over or (self._event is not None and self._outcome is None)
                )
            event = self._event
            if self._is_over or event is None:
                return None
            self._state = _RUNNING
            return RuntimeResponse(200, event.payload, self._headers(event))

    def _headers(self, event: InvocationEvent) -> Mapping[str, str]:
        headers = {
            "Content-Type": "application/json",
            "Lambda-Runtime-Aws-Request-Id": event.request_id,
            "Lambda-Runtime-Deadline-Ms": str(self._deadline_ms),
            "Lambda-Runtime-Invoked-Function-Arn": event.invoked_arn,
            **event.headers,
        }
        return {name: value for name, value in headers.items() if value}

    def _answer(self, request: RuntimeRequest, request_id: str, kind: str) -> RuntimeResponse:
        mode = request.headers.get("lambda-runtime-function-response-mode", "streaming")
        if kind == "response" and mode != "streaming":
            return _error(400, "InvalidFunctionResponseMode", "Invalid function response mode")
        with self._changed:
            event = self._event
            if (
                self._state != _RUNNING
                or event is None
                or event.request_id != request_id
                or self._outcome is not None
            ):
                if self._state in (_STARTED, _FAILED):
                    return self._refuse("InvocationResponse")
                return _INVALID_ID
            if request.is_truncated:
                return _error(400, "TruncatedHTTPRequest", "HTTP request detected as truncated")
            self._outcome = _outcome(request, kind)
            self._state = _ANSWERED
            self._changed.notify_all()
        if request.body is None:
            return _error(
                413,
                "RequestEntityTooLarge",
                f"Exceeded maximum allowed payload size ({LARGEST_RESPONSE} bytes).",
            )
        return _ACCEPTED

    def _init_error(self, request: RuntimeRequest) -> RuntimeResponse:
        with self._changed:
            if self._state != _STARTED:
                return self._refuse(_FAILED)
            error_type = reported_error_type(
                request.headers.get("lambda-runtime-function-error-type")
            )
            self._state = _FAILED
            self._outcome = InvocationOutcome(request.body or b"", error_type, is_reusable=False)
            self._changed.notify_all()
        return _ACCEPTED


def _outcome(request: RuntimeRequest, kind: str) -> InvocationOutcome:
    """Return the outcome of a runtime's response. The payload is its body, for errors too."""
    if request.body is None:
        return too_large()
    if kind == "error":
        header = request.headers.get("lambda-runtime-function-error-type")
        return InvocationOutcome(request.body, reported_error_type(header))
    # A streamed response failed midway.
    failed = request.trailers.get("lambda-runtime-function-error-type")
    if failed is not None:
        body = request.trailers.get("lambda-runtime-function-error-body", "")
        with suppress(ValueError):
            return InvocationOutcome(base64.b64decode(body), reported_error_type(failed))
        return InvocationOutcome(request.body, reported_error_type(failed))
    return InvocationOutcome(request.body)
