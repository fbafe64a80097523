"""The Runtime API, as a runtime interface client uses it.

Statuses and bodies are those of https://github.com/aws/aws-lambda-runtime-interface-emulator,
`internal/lambda/rapi/`, which AWS runs too.
"""

from __future__ import annotations

import base64
import http.client
import json
import socket
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from moto_ecr_ext.integrations.awslambda.runtime.events import (
    LARGEST_RESPONSE,
    InvocationEvent,
    InvocationOutcome,
)
from moto_ecr_ext.integrations.awslambda.runtime.runtime_api import RuntimeApi

EVENT = InvocationEvent(
    "the-id", b'{"key": 1}', "arn:aws:lambda:x", headers={"Lambda-Runtime-Trace-Id": ""}
)
TYPE = "Lambda-Runtime-Function-Error-Type"


class Answer:
    """A response of the API."""

    def __init__(self, response: http.client.HTTPResponse):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()


class Runtime:
    """A client of the API, with one connection for each call."""

    def __init__(self, api: RuntimeApi):
        self.api = api
        self._threads = ThreadPoolExecutor()

    def call(self, method: str, path: str, **options: Any) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.api.port, timeout=20)
        connection.request(method, f"/2018-06-01/{path}", **options)
        answer = Answer(connection.getresponse())
        connection.close()
        return answer

    def ask(self) -> Future[Answer]:
        """Ask for the next event, in a thread."""
        return self._threads.submit(self.call, "GET", "runtime/invocation/next")

    def post(self, path: str, body: Any = b"", **headers: str) -> Answer:
        return self.call("POST", path, body=body, headers=headers)


@pytest.fixture
def runtime() -> Iterator[Runtime]:
    """A runtime of an API that is new."""
    api = RuntimeApi("127.0.0.1")
    yield Runtime(api)
    api.close()


@pytest.fixture
def running(runtime: Runtime) -> Runtime:
    """A runtime that has got the event."""
    waiting = runtime.ask()
    assert runtime.api.wait_for_init(20)
    runtime.api.begin(EVENT, 3)
    assert waiting.result().status == 200
    return runtime


def test_the_next_event(runtime: Runtime) -> None:
    """A runtime waits for the next event, and gets it unchanged, with its headers; empty ones are left out."""
    waiting = runtime.ask()
    assert runtime.api.wait_for_init(20)
    assert not waiting.done()
    runtime.api.begin(EVENT, 3)
    answer = waiting.result()
    assert (answer.status, answer.body) == (200, EVENT.payload)
    assert answer.headers["Lambda-Runtime-Aws-Request-Id"] == "the-id"
    assert answer.headers["Lambda-Runtime-Invoked-Function-Arn"] == "arn:aws:lambda:x"
    assert int(answer.headers["Lambda-Runtime-Deadline-Ms"]) > 1_700_000_000_000
    assert "Lambda-Runtime-Trace-Id" not in answer.headers
    # One that asks again before it has answered gets the same event.
    assert runtime.call("GET", "runtime/invocation/next").body == EVENT.payload


def test_a_response(running: Runtime) -> None:
    """A response is the outcome, whatever its bytes, once."""
    answer = running.post("runtime/invocation/the-id/response", b"\xff")
    assert (answer.status, json.loads(answer.body)) == (202, {"status": "OK"})
    assert running.api.wait_for_outcome(0) == InvocationOutcome(b"\xff")
    assert running.post("runtime/invocation/the-id/response").status == 400


def test_a_response_in_chunks(running: Runtime) -> None:
    """A response in chunks is accepted:
    https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html#runtimes-custom-response-streaming
    """
    running.post(
        "runtime/invocation/the-id/response",
        iter([b"one ", b"two"]),
        **{"Lambda-Runtime-Function-Response-Mode": "streaming"},
    )
    assert running.api.wait_for_outcome(0) == InvocationOutcome(b"one two")


def test_a_client_that_waits_for_leave(running: Runtime) -> None:
    """A client that waits for 100 Continue gets it: curl waits a second before a long body (RFC 9110, section
    10.1.1).
    """
    head = (
        b"POST /2018-06-01/runtime/invocation/the-id/response HTTP/1.1\r\n"
        b"Host: api\r\nContent-Length: 3\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", running.api.port), timeout=20) as connection:
        connection.sendall(head)
        answer = connection.makefile("rb")
        assert answer.readline() == b"HTTP/1.1 100 Continue\r\n"
        assert answer.readline() == b"\r\n"
        connection.sendall(b"abc")
        assert answer.readline() == b"HTTP/1.1 202 Accepted\r\n"
    assert running.api.outcome == InvocationOutcome(b"abc")


def test_an_error(running: Runtime) -> None:
    """The body of an error is the payload; its type is the header's if that is well-formed."""
    body = b'{"errorMessage": "no"}'
    assert (
        running.post("runtime/invocation/the-id/error", body, **{TYPE: "Function.X"}).status == 202
    )
    assert running.api.wait_for_outcome(0) == InvocationOutcome(body, "Function.Unknown")


def test_a_cause_of_a_mebibyte(running: Runtime) -> None:
    """A header of a mebibyte is accepted, as awslambdaric sends the cause of an error: its
    `lambda_runtime_client.py`.
    """
    cause = {"Lambda-Runtime-Function-XRay-Error-Cause": "x" * 1024 * 1024}
    assert running.post("runtime/invocation/the-id/error", b"{}", **cause).status == 202


