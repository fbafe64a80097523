"""The README: its code blocks run, and the files that it names exist.

A test finds a block by its `:name:` and runs it unchanged, except that a free port stands for 5000. Its `.venv` is the
environment that the tests run in.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from threading import Thread

import boto3
import pytest
import requests

from moto_ecr_ext import testing
from support.commands import LOGIN, PATIENCE, Server, environment, running_server
from support.pages import blocks_of
from support.programs import PATH, find, need_root, running_daemon

pytestmark = [pytest.mark.client, pytest.mark.slow]

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.rst").read_text()

BLOCKS = blocks_of(ROOT / "README.rst")
ADDRESS = "127.0.0.1:5000"
# Seconds that installing the package and all it needs may take.
INSTALLATION = 300


class Terminal:
    """A shell in a separate folder, whose environment lasts from one block to the next."""

    def __init__(self, directory: Path, **variables: str) -> None:
        self.directory = directory
        directory.mkdir()
        (directory / ".venv").symlink_to(sys.prefix)
        shutil.copy(ROOT / "README.rst", directory)
        self.variables = {
            "PATH": PATH,
            "HOME": str(directory),
            "LANG": "C.UTF-8",
            "XDG_RUNTIME_DIR": str(directory),
            **variables,
        }

    def run(self, text: str, *replaced: tuple[str, str]) -> str:
        """Return the output of a text, which must succeed; each pair has an address and its substitute."""
        for written, real in replaced:
            text = text.replace(written, real)
        ended = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            cwd=self.directory,
            env=self.variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert ended.returncode == 0, f"{text}\n{ended.stdout}{ended.stderr}"
        return ended.stdout

    def export(self, text: str, *replaced: tuple[str, str]) -> None:
        """Run text whose variables the later blocks of this terminal have."""
        names = re.findall(r"(\w+)=", text)
        values = self.run(text + "".join(f'echo "${name}"\n' for name in names), *replaced)
        self.variables.update(zip(names, values.splitlines(), strict=True))

    def python(self, text: str) -> str:
        """Return the output of a script."""
        (self.directory / "script.py").write_text(text)
        return self.run(".venv/bin/python -W error script.py")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_server("--data-dir", str(tmp_path_factory.mktemp("data"))) as running:
        yield running


@pytest.fixture
def at_server(running: Server) -> tuple[str, str]:
    """The address of the README, and that of an empty server."""
    running.reset()
    return ADDRESS, running.address


@pytest.fixture
def terminal(tmp_path: Path, at_server: tuple[str, str]) -> Terminal:
    """A terminal that knows the server's address."""
    terminal = Terminal(tmp_path / "terminal")
    terminal.export(BLOCKS["environment"], at_server)
    return terminal


@pytest.fixture
def repository_name(terminal: Terminal, at_server: tuple[str, str]) -> str:
    """The name of the repository that most blocks push to."""
    terminal.run(BLOCKS["create-a-repository-with-boto3"])
    return "team/app"


# What runs.


def test_every_block_runs() -> None:
    """Each block has a name, by which a test of this file runs it."""
    assert len(BLOCKS) == README.count(".. code-block::")
    run = set(re.findall(r'BLOCKS\["([^"]+)"\]', Path(__file__).read_text()))
    assert run == BLOCKS.keys()


