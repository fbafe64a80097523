"""The two commands: their arguments, their output, their end."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import sqlite3
import ssl
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from types import ModuleType
from typing import Any

import pytest
import requests

import moto_ecr_ext
from moto_ecr_ext import settings
from moto_ecr_ext.seams.installation import is_installed, uninstall
from moto_ecr_ext.server.commands import proxy, server
from moto_ecr_ext.storage.rows import tables
from support.commands import (
    LOGIN,
    PATIENCE,
    Command,
    Server,
    running_server,
)

pytestmark = pytest.mark.platform

Run = Callable[..., tuple[object, str]]


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    """A server with only the flag for its port."""
    with running_server() as running:
        yield running


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command that ends by itself; gives its exit code and its output."""
    uninstall()  # What tests before have left.
    for name in list(os.environ):
        if name.startswith(("MOTO_", "AWS_")):
            monkeypatch.delenv(name)

    def run(command: ModuleType, *arguments: str) -> tuple[object, str]:
        name = f"moto_ecr_{command.__name__.rpartition('.')[2]}"
        # moto's own parsers take their name from it.
        monkeypatch.setattr("sys.argv", [name, *arguments])
        with pytest.raises(SystemExit) as exit_:
            command.main(arguments)
        out, error = capfd.readouterr()
        return exit_.value.code, out + error

    return run


@pytest.mark.parametrize("command", [server, proxy])
def test_help_has_the_flags_of_moto_and_our_own(run: Run, command: Any) -> None:
    """--help lists moto's flags, and each of ours with its environment variable."""
    code, output = run(command, "--help")

    assert code == 0
    words = output.split()
    for expected in ["--port", "--host", "--data-dir", "MOTO_ECR_DATA_DIR;"]:
        assert expected in words
    assert (settings.WORKERS.flag in words) == (command is server)
    for setting in (*settings.ALL, *settings.OF_SERVERS):
        assert setting.flag in words
        assert f"{setting.variable};" in words
    # One block, with the defaults of moto's flags too.
    assert output.count("usage:") == output.count("options:") == 1
    port = 5000 if command is server else 5005
    variable = "MOTO_PORT" if command is server else "MOTO_PROXY_PORT"
    assert f"(environment: {variable}; default: {port})" in " ".join(words)


@pytest.mark.parametrize("command", [server, proxy])
def test_version(run: Run, monkeypatch: pytest.MonkeyPatch, command: Any) -> None:
    """--version needs no package of moto's extras."""
    monkeypatch.setitem(sys.modules, "flask", None)
    code, output = run(command, "--version")

    name = f"moto_ecr_{command.__name__.rpartition('.')[2]}"
    assert code == 0
    assert output == (
        f"{name} {moto_ecr_ext.__version__} (moto {version('moto')}, "
        f"botocore {version('botocore')}, Python {python_version()})\n"
    )


@pytest.mark.parametrize(
    ("flag", "nearest"),
    [
        ("--data-dri", "--data-dir"),
        ("--prot", "--port"),
        ("--allowed-host=x", "--allowed-hosts"),
        ("--log_level", "--log-level"),
    ],
)
def test_the_nearest_flag_is_named(run: Run, flag: str, nearest: str) -> None:
    """A misspelt flag is refused in one line with the nearest one."""
    code, output = run(server, flag)

    assert code == 2
    assert output == f"moto_ecr_server: unrecognized arguments: {flag}. Did you mean {nearest}?\n"


def test_a_flag_like_no_other(run: Run) -> None:
    """No flag is suggested if no flag is similar."""
    _, output = run(server, "--zzz")
    assert output == "moto_ecr_server: unrecognized arguments: --zzz\n"


@pytest.mark.parametrize("command", [server, proxy])
@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("MOTO_ECR_QUIRKS", "some", "MOTO_ECR_QUIRKS is 'some'; it must be one of none, aws"),
        ("AWS_DEFAULT_REGION", "nowhere-1", "AWS_DEFAULT_REGION is 'nowhere-1', which has no ECR"),
    ],
)
def test_a_wrong_variable_is_reported_in_one_line(
    run: Run, monkeypatch: pytest.MonkeyPatch, command: Any, variable: str, value: str, message: str
) -> None:
    """A wrong variable is reported in one line, with exit code 2."""
    monkeypatch.setenv(variable, value)

    code, output = run(command, "--port", "0")

    assert code == 2
    assert output == f"{command.main.__module__.replace('ext.server.commands.', '')}: {message}\n"
    assert not is_installed()