def test_an_error_of_initialization(runtime: Runtime) -> None:
    """An error of initialization ends the start. Once events were asked for, it is refused."""
    headers = {TYPE: "Runtime.ImportModuleError"}
    assert runtime.post("runtime/init/error", b"{}", **headers).status == 202
    assert not runtime.api.wait_for_init(20)
    expected = InvocationOutcome(b"{}", "Runtime.ImportModuleError", is_reusable=False)
    assert runtime.api.outcome == expected
    assert runtime.call("GET", "runtime/invocation/next").status == 403


def test_an_error_of_initialization_too_late(running: Runtime) -> None:
    """The message of a late error names the states."""
    answer = running.post("runtime/init/error", b"{}")
    assert answer.status == 403
    error = json.loads(answer.body)
    assert error["errorType"] == "InvalidStateTransition"
    assert "from Running to InitError failed" in error["errorMessage"]


@pytest.mark.parametrize("kind", ["response", "error"])
def test_an_id_that_is_not_the_event_s(running: Runtime, kind: str) -> None:
    """A response with another id is refused, and the event stays open."""
    answer = running.post(f"runtime/invocation/other/{kind}")
    assert answer.status == 400
    assert json.loads(answer.body) == {
        "errorMessage": "Invalid request ID",
        "errorType": "InvalidRequestID",
    }
    assert running.api.outcome is None


def test_a_response_that_is_too_large(running: Runtime) -> None:
    """A response that is too large is an error for the runtime and for the caller."""
    answer = running.post("runtime/invocation/the-id/response", bytes(LARGEST_RESPONSE + 1))
    assert answer.status == 413
    assert json.loads(answer.body)["errorType"] == "RequestEntityTooLarge"
    outcome = running.api.outcome
    assert outcome is not None
    assert outcome.error_type == "Function.ResponseSizeTooLarge"


def test_another_response_mode(running: Runtime) -> None:
    """The other response mode is accepted."""
    mode = {"Lambda-Runtime-Function-Response-Mode": "other"}
    answer = running.post("runtime/invocation/the-id/response", b"", **mode)
    assert answer.status == 400
    assert json.loads(answer.body)["errorType"] == "InvalidFunctionResponseMode"


RESPONSE = b"POST /2018-06-01/runtime/invocation/the-id/response HTTP/1.1\r\nHost: api\r\n"


def exchange(runtime: Runtime, sent: bytes) -> bytes:
    """The API's answer to these bytes, after which the connection ends."""
    with socket.create_connection(("127.0.0.1", runtime.api.port), timeout=20) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        return connection.makefile("rb").read()


@pytest.mark.parametrize(
    "sent",
    [
        RESPONSE + b"Content-Length: 9\r\n\r\n123",
        RESPONSE + b"Transfer-Encoding: chunked\r\n\r\n9\r\n123",
        RESPONSE + b"Transfer-Encoding: chunked\r\n\r\n3\r\n123\r\n",
        RESPONSE + b"Transfer-Encoding: chunked\r\n\r\nno size\r\n123",
    ],
)
def test_a_response_that_breaks_off(running: Runtime, sent: bytes) -> None:
    """A response that breaks off is refused, and the event stays open."""
    answer = exchange(running, sent)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"TruncatedHTTPRequest" in answer
    assert running.api.outcome is None


@pytest.mark.parametrize(
    "sent",
    [
        b"garbage\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: api\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: api\r\nX: " + b"x" * 3 * 1024 * 1024,
    ],
    ids=["garbage", "length", "header"],
)
def test_a_malformed_request(running: Runtime, sent: bytes) -> None:
    """A malformed request is refused, and the event stays open."""
    assert exchange(running, sent).startswith(b"HTTP/1.1 400 ")
    assert running.api.outcome is None


def test_an_error_in_trailers(running: Runtime) -> None:
    """A streamed response that fails midway ends with its error.

    https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html#runtimes-custom-response-streaming
    """
    body = base64.b64encode(b'{"errorMessage": "no"}')
    sent = (
        RESPONSE
        + b"Transfer-Encoding: chunked\r\nTrailer: Lambda-Runtime-Function-Error-Type\r\n\r\n"
        b"3\r\n123\r\n0\r\nLambda-Runtime-Function-Error-Type: Runtime.Streaming\r\n"
        b"Lambda-Runtime-Function-Error-Body: " + body + b"\r\n\r\n"
    )
    assert exchange(running, sent).startswith(b"HTTP/1.1 202 ")
    assert running.api.outcome == InvocationOutcome(b'{"errorMessage": "no"}', "Runtime.Streaming")


def test_a_header_that_a_client_of_invoke_has_chosen(runtime: Runtime) -> None:
    """A header that a client of Invoke has chosen cannot end the head of the answer."""
    context = {"Lambda-Runtime-Client-Context": '{"name": "\u00e9"}\r\nX-Other: 1\0 '}
    waiting = runtime.ask()
    assert runtime.api.wait_for_init(20)
    runtime.api.begin(InvocationEvent("the-id", b"{}", "arn:aws:lambda:x", headers=context), 3)
    headers = waiting.result().headers
    assert headers["X-Other"] is None
    received = headers["Lambda-Runtime-Client-Context"].encode("latin-1").decode()
    assert received == '{"name": "\u00e9"}  X-Other: 1'


def test_other_paths(runtime: Runtime) -> None:
    """Paths of extensions and SnapStart are not served."""
    assert runtime.call("GET", "ping").body == b"pong"
    assert runtime.call("GET", "runtime/restore/next").status == 404


def test_the_end_of_a_container(running: Runtime) -> None:
    """The end of a container wakes those who wait, here and in the container."""
    waiting = running.ask()
    assert waiting.result().status == 200
    running.api.interrupt()
    assert running.api.wait_for_outcome(20) is None
