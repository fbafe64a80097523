"""A worker: a process that accepts connections, serves the registry, and passes other requests to moto's process."""

from __future__ import annotations

import errno
import logging
import os
import signal
import socket
import socketserver
import sys
import threading
from contextlib import suppress
from typing import Any, NoReturn

from moto_ecr_ext.activation.connections import CountedConnections, wait_patiently
from moto_ecr_ext.activation.server import finish_requests
from moto_ecr_ext.commands.log import logging_as
from moto_ecr_ext.distribution.carriers.connection import serve
from moto_ecr_ext.distribution.carriers.gate import Gate
from moto_ecr_ext.distribution.carriers.watch import Watch
from moto_ecr_ext.platforms.processes import interrupt_main_thread, make_nonblocking

from .channel import Channel
from .control import Lines, answer
from .page import Page

log = logging.getLogger("moto_ecr_ext")

# Seconds.
_RETRY = 0.5
_WAKE = 0.05

_has_left = threading.Event()


class _Handler(socketserver.StreamRequestHandler):
    """The requests of one connection."""

    server: _Server
    close_connection = False

    def setup(self) -> None:
        super().setup()
        wait_patiently(self)

    def handle(self) -> None:
        while not self.close_connection:
            if not serve(self):  # type: ignore[arg-type]
                # moto's process answers this request, and may hand back the connection after it.
                self.server.channel.send(self)
                return


class _Server(CountedConnections, socketserver.TCPServer):
    """The connections of this process."""

    daemon_threads = True
    gate: Gate

    def __init__(self, listening: socket.socket, channel: Channel) -> None:
        super().__init__(("", 0), _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listening
        self.channel = channel
        self.watch = Watch()

    def serve_forever(self, poll_interval: float = 0.5) -> NoReturn:
        """Accept connections. For each, the system wakes the process that has waited longest."""
        while True:
            self._handle_request_noblock()  # type: ignore[attr-defined]
            self.service_actions()

    def take_back(self) -> NoReturn:
        """Serve the connections that moto's process hands back."""
        while True:
            try:
                self.process_request(*self.channel.accept())
            except OSError as error:
                if error.errno == errno.EMFILE:
                    self.connections.wait_for_an_end(_RETRY)


def main(listening: int, channel: int, control: int, page: int) -> None:
    """Run a worker with these descriptors, until SIGTERM or the end of moto's process."""
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # All processes receive Ctrl-C; moto's process then sends SIGTERM.
    signal.signal(signal.SIGTERM, _leave)
    _wake_by_signals()
    lines = Lines(socket.socket(fileno=control))
    hello = lines.receive()
    server = _Server(socket.socket(fileno=listening), Channel(socket.socket(fileno=channel)))
    with logging_as(*hello["log"]):
        _serve(server, lines, _begin(server, hello, Page(page)))


def _serve(server: _Server, lines: Lines, answers: Any) -> NoReturn:
    threading.Thread(target=server.take_back, name="handed back", daemon=True).start()
    lines.send("ready")
    threading.Thread(target=_obey, args=(lines, answers), name="answers", daemon=True).start()
    with suppress(SystemExit):
        server.serve_forever()
    server.socket.close()
    finish_requests(server)
    _end()


def _wake_by_signals() -> None:
    """Make a signal interrupt `accept` in any case: it may arrive just before, after Python has checked for signals."""
    reading, writing = os.pipe()
    make_nonblocking(writing)
    signal.set_wakeup_fd(writing)

    def wake() -> None:
        os.read(reading, 1)
        while not _has_left.wait(_WAKE):
            interrupt_main_thread(signal.SIGTERM)

    threading.Thread(target=wake, name="signals", daemon=True).start()


def _leave(number: int, frame: object) -> None:
    _has_left.set()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(0)


def _obey(lines: Lines, answers: Any) -> None:
    answer(lines, answers)
    # The server was killed. Its port should be free, and commits are on disk.
    os._exit(1)


def _begin(server: _Server, hello: dict[str, Any], page: Page) -> dict[str, Any]:
    """Open the store beside moto's process. Return the functions that answer its questions."""
    import moto.settings

    from moto_ecr_ext.activation.installation import install
    from moto_ecr_ext.services.moto_process import become_worker
    from moto_ecr_ext.storage.siblings import Siblings, forget, join
    from moto_ecr_ext.storage.store import Store, current_store

    install(**hello["install"])
    # While moto counts calls, this process serves nothing.
    moto.settings.INITIAL_NO_AUTH_ACTION_COUNT = float("inf")
    become_worker(page.is_all_motos)
    # moto's process has opened it, and removed the remains of a killed server.
    store = current_store(Store.found)
    join(store, Siblings())
    store.schedule.follow(page.due)
    server.connections.share(page.connections, hello["number"])
    server.connections.limit = hello["connections"]
    server.idle_timeout = hello["idle_timeout"]
    server.gate = Gate(hello["origins"], hello["hosts"])

    def counts(account_id: str, region: str) -> list[Any]:
        found = store.counts.of_process(account_id, region)
        return [[each.name, each.of, each.minute, each.number] for each in found]

    return {
        "counts": counts,
        "waiting_pulls": lambda: [[*pull, at] for pull, at in store.pulls.of_process().items()],
        "write_pulls": store.pulls.write_own,
        "forget": lambda: forget(store),
        "take_requests": store.requests.take,
        "requests": lambda: server.watch.tally.counts().to_json(),
    }


def _end() -> NoReturn:
    """Close the store and end the process, without waiting for Python's own cleanup."""
    from moto_ecr_ext.activation.installation import uninstall

    uninstall()
    os._exit(0)