@pytest.mark.parametrize("command", [server, proxy])
@pytest.mark.parametrize(
    ("variable", "message"),
    [
        (
            "MOTO_ECR_DATADIR",
            "MOTO_ECR_DATADIR is not a variable of moto_ecr_ext; did you mean MOTO_ECR_DATA_DIR?",
        ),
        (
            "MOTO_ECR_IDLE_TIMEOUT",
            "MOTO_ECR_IDLE_TIMEOUT is 'never'; it must be a number of seconds above 0",
        ),
    ],
)
def test_variables_are_read_at_the_start(
    run: Run, monkeypatch: pytest.MonkeyPatch, command: Any, variable: str, message: str
) -> None:
    """The start refuses a variable of no setting, and a wrong value of a server's setting."""
    monkeypatch.setenv(variable, "never")

    code, output = run(command, "--port", "0")

    assert code == 2
    assert output == f"{command.main.__module__.replace('ext.server.commands.', '')}: {message}\n"


@pytest.mark.parametrize("command", [server, proxy])
@pytest.mark.parametrize(
    ("scanner", "message"),
    [
        (
            "trivy-that-is-nowhere --quiet",
            "The setting scanner names trivy-that-is-nowhere, which is not installed, or not on the PATH.",
        ),
        ("/nowhere/grype", "The setting scanner names /nowhere/grype, which cannot be run."),
    ],
)
def test_a_scanner_that_is_not_installed(
    run: Run, monkeypatch: pytest.MonkeyPatch, command: Any, scanner: str, message: str
) -> None:
    """A missing scanner is reported at the start, and not by every scan."""
    name = command.main.__module__.replace("ext.server.commands.", "")
    assert run(command, "--port", "0", "--scanner", scanner) == (2, f"{name}: {message}\n")
    monkeypatch.setenv("MOTO_ECR_SCANNER", scanner)
    assert run(command, "--port", "0") == (2, f"{name}: {message}\n")


@pytest.mark.parametrize(
    ("place", "message"),
    [
        (
            "s3://ab/prefix",
            "'s3://ab/prefix' is not of the form s3://BUCKET/PREFIX: 'ab' is not the name of a bucket, which has "
            "3 to 63 lower-case letters, digits, dots and hyphens.",
        ),
        ("{file}", "{file} is a file. Give --blobs a directory."),
        ("{file}/blobs", "{file}/blobs is a file. Give --blobs a directory."),
    ],
)
def test_an_impossible_place_for_blobs(run: Run, tmp_path: Path, place: str, message: str) -> None:
    """An impossible place for blobs is named in one sentence, and not created."""
    file = tmp_path / "file"
    file.write_text("")
    arguments = ("--data-dir", str(tmp_path / "registry"), "--blobs", place.format(file=file))
    expected = f"moto_ecr_server: {message.format(file=file)}\n"
    assert run(server, "--port", "0", *arguments) == (2, expected)
    assert file.read_text() == ""


@pytest.mark.parametrize("work", [["--check"], ["--backup", "copy"], []])
def test_a_wrong_name_of_a_variable(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, work: list[str]
) -> None:
    """An unknown variable is named before the work that fails without its meaning."""
    monkeypatch.setenv("MOTO_ECR_DATADIR", str(tmp_path))
    assert run(server, "--port", "0", *work) == (
        2,
        "moto_ecr_server: MOTO_ECR_DATADIR is not a variable of moto_ecr_ext; did you mean MOTO_ECR_DATA_DIR?\n",
    )


@pytest.mark.parametrize("command", [server, proxy])
def test_a_malformed_account_id(command: Any) -> None:
    """A malformed account id is refused, though moto itself would accept any text."""
    name = command.main.__module__.replace("ext.server.commands.", "")
    with Command(name, "--port", "0", MOTO_ACCOUNT_ID="12") as started:
        assert started.wait() == 2
    assert started.output == f"{name}: MOTO_ACCOUNT_ID is '12'; an account ID is twelve digits\n"


