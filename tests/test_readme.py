"""The README: its code blocks run, and what it lists is what there is.

A block stands by its `:name:`. It runs as it stands, but for ports that may be in use: what the
README has at 127.0.0.1:5000 and 127.0.0.1:5005 is at free ports here. Its `.venv` is the
environment that the tests run in.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from queue import Queue
from textwrap import dedent
from threading import Thread

import boto3
import botocore
import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from moto.cloudformation.parsing import get_model_map

import moto_ecr_ext
from moto_ecr_ext import (
    pytest_plugin,
    service_model,
    settings,
    testing,
)
from moto_ecr_ext.commands import server
from support.commands import LOGIN, PATIENCE, Server, environment, running_server, session_through
from support.model_variants import variants
from support.pages import blocks_of
from support.postgresql import Cluster
from support.programs import PATH, find, need_root, running_daemon
from support.s3_servers import S3Server
from support.scanning import debian_image, scanner
from support.upstream import running_upstream

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.rst").read_text()

BLOCKS = blocks_of(ROOT / "README.rst")
ADDRESS = "127.0.0.1:5000"
PROXY_ADDRESS = "127.0.0.1:5005"
# Seconds that installing the package and all it needs may take.
INSTALLATION = 300


def section(title: str) -> str:
    """What the README has between the comments `title` and `end of title`."""
    return README.partition(f"\n.. {title}\n")[2].partition(f"\n.. end of {title}\n")[0].strip()


class Terminal:
    """A shell in a folder of its own, whose environment lasts from one block to the next."""

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
        """What the text writes, which has to succeed; each pair has an address and what it is here."""
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
        """What a script writes."""
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
    """A terminal that has been told where the server is."""
    terminal = Terminal(tmp_path / "terminal")
    terminal.export(BLOCKS["environment"], at_server)
    return terminal


@pytest.fixture
def repository_name(terminal: Terminal, at_server: tuple[str, str]) -> str:
    """The name of the repository that most blocks push to."""
    terminal.run(BLOCKS["create-a-repository-with-boto3"])
    return "team/app"


def tags_in(running: Server, name: str) -> list[str]:
    return running.registry("GET", f"/v2/{name}/tags/list").json()["tags"]


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
    """In a clone, the line installs what it needs and leaves a registry that can be pushed to."""
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
    for name in ("setup.cfg", "pyproject.toml", "README.rst", "CHANGES.rst", "LICENSE"):
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


def test_podman(
    terminal: Terminal, running: Server, repository_name: str, at_server: tuple[str, str]
) -> None:
    """podman logs in, pushes and pulls."""
    find("aws")
    find("podman")
    files = {
        "containers.conf": """
            [containers]
            default_ulimits = []
            [engine]
            runtime = "runc"
            cgroup_manager = "cgroupfs"
            events_logger = "none"
            """,
        "storage.conf": f"""
            [storage]
            driver = "vfs"
            graphroot = "{terminal.directory}/storage"
            runroot = "{terminal.directory}/storage-run"
            """,
        "registries.conf": "unqualified-search-registries = []\n",
    }
    for name, text in files.items():
        (terminal.directory / name).write_text(dedent(text))
    terminal.variables.update(
        CONTAINERS_CONF=str(terminal.directory / "containers.conf"),
        CONTAINERS_STORAGE_CONF=str(terminal.directory / "storage.conf"),
        CONTAINERS_REGISTRIES_CONF=str(terminal.directory / "registries.conf"),
        REGISTRY_AUTH_FILE=str(terminal.directory / "auth.json"),
    )

    said = terminal.run(BLOCKS["podman"], at_server)

    assert "Login Succeeded!" in said
    assert tags_in(running, repository_name) == ["1.0"]


def test_skopeo(
    terminal: Terminal, running: Server, repository_name: str, at_server: tuple[str, str]
) -> None:
    """skopeo logs in, pushes, lists and pulls."""
    find("aws")
    find("skopeo")
    terminal.variables["REGISTRY_AUTH_FILE"] = str(terminal.directory / "auth.json")

    said = terminal.run(BLOCKS["skopeo"], at_server)

    assert '"1.0"' in said
    blobs = [
        {path.name for path in (terminal.directory / each).rglob("blobs/sha256/*")}
        for each in ("image", "pulled")
    ]
    assert blobs[0] == blobs[1] != set()


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
    """`install()` and `uninstall()` as they are shown."""
    del terminal.variables["AWS_ENDPOINT_URL"]

    terminal.python(BLOCKS["install"])


def test_pushing_with_boto3(terminal: Terminal, running: Server, repository_name: str) -> None:
    """The script pushes what the registry then has."""
    digest = terminal.python(BLOCKS["push_image.py"]).strip()

    manifest = running.registry("GET", f"/v2/{repository_name}/manifests/data")
    assert manifest.headers["Docker-Content-Digest"] == digest
    layer = manifest.json()["layers"][0]["digest"]
    assert (
        running.registry("GET", f"/v2/{repository_name}/blobs/{layer}").content
        == b"anything at all"
    )


def test_the_fixtures(terminal: Terminal) -> None:
    """The test with the fixtures passes."""
    find("skopeo")
    (terminal.directory / "test_server.py").write_text(BLOCKS["test_server.py"])
    for name in ("AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION"):
        del terminal.variables[name]

    assert "1 passed" in terminal.run(".venv/bin/python -m pytest -W error test_server.py")


def test_replication(terminal: Terminal) -> None:
    """The test sees an image in another Region, and a replication in progress."""
    (terminal.directory / "test_replication.py").write_text(BLOCKS["test_replication.py"])
    (terminal.directory / "pytest.ini").write_text(BLOCKS["pytest.ini"])
    for name in ("AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION"):
        del terminal.variables[name]

    assert "1 passed" in terminal.run(".venv/bin/python -m pytest -W error test_replication.py")


def test_create_on_push(terminal: Terminal, running: Server, at_server: tuple[str, str]) -> None:
    """The repository is there, as the template has it."""
    find("skopeo")
    terminal.run(BLOCKS["create-on-push"], at_server)

    (repository,) = running.client().describe_repositories()["repositories"]
    assert (repository["repositoryName"], repository["imageTagMutability"]) == (
        "team/new",
        "IMMUTABLE",
    )
    assert tags_in(running, "team/new") == ["1.0"]


def test_permissions(terminal: Terminal) -> None:
    """The test's user is refused."""
    (terminal.directory / "test_permissions.py").write_text(BLOCKS["test_permissions.py"])
    (terminal.directory / "pytest.ini").write_text(BLOCKS["pytest.ini"])
    for name in ("AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION"):
        del terminal.variables[name]

    assert "1 passed" in terminal.run(".venv/bin/python -m pytest -W error test_permissions.py")


