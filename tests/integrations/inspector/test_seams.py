"""Assumptions of the seam for Inspector in moto. A failure names the assumption that moved."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.inspector2 import urls
from moto.inspector2.models import inspector2_backends
from moto.inspector2.responses import Inspector2Response

ACCOUNT = "123456789012"
REGION = "us-east-1"


def test_inspector_answers_by_methods_of_its_response_class(
    stock_moto: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An operation that moto lacks works with a method and a path. A test's findings are in two attributes."""
    assert "{0}/coverage/list$" not in urls.url_paths, "moto has ListCoverage now"
    assert not hasattr(Inspector2Response, "list_coverage")
    monkeypatch.setitem(urls.url_paths, "{0}/coverage/list$", Inspector2Response.dispatch)
    seen = []

    def list_coverage(self: Any) -> str:
        seen.append((self.current_account, self.region, self._get_param("maxResults")))
        return json.dumps({"coveredResources": []})

    monkeypatch.setattr(Inspector2Response, "list_coverage", list_coverage, raising=False)
    with mock_aws():
        client = boto3.client("inspector2", region_name=REGION)
        client.list_coverage(maxResults=7)
        backend = inspector2_backends[ACCOUNT][REGION]
        assert (backend.findings_queue, backend.findings) == ([], {})
    assert seen == [(ACCOUNT, REGION, 7)]
