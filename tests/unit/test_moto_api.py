"""The extension's paths below moto's own API: the seam's assumptions, and its removal."""

from __future__ import annotations

import pytest
import requests
from moto import mock_aws
from moto.backends import get_backend
from moto.moto_api._internal import urls
from moto.moto_proxy import proxy3
from moto.server import ThreadedMotoServer

import moto_ecr_ext
from support.constants import ACCOUNT
from support.environments import Environment

PATH = "/moto-api/ecr/run-lifecycle"
HOST = "http://motoapi.amazonaws.com"


def test_every_part_of_moto_reads_its_own_paths_from_one_dict(stock_moto: None) -> None:
    """Decorator, proxy and server read the path that `install()` has added to the dict."""
    assert "{0}/moto-api/reset" in urls.url_paths, "moto keeps its own paths elsewhere"
    moto_ecr_ext.install()
    backend = get_backend("moto_api")["global"]
    assert PATH in backend.flask_paths, "the server would not see it"
    assert HOST.replace(".", r"\.").replace("http", "https?") + PATH in backend.urls
    assert proxy3.MotoRequestHandler(0).get_handler_for_host(HOST, PATH)
    with mock_aws():
        assert requests.post(HOST + PATH).json() == {"status": "ok"}


def test_a_server_has_the_path(stock_moto: None) -> None:
    """A server that is started once the extension is installed has the path."""
    moto_ecr_ext.install()
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        answer = requests.post(f"http://{host}:{port}{PATH}", timeout=60)
    finally:
        server.stop()
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_uninstall_takes_the_path_out(stock_moto: None) -> None:
    """moto's own paths are restored; other paths are not found."""
    before = dict(urls.url_paths)
    with moto_ecr_ext.install():
        assert dict(urls.url_paths) != before
    assert dict(urls.url_paths) == before
    with mock_aws():
        assert requests.post(HOST + PATH).status_code == 404


FINDINGS = "/moto-api/static/ecr/scan-finding-results"


def findings(severity: object) -> dict[str, object]:
    finding = {"name": "CVE-2026-0001", "severity": severity}
    found = {"findings": [finding], "findingSeverityCounts": {}}
    return {"results": [{"repositoryName": "app", "imageScanFindings": found}]}


@pytest.mark.parametrize("severity", ["AWFUL", "high", 7, ["HIGH"], None])
def test_a_severity_that_does_not_exist(aws: Environment, severity: object) -> None:
    """Findings with it are refused when they are posted, and not queued."""
    url = (aws.endpoint_url or HOST) + FINDINGS
    answer = requests.post(url, json=findings(severity), timeout=60)
    assert answer.status_code == 400
    assert answer.json() == {
        "Error": f"{severity!r} is not the severity of a finding; "
        "those are INFORMATIONAL, LOW, MEDIUM, HIGH, CRITICAL, UNDEFINED, UNTRIAGED."
    }
    backend = get_backend("ecr")[ACCOUNT]["us-east-1"]
    assert list(backend.scan_finding_results) == []
    assert requests.post(url, json=findings("HIGH"), timeout=60).status_code == 201
    assert list(backend.scan_finding_results) == findings("HIGH")["results"]


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (
            {"imageScanStatus": {"status": "DONE"}},
            "'DONE' is not the status of a scan; those are IN_PROGRESS, COMPLETE, FAILED, ",
        ),
        (
            {"imageScanFindings": {"findingSeverityCounts": {"BAD": 1}}},
            "'BAD' is not the severity of a finding; those are INFORMATIONAL, ",
        ),
    ],
)
def test_a_result_that_no_scan_has(aws: Environment, result: object, message: str) -> None:
    """A status or a count that AWS does not know is refused as a severity is."""
    url = (aws.endpoint_url or HOST) + FINDINGS
    answer = requests.post(url, json={"results": [result]}, timeout=60)
    assert answer.status_code == 400
    assert answer.json()["Error"].startswith(message)


@pytest.mark.parametrize("body", [b"junk", b"", b"[]", b'{"results": 5}', b"\xff"])
def test_a_body_that_is_no_list_of_results(aws: Environment, body: bytes) -> None:
    """A body that is not a list of results is refused in a sentence."""
    url = (aws.endpoint_url or HOST) + FINDINGS
    answer = requests.post(url, data=body, timeout=60)
    assert (answer.status_code, answer.json()) == (
        400,
        {"Error": "The body must be a JSON object with the list 'results'."},
    )


@pytest.mark.parametrize("body", [{}, {"results": []}, {"results": [{"imageScanFindings": 5}]}])
def test_other_findings_are_moto_s(aws: Environment, body: object) -> None:
    """moto accepts findings of other services as before."""
    url = (aws.endpoint_url or HOST) + FINDINGS
    assert requests.post(url, json=body, timeout=60).status_code == 201
