"""Data of earlier versions: all of it is kept, and the tables are those of the version that opens it.

The migrations of this package may change no rows. So that one which does is tested, the next version opens the data
too: `tests/support/next_version/` has a migration for it.
"""

from __future__ import annotations

import hashlib
import json
import signal
import sqlite3
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from sqlalchemy import Connection, NullPool, create_engine, inspect

from moto_ecr_ext import testing
from moto_ecr_ext.settings import StoreLocation
from moto_ecr_ext.storage.database.versions import SchemaVersionError
from moto_ecr_ext.storage.rows import tables
from moto_ecr_ext.storage.store import Store
from support.commands import PATIENCE, Server, environment, running_server

KEPT = Path(__file__).with_name("data_directories")
VERSIONS = sorted(int(path.name.partition(".")[0]) for path in KEPT.glob("*.tar.gz"))
NEXT_VERSION = Path(__file__).parents[1] / "support" / "next_version"
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


@dataclass(frozen=True)
class Opener:
    """A version of the package that opens data: the version of its tables, and the variables of its processes."""

    version: int
    variables: Mapping[str, str]

    def open(self, kept: Kept, *, dies: bool = False) -> int:
        """Open and close the store in a process. Return its exit status.

        If it `dies`, it ends by SIGKILL when all tables are changed and nothing is committed.
        """
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

            if sys.argv[1] == "dies":
                migrations.migrate = migrate_and_die
            data_dir, database, blobs = (each or None for each in sys.argv[2:])
            Store.open(StoreLocation(data_dir and Path(data_dir), database, blobs)).close()
            """
        location = kept.location
        places = [location.data_dir, location.database, location.blobs]
        arguments = ["dies" if dies else "lives", *(str(each or "") for each in places)]
        return subprocess.run(
            [sys.executable, "-c", dedent(text), *arguments],
            env=environment(**self.variables),
            timeout=PATIENCE,
            check=False,
        ).returncode


THIS = Opener(tables.SCHEMA_VERSION, {})
NEXT = Opener(tables.SCHEMA_VERSION + 1, {"PYTHONPATH": str(NEXT_VERSION)})


@pytest.fixture(params=[THIS, NEXT], ids=["this-version", "next-version"])
def opener(request: pytest.FixtureRequest) -> Opener:
    return request.param


@dataclass
class Kept:
    """Data on one engine, and a look at it past the package."""

    location: StoreLocation
    url: str
    query: Callable[[str], list[Any]]

    @property
    def flags(self) -> list[str]:
        """The settings that start a server on the data."""
        if self.location.data_dir:
            return ["--data-dir", str(self.location.data_dir)]
        return ["--database", str(self.location.database), "--blobs", str(self.location.blobs)]

    @property
    def version(self) -> int:
        """The version of the tables."""
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
def running_server_of(kept: Kept, opener: Opener) -> Iterator[Server]:
    """A server whose clock continues from the recording: a day later, its lifecycle policy is due."""
    recorded_at = datetime.fromtimestamp(recording_of(kept).stat().st_mtime, timezone.utc)
    with running_server(*kept.flags, clock=recorded_at, **opener.variables) as server:
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


def test_everything_is_there(kept: Kept, opener: Opener) -> None:
    """Settings, images and their references, layers, and an upload survive, and the upload continues."""
    recorded = answers_of(kept)
    with running_server_of(kept, opener) as server:
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
    assert kept.version == opener.version


def assert_can_be_pulled(server: Server) -> None:
    """Every active image can be pulled, with the indexes that list it and its referrers."""
    ecr = server.client()
    assert testing.pull(ecr, "team/app", "1.0").blobs
    assert len(testing.pull(ecr, "team/app", "all").images) == 2
    subject = ecr.batch_get_image(repositoryName="team/app", imageIds=[{"imageTag": "1.0"}])
    digest = subject["images"][0]["imageId"]["imageDigest"]
    (referrer,) = server.registry("GET", f"/v2/team/app/referrers/{digest}").json()["manifests"]
    assert referrer["artifactType"] == "application/spdx+json"
    assert testing.pull(ecr, "team/app", referrer["digest"]).blobs


def test_the_tables_are_those_of_a_new_database(
    kept: Kept, new: Callable[[], Kept], opener: Opener
) -> None:
    """The tables have every column and index of a new database. A difference is printed as Alembic would write it."""
    fresh = new()
    for each in (kept, fresh):
        assert opener.open(each) == 0

    if opener is THIS:
        assert lacking(kept) == ""
    assert (kept.version, fresh.version) == (opener.version, opener.version)
    assert kept.schema() == fresh.schema()


def test_a_migration_changes_rows(kept: Kept) -> None:
    """A migration changes the rows of the version before."""
    assert NEXT.open(kept) == 0

    names = "SELECT name, repositories.nickname, nicknames.nickname FROM repositories"
    found = kept.query(f"{names} JOIN nicknames ON id = repository_id ORDER BY name")
    assert [tuple(row) for row in found] == [
        ("empty", "EMPTY", "EMPTY"),
        ("team/app", "TEAM/APP", "TEAM/APP"),
    ]


def lacking(kept: Kept) -> str:
    """The operations that would make the tables those of this version; none is an empty text."""
    from alembic.autogenerate import produce_migrations, render_python_code
    from alembic.migration import MigrationContext

    with kept.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        operations = produce_migrations(context, tables.metadata).upgrade_ops
        assert operations is not None
        return "" if operations.is_empty() else render_python_code(operations)


def test_rows_stay_together(kept: Kept, opener: Opener) -> None:
    """No row refers to a missing one."""
    assert opener.open(kept) == 0

    if kept.location.data_dir:
        assert kept.query("PRAGMA foreign_key_check") == []
        assert kept.query("PRAGMA integrity_check") == [("ok",)]
    # PostgreSQL never lets it be otherwise.
    assert kept.query("SELECT count(*) FROM images")[0][0] == 6


def test_a_killed_migration_changes_nothing(kept: Kept) -> None:
    """The process ends when all tables are changed and nothing is committed. The next one migrates."""
    version, rows, schema = kept.version, kept.rows(), kept.schema()

    assert NEXT.open(kept, dies=True) == -signal.SIGKILL

    assert (kept.version, kept.rows(), kept.schema()) == (version, rows, schema)
    assert NEXT.open(kept) == 0
    assert kept.version == NEXT.version


def test_servers_that_start_together_migrate_once(kept: Kept) -> None:
    """The second finds the work done; to do it again would fail."""
    with ExitStack() as stack:
        with ThreadPoolExecutor(2) as threads:
            started = [
                threads.submit(stack.enter_context, running_server_of(kept, NEXT)) for _ in range(2)
            ]
        for each in started:
            assert_can_be_pulled(each.result())
    assert kept.version == NEXT.version


def test_a_newer_schema_is_refused_and_left_alone(kept: Kept) -> None:
    """Data that the next version has migrated are refused in a sentence; no row changes."""
    assert NEXT.open(kept) == 0
    rows, schema = kept.rows(), kept.schema()

    with pytest.raises(
        SchemaVersionError, match=rf"\(schema version {NEXT.version}; this one knows"
    ):
        Store.open(kept.location)

    assert (kept.rows(), kept.schema()) == (rows, schema)


@pytest.mark.parametrize("version", range(1, tables.FIRST_SCHEMA_VERSION))
def test_an_unreleased_schema_is_refused_and_left_alone(
    new: Callable[[], Kept], version: int
) -> None:
    """Data of a version before the first are refused in a sentence; no row changes."""
    kept = new()
    Store.open(kept.location).close()
    with kept.connect() as connection, connection.begin():
        connection.execute(
            tables.store.update().where(tables.store.c.name == "schema_version"),
            {"value": str(version)},
        )
    rows, schema = kept.rows(), kept.schema()

    with pytest.raises(
        SchemaVersionError, match=rf"\(schema version {version}; the first released"
    ):
        Store.open(kept.location)

    assert (kept.rows(), kept.schema()) == (rows, schema)
