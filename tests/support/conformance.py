"""Runs the conformance program of the OCI Distribution Specification against a server on loopback.

    python -m support.conformance DIRECTORY

run in `tests`, writes the program's reports to folders of the directory, one for each version of the specification, and
ends with the largest of its exit statuses. The program is
`oci-conformance` on the PATH, or what the environment variable OCI_CONFORMANCE names; without either nothing is run.
It is built from https://github.com/opencontainers/distribution-spec/tree/main/conformance.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from support.commands import Server, environment, running_server

REPOSITORY, OTHER_REPOSITORY = "conformance/first", "conformance/second"
VERSIONS = ("1.1", "dev")
"""Versions of the specification, as the program names them: the last one, and the one in development."""


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


def run(program: str, directory: Path, version: str) -> int:
    """Run the program against a new server, and return its exit status."""
    directory.mkdir(parents=True, exist_ok=True)
    with running_server() as server:
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
    directory = parser.parse_args(arguments).directory.resolve()
    chosen = os.environ.get("OCI_CONFORMANCE")
    program = shutil.which(chosen or "oci-conformance")
    if program is not None:
        absolute = str(Path(program).resolve())
        return max([run(absolute, directory / version, version) for version in VERSIONS])
    if chosen:
        parser.error(f"OCI_CONFORMANCE is no program: {chosen}")
    print("Skipped: there is no oci-conformance on the PATH, and OCI_CONFORMANCE names no other.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
