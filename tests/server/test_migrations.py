"""Data of earlier versions: it is there, and the tables are those of this version."""

from __future__ import annotations

import hashlib
import json
import signal
import sqlite3
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from sqlalchemy import JSON, Connection, NullPool, column, create_engine, inspect, table

from moto_ecr_ext import testing
from moto_ecr_ext.settings import StoreLocation
from moto_ecr_ext.storage.database.versions import SchemaVersionError
from moto_ecr_ext.storage.rows import tables
from moto_ecr_ext.storage.store import Store
from support.commands import Server, environment, running_server

KEPT = Path(__file__).with_name("data_directories")
VERSIONS = sorted(int(path.name.partition(".")[0]) for path in KEPT.glob("*.tar.gz"))
CHUNK = b"the first bytes of a blob"
POSTGRESQL_SCHEMA = """
    SELECT 'column', table_name, column_name, data_type, collation_name, is_nullable, column_default
    FROM information_schema.columns WHERE table_schema = 'public'
    UNION ALL
    SELECT 'index', tablename, indexname, indexdef, NULL, NULL, NULL
    FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL
    SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid), NULL, NULL, NULL
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace
"""


@dataclass
class Kept:
    """Data on one engine, and how to look at it past the package."""

    location: StoreLocation
    url: str
    query: Callable[[str], list[Any]]

    @property
    def flags(self) -> list[str]:
        """The settings that start a server on it."""
        if self.location.data_dir:
            return ["--data-dir", str(self.location.data_dir)]
        return ["--database", str(self.location.database), "--blobs", str(self.location.blobs)]

    @property
    def version(self) -> int:
        """The version that its tables have."""
        ((value,),) = self.query("SELECT value FROM store WHERE name = 'schema_version'")
        return int(value)

    def schema(self) -> list[Any]:
        """Every column, index and constraint, in an order of names."""
        if self.location.database:
            return sorted(map(str, self.query(POSTGRESQL_SCHEMA)))
        found = []
        for _, name, kind, columns, without_row_id, _ in self.query("PRAGMA table_list"):
            if kind != "table" or name.startswith("sqlite_"):
                continue
            found.append((name, columns, without_row_id))
            found += [(name, *rest) for _, *rest in self.query(f"PRAGMA table_xinfo({name})")]
            found += [(name, *each) for each in self.query(f"PRAGMA foreign_key_list({name})")]
            for _, index, *about in self.query(f"PRAGMA index_list({name})"):
                found.append((name, index, about, self.query(f"PRAGMA index_xinfo({index})")))
        numbered = self.query("SELECT name FROM sqlite_schema WHERE sql LIKE '%AUTOINCREMENT%'")
        return sorted(map(str, [*found, *numbered]))

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """SQLAlchemy's connection, past the package."""
        with create_engine(self.url, poolclass=NullPool).connect() as connection:
            yield connection

    def rows(self) -> dict[str, list[Any]]:
        """Everything in every table."""
        with self.connect() as connection:
            return {
                name: sorted(map(str, connection.exec_driver_sql(f"SELECT * FROM {name}")))
                for name in inspect(connection).get_table_names()
            }


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def new(engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Kept]:
    """Makes an empty place for data."""
    directories = (tmp_path / f"registry-{number}" for number in range(3))

    def in_sqlite() -> Kept:
        path = next(directories)
        path.mkdir()

        def query(text: str) -> list[Any]:
            with closing(sqlite3.connect(path / "registry.sqlite")) as connection:
                return connection.execute(text).fetchall()

        return Kept(StoreLocation(path), f"sqlite:///{path / 'registry.sqlite'}", query)

    def in_postgresql() -> Kept:
        cluster = request.getfixturevalue("postgresql")
        name = cluster.create_database()
        path = next(directories)
        path.mkdir()

        def query(text: str) -> list[Any]:
            with cluster.connect(name) as connection:
                cursor = connection.execute(text)
                return cursor.fetchall() if cursor.description else []

        url = cluster.url(name)
        return Kept(StoreLocation(database=url, blobs=str(path)), url, query)

    return in_sqlite if engine == "sqlite" else in_postgresql


@pytest.fixture(params=VERSIONS)
def kept(engine: str, new: Callable[[], Kept], request: pytest.FixtureRequest) -> Kept:
    """The unpacked data directory of an earlier version."""
    kept = new()
    directory = Path(kept.location.data_dir or str(kept.location.blobs))
    with tarfile.open(KEPT / f"{request.param}.tar.gz") as archive:
        archive.extractall(directory, filter="data")
    if engine == "postgresql":
        (directory / "registry.sqlite").unlink()
        kept.query((KEPT / f"{request.param}.sql").read_text())
    assert kept.version == request.param
    return kept


