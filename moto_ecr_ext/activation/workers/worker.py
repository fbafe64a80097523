"""A worker: a process that accepts connections, serves the registry, and passes other requests to moto's process."""

from __future__ import annotations

import errno
import logging
import os
import signal
import socket
import socketserver
import threading
from typing import Any, NoReturn

from moto_ecr_ext.activation.connections import CountedConnections, wait_patiently
from moto_ecr_ext.activation.server import finish_requests
from moto_ecr_ext.commands.log import logging_as
from moto_ecr_ext.distribution.carriers.connection import serve
from moto_ecr_ext.distribution.carriers.gate import Gate
from moto_ecr_ext.distribution.carriers.watch import Watch
from moto_ecr_ext.platforms.processes import HANGUP, readable_after
from moto_ecr_ext.platforms.sockets import limit_receiving

from .channel import Channel
from .control import Lines, answer
from .shared_numbers import SharedNumbers

log = logging.getLogger("moto_ecr_ext")

# Seconds.
_RETRY = 0.5
# Between two looks whether the worker is to end.
_LOOK = 0.1
_LAST_LOOK = 1

_is_to_end = threading.Event()


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
        self.watch = Watch()

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
    server = _Server(socket.socket(fileno=listening), Channel(socket.socket(fileno=channel)))
    with logging_as(*hello["log"]):
        _serve(server, lines, _begin(server, hello, SharedNumbers(numbers)), end)


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


def _begin(server: _Server, hello: dict[str, Any], numbers: SharedNumbers) -> dict[str, Any]:
    """Open the store beside moto's process. Return the functions that answer its questions."""
    import moto.settings

    from moto_ecr_ext.activation.installation import install
    from moto_ecr_ext.services.moto_process import become_worker
    from moto_ecr_ext.storage.siblings import Siblings, forget, join
    from moto_ecr_ext.storage.store import Store, current_store

    install(**hello["install"])
    # While moto counts calls, this process serves nothing.
    moto.settings.INITIAL_NO_AUTH_ACTION_COUNT = float("inf")
    become_worker(numbers.is_all_motos)
    # moto's process has opened it, and removed the remains of a killed server.
    store = current_store(Store.found)
    join(store, Siblings())
    store.schedule.follow(numbers.due)
    server.connections.share(numbers.connections, hello["number"])
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
    logging.shutdown()
    os._exit(0)
