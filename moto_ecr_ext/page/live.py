"""The last requests to the API and to the registry, live."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from moto_ecr_ext.calls import API, CallRecord
from moto_ecr_ext.clock import text_of_time

from .context import Context
from .messages import Answer, PageError

# The most requests that are shown.
_MOST = 200
# Characters of a path that are shown.
_LONGEST_PATH = 500


def show_requests(context: Context) -> Answer:
    """Return the last requests, newest first. The script adds later ones."""
    requests = context.backend.calls_after()[-_MOST:]
    shown = [_shown(each) for each in reversed(requests)]
    return context.render("requests.html", requests=shown, last=_last(requests))


def list_requests(context: Context) -> Answer:
    """Return the requests after the one with this number, oldest first.

    If `last`, the number of the last request, is lower, the server has restarted.
    """
    text = context.request.query.get("after", "0")
    if not (text.isascii() and text.isdecimal()) or len(text) > 18:
        raise PageError(400, "after must be a number from the page.")
    requests, after = context.backend.calls_after()[-_MOST:], int(text)
    shown = [_shown(each) for each in requests if each.number > after]
    return Answer.of_json({"requests": shown, "last": _last(requests)})


def _last(requests: Sequence[CallRecord]) -> int:
    return requests[-1].number if requests else 0


def _shown(call: CallRecord) -> dict[str, Any]:
    if call.protocol == API:
        what = call.operation
        about = " ".join(filter(None, (call.repository, call.registry_id, call.region)))
    else:
        what, about = f"{call.method} {call.path[:_LONGEST_PATH]}", call.digest
    return {
        "time": text_of_time(call.at)[11:-1],
        "what": what,
        "status": call.status,
        "took": f"{call.seconds * 1000:.1f} ms",
        "about": about,
    }