def recording_of(kept: Kept) -> Path:
    """The file of what the API said about it."""
    return Path(kept.location.data_dir or str(kept.location.blobs), "answers.json")


def answers_of(kept: Kept) -> Any:
    return json.loads(recording_of(kept).read_text())


@contextmanager
def running_server_of(kept: Kept) -> Iterator[Server]:
    """A server that goes on from the time of the recording: a day later, its lifecycle policy is due."""
    recorded_at = datetime.fromtimestamp(recording_of(kept).stat().st_mtime, timezone.utc)
    with running_server(*kept.flags, clock=recorded_at) as server:
        yield server


def assert_says(answer: Any, before: Any, where: str) -> None:
    """The answer has all that it had before; a later version may add members."""
    if isinstance(before, dict):
        for name, value in before.items():
            assert name in answer, where
            assert_says(answer[name], value, f"{where}.{name}")
    elif isinstance(before, list):
        assert len(answer) == len(before), where
        for index, value in enumerate(before):
            assert_says(answer[index], value, f"{where}[{index}]")
    else:
        assert answer == before, where


def test_everything_is_there(kept: Kept) -> None:
    """Settings, images and what refers to them, layers, and an upload, which goes on."""
    recorded = answers_of(kept)
    with running_server_of(kept) as server:
        ecr = server.client()
        for operation, parameters, before in recorded["answers"]:
            answer = json.loads(json.dumps(getattr(ecr, operation)(**parameters), default=str))
            assert_says(answer, before, operation)

        assert_can_be_pulled(server)
        rest = b", and the last"
        digest = "sha256:" + hashlib.sha256(CHUNK + rest).hexdigest()
        answer = server.registry("PUT", f"{recorded['session']}?digest={digest}", data=rest)
        assert answer.status_code == 201
        blob = server.registry("GET", f"/v2/team/app/blobs/{digest}")
        assert blob.content == CHUNK + rest

        testing.push(ecr, "empty", testing.build_image(seed="new"), tag="new")
        assert testing.pull(ecr, "empty", "new")
    assert kept.version == tables.SCHEMA_VERSION


def assert_can_be_pulled(server: Server) -> None:
    """Every active image, with what lists it and what refers to it."""
    ecr = server.client()
    assert testing.pull(ecr, "team/app", "1.0").blobs
    assert len(testing.pull(ecr, "team/app", "all").images) == 2
    subject = ecr.batch_get_image(repositoryName="team/app", imageIds=[{"imageTag": "1.0"}])
    digest = subject["images"][0]["imageId"]["imageDigest"]
    (referrer,) = server.registry("GET", f"/v2/team/app/referrers/{digest}").json()["manifests"]
    assert referrer["artifactType"] == "application/spdx+json"
    assert testing.pull(ecr, "team/app", referrer["digest"]).blobs


def test_the_tables_are_those_of_a_new_database(kept: Kept, new: Callable[[], Kept]) -> None:
    """To the last index. What a migration lacks is printed as Alembic would write it."""
    fresh = new()
    for each in (kept, fresh):
        Store.open(each.location).close()

    assert lacking(kept) == ""
    assert kept.schema() == fresh.schema()


def lacking(kept: Kept) -> str:
    """The operations that would make the tables those of this version; none is an empty text."""
    from alembic.autogenerate import produce_migrations, render_python_code
    from alembic.migration import MigrationContext

    with kept.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        operations = produce_migrations(context, tables.metadata).upgrade_ops
        assert operations is not None
        return "" if operations.is_empty() else render_python_code(operations)


def test_rows_stay_together(kept: Kept) -> None:
    """No row refers to one that is not there."""
    Store.open(kept.location).close()

    if kept.location.data_dir:
        assert kept.query("PRAGMA foreign_key_check") == []
        assert kept.query("PRAGMA integrity_check") == [("ok",)]
    # PostgreSQL never lets it be otherwise.
    assert kept.query("SELECT count(*) FROM images")[0][0] == 6


def previewed(number: int, tags: list[str], action: dict[str, str]) -> dict[str, Any]:
    """A result as a preview of version 2 has it."""
    return {
        "imageTags": tags,
        "imageDigest": f"sha256:{number:064x}",
        "imagePushedAt": 1.5e9 + number,
        "action": action,
        "appliedRulePriority": number or None,
        "storageClass": "STANDARD",
    }


