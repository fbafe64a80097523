"""The example projects: a copy of each passes its own tests."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.commands import PATIENCE, environment
from support.containers import python_tree
from support.docker_daemon import running_docker
from support.programs import PATH, find

EXAMPLES = Path(__file__).parents[2] / "examples"


def passes(name: str, folder: Path, warnings: str = "error", **variables: str) -> None:
    """Run the tests of a copy of a project, as its README says."""
    copy = folder / name
    shutil.copytree(EXAMPLES / name, copy, ignore=shutil.ignore_patterns("__pycache__"))
    path = os.pathsep.join([str(Path(sys.executable).parent), PATH])
    ended = subprocess.run(
        [sys.executable, "-W", warnings, "-m", "pytest", "-p", "no:cacheprovider"],
        cwd=copy,
        env=environment(HOME=str(folder), PATH=path, **variables),
        capture_output=True,
        text=True,
        timeout=5 * PATIENCE,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert " passed" in ended.stdout


def test_each_project_is_tested() -> None:
    """Each has a README, and a test of this file."""
    names = {each.name for each in EXAMPLES.iterdir() if each.is_dir()} - {"__pycache__"}
    source = Path(__file__).read_text()
    for name in names:
        assert (EXAMPLES / name / "README.rst").is_file()
        assert f'"{name}"' in source


@pytest.mark.parametrize("name", ["pytest-suite", "layer-scanner"])
def test_a_project_of_python_alone(name: str, tmp_path: Path) -> None:
    passes(name, tmp_path)


def test_a_lambda_function(tmp_path: Path) -> None:
    """Its image is built on a base of this machine's Python, which calls the function as AWS's base does."""
    pytest.importorskip("docker", reason="the docker SDK for Python is not installed")
    docker = find("docker")
    tree = tmp_path / "base"
    entry_point = python_tree(
        tree, "awslambdaric", "runtime_client", "simplejson", "snapshot_restore_py"
    )
    with running_docker(tmp_path) as address:
        variables = {"DOCKER_HOST": address, "BASE": "base:1.0"}
        words = json.dumps(entry_point)
        create = ["tar", "--create", "--directory", str(tree), "."]
        with subprocess.Popen(create, stdout=subprocess.PIPE) as archive:
            subprocess.run(
                [docker, "import", "--change", f"ENTRYPOINT {words}", "-", "base:1.0"],
                stdin=archive.stdout,
                env={**os.environ, **variables},
                check=True,
            )
        assert archive.returncode == 0
        passes("lambda-image", tmp_path, MOTO_DOCKER_NETWORK_MODE="host", **variables)


def test_a_cdk_app(tmp_path: Path) -> None:
    pytest.importorskip("aws_cdk", reason="aws-cdk-lib is not installed")
    find("cdk")
    with running_docker(tmp_path) as address:
        passes(
            "cdk-app",
            tmp_path,
            # moto warns of resources that it does not know, such as policies of buckets.
            warnings="default",
            DOCKER_HOST=address,
            CDK_DISABLE_CLI_TELEMETRY="true",
            # Otherwise it writes to the home that the system has for the user, whatever HOME says.
            CDK_HOME=str(tmp_path / "cdk"),
        )
