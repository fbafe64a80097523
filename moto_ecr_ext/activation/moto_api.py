"""What tests tell the emulator and AWS has no call for, beside what moto has of that below /moto-api/."""

from __future__ import annotations

import json
from typing import Any

from . import is_installed

_Answer = tuple[int, dict[str, str], str]


def run_lifecycle() -> None:
    """Run the lifecycle policy of every repository now, in every registry of this process.

    For a server there is POST /moto-api/ecr/run-lifecycle. Without either, a policy runs by itself
    once a day by the clock of the process, which freezegun can move. Raises RuntimeError where the
    extension is not installed.
    """
    if not is_installed():
        raise RuntimeError("moto_ecr_ext is not installed; call moto_ecr_ext.install() before")
    # This brings SQLAlchemy.
    from moto_ecr_ext.models.lookup import run_lifecycle_policies

    run_lifecycle_policies()


def answer_run_lifecycle(request: Any, full_url: str, headers: Any) -> _Answer:
    """POST /moto-api/ecr/run-lifecycle, which answers as moto's own /moto-api/reset does."""
    if request.method != "POST":
        return 400, {}, json.dumps({"Error": "Need to POST to run lifecycle policies"})
    run_lifecycle()
    return 200, {}, json.dumps({"status": "ok"})
