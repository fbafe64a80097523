"""Asynchronous invocations of functions: retries, and the records for destinations.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async.html
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from moto_ecr_ext.clock import now, text_of_time

from .events import InvocationEvent, InvocationOutcome
from .function import FunctionVersion
from .pool import pool

log = logging.getLogger("moto_ecr_ext")

Deliver = Callable[[str, str, dict[str, Any]], None]
"""A function that sends a record to a destination: its ARN, "Success" or "Failure", and the record."""


@dataclass(frozen=True)
class AsynchronousSettings:
    """The members of a function's EventInvokeConfig, and the destinations of its records.

    `retries` follow at once; AWS waits for one minute, and then for two.
    """

    retries: int = 2
    on_success: str | None = None
    on_failure: str | None = None


def invoke_later(
    function: FunctionVersion,
    event: InvocationEvent,
    settings: AsynchronousSettings,
    deliver: Deliver,
) -> threading.Thread:
    """Invoke a function until it succeeds or its retries are used up. Return the thread that does it."""
    thread = threading.Thread(
        target=_invoke_with_retries,
        args=(function, event, settings, deliver, pool.generation),
        name="moto-ecr-ext asynchronous invocation",
        daemon=True,
    )
    thread.start()
    return thread


def _invoke_with_retries(
    function: FunctionVersion,
    event: InvocationEvent,
    settings: AsynchronousSettings,
    deliver: Deliver,
    generation: int,
) -> None:
    for attempt in range(1, settings.retries + 2):
        try:
            outcome = pool.invoke(function, event).outcome
        except Exception as error:
            if pool.generation == generation:
                log.error("%s was not invoked: %s", function.arn, error)
            return
        # moto was reset meanwhile: the function and its destinations no longer exist.
        if pool.generation != generation:
            return
        if not outcome.is_error or attempt == settings.retries + 1:
            _send_record(function, event, settings, deliver, outcome, attempt)
            return


def _send_record(
    function: FunctionVersion,
    event: InvocationEvent,
    settings: AsynchronousSettings,
    deliver: Deliver,
    outcome: InvocationOutcome,
    attempts: int,
) -> None:
    destination = settings.on_failure if outcome.is_error else settings.on_success
    if destination is None:
        return
    try:
        deliver(
            destination,
            "Failure" if outcome.is_error else "Success",
            record_of(function, event, outcome, attempts),
        )
    except Exception:
        log.exception("The record of an invocation of %s was not delivered", function.arn)


def record_of(
    function: FunctionVersion, event: InvocationEvent, outcome: InvocationOutcome, attempts: int
) -> dict[str, Any]:
    """Return the record for a destination.

    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
    """
    response: dict[str, Any] = {"statusCode": 200, "executedVersion": function.version}
    if outcome.is_error:
        response["functionError"] = "Unhandled"
    return {
        "version": "1.0",
        "timestamp": text_of_time(now()),
        "requestContext": {
            "requestId": event.request_id,
            "functionArn": f"{event.invoked_arn}:$LATEST"
            if function.version == "$LATEST"
            else event.invoked_arn,
            "condition": "RetriesExhausted" if outcome.is_error else "Success",
            "approximateInvokeCount": attempts,
        },
        "requestPayload": _value(event.payload),
        "responseContext": response,
        "responsePayload": _value(outcome.payload),
    }


def _value(payload: bytes) -> Any:
    try:
        return json.loads(payload)
    except ValueError:
        return payload.decode("utf-8", "replace")
