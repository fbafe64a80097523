"""The log stream of one container, and the platform's lines in it."""

from __future__ import annotations

import math
import threading
import time
import uuid
from collections.abc import Sequence

from moto_ecr_ext.clock import now
from moto_ecr_ext.moto_services.logs import put_log_lines

from .events import Ending, InvocationOutcome
from .function import FunctionVersion

# The bytes at the end of an invocation's log that `LogType=Tail` returns.
# https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
_TAIL = 4096

# Seconds without output after which an invocation's output is complete. docker sends output in a separate stream,
# without marks for the events of the Runtime API.
_QUIET = 0.02
_LONGEST_WAIT = 1.0


class LogStream:
    """A log stream in CloudWatch Logs. Lines are sent as they are written."""

    def __init__(self, function: FunctionVersion):
        self._function = function
        day = time.strftime("%Y/%m/%d", time.gmtime(now()))
        self.name = f"{day}/[{function.version}]{uuid.uuid4().hex}"
        self._lock = threading.Condition()
        self._written_at = 0.0
        self._tail = ""
        self._part = b""
        self._is_muted = False

    def mute(self) -> None:
        """Discard all later lines: the function was deleted."""
        with self._lock:
            self._is_muted = True

    def write_output(self, output: bytes) -> None:
        """Append the container's output. It may end within a line."""
        with self._lock:
            *lines, self._part = (self._part + output).split(b"\n")
            self._written_at = time.monotonic()
        self.write([line.decode("utf-8", "replace") for line in lines])

    def write(self, lines: Sequence[str]) -> None:
        """Append lines."""
        with self._lock:
            if not lines or self._is_muted:
                return
            self._tail = (self._tail + "\n".join(lines) + "\n")[-2 * _TAIL :]
        function = self._function
        put_log_lines(function.account_id, function.region, function.log_group, self.name, lines)

    def end_output(self) -> None:
        """Append the last line, which lacks its end."""
        with self._lock:
            part, self._part = self._part, b""
        if part:
            self.write([part.decode("utf-8", "replace")])

    @property
    def last_line(self) -> str:
        """The last line so far, of the container or the platform; empty before the first line."""
        with self._lock:
            return self._tail.rstrip("\n").rpartition("\n")[2]

    def wait_for_quiet(self) -> None:
        """Wait until the container's output so far has arrived, as far as this can be known."""
        asked = time.monotonic()
        with self._lock:
            while (now := time.monotonic()) < asked + _LONGEST_WAIT:
                wait = max(asked, self._written_at) + _QUIET - now
                if wait <= 0:
                    return
                self._lock.wait(wait)

    def start(self, request_id: str) -> None:
        """Begin the log of an invocation."""
        with self._lock:
            self._tail = ""
        self.write([f"START RequestId: {request_id} Version: {self._function.version}"])

    def end(
        self,
        request_id: str,
        duration: float,
        init_duration: float | None,
        memory_used: int,
        outcome: InvocationOutcome,
    ) -> str:
        """End the log of an invocation, and return its tail. Durations are in seconds, `memory_used` in MiB."""
        self.write(
            [
                f"END RequestId: {request_id}",
                report(self._function, request_id, duration, init_duration, memory_used, outcome),
            ]
        )
        with self._lock:
            return self._tail.encode()[-_TAIL:].decode("utf-8", "ignore")


def status_fields(error_type: str, ending: Ending | None) -> list[str]:
    """Return the fields of REPORT and INIT_REPORT about the end of a container."""
    if ending is not None and ending.status == "timeout":
        return ["Status: timeout"]
    return ["Status: error", f"Error Type: {error_type}"]


def init_report(duration: float, outcome: InvocationOutcome) -> str:
    """Return the INIT_REPORT line of an initialization that failed."""
    fields = [f"INIT_REPORT Init Duration: {duration * 1000:.2f} ms", "Phase: init"]
    return "\t".join([*fields, *status_fields(str(outcome.error_type), outcome.ending)]) + "\t"


def report(
    function: FunctionVersion,
    request_id: str,
    duration: float,
    init_duration: float | None,
    memory_used: int,
    outcome: InvocationOutcome,
) -> str:
    """Return the REPORT line. Since August 2025, initialization is billed too."""
    milliseconds = duration * 1000
    init = (init_duration or 0) * 1000
    fields = [
        f"REPORT RequestId: {request_id}",
        f"Duration: {milliseconds:.2f} ms",
        f"Billed Duration: {math.ceil(milliseconds + init)} ms",
        f"Memory Size: {function.memory} MB",
        f"Max Memory Used: {memory_used} MB",
    ]
    if init_duration is not None:
        fields.append(f"Init Duration: {init:.2f} ms")
    if outcome.error_type is not None and not outcome.is_reusable:
        fields += status_fields(outcome.error_type, outcome.ending)
    return "\t".join(fields) + "\t"
