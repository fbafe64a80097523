"""The workers of a server, managed by moto's process: started, asked, replaced, ended."""

from __future__ import annotations

import logging
import os
import select
import signal
import socket
import subprocess  # nosec B404
import sys
import threading
import time
from collections.abc import MutableSequence, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from moto_ecr_ext import faults, settings
from moto_ecr_ext.clock import now
from moto_ecr_ext.distribution.app import is_for_registry
from moto_ecr_ext.distribution.carriers.connection import wait_for_request
from moto_ecr_ext.distribution.carriers.heads import Head, read_head
from moto_ecr_ext.distribution.errors import RegistryError
from moto_ecr_ext.distribution.routes import find_route
from moto_ecr_ext.process import Process, ProcessUnavailable
from moto_ecr_ext.server.metrics import count_requests_by
from moto_ecr_ext.server.tally import RequestCounts

from .channel import Channel
from .control import Asking, Lines
from .shared_numbers import BEAT, SharedNumbers

if TYPE_CHECKING:
    from moto_ecr_ext.storage.store import Store

log = logging.getLogger("moto_ecr_ext")

# The program of a worker, with the modules of this process: `-m` would search the working directory first.
_PROGRAM = (
    "import sys; sys.path[:] = {path!r}; "
    "from moto_ecr_ext.server.workers.worker import main; main({arguments})"
)
# Seconds.
_START = 60
_MORE_THAN_A_WORKER = 0.5
_WAIT = 0.02
# Seconds. A worker that ends this soon would end again.
_TOO_SOON = 2
_PAUSE = 1
_GRACE = 0.2
# Between two looks whether workers stand still.
_LOOK = 0.5


class WorkersFailed(Exception):
    """The error of workers that could not be started."""


class _Worker:
    """A worker's process."""

    def __init__(self, process: subprocess.Popen[bytes], lines: Lines) -> None:
        self.process = process
        self.lines = lines
        self.asking = Asking(lines)
        self.started_at = time.monotonic()
        self.answers = False

    def is_ready(self) -> bool:
        """Wait until it answers questions and then accepts connections. Return False if it does not."""
        try:
            self.answers = self.lines.receive(_START) == "ready"
            return self.answers and self.asking.ask("accept", _START) is True
        except (EOFError, OSError):
            return False