def test_an_interrupt(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Ctrl-C during work prints one line, with the status that shells expect."""
    path = tmp_path / "registry"
    with running_server("--data-dir", str(path)):
        pass
    monkeypatch.setattr("moto_ecr_ext.storage.rows.integrity.problems_of_sqlite", interrupt)
    code, output = run(server, "--data-dir", str(path), "--check")
    assert (code, output.splitlines()[-1]) == (130, "Interrupted.")
    assert "Traceback" not in output


def interrupt(*arguments: object) -> None:
    # A shell has a command in the background ignore SIGINT.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


def test_what_a_data_directory_may_have(run: Run, tmp_path: Path) -> None:
    """Hidden files, a file system's own files, and the authority of --ssl may be in a data directory."""
    for name in (".keep", "lost+found", "tls"):
        (tmp_path / name).mkdir()
    with running_server("--data-dir", str(tmp_path)) as running:
        assert running.registry("GET", "/v2/").status_code == 200
    # Later it may have more.
    (tmp_path / "notes").write_text("")
    with running_server("--data-dir", str(tmp_path)) as running:
        assert running.registry("GET", "/v2/").status_code == 200


def a_file(path):
    path.write_text("")
    return f"{path} is a file. Give --data-dir a directory that is empty or new."


def below_a_file(path):
    path.parent.joinpath("file").write_text("")
    path.symlink_to(path.parent / "file" / "registry")
    return "registry cannot be created: Not a directory."


def something_else(path):
    path.mkdir()
    for name in ("a", "b", "c", "d", "e"):
        (path / name).write_text("")
    return (
        f"{path} is not empty and has no registry, but a, b, c and 2 more. "
        "Give --data-dir a directory that is empty or new."
    )


def where_nobody_can_make_anything(path):
    path.symlink_to("/proc/registry")
    return "No such file or directory"


def no_database(path):
    path.mkdir()
    (path / "registry.sqlite").write_bytes(b"something else" * 100)
    return "registry.sqlite cannot be opened: file is not a database"


def a_newer_database(path):
    path.mkdir()
    newer = tables.SCHEMA_VERSION + 1
    with sqlite3.connect(path / "registry.sqlite") as database:
        database.execute("CREATE TABLE store (name PRIMARY KEY, value)")
        database.execute("INSERT INTO store VALUES ('schema_version', ?)", (str(newer),))
    database.close()
    return f"written by a newer moto_ecr_ext (schema version {newer};"


@pytest.mark.parametrize(
    "make",
    [
        a_file,
        below_a_file,
        something_else,
        where_nobody_can_make_anything,
        no_database,
        a_newer_database,
    ],
)
def test_an_unusable_data_directory_is_reported_in_one_line(
    run: Run, tmp_path: Path, make: Any
) -> None:
    """An unusable data directory is named in one line, and stays unchanged."""
    path = tmp_path / "registry"
    message = make(path)
    before = {each: each.read_bytes() for each in tmp_path.rglob("*") if each.is_file()}

    code, output = run(server, "--port", "0", "--data-dir", str(path))

    assert code == 2
    (line,) = output.splitlines()
    assert line.startswith("moto_ecr_server: ")
    assert message in line
    assert {each: each.read_bytes() for each in tmp_path.rglob("*") if each.is_file()} == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--quirks", "some"], "argument --quirks: invalid choice: 'some'"),
        (["--data-directory", "x"], "unrecognized arguments: --data-directory x"),
        (["--port", "some"], "argument -p/--port: 'some' is not a port, which is a number"),
        (["--data-dir"], "argument --data-dir: expected one argument"),
        (["--data-dir", ""], "argument --data-dir: the value is empty"),
        (["--database", ""], "argument --database: the value is empty"),
        (["--backup", ""], "argument --backup: the value is empty"),
        (["more"], "unrecognized arguments: more"),
        (["--port", "65536"], "argument -p/--port: 65536 is not a port"),
        (["--port", "-1"], "argument -p/--port: -1 is not a port"),
    ],
)
def test_a_wrong_flag_is_refused(run: Run, arguments: Any, message: str) -> None:
    """An unknown flag, or one with a wrong value, is refused with exit code 2."""
    code, output = run(server, *arguments)

    assert code == 2
    (line,) = output.splitlines()
    assert line.startswith("moto_ecr_server: ")
    assert message in line
    assert not LOGIN.search(output)
    assert not is_installed()


@pytest.mark.parametrize("command", [server, proxy])
def test_a_missing_package_is_reported_in_one_line(
    run: Run, monkeypatch: pytest.MonkeyPatch, command: Any
) -> None:
    """A missing package of moto's server or proxy is reported in one line, with its installation."""
    name = command.__name__.rpartition(".")[2]
    monkeypatch.delattr(f"moto.{name}", raising=False)
    monkeypatch.setitem(sys.modules, f"moto.{name}", None)

    code, output = run(command, "--port", "0")

    assert code == 2
    (line,) = output.splitlines()
    assert line.endswith(f"Install moto_ecr_ext with its extra '{name}'.")