def test_the_helpers(terminal: Terminal, running: Server, repository_name: str) -> None:
    """The script with the helpers pushes what it says."""
    terminal.python(BLOCKS["build_images.py"])

    assert tags_in(running, repository_name) == ["2.0", "latest"]


def test_a_directory_is_checked(tmp_path: Path) -> None:
    """The line says that nothing is wrong with what a server has left, and fails where something is."""
    terminal = Terminal(tmp_path / "terminal")
    data_dir = terminal.directory / "registry"
    with running_server("--data-dir", str(data_dir)) as running:
        running.client().create_repository(repositoryName="app")
        testing.push(running.client(), "app", testing.build_image(), tag="1.0")
    assert terminal.run(BLOCKS["check"]) == "Nothing is wrong.\n"

    next(path for path in (data_dir / "blobs").rglob("*") if path.is_file()).unlink()
    with pytest.raises(AssertionError, match="missing blob"):
        terminal.run(BLOCKS["check"])


def test_a_reset(
    terminal: Terminal, running: Server, repository_name: str, at_server: tuple[str, str]
) -> None:
    """The line empties the registry."""
    find("curl")

    terminal.run(BLOCKS["reset"], at_server)

    assert running.registry("GET", "/v2/_catalog").json() == {"repositories": []}


def test_lifecycle_policies_run(
    terminal: Terminal, running: Server, repository_name: str, at_server: tuple[str, str]
) -> None:
    """The line runs the policy of a repository: one image of two is left."""
    find("curl")
    ecr = running.client()
    rule = {
        "rulePriority": 1,
        "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 1},
        "action": {"type": "expire"},
    }
    ecr.put_lifecycle_policy(
        repositoryName=repository_name, lifecyclePolicyText=json.dumps({"rules": [rule]})
    )
    for tag in ("1.0", "2.0"):
        testing.push(ecr, repository_name, testing.build_image(seed=tag), tag=tag)

    terminal.run(BLOCKS["run-lifecycle"], at_server)

    assert tags_in(running, repository_name) == ["2.0"]


