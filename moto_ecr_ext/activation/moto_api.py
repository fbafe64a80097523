"""Paths of moto's own API: calls to the emulator that AWS has no operation for."""

from __future__ import annotations

import json
from typing import Any

from .replacing import Unplug

_Answer = tuple[int, dict[str, str], str]
_PATH = "{0}/moto-api/ecr/run-lifecycle"


def plug() -> Unplug:
    """Add POST /moto-api/ecr/run-lifecycle to moto's own API, whose paths are in this dict.

    Decorator and proxy look them up with each request; the server does once, with the first request below /moto-api/.
    """
    from moto.moto_api._internal.urls import url_paths

    url_paths[_PATH] = _answer

    def unplug() -> None:
        del url_paths[_PATH]

    return unplug


def run_lifecycle() -> None:
    """Run the lifecycle policy of every repository now, in every registry of this process.

    For a server there is POST /moto-api/ecr/run-lifecycle. Without either, a policy runs by itself
    once a day by the clock of the process, which freezegun can move. Raises RuntimeError if the
    extension is not installed.
    """
    # This brings SQLAlchemy.
    from moto_ecr_ext.models.lifecycle.runs import run_lifecycle_policies

    run_lifecycle_policies()


def _answer(request: Any, full_url: str, headers: Any) -> _Answer:
    """Answer as moto's own /moto-api/reset does."""
    if request.method != "POST":
        return 400, {}, json.dumps({"Error": "Need to POST to run lifecycle policies"})
    run_lifecycle()
    return 200, {}, json.dumps({"status": "ok"})