def test_a_used_port_ends_it_before_the_login_lines() -> None:
    """A used port ends the command with one sentence."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with Command("moto_ecr_server", "--port", port) as command:
            assert command.wait() == 2

    assert command.output == (
        f"moto_ecr_server: Port {port} of 127.0.0.1 is in use by another program. "
        "Choose another with --port, or --port 0 for any that is free.\n"
    )


def test_it_begins_with_three_lines(tmp_path: Path) -> None:
    """The output begins with the version, the place of the data and the URL; then two ways to log in, and no
    warning.
    """
    with running_server() as in_memory:
        first, second, third, *others = in_memory.command.output.splitlines()
        assert first == f"moto_ecr_server {moto_ecr_ext.__version__}, moto {version('moto')}"
        assert second == "Data: in memory; lost when the server ends"
        in_browser = requests.get(f"{in_memory.url}/moto-api/ecr/", timeout=PATIENCE)
        assert in_browser.status_code == 200
        assert third == f"Registry of account 123456789012 in us-east-1: {in_memory.url}"
        login = f"docker login --username AWS --password-stdin {in_memory.address}"
        assert [each.strip() for each in others if "|" in each] == [
            "AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test aws ecr get-login-password "
            f"--region us-east-1 --endpoint-url {in_memory.url} | {login}",
            f"echo {in_memory.password} | {login}",
        ]
        assert in_memory.command.stop() == 0
        output = in_memory.command.output
        assert "WARNING" not in output
        assert "podman and skopeo do the same with --tls-verify=false.\n" in output
        page = re.search(r"^In a browser: (\S+)$", output, re.MULTILINE)
        assert page
        assert page[1] == f"{in_memory.url}/moto-api/ecr/"
        assert output.endswith(" INFO    Stopped.\n")
    with running_server("--data-dir", str(tmp_path / "registry")) as kept:
        assert f"Data: {tmp_path / 'registry'}\n" in kept.command.output
    places = ["--database", f"sqlite:///{tmp_path}/rows", "--blobs", str(tmp_path / "blobs")]
    with running_server(*places) as apart:
        assert (
            f"Data: database sqlite:///{tmp_path}/rows, blobs {tmp_path}/blobs\n"
            in apart.command.output
        )


def test_the_printed_password_logs_in(running: Server) -> None:
    """The printed password is accepted at /v2/ of the printed address, and no other is."""
    assert "Registry of account 123456789012 in us-east-1" in running.command.output
    assert running.registry("GET", "/v2/").status_code == 200
    assert running.registry("GET", "/v2/", password="another").status_code == 400
    assert requests.get(f"{running.url}/v2/", timeout=PATIENCE).status_code == 401


def test_the_printed_password_survives_a_reset(running: Server) -> None:
    """A reset of moto empties the registry; logins stay valid."""
    running.client().create_repository(repositoryName="app")
    running.reset()

    assert running.registry("GET", "/v2/_catalog").json() == {"repositories": []}


def test_the_uri_of_a_repository_is_where_it_can_be_pushed_to(running: Server) -> None:
    """`repositoryUri` and `proxyEndpoint` name the server's address."""
    running.reset()
    ecr = running.client()

    repository = ecr.create_repository(repositoryName="team/app")["repository"]
    (login,) = ecr.get_authorization_token()["authorizationData"]

    assert repository["repositoryUri"] == f"{running.address}/team/app"
    assert login["proxyEndpoint"] == running.url


def test_the_uri_of_a_repository_that_a_stack_made_is_where_it_can_be_pushed_to(
    running: Server,
) -> None:
    """The URI in a stack has the address that the server printed."""
    running.reset()
    stacks = running.client("cloudformation")
    template = """{
        "Resources": {
            "App": {"Type": "AWS::ECR::Repository", "Properties": {"RepositoryName": "app"}}
        },
        "Outputs": {"Uri": {"Value": {"Fn::GetAtt": ["App", "RepositoryUri"]}}}
    }"""

    stacks.create_stack(StackName="stack", TemplateBody=template)
    (stack,) = stacks.describe_stacks()["Stacks"]

    assert stack["Outputs"][0]["OutputValue"] == f"{running.address}/app"