@contextmanager
def started(text: str, directory: Path, **variables: str) -> Iterator[Queue[str]]:
    """A line that starts what does not end by itself; gives the lines that it writes."""
    process = subprocess.Popen(
        ["bash", "-c", text],
        cwd=directory,
        env=environment(PATH=PATH, **variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    lines: Queue[str] = Queue()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            lines.put(line)
        lines.put("")

    reader = Thread(target=read, daemon=True)
    reader.start()
    try:
        yield lines
    finally:
        # The shell and what it has started are one group.
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=PATIENCE)
        reader.join(timeout=PATIENCE)
        assert process.stdout is not None
        process.stdout.close()


def login_in(lines: Queue[str], patience: float) -> tuple[str, str]:
    """The password and address of the printed line."""
    written = []
    while line := lines.get(timeout=patience):
        match = LOGIN.search(line)
        if match:
            return match[1], match[2]
        written.append(line)
    if any("No matching distribution found" in line for line in written):
        pytest.skip("pip finds no package index here")
    raise AssertionError("".join(written))


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return str(free.getsockname()[1])


def test_one_line_starts_a_registry(tmp_path: Path) -> None:
    """The line, in a clone, installs the package and leaves a registry that can be pushed to."""
    python3 = subprocess.run(
        ["python3", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
        env={"PATH": PATH},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    if python3 != here:
        pytest.skip(f"it tests python3, which is {python3}, and this environment tests {here}")
    clone = tmp_path / "clone"
    shutil.copytree(
        ROOT / "moto_ecr_ext", clone / "moto_ecr_ext", ignore=shutil.ignore_patterns("__pycache__")
    )
    for name in ("setup.cfg", "setup.py", "pyproject.toml", "README.rst", "CHANGES.rst", "LICENSE"):
        shutil.copy(ROOT / name, clone)

    port = free_port()
    with started(BLOCKS["start-a-registry"], clone, MOTO_PORT=port) as lines:
        password, address = login_in(lines, INSTALLATION)
        assert address == f"127.0.0.1:{port}"
        url = f"http://{address}"
        ecr = boto3.client(
            "ecr",
            region_name="us-east-1",
            endpoint_url=url,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        ecr.create_repository(repositoryName="team/app")
        image = testing.build_image(seed=1)
        testing.push(ecr, "team/app", image, tag="1.0")
        pulled = requests.get(f"{url}/v2/team/app/manifests/1.0", auth=("AWS", password))

    assert pulled.content == image.manifest
    assert (clone / "registry" / "registry.sqlite").is_file()


def test_a_repository_is_created_with_the_aws_cli(
    terminal: Terminal, running: Server, at_server: tuple[str, str]
) -> None:
    """The AWS CLI creates the repository, and answers a URI that can be pushed to."""
    find("aws")

    answer = terminal.run(BLOCKS["create-a-repository"], at_server)

    assert f'"repositoryUri": "{running.address}/team/app"' in answer


def test_a_repository_is_created_with_boto3(terminal: Terminal, running: Server) -> None:
    """boto3 reads the same variables."""
    terminal.run(BLOCKS["create-a-repository-with-boto3"])

    assert running.registry("GET", "/v2/_catalog").json() == {"repositories": ["team/app"]}


@pytest.fixture
def docker_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a docker daemon."""
    find("docker")
    need_root("dockerd")
    data = tmp_path_factory.mktemp("docker")
    # The path of a socket has at most 107 bytes.
    with tempfile.TemporaryDirectory(prefix="dockerd-") as run:
        (data / "daemon.json").write_text("{}")
        with running_daemon(
            *("dockerd", "--config-file", data / "daemon.json", "--storage-driver", "vfs"),
            *("--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-forward=false"),
            *("--data-root", data / "root", "--exec-root", f"{run}/exec"),
            *("--pidfile", f"{run}/pid", "--host", f"unix://{run}/docker.sock"),
            says="API listen on",
        ):
            yield f"unix://{run}/docker.sock"


def test_docker(
    terminal: Terminal,
    running: Server,
    repository_name: str,
    at_server: tuple[str, str],
    docker_host: str,
) -> None:
    """docker logs in, pushes and pulls; the AWS CLI lists what it pushed."""
    find("aws")
    terminal.variables["DOCKER_HOST"] = docker_host

    said = terminal.run(BLOCKS["docker"], at_server)

    digest = re.search(r"1\.0: digest: (\S+) size", said)
    assert digest, said
    assert f"Status: Downloaded newer image for {running.address}/team/app:1.0" in said
    assert f'"imageDigest": "{digest[1]}"' in terminal.run(BLOCKS["describe-images"], at_server)


def test_the_aws_cli_lists_what_boto3_pushed(
    terminal: Terminal, running: Server, repository_name: str, at_server: tuple[str, str]
) -> None:
    """describe-images has the digest."""
    find("aws")
    image = testing.build_image(seed=1)
    testing.push(running.client(), repository_name, image, tag="1.0")

    assert image.digest in terminal.run(BLOCKS["describe-images"], at_server)


def test_a_suite_with_the_option(terminal: Terminal) -> None:
    """The tests of the README pass with its configuration, and fail with moto's own ECR."""
    (terminal.directory / "test_app.py").write_text(BLOCKS["test_app.py"])
    (terminal.directory / "pytest.ini").write_text(BLOCKS["pytest.ini"])
    for name in ("AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION"):
        del terminal.variables[name]

    assert "2 passed" in terminal.run(".venv/bin/python -m pytest -W error test_app.py")
    with pytest.raises(AssertionError, match="2 failed"):
        terminal.run(".venv/bin/python -m pytest -W error -c /dev/null --rootdir . test_app.py")


def test_install(terminal: Terminal) -> None:
    """`install()` and `uninstall()` work as they are shown."""
    del terminal.variables["AWS_ENDPOINT_URL"]

    terminal.python(BLOCKS["install"])


def test_the_line_that_runs_the_tests_is_the_one_of_ci() -> None:
    """CI ends in the line of the README."""
    line = BLOCKS["run-the-tests"]

    assert (ROOT / ".ci" / "run").read_text().endswith(f"\n{line}")


def test_an_environment_of_tox_is_one() -> None:
    """The tests that the README names exist."""
    words = BLOCKS["run-some-tests"].split()
    assert words[:2] == [".venv/bin/tox", "-e"]
    python, factor = words[2].split("-")
    configuration = (ROOT / "tox.ini").read_text()
    assert re.search(rf"^    {python}-\S*\b{factor}\b", configuration, re.MULTILINE)
    assert words[3] == "--"
    assert (ROOT / words[4]).is_file()


# What it lists.


def test_files_that_are_named_are_there() -> None:
    """Paths of this repository exist; the reader builds the site."""
    paths = re.findall(
        r"``(?!docs/_build/)((?:tests|examples|benchmarks|docs|\.ci)/[\w/.-]*)``", README
    )
    assert len(paths) >= 3
    for path in paths:
        assert (ROOT / path).exists(), path


def test_it_is_well_formed() -> None:
    """docutils finds no error in the README and the changes, so that PyPI shows them."""
    core = pytest.importorskip("docutils.core", reason="docutils is not installed")
    for name in ("README.rst", "CHANGES.rst"):
        core.publish_string(
            (ROOT / name).read_text(),
            writer="null",
            settings_overrides={"halt_level": 2, "report_level": 2, "syntax_highlight": "none"},
        )
