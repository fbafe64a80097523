"""The connections of a server, as it counts them."""

from __future__ import annotations

import errno
import signal
import socket
import socketserver
from threading import Event, Thread
from typing import Any

import pytest

from moto_ecr_ext.distribution.carriers.open_connections import OpenConnections
from moto_ecr_ext.server import connections
from moto_ecr_ext.server.connections import CountedConnections


class Server(CountedConnections, socketserver.TCPServer):
    """A server on a free port."""

    daemon_threads = True


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE])
def test_accepting_waits_for_a_descriptor(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """A server without a free descriptor waits until a connection ends, instead of retrying without a pause.

    accept(2): EMFILE and ENFILE leave the connection in the queue, where `select` finds it again at once.
    """
    tried, has_raised = Event(), Event()

    def accept(self: Any) -> None:
        tried.set()
        raise OSError(number, "no descriptor")

    def serve() -> None:
        with pytest.raises(OSError, match="no descriptor"):
            server.get_request()
        has_raised.set()

    monkeypatch.setattr(connections, "_RETRY", 60)
    monkeypatch.setattr(socketserver.TCPServer, "get_request", accept)
    with Server(("127.0.0.1", 0), socketserver.BaseRequestHandler) as server:
        assert server.connections.enter()
        thread = Thread(target=serve)
        thread.start()
        assert tried.wait(30)
        # It may have to begin its wait yet, so the end is said until it is heard.
        assert not has_raised.is_set()
        while not has_raised.wait(0.05):
            server.connections.enter()
            server.connections.leave()
        thread.join()


class Echo(socketserver.StreamRequestHandler):
    """Answers a line with itself."""

    def handle(self) -> None:
        self.wfile.write(self.rfile.readline())


def test_a_signal_as_a_connection_is_accepted(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """A signal ends the server at any instruction, and yet its client is answered."""
    accept = socketserver.TCPServer.get_request

    def accept_and_signal(self: Any) -> Any:
        accepted = accept(self)
        # The main thread handles it, whichever thread this is.
        signal.raise_signal(signal.SIGINT)
        return accepted

    monkeypatch.setattr(socketserver.TCPServer, "get_request", accept_and_signal)
    # A shell ignores it for what runs in its background, and then nothing would end the server.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
    with Server(("127.0.0.1", 0), Echo) as server:
        with socket.create_connection(server.server_address, timeout=30) as client:
            with pytest.raises(KeyboardInterrupt):
                server.serve_forever()
            client.sendall(b"a line\n")
            assert client.makefile("rb").read() == b"a line\n"
        assert server.connections.finish(30) == 0


def test_other_errors_of_accepting_are_raised_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that was closed before it was accepted raises its error at once."""

    def accept(self: Any) -> None:
        raise ConnectionAbortedError

    def wait(*arguments: object) -> None:
        raise AssertionError("it waits")

    monkeypatch.setattr(OpenConnections, "wait_for_an_end", wait)
    monkeypatch.setattr(socketserver.TCPServer, "get_request", accept)
    with (
        Server(("127.0.0.1", 0), socketserver.BaseRequestHandler) as server,
        pytest.raises(ConnectionAbortedError),
    ):
        server.get_request()


def test_the_bound() -> None:
    """Connections beyond the bound are counted while there is room to refuse them, and then no more."""
    counted = OpenConnections(limit=2)
    assert counted.enter()
    assert counted.enter()
    assert not counted.are_too_many
    entered = 0
    while counted.enter():
        assert counted.are_too_many
        entered += 1
    assert entered > 0
    for _ in range(entered):
        counted.leave()
    assert not counted.are_too_many
    assert counted.finish(0) == 2


def test_an_end_does_not_wait_for_silent_clients() -> None:
    """The input of a connection that waits for a request ends with the server, and its reader sees that."""
    counted = OpenConnections()
    ours, client = socket.socketpair()
    with ours, client:
        counted.waiting.add(ours)
        ours.settimeout(30)
        assert counted.finish(0) == 0
        assert ours.recv(1) == b""
