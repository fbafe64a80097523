"""Damage on disk: how it is served, what `--check` reports, and what `--repair` leaves."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select

import moto_ecr_ext
from moto_ecr_ext import testing
from moto_ecr_ext.models.lookup import registry_backend
from moto_ecr_ext.storage.integrity import Damage, find_damage
from moto_ecr_ext.storage.rows import tables
from moto_ecr_ext.storage.store import close_current_store, current_store
from support.commands import environment, running_server, script
from support.constants import ACCOUNT, REGION
from support.environments import Environment
from support.platforms import needs_shared_directories

pytestmark = [pytest.mark.once, pytest.mark.platform]

IMAGE = testing.build_image(seed=1, layers=2, layer_size=100_000)
LAYER = IMAGE.layers[0]
NAME = f"{ACCOUNT}/{REGION}/app@{IMAGE.digest}"
INCOMPLETE = Damage("incomplete image", NAME, lacks=[LAYER.digest])


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "registry"


@pytest.fixture
def ecr(server: Environment, data_dir: Path) -> Iterator[Any]:
    """A client of a server in this process, on a directory that has an image."""
    moto_ecr_ext.install(data_dir=data_dir)
    ecr = server.client()
    ecr.create_repository(repositoryName="app")
    testing.push(ecr, "app", IMAGE, tag="1.0")
    yield ecr
    moto_ecr_ext.install()
    close_current_store()


def path_of(data_dir: Path, digest: str) -> Path:
    algorithm, _, encoded = digest.partition(":")
    return data_dir / "blobs" / algorithm / encoded[:2] / encoded


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x10
    path.write_bytes(content)


def cut(path: Path) -> None:
    os.truncate(path, 10)


def append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"x")


def contents(image: testing.Image) -> list[bytes]:
    return [blob.content for blob in image.blobs]


DAMAGE = [flip_a_bit, cut, append]


def summary(found: list[Damage]) -> list[tuple[str, str, list[str]]]:
    return [(finding.kind, finding.name, list(finding.images)) for finding in found]


def change_rows(data_dir: Path, statement: str, *values: object) -> None:
    with sqlite3.connect(data_dir / "registry.sqlite") as connection:
        connection.execute(statement, values)
    connection.close()


class TestServing:
    """A damaged blob is never served as good."""

    @pytest.mark.parametrize("damage", [*DAMAGE, os.unlink])
    @pytest.mark.parametrize("restarts", [False, True])
    def test_a_damaged_blob_is_missing(
        self,
        server: Environment,
        ecr: Any,
        data_dir: Path,
        damage: Callable[[Path], None],
        restarts: bool,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """No byte of a damaged blob is served, whole, in part, or by a URL; other layers are."""
        url = ecr.get_download_url_for_layer(repositoryName="app", layerDigest=LAYER.digest)[
            "downloadUrl"
        ]
        registry = server.registry()
        assert registry.get(url).content == LAYER.content
        damage(path_of(data_dir, LAYER.digest))
        if restarts:
            close_current_store()
            moto_ecr_ext.install(data_dir=data_dir)

        path = f"/v2/app/blobs/{LAYER.digest}"
        for answer in (
            registry.get(path),
            registry.get(path, headers={"Range": "bytes=0-9"}),
            registry.get(url),
        ):
            assert answer.status_code == 404
            assert answer.json()["errors"][0]["code"] == "BLOB_UNKNOWN"
        assert registry.head(path).status_code == 404
        if damage is not os.unlink:
            assert f"Blob {LAYER.digest} is damaged" in caplog.text
        other = IMAGE.layers[1]
        assert registry.get(f"/v2/app/blobs/{other.digest}").content == other.content

    @pytest.mark.parametrize("damage", [*DAMAGE, os.unlink])
    def test_a_push_heals(
        self,
        server: Environment,
        ecr: Any,
        data_dir: Path,
        damage: Callable[[Path], None],
    ) -> None:
        """A client that finds the layer missing pushes it again, and then it is served."""
        damage(path_of(data_dir, LAYER.digest))
        registry = server.registry()
        path = f"/v2/app/blobs/{LAYER.digest}"
        assert registry.head(path).status_code == 404
        pushed = registry.post(f"/v2/app/blobs/uploads/?digest={LAYER.digest}", data=LAYER.content)
        assert pushed.status_code == 201
        assert registry.get(path).content == LAYER.content
        assert list(find_damage(current_store())) == []


class TestFindings:
    """Each kind of damage is found and repaired, in every kind of store."""

    @pytest.fixture(params=["directory", "memory", "s3"])
    def backend(
        self, request: pytest.FixtureRequest, data_dir: Path, monkeypatch: pytest.MonkeyPatch
    ) -> Iterator[Any]:
        """A registry with an image."""
        where = {"data_dir": str(data_dir)} if request.param == "directory" else {}
        if request.param == "s3":
            server = request.getfixturevalue("moto_s3")
            for name, value in server.variables.items():
                monkeypatch.setenv(name, value)
            where = {
                "database": f"sqlite:///{data_dir.parent}/rows.sqlite",
                "blobs": server.new_bucket().url,
            }
        with moto_ecr_ext.install(**where):
            backend = registry_backend(ACCOUNT, REGION)
            backend.create_repository("app")
            for blob in IMAGE.blobs:
                upload_id = backend.start_upload("app").id
                with backend.open_upload("app", upload_id) as upload:
                    upload.append(blob.content)
                    upload.commit([blob.digest])
            backend.put_image("app", IMAGE.manifest.decode(), image_tag="1.0")
            yield backend
        close_current_store()

    def repaired(self, *remaining: Damage) -> list[tuple[str, str, list[str]]]:
        """Return the damage that is found, after a check that its repair leaves only what remains."""
        store = current_store()
        found = list(find_damage(store))
        for finding in found:
            assert finding.repair is not None
            finding.repair()
        assert list(find_damage(store)) == [*remaining]
        return summary(found)

    def held(self) -> set[str]:
        with current_store().database.read() as transaction:
            return set(
                transaction.connection.execute(select(tables.repository_blobs.c.digest)).scalars()
            )

    def test_nothing(self, backend: Any) -> None:
        """A sound registry has no findings."""
        assert list(find_damage(current_store())) == []

    def test_a_missing_blob(self, backend: Any) -> None:
        """A missing blob is removed from the repository; the image remains, and is whole after a push."""
        current_store().blobs.delete(LAYER.digest)
        assert self.repaired(INCOMPLETE) == [("missing blob", LAYER.digest, [NAME])]
        assert LAYER.digest not in self.held()
        (details,) = backend.describe_images("app")["imageDetails"]
        assert details.image_digest == IMAGE.digest

    def test_an_image_without_its_layers(self, backend: Any) -> None:
        """An image that was put before its layers is incomplete, in its repository alone."""
        backend.create_repository("other")
        backend.put_image("other", IMAGE.manifest.decode(), image_tag="1.0")
        (found,) = find_damage(current_store())
        assert str(found).splitlines() == [
            f"incomplete image: {ACCOUNT}/{REGION}/other@{IMAGE.digest}",
            *(f"  lacks {digest}" for digest in sorted(blob.digest for blob in IMAGE.blobs)),
        ]
        assert found.repair is None

    def test_a_layer_that_no_registry_holds(self, backend: Any) -> None:
        """A layer that is found at other URLs is not missing."""
        manifest = json.loads(IMAGE.manifest)
        layer = manifest["layers"][0]
        layer["mediaType"] = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
        layer["digest"] = f"sha256:{'0' * 64}"
        backend.put_image("app", json.dumps(manifest), image_tag="windows")
        assert list(find_damage(current_store())) == []

    def test_other_bytes(self, backend: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """A blob of other bytes is removed, also from the repository."""
        store = current_store()
        store.blobs.delete(LAYER.digest)
        upload_id = str(uuid4())
        with store.blobs.upload(upload_id) as session:
            session.append(b"other bytes")
            # Past what compares them with the digest.
            monkeypatch.setattr(session, "digest", lambda algorithm: LAYER.digest)
            session.commit(LAYER.digest)
        assert self.repaired(INCOMPLETE) == [("damaged blob", LAYER.digest, [NAME])]
        assert LAYER.digest not in self.held()
        assert LAYER.digest not in set(store.blobs.digests())

    def test_a_wrong_size(self, backend: Any) -> None:
        """If the bytes have the digest, the row is repaired."""
        with current_store().database.write() as transaction:
            transaction.connection.execute(
                tables.repository_blobs.update()
                .where(tables.repository_blobs.c.digest == LAYER.digest)
                .values(size=7)
            )
        assert self.repaired() == [("wrong size", LAYER.digest, [NAME])]
        with backend.open_blob("app", LAYER.digest) as blob:
            assert blob.size == len(LAYER.content)

    def test_a_damaged_manifest(self, backend: Any) -> None:
        """A damaged manifest is removed with its image; its layers remain for the next push."""
        with current_store().database.write() as transaction:
            transaction.connection.execute(tables.images.update().values(manifest=b"{}"))
        assert self.repaired() == [("damaged manifest", IMAGE.digest, [NAME])]
        assert backend.describe_images("app")["imageDetails"] == []
        assert self.held() == {blob.digest for blob in IMAGE.blobs}
        backend.put_image("app", IMAGE.manifest.decode(), image_tag="1.0")

    def test_orphans(self, backend: Any) -> None:
        """Bytes that belong to no repository and no upload are removed."""
        store = current_store()
        content = b"of no repository"
        upload_id = str(uuid4())
        with store.blobs.upload(str(uuid4())) as session:
            session.append(content)
            digest = session.digest()
            session.commit(digest)
        with store.blobs.upload(upload_id) as session:
            session.append(content)
        assert self.repaired() == [
            ("orphaned blob", digest, []),
            ("orphaned upload", upload_id, []),
        ]
        assert digest not in set(store.blobs.digests())
        assert list(store.blobs.upload_ids()) == []

    def test_an_upload_that_lost_bytes(self, backend: Any) -> None:
        """A power cut may take acknowledged parts; the upload is forgotten then."""
        upload_id = backend.start_upload("app").id
        with backend.open_upload("app", upload_id) as upload:
            upload.append(b"some bytes")
            upload.acknowledge()
        with current_store().blobs.upload(upload_id) as session:
            session.resume_at(4)
        assert self.repaired() == [("truncated upload", upload_id, [])]
        with pytest.raises(Exception, match="upload"):
            backend.find_upload("app", upload_id)

    def test_an_upload_in_progress(self, backend: Any) -> None:
        """An upload that has all acknowledged bytes is sound, also with more, or with none."""
        backend.start_upload("app")
        upload_id = backend.start_upload("app").id
        with backend.open_upload("app", upload_id) as upload:
            upload.append(b"some bytes")
            upload.acknowledge()
            upload.append(b"not acknowledged")
        assert list(find_damage(current_store())) == []


def test_an_upload_that_lost_bytes_vanishes(server: Environment, ecr: Any, data_dir: Path) -> None:
    """An upload that lost acknowledged parts in a power cut is refused: the client must begin anew."""
    registry = server.registry()
    location = registry.post("/v2/app/blobs/uploads/").headers["Location"]
    registry.patch(location, data=b"some bytes")
    (path,) = (data_dir / "uploads").iterdir()
    os.truncate(path, 3)

    answer = registry.patch(location, data=b"more")

    assert answer.status_code == 404
    assert answer.json()["errors"][0]["code"] == "BLOB_UPLOAD_UNKNOWN"
    assert list((data_dir / "uploads").iterdir()) == []
    assert list(find_damage(current_store())) == []


def run(data_dir: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [script("moto_ecr_server"), "--data-dir", str(data_dir), *flags],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


class TestCommand:
    """`moto_ecr_server --check` and `--repair`, and what they share with Python."""

    @pytest.fixture
    def stopped(self, ecr: Any, data_dir: Path) -> Path:
        """The directory, which no server uses."""
        close_current_store()
        return data_dir

    def test_nothing_is_wrong(self, stopped: Path) -> None:
        """The check reports that nothing is wrong, with exit status 0."""
        ran = run(stopped, "--check")
        assert (ran.returncode, ran.stdout) == (0, "Nothing is wrong.\n")

    def test_check_and_repair(self, stopped: Path) -> None:
        """--check changes nothing; --repair removes the layer. Both name the images that lack it then."""
        flip_a_bit(path_of(stopped, LAYER.digest))
        said = f"damaged blob: {LAYER.digest}\n  in {NAME}\n"
        for _ in range(2):
            ran = run(stopped, "--check")
            assert (ran.returncode, ran.stdout) == (1, said)
            assert path_of(stopped, LAYER.digest).exists()

        ran = run(stopped, "--repair")
        left = f"{INCOMPLETE}\nAn incomplete image is whole again after its next push.\n"
        assert (ran.returncode, ran.stdout) == (1, f"{said}  repaired\n{left}")
        assert not path_of(stopped, LAYER.digest).exists()
        ran = run(stopped, "--check")
        assert (ran.returncode, ran.stdout) == (1, left)

    def test_repair_of_leftovers(self, stopped: Path) -> None:
        """--repair ends with 0 when no image is incomplete."""
        upload_id = str(uuid4())
        (stopped / "uploads" / upload_id).write_bytes(b"x")
        ran = run(stopped, "--repair")
        assert (ran.returncode, ran.stdout) == (0, f"orphaned upload: {upload_id}\n  repaired\n")
        assert run(stopped, "--check").returncode == 0

    def test_a_push_after_a_repair(self, stopped: Path, server: Environment) -> None:
        """The image, which has remained, is whole again; its tag and the time of its push are those of before."""
        moto_ecr_ext.install(data_dir=stopped)
        ecr = server.client()
        (before,) = ecr.describe_images(repositoryName="app")["imageDetails"]
        close_current_store()
        flip_a_bit(path_of(stopped, LAYER.digest))
        run(stopped, "--repair")

        moto_ecr_ext.install(data_dir=stopped)
        (layer,) = ecr.batch_check_layer_availability(
            repositoryName="app", layerDigests=[LAYER.digest]
        )["layers"]
        assert layer["layerAvailability"] == "UNAVAILABLE"
        testing.upload_blob(ecr, "app", LAYER)
        assert ecr.describe_images(repositoryName="app")["imageDetails"] == [before]
        assert contents(testing.pull(ecr, "app", "1.0")) == contents(IMAGE)
        assert list(find_damage(current_store())) == []

    def test_from_python(self, stopped: Path) -> None:
        """`check` and `repair` return the findings that the flags print."""
        path_of(stopped, LAYER.digest).unlink()
        expected = [Damage("missing blob", LAYER.digest, [NAME])]
        assert [
            dataclasses.replace(each, repair=None) for each in moto_ecr_ext.check(stopped)
        ] == expected
        assert moto_ecr_ext.repair(data_dir=str(stopped)) == [*expected, INCOMPLETE]
        assert moto_ecr_ext.check(stopped) == [INCOMPLETE]

    def test_check_removes_no_orphans(self, stopped: Path) -> None:
        """Leftovers of a killed server are found; --check leaves them to the next start."""
        upload_id = str(uuid4())
        (stopped / "uploads" / upload_id).write_bytes(b"x")
        for _ in range(2):
            ran = run(stopped, "--check")
            assert (ran.returncode, ran.stdout) == (1, f"orphaned upload: {upload_id}\n")

    def test_a_damaged_database(self, stopped: Path) -> None:
        """Rows that contradict one another are reported, and not repaired."""
        change_rows(stopped, "UPDATE tags SET image_id = 99")
        for flag in ("--check", "--repair"):
            ran = run(stopped, flag)
            assert ran.returncode == 1
            assert ran.stdout == "damaged database: row 1 of tags lacks its row in images\n"

    @pytest.mark.parametrize("flag", ["--check", "--repair"])
    def test_a_database_that_cannot_be_read(self, stopped: Path, flag: str) -> None:
        """A refusal of SQLite is reported in one line, and nothing is removed."""
        path = stopped / "registry.sqlite"
        content = path.read_bytes()
        # All pages but the first, which has the schema, and those that were opened with it.
        path.write_bytes(content[: 3 * 4096] + b"\x55" * (len(content) - 3 * 4096))
        ran = run(stopped, flag)
        assert (ran.returncode, ran.stdout) == (2, "")
        assert ran.stderr == (
            f"moto_ecr_server: {path} cannot be opened: database disk image is malformed\n"
        )
        assert path_of(stopped, LAYER.digest).exists()

    @pytest.mark.parametrize("content", [None, b"not a database" * 1000])
    def test_what_cannot_be_opened(self, data_dir: Path, content: bytes | None) -> None:
        """A missing or malformed directory ends the command with status 2 and one line, and creates nothing."""
        if content is not None:
            data_dir.mkdir()
            (data_dir / "registry.sqlite").write_bytes(content)
        ran = run(data_dir, "--check")
        assert ran.returncode == 2
        assert ran.stdout == ""
        assert str(data_dir) in ran.stderr
        assert "Traceback" not in ran.stderr
        assert data_dir.exists() == (content is not None)

    @needs_shared_directories
    def test_beside_a_running_server(self, data_dir: Path) -> None:
        """A check sees the data of a running server; the server sees the repair."""
        with running_server("--data-dir", str(data_dir)) as server:
            ecr = server.client()
            ecr.create_repository(repositoryName="app")
            testing.push(ecr, "app", IMAGE, tag="1.0")
            assert run(data_dir, "--check").returncode == 0
            flip_a_bit(path_of(data_dir, LAYER.digest))
            assert run(data_dir, "--repair").returncode == 1

            testing.upload_blob(ecr, "app", LAYER)
            assert contents(testing.pull(ecr, "app", "1.0")) == contents(IMAGE)
            assert run(data_dir, "--check").returncode == 0
            server.command.stop(signal.SIGTERM)
