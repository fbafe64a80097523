"""Faults of a server: its path /moto-api/ecr/faults, --faults, and several processes."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from moto_ecr_ext import faults
from moto_ecr_ext.server.commands import server as server_command
from support.commands import Server, running_server
from support.environments import Environment
from support.refusals import refused
from support.registry_client import RegistrySession, RepositoryClient, basic


class Rules:
    """The path of faults."""

    def __init__(self, url: str) -> None:
        self.url = f"{url}/moto-api/ecr/faults"

    def request(self, method: str, document: Any = None, **headers: str) -> requests.Response:
        body = document if isinstance(document, str) else json.dumps(document)
        data = None if document is None else body
        return requests.request(method, self.url, data=data, headers=headers, timeout=60)

    def send(self, method: str, document: Any = None) -> list[dict[str, Any]]:
        answer = self.request(method, document)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()
        return found

    def problem(self, method: str, document: Any) -> str:
        answer = self.request(method, document)
        assert answer.status_code == 400, answer.text
        return str(answer.json()["Error"])


@pytest.fixture
def rules(aws: Environment) -> Iterator[Rules]:
    """The path in the test process, and in a server."""
    yield Rules(aws.endpoint_url or "https://motoapi.amazonaws.com")
    faults.clear()


def codes_and_statuses(ecr: Any) -> tuple[str, int]:
    response = refused(ecr.describe_repositories).response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


@pytest.mark.parametrize(
    ("rule", "code", "status"),
    [
        ({}, "ServiceUnavailable", 503),
        ({"service": "ecr"}, "ServiceUnavailable", 503),
        (
            {
                "service": "ecr",
                "region": "us-east-1",
                "operation": "DescribeRepositories",
                "probability": 1.0,
                "error": {"statusCode": 429, "code": "ThrottlingException"},
            },
            "ThrottlingException",
            429,
        ),
        ({"error": {"code": "ServerException"}}, "ServerException", 500),
        ({"error": {"statusCode": 403}, "latency": 10}, "AccessDeniedException", 403),
        ({"fault": "throttle", "operation": "Describe*"}, "ThrottlingException", 400),
        (
            {"fault": "fail", "call": "DescribeRepositories", "error": "InvalidParameterException"},
            "InvalidParameterException",
            400,
        ),
    ],
)
def test_rules(ecr: Any, rules: Rules, rule: dict[str, Any], code: str, status: int) -> None:
    """Rules in the form of LocalStack, and with the names of this package, strike calls."""
    assert rules.send("POST", [rule]) == [{**rule, "strikes": 0}]
    assert codes_and_statuses(ecr) == (code, status)
    (shown,) = rules.send("GET")
    assert shown.pop("strikes") >= 1
    assert shown == rule
    assert rules.send("DELETE") == []
    ecr.describe_repositories()


def test_rules_that_strike_nothing_here(ecr: Any, rules: Rules) -> None:
    """A rule for another Region, or another operation, leaves this call alone."""
    rules.send("POST", [{"region": "eu-west-1"}, {"operation": "PutImage"}])
    ecr.describe_repositories()
    assert [each["strikes"] for each in rules.send("GET")] == [0, 0]


def test_a_body_without_a_length_changes_nothing(server: Environment) -> None:
    """Rules in a chunked body are refused; a DELETE with such a body does not remove all faults."""
    rules = Rules(server.endpoint_url or "")
    rules.send("POST", [{"operation": "ListImages"}])
    for method in ("POST", "DELETE"):
        chunks = iter([b'{"operation": ', b'"PutImage"}'])
        answer = requests.request(method, rules.url, data=chunks, timeout=60)
        assert answer.status_code == 400
        assert "must have a Content-Length" in answer.json()["Error"]
    assert [each["operation"] for each in rules.send("GET")] == ["ListImages"]
    faults.clear()


def test_changes_of_rules(rules: Rules) -> None:
    """POST replaces the rules, PATCH adds to them, DELETE removes those that it lists, or all."""
    a, b, c = ({"operation": each} for each in ("PutImage", "ListImages", "CreateRepository"))
    rules.send("POST", [a])
    rules.send("PATCH", [b])
    assert [each["operation"] for each in rules.send("PATCH", c)] == [
        "PutImage",
        "ListImages",
        "CreateRepository",
    ]
    assert [each["operation"] for each in rules.send("DELETE", [b])] == [
        "PutImage",
        "CreateRepository",
    ]
    assert rules.problem("DELETE", [a, b]) == (
        'There is no active fault {"operation": "ListImages"}.'
    )
    assert [each["operation"] for each in rules.send("POST", [b])] == ["ListImages"]
    assert rules.send("DELETE") == []


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("[", "The rules are not JSON: "),
        ("3", "The rules must be a JSON list of objects."),
        ([1], "The rules must be a JSON list of objects."),
        ([{}] * 1001, "There are 1001 rules; 1000 is the limit."),
        ({"service": "s3"}, "Rule 1: The service is 's3'; only ecr has faults here."),
        ([{}, {"operation": "PutImag"}], "Rule 2: ECR has no operation 'PutImag'; did you mean"),
        ({"error": "x"}, "error is 'x'; it must be an object with code or statusCode."),
        ({"error": {"status": 1}}, "error has no member 'status'; did you mean statusCode?"),
        ({"error": {"statusCode": "503"}}, "status is '503'; it must be the status of an error"),
        ({"operation": 5}, "call is 5; it must be the name of an operation"),
        ({"operation": {}}, "call is {}; it must be the name of an operation"),
        ({"latency": "5"}, "latency is '5'; it must be a number of milliseconds."),
        ({"latency": 10**400}, "latency is a number that is far too large."),
        ({"fault": "throttle", "seed": "\ud800"}, "it must be a text."),
        ({"latency": 1e12}, "it must be 0 to 3600 seconds."),
        ({"probability": 0}, "probability is 0; it must be above 0"),
        ({"fault": "throttles"}, "There is no fault 'throttles'; did you mean throttle?"),
        ({"fault": ["x"]}, "fault is ['x']; it must be a text."),
        ({"fault": "throttle", "tims": 1}, "throttle has no option 'tims'; did you mean times?"),
        ({"region": "a\nb"}, "it must be a text."),
        ({"fault": "delay", "call": "PutImage"}, "delay needs seconds."),
    ],
)
def test_wrong_rules_change_nothing(rules: Rules, document: Any, words: str) -> None:
    """A document with a wrong rule is refused in a sentence, and the rules stay as they were."""
    before = rules.send("POST", [{"operation": "PutImage"}])
    for method in ("POST", "PATCH"):
        assert words in rules.problem(method, document)
    assert rules.send("GET") == before


def test_other_methods(rules: Rules) -> None:
    """A method that means nothing is refused."""
    answer = rules.request("PUT", [{}])
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET, POST, PATCH, DELETE"


def test_pages_of_other_sites(rules: Rules) -> None:
    """A page of another site cannot change faults, and a followed link may show them."""
    for method in ("POST", "PATCH", "DELETE"):
        assert rules.request(method, [{}], Origin="https://evil.example").status_code == 403
        answer = rules.request(method, [{}], **{"Sec-Fetch-Site": "cross-site"})
        assert answer.status_code == 403
    assert rules.send("GET") == []


# --- the command ---


def test_faults_from_the_start(tmp_path: Path) -> None:
    """The rules of --faults are active from the first call on, and a reset ends them."""
    file = tmp_path / "faults.json"
    file.write_text('[{"service": "ecr", "operation": "CreateRepository"}]')
    with running_server("--faults", str(file)) as server:
        assert "Rules of --faults, by which calls fail on purpose: 1." in server.command.output
        client = server.client()
        error = refused(client.create_repository, repositoryName="app")
        assert error.response["Error"]["Code"] == "ServiceUnavailable"
        server.reset()
        client.create_repository(repositoryName="app")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read: No such file or directory"),
        ('[{"operation": "PutImages"}]', "Rule 1: ECR has no operation 'PutImages'; did you mean"),
        ("{", "The rules are not JSON: "),
    ],
)
def test_a_wrong_file_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None, words: str
) -> None:
    """The server does not start with a wrong file, and says why in a line."""
    file = tmp_path / "faults.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(SystemExit) as ended:
        server_command.main(["--faults", str(file)])
    error = capsys.readouterr().err
    assert ended.value.code == 2
    assert error.startswith(f"moto_ecr_server: --faults {file}")
    assert words in error
    assert error.count("\n") == 1


@pytest.mark.skipif(not hasattr(socket, "send_fds"), reason="no connection is passed")
def test_several_processes_share_faults(tmp_path: Path) -> None:
    """With workers, the strikes of one fault are counted over all connections, until it is removed."""
    with running_server("--data-dir", str(tmp_path), "--workers", "2") as server:
        server.client().create_repository(repositoryName="app")
        repositories = [_repository_of(server) for _ in range(6)]
        for each in repositories:  # Connections that workers have.
            assert each.get("/tags/list").status_code == 200
        rules = Rules(server.url)
        rules.send("POST", {"fault": "throttle", "call": "ListImages", "times": 4})
        statuses = [each.get("/tags/list").status_code for each in repositories]
        assert statuses == [429] * 4 + [200] * 2
        assert [each["strikes"] for each in rules.send("GET")] == [4]
        rules.send("DELETE")
        assert [each.get("/tags/list").status_code for each in repositories] == [200] * 6


def _repository_of(server: Server) -> RepositoryClient:
    return RepositoryClient(RegistrySession(server.url, basic(server.password)), "app")
