"""Runs the conformance program of the OCI Distribution Specification against servers on loopback.

    python -m support.conformance DIRECTORY

run in `tests`, writes the program's reports to folders of the directory, one for each place of a server's state and
each version of the specification, and ends with the largest of its exit statuses. The program is
`oci-conformance` on the PATH, or what the environment variable OCI_CONFORMANCE names; without either nothing is run.
It is built from https://github.com/opencontainers/distribution-spec/tree/main/conformance.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from support.commands import Server, environment, running_server
from support.postgresql import programs, running_cluster
from support.s3_servers import running_moto

REPOSITORY, OTHER_REPOSITORY = "conformance/first", "conformance/second"
VERSIONS = ("1.1", "dev")
"""Versions of the specification, as the program names them: the last one, and the one in development."""


@contextmanager
def _on_postgresql(directory: Path) -> Iterator[Server]:
    with running_cluster() as cluster:
        database = cluster.url(cluster.create_database())
        with running_server("--database", database, "--blobs", str(directory)) as server:
            yield server


@contextmanager
def _on_s3(directory: Path) -> Iterator[Server]:
    with running_moto() as s3:
        places = ("--data-dir", str(directory), "--blobs", s3.new_bucket().url)
        with running_server(*places, port=0, clock=None, **s3.variables) as server:
            yield server


PLACES: dict[str, Callable[[Path], AbstractContextManager[Server]]] = {
    "memory": lambda directory: running_server(),
    "directory": lambda directory: running_server("--data-dir", str(directory)),
    "postgresql": _on_postgresql,
    "s3": _on_s3,
}
"""Servers by the place of their state, each given a directory that does not exist yet."""


def variables(server: Server, directory: Path, version: str) -> dict[str, str]:
    """Return the settings of the program: all of its tests, in two repositories of a server.

    Those are the names of the program of version 1.1, which tests no other; later ones know them, too.
    """
    return {
        "OCI_VERSION": version,
        "OCI_RESULTS_DIR": str(directory),
        "OCI_ROOT_URL": server.url,
        "OCI_NAMESPACE": REPOSITORY,
        "OCI_CROSSMOUNT_NAMESPACE": OTHER_REPOSITORY,
        "OCI_USERNAME": "AWS",
        "OCI_PASSWORD": server.password,
        "OCI_TEST_PULL": "1",
        "OCI_TEST_PUSH": "1",
        "OCI_TEST_CONTENT_DISCOVERY": "1",
        "OCI_TEST_CONTENT_MANAGEMENT": "1",
        "OCI_REPORT_DIR": str(directory),
    }


def run(program: str, directory: Path, place: str, version: str) -> int:
    """Run the program against a new server, and return its exit status."""
    print(f"{place}, version {version}", flush=True)
    directory.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as state, PLACES[place](Path(state, "state")) as server:
        ecr = server.client()
        for name in (REPOSITORY, OTHER_REPOSITORY):
            ecr.create_repository(repositoryName=name)
        ended = subprocess.run(
            [program],
            env=environment(**variables(server, directory, version)),
            cwd=directory,
            check=False,
        )
    return ended.returncode


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m support.conformance",
        description="Run the conformance program of the OCI Distribution Specification.",
    )
    parser.add_argument("directory", type=Path, help="where its reports are written")
    parser.add_argument(
        "--place",
        choices=PLACES,
        action="append",
        help="where a server keeps its state; may be given several times (default: all of them)",
    )
    parsed = parser.parse_args(arguments)
    directory, places = parsed.directory.resolve(), parsed.place or [*PLACES]
    chosen = os.environ.get("OCI_CONFORMANCE")
    program = shutil.which(chosen or "oci-conformance")
    if program is not None:
        if "postgresql" in places and programs() is None:
            parser.error("PostgreSQL is not installed; --place names other places")
        absolute = str(Path(program).resolve())
        return max(
            [
                run(absolute, directory / place / version, place, version)
                for place in places
                for version in VERSIONS
            ]
        )
    if chosen:
        parser.error(f"OCI_CONFORMANCE is no program: {chosen}")
    print("Skipped: there is no oci-conformance on the PATH, and OCI_CONFORMANCE names no other.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
