"""A disk that fails: whichever call it is, the client gets an error, nothing is half done, and a second try
succeeds.
"""

from __future__ import annotations

import base64
import errno
import json
import logging
import os
import random
import sqlite3
import stat
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from botocore.exceptions import EndpointConnectionError
from sqlalchemy import Connection, Engine, event

import moto_ecr_ext
from moto_ecr_ext.oci.digest import Digest
from moto_ecr_ext.platforms import files as platform_files
from moto_ecr_ext.storage.blobs.directory import files, session, store, tree
from moto_ecr_ext.storage.database import sqlite as database
from moto_ecr_ext.storage.database import write_ahead_log
from moto_ecr_ext.storage.integrity import find_damage
from moto_ecr_ext.storage.store import close_current_store, current_store
from support.constants import SIGNED
from support.environments import Environment
from support.s3_servers import S3Server, client_of

pytestmark = [pytest.mark.once, pytest.mark.slow]

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
Step = Callable[[], requests.Response]


class Client:
    """Both protocols of a server, without the retries of boto3."""

    def __init__(self, server: Environment) -> None:
        assert server.endpoint_url is not None
        self.url = server.endpoint_url
        self._api = requests.Session()
        self._registry = server.registry()

    def call(self, operation: str, **parameters: object) -> requests.Response:
        """The answer to a call of the API."""
        return self._api.post(
            self.url,
            data=json.dumps(parameters),
            headers={
                "X-Amz-Target": f"AmazonEC2ContainerRegistry_V20150921.{operation}",
                "Content-Type": "application/x-amz-json-1.1",
                "Authorization": SIGNED,
            },
            timeout=60,
        )

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        """The answer of the registry."""
        return self._registry.request(method, path, **options)


class Scenario:
    """Pushes over both protocols, a cancelled upload and a deletion, with separate bytes."""

    def __init__(self, client: Client, number: int) -> None:
        self._client = client
        self.name = f"app-{number}"
        content = random.Random(number)
        self.first, self.second, self.config, self.freed = (
            content.randbytes(3000) for _ in range(4)
        )
        self.kept = self._manifest(self.first, self.second)
        self.deleted = self._manifest(self.second)
        self._location = self._upload_id = ""

    def steps(self) -> Iterator[Step]:
        """The calls of a client, in their order."""
        for act in self.acts():
            yield from act

    def acts(self) -> Iterator[list[Step]]:
        """The steps in groups. Each may be done again when it has failed, or else its group from the beginning."""
        call, ask = self._client.call, self._client.ask
        name = {"repositoryName": self.name}
        yield [lambda: call("CreateRepository", **name)]
        yield self.push_in_chunks()
        uploads = f"/v2/{self.name}/blobs/uploads/"
        yield [lambda: ask("POST", f"{uploads}?digest={Digest.of(self.config)}", data=self.config)]
        yield self.push_by_the_api()
        for step in self._steps_with_manifests():
            yield [step]

    def push_in_chunks(self) -> list[Step]:
        """The upload of a blob by the registry protocol."""
        ask = self._client.ask
        return [
            self._start,
            lambda: ask("PATCH", self._location, data=self.first[:1000]),
            lambda: ask(
                "PUT", f"{self._location}?digest={Digest.of(self.first)}", data=self.first[1000:]
            ),
        ]

    def push_by_the_api(self) -> list[Step]:
        """The upload of a layer by the JSON API."""
        call, name = self._client.call, {"repositoryName": self.name}
        return [
            self._initiate,
            lambda: call(
                "UploadLayerPart",
                **name,
                uploadId=self._upload_id,
                partFirstByte=0,
                partLastByte=len(self.second) - 1,
                layerPartBlob=_base64(self.second),
            ),
            lambda: call(
                "CompleteLayerUpload",
                **name,
                uploadId=self._upload_id,
                layerDigests=[Digest.of(self.second)],
            ),
        ]

    def _steps_with_manifests(self) -> Iterator[Step]:
        call, ask = self._client.call, self._client.ask
        name = {"repositoryName": self.name}
        yield lambda: ask(
            "PUT",
            f"/v2/{self.name}/manifests/1.0",
            data=self.kept,
            headers={"Content-Type": MANIFEST},
        )
        yield lambda: call(
            "PutImage", **name, imageManifest=self.deleted.decode(), imageTag="deleted"
        )
        yield lambda: call("SetRepositoryPolicy", **name, policyText=_POLICY)
        yield self._start
        yield lambda: ask("PATCH", self._location, data=self.first)
        yield lambda: ask("DELETE", self._location)
        yield lambda: call("BatchDeleteImage", **name, imageIds=[{"imageTag": "deleted"}])
        freed = Digest.of(self.freed)
        yield lambda: ask("POST", f"/v2/{self.name}/blobs/uploads/?digest={freed}", data=self.freed)
        yield lambda: ask("DELETE", f"/v2/{self.name}/blobs/{freed}")
        yield lambda: ask("GET", f"/v2/{self.name}/blobs/{Digest.of(self.first)}")

    def check(self) -> None:
        """Check that every step has had its effect."""
        call, ask = self._client.call, self._client.ask
        name = {"repositoryName": self.name}
        assert call("ListImages", **name).json()["imageIds"] == [
            {"imageDigest": Digest.of(self.kept), "imageTag": "1.0"}
        ]
        for content in (self.first, self.second, self.config):
            assert ask("GET", f"/v2/{self.name}/blobs/{Digest.of(content)}").content == content
        assert ask("GET", f"/v2/{self.name}/manifests/1.0").content == self.kept
        assert "policyText" in call("GetRepositoryPolicy", **name).json()

    def _start(self) -> requests.Response:
        answer = self._client.ask("POST", f"/v2/{self.name}/blobs/uploads/")
        self._location = answer.headers.get("Location", "")
        return answer

    def _initiate(self) -> requests.Response:
        answer = self._client.call("InitiateLayerUpload", repositoryName=self.name)
        self._upload_id = answer.json().get("uploadId", "")
        return answer

    def _manifest(self, *layers: bytes) -> bytes:
        def descriptor(content: bytes) -> dict[str, object]:
            return {
                "mediaType": "application/octet-stream",
                "digest": Digest.of(content),
                "size": len(content),
            }

        return json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": descriptor(self.config),
                "layers": [descriptor(layer) for layer in layers],
            }
        ).encode()


_POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}],
    }
)


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


class Fault:
    """Lets a number of calls through, then fails one."""

    def __init__(self, number: int, error: Exception) -> None:
        self._left = number
        self._error = error
        self.has_failed = False
        self.is_of_a_sync = False

    def count(self, name: str = "") -> None:
        self._left -= 1
        if self._left == -1:
            self.has_failed = True
            self.is_of_a_sync = name == "fsync"
            raise self._error


class FaultyCalls:
    """The module `os` with a fault in what it asks of a disk."""

    CHANGING = (
        "open",
        "write",
        "fsync",
        "ftruncate",
        "link",
        "replace",
        "rename",
        "unlink",
        "mkdir",
    )

    def __init__(self, fault: Fault) -> None:
        self._fault = fault

    def __getattr__(self, name: str) -> Any:
        original = getattr(os, name)
        if name not in self.CHANGING:
            return original

        def call(*arguments: Any) -> Any:
            self._fault.count(name)
            return original(*arguments)

        return call


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "registry"


@pytest.fixture
def client(server: Environment, data_dir: Path) -> Client:
    """A client of a server in this process, on a directory."""
    moto_ecr_ext.install(data_dir=data_dir)
    return Client(server)


def start_again(data_dir: Path, blobs: str | None = None) -> None:
    """The changes of a restart in the directory."""
    close_current_store()
    moto_ecr_ext.install(data_dir=data_dir, blobs=blobs)
    current_store()


def is_refused_well(answer: requests.Response) -> bool:
    """Return whether an answer is a server error in the form of its protocol, without internal details.

    503 is for what may be there again later: S3.
    """
    document = answer.json()
    if "errors" in document:
        (error,) = document["errors"]
        code, message = error["code"], error["message"]
        expected = {500: "UNKNOWN", 503: "UNAVAILABLE"}
    else:
        code, message = document["__type"], document["message"]
        expected = dict.fromkeys((500, 503), "ServerException")
    is_expected = code == expected.get(answer.status_code)
    return bool(is_expected and message and "Errno" not in answer.text)


def run(scenario: Scenario, fault: Fault, caplog: pytest.LogCaptureFixture) -> bool:
    """Run all steps, one that fails a second time; whether the fault came up."""
    for act in scenario.acts():
        for position, step in enumerate(act):
            had_failed = fault.has_failed
            caplog.clear()
            try:
                answer = step()
            except requests.exceptions.ChunkedEncodingError:
                # The head of a blob was sent before its bytes were asked for: the client sees that they are missing.
                assert fault.has_failed
                assert not had_failed
                assert "The answer breaks off" in caplog.text
                had_failed, answer = True, step()
            if fault.has_failed and not had_failed:
                assert [record for record in caplog.records if record.levelno >= logging.WARNING]
                assert answer.ok or is_refused_well(answer)
            if not answer.ok:
                assert fault.has_failed
                assert not had_failed, _told(answer)
                answer = step()
            if is_unknown_upload(answer) and fault.is_of_a_sync:
                # Bytes that may not be on disk are discarded: the client sends them again.
                for again in act[: position + 1]:
                    answer = again()
            assert answer.ok, _told(answer)
    return fault.has_failed


