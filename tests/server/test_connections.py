"""Connections that are silent, too many, or under way when the server ends; and TLS.

What HTTP servers limit: https://www.rfc-editor.org/rfc/rfc9112#section-9.5, nginx's `client_body_timeout` and
`send_timeout` (https://nginx.org/en/docs/http/ngx_http_core_module.html), each of which is the time between two bytes.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import socket
import ssl
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from support.commands import PATIENCE, Command, Server, running_server, script
from support.moto_versions import KEEPS_CONNECTIONS, needs_kept_connections
from support.registry_client import Connection, basic

# Windows has no such module.
resource = pytest.importorskip("resource")

MIB = 1024 * 1024
API = (
    "Authorization: AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/ecr/aws4_request, "
    "SignedHeaders=host, Signature=0\r\nX-Amz-Target: AmazonEC2ContainerRegistry_V20150921."
)


def wait_until(is_so: Callable[[], bool], what: str) -> None:
    """Wait for something that nothing announces."""
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline, f"not within {PATIENCE} s: {what}"
        time.sleep(0.02)


def sockets_of(server: Server) -> int:
    """How many sockets the process of a server has."""
    directory = Path("/proc", str(server.command.pid), "fd")
    names = []
    for each in directory.iterdir():
        with suppress(FileNotFoundError):
            names.append(os.readlink(each))
    return sum(name.startswith("socket:") for name in names)


def headers_of(operation: str) -> dict[str, str]:
    """The headers of a call of ECR."""
    return dict(line.split(": ", 1) for line in f"{API}{operation}".split("\r\n"))


def create_repository(server: Server) -> None:
    """Create the repository `app`, over TLS too."""
    requests.post(
        server.url,
        data=json.dumps({"repositoryName": "app"}),
        headers=headers_of("CreateRepository"),
        verify=False,
        timeout=PATIENCE,
    ).raise_for_status()


def push_blob(server: Server, content: bytes) -> str:
    """Push a blob to the repository `app`; return its path."""
    digest = "sha256:" + hashlib.sha256(content).hexdigest()
    answer = server.registry(
        "POST", f"/v2/app/blobs/uploads/?digest={digest}", data=content, verify=False
    )
    assert answer.status_code == 201
    return f"/v2/app/blobs/{digest}"


# --- silence ---


@pytest.fixture(scope="module")
def impatient() -> Iterator[Server]:
    """A server that waits for a second."""
    with running_server("--idle-timeout", "1") as server:
        server.client().create_repository(repositoryName="app")
        yield server


SILENCE = {
    "nothing": "",
    "half a request line": "GET /v2/ HT",
    "half a head": "GET /v2/ HTTP/1.1\r\nHost: ADDRESS\r\n",
    "half a head of another service": "POST / HTTP/1.1\r\nHost: ADDRESS\r\nContent-Length: 7\r\n",
    "a reset without the end of its head": "POST /moto-api/reset HTTP/1.1\r\nHost: ADDRESS\r\n",
    "a call without its body": "POST / HTTP/1.1\r\nHost: ADDRESS\r\nContent-Length: 9\r\n"
    f"{API}DescribeRepositories\r\n\r\n",
    "a call with half its body": "POST / HTTP/1.1\r\nHost: ADDRESS\r\nContent-Length: 9\r\n"
    f"{API}DescribeRepositories\r\n\r\n{{",
    "a form without its body": "POST / HTTP/1.1\r\nHost: ADDRESS\r\nContent-Length: 9\r\n"
    "Content-Type: application/x-www-form-urlencoded\r\n\r\n",
    "an upload without its body": "POST /v2/app/blobs/uploads/ HTTP/1.1\r\nHost: ADDRESS\r\n"
    "Authorization: Basic LOGIN\r\nContent-Length: 9\r\n\r\n",
    "an upload without a chunk": "POST /v2/app/blobs/uploads/ HTTP/1.1\r\nHost: ADDRESS\r\n"
    "Authorization: Basic LOGIN\r\nTransfer-Encoding: chunked\r\n\r\n",
    "nothing behind an answer": "GET /v2/ HTTP/1.1\r\nHost: ADDRESS\r\n\r\n",
}


@pytest.mark.parametrize("name", SILENCE)
def test_silent_clients(impatient: Server, name: str) -> None:
    """A client that stops halfway loses its connection, and nothing has changed."""
    wire = SILENCE[name].replace("ADDRESS", impatient.address)
    wire = wire.replace("LOGIN", basic(impatient.password))
    with Connection(impatient.url) as connection:
        connection.send(wire.encode())
        # It ends, before the patience of the connection does.
        answer = connection.read_to_end()
    assert b" 500 " not in answer
    names = [
        each["repositoryName"]
        for each in impatient.client().describe_repositories()["repositories"]
    ]
    assert names == ["app"]


@pytest.mark.parametrize("ends", [False, True], ids=["in time", "at all"])
def test_a_body_that_does_not_come(impatient: Server, ends: bool) -> None:
    """A call of the API whose body does not come has an error in the form of its protocol."""
    with Connection(impatient.url) as connection:
        connection.send(
            f"POST / HTTP/1.1\r\nHost: {impatient.address}\r\n{API}DescribeRepositories\r\n"
            "Content-Length: 9\r\n\r\n{".encode()
        )
        if ends:
            connection.stop_sending()
        answer = connection.read_to_end()
    assert b'"__type":"SerializationException"' in answer
    assert b"The body ends early" in answer


def test_a_form_that_claims_any_length() -> None:
    """A form of any claimed length takes no memory before it comes: one that ends early is a bad request."""
    with running_server() as server, Connection(server.url) as connection:
        connection.send_head(
            "POST",
            "/",
            Content_Type="application/x-www-form-urlencoded",
            Content_Length="9000000000000000",
        )
        connection.send(b"Action=GetCallerIdentity")
        connection.stop_sending()
        # Earlier moto asks werkzeug, which finds it too large before it reads.
        assert connection.read_to_end().startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 413 "))
        server.command.wait_for("POST / 4(00|13)")
        assert "Traceback" not in server.command.output


def test_a_silent_form_delays_no_other_client() -> None:
    """Other clients are served while the body of a form is awaited, which moto reads to find its service."""
    with running_server() as server, Connection(server.url) as silent:
        silent.send_head(
            "POST", "/", Content_Type="application/x-www-form-urlencoded", Content_Length="9"
        )
        silent.send(b"Act")
        assert server.client().describe_repositories()["repositories"] == []


@pytest.mark.parametrize("size", [MIB, 32 * MIB], ids=["small", "large"])
@pytest.mark.parametrize("service", ["registry", "s3"])
def test_clients_that_do_not_read(impatient: Server, service: str, size: int) -> None:
    """A pull whose client does not read ends."""
    content = bytes(size)
    if service == "registry":
        path = push_blob(impatient, content)
        login = f"Authorization: Basic {basic(impatient.password)}\r\n"
    else:
        s3 = impatient.client("s3")
        s3.create_bucket(Bucket="bucket")
        s3.put_object(Bucket="bucket", Key="key", Body=content)
        s3.close()
        path, login = "/bucket/key", API.partition("\r\n")[0].replace("/ecr/", "/s3/") + "\r\n"
    wait_until(lambda: sockets_of(impatient) == 1, "no connection")
    with ExitStack() as connections:
        for _ in range(3):
            # What the system buffers would be all of a small answer.
            client = connections.enter_context(socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            host, _, port = impatient.address.rpartition(":")
            client.connect((host, int(port)))
            client.sendall(
                f"GET {path} HTTP/1.1\r\nHost: {impatient.address}\r\n{login}\r\n".encode()
            )
            assert client.recv(12) == b"HTTP/1.1 200"
        wait_until(lambda: sockets_of(impatient) == 1, "the server has closed the connections")


def test_slow_clients_are_served(impatient: Server) -> None:
    """A slow client that is never silent may take longer than the timeout for the whole."""
    content = b"slowly!"
    digest = "sha256:" + hashlib.sha256(content).hexdigest()
    with Connection(impatient.url) as connection:
        connection.send_head(
            "POST",
            f"/v2/app/blobs/uploads/?digest={digest}",
            Authorization=f"Basic {basic(impatient.password)}",
            Content_Length=str(len(content)),
            Connection="close",
        )
        for byte in content:
            time.sleep(0.3)  # A part of the timeout: this is what the test is about.
            connection.send(bytes([byte]))
        assert connection.read_status() == 201


@pytest.mark.parametrize("wrong", ["0", "-1", "soon", "", "1e3"])
def test_wrong_timeouts(wrong: str) -> None:
    """An invalid timeout is refused in one line."""
    with Command("moto_ecr_server", "--port", "0", f"--idle-timeout={wrong}") as command:
        assert command.wait() == 2
        assert (
            f"--idle-timeout is {wrong!r}; it must be a number of seconds above 0" in command.output
        )


# --- too many ---


def test_too_many_connections() -> None:
    """A connection beyond the bound is answered with 503 at once, and served when another has ended."""
    with (
        running_server("--max-connections", "2") as server,
        Connection(server.url) as first,
        Connection(server.url),
    ):
        wait_until(lambda: sockets_of(server) == 3, "two connections")
        answer = server.registry("GET", "/v2/")
        assert answer.status_code == 503
        assert answer.headers["Retry-After"] == "1"
        assert parsedate_to_datetime(answer.headers["Date"])
        refused = answer.json()
        [error] = refused["errors"]
        assert error["code"] == "UNAVAILABLE"
        # Where botocore looks: the request was not read, and may have been one of the JSON protocol.
        assert refused["__type"] == "ServiceUnavailableException"
        assert refused["message"] == error["message"]
        server.command.wait_for("Connections are refused, since 2 are open")
        with Connection(server.url) as third:
            third.send(b"GET /v2/")
            assert third.read_status() == 503
        with Connection(server.url) as third:
            third.send(b"HEAD /v2/ HTTP/1.1\r\n")
            assert third.read_to_end().endswith(b"\r\n\r\n")
        first.stop_sending()
        wait_until(lambda: sockets_of(server) == 2, "a connection less")
        assert server.registry("GET", "/v2/").status_code == 200


def test_far_too_many_connections() -> None:
    """Each client beyond the bound has its answer, however many they are, even behind silent clients."""
    with (
        running_server("--max-connections", "2") as server,
        ExitStack() as connections,
    ):
        further = [connections.enter_context(Connection(server.url)) for _ in range(102)][2:]
        for each in further[50:]:
            each.send_head("GET", "/v2/")
        for each in further[50:]:
            assert each.read_status() == 503


@needs_kept_connections
def test_no_descriptors_left() -> None:
    """A server at the limit of open files serves its connections, and others when some have ended."""
    with running_server() as server, ExitStack() as connections:
        server.client().create_repository(repositoryName="app")
        wait_until(lambda: sockets_of(server) == 1, "no connection")
        used = len(os.listdir(f"/proc/{server.command.pid}/fd"))
        resource.prlimit(server.command.pid, resource.RLIMIT_NOFILE, (used + 4, used + 4))
        served = connections.enter_context(Connection(server.url))
        served.send_head("GET", "/v2/")
        served.read(12)
        others = [connections.enter_context(Connection(server.url)) for _ in range(20)]
        served.send_head("GET", "/v2/", Connection="close")
        assert b"HTTP/1.1 401 " in served.read_to_end()
        # Those that were not accepted yet are no error: each has its answer in the end.
        for other in others:
            other.send_head("GET", "/v2/", Connection="close")
            assert other.read_status() == 401
        assert "Traceback" not in server.command.output


@pytest.mark.parametrize(
    ("soft", "hard", "left"), [(64, 4096, 2048), (64, 128, 128)], ids=["raised", "not enough"]
)
def test_descriptors_for_all_connections(soft: int, hard: int, left: int) -> None:
    """The process raises its limit of open files for its connections; if it may not, it serves fewer."""
    command = (
        f"import os, resource, sys; resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard})); "
        "os.execv(sys.argv[1], sys.argv[1:])"
    )
    with Command(
        sys.executable, "-c", command, script("moto_ecr_server"), "--port", "0"
    ) as running:
        server = Server(running)
        assert resource.prlimit(running.pid, resource.RLIMIT_NOFILE) == (left, hard)
        assert server.registry("GET", "/v2/").status_code == 200
        running.stop()
        warning = "32 connections are served at once instead of 512"
        assert (warning in running.output) == (left == hard)


# --- TLS ---


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A certificate and its key, in files."""
    directory = tmp_path_factory.mktemp("certificate")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(datetime(2020, 1, 1))
        .not_valid_after(datetime(2120, 1, 1))
        .sign(key, hashes.SHA256())
    )
    (directory / "certificate").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (directory / "key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return str(directory / "certificate"), str(directory / "key")


@contextmanager
def running_with_tls(certificate: tuple[str, str], *arguments: str) -> Iterator[Server]:
    flags = ["--ssl-cert", certificate[0], "--ssl-key", certificate[1]]
    with running_server(*flags, *arguments) as server:
        server.url = server.url.replace("http:", "https:")
        yield server


class TLSConnection(Connection):
    """A connection over TLS, to a server without a trusted certificate."""

    def __init__(self, url: str):
        super().__init__(url)
        self._socket = ssl._create_unverified_context().wrap_socket(self._socket)


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_a_silent_handshake_delays_no_other_client(certificate: tuple[str, str]) -> None:
    """A client that connects and is silent, or sends something else than TLS, does not delay others."""
    with (
        running_with_tls(certificate, "--idle-timeout", "1") as server,
        Connection(server.url) as silent,
        Connection(server.url) as confused,
    ):
        confused.send(b"GET /v2/ HTTP/1.1\r\n\r\n")
        assert server.registry("GET", "/v2/", verify=False).status_code == 200
        silent.read_to_end()  # It ends.
        with TLSConnection(server.url) as connection:
            connection.send_head("GET", "/v2/")
            connection.read_to_end()  # It ends, too.
        assert server.command.stop() == 0
    assert "Traceback" not in server.command.output


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
@pytest.mark.parametrize("size", [8 * MIB, 32 * MIB], ids=["small", "large"])
@pytest.mark.parametrize("has_tls", [True, False], ids=["TLS", "plain"])
def test_a_file_that_shrinks(
    certificate: tuple[str, str], tmp_path: Path, size: int, has_tls: bool
) -> None:
    """A pull whose file becomes shorter breaks off, and the server goes on.

    The system ends a process that reads a map behind the end of its file (mmap(2), SIGBUS).
    """
    arguments = ["--data-dir", str(tmp_path / "registry")]
    with ExitStack() as stack:
        server = stack.enter_context(
            running_with_tls(certificate, *arguments) if has_tls else running_server(*arguments)
        )
        create_repository(server)
        path = push_blob(server, bytes(size))
        [file] = [
            each
            for each in (tmp_path / "registry").rglob("*")
            if each.is_file() and each.stat().st_size == size
        ]
        kind = TLSConnection if has_tls else Connection
        with kind(server.url) as connection:
            connection.send_head("GET", path, Authorization=f"Basic {basic(server.password)}")
            connection.read(12)
            os.truncate(file, 4096)
            with suppress(OSError):
                assert len(connection.read_to_end()) < size
        assert server.registry("GET", "/v2/", verify=False).status_code == 200


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
@pytest.mark.parametrize("place", ["memory", "directory"])
def test_pulls_over_tls(certificate: tuple[str, str], tmp_path: Path, place: str) -> None:
    """Pulls over TLS return the pushed bytes, also in ranges."""
    arguments = ["--data-dir", str(tmp_path / "registry")] if place == "directory" else []
    content = os.urandom(3 * MIB + 7)
    with running_with_tls(certificate, *arguments) as server:
        create_repository(server)
        path = push_blob(server, content)
        assert server.registry("GET", path, verify=False).content == content
        part = server.registry("GET", path, verify=False, headers={"Range": "bytes=5000-2000000"})
        assert (part.status_code, part.content) == (206, content[5000:2000001])


# --- the end ---


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("protocol", ["registry", "api"])
def test_requests_under_way_end_first(tmp_path: Path, by: Any, protocol: str) -> None:
    """A signal closes the server to new connections; a request under way is completed, and kept at the next start.

    As for any container: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination.
    """
    body = b"content" if protocol == "registry" else b'{"repositoryName": "new"}'
    with running_server("--data-dir", str(tmp_path / "registry")) as server:
        server.client().create_repository(repositoryName="app")
        with Connection(server.url) as connection, Connection(server.url) as idle:
            idle.send_head("GET", "/v2/")
            idle.read(12)
            if protocol == "registry":
                digest = "sha256:" + hashlib.sha256(body).hexdigest()
                connection.send_head(
                    "POST",
                    f"/v2/app/blobs/uploads/?digest={digest}",
                    Authorization=f"Basic {basic(server.password)}",
                    Content_Length=str(len(body)),
                    Expect="100-continue",
                )
            else:
                headers = headers_of("CreateRepository")
                connection.send_head(
                    "POST",
                    "/",
                    **headers,
                    Content_Length=str(len(body)),
                    Expect="100-continue",
                )
            assert connection.read(12) == b"HTTP/1.1 100"
            os.kill(server.command.pid, by)
            wait_until(lambda: not accepts_connections(server.address), "closed")
            if KEEPS_CONNECTIONS:
                idle.read_to_end()  # It had no request.
            connection.send(body)
            answer = connection.read_to_end()
        assert statuses(answer) in ([b"200"], [b"201"])
        assert server.command.wait() == 0
        assert "Traceback" not in server.command.output
    with running_server("--data-dir", str(tmp_path / "registry")) as server:
        if protocol == "registry":
            assert server.registry("HEAD", f"/v2/app/blobs/{digest}").status_code == 200
        else:
            server.client().describe_repositories(repositoryNames=["new"])


@needs_kept_connections
def test_a_second_signal_does_not_wait() -> None:
    """A request that does not end holds the server up for some seconds at most, and not beyond a second signal."""
    with running_server() as server, Connection(server.url) as connection:
        server.client().create_repository(repositoryName="app")
        connection.send_head(
            "POST",
            "/v2/app/blobs/uploads/",
            Authorization=f"Basic {basic(server.password)}",
            Content_Length="7",
            Expect="100-continue",
        )
        assert connection.read(12) == b"HTTP/1.1 100"
        os.kill(server.command.pid, signal.SIGTERM)
        wait_until(lambda: not accepts_connections(server.address), "closed")
        # One within a moment is the first one still, as `timeout` sends it.
        wait_until(lambda: is_ended_by_a_signal(server.command), "ended")
        assert server.command.wait() == 0
        assert "cut off" not in server.command.output, (
            "it has waited for the request until its limit"
        )


def is_ended_by_a_signal(command: Command) -> bool:
    with suppress(ProcessLookupError):
        os.kill(command.pid, signal.SIGTERM)
    return command.has_ended


def accepts_connections(address: str) -> bool:
    host, _, port = address.rpartition(":")
    with socket.socket() as client:
        return client.connect_ex((host, int(port))) == 0


def statuses(answers: bytes) -> list[bytes]:
    """The statuses of answers, without `100 Continue`, which moto's server sends twice."""
    return [each for each in re.findall(rb"HTTP/1\.1 (\d+) ", answers) if each != b"100"]
