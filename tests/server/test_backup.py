"""`moto_ecr_server --backup DIR`: a copy of a data directory, also while clients push to it."""

from __future__ import annotations

import errno
import os
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
import requests

import moto_ecr_ext
from moto_ecr_ext import testing
from moto_ecr_ext.server import backup as server_backup
from moto_ecr_ext.settings import StoreLocation
from moto_ecr_ext.storage.database.versions import StoreError
from support.commands import PATIENCE, Server, environment, running_server, script

# Nothing here depends on a library.
pytestmark = pytest.mark.once

# Backups that are made while clients push and delete.
ROUNDS = 5


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "registry"


@pytest.fixture
def server(data_dir: Path) -> Iterator[Server]:
    with running_server("--data-dir", str(data_dir)) as running:
        running.client().create_repository(repositoryName="app")
        yield running


def back_up(target: Path, *flags: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [script("moto_ecr_server"), "--backup", str(target), *map(str, flags)],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def images_in(data_dir: Path) -> dict[str, testing.Image | testing.Index]:
    """Every image that a server of this directory has, by its tag, pulled with all its layers."""
    with running_server("--data-dir", str(data_dir)) as server:
        ecr = server.client()
        pages = ecr.get_paginator("list_images").paginate(repositoryName="app")
        tags = [each["imageTag"] for page in pages for each in page["imageIds"]]
        return {tag: testing.pull(ecr, "app", tag) for tag in tags}


def blobs_in(data_dir: Path) -> list[Path]:
    return [each for each in (data_dir / "blobs").rglob("*") if each.is_file()]


def test_a_backup(server: Server, data_dir: Path, tmp_path: Path) -> None:
    """The copy is a data directory with all data; logins are valid there too."""
    image = testing.build_image(layers=3)
    testing.push(server.client(), "app", image, tag="1.0")
    copy = tmp_path / "copy"

    done = back_up(copy, "--data-dir", data_dir)

    size = sum(each.size for each in (image.config, *image.layers))
    assert (done.returncode, done.stdout) == (0, f"{copy} has 4 blobs, {size} bytes.\n")
    assert done.stderr == "Blobs: 4 of 4 blobs\n"
    assert moto_ecr_ext.check(copy) == []
    with running_server("--data-dir", str(copy)) as restored:
        assert restored.registry("GET", "/v2/", password=server.password).status_code == 200
        assert testing.pull(restored.client(), "app", "1.0").digest == image.digest


def test_the_copy_is_its_own(server: Server, data_dir: Path, tmp_path: Path) -> None:
    """Later changes of the data directory do not change the copy."""
    testing.push(server.client(), "app", testing.build_image(), tag="1.0")
    assert back_up(tmp_path / "copy", "--data-dir", data_dir).returncode == 0
    server.reset()
    assert blobs_in(data_dir) == []
    assert moto_ecr_ext.check(tmp_path / "copy") == []
    assert list(images_in(tmp_path / "copy")) == ["1.0"]


def test_while_clients_push_and_delete(server: Server, data_dir: Path, tmp_path: Path) -> None:
    """Each image that a copy lists is whole, whatever is pushed, deleted and freed meanwhile."""
    ecr = server.client()
    testing.push(ecr, "app", testing.build_image(seed="base"), tag="base")
    is_done, has_begun = Event(), Event()

    def push_and_delete() -> None:
        turn = 0
        while not is_done.is_set():
            image = testing.build_image(seed=turn, layers=4, layer_size=50_000)
            testing.push(ecr, "app", image, tag=f"turn-{turn}")
            if turn >= 2:
                ecr.batch_delete_image(
                    repositoryName="app", imageIds=[{"imageTag": f"turn-{turn - 2}"}]
                )
                has_begun.set()
            turn += 1

    copies = [tmp_path / f"copy-{number}" for number in range(ROUNDS)]
    worker = Thread(target=push_and_delete)
    worker.start()
    try:
        assert has_begun.wait(PATIENCE)
        done = [back_up(copy, "--data-dir", data_dir).returncode for copy in copies]
    finally:
        is_done.set()
        worker.join()

    assert done == [0] * ROUNDS
    assert [moto_ecr_ext.check(copy) for copy in copies] == [[]] * ROUNDS
    assert "base" in images_in(copies[-1])


def test_unfinished_uploads_are_left_out(server: Server, data_dir: Path, tmp_path: Path) -> None:
    """The copy has no part of an upload, and its session does not exist there."""
    location = server.registry("POST", "/v2/app/blobs/uploads/").headers["Location"]
    server.registry("PATCH", location, data=b"part").raise_for_status()
    copy = tmp_path / "copy"

    assert back_up(copy, "--data-dir", data_dir).returncode == 0

    assert moto_ecr_ext.check(copy) == []
    with closing(sqlite3.connect(copy / "registry.sqlite")) as database:
        assert database.execute("SELECT count(*) FROM uploads").fetchone() == (0,)
    answer = server.registry("PATCH", location, data=b" and the rest")
    assert answer.status_code == 202


def other_file_system(directory: Path) -> bool:
    shared = Path("/dev/shm")
    return shared.is_dir() and shared.stat().st_dev != directory.stat().st_dev


def test_another_file_system(server: Server, data_dir: Path, tmp_path: Path) -> None:
    """A blob that cannot be linked is copied, readable only by its owner."""
    if not other_file_system(data_dir):
        pytest.skip("this machine has no second file system at /dev/shm")
    testing.push(server.client(), "app", testing.build_image(), tag="1.0")
    copy = Path("/dev/shm", f"moto-ecr-ext-{os.getpid()}-{tmp_path.name}")
    try:
        assert back_up(copy, "--data-dir", data_dir).returncode == 0
        assert moto_ecr_ext.check(copy) == []
        assert {each.stat().st_mode & 0o777 for each in blobs_in(copy)} == {0o600}
    finally:
        subprocess.run(["rm", "-rf", copy], check=True)


def test_a_missing_blob(server: Server, data_dir: Path, tmp_path: Path) -> None:
    """Missing blobs are named, and the exit status is 1."""
    image = testing.build_image(layers=1)
    testing.push(server.client(), "app", image, tag="1.0")
    digest = image.layers[0].digest
    encoded = digest.partition(":")[2]
    (data_dir / "blobs" / "sha256" / encoded[:2] / encoded).unlink()

    done = back_up(tmp_path / "copy", "--data-dir", data_dir)

    assert done.returncode == 1
    assert f"missing blob: {digest}" in done.stdout
    assert [each.kind for each in moto_ecr_ext.check(tmp_path / "copy")] == ["missing blob"]


def test_an_incomplete_image(server: Server, data_dir: Path, tmp_path: Path) -> None:
    """An image whose layers its repository does not hold is named, and the exit status is 1."""
    image = testing.build_image(layers=0)
    server.client().put_image(repositoryName="app", imageManifest=image.manifest.decode())

    done = back_up(tmp_path / "copy", "--data-dir", data_dir)

    assert done.returncode == 1
    assert done.stdout.splitlines()[1:] == [
        f"incomplete image: 123456789012/us-east-1/app@{image.digest}",
        f"  lacks {image.config.digest}",
        "An incomplete image is whole again after its next push.",
    ]


def test_the_certificate_authority(data_dir: Path, tmp_path: Path) -> None:
    """Clients that trust the server with `--ssl` trust one of the copy, too; its key stays private."""
    copy = tmp_path / "copy"
    with running_server("--data-dir", str(data_dir), "--ssl"):
        assert back_up(copy, "--data-dir", data_dir).returncode == 0
    assert {each.name: each.stat().st_mode & 0o777 for each in (copy / "tls").iterdir()} == {
        "authority.pem": 0o600,
        "ca.crt": 0o644,
    }
    with running_server("--data-dir", str(copy), "--ssl") as restored:
        answer = requests.get(
            f"https://{restored.address}/v2/",
            verify=str(data_dir / "tls" / "ca.crt"),
            timeout=PATIENCE,
        )
        assert answer.status_code == 401


def test_blobs_elsewhere(tmp_path: Path) -> None:
    """A SQLite file and a directory of blobs are backed up as one data directory."""
    places: list[Any] = [
        "--database",
        f"sqlite:///{tmp_path / 'rows.sqlite'}",
        "--blobs",
        tmp_path / "blobs",
    ]
    with running_server(*map(str, places)) as server:
        server.client().create_repository(repositoryName="app")
        testing.push(server.client(), "app", testing.build_image(), tag="1.0")
        assert back_up(tmp_path / "copy", *places).returncode == 0
    assert moto_ecr_ext.check(tmp_path / "copy") == []
    assert list(images_in(tmp_path / "copy")) == ["1.0"]


def in_memory(tmp_path: Path) -> list[object]:
    return []


def nowhere(tmp_path: Path) -> list[object]:
    return ["--data-dir", tmp_path / "missing"]


def with_something(tmp_path: Path) -> list[object]:
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "file").write_text("kept")
    return ["--data-dir", a_registry(tmp_path)]


