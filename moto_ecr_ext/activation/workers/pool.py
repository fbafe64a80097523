"""The workers of a server, managed by moto's process: started, asked, replaced, ended."""

from __future__ import annotations

import logging
import select
import signal
import socket
import subprocess  # nosec B404
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from moto_ecr_ext import settings
from moto_ecr_ext.activation.metrics import count_requests_by
from moto_ecr_ext.clock import now
from moto_ecr_ext.distribution.carriers.tally import Counts as Requests
from moto_ecr_ext.distribution.routes import is_motos
from moto_ecr_ext.storage.counts import Count
from moto_ecr_ext.storage.siblings import Pull, Siblings, join

from .channel import Channel
from .control import Asking, Lines
from .shared_numbers import SharedNumbers

if TYPE_CHECKING:
    from moto_ecr_ext.storage.store import Store

log = logging.getLogger("moto_ecr_ext")

# The program of a worker, with the modules of this process: `-m` would search the working directory first.
_PROGRAM = (
    "import sys; sys.path[:] = {path!r}; "
    "from moto_ecr_ext.activation.workers.worker import main; main({arguments})"
)
# Seconds.
_START = 60
_ANSWER = 5
_WRITE = 65
_MORE_THAN_A_WORKER = 0.5
_WAIT = 0.02
# Seconds. A worker that ends this soon would end again.
_TOO_SOON = 2
_PAUSE = 1
_GRACE = 0.2


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
        except (EOFError, OSError):
            return False
        return self.answers and self.asking.ask("accept", _START) is True


class Pool(Siblings):
    """Workers that accept the connections of a server. The server gets the connections that they pass on."""

    def __init__(self, server: Any, count: int, store: Store, log: Sequence[str]) -> None:
        self._server = server
        self._log = log
        self._schedule = store.schedule
        self._listening: socket.socket = server.socket
        self._channel, self._theirs = Channel.pair()
        self._file = SharedNumbers.file(count)
        self._numbers = SharedNumbers(self._file)
        self._workers: list[_Worker | None] = [None] * count
        self._is_ending = threading.Event()
        # Held while a worker starts, so that none starts after the end.
        self._starting = threading.Lock()
        store.schedule.share(self._numbers.due)
        join(store, self)
        server.connections.share(self._numbers.connections, 0)
        server.socket = self._channel.again()
        server.workers = server.app.workers = self
        server.hand_back = self.hand_back
        self.publish()
        # The last counts of each worker, and the counts of workers that have ended.
        self._requests: dict[int, Requests] = {}
        self._requests_of_the_gone = Requests()
        count_requests_by(self._count_requests)

    def start(self) -> None:
        """Start all workers. Raises WorkersFailed, and leaves none, if one does not start."""
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

    def publish(self) -> None:
        """Publish to the workers if moto serves everything. Call this after each change that may affect it."""
        import moto.settings

        is_counting = float("inf") != moto.settings.INITIAL_NO_AUTH_ACTION_COUNT
        self._numbers.leave_all_to_moto(is_counting)

    def hand_back(self, handler: Any, method: str, path: str) -> bool:
        """Return True if a request, of which nothing was read, was passed back to the workers with its connection.

        A worker that has passed it on would do so again: moto's process serves that request.
        """
        connection = handler.connection
        if connection.is_at_first_request:
            connection.is_at_first_request = False
            return False
        if (
            self._is_ending.is_set()
            or self._numbers.is_all_motos()
            or self._schedule.is_due(now())
            or is_motos(method, path)
        ):
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

    # The state in the memory of the workers.

    def counts(self, account_id: str, region: str) -> Sequence[Count]:
        answers = self._ask("counts", _ANSWER, account_id=account_id, region=region)
        return [Count(account_id, region, *each) for answer in answers for each in answer]

    def waiting_pulls(self) -> Sequence[tuple[Pull, float]]:
        return [
            (Pull(image_id, identity), at)
            for answer in self._ask("waiting_pulls", _ANSWER)
            for image_id, identity, at in answer
        ]

    def write_pulls(self) -> None:
        self._ask("write_pulls", _WRITE)

    def take_requests(self) -> Sequence[tuple[float, str, int, float, str]]:
        return [tuple(each) for answer in self._ask("take_requests", _ANSWER) for each in answer]

    def forget(self) -> None:
        self._ask("forget", _ANSWER)

    def _count_requests(self) -> Requests:
        """Return the requests of all processes. The counts of a worker are kept after its end."""
        for index, worker in enumerate(self._workers):
            if worker is not None and worker.answers:
                answer = worker.asking.ask("requests", _ANSWER)
                if answer is not None:
                    self._requests[index] = Requests.from_json(answer)
        own = self._server.watch.tally.counts()
        return Requests.sum([own, self._requests_of_the_gone, *self._requests.values()])

    def _ask(self, what: str, seconds: float, **parameters: Any) -> list[Any]:
        there = [each for each in self._workers if each is not None and each.answers]
        answers = [each.asking.ask(what, seconds, **parameters) for each in there]
        return [each for each in answers if each is not None]

    # The processes of the workers.

    def _start(self, index: int) -> _Worker:
        ours, theirs = socket.socketpair()
        descriptors = [self._listening.fileno(), self._theirs.fileno(), theirs.fileno()]
        descriptors.append(self._file)
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
            gone = self._requests.pop(index, Requests())
            self._requests_of_the_gone = Requests.sum([self._requests_of_the_gone, gone])
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
