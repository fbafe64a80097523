"""`moto_ecr_proxy`: clients that believe they talk to AWS, at the registry's real host name."""

from __future__ import annotations

import hashlib
import json
import os
import signal
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from pathlib import Path
from threading import Thread
from time import monotonic, sleep
from typing import Any

import boto3
import pytest
import requests
from botocore.config import Config

from moto_ecr_ext import testing
from support.commands import (
    LOGIN,
    MOTO_CA,
    PATIENCE,
    REFUSES_MOTO_CA,
    Command,
    session_through,
)
from support.registry_client import Connection

HOST = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
CONTENT = bytes(range(256)) * 5000
DIGEST = "sha256:" + hashlib.sha256(CONTENT).hexdigest()


class Proxy:
    """A running proxy: its URL, and its printed login."""

    def __init__(self, command: Command) -> None:
        self.command = command
        self.password, self.host = command.wait_for(LOGIN).groups()
        self.url = "http://" + command.wait_for(r"Serving HTTP Proxy on (\S+) ")[1]

    def reset(self) -> None:
        """Empty moto, by its own API, which is at this name of the proxy alone."""
        url = self.url.replace("127.0.0.1", "localhost")
        requests.post(f"{url}/moto-api/reset", timeout=PATIENCE).raise_for_status()


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("proxy") / "registry"


@pytest.fixture(scope="module")
def proxy(data_dir: Path) -> Iterator[Proxy]:
    """A proxy that keeps its data in a directory."""
    with Command("moto_ecr_proxy", "--port", "0", "--data-dir", str(data_dir)) as command:
        yield Proxy(command)


@pytest.fixture
def registry(proxy: Proxy) -> Iterator[requests.Session]:
    """A session that is logged in to an empty registry."""
    proxy.reset()
    with session_through(proxy.url) as session:
        session.auth = ("AWS", proxy.password)
        yield session