def test_scans_find_what_was_posted(
    terminal: Terminal, running: Server, repository_name: str, at_server: tuple[str, str]
) -> None:
    """The findings of the line are those of a scan."""
    find("curl")
    ecr = running.client()
    testing.push(ecr, repository_name, testing.build_image(seed=1), tag="1.0")
    image = {"repositoryName": repository_name, "imageId": {"imageTag": "1.0"}}
    ecr.start_image_scan(**image)

    terminal.run(BLOCKS["post-findings"], at_server)

    found = ecr.describe_image_scan_findings(**image)["imageScanFindings"]
    assert [each["name"] for each in found["findings"]] == ["CVE-2026-0001"]
    assert found["findingSeverityCounts"] == {"HIGH": 1}


def test_images_are_signed(terminal: Terminal, running: Server, repository_name: str) -> None:
    """The script prints the certificate whose key has signed the image that it pushes."""
    printed = terminal.python(BLOCKS["sign_images.py"])

    certificate = x509.load_pem_x509_certificate(printed.encode())
    thumbprint = certificate.fingerprint(hashes.SHA256()).hex()
    digest = testing.build_image(seed="signed").digest
    answer = running.registry("GET", f"/v2/{repository_name}/referrers/{digest}")
    (signature,) = answer.json()["manifests"]
    key = "io.cncf.notary.x509chain.thumbprint#S256"
    assert signature["annotations"][key] == json.dumps([thumbprint])


def test_findings_are_queued(terminal: Terminal) -> None:
    """The test's scan finds what it has queued."""
    (terminal.directory / "test_findings.py").write_text(BLOCKS["test_findings.py"])
    (terminal.directory / "pytest.ini").write_text(BLOCKS["pytest.ini"])
    for name in ("AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION"):
        del terminal.variables[name]

    assert "1 passed" in terminal.run(".venv/bin/python -m pytest -W error test_findings.py")


