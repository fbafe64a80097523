"""One invocation: the event, and what came of it."""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

# Bytes. https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html; a response may have 100 more.
LARGEST_RESPONSE = 6 * 1024 * 1024 + 100

# Names of signals as Go writes them, by the exit status that docker makes of them.
_SIGNALS = {
    129: "hangup",
    130: "interrupt",
    131: "quit",
    132: "illegal instruction",
    133: "trace/breakpoint trap",
    134: "aborted",
    135: "bus error",
    136: "floating point exception",
    137: "killed",
    139: "segmentation fault",
    141: "broken pipe",
    143: "terminated",
}

_ERROR_TYPE = re.compile(r"(Runtime|Function)\.[A-Z][a-zA-Z]+")


@dataclass(frozen=True)
class Event:
    """What a function is invoked with.

    `wants_log` says that the caller wants the end of the log too. `headers` are those for the runtime beside the ones
    that each event has; they are left out if empty.
    """

    request_id: str
    payload: bytes
    invoked_arn: str
    wants_log: bool = False
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What a function answered. `error_type` is None for success, and for an error what REPORT calls it.

    `is_reusable` says that its container can take another event.
    """

    payload: bytes
    error_type: str | None = None
    is_reusable: bool = True
    ending: Ending | None = None

    @property
    def is_error(self) -> bool:
        return self.error_type is not None


@dataclass(frozen=True)
class Ending:
    """The end of a container that did not answer: by itself, or because its time was over.

    `text` is the message of the error behind the id of the request. `status` is what REPORT says.
    """

    error_type: str
    text: str
    status: str = "error"

    def outcome(self, request_id: str) -> Outcome:
        """Return what an event has as its outcome. AWS writes the type before the message."""
        document = {
            "errorType": self.error_type,
            "errorMessage": f"RequestId: {request_id} Error: {self.text}",
        }
        payload = json.dumps(document, separators=(",", ":")).encode()
        return Outcome(payload, self.error_type, is_reusable=False, ending=self)


def timed_out(seconds: float) -> Ending:
    """Return the end of a function that did not answer in time."""
    text = f"Task timed out after {seconds:.2f} seconds"
    return Ending("Sandbox.Timedout", text, status="timeout")


def exited(status: int, is_out_of_memory: bool) -> Ending:
    """Return the end of a container whose process ended by itself, with the exit status that docker gives.

    https://github.com/aws/aws-lambda-runtime-interface-emulator, `internal/lambda/supervisor/model`
    """
    if status == 0:
        return Ending("Runtime.ExitError", "Runtime exited without providing a reason")
    error_type = "Runtime.OutOfMemory" if is_out_of_memory else "Runtime.ExitError"
    signal = _SIGNALS.get(status)
    how = f"signal: {signal}" if signal else f"exit status {status}"
    return Ending(error_type, f"Runtime exited with error: {how}")


def not_launched(said: str, entry_point: Sequence[str], working_directory: str) -> Ending:
    """Return the end of a container that docker could not start, of which it said why."""
    if re.search(r"\bcwd\b", said, re.IGNORECASE):
        text = f"chdir {working_directory}: no such file or directory"
        return Ending("Runtime.InvalidWorkingDir", text)
    reasons = ("exec format error", "permission denied")
    reason = next((each for each in reasons if each in said), "no such file or directory")
    program = entry_point[0] if entry_point else ""
    return Ending("Runtime.InvalidEntrypoint", f"fork/exec {program}: {reason}")


def too_large() -> Outcome:
    """Return the outcome of a response that is too large. The runtime goes on."""
    document = {
        "errorMessage": f"Response payload size exceeded maximum allowed payload size ({LARGEST_RESPONSE} bytes).",
        "errorType": "Function.ResponseSizeTooLarge",
    }
    return Outcome(
        json.dumps(document, separators=(",", ":")).encode(), "Function.ResponseSizeTooLarge"
    )


def reported_error_type(header: str | None) -> str:
    """Return the type of an error that a runtime reports, as AWS's own sandbox reads its header.

    https://github.com/aws/aws-lambda-runtime-interface-emulator, `internal/lambda/fatalerror/fatalerror.go`
    """
    if header and _ERROR_TYPE.fullmatch(header):
        return header
    return "Function.Unknown" if (header or "").startswith("Function.") else "Runtime.Unknown"


def trace_id() -> str:
    """Return the header of X-Ray for an event that came without: it is not sampled."""
    root = f"1-{int(time.time()):08x}-{secrets.token_hex(12)}"
    return f"Root={root};Parent={secrets.token_hex(8)};Sampled=0"
