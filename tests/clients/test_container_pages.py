"""The how-to pages about containers: their files and commands are well-formed, and agree with the image."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.commands import PATIENCE
from support.pages import HOW_TO, blocks_of
from support.programs import Home, find

ROOT = HOW_TO.parents[1]
HEALTH = "/moto-api/ecr/health"


def block(page: str, name: str) -> str:
    """Return a block of a how-to page."""
    return blocks_of(HOW_TO / f"{page}.rst")[name]


def is_shell(text: str) -> bool:
    """Return whether bash understands the text."""
    read = subprocess.run(["bash", "-n"], input=text, text=True, timeout=PATIENCE, check=False)
    return read.returncode == 0


@pytest.mark.parametrize(
    "compose_file",
    [None, "examples/ci-service/compose-postgresql-s3.yaml"],
    ids=["page", "several-servers"],
)
def test_compose_files(compose_file: str | None, tmp_path: Path) -> None:
    """Docker Compose accepts the files, and they publish the registry only on this machine."""
    find("docker-compose")
    text = (ROOT / compose_file).read_text() if compose_file else block("compose", "compose.yaml")
    home = Home(tmp_path / "home")
    (home.path / "compose.yaml").write_text(text)

    resolved = yaml.safe_load(home.program("docker")("compose", "config"))

    servers = [each for each in resolved["services"].values() if each["image"] == "moto-ecr"]
    assert servers
    assert {port["host_ip"] for each in servers for port in each["ports"]} == {"127.0.0.1"}


def test_github_actions() -> None:
    """The workflow's commands are well-formed, and use the address at which the service is published."""
    (job,) = yaml.safe_load(block("github-actions", "release.yml"))["jobs"].values()

    assert job["services"]["registry"]["ports"] == ["5000:5000"]
    commands = [step["run"] for step in job["steps"] if "run" in step]
    assert all(is_shell(each) for each in commands)
    assert any("127.0.0.1:5000" in each for each in commands)
    assert job["env"]["AWS_ENDPOINT_URL"] == "http://127.0.0.1:5000"


def test_gitlab_ci() -> None:
    """The commands are well-formed, and use the alias of the service, which docker may use without TLS."""
    job = yaml.safe_load(block("github-actions", "gitlab-ci.yml"))["release"]
    docker, registry = job["services"]

    assert all(is_shell(each) for each in job["script"])
    address = f"{registry['alias']}:5000"
    assert docker["command"] == [f"--insecure-registry={address}"]
    assert job["variables"]["AWS_ENDPOINT_URL"] == f"http://{address}"


def test_testcontainers() -> None:
    """The code is Python, and waits for a line that the server writes."""
    text = block("testcontainers", "testcontainers.py")

    compile(text, "testcontainers.py", "exec")
    awaited = text.partition('LogMessageWaitStrategy("')[2].partition('"')[0]
    assert awaited in (ROOT / "moto_ecr_ext/server/commands/start.py").read_text()


def test_kind() -> None:
    """The manifest's port, user and health check are the image's, and the commands are well-formed."""
    deployment, service = _manifest()
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    image = (ROOT / "Dockerfile").read_text()

    assert f"USER {pod['securityContext']['fsGroup']}:" in image
    assert f"VOLUME {container['volumeMounts'][0]['mountPath']}" in image
    assert HEALTH in image
    assert container["readinessProbe"]["httpGet"] == {"path": HEALTH, "port": 5000}
    (port,) = service["spec"]["ports"]
    assert f"http://localhost:{port['nodePort']}" in block("kind", "kind")
    assert is_shell(block("kind", "kind"))
    assert is_shell(block("kind", "pull-secret"))


def _manifest() -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(block("kind", "registry.yaml")))