def test_a_scanner(tmp_path: Path) -> None:
    """The server's scans find what the program does that is on the path."""
    terminal = Terminal(tmp_path / "terminal")
    path = f"{scanner(tmp_path / 'bin').parent}:{PATH}"
    port = str(free_port())

    with started(
        f"PATH={path} " + BLOCKS["start-with-a-scanner"], terminal.directory, MOTO_PORT=port
    ) as lines:
        _, address = login_in(lines, PATIENCE)
        ecr = boto3.client(
            "ecr",
            region_name="us-east-1",
            endpoint_url=f"http://{address}",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        ecr.create_repository(repositoryName="app", imageScanningConfiguration={"scanOnPush": True})
        testing.push(ecr, "app", debian_image(), tag="1.0")
        image = {"repositoryName": "app", "imageId": {"imageTag": "1.0"}}
        found = ecr.describe_image_scan_findings(**image)["imageScanFindings"]

    assert found["findingSeverityCounts"] == {"HIGH": 1, "CRITICAL": 1, "UNDEFINED": 1}


def test_several_servers_over_postgresql(tmp_path: Path, postgresql: Cluster) -> None:
    """What is pushed to one is pulled from the other."""
    text = BLOCKS["start-with-postgresql"].replace(
        "postgresql+psycopg://registry@127.0.0.1/registry",
        f"'{postgresql.url(postgresql.create_database())}'",
    )
    assert text != BLOCKS["start-with-postgresql"]
    terminal = Terminal(tmp_path / "terminal")
    image = testing.build_image(seed=1)

    with ExitStack() as stack:
        clients = []
        for _ in range(2):
            lines = stack.enter_context(
                started(text, terminal.directory, MOTO_PORT=str(free_port()))
            )
            _, address = login_in(lines, PATIENCE)
            clients.append(
                boto3.client(
                    "ecr",
                    region_name="us-east-1",
                    endpoint_url=f"http://{address}",
                    aws_access_key_id="test",
                    aws_secret_access_key="test",
                )
            )
        first, second = clients
        first.create_repository(repositoryName="app")
        testing.push(first, "app", image, tag="1.0")
        assert testing.pull(second, "app", "1.0").manifest == image.manifest


def test_blobs_in_s3(tmp_path: Path, moto_s3: S3Server) -> None:
    """The server keeps layers in the bucket that the line names."""
    terminal = Terminal(tmp_path / "terminal")
    s3 = moto_s3.client()
    s3.create_bucket(Bucket="layers")
    text = BLOCKS["start-with-s3"].replace("http://127.0.0.1:9000", moto_s3.endpoint_url)
    assert text != BLOCKS["start-with-s3"]

    with started(
        text, terminal.directory, MOTO_PORT=str(free_port()), **moto_s3.variables
    ) as lines:
        _, address = login_in(lines, PATIENCE)
        ecr = boto3.client(
            "ecr",
            region_name="us-east-1",
            endpoint_url=f"http://{address}",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        ecr.create_repository(repositoryName="app")
        image = testing.build_image(seed=1)
        testing.push(ecr, "app", image, tag="1.0")

    kept = s3.list_objects_v2(Bucket="layers", Prefix="ecr/blobs/")["Contents"]
    assert {each["Key"].rpartition("/")[2] for each in kept} == {
        blob.digest.partition(":")[2] for blob in image.blobs
    }


def test_the_pull_through_cache(tmp_path: Path) -> None:
    """The image comes from the upstream registry, which takes the login of the secret."""
    find("aws")
    find("skopeo")
    terminal = Terminal(tmp_path / "terminal")
    terminal.variables["REGISTRY_AUTH_FILE"] = str(terminal.directory / "auth.json")
    image = testing.build_image(seed="upstream")

    with running_upstream() as upstream:
        upstream.put("library/app", image, "1.0")
        upstream.login = ("me", "secret")
        text = BLOCKS["start-with-an-upstream"].replace("http://127.0.0.1:5001", upstream.url)
        with started(text, terminal.directory, MOTO_PORT=str(free_port())) as lines:
            here = ADDRESS, login_in(lines, PATIENCE)[1]
            terminal.export(BLOCKS["environment"], here)
            terminal.run(BLOCKS["pull-through-the-cache"], here)

    blobs = {path.name for path in (terminal.directory / "cached").rglob("blobs/sha256/*")}
    assert {f"sha256:{name}" for name in blobs} == {
        image.digest,
        *(blob.digest for blob in image.blobs),
    }


def test_the_proxy(tmp_path: Path) -> None:
    """Through the proxy, skopeo pushes to the real host name."""
    find("aws")
    find("skopeo")
    find("openssl")
    terminal = Terminal(tmp_path / "terminal")
    terminal.variables["REGISTRY_AUTH_FILE"] = str(terminal.directory / "auth.json")
    port = free_port()

    with started(BLOCKS["start-a-proxy"], terminal.directory, MOTO_PROXY_PORT=port) as lines:
        password, host = login_in(lines, PATIENCE)
        while "Serving HTTP Proxy" not in lines.get(timeout=PATIENCE):
            pass
        terminal.run(BLOCKS["push-through-the-proxy"], (PROXY_ADDRESS, f"127.0.0.1:{port}"))
        with session_through(f"http://127.0.0.1:{port}") as session:
            tags = session.get(f"https://{host}/v2/team/app/tags/list", auth=("AWS", password))

    assert tags.json() == {"name": "team/app", "tags": ["1.0"]}


def test_the_line_that_runs_the_tests_is_the_one_of_ci() -> None:
    """CI ends in the line that the README has."""
    line = BLOCKS["run-the-tests"]

    assert (ROOT / ".ci" / "run").read_text().endswith(f"\n{line}")


def test_an_environment_of_tox_is_one() -> None:
    """What is shown as a part of the tests is there."""
    words = BLOCKS["run-some-tests"].split()
    assert words[:2] == [".venv/bin/tox", "-e"]
    python, factor = words[2].split("-")
    configuration = (ROOT / "tox.ini").read_text()
    assert re.search(rf"^    {python}-\S*\b{factor}\b", configuration, re.MULTILINE)
    assert words[3] == "--"
    assert (ROOT / words[4]).is_file()


# What it lists.


def test_requests_made_from_the_model() -> None:
    """The numbers of operations and of broken requests are those of the botocore that it names."""
    named, operations, broken = re.search(
        r"With botocore (\S+) that is (\d+) operations and (\d+) broken requests", README
    ).groups()
    if botocore.__version__ != named:
        pytest.skip(f"botocore is {botocore.__version__}, README counts with {named}")
    names = service_model.operation_names()
    assert len(names) == int(operations)
    assert sum(len([*variants(name)]) for name in names) == int(broken)


def test_settings() -> None:
    """The table has every flag, variable, key and default."""
    rows = [
        ["Flag", "Variable", "Key", "Values", "Default", "What it does"],
        *(
            [
                f"``{place.flag}``",
                f"``{place.variable}``",
                "",
                place.values,
                place.default,
                place.meaning,
            ]
            for place in settings.PLACES
        ),
    ]
    for setting in settings.ALL:
        default = f"``{setting.default}``" if setting.default else "none"
        if setting.name in server.DEFAULTS:
            default += f"; ``{server.DEFAULTS[setting.name]}`` for ``moto_ecr_server``"
        rows.append(
            [
                f"``{setting.flag}``",
                f"``{setting.variable}``",
                f"``{setting.name}``",
                ", ".join(f"``{choice}``" for choice in setting.choices) or setting.values,
                default,
                setting.meaning,
            ]
        )
    rows += [
        [
            f"``{setting.flag}``",
            f"``{setting.variable}``",
            "",
            setting.values,
            f"``{setting.default}``" if setting.default else "none",
            setting.meaning,
        ]
        for setting in settings.OF_SERVERS
    ]
    lines = [".. list-table::", "   :header-rows: 1", ""]
    for first, *others in rows:
        lines += [f"   * - {first}".rstrip(), *(f"     - {each}".rstrip() for each in others)]

    assert section("settings") == "\n".join(lines)


def test_quotas() -> None:
    """Every quota that the setting of this name knows is named."""
    [named] = re.findall(r"``quotas`` knows (.*?)\.", README, re.DOTALL)
    assert re.findall(r"``(\w+)``", named) == sorted(settings.DEFAULT_QUOTAS)


def test_fixtures_and_helpers_are_listed() -> None:
    """Every fixture, everything that a server has, and every helper is named."""
    named = set(re.findall(r"``([\w.]+)", README))
    for name in vars(pytest_plugin):
        if name.startswith("moto_ecr_"):
            assert name in named
    members = {name for name in dir(pytest_plugin.RunningServer) if not name.startswith("_")}
    assert members | set(pytest_plugin.RunningServer.__annotations__) <= named
    helpers = {name for name in testing.__all__ if name[0].islower()}
    assert helpers <= named


def test_files_that_are_named_are_there() -> None:
    """Paths of this repository lead somewhere."""
    paths = re.findall(r"``((?:tests|examples|benchmarks|\.ci)/[\w/.]+)``", README)
    assert len(paths) >= 3
    for path in paths:
        assert (ROOT / path).exists(), path


def test_the_codes_that_differ_are_named() -> None:
    """Each code of this project is named beside that of AWS."""
    from moto_ecr_ext.exceptions import PROJECT_CODES

    assert len(PROJECT_CODES) == 3
    words = " ".join(README.split())
    for kind, code in PROJECT_CODES.items():
        assert re.search(rf"``{code}``[^,]*\(.*?``{kind.code}``\)", words), code


def test_resources_of_cloudformation() -> None:
    """CloudFormation knows every resource of ECR, as its documentation lists them, but the public one."""
    with moto_ecr_ext.install():
        known = {name.removeprefix("AWS::ECR::") for name in get_model_map() if "::ECR::" in name}
    assert known == {
        "PullThroughCacheRule",
        "PullTimeUpdateExclusion",
        "RegistryPolicy",
        "RegistryScanningConfiguration",
        "ReplicationConfiguration",
        "Repository",
        "RepositoryCreationTemplate",
        "SigningConfiguration",
    }


def test_it_is_well_formed() -> None:
    """PyPI shows the README and the changes only where docutils finds nothing wrong with them."""
    core = pytest.importorskip("docutils.core", reason="docutils is not installed")
    for name in ("README.rst", "CHANGES.rst"):
        core.publish_string(
            (ROOT / name).read_text(),
            writer="null",
            settings_overrides={"halt_level": 2, "report_level": 2, "syntax_highlight": "none"},
        )
