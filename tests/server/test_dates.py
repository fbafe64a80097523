"""The header `Date` (RFC 9110, 6.6.1): every answer has one, in every mode.

Clients join two lines of one header (RFC 9110, 5.3), and no date has the form of two: AWS's SDKs for JavaScript, which
set their clock by it, end in "RangeError: Invalid time value".
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http.client import HTTPSConnection
from time import sleep

import pytest
import requests
from freezegun import freeze_time

from support.commands import MOTO_CA, PATIENCE, Command, running_server
from support.environments import Environment

API = "api.ecr.us-east-1.amazonaws.com"
REGISTRY = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
SIGNED = (
    "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/ecr/aws4_request, "
    "SignedHeaders=host;x-amz-date, Signature=0"
)


@dataclass(frozen=True)
class Case:
    """A request, and the status of its answer."""

    status: int
    method: str = "POST"
    path: str = "/"
    operation: str = ""
    body: bytes = b"{}"

    @property
    def host(self) -> str:
        return REGISTRY if self.path.startswith("/v2/") else API

    @property
    def headers(self) -> dict[str, str]:
        """The headers of the request."""
        if not self.operation:
            return {}
        return {
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": f"AmazonEC2ContainerRegistry_V20150921.{self.operation}",
            "Authorization": SIGNED,
        }

    @property
    def head(self) -> bytes:
        """The bytes before the body."""
        headers = {
            "Host": self.host,
            "Connection": "close",
            "Content-Length": str(len(self.body)),
            **self.headers,
        }
        lines = [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join([f"{self.method} {self.path} HTTP/1.1", *lines, "", ""]).encode()


CASES = {
    "a result": Case(200, operation="DescribeRepositories"),
    "an error of ECR": Case(400, operation="ListImages", body=b'{"repositoryName": "none"}'),
    "an unknown operation": Case(400, operation="DescribeNothing"),
    "a malformed body": Case(400, operation="DescribeRepositories", body=b"{"),
    "the registry without a login": Case(401, "GET", "/v2/", body=b""),
    "nothing of the registry": Case(404, "GET", "/v2/nothing", body=b""),
    "a method that it does not have": Case(405, "DELETE", "/v2/", body=b""),
}

# Gives a connection that speaks HTTP with a host.
Connect = Callable[[str], socket.socket]


def connect_to(url: str) -> Connect:
    """Connections to a server, whichever host is asked for."""
    host, _, port = url.rpartition("/")[2].rpartition(":")
    return lambda _: socket.create_connection((host, int(port)), timeout=PATIENCE)


@pytest.fixture(scope="module")
def command() -> Iterator[Connect]:
    """To `moto_ecr_server`."""
    with running_server() as server:
        yield connect_to(server.url)


@pytest.fixture
def threaded(server: Environment) -> Connect:
    """To moto's ThreadedMotoServer."""
    assert server.endpoint_url
    return connect_to(server.endpoint_url)


@pytest.fixture(scope="module")
def proxy() -> Iterator[Connect]:
    """To a host of AWS, through `moto_ecr_proxy`."""
    context = ssl.create_default_context(cafile=MOTO_CA)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    with Command("moto_ecr_proxy", "--port", "0") as command:
        address = command.wait_for(r"Serving HTTP Proxy on (\S+) ")[1]

        def connect(host: str) -> socket.socket:
            tunnel = HTTPSConnection(address, timeout=PATIENCE, context=context)
            tunnel.set_tunnel(host, 443)
            tunnel.connect()
            return tunnel.sock

        yield connect


def dates_of(connect: Connect, case: Case, piece: int = 65536) -> list[str]:
    """The values of the answer's `Date` lines. The request is sent in pieces of that size."""
    # Head and body in one: werkzeug waits for the end of a body that it finds behind its answer, as this does for its.
    content = case.head + case.body
    with connect(case.host) as connection:
        for start in range(0, len(content), piece):
            sleep(0.1 if start else 0)
            connection.sendall(content[start : start + piece])
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    status_line, *lines = received.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    assert status_line.split(" ")[1] == str(case.status), received
    return [line.partition(": ")[2] for line in lines if line.lower().startswith("date:")]


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
@pytest.mark.parametrize("mode", ["command", "threaded", "proxy"])
def test_one_line_of_the_answer_is_the_date(
    request: pytest.FixtureRequest, mode: str, case: Case
) -> None:
    """Results and errors of both protocols have one `Date` line, in the bytes of the connection."""
    (date,) = dates_of(request.getfixturevalue(mode), case)

    assert parsedate_to_datetime(date).tzinfo is not None


def test_a_registry_request_that_werkzeug_reads(threaded: Connect) -> None:
    """A head in pieces reaches the registry over WSGI, whose server adds the date."""
    assert len(dates_of(threaded, CASES["nothing of the registry"], piece=40)) == 1


def test_the_error_page_of_moto(threaded: Connect) -> None:
    """moto's server answers a path that ECR lacks, with one date."""
    assert len(dates_of(threaded, Case(404, path="/nothing", operation="ListImages"))) == 1


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_in_process(in_process: Environment, case: Case) -> None:
    """`requests` gets one date under `mock_aws`, by the clock of the test."""
    with freeze_time("2026-01-02 03:04:05"):
        answer = requests.request(
            case.method, f"https://{case.host}{case.path}", headers=case.headers, data=case.body
        )

    assert answer.status_code == case.status
    assert answer.raw.headers.getlist("Date") == ["Fri, 02 Jan 2026 03:04:05 GMT"]


def test_in_process_by_boto3(in_process: Environment) -> None:
    """boto3 gets one date under `mock_aws`, by the clock of the test."""
    with freeze_time("2026-01-02 03:04:05"):
        answer = in_process.client().describe_repositories()

    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    assert headers["date"] == "Fri, 02 Jan 2026 03:04:05 GMT"
