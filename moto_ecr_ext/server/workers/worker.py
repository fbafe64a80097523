"""A worker: a process that accepts connections, serves the registry, and passes other requests to moto's process."""

from __future__ import annotations

import errno
import logging
import os
import signal
import socket
import socketserver
import threading
import time
from collections.abc import MutableSequence
from typing import Any, NoReturn

from moto_ecr_ext.calls import Recorder
from moto_ecr_ext.distribution.carriers.connection import serve
from moto_ecr_ext.distribution.carriers.gate import Gate
from moto_ecr_ext.platforms.processes import HANGUP, readable_after
from moto_ecr_ext.platforms.sockets import limit_receiving
from moto_ecr_ext.process import NeedsMoto, Process, become
from moto_ecr_ext.seams.installation import install, uninstall
from moto_ecr_ext.server.connections import CountedConnections, wait_patiently
from moto_ecr_ext.server.log import logging_as
from moto_ecr_ext.server.moto_server import finish_requests
from moto_ecr_ext.server.request_log import log_request
from moto_ecr_ext.server.tally import Tally
from moto_ecr_ext.storage.store import Store, current_store

from .channel import Channel
from .control import Lines, answer
from .shared_numbers import BEAT, SharedNumbers

log = logging.getLogger("moto_ecr_ext")

# Seconds.
_RETRY = 0.5
# Between two looks whether the worker is to end.
_LOOK = 0.1
_LAST_LOOK = 1

_is_to_end = threading.Event()


class Worker(Process):
    """A process that leaves moto's tasks to another process, and at times all requests."""

    has_siblings = True

    def __init__(self, numbers: SharedNumbers, number: int) -> None:
        self._numbers = numbers
        self._number = number

    def need_moto(self) -> None:
        raise NeedsMoto

    def need_moto_at_times(self) -> None:
        if self._numbers.is_all_motos():
            raise NeedsMoto

    def due(self, at: float) -> MutableSequence[float]:
        return self._numbers.due

    def beat(self) -> None:
        """Show that this process runs, without an end."""
        while True:
            self._numbers.beats[self._number] += 1
            time.sleep(BEAT)

    def connections(self) -> tuple[MutableSequence[float], int]:
        return self._numbers.connections, self._number


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
        limit_receiving(listening, _LOOK)
        channel.limit_waits(_LOOK)
        self.tally = Tally()
        self.recorder = Recorder(self.tally.add, log_request)

    def accept_all(self) -> None:
        """Accept connections until the end. For each, the system wakes the process that has waited longest."""
        while not _is_to_end.is_set():
            self._handle_request_noblock()  # type: ignore[attr-defined]

    def take_back(self) -> None:
        """Serve the connections that moto's process hands back, until the end."""
        while not _is_to_end.is_set():
            try:
                self.process_request(*self.channel.accept())
            except OSError as error:
                if error.errno == errno.EMFILE:
                    self.connections.wait_for_an_end(_RETRY)


def main(listening: int, channel: int, control: int, numbers: int) -> None:
    """Run a worker with these descriptors, until SIGTERM or the end of moto's process."""
    # All processes receive Ctrl-C, and the end of their terminal; moto's process then sends SIGTERM.
    for number in filter(None, (signal.SIGINT, HANGUP)):
        signal.signal(number, signal.SIG_IGN)
    end = readable_after(signal.SIGTERM)
    lines = Lines(socket.socket(fileno=control))
    hello = lines.receive()
    worker = Worker(SharedNumbers(numbers), hello["number"])
    become(worker)
    threading.Thread(target=worker.beat, name="beat", daemon=True).start()
    server = _Server(socket.socket(fileno=listening), Channel(socket.socket(fileno=channel)))
    with logging_as(*hello["log"]):
        _serve(server, lines, _begin(server, hello), end)


def _serve(server: _Server, lines: Lines, answers: dict[str, Any], end: int) -> NoReturn:
    """Serve until there is something to read at `end`."""
    # Not in this thread, which would have to be interrupted, perhaps with a connection that it has just accepted.
    accepting = [
        threading.Thread(target=each, name=name, daemon=True)
        for each, name in ((server.accept_all, "accepting"), (server.take_back, "handed back"))
    ]

    def accept() -> bool:
        for each in accepting:
            each.start()
        return True

    lines.send("ready")
    answers["accept"] = accept
    threading.Thread(target=_obey, args=(lines, answers), name="answers", daemon=True).start()
    os.read(end, 1)
    _is_to_end.set()
    for each in accepting:
        if each.ident is not None:
            each.join(_LAST_LOOK)  # Where `accept` has no limit, the thread stays in it.
    server.socket.close()
    finish_requests(server)
    _end()


def _obey(lines: Lines, answers: Any) -> None:
    answer(lines, answers)
    # The server was killed. Its port should be free, and commits are on disk.
    logging.shutdown()
    os._exit(1)


def _begin(server: _Server, hello: dict[str, Any]) -> dict[str, Any]:
    """Open the store beside moto's process. Return the functions that answer its questions."""
    import moto.settings

    install(**hello["install"])
    # While moto counts calls, this process serves nothing.
    moto.settings.INITIAL_NO_AUTH_ACTION_COUNT = float("inf")
    # moto's process has opened it, and removed the remains of a killed server.
    store = current_store(Store.open_existing)
    server.connections.limit = hello["connections"]
    server.idle_timeout = hello["idle_timeout"]
    server.gate = Gate(hello["origins"], hello["hosts"])

    return {
        "counts": store.counts.of_process,
        "waiting_pulls": lambda: [[*pull, at] for pull, at in store.pulls.of_process().items()],
        "write_pulls": store.pulls.write_own,
        "forget": store.forget,
        "calls": store.journal.hand_over,
        "requests": lambda: server.tally.counts().to_json(),
    }


def _end() -> NoReturn:
    """Close the store and end the process, without waiting for Python's own cleanup."""

    uninstall()
    logging.shutdown()
    os._exit(0)
