"""Assumptions of the server's seams in moto and werkzeug. A failure names the assumption that moved."""

from __future__ import annotations

import inspect
import socket
from http.server import BaseHTTPRequestHandler
from typing import Any

import boto3
import pytest
import requests
from moto import proxy as moto_proxy
from moto import server as moto_server
from moto.core.responses import BaseResponse
from moto.moto_proxy import proxy3
from moto.moto_server import werkzeug_app
from werkzeug import serving
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler

from moto_ecr_ext.server import moto_proxy as proxy
from moto_ecr_ext.server.commands.help import parser_of
from support.constants import REGION

HANDLER = getattr(werkzeug_app, "MotoRequestHandler", None)


def test_the_server_calls_the_class_for_each_request(
    stock_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """moto's server looks `__call__` of its application up on the class, for each request."""
    paths = []
    original = werkzeug_app.DomainDispatcherApplication.__call__

    def record(self: Any, environ: Any, start_response: Any) -> Any:
        paths.append(environ["PATH_INFO"])
        return original(self, environ, start_response)

    monkeypatch.setattr(werkzeug_app.DomainDispatcherApplication, "__call__", record)
    requests.get(f"http://{stock_server}/moto-api/data.json")

    assert paths == ["/moto-api/data.json"]


@pytest.mark.skipif(HANDLER is None, reason="moto has no handler of its own before 5.2")
def test_the_server_takes_each_request_by_handle_one_request(
    stock_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """moto's server makes its handler of this class, whose `handle_one_request` finds the request unread."""
    heads_seen = []
    original = HANDLER.handle_one_request

    def record(self: Any) -> None:
        heads_seen.append(self.rfile.peek())
        original(self)

    monkeypatch.setattr(HANDLER, "handle_one_request", record)
    requests.get(f"http://{stock_server}/moto-api/data.json", headers={"X-Seen": "yes"})

    [head] = heads_seen
    assert head.startswith(b"GET /moto-api/data.json HTTP/1.1\r\n")
    assert b"\r\nX-Seen: yes\r\n" in head


def test_the_server_answers_garbage_by_the_default_version_of_its_handler(
    stock_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bytes that are not HTTP are answered in the HTTP version of this attribute."""
    handler = HANDLER or WSGIRequestHandler
    assert not answer_to_garbage(stock_server).startswith(b"HTTP/")

    monkeypatch.setattr(handler, "default_request_version", "HTTP/1.1")

    assert answer_to_garbage(stock_server).startswith(b"HTTP/1.1 400")


def answer_to_garbage(address: str) -> bytes:
    """The server's answer to the beginning of TLS."""
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        answer = connection.makefile("rb").read()
    return answer


def test_the_command_of_moto_ends_in_serve_forever(
    stock_moto: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`moto_server` calls `serve_forever` of werkzeug's server, which is listening by then."""
    listening = []

    def record(self: BaseWSGIServer, *arguments: object, **options: object) -> None:
        listening.append((self.host, self.port, self.socket.getsockname()))
        self.server_close()

    monkeypatch.setattr(BaseWSGIServer, "serve_forever", record)
    # What the command changes in its process.
    monkeypatch.setenv("MOTO_PORT", "5000")
    monkeypatch.setattr("signal.signal", lambda *arguments: None)
    moto_server.main(["--port", "0"])

    [(host, port, address)] = listening
    assert (host, port) == address
    assert port != 0


@pytest.mark.parametrize("name", ["setup", "parse_request"])
def test_the_server_sets_up_and_reads_by_methods_of_its_handler(stock_server, monkeypatch, name):
    """moto's server prepares a connection by `setup`, reads a head by `parse_request`, on the class of its handler."""
    seen = []
    handler = HANDLER or WSGIRequestHandler
    original = getattr(handler, name)

    def record(self: Any) -> Any:
        result = original(self)
        seen.append((type(self.connection), hasattr(self, "wfile")))
        return result

    monkeypatch.setattr(handler, name, record)
    requests.get(f"http://{stock_server}/moto-api/data.json")

    assert seen == [(socket.socket, True)]


def test_the_server_does_not_answer_what_was_not_parsed(stock_server, monkeypatch):
    """`parse_request` of the handler may answer itself, and return False."""

    def refuse(self: Any) -> bool:
        self.wfile.write(b"HTTP/1.1 418 Refused\r\nContent-Length: 0\r\n\r\n")
        self.close_connection = True
        return False

    monkeypatch.setattr(HANDLER or WSGIRequestHandler, "parse_request", refuse)

    assert requests.get(f"http://{stock_server}/moto-api/data.json").status_code == 418


def test_moto_makes_its_servers_of_a_name_in_werkzeug(stock_moto, monkeypatch):
    """The command and `ThreadedMotoServer` end in `make_server`, which looks the class up in its module."""

    class Made(Exception):
        """The server was made of this class."""

    def make(*arguments: object, **options: object) -> None:
        raise Made

    monkeypatch.setattr(serving, "ThreadedWSGIServer", make)
    monkeypatch.setenv("MOTO_PORT", "5000")
    monkeypatch.setattr("signal.signal", lambda *arguments: None)

    with pytest.raises(Made):
        moto_server.main(["--port", "0"])
    with pytest.raises(Made):
        moto_server.ThreadedMotoServer(port=0)._server_entry()


def test_the_proxy_is_made_of_a_name_in_its_module(stock_moto, monkeypatch):
    """The command of the proxy creates its server by this name, with its handler."""

    class Made(Exception):
        """The server was made."""

    def make(address: object, handler: object) -> None:
        assert handler is proxy3.ProxyRequestHandler
        raise Made

    monkeypatch.setattr(moto_proxy, "ThreadingHTTPServer", make)
    monkeypatch.setenv("MOTO_PORT", "5005")
    monkeypatch.setenv("TEST_PROXY_MODE", "")
    monkeypatch.setattr("signal.signal", lambda *arguments: None)

    with pytest.raises(Made):
        moto_proxy.main(["--port", "0"])


def test_the_application_of_the_server_finds_the_service_of_a_request(stock_moto):
    """The service that a foreign page requests is found as moto finds it."""
    application = werkzeug_app.DomainDispatcherApplication(werkzeug_app.create_backend_app)
    environ = {
        "HTTP_AUTHORIZATION": "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/ECR/aws4_request",
        "PATH_INFO": "/",
    }

    host = application.infer_service_region_host(environ, "/")

    assert application.get_backend_for_host(host) == "ecr"


def test_the_proxy_leaves_its_connection_open_when_it_has_finished(stock_moto):
    """The handler calls `finish`, and its `connection` stays open."""
    connection, client = socket.socketpair()

    class Handler(proxy3.ProxyRequestHandler):
        def __init__(self) -> None:
            BaseHTTPRequestHandler.__init__(self, connection, ("127.0.0.1", 0), None)

        def handle(self) -> None:
            """Answer nothing."""

    Handler()
    assert connection.fileno() != -1
    unplug = proxy.plug()
    try:
        Handler()
    finally:
        unplug()
    assert connection.fileno() == -1
    client.close()


def test_the_server_logs_by_two_methods_of_its_handler() -> None:
    """werkzeug's handler runs the application in `run_wsgi`, and logs by `log_request` and `log_error`."""
    handler: Any = HANDLER or WSGIRequestHandler
    for name in ("run_wsgi", "log_request", "log_error"):
        assert callable(getattr(handler, name, None)), f"the handler has no {name}"


def test_the_proxy_logs_by_one_method_of_its_handler() -> None:
    """moto's proxy answers by `parse_request` with the path and the headers, and logs by `info`."""
    parameters = inspect.signature(proxy3.MotoRequestHandler.parse_request).parameters
    # Earlier moto has `form_data` behind them.
    assert list(parameters)[:6] == ["self", "method", "host", "path", "headers", "body"]
    assert callable(proxy3.info)


@pytest.mark.parametrize("command", [moto_server, moto_proxy])
def test_commands_of_moto_begin_with_a_parser(command: Any) -> None:
    """A command has an `ArgumentParser` parse its arguments before it does anything."""
    flags = parser_of(command.main).format_help()
    assert "--port" in flags
    assert "--host" in flags


@pytest.mark.parametrize("service", ["sqs", "s3", "iam", "dynamodb"])
def test_services_ask_one_method_for_the_account(
    stock_server: str, monkeypatch: pytest.MonkeyPatch, service: str
) -> None:
    """Services call `BaseResponse.get_current_account`, once the headers and the parameters of the URL are known."""
    seen = []
    original = BaseResponse.get_current_account

    def watched(self: BaseResponse) -> str:
        seen.append((self.headers["Authorization"].partition("/")[0], self.querystring))
        return original(self)

    monkeypatch.setattr(BaseResponse, "get_current_account", watched)
    client = boto3.client(
        service,
        region_name=REGION,
        endpoint_url=f"http://{stock_server}",
        aws_access_key_id="111122223333",
        aws_secret_access_key="test",
    )
    calls = {
        "sqs": "list_queues",
        "s3": "list_buckets",
        "iam": "list_users",
        "dynamodb": "list_tables",
    }
    getattr(client, calls[service])()
    assert seen, "moto finds the account in another way"
    assert seen[0][0] == "AWS4-HMAC-SHA256 Credential=111122223333"
