"""A PostgreSQL of the tests' own: Debian's programs, a directory that is removed, and a socket in it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from support.programs import is_root

if TYPE_CHECKING:
    from psycopg import Connection

# Text sorts by the rules of a language unless a column says otherwise, as in most databases. Nothing
# has to outlive a power cut here.
_INITDB = (
    *("--auth=trust", "--username=registry", "--encoding=UTF8", "--locale=C.UTF-8"),
    *("--locale-provider=icu", "--icu-locale=en-US", "--no-sync"),
)
_POSTGRES = "-c listen_addresses= -c fsync=off -c max_connections=200 -c unix_socket_directories="


@cache
def programs() -> Path | None:
    """The directory that has `initdb` and `pg_ctl`; None where PostgreSQL is not installed."""
    # Debian has them outside of the PATH, by version.
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parts[-2]))
    initdb = shutil.which("initdb", path=os.pathsep.join(map(str, reversed(debian)))) or (
        shutil.which("initdb")
    )
    return Path(initdb).resolve().parent if initdb else None


class Cluster:
    """A running PostgreSQL server with databases of tests."""

    def __init__(self, directory: Path, options: str = ""):
        self._directory = directory
        self._options = f"{_POSTGRES}{directory} {options}"
        self._names = map("registry_{}".format, count())

    def url(self, name: str) -> str:
        """The URL of a database, as `--database` takes it."""
        return f"postgresql+psycopg://registry@/{name}?host={quote(str(self._directory), safe='')}"

    def connect(self, name: str = "postgres") -> Connection[Any]:
        """A separate connection of the test, without transactions."""
        import psycopg

        return psycopg.connect(
            host=str(self._directory), user="registry", dbname=name, autocommit=True
        )

    def create_database(self, options: str = "") -> str:
        """The name of a new database."""
        name = next(self._names)
        with self.connect() as connection:
            connection.execute(f"CREATE DATABASE {name} {options}".encode())
        return name

    def start(self) -> None:
        """Start the server; it accepts connections then."""
        self.run("pg_ctl", "start", "-w", "-l", str(self._directory / "log"), "-o", self._options)

    def stop(self, mode: str = "immediate") -> None:
        """Stop the server: at once, or `fast`, which says goodbye to those connected."""
        self.run("pg_ctl", "stop", "-w", "-m", mode)

    def run(self, program: str, *arguments: str) -> None:
        """Run a program of PostgreSQL's on the data, as the user that may."""
        directory = programs()
        assert directory is not None
        # PostgreSQL refuses to run as root; Debian's package makes a user for it.
        other_user: dict[str, Any] = {}
        if is_root():
            other_user = {"user": "postgres", "group": "postgres", "extra_groups": []}
        subprocess.run(
            [directory / program, "-D", self._directory / "data", *arguments],
            cwd=self._directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            check=True,
            **other_user,
        )


@contextmanager
def running_cluster(options: str = "") -> Iterator[Cluster]:
    """A new PostgreSQL server, with more options of `postgres`. The programs must be installed."""
    # The path of a socket has at most 107 bytes, so that pytest's directories are too long.
    with tempfile.TemporaryDirectory(prefix="postgresql-", ignore_cleanup_errors=True) as name:
        directory = Path(name)
        if is_root():
            shutil.chown(directory, "postgres")
        cluster = Cluster(directory, options)
        cluster.run("initdb", *_INITDB)
        cluster.start()
        try:
            yield cluster
        finally:
            cluster.stop()