def is_unknown_upload(answer: requests.Response) -> bool:
    """Return whether an answer says that the upload does not exist."""
    if answer.ok:
        return False
    if "errors" in answer.json():
        return (
            answer.status_code == 404
            and answer.json()["errors"][0]["code"] == "BLOB_UPLOAD_UNKNOWN"
        )
    return answer.status_code == 400 and answer.json()["__type"] == "UploadNotFoundException"


def _told(answer: requests.Response) -> str:
    return f"{answer.request.method} {answer.request.url}: {answer.text}"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO], ids=["full", "broken"])
def test_any_call_on_a_file_fails(
    client: Client,
    data_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    number: int,
) -> None:
    """Each write, sync, rename and removal fails in turn; the client gets an error, and a second try succeeds."""
    current_store()
    for count in range(1000):
        fault = Fault(count, OSError(number, os.strerror(number)))
        scenario = Scenario(client, count)
        with monkeypatch.context() as patch:
            for module in (files, tree, session, store, platform_files):
                patch.setattr(module, "os", FaultyCalls(fault))
            failed = run(scenario, fault, caplog)
        scenario.check()
        start_again(data_dir)
        assert list(find_damage(current_store())) == []
        scenario.check()
        if not failed:
            break
    assert count >= 30


@pytest.mark.parametrize("restarts", [False, True], ids=["running", "restarted"])
@pytest.mark.parametrize("protocol", ["registry", "api"])
def test_a_sync_that_fails_is_not_tried_again(
    client: Client, data_dir: Path, monkeypatch: pytest.MonkeyPatch, protocol: str, restarts: bool
) -> None:
    """After a failed sync the client sends its bytes again, since another fsync would succeed without them. Linux
    marks pages as written that it could not write, and loses them once it needs the memory (https://wiki.postgresql.org/wiki/Fsync_Errors).
    """
    scenario = Scenario(client, 1)
    fsync, lost = os.fsync, []

    def lose(descriptor: int) -> None:
        status = os.fstat(descriptor)
        if not status.st_size or not stat.S_ISREG(status.st_mode):
            return fsync(descriptor)
        os.pwrite(descriptor, bytes(status.st_size), 0)
        os.utime(descriptor, ns=(status.st_atime_ns, status.st_mtime_ns))
        lost.append(status.st_size)
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    assert client.call("CreateRepository", repositoryName=scenario.name).ok
    content = scenario.first if protocol == "registry" else scenario.second
    push = scenario.push_in_chunks() if protocol == "registry" else scenario.push_by_the_api()
    for step in push[:-1]:
        assert step().ok
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", lose)
        assert is_refused_well(push[-1]())
    assert lost == [len(content)]

    if restarts:
        start_again(data_dir)
    assert is_unknown_upload(push[-1]())
    assert list((data_dir / "uploads").iterdir()) == []
    for step in push:
        assert step().ok
    path = f"/v2/{scenario.name}/blobs/{Digest.of(content)}"
    assert client.ask("GET", path).content == content
    assert list(find_damage(current_store())) == []


@contextmanager
def faulty_statements(fault: Fault) -> Iterator[None]:
    """Have each statement that SQLAlchemy executes pass the fault."""

    def fail(*arguments: object) -> None:
        fault.count()

    event.listen(Engine, "before_cursor_execute", fail)
    try:
        yield
    finally:
        event.remove(Engine, "before_cursor_execute", fail)


@contextmanager
def faulty_commits(fault: Fault) -> Iterator[None]:
    """Have each end of a transaction pass the fault, which leaves SQLite in the transaction."""
    execute = database.driver_execute

    def fail(connection: Connection, statement: str) -> None:
        if statement == "COMMIT":
            fault.count()
        execute(connection, statement)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "driver_execute", fail)
        yield


@pytest.mark.parametrize("faulty", [faulty_statements, faulty_commits])
def test_any_statement_fails(
    client: Client,
    data_dir: Path,
    caplog: pytest.LogCaptureFixture,
    faulty: Callable[[Fault], AbstractContextManager[None]],
) -> None:
    """Each statement and commit of the database fails in turn."""
    current_store()
    for count in range(1000):
        fault = Fault(count, sqlite3.OperationalError("database or disk is full"))
        scenario = Scenario(client, count)
        with faulty(fault):
            failed = run(scenario, fault, caplog)
        scenario.check()
        start_again(data_dir)
        assert list(find_damage(current_store())) == []
        scenario.check()
        if not failed:
            break
    assert count > 10