def with_a_file(tmp_path: Path) -> list[object]:
    (tmp_path / "copy").write_text("kept")
    return ["--data-dir", a_registry(tmp_path)]


def within_it(tmp_path: Path) -> list[object]:
    """A registry whose data directory the copy would be in."""
    with moto_ecr_ext.install(data_dir=tmp_path):
        from moto_ecr_ext.storage.store import current_store

        current_store()
    return ["--data-dir", tmp_path]


def with_another_task(tmp_path: Path) -> list[object]:
    return ["--data-dir", a_registry(tmp_path), "--check"]


def a_registry(tmp_path: Path) -> Path:
    with moto_ecr_ext.install(data_dir=tmp_path / "registry"):
        from moto_ecr_ext.storage.store import current_store

        current_store()
    return tmp_path / "registry"


def fail(error: BaseException) -> Any:
    def link(source: str, target: str) -> None:
        raise error

    return link


def test_a_copy_that_fails(
    server: Server, data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names the copy, and why it is incomplete."""
    testing.push(server.client(), "app", testing.build_image(), tag="1.0")
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "a blob")
    monkeypatch.setattr(os, "link", fail(full))
    copy = tmp_path / "copy"
    with pytest.raises(StoreError) as error:
        server_backup.back_up(StoreLocation(data_dir), copy)
    assert str(error.value) == (
        f"The copy in {copy} is incomplete: No space left on device (a blob). Remove it, and try again."
    )


def test_an_interrupted_copy(
    server: Server, data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An interrupted backup reports the incomplete copy."""
    testing.push(server.client(), "app", testing.build_image(), tag="1.0")
    monkeypatch.setattr(os, "link", fail(KeyboardInterrupt()))
    copy = tmp_path / "copy"
    with pytest.raises(KeyboardInterrupt, match=f"^The copy in {copy} is incomplete. Remove it.$"):
        server_backup.back_up(StoreLocation(data_dir), copy)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            in_memory,
            "Give --data-dir, or --database and --blobs: a registry in memory belongs to its process.",
        ),
        (nowhere, "There is no registry in "),
        (with_something, "copy is not empty. Give a directory that is empty or new."),
        (with_a_file, "copy is a file. Give a directory that is empty or new."),
        (within_it, "copy is in the data directory. Give a directory elsewhere."),
        (with_another_task, "--backup cannot be used with --check or --repair."),
    ],
)
def test_refusals(tmp_path: Path, make: Any, message: str) -> None:
    """An impossible backup is refused in one line and changes nothing."""
    flags = make(tmp_path)
    before = sorted(tmp_path.rglob("*"))

    done = back_up(tmp_path / "copy", *flags)

    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("moto_ecr_server: ")
    assert message in line
    assert sorted(tmp_path.rglob("*")) == before