def test_variables_say_which_registry_is_meant_by_default() -> None:
    """MOTO_ACCOUNT_ID and AWS_DEFAULT_REGION select the printed login; MOTO_PORT selects the port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    variables = {"MOTO_ACCOUNT_ID": "111122223333", "AWS_DEFAULT_REGION": "eu-west-1"}

    with Command("moto_ecr_server", MOTO_PORT=str(port), **variables) as command:
        elsewhere = Server(command)
        ecr = elsewhere.client(region="eu-west-1")
        repository = ecr.create_repository(repositoryName="app")["repository"]

        assert elsewhere.address == f"127.0.0.1:{port}"
        assert repository["registryId"] == "111122223333"
        assert elsewhere.registry("GET", "/v2/_catalog").json() == {"repositories": ["app"]}


@pytest.mark.parametrize(
    ("command", "arguments", "variables", "message"),
    [
        (
            server,
            [],
            {"MOTO_PORT": "web"},
            "MOTO_PORT is 'web'; 'web' is not a port, which is a number",
        ),
        (
            proxy,
            [],
            {"MOTO_PROXY_PORT": "web"},
            "MOTO_PROXY_PORT is 'web'; 'web' is not a port, which is a number",
        ),
        (
            server,
            [],
            {"MOTO_PORT": "99999"},
            "MOTO_PORT is '99999'; 99999 is not a port: ports are 1 to 65535, and 0 for any that is free",
        ),
        (
            proxy,
            [],
            {"MOTO_PROXY_PORT": "-5"},
            "MOTO_PROXY_PORT is '-5'; -5 is not a port: ports are 1 to 65535, and 0 for any that is free",
        ),
        (
            server,
            ["--host", "192.0.2.1"],
            {},
            "--host 192.0.2.1 is not an address of this machine.",
        ),
        (
            proxy,
            ["--host", "a..b"],
            {},
            "--host a..b is not an address or a known host name.",
        ),
    ],
)
def test_where_nothing_can_listen(
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    command: Any,
    arguments: list[str],
    variables: dict[str, str],
    message: str,
) -> None:
    """An impossible port or host is reported in one sentence, before anything is opened."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    code, output = run(command, *arguments)

    assert code == 2
    assert output == f"{command.main.__module__.replace('ext.server.commands.', '')}: {message}\n"
    assert not is_installed()


def has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


@pytest.mark.parametrize(
    ("host", "printed"),
    [
        ("0.0.0.0", "127.0.0.1"),
        pytest.param(
            "::1",
            "[::1]",
            marks=pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6 loopback"),
        ),
    ],
)
def test_the_printed_address_can_be_reached(host: str, printed: str) -> None:
    """The login line has an address that clients on this machine reach, on any host."""
    with running_server("--host", host) as elsewhere:
        assert elsewhere.address.rpartition(":")[0] == printed
        assert elsewhere.registry("GET", "/v2/").status_code == 200


def test_flags_of_moto_pass_through() -> None:
    """With moto's --ssl the registry speaks TLS."""
    with running_server("--ssl") as encrypted:
        host, _, port = encrypted.address.rpartition(":")
        connection = http.client.HTTPSConnection(
            host, int(port), timeout=PATIENCE, context=ssl._create_unverified_context()
        )
        connection.request("GET", "/v2/")
        answer = connection.getresponse()
        realm = f'Basic realm="https://{encrypted.address}/",service="ecr.amazonaws.com"'
        assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, realm)
        connection.close()


def accepts_connections(address: str) -> bool:
    host, _, port = address.rpartition(":")
    with socket.socket() as client:
        return client.connect_ex((host, int(port))) == 0


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it(by: Any) -> None:
    """Ctrl-C and SIGTERM end it at once, with exit code 0; open connections do not hold it up."""
    with running_server() as ended, requests.Session() as session:
        session.get(f"{ended.url}/v2/", timeout=PATIENCE)
        assert ended.command.stop(by) == 0

    assert "Traceback" not in ended.command.output
    assert not accepts_connections(ended.address)


def test_reload_starts_the_server_again(tmp_path: Path) -> None:
    """With moto's --reload the process that serves prints the line, and again after a change."""
    # A module that is imported when Python starts, and so is watched.
    watched = tmp_path / "sitecustomize.py"
    watched.write_text("")

    with running_server(
        "--reload", "--data-dir", str(tmp_path / "registry"), PYTHONPATH=str(tmp_path)
    ) as first:
        first.client().create_repository(repositoryName="app")
        assert len(LOGIN.findall(first.command.output)) == 1

        later = watched.stat().st_mtime + 10
        os.utime(watched, (later, later))
        again = Server(first.command)

        assert again.address == first.address
        for password in (first.password, again.password):
            answer = again.registry("GET", "/v2/_catalog", password=password)
            assert answer.json() == {"repositories": ["app"]}

        first.command.stop()
    assert not accepts_connections(first.address)
