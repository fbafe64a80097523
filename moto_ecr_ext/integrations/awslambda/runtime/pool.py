"""The containers of this process's functions. They are kept warm for a while, and take one event at a time."""

from __future__ import annotations

import atexit
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from moto_ecr_ext.integrations.docker.daemon import connect

from .events import InvocationEvent
from .function import FunctionVersion
from .sandbox import Invocation, Sandbox

# Seconds. AWS does not document its value; observed values are between five and fifteen minutes.
IDLE_SECONDS = 300.0


class SandboxPool:
    """Containers, by their function."""

    def __init__(self) -> None:
        self._lock = threading.Condition()
        self._idle: dict[str, list[Sandbox]] = {}
        self._busy: set[Sandbox] = set()
        self._reaper: threading.Thread | None = None
        self._is_registered = False
        self.generation = 0

    def invoke(self, function: FunctionVersion, event: InvocationEvent) -> Invocation:
        """Invoke a function in an idle container, or in a new one.

        Raises DaemonUnavailable, ImageUnusable and ImageGone.
        """
        sandbox = self._take(function)
        try:
            return sandbox.invoke(event)
        finally:
            self._give_back(sandbox)

    def concurrency(self, arn: str) -> int:
        """Return the number of events that a function is processing."""
        with self._lock:
            return sum(_is_of(each, arn) for each in self._busy)

    def _take(self, function: FunctionVersion) -> Sandbox:
        with self._lock:
            generation = self.generation
            idle = self._idle.get(function.arn, [])
            stale = [each for each in idle if not _fits(each, function)]
            fit = [each for each in idle if _fits(each, function)]
            # The one that was used last is the most likely to be warm.
            sandbox = fit.pop() if fit else None
            self._idle[function.arn] = fit
            if sandbox is not None:
                sandbox.function = function
                self._busy.add(sandbox)
        for each in stale:
            each.close()
        return sandbox or self._start(function, generation)

    def _start(self, function: FunctionVersion, generation: int) -> Sandbox:
        sandbox = Sandbox(function, connect())
        with self._lock:
            self._busy.add(sandbox)
            if not self._is_registered:
                self._is_registered = True
                atexit.register(self._remove_at_exit)
        try:
            sandbox.start()
        except BaseException:
            with self._lock:
                self._busy.discard(sandbox)
            raise
        if generation != self.generation:
            # All containers were removed while it started.
            sandbox.discard()
        return sandbox

    def _give_back(self, sandbox: Sandbox) -> None:
        with self._lock:
            self._busy.discard(sandbox)
            if sandbox.is_alive:
                sandbox.idle_since = time.monotonic()
                self._idle.setdefault(sandbox.function.arn, []).append(sandbox)
                self._wake_reaper()
                return
        sandbox.close()

    def remove(self, arn: str) -> None:
        """Remove the containers of a function, or of one version of it, that was deleted."""
        for each in self._forget(lambda sandbox: _is_of(sandbox, arn)):
            each.discard()

    def remove_all(self) -> None:
        """Remove every container. Their invocations end."""
        self.generation += 1
        gone = self._forget(lambda sandbox: True)
        if gone:
            # The daemon takes a tenth of a second to remove a container.
            with ThreadPoolExecutor(max_workers=8) as threads:
                list(threads.map(Sandbox.discard, gone))

    def _remove_at_exit(self) -> None:
        """Remove all containers at the end of the process, when no thread can be started anymore."""
        self.generation += 1
        for each in self._forget(lambda sandbox: True):
            each.discard()

    def _forget(self, is_gone: Callable[[Sandbox], bool]) -> list[Sandbox]:
        """Take sandboxes of deleted functions, busy ones too, out of the pool, and return them."""
        with self._lock:
            gone = [each for each in self._busy if is_gone(each)]
            for arn, idle in self._idle.items():
                gone += [each for each in idle if is_gone(each)]
                self._idle[arn] = [each for each in idle if not is_gone(each)]
        return gone

    def _wake_reaper(self) -> None:
        if self._reaper is None:
            self._reaper = threading.Thread(
                target=self._reap, name="moto-ecr-ext idle containers", daemon=True
            )
            self._reaper.start()
        self._lock.notify_all()

    def _reap(self) -> None:
        """Remove containers that have been idle for too long."""
        while True:
            with self._lock:
                idle = [each for sandboxes in self._idle.values() for each in sandboxes]
                now = time.monotonic()
                over = [each for each in idle if each.idle_since + IDLE_SECONDS <= now]
                if not over:
                    ends = [each.idle_since + IDLE_SECONDS - now for each in idle]
                    self._lock.wait(min(ends, default=None))
                    continue
                for arn, sandboxes in self._idle.items():
                    self._idle[arn] = [each for each in sandboxes if each not in over]
            for each in over:
                each.close()


def _fits(sandbox: Sandbox, function: FunctionVersion) -> bool:
    return sandbox.is_alive and sandbox.function.fingerprint == function.fingerprint


def _is_of(sandbox: Sandbox, arn: str) -> bool:
    return sandbox.function.arn == arn or sandbox.function.arn.startswith(f"{arn}:")


pool = SandboxPool()
