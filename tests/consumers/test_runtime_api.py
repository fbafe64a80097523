"""The Runtime API, as a runtime interface client sees it.

Statuses and bodies are those of https://github.com/aws/aws-lambda-runtime-interface-emulator,
`internal/lambda/rapi/`, which AWS runs too.
"""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from moto_ecr_ext.consumers.lambda_.events import LARGEST_RESPONSE, Event, Outcome
from moto_ecr_ext.consumers.lambda_.runtime_api import RuntimeApi

EVENT = Event("the-id", b'{"key": 1}', "arn:aws:lambda:x", headers={"Lambda-Runtime-Trace-Id": ""})
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
    """The runtime waits for it, and gets it as it is, with its headers; those that are empty are left out."""
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
    """It is the outcome, whatever its bytes, once."""
    answer = running.post("runtime/invocation/the-id/response", b"\xff")
    assert (answer.status, json.loads(answer.body)) == (202, {"status": "OK"})
    assert running.api.wait_for_outcome(0) == Outcome(b"\xff")
    assert running.post("runtime/invocation/the-id/response").status == 400


def test_a_response_in_chunks(running: Runtime) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html#runtimes-custom-response-streaming"""
    running.post(
        "runtime/invocation/the-id/response",
        iter([b"one ", b"two"]),
        **{"Lambda-Runtime-Function-Response-Mode": "streaming"},
    )
    assert running.api.wait_for_outcome(0) == Outcome(b"one two")


def test_a_client_that_waits_for_leave(running: Runtime) -> None:
    """curl asks before it sends a long body, and waits a second for the answer: RFC 9110, section 10.1.1."""
    head = (
        b"POST /2018-06-01/runtime/invocation/the-id/response HTTP/1.1\r\n"
        b"Content-Length: 3\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", running.api.port), timeout=20) as connection:
        connection.sendall(head)
        answer = connection.makefile("rb")
        assert answer.readline() == b"HTTP/1.1 100 Continue\r\n"
        assert answer.readline() == b"\r\n"
        connection.sendall(b"abc")
        assert answer.readline() == b"HTTP/1.1 202 Accepted\r\n"
    assert running.api.outcome == Outcome(b"abc")


def test_an_error(running: Runtime) -> None:
    """Its body is the payload; its type is the header's if that is well-formed."""
    body = b'{"errorMessage": "no"}'
    assert (
        running.post("runtime/invocation/the-id/error", body, **{TYPE: "Function.X"}).status == 202
    )
    assert running.api.wait_for_outcome(0) == Outcome(body, "Function.Unknown")


def test_a_cause_of_a_mebibyte(running: Runtime) -> None:
    """awslambdaric sends as much in one header: its `lambda_runtime_client.py`."""
    cause = {"Lambda-Runtime-Function-XRay-Error-Cause": "x" * 1024 * 1024}
    assert running.post("runtime/invocation/the-id/error", b"{}", **cause).status == 202


def test_an_error_of_initialization(runtime: Runtime) -> None:
    """It ends the start. Once events were asked for, it is refused."""
    headers = {TYPE: "Runtime.ImportModuleError"}
    assert runtime.post("runtime/init/error", b"{}", **headers).status == 202
    assert not runtime.api.wait_for_init(20)
    expected = Outcome(b"{}", "Runtime.ImportModuleError", is_reusable=False)
    assert runtime.api.outcome == expected
    assert runtime.call("GET", "runtime/invocation/next").status == 403


def test_an_error_of_initialization_too_late(running: Runtime) -> None:
    """The message names the states."""
    answer = running.post("runtime/init/error", b"{}")
    assert answer.status == 403
    error = json.loads(answer.body)
    assert error["errorType"] == "InvalidStateTransition"
    assert "from Running to InitError failed" in error["errorMessage"]


@pytest.mark.parametrize("kind", ["response", "error"])
def test_an_id_that_is_not_the_event_s(running: Runtime, kind: str) -> None:
    """It is refused, and the event waits on."""
    answer = running.post(f"runtime/invocation/other/{kind}")
    assert answer.status == 400
    assert json.loads(answer.body) == {
        "errorMessage": "Invalid request ID",
        "errorType": "InvalidRequestID",
    }
    assert running.api.outcome is None


def test_a_response_that_is_too_large(running: Runtime) -> None:
    """The runtime is told, and so is the caller."""
    answer = running.post("runtime/invocation/the-id/response", bytes(LARGEST_RESPONSE + 1))
    assert answer.status == 413
    assert json.loads(answer.body)["errorType"] == "RequestEntityTooLarge"
    outcome = running.api.outcome
    assert outcome is not None
    assert outcome.error_type == "Function.ResponseSizeTooLarge"


def test_another_response_mode(running: Runtime) -> None:
    """There is one that is not the default."""
    mode = {"Lambda-Runtime-Function-Response-Mode": "other"}
    answer = running.post("runtime/invocation/the-id/response", b"", **mode)
    assert answer.status == 400
    assert json.loads(answer.body)["errorType"] == "InvalidFunctionResponseMode"


@pytest.mark.parametrize(
    "sent",
    [
        b"POST /2018-06-01/runtime/invocation/the-id/response HTTP/1.1\r\nContent-Length: 9\r\n\r\n123",
        b"POST /2018-06-01/runtime/invocation/the-id/response HTTP/1.1\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n9\r\n123",
        b"garbage\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    ],
)
def test_what_breaks_off_or_is_no_request(running: Runtime, sent: bytes) -> None:
    """It is refused, and the event waits on."""
    with socket.create_connection(("127.0.0.1", running.api.port), timeout=20) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        assert connection.makefile("rb").read().startswith(b"HTTP/1.1 400 ")
    assert running.api.outcome is None


def test_other_paths(runtime: Runtime) -> None:
    """Extensions and SnapStart are not served."""
    assert runtime.call("GET", "ping").body == b"pong"
    assert runtime.call("GET", "runtime/restore/next").status == 404


def test_the_end_of_a_container(running: Runtime) -> None:
    """It wakes those who wait, here and in the container."""
    waiting = running.ask()
    assert waiting.result().status == 200
    running.api.interrupt()
    assert running.api.wait_for_outcome(20) is None
