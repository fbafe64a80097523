"""Invocations: the event, and its outcome."""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

# Bytes. A response may have 100 more than https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html says.
LARGEST_RESPONSE = 6 * 1024 * 1024 + 100

# Go's names of signals, by docker's exit statuses.
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
class InvocationEvent:
    """An invocation's input.

    With `wants_log`, the caller wants the end of the log too. `headers` are additional ones for the runtime; empty ones
    are left out.
    """

    request_id: str
    payload: bytes
    invoked_arn: str
    wants_log: bool = False
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class InvocationOutcome:
    """The response of a function. `error_type` is REPORT's name for the error; None for success.

    If `is_reusable` is true, the container can take another event.
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
    """The end of a container without a response: it ended by itself, or timed out.

    `text` follows the request's id in the message of the error. `status` is the status in REPORT.
    """

    error_type: str
    text: str
    status: str = "error"

    def outcome(self, request_id: str) -> InvocationOutcome:
        """Return the outcome of an event in this container. As on AWS, the type precedes the message."""
        document = {
            "errorType": self.error_type,
            "errorMessage": f"RequestId: {request_id} Error: {self.text}",
        }
        payload = json.dumps(document, separators=(",", ":")).encode()
        return InvocationOutcome(payload, self.error_type, is_reusable=False, ending=self)


def timed_out(seconds: float) -> Ending:
    """Return the ending of a function that did not respond in time."""
    text = f"Task timed out after {seconds:.2f} seconds"
    return Ending("Sandbox.Timedout", text, status="timeout")


def exited(status: int, is_out_of_memory: bool) -> Ending:
    """Return the ending of a container whose process ended by itself, with docker's exit status.

    https://github.com/aws/aws-lambda-runtime-interface-emulator, `internal/lambda/supervisor/model`
    """
    if status == 0:
        return Ending("Runtime.ExitError", "Runtime exited without providing a reason")
    error_type = "Runtime.OutOfMemory" if is_out_of_memory else "Runtime.ExitError"
    signal = _SIGNALS.get(status)
    how = f"signal: {signal}" if signal else f"exit status {status}"
    return Ending(error_type, f"Runtime exited with error: {how}")


def not_launched(said: str, entry_point: Sequence[str], working_directory: str) -> Ending:
    """Return the ending of a container that docker could not start. `said` is docker's message."""
    if re.search(r"\bcwd\b", said, re.IGNORECASE):
        text = f"chdir {working_directory}: no such file or directory"
        return Ending("Runtime.InvalidWorkingDir", text)
    reasons = ("exec format error", "permission denied")
    reason = next((each for each in reasons if each in said), "no such file or directory")
    program = entry_point[0] if entry_point else ""
    return Ending("Runtime.InvalidEntrypoint", f"fork/exec {program}: {reason}")


def too_large() -> InvocationOutcome:
    """Return the outcome of a response that is too large. The runtime stays usable."""
    document = {
        "errorMessage": f"Response payload size exceeded maximum allowed payload size ({LARGEST_RESPONSE} bytes).",
        "errorType": "Function.ResponseSizeTooLarge",
    }
    return InvocationOutcome(
        json.dumps(document, separators=(",", ":")).encode(), "Function.ResponseSizeTooLarge"
    )


def reported_error_type(header: str | None) -> str:
    """Return the type of an error that a runtime reports in a header, in the form of AWS's sandbox.

    https://github.com/aws/aws-lambda-runtime-interface-emulator, `internal/lambda/fatalerror/fatalerror.go`
    """
    if header and _ERROR_TYPE.fullmatch(header):
        return header
    return "Function.Unknown" if (header or "").startswith("Function.") else "Runtime.Unknown"


def trace_id() -> str:
    """Return a new X-Ray header for an event without one. It is not sampled."""
    root = f"1-{int(time.time()):08x}-{secrets.token_hex(12)}"
    return f"Root={root};Parent={secrets.token_hex(8)};Sampled=0"
