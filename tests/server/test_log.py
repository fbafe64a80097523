"""The log of the commands: a line for each request, and other messages."""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from pathlib import Path
from threading import Event, Thread
from typing import Any

import boto3
import pytest
import requests
from moto.moto_server import werkzeug_app

from moto_ecr_ext import testing
from moto_ecr_ext.calls import CallRecord, Recorder
from moto_ecr_ext.server.log import (
    CollectedLines,
    HintsOnceAMinute,
    TextLines,
    logging_as,
    wants_colours,
)
from moto_ecr_ext.server.request_log import AnsweredRequest, log_request
from support.commands import (
    LOGIN,
    PATIENCE,
    Command,
    Server,
    environment,
    running_server,
    script,
    session_through,
)
from support.registry_client import Connection
from support.waiting import wait_until

TIME = r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
HANDSHAKE = b"\x16\x03\x01\x00\xf1\x01\x00\x00\xed\x03\x03secret\n"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server whose log has everything."""
    with running_server("--log-level", "debug") as running:
        running.client().create_repository(repositoryName="team/app")
        yield running


def test_a_call(server: Server) -> None:
    """A call is named by its operation, with the repository, the status, the registry, and the id of its answer."""
    answer = server.client().list_images(repositoryName="team/app")
    request_id = answer["ResponseMetadata"]["RequestId"]

    line = server.command.wait_for(request_id).string

    expected = r" INFO    ListImages team/app 200 \d+ms 123456789012 us-east-1 "
    assert re.search(TIME + expected + request_id + "$", line.strip())


def test_a_call_of_an_image(server: Server) -> None:
    """The digest of the image that a call is about is shortened."""
    image = testing.build_image(layers=0)
    server.client().put_image(
        repositoryName="team/app", imageManifest=image.manifest.decode(), imageTag="called"
    )
    server.command.wait_for(rf" PutImage team/app 200 \d+ms {image.digest[:19]} 123456789012 ")


def test_a_refused_call(server: Server) -> None:
    """A refusal is a warning, and has its id too."""
    ecr = server.client()
    with pytest.raises(ecr.exceptions.RepositoryNotFoundException) as refused:
        ecr.list_images(repositoryName="missing")
    request_id = refused.value.response["ResponseMetadata"]["RequestId"]
    server.command.wait_for(
        rf" WARNING ListImages missing 400 \d+ms 123456789012 us-east-1 {request_id}"
    )


def test_a_push(server: Server) -> None:
    """A request of the registry is named by its method and path. Expected refusals of a client's first questions are
    no warnings.
    """
    image = testing.build_image(layers=0)
    path = "/v2/team/app/manifests/1.0"
    requests.get(f"{server.url}{path}", timeout=PATIENCE)
    server.command.wait_for(rf" INFO    GET {path} 401 \d+ms$")
    assert server.registry("HEAD", path).status_code == 404
    server.command.wait_for(rf" INFO    HEAD {path} 404 \d+ms 123456789012 us-east-1$")

    config = image.config
    upload = f"/v2/team/app/blobs/uploads/?digest={config.digest}"
    assert server.registry("POST", upload, data=config.content).status_code == 201
    pushed = server.registry(
        "PUT", path, data=image.manifest, headers={"Content-Type": image.media_type}
    )
    assert pushed.status_code == 201
    line = server.command.wait_for(rf"PUT {path} 201").string
    assert re.search(rf" 201 \d+ms {image.digest[:19]} 123456789012 us-east-1$", line.strip())
    server.registry("PUT", path, data=b"{")
    server.command.wait_for(rf" WARNING PUT {path} 405 ")


def test_a_refused_name(server: Server) -> None:
    """The line of a refusal by the registry has the reason, on one line."""
    assert server.registry("POST", "/v2/a/blobs/uploads/").status_code == 400
    line = server.command.wait_for(" WARNING POST /v2/a/blobs/uploads/ 400").string
    assert re.search(r" 400 \d+ms \('a' is not a repository name: ECR wants 2 to 256 .*\)$", line)


def test_a_reason_is_one_line() -> None:
    """Text from a client in a reason cannot write a second line, nor a long one."""
    call = CallRecord("GET", "/v2/", status=400, reason="'a\n\x1b[31m'" + 1000 * "b")
    line = str(AnsweredRequest(call))
    assert line.isprintable()
    assert len(line) < 500


def test_another_service(server: Server) -> None:
    """Requests of other services have a line each, with the name of the service."""
    s3 = server.client("s3")
    s3.create_bucket(Bucket="bucket")
    answer = s3.put_object(Bucket="bucket", Key="a b", Body=b"content")
    server.command.wait_for(
        rf" s3 PUT /bucket/a%20b 200 \d+ms us-east-1 {answer['ResponseMetadata']['RequestId']}"
    )
    server.client("ssm").describe_parameters()
    server.command.wait_for(r" INFO    ssm DescribeParameters 200 \d+ms us-east-1 ")


def test_the_query_is_left_out(server: Server) -> None:
    """No line has the query, which may have a signature."""
    server.registry("GET", "/v2/team/app/tags/list?n=1&secret=word")
    assert "secret" not in server.command.wait_for("GET /v2/team/app/tags/list").string


def test_characters_of_control(server: Server) -> None:
    """A path cannot write a second line."""
    server.registry("GET", "/v2/team/app%0A%1b[31m2026 INFO forged/tags/list")
    line = server.command.wait_for("forged").string
    assert "GET /v2/team/app%0A%1B%5B31m2026%20INFO%20forged/tags/list 404" in line


def test_a_method_of_control(server: Server) -> None:
    """A method cannot send control characters to a terminal."""
    with Connection(server.url) as connection:
        connection.send(
            b"CLEAR\x1b[2J\x9b2J / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        )
        connection.read_to_end()
    assert " WARNING CLEAR%1B%5B2J" in server.command.wait_for("CLEAR").string


def test_a_probe_by_tls(server: Server) -> None:
    """A client that tries TLS first is one line of debugging, without its bytes."""
    with Connection(server.url) as connection:
        connection.send(HANDSHAKE)
        connection.read_to_end()
    assert re.search(TIME + " DEBUG   A client tried TLS", server.command.wait_for("TLS").string)
    server.client().list_images(repositoryName="team/app")
    server.command.wait_for("ListImages")
    assert "secret" not in server.command.output
    assert "malformed" not in server.command.output.partition("A client tried TLS")[2]


def test_a_malformed_request(server: Server) -> None:
    """Bytes that are not HTTP are logged as a warning, in printable characters."""
    with Connection(server.url) as connection:
        connection.send(b"nonsense\x1b[31m\r\n\r\n")
        connection.read_to_end()
    server.command.wait_for(" WARNING malformed 400")
    assert "\x1b" not in server.command.output


def test_a_foreign_name(server: Server) -> None:
    """A request that is refused before it reaches the registry is logged too."""
    requests.get(f"{server.url}/v2/", headers={"Host": "evil.example"}, timeout=PATIENCE)
    server.command.wait_for(r" WARNING GET /v2/ 403 ")


def test_questions_for_health(server: Server) -> None:
    """Requests for health and metrics are logged only at the level debug."""
    requests.get(f"{server.url}/moto-api/ecr/health", timeout=PATIENCE).raise_for_status()
    server.command.wait_for(r" DEBUG   GET /moto-api/ecr/health 200 ")


def test_json() -> None:
    """With `--log-format json` each line is an object."""
    with running_server(MOTO_ECR_LOG_FORMAT="json") as server:
        answer = server.client().create_repository(repositoryName="team/app")
        call = json.loads(server.command.wait_for("CreateRepository").string)
        server.registry("GET", "/v2/team/app/tags/list")
        listing = json.loads(server.command.wait_for("tags/list").string)
        server.registry("GET", "/v2/a/tags/list")
        refused = json.loads(server.command.wait_for("/v2/a/tags").string)
    assert re.search(TIME, call.pop("time"))
    assert 0 < call.pop("duration_ms") < 60_000
    assert call.pop("received") > 0
    assert call.pop("sent") > 0
    assert call == {
        "level": "info",
        "logger": "moto_ecr_ext.requests",
        "service": "ecr",
        "operation": "CreateRepository",
        "method": "POST",
        "path": "/",
        "repository": "team/app",
        "status": 200,
        "account": "123456789012",
        "region": "us-east-1",
        "request_id": answer["ResponseMetadata"]["RequestId"],
    }
    assert listing["operation"] == "GET /v2/<name>/tags/list"
    assert refused["reason"].startswith("'a' is not a repository name: ")
    assert (listing["status"], listing["sent"]) == (200, len(b'{"name":"team/app","tags":[]}\n'))


def accepts_connections(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def test_quiet() -> None:
    """With `--quiet` only warnings and errors are written."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with Command("moto_ecr_server", "--port", str(port), "--quiet") as command:
        ecr = boto3.client(
            "ecr",
            region_name="us-east-1",
            endpoint_url=f"http://127.0.0.1:{port}",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        wait_until(lambda: accepts_connections(port))
        ecr.create_repository(repositoryName="app")
        with pytest.raises(ecr.exceptions.RepositoryAlreadyExistsException):
            ecr.create_repository(repositoryName="app")
        command.wait_for("WARNING CreateRepository")
        assert command.stop() == 0
    assert len(command.output.splitlines()) == 1


def test_quiet_with_a_level() -> None:
    """The flag for the level applies with `--quiet`, too."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    flags = ["--port", str(port), "--quiet", "--log-level", "info"]
    with Command("moto_ecr_server", *flags) as command:
        wait_until(lambda: accepts_connections(port))
        requests.get(f"http://127.0.0.1:{port}/v2/", timeout=PATIENCE)
        command.wait_for(r" INFO    GET /v2/ 401 ")
        assert command.stop() == 0
    assert "docker login" not in command.output


def test_a_hint_once_a_minute(server: Server) -> None:
    """Repeated pushes of a client log one hint for each repository."""
    for _ in range(3):
        assert server.registry("POST", "/v2/team/none/blobs/uploads/").status_code == 404
    server.registry("POST", "/v2/team/other/blobs/uploads/")
    server.command.wait_for("Push to team/other, which does not exist")
    assert server.command.output.count("Push to team/none, which does not exist") == 1
    hints = HintsOnceAMinute()
    record = logging.makeLogRecord({"msg": "a hint", "is_hint": True, "created": 100.0})
    later = logging.makeLogRecord({"msg": "a hint", "is_hint": True, "created": 159.0})
    much_later = logging.makeLogRecord({"msg": "a hint", "is_hint": True, "created": 160.0})
    assert [hints.filter(each) for each in (record, later, much_later)] == [True, False, True]


def test_errors_alone() -> None:
    """`--log-level error` omits warnings."""
    with running_server("--log-level", "error") as server:
        ecr = server.client()
        with pytest.raises(ecr.exceptions.RepositoryNotFoundException):
            ecr.list_images(repositoryName="missing")
        assert server.command.stop() == 0
    assert "ListImages" not in server.command.output


def test_a_wrong_level() -> None:
    """A wrong level in the environment is reported in one line."""
    with Command("moto_ecr_server", "--port", "0", MOTO_ECR_LOG_LEVEL="loud") as command:
        assert command.wait() == 2
    assert command.output == (
        "moto_ecr_server: MOTO_ECR_LOG_LEVEL is 'loud'; "
        "it must be one of debug, info, warning, error\n"
    )


@pytest.fixture
def hangups() -> Iterator[None]:
    """Programs that are started do not ignore SIGHUP, even if the tests were started by `nohup`."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("hangups")
@pytest.mark.parametrize("workers", [(), ("--workers", "2")])
def test_no_line_is_lost_at_the_end(tmp_path: Path, workers: tuple[str, ...]) -> None:
    """Each request that was answered before SIGTERM, or SIGHUP, has its line."""
    for by in (signal.SIGTERM, signal.SIGHUP):
        with running_server("--data-dir", str(tmp_path), *workers) as server:
            with requests.Session() as session:
                for number in range(100):
                    session.get(f"{server.url}/v2/?{number}", timeout=PATIENCE)
            assert server.command.stop(by) == 0
        assert server.command.output.count(" GET /v2/ 401 ") == 100


def test_an_unread_log() -> None:
    """A log that nobody reads delays no request, nor the end."""
    with subprocess.Popen(
        [script("moto_ecr_server"), "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
        text=True,
    ) as started:
        assert started.stdout is not None
        for line in started.stdout:
            login = LOGIN.search(line)
            if login:
                break
        assert login
        with requests.Session() as session:
            # More than the 64 KiB that a pipe holds.
            for _ in range(1500):
                session.get(f"http://{login[2]}/v2/", timeout=PATIENCE)
        started.send_signal(signal.SIGTERM)
        assert started.wait(PATIENCE) == 0


def test_the_proxy() -> None:
    """The proxy writes the same lines, instead of moto's coloured ones."""
    with Command("moto_ecr_proxy", "--port", "0", "--log-level", "debug") as command:
        password, host = command.wait_for(LOGIN).groups()
        url = "http://" + command.wait_for(r"Serving HTTP Proxy on (\S+) ")[1]
        with session_through(url) as session:
            session.get(f"https://{host}/v2/", auth=("AWS", password), timeout=PATIENCE)
            command.wait_for(r" INFO    GET /v2/ 200 \d+ms 123456789012 us-east-1$")
            session.post(
                "https://api.ecr.us-east-1.amazonaws.com/",
                data="{}",
                headers={
                    "Authorization": "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/ecr/x",
                    "X-Amz-Target": "AmazonEC2ContainerRegistry_V20150921.DescribeRepositories",
                },
                timeout=PATIENCE,
            )
            command.wait_for(r" DescribeRepositories 200 \d+ms 123456789012 us-east-1 [0-9a-f-]+$")
        with Connection(url) as connection:
            connection.send(HANDSHAKE)
            connection.read_to_end()
        command.wait_for("DEBUG   A client tried TLS")
        assert command.stop() == 0
    assert "\x1b" not in command.output
    assert "secret" not in command.output


@pytest.mark.skipif(
    not hasattr(werkzeug_app, "MotoRequestHandler"), reason="this moto's server logs by werkzeug"
)
def test_another_server_keeps_its_log(
    moto_ecr_server: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """The fixture's server, which is in the test process, logs no lines of this package."""
    moto_ecr_server.client().create_repository(repositoryName="app")
    assert not [each for each in caplog.records if each.name == "moto_ecr_ext.requests"]


class TestColours:
    def test_a_terminal(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A terminal shows colours unless NO_COLOR is set; a file has none."""
        monkeypatch.delenv("NO_COLOR", raising=False)
        monkeypatch.setenv("TERM", "xterm")
        controller, terminal = os.openpty()
        try:
            with open(terminal, "w") as stream:
                assert wants_colours(stream)
                monkeypatch.setenv("NO_COLOR", "1")
                assert not wants_colours(stream)
                monkeypatch.delenv("NO_COLOR")
                monkeypatch.setenv("TERM", "dumb")
                assert not wants_colours(stream)
        finally:
            os.close(controller)

    def test_a_file(self, tmp_path: Path) -> None:
        with (tmp_path / "log").open("w") as stream:
            assert not wants_colours(stream)

    def test_lines(self) -> None:
        """Warnings and errors are coloured; without a terminal, colours of others are removed."""
        record = logging.LogRecord("other", logging.WARNING, "", 0, "\x1b[31mred\x1b[0m", (), None)
        assert TextLines(False).format(record).endswith("WARNING red")
        assert TextLines(True).format(record).startswith("\x1b[33m")


class TestCollectedLines:
    """Lines are collected for 50 ms, and written by one thread."""

    @staticmethod
    def log(lines: CollectedLines, *texts: str) -> None:
        for text in texts:
            lines.handle(logging.makeLogRecord({"msg": text}))

    def test_a_line_is_written_by_itself(self) -> None:
        """A line is written without another message, and without closing the log."""
        stream = StringIO()
        lines = CollectedLines(stream)
        self.log(lines, "first")
        wait_until(lambda: stream.getvalue() == "first\n")
        self.log(lines, "second")
        wait_until(lambda: stream.getvalue() == "first\nsecond\n")
        lines.close()

    def test_the_order_of_each_thread(self) -> None:
        """The lines of each thread keep their order, and no line is lost."""
        stream = StringIO()
        lines = CollectedLines(stream)
        texts = {name: [f"{name} {index}" for index in range(3000)] for name in "abcd"}
        with ThreadPoolExecutor(len(texts)) as threads:
            list(threads.map(lambda name: self.log(lines, *texts[name]), texts))
        lines.close()
        written = stream.getvalue().splitlines()
        assert {name: [each for each in written if each[0] == name] for name in texts} == texts

    def test_one_write_has_whole_lines(self) -> None:
        """Text that is longer than a pipe keeps together is written in several pieces, each of whole lines."""
        writes: list[str] = []
        stream = StringIO()
        lines = CollectedLines(stream)
        stream.write = writes.append  # type: ignore[assignment, method-assign]
        texts = [*(500 * str(each) for each in range(10)), 5000 * "x", "end"]
        self.log(lines, *texts)
        lines.close()
        assert "".join(writes) == "".join(f"{each}\n" for each in texts)
        assert all(each.endswith("\n") for each in writes)
        assert [each for each in writes if len(each) > 4096] == [5000 * "x" + "\n"]

    def test_a_slow_reader(self) -> None:
        """While nobody reads the log, requests wait, and memory does not grow."""
        may_write, written = Event(), []

        def write(text: str) -> int:
            assert may_write.wait(PATIENCE)
            written.extend(text.splitlines())
            return len(text)

        stream = StringIO()
        lines = CollectedLines(stream)
        stream.write = write  # type: ignore[method-assign]
        logged: list[str] = []

        def log_all() -> None:
            for index in range(3000):
                self.log(lines, f"{index}")
                logged.append(f"{index}")

        thread = Thread(target=log_all)
        thread.start()
        wait_until(lambda: len(logged) >= 1000)
        thread.join(0.2)
        assert len(logged) < 2000
        may_write.set()
        thread.join(PATIENCE)
        lines.close()
        assert written == logged
        assert len(written) == 3000

    def test_a_stream_that_fails(self) -> None:
        """A full disk, or a closed stream, does not end the log."""
        stream = StringIO()
        lines = CollectedLines(stream)
        stream.close()
        self.log(lines, "lost")
        lines.flush()
        lines.close()


def test_an_error_has_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    """An internal error is logged with its traceback, also as JSON."""
    with logging_as("info", "json"):
        try:
            raise ValueError("reason")
        except ValueError:
            logging.getLogger("moto_ecr_ext").exception("it failed")
    written = json.loads(capsys.readouterr().err)
    assert (written["level"], written["message"]) == ("error", "it failed")
    assert "ValueError: reason" in written["exception"]


def test_the_log_is_put_back() -> None:
    """The previous set-up of logging is restored."""
    root = logging.getLogger()
    before = list(root.handlers), logging.getLogger("moto_ecr_ext").level
    with logging_as("debug", "text"):
        assert len(root.handlers) == 1
    assert (list(root.handlers), logging.getLogger("moto_ecr_ext").level) == before


def test_a_text_is_made_when_a_handler_wants_it(caplog: pytest.LogCaptureFixture) -> None:
    """The message of a record is made only if a handler needs it."""
    call = CallRecord("GET", "/v2/", status=200)
    with caplog.at_level(logging.INFO, "moto_ecr_ext.requests"):
        Recorder(log_request).record(call)
    (record,) = caplog.records
    message: Any = record.msg
    assert isinstance(message, AnsweredRequest)
    assert message.call is call
    assert re.fullmatch(r"GET /v2/ 200 \d+ms", record.getMessage())
