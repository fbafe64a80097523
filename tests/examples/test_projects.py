"""The example projects: a copy of each passes its own tests."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from support.commands import PATIENCE, environment, running_server
from support.containers import python_tree
from support.docker_daemon import running_docker
from support.programs import PATH, Home, find

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
    """Each project has a README, and a test in this file."""
    names = {each.name for each in EXAMPLES.iterdir() if each.is_dir()} - {"__pycache__"}
    source = Path(__file__).read_text()
    for name in names:
        assert (EXAMPLES / name / "README.rst").is_file()
        assert f'"{name}"' in source


@pytest.mark.parametrize("name", ["pytest-suite", "layer-scanner", "failures"])
def test_a_project_of_python_alone(name: str, tmp_path: Path) -> None:
    passes(name, tmp_path)


def test_a_release_against_the_registry_service(tmp_path: Path) -> None:
    """The script releases a version once: it prints the digest, and another image cannot take the tag."""
    find("docker")
    find("aws")
    copy = tmp_path / "ci-service"
    shutil.copytree(EXAMPLES / "ci-service", copy)
    workflow = yaml.safe_load((copy / ".github" / "workflows" / "release.yml").read_text())
    (job,) = workflow["jobs"].values()
    with running_docker(tmp_path) as docker, running_server() as server:
        home = Home(
            tmp_path / "home",
            **{**job["env"], "AWS_ENDPOINT_URL": server.url},
            DOCKER_HOST=docker,
            BASE="scratch",
        )
        release = home.program("bash", str(copy / "release.sh"))
        release.patience = 5 * PATIENCE

        released = release("1.0").splitlines()[-1]
        (copy / "site" / "index.html").write_text("another page")
        refused = release.refused("1.0")

        (details,) = server.client().describe_images(repositoryName="team/site")["imageDetails"]
    assert details["imageDigest"] == released
    assert details["imageTags"] == ["1.0"]
    assert "tag is immutable" in refused


def test_the_files_of_the_registry_service() -> None:
    """The workflow runs the script with the service's address, and Compose publishes the same address."""
    project = EXAMPLES / "ci-service"
    workflow = yaml.safe_load((project / ".github" / "workflows" / "release.yml").read_text())
    (job,) = workflow["jobs"].values()
    assert any(step.get("run", "").startswith("./release.sh ") for step in job["steps"])
    assert job["services"]["registry"]["ports"] == ["5000:5000"]
    compose = yaml.safe_load((project / "compose.yaml").read_text())
    assert compose["services"]["registry"]["ports"] == ["127.0.0.1:5000:5000"]
    assert job["env"]["AWS_ENDPOINT_URL"] == "http://127.0.0.1:5000"
    assert job["env"]["AWS_ENDPOINT_URL"] in (project / "README.rst").read_text()


def test_a_lambda_function(tmp_path: Path) -> None:
    """The function's image is built on a base of this machine's Python, which calls the function as AWS's base does."""
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