def test_previews_stay(kept: Kept) -> None:
    """The results of an earlier version's preview are answered as before, in pages and by filters and identifiers."""
    archive = {"type": "TRANSITION", "targetStorageClass": "ARCHIVE"}
    results = [
        previewed(0, ["a", "b"], {"type": "EXPIRE"}),
        previewed(1, [], archive),
        previewed(2, ["c"], {"type": "EXPIRE"}),
    ]
    [(app,)] = kept.query("SELECT id FROM repositories WHERE name = 'team/app'")
    with kept.connect() as connection, connection.begin():
        before = table(
            "lifecycle_previews",
            *map(column, ("repository_id", "policy", "status", "started_at", "times_seen")),
            column("results", JSON),
        )
        row = {"repository_id": app, "policy": "{}", "status": "COMPLETE", "started_at": 1.6e9}
        connection.execute(before.insert(), {**row, "times_seen": 1, "results": results})

    with running_server_of(kept) as server:
        preview = partial(server.client().get_lifecycle_policy_preview, repositoryName="team/app")
        first = preview(maxResults=2)
        second = preview(maxResults=2, nextToken=first["nextToken"])
        answered = first["previewResults"] + second["previewResults"]
        untagged = preview(filter={"tagStatus": "UNTAGGED"})["previewResults"]
        by_tag = preview(imageIds=[{"imageTag": "b"}])["previewResults"]

    for each in answered:
        each["imagePushedAt"] = each["imagePushedAt"].timestamp()
        each.setdefault("appliedRulePriority", None)
    assert answered == results
    assert [each["imageDigest"] for each in untagged] == [results[1]["imageDigest"]]
    assert [each["imageDigest"] for each in by_tag] == [results[0]["imageDigest"]]
    assert (first["lifecyclePolicyText"], first["status"]) == ("{}", "COMPLETE")
    assert first["summary"] == {
        "expiringImageTotalCount": 2,
        "transitioningImageTotalCounts": [{"targetStorageClass": "ARCHIVE", "imageTotalCount": 1}],
    }


def test_a_killed_migration_changes_nothing(kept: Kept) -> None:
    """The process ends when all tables are changed and nothing is committed."""
    text = """
        import os, signal, sys
        from pathlib import Path
        from moto_ecr_ext.settings import StoreLocation
        from moto_ecr_ext.storage.database import migrations
        from moto_ecr_ext.storage.store import Store

        migrate = migrations.migrate

        def migrate_and_die(*arguments):
            migrate(*arguments)
            os.kill(os.getpid(), signal.SIGKILL)

        migrations.migrate = migrate_and_die
        data_dir, database, blobs = (each or None for each in sys.argv[1:])
        Store.open(StoreLocation(data_dir and Path(data_dir), database, blobs))
        """
    location = kept.location
    places = [location.data_dir, location.database, location.blobs]
    version, rows, schema = kept.version, kept.rows(), kept.schema()

    process = subprocess.run(
        [sys.executable, "-c", dedent(text), *(str(each or "") for each in places)],
        env=environment(),
    )

    assert process.returncode == -signal.SIGKILL
    assert (kept.version, kept.rows(), kept.schema()) == (version, rows, schema)
    Store.open(location).close()
    assert kept.version == tables.SCHEMA_VERSION


def test_servers_that_start_together_migrate_once(kept: Kept) -> None:
    """The second finds the work done."""
    with ExitStack() as stack:
        with ThreadPoolExecutor(2) as threads:
            started = [
                threads.submit(stack.enter_context, running_server_of(kept)) for _ in range(2)
            ]
        for each in started:
            assert_can_be_pulled(each.result())


def test_a_newer_schema_is_refused_and_left_alone(new: Callable[[], Kept]) -> None:
    """The data of a later version is named in a sentence; no row of it changes."""
    kept = new()
    Store.open(kept.location).close()
    newer = tables.SCHEMA_VERSION + 1
    with kept.connect() as connection, connection.begin():
        connection.execute(
            tables.store.update().where(tables.store.c.name == "schema_version"),
            {"value": str(newer)},
        )
    rows, schema = kept.rows(), kept.schema()

    with pytest.raises(SchemaVersionError, match=rf"\(schema version {newer}; this one knows"):
        Store.open(kept.location)

    assert (kept.rows(), kept.schema()) == (rows, schema)