class Pool(Process):
    """The process that is moto, with workers that accept the connections of its server.

    The server gets the connections that they pass on. Make this process a pool before it opens the store.
    """

    has_siblings = True

    def __init__(self, count: int, timeout: float, log: Sequence[str]) -> None:
        self._timeout = timeout
        self._log = log
        self._channel, self._theirs = Channel.pair()
        self.file = SharedNumbers.file(count)
        self._numbers = SharedNumbers(self.file)
        self._workers: list[_Worker | None] = [None] * count
        self._is_ending = threading.Event()
        # Held while a worker starts, so that none starts after the end.
        self._starting = threading.Lock()
        # The last counts of each worker, and the counts of workers that have ended.
        self._requests: dict[int, RequestCounts] = {}
        self._requests_of_the_gone = RequestCounts()

    def due(self, at: float) -> MutableSequence[float]:
        self._numbers.due[0] = at
        return self._numbers.due

    def connections(self) -> tuple[MutableSequence[float], int]:
        return self._numbers.connections, 0

    def ask_others(self, question: str, **parameters: Any) -> list[Any]:
        answers = []
        for worker in self._answering():
            with suppress(ProcessUnavailable):
                answers.append(worker.asking.ask(question, self._timeout, **parameters))
        return [each for each in answers if each is not None]

    def ask_all_others(self, question: str) -> list[Any]:
        answers = [each.asking.ask(question, self._timeout) for each in self._answering()]
        return [each for each in answers if each is not None]

    def _answering(self) -> list[_Worker]:
        return [each for each in self._workers if each is not None and each.answers]

    def start(self, server: Any, store: Store) -> None:
        """Start all workers of a server. Raises WorkersFailed, and leaves none, if one does not start."""
        self._server = server
        self._schedule = store.schedule
        self._listening: socket.socket = server.socket
        server.socket = self._channel.again()
        server.workers = server.app.workers = self
        self.publish()
        count_requests_by(self._count_requests)
        started = [self._start(index) for index in range(len(self._workers))]
        for index, worker in enumerate(started):
            self._workers[index] = worker
            if not worker.is_ready():
                self._kill(started)
                raise WorkersFailed("A worker has ended, or did not start; see the lines above.")
        for index in range(len(started)):
            threading.Thread(
                target=self._look_after, args=(index,), name=f"worker {index + 1}", daemon=True
            ).start()
        threading.Thread(target=self._kill_hanging, name="hanging workers", daemon=True).start()

    def publish(self) -> None:
        """Publish to the workers if moto serves everything. Call this after each change that may affect it.

        Faults count the calls that they strike, in this process.
        """
        import moto.settings

        is_counting = float("inf") != moto.settings.INITIAL_NO_AUTH_ACTION_COUNT
        self._numbers.leave_all_to_moto(is_counting or bool(faults.active))

    def hand_back(self, handler: Any) -> bool:
        """Return True if the next request on a connection is not for this process.

        Then the workers have the connection, or its client has gone. A worker that has passed a request on would do so
        again: this process serves that request.
        """
        connection = handler.connection
        if connection.is_at_first_request:
            connection.is_at_first_request = False
            return False
        received = wait_for_request(handler)
        if not received:
            return True
        if (
            self._is_ending.is_set()
            or self._numbers.is_all_motos()
            or self._schedule.is_due(now())
            or is_motos(received)
        ):
            connection.received = received
            return False
        self._channel.send(handler)
        return True

    def finish(self, until: float) -> None:
        """End the workers, and serve the connections that they pass on meanwhile.

        `until` is the latest time, as a reading of the monotonic clock.
        """
        with self._starting:
            self._is_ending.set()
        self._listening.close()
        there = [each for each in self._workers if each is not None]
        for worker in there:
            worker.process.send_signal(signal.SIGTERM)
        until += _MORE_THAN_A_WORKER
        while any(each.process.poll() is None for each in there) and time.monotonic() < until:
            self._serve_passed(self._channel, _WAIT)
        self._kill(there)
        for channel in (self._channel, self._theirs):
            while self._serve_passed(channel, 0):
                pass
        self.close()

    def close(self) -> None:
        """Close what workers inherit."""
        self._channel.close()
        self._theirs.close()
        os.close(self.file)

    def _count_requests(self) -> RequestCounts:
        """Return the requests of all processes. The counts of a worker are kept after its end."""
        for index, worker in enumerate(self._workers):
            if worker is not None and worker.answers:
                with suppress(ProcessUnavailable):
                    answer = worker.asking.ask("requests", self._timeout)
                    if answer is not None:
                        self._requests[index] = RequestCounts.from_json(answer)
        own = self._server.tally.counts()
        return RequestCounts.sum([own, self._requests_of_the_gone, *self._requests.values()])

    # The processes of the workers.

    def _start(self, index: int) -> _Worker:
        ours, theirs = socket.socketpair()
        descriptors = [self._listening.fileno(), self._theirs.fileno(), theirs.fileno()]
        descriptors.append(self.file)
        program = _PROGRAM.format(path=sys.path, arguments=", ".join(map(str, descriptors)))
        warnings = [f"-W{each}" for each in sys.warnoptions]
        with theirs:
            # It is a new program: a forked child would have the locks of other threads, and connections of SQLite.
            process = subprocess.Popen(  # nosec B603
                [sys.executable, *warnings, "-c", program],
                stdin=subprocess.DEVNULL,
                pass_fds=descriptors,
            )
        worker = _Worker(process, Lines(ours))
        with suppress(OSError):  # It has ended, which its end will show.
            worker.lines.send(self._hello(index))
        return worker

    def _hello(self, index: int) -> dict[str, Any]:
        installed = settings.installed()
        location, gate = installed.location, self._server.gate
        return {
            "number": index + 1,
            "log": self._log,
            "install": {
                "data_dir": location.data_dir and str(location.data_dir),
                "database": location.database,
                "blobs": location.blobs,
                "server_address": installed.server_address,
                **installed.behaviour,
            },
            "connections": self._server.connections.limit,
            "idle_timeout": self._server.idle_timeout,
            "origins": sorted(gate.origins),
            "hosts": None if gate.names is None else sorted(gate.names),
        }

    def _look_after(self, index: int) -> None:
        """Replace a worker that has ended, until all are to end."""
        while True:
            worker = self._workers[index]
            assert worker is not None
            status = worker.process.wait()
            # A signal may have ended all processes at once.
            if self._is_ending.wait(_GRACE):
                return
            self._numbers.connections[index + 1] = 0
            gone = self._requests.pop(index, RequestCounts())
            self._requests_of_the_gone = RequestCounts.sum([self._requests_of_the_gone, gone])
            log.error("Worker %d has ended (%s). Another one takes its place.", index + 1, status)
            if time.monotonic() - worker.started_at < _TOO_SOON and self._is_ending.wait(_PAUSE):
                return
            with self._starting:
                if self._is_ending.is_set():
                    return
                worker.asking.close()
                self._workers[index] = worker = self._start(index)
            if not worker.is_ready():
                worker.process.kill()

    def _kill_hanging(self) -> None:
        """Kill each worker that stands still, which `_look_after` then replaces.

        The time of workers that stand still together with this process, since the machine or all of them were stopped,
        does not count: it is this process that counts its looks.
        """
        seen: dict[int, tuple[float, int]] = {}
        while not self._is_ending.wait(_LOOK):
            for index, worker in enumerate(self._workers):
                if worker is None or not worker.answers:
                    continue
                beat = self._numbers.beats[index + 1]
                before, looks = seen.get(index, (beat, 0))
                looks = looks + 1 if beat == before else 0
                seen[index] = beat, looks
                if looks * _LOOK >= self._timeout + BEAT:
                    log.error("Worker %d hangs, and is killed.", index + 1)
                    worker.answers = False
                    worker.process.kill()

    def _kill(self, workers: Sequence[_Worker]) -> None:
        for worker in workers:
            worker.process.kill()
            worker.process.wait()

    def _serve_passed(self, channel: Channel, seconds: float) -> bool:
        """Serve a passed connection, if one arrives within `seconds`. Return False otherwise."""
        if not select.select([channel], [], [], seconds)[0]:
            return False
        with suppress(OSError):  # The client has closed the connection.
            self._server.process_request(*channel.accept())
        return True


def is_motos(received: bytes) -> bool:
    """Return True if a request is for the process that is moto, by the first bytes of the request."""
    try:
        head: Head | None = read_head(received)
        if head is None or not is_for_registry(
            head.path, head.headers.get("authorization", ""), head.query, head.host
        ):
            return True
        route, _ = find_route(head.method, head.path)
    except RegistryError:
        return True  # It is refused, by whichever process.
    return route.sends_events
