"""Faults of connections and bodies: answers that are cut off, damaged, or never come."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from botocore.config import Config
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError

from moto_ecr_ext.oci.digest import Digest
from moto_ecr_ext.testing import Image, build_image, faults, push
from support.environments import Environment
from support.moto_versions import needs_kept_connections
from support.registry_client import Connection, RepositoryClient
from support.stored import everything_stored

# More than a map of a file covers at once, and less than one.
SIZES = [100_000, 17 * 1024 * 1024]

BROKEN = (
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ConnectionError,
)


@pytest.fixture(autouse=True)
def _end_of_faults() -> Iterator[None]:
    yield
    faults.clear()


@pytest.fixture
def once(aws: Environment) -> Any:
    """A client that does not try again, and waits for two seconds."""
    return aws.client(config=Config(retries={"total_max_attempts": 1}, read_timeout=2))


def pushed(ecr: Any, size: int) -> Image:
    image = build_image(seed="broken", layers=1, layer_size=size, compression="none")
    push(ecr, "team/app", image, tag="1.0")
    return image


def body_before_the_end(response: requests.Response) -> bytes:
    """The bytes of a body that breaks off."""
    received = bytearray()

    def read() -> None:
        for piece in response.iter_content(1000):
            received.extend(piece)

    with pytest.raises(BROKEN):
        read()
    return bytes(received)


@pytest.mark.parametrize("size", SIZES)
def test_cut(aws: Environment, ecr: Any, repository: RepositoryClient, size: int) -> None:
    """The connection ends after so many bytes of a blob; the next request gets all of it, or the rest."""
    blob = pushed(ecr, size).layers[0]
    with faults.cut("GET /v2/*/blobs/*", after=50_000, times=1) as fault:
        if aws.name == "server":
            answer = repository.get(f"/blobs/{blob.digest}", stream=True)
            assert answer.headers["Content-Length"] == str(len(blob.content))
            assert body_before_the_end(answer) == blob.content[:50_000]
        else:
            with pytest.raises(BROKEN):
                repository.get(f"/blobs/{blob.digest}")
        rest = repository.get(f"/blobs/{blob.digest}", headers={"Range": "bytes=50000-"})
        assert rest.content == blob.content[50_000:]
    assert fault.count == 1
    assert repository.get(f"/blobs/{blob.digest}").content == blob.content


def test_shorter_bodies_are_not_cut(ecr: Any, repository: RepositoryClient) -> None:
    """An answer that has no more bytes than a cut leaves is whole, and the next longer one is struck."""
    image = pushed(ecr, 1000)
    short, long = image.config, image.layers[0]
    with faults.cut("GET /v2/*/blobs/*", after=len(short.content), times=1) as fault:
        assert repository.get(f"/blobs/{short.digest}").content == short.content
        assert fault.count == 0
        assert list(fault.strikes) == []
        with pytest.raises(BROKEN):
            repository.get(f"/blobs/{long.digest}")
        assert fault.count == 1
    assert repository.get(f"/blobs/{long.digest}").content == long.content


def test_cut_through_another_server(server: Environment) -> None:
    """Any WSGI server drops the connection, too."""
    from moto_ecr_ext.distribution.carriers.wsgi import registry_application

    ecr = server.client()
    ecr.create_repository(repositoryName="team/app")
    digest = pushed(ecr, 1000).layers[0].digest
    session = server.registry()
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": f"/v2/team/app/blobs/{digest}",
        "HTTP_HOST": "127.0.0.1",
        "HTTP_AUTHORIZATION": session.headers["Authorization"],
        "wsgi.url_scheme": "http",
        "wsgi.input_terminated": True,
        "wsgi.input": None,
    }
    with faults.cut("GET /v2/*", after=10):
        body = iter(registry_application(environ, lambda status, headers: None))
        assert len(next(body)) == 10
        with pytest.raises(ConnectionResetError):
            next(body)
    with faults.hang("GET /v2/*", seconds=0.1), pytest.raises(ConnectionResetError):
        registry_application(environ, lambda status, headers: None)


@pytest.mark.parametrize("size", SIZES)
def test_corrupt(ecr: Any, repository: RepositoryClient, size: int) -> None:
    """One byte of a blob is another one, so that its digest is, too."""
    blob = pushed(ecr, size).layers[0]
    faults.corrupt("GetDownloadUrlForLayer", times=1)
    damaged = repository.get(f"/blobs/{blob.digest}").content
    assert len(damaged) == len(blob.content)
    assert Digest.of(damaged) != blob.digest
    different = [i for i in range(len(damaged)) if damaged[i] != blob.content[i]]
    assert different == [len(damaged) // 2]
    assert repository.get(f"/blobs/{blob.digest}").content == blob.content


@pytest.mark.parametrize(("at", "place"), [(0, 0), (-1, -1), (7, 7)])
def test_corrupt_a_manifest(ecr: Any, repository: RepositoryClient, at: int, place: int) -> None:
    """The byte of a manifest that is named is another one."""
    image = pushed(ecr, 1000)
    faults.corrupt("GET /v2/*/manifests/*", at=at)
    answer = repository.get("/manifests/1.0")
    damaged = bytearray(answer.content)
    damaged[place] ^= 1
    assert bytes(damaged) == image.manifest
    assert answer.headers["Docker-Content-Digest"] == image.digest
    assert repository.head("/manifests/1.0").headers["Content-Length"] == str(len(damaged))


def test_damage_leaves_refusals_alone(repository: RepositoryClient) -> None:
    """A refusal has no bytes of a blob."""
    faults.corrupt("*")
    assert repository.get("/manifests/1.0").json()["errors"][0]["code"] == "MANIFEST_UNKNOWN"


def test_an_answer_of_the_api_is_cut_off(ecr: Any, once: Any) -> None:
    """A client of the API finds its connection closed, as botocore says it."""
    with faults.cut("DescribeRepositories") as fault, pytest.raises(ConnectionClosedError):
        once.describe_repositories()
    assert fault.count == 1
    once.describe_repositories()


def test_hang_in_the_api(ecr: Any, once: Any) -> None:
    """A client gives up after its limit of time, and nothing was done."""
    before = everything_stored()
    with faults.hang("CreateRepository"), pytest.raises(ReadTimeoutError):
        once.create_repository(repositoryName="app")
    assert everything_stored() == before
    once.create_repository(repositoryName="app")


def test_hang_in_the_registry(repository: RepositoryClient) -> None:
    """A request is not answered, until its client gives up."""
    with faults.hang("GET /v2/*"), pytest.raises(requests.exceptions.ReadTimeout):
        repository.get("/tags/list", timeout=0.3)
    assert repository.get("/tags/list").status_code == 200


def test_clear_releases_what_hangs(server: Environment) -> None:
    """The connections of clients that wait end with the fault."""
    server.client().create_repository(repositoryName="team/app")
    repository = RepositoryClient(server.registry(), "team/app")
    fault = faults.hang("GET /v2/*")
    ended: list[type[BaseException]] = []

    def wait() -> None:
        try:
            repository.get("/tags/list")
        except requests.exceptions.RequestException as error:
            ended.append(type(error))

    waiting = threading.Thread(target=wait)
    waiting.start()
    deadline = time.monotonic() + 20
    while not fault.count:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert not ended
    fault.clear()
    waiting.join(20)
    assert ended == [requests.exceptions.ConnectionError]


@needs_kept_connections
def test_a_client_that_goes_ends_the_wait(server: Environment) -> None:
    """The thread of a request does not wait longer than its client."""
    server.client().create_repository(repositoryName="team/app")
    session = server.registry()
    fault = faults.hang("*", seconds=3600)
    names = {each.name for each in threading.enumerate()}
    assert server.endpoint_url
    with Connection(server.endpoint_url) as connection:
        connection.send_head(
            "GET", "/v2/team/app/tags/list", Authorization=str(session.headers["Authorization"])
        )
        deadline = time.monotonic() + 20
        while not fault.count:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        new = [each for each in threading.enumerate() if each.name not in names]
        assert new
    for each in new:
        each.join(20)
        assert not each.is_alive()


def test_close_while_streaming(aws: Environment, ecr: Any, repository: RepositoryClient) -> None:
    """The connection of an upload ends without an answer, and the client can continue the session."""
    content = b"x" * 3_000_000
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    url = repository.start_upload()
    with faults.close_while_streaming(times=2) as fault:
        with pytest.raises(BROKEN):
            repository.patch(url, data=content)
        with pytest.raises(BROKEN):
            repository.post("/blobs/uploads/")
    assert [each.method for each in fault.strikes] == ["PATCH", "POST"]
    assert not repository.holds(digest)
    answer = repository.put(url, params={"digest": digest}, data=content)
    assert answer.status_code == 201
    assert repository.holds(digest)