def test_any_sync_of_the_log_fails(
    client: Client, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each sync of the log fails in turn: the client gets an error, its call may have had its effect, and later
    calls succeed.
    """
    current_store()
    for count in range(1000):
        fault = Fault(count, OSError(errno.EIO, os.strerror(errno.EIO)))
        scenario = Scenario(client, count)
        with monkeypatch.context() as patch:
            patch.setattr(write_ahead_log, "flush_content", lambda _, fault=fault: fault.count())
            for step in scenario.steps():
                had_failed = fault.has_failed
                answer = step()
                if fault.has_failed and not had_failed:
                    # What follows a request may fail without it.
                    assert answer.ok or is_refused_well(answer)
                else:
                    assert answer.ok, _told(answer)
        scenario.check()
        start_again(data_dir)
        assert list(find_damage(current_store())) == []
        scenario.check()
        if not fault.has_failed:
            break
    assert count >= 7


@pytest.mark.parametrize("moment", ["before-call", "after-call"], ids=["request", "answer"])
def test_any_request_to_s3_fails(
    server: Environment,
    moto_s3: S3Server,
    data_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    moment: str,
) -> None:
    """Each request to S3 fails in turn: it does not arrive, or its answer is lost."""
    for name, value in moto_s3.variables.items():
        monkeypatch.setenv(name, value)
    bucket = moto_s3.new_bucket()
    moto_ecr_ext.install(data_dir=data_dir, blobs=bucket.url)
    client = Client(server)
    for count in range(1000):
        fault = Fault(count, EndpointConnectionError(endpoint_url=moto_s3.endpoint_url))
        scenario = Scenario(client, count)
        events = client_of(current_store().blobs).meta.events

        def fail(fault: Fault = fault, **_: object) -> None:
            fault.count()

        events.register(f"{moment}.s3", fail)
        failed = run(scenario, fault, caplog)
        events.unregister(f"{moment}.s3", fail)
        scenario.check()
        start_again(data_dir, bucket.url)
        assert list(find_damage(current_store())) == []
        scenario.check()
        if not failed:
            break
    assert count >= 25
    assert bucket.keys_of("removed") == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A separate file system, with room for 16 MiB."""
    path = tmp_path / "disk"
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=16m,mode=700", "tmpfs", str(path)]
    try:
        mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount command")
    if mounted.returncode:
        pytest.skip(f"a file system cannot be mounted here: {mounted.stderr.strip()}")
    yield path
    moto_ecr_ext.install()
    close_current_store()
    subprocess.run(["umount", str(path)], check=True)


def fill(disk: Path) -> Path:
    """A file that takes all room that a disk has left."""
    path = disk / "filler"
    with path.open("wb", buffering=0) as file:
        for size in (1 << 20, 4096, 1):
            with pytest.raises(OSError, match="No space left"):
                write_without_end(file, bytes(size))
    return path


def write_without_end(file: Any, content: bytes) -> None:
    while True:
        file.write(content)


def test_a_disk_that_is_full(
    server: Environment, small_disk: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Calls that found room took effect, no others did, and failed calls succeed with more room."""
    data_dir = small_disk / "registry"
    moto_ecr_ext.install(data_dir=data_dir)
    client = Client(server)
    failures = 0
    for number in range(12):
        scenario = Scenario(client, number)
        steps = list(scenario.steps())
        for position, step in enumerate(steps):
            if position == number:
                filler = fill(small_disk)
                answer = step()
                filler.unlink()
                if answer.ok:
                    continue
                failures += 1
                assert is_refused_well(answer)
            assert step().ok
        scenario.check()
    start_again(data_dir)
    assert failures > 3
    assert list(find_damage(current_store())) == []


def test_pushing_until_the_disk_is_full(server: Environment, small_disk: Path) -> None:
    """The layer that does not fit is refused, those before are kept, and it fits once one of them is deleted."""
    moto_ecr_ext.install(data_dir=small_disk / "registry")
    client = Client(server)
    assert client.call("CreateRepository", repositoryName="app").ok

    def push(content: bytes) -> requests.Response:
        target = f"/v2/app/blobs/uploads/?digest={Digest.of(content)}"
        return client.ask("POST", target, data=content)

    pushed = []
    content = b""
    for number in range(17):
        content = random.Random(number).randbytes(1 << 20)
        answer = push(content)
        if not answer.ok:
            assert is_refused_well(answer)
            break
        pushed.append(content)
    assert 5 < len(pushed) < 17
    for each in pushed:
        assert client.ask("GET", f"/v2/app/blobs/{Digest.of(each)}").content == each
    assert list(find_damage(current_store())) == []

    for each in pushed[:2]:
        assert client.ask("DELETE", f"/v2/app/blobs/{Digest.of(each)}").status_code == 202
    assert push(content).status_code == 201
    assert client.ask("GET", f"/v2/app/blobs/{Digest.of(content)}").content == content
