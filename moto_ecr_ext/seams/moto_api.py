"""Paths of moto's own API: calls to the emulator for which AWS has no operation."""

from __future__ import annotations

import json
from typing import Any

from .replacing import Unplug

_Answer = tuple[int, dict[str, str], str]
_PATH = "{0}/moto-api/ecr/run-lifecycle"
_FINDINGS = "{0}/moto-api/static/ecr/scan-finding-results"


def plug() -> Unplug:
    """Add paths below /moto-api/ecr/ to moto's own API, whose paths are in this dict.

    Findings that are queued are checked. Decorator and proxy look the paths up with each request; the server does once,
    with the first request below /moto-api/.
    """
    from moto.moto_api._internal.urls import url_paths

    queue = url_paths[_FINDINGS]

    def queue_findings(request: Any, full_url: str, headers: Any) -> Any:
        problem = _problem_of_findings(_without_consuming(request, headers))
        if problem is not None:
            return 400, {}, json.dumps({"Error": problem})
        return queue(request, full_url, headers)

    url_paths[_PATH] = _answer
    url_paths[_FINDINGS] = queue_findings

    def unplug() -> None:
        del url_paths[_PATH]
        url_paths[_FINDINGS] = queue

    return unplug


def _without_consuming(request: Any, headers: Any) -> Any:
    """Return the JSON of a request, which can be read again, or None if it is not JSON.

    A request in the process has it as `body`. A server's request has it in the stream of the environment, which moto
    reads.
    """
    environ = getattr(request, "environ", None)
    if environ is None:
        body = request.body
    else:
        length = str(headers.get("Content-Length", ""))
        if not length.isdecimal():
            return None
        from moto_ecr_ext.distribution.carriers.bodies import read_body

        body = read_body(environ, int(length))
    try:
        return json.loads(body)
    except (TypeError, ValueError, RecursionError):
        return None


def _problem_of_findings(body: Any) -> str | None:
    """Return the problem with queued answers of DescribeImageScanFindings, or None."""
    from moto_ecr_ext.json_api.scan_results import problem_of_result

    results = body.get("results", []) if isinstance(body, dict) else None
    if not isinstance(results, list):
        return "The body must be a JSON object with the list 'results'."
    # DescribeImageScanFindings skips other items.
    objects = (each for each in results if isinstance(each, dict))
    return next(filter(None, map(problem_of_result, objects)), None)


def run_lifecycle() -> None:
    """Run the lifecycle policy of every repository now, in every registry of this process.

    A server has POST /moto-api/ecr/run-lifecycle for this. Otherwise a policy runs once a day by the clock of the
    process, which freezegun can move. Raises RuntimeError if the extension is not installed.
    """
    # It imports SQLAlchemy.
    from moto_ecr_ext.models.lookup import any_backend

    any_backend().run_lifecycle_policies()


def _answer(request: Any, full_url: str, headers: Any) -> _Answer:
    """Answer in the form of moto's own /moto-api/reset."""
    if request.method != "POST":
        return 400, {}, json.dumps({"Error": "Need to POST to run lifecycle policies"})
    # They import SQLAlchemy.
    from moto_ecr_ext.exceptions import ECRError
    from moto_ecr_ext.models.failures import reporting_failures_of_storage

    try:
        with reporting_failures_of_storage("run-lifecycle"):
            run_lifecycle()
    except ECRError as error:
        return error.status, {}, json.dumps({"Error": error.message})
    return 200, {}, json.dumps({"status": "ok"})
