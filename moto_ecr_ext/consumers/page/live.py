"""The last requests to the API and to the registry, live."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from moto_ecr_ext.clock import text_of_time
from moto_ecr_ext.models.registry.counts import AnsweredRequest

from .context import Context
from .messages import Answer, PageError


def show_requests(context: Context) -> Answer:
    """Return the last requests, newest first. The script adds later ones."""
    requests = context.backend.requests_behind(0)
    shown = [_shown(each) for each in reversed(requests)]
    return context.render("requests.html", requests=shown, last=_last(requests))


def list_requests(context: Context) -> Answer:
    """Return the requests after the one with this number, oldest first.

    If `last`, the number of the last request, is lower, the server has restarted.
    """
    text = context.request.query.get("after", "0")
    if not (text.isascii() and text.isdecimal()) or len(text) > 18:
        raise PageError(400, "after must be a number from the page.")
    requests, after = context.backend.requests_behind(0), int(text)
    shown = [_shown(each) for each in requests if each.number > after]
    return Answer.of_json({"requests": shown, "last": _last(requests)})


def _last(requests: Sequence[AnsweredRequest]) -> int:
    return requests[-1].number if requests else 0


def _shown(request: AnsweredRequest) -> dict[str, Any]:
    return {
        "time": text_of_time(request.at)[11:-1],
        "what": request.what,
        "status": request.status,
        "took": f"{request.took * 1000:.1f} ms",
        "about": request.about,
    }