@pytest.fixture
def boto3_through(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """boto3's variables for a proxy."""
    for name in ("NO_PROXY", "no_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    monkeypatch.setenv("AWS_CA_BUNDLE", MOTO_CA)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


@pytest.fixture
def ecr(registry: requests.Session, boto3_through: None) -> Any:
    """A boto3 client that knows the proxy only by the environment."""
    return boto3.client("ecr", region_name="us-east-1")


def test_the_printed_login_is_for_the_real_host_name(
    proxy: Proxy, registry: requests.Session
) -> None:
    """The printed password is accepted at the printed host, and no other is."""
    assert proxy.host == HOST
    assert registry.get(f"https://{HOST}/v2/", timeout=PATIENCE).status_code == 200
    registry.auth = ("AWS", "another")
    assert registry.get(f"https://{HOST}/v2/", timeout=PATIENCE).status_code == 400
    registry.auth = None
    answer = registry.get(f"https://{HOST}/v2/", timeout=PATIENCE)
    assert answer.status_code == 401
    realm = f'Basic realm="https://{HOST}/",service="ecr.amazonaws.com"'
    assert answer.headers["WWW-Authenticate"] == realm


def test_a_client_goes_on_after_a_refusal(registry: requests.Session, boto3_through: None) -> None:
    """The proxy closes a connection after each answer, so that the request after a refusal succeeds on another."""
    config = Config(retries={"max_attempts": 0}, read_timeout=PATIENCE)
    client = boto3.client("ecr", region_name="us-east-1", config=config)
    client.create_repository(repositoryName="app")

    with pytest.raises(client.exceptions.RepositoryAlreadyExistsException):
        client.create_repository(repositoryName="app")

    assert client.list_images(repositoryName="app")["imageIds"] == []


def test_a_blob_is_pushed_and_pulled(registry: requests.Session, ecr: Any) -> None:
    """A blob that is pushed to the real host name in two requests is pulled byte for byte."""
    uri = ecr.create_repository(repositoryName="team/app")["repository"]["repositoryUri"]
    assert uri == f"{HOST}/team/app"

    started = registry.post(f"https://{uri.replace('/', '/v2/', 1)}/blobs/uploads/")
    assert started.status_code == 202
    sent = registry.patch(started.headers["Location"], data=CONTENT[:1000])
    assert sent.status_code == 202
    committed = registry.put(
        sent.headers["Location"], params={"digest": DIGEST}, data=iter([CONTENT[1000:]])
    )
    assert committed.status_code == 201

    pulled = registry.get(committed.headers["Location"])
    assert pulled.content == CONTENT
    part = registry.get(committed.headers["Location"], headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, CONTENT[10:20])
    available = ecr.batch_check_layer_availability(repositoryName="team/app", layerDigests=[DIGEST])
    assert available["layers"][0]["layerSize"] == len(CONTENT)


def test_an_image_is_pushed_and_pulled_by_boto3(
    ecr: Any, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """boto3 pushes an image and pulls it; the download URL names the real host."""
    # What the helper pulls layers with.
    monkeypatch.setattr(requests, "get", session_through(proxy.url).get)
    ecr.create_repository(repositoryName="app")
    image = testing.build_image(seed=1)

    testing.push(ecr, "app", image, tag="1.0")

    assert testing.pull(ecr, "app", "1.0").manifest == image.manifest
    url = ecr.get_download_url_for_layer(repositoryName="app", layerDigest=image.blobs[0].digest)[
        "downloadUrl"
    ]
    assert url.startswith(f"https://{HOST}/v2/app/blobs/{image.blobs[0].digest}?")


def test_other_services_answer(boto3_through: None) -> None:
    """Other services of moto answer as in moto_proxy."""
    s3 = boto3.client("s3", region_name="us-east-1")
    s3.create_bucket(Bucket="things")
    s3.put_object(Bucket="things", Key="v2/app", Body=b"a thing")

    assert s3.get_object(Bucket="things", Key="v2/app")["Body"].read() == b"a thing"


def test_a_reset_empties_the_directory(ecr: Any, data_dir: Path, proxy: Proxy) -> None:
    """moto's reset, which `mock_aws` sends at its start and end in proxy mode, removes the bytes."""
    ecr.create_repository(repositoryName="app")
    testing.push(ecr, "app", testing.build_image(seed=1), tag="1.0")
    assert [each for each in (data_dir / "blobs").rglob("*") if each.is_file()]

    proxy.reset()

    assert not [each for each in (data_dir / "blobs").rglob("*") if each.is_file()]
    assert ecr.describe_repositories()["repositories"] == []


def test_a_restart_keeps_the_directory(tmp_path: Path) -> None:
    """A proxy that is started again on its directory has the data of the first."""
    arguments = ("moto_ecr_proxy", "--port", "0", "--data-dir", str(tmp_path / "registry"))
    with Command(*arguments) as command:
        before = Proxy(command)
        boto3.client(
            "ecr",
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            verify=MOTO_CA,
            config=Config(proxies={"https": before.url}),
        ).create_repository(repositoryName="app")
        assert command.stop() == 0

    with Command(*arguments) as command, session_through(Proxy(command).url) as session:
        answer = session.get(f"https://{HOST}/v2/_catalog", auth=("AWS", before.password))

    assert answer.json() == {"repositories": ["app"]}


def test_requests_and_the_certificate_authority_of_moto(proxy: Proxy) -> None:
    """Since Python 3.13, `requests` refuses the authority of moto before 5.2.6, which lacks an extension."""
    refused = pytest.raises(requests.exceptions.SSLError, match="key usage extension")
    with refused if REFUSES_MOTO_CA else nullcontext():
        requests.get(f"https://{HOST}/v2/", proxies={"https": proxy.url}, verify=MOTO_CA)


CALL = (
    b"POST / HTTP/1.1\r\nHost: api.ecr.us-east-1.amazonaws.com\r\n"
    b"Authorization: AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/ecr/aws4_request\r\n"
    b"X-Amz-Target: AmazonEC2ContainerRegistry_V20150921.CreateRepository\r\n"
    b"Content-Length: 25\r\n\r\n"
    b'{"repositoryName": "app"}'
)
HOST_LINE = b"Host: api.ecr.us-east-1.amazonaws.com\r\n"
LENGTH_LINE = b"Content-Length: 25\r\n"
AMBIGUOUS = {
    "no Host": (HOST_LINE, b""),
    "two Hosts": (HOST_LINE, HOST_LINE + HOST_LINE),
    "Host with a path": (HOST_LINE, HOST_LINE.replace(b"\r\n", b"/path\r\n")),
    "Host with half an IPv6 address": (HOST_LINE, b"Host: [::1\r\n"),
    "target with half an IPv6 address": (b"POST /", b"POST http://[::/"),
    "Content-Length in words": (LENGTH_LINE, b"Content-Length: many\r\n"),
    "Content-Length below zero": (LENGTH_LINE, b"Content-Length: -1\r\n"),
    "Content-Length twice": (LENGTH_LINE, LENGTH_LINE + b"Content-Length: 2\r\n"),
    "Transfer-Encoding that only contains chunked": (
        LENGTH_LINE,
        b"Transfer-Encoding: xchunked\r\n",
    ),
    "Transfer-Encoding and Content-Length": (
        LENGTH_LINE,
        LENGTH_LINE + b"Transfer-Encoding: chunked\r\n",
    ),
    "chunk without a size": (
        LENGTH_LINE + b"\r\n",
        b"Transfer-Encoding: chunked\r\n\r\nx\r\n",
    ),
    "chunk of a size below zero": (
        LENGTH_LINE + b"\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n-1\r\n",
    ),
}


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_ambiguous_requests(proxy: Proxy, ecr: Any, name: str) -> None:
    """A request that two readers could understand differently is refused (RFC 9112), and does nothing."""
    old, new = AMBIGUOUS[name]
    assert CALL.count(old) == 1
    with Connection(proxy.url) as connection:
        connection.send(CALL.replace(old, new))
        connection.stop_sending()
        answer = connection.read_to_end()
    assert answer.startswith(b"HTTP/1.1 400 "), answer
    assert ecr.describe_repositories()["repositories"] == []


def test_unambiguous_requests(proxy: Proxy, ecr: Any) -> None:
    """The unambiguous form of these requests is accepted, in chunks too."""
    chunked = CALL.replace(LENGTH_LINE + b"\r\n", b"Transfer-Encoding: chunked\r\n\r\n19\r\n")
    chunked = chunked.replace(b'"app"}', b'"two"}') + b"\r\n0\r\n\r\n"
    for wire in (CALL, chunked):
        with Connection(proxy.url) as connection:
            connection.send(wire)
            assert connection.read_status() == 200
    names = [each["repositoryName"] for each in ecr.describe_repositories()["repositories"]]
    assert names == ["app", "two"]


@pytest.mark.parametrize("rest", [1, 25], ids=["half of it", "all of it"])
def test_a_body_that_ends_early(proxy: Proxy, ecr: Any, rest: int) -> None:
    """A call whose body is cut off is refused, even if the bytes so far are a request (RFC 9112, 8)."""
    with Connection(proxy.url) as connection:
        connection.send(CALL.replace(LENGTH_LINE, b"Content-Length: 26\r\n")[:-rest])
        connection.stop_sending()
        answer = connection.read_to_end()
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"the body ends early" in answer
    assert ecr.describe_repositories()["repositories"] == []


# --- connections ---


@pytest.mark.parametrize(
    "wire",
    [
        "",
        "GET http://api.ecr.us-east-1.amazonaws.com/ HTTP/1.1\r\nHost: api.ecr",
        "POST / HTTP/1.1\r\nHost: api.ecr.us-east-1.amazonaws.com\r\nContent-Length: 9\r\n\r\n{",
        "POST / HTTP/1.1\r\nHost: api.ecr.us-east-1.amazonaws.com\r\n"
        "Transfer-Encoding: chunked\r\n\r\n9\r\n{",
        "CONNECT api.ecr.us-east-1.amazonaws.com:443 HTTP/1.1\r\nHost: api.ecr\r\n\r\n",
        "CONNECT api.ecr.us-east-1.amazonaws.com:443 HTTP/1.1\r\nHost: api.ecr\r\n\r\nGET / HTTP/1.1\r\n\r\n",
    ],
    ids=[
        "nothing",
        "half a head",
        "half a body",
        "half a chunk",
        "no TLS",
        "something else than TLS",
    ],
)
def test_silent_clients(wire: str) -> None:
    """A client that stops halfway loses its connection, without a line in the log."""
    with Command("moto_ecr_proxy", "--port", "0", "--idle-timeout", "1") as command:
        proxy = Proxy(command)
        with Connection(proxy.url) as connection:
            connection.send(wire.encode())
            with suppress(ConnectionError):
                connection.read_to_end()  # It ends, before the patience of the connection does.
        assert command.stop() == 0
        assert "Traceback" not in command.output


def test_too_many_connections() -> None:
    """A connection beyond the bound is answered with 503."""
    with Command("moto_ecr_proxy", "--port", "0", "--max-connections", "1") as command:
        proxy = Proxy(command)
        with Connection(proxy.url) as first, Connection(proxy.url) as second:
            first.send(b"GET")
            second.send(b"GET")
            assert second.read_status() == 503


def test_a_request_under_way_ends_first(tmp_path: Path) -> None:
    """A signal closes the proxy; a request under way is completed, and kept at the next start."""
    data = ["--data-dir", str(tmp_path / "registry")]
    with Command("moto_ecr_proxy", "--port", "0", *data) as command:
        proxy = Proxy(command)
        head, _, body = CALL.partition(b"\r\n\r\n")
        with Connection(proxy.url) as connection:
            connection.send(head + b"\r\nExpect: 100-continue\r\n\r\n")
            assert connection.read(12) == b"HTTP/1.1 100"
            os.kill(command.pid, signal.SIGTERM)
            command_ends = Thread(target=command.wait)
            command_ends.start()
            wait_until_refused(proxy.url)
            connection.send(body)
            assert b"HTTP/1.1 200 " in connection.read_to_end()
            command_ends.join()
        assert "Traceback" not in command.output
    with Command("moto_ecr_proxy", "--port", "0", *data) as command:
        proxy = Proxy(command)
        with session_through(proxy.url) as session:
            answer = session.get(f"https://{HOST}/v2/app/tags/list", auth=("AWS", proxy.password))
            assert answer.json()["name"] == "app"


def wait_until_refused(url: str) -> None:
    deadline = monotonic() + PATIENCE
    while True:
        try:
            Connection(url).__exit__()
        except ConnectionResetError:  # The proxy closed before it accepted this connection.
            pass
        except ConnectionRefusedError:
            return
        assert monotonic() < deadline


def test_large_answers_to_slow_clients() -> None:
    """A pull may take longer than the proxy waits for a byte."""
    content = os.urandom(8 * 1024 * 1024)
    digest = "sha256:" + hashlib.sha256(content).hexdigest()
    with Command("moto_ecr_proxy", "--port", "0", "--idle-timeout", "2") as command:
        proxy = Proxy(command)
        with session_through(proxy.url) as session:
            call = call_of("CreateRepository", {"repositoryName": "app"})
            session.post("https://api.ecr.us-east-1.amazonaws.com/", **call).raise_for_status()
            session.auth = ("AWS", proxy.password)
            url = f"https://{HOST}/v2/app/blobs"
            session.post(f"{url}/uploads/?digest={digest}", data=content).raise_for_status()
            pulled = b""
            with session.get(f"{url}/{digest}", stream=True) as answer:
                for piece in answer.iter_content(1024 * 1024):
                    sleep(
                        0.4
                    )  # Longer in all than the proxy waits: this is what the test is about.
                    pulled += piece
            assert pulled == content


def call_of(operation: str, parameters: dict[str, str]) -> dict[str, Any]:
    """The arguments of `requests` for a call of ECR."""
    return {
        "data": json.dumps(parameters),
        "headers": {
            "Authorization": "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/ecr/aws4_request",
            "X-Amz-Target": f"AmazonEC2ContainerRegistry_V20150921.{operation}",
        },
    }
