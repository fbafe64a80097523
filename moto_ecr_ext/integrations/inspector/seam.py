"""Inspector2: findings of enhanced scans, and their coverage."""

from __future__ import annotations

import json
from typing import Any

from moto_ecr_ext.seams.replacing import Unplug, replace, replace_all

_COVERAGE = "{0}/coverage/list$"

# https://docs.aws.amazon.com/inspector/v2/APIReference/API_ListFindings.html, API_ListCoverage.html
_MOST_FINDINGS = 100
_MOST_RESOURCES = 200


def plug() -> Unplug:
    """Answer ListFindings with a test's queued findings, or otherwise with ECR's, and ListCoverage, which moto lacks.

    The operations are methods of the response class, which reads members by `_get_param`; a test's results are in
    `findings_queue` and `findings` of the backend. The paths of the service are in the dict `url_paths`.
    """
    from moto.inspector2.responses import Inspector2Response
    from moto.inspector2.urls import url_paths

    url_paths[_COVERAGE] = Inspector2Response.dispatch

    def remove_path() -> None:
        del url_paths[_COVERAGE]

    return replace_all(
        remove_path,
        replace(Inspector2Response, "list_findings", _findings(Inspector2Response.list_findings)),
        replace(Inspector2Response, "list_coverage", _list_coverage),
    )


def _findings(original: Any) -> Any:
    def list_findings(self: Any) -> str:
        backend = self.inspector2_backend
        if backend.findings_queue or backend.findings:
            answer: str = original(self)
            return answer
        from moto_ecr_ext.integrations.inspector.findings import findings

        found = findings(_registry(self), self._get_param("filterCriteria") or {})
        return _page(self, "findings", found, _MOST_FINDINGS)

    return list_findings


def _list_coverage(self: Any) -> str:
    from moto_ecr_ext.integrations.inspector.findings import coverage

    found = coverage(_registry(self), self._get_param("filterCriteria") or {})
    return _page(self, "coveredResources", found, _MOST_RESOURCES)


def _registry(response: Any) -> Any:
    from moto_ecr_ext.arns import Registry

    return Registry(response.current_account, response.region)


def _page(response: Any, member: str, found: list[dict[str, Any]], most: int) -> str:
    """Return one page of an answer; the first page for an unknown token."""
    token = str(response._get_param("nextToken") or "")
    first = int(token) if token.isdigit() else 0
    end = first + int(response._get_param("maxResults") or most)
    answer: dict[str, Any] = {member: found[first:end]}
    if end < len(found):
        answer["nextToken"] = str(end)
    return json.dumps(answer)
