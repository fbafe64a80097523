"""`moto_ecr_server --host unix://PATH`: what can be at the path, and what remains there."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from support.commands import Command


def refusal(host: str, **environment: str) -> tuple[int, str]:
    """The exit status and the output of a server that ends at once."""
    with Command("moto_ecr_server", "--host", host, **environment) as command:
        return command.wait(), command.output


def test_a_unix_socket_in_use(tmp_path: Path) -> None:
    """A used socket is named like a used port; an abandoned one is replaced."""
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        assert refusal(f"unix://{path}") == (
            2,
            f"moto_ecr_server: The Unix socket {path} is in use by another program.\n",
        )
    with Command("moto_ecr_server", "--host", f"unix://{path}") as command:
        command.wait_for("Registry of account")


def test_a_variable_of_another_server() -> None:
    """Each server of werkzeug leaves this variable to the programs that its process starts."""
    assert refusal("unix://", WERKZEUG_SERVER_FD="3") == (
        2,
        "moto_ecr_server: unix:// needs the path of a socket.\n",
    )


def test_a_file_is_no_unix_socket(tmp_path: Path) -> None:
    """A file at the path stays unchanged, although werkzeug would remove it."""
    path = tmp_path / "file"
    path.write_text("kept")
    assert refusal(f"unix://{path}") == (
        2,
        f"moto_ecr_server: {path} is not a Unix socket. Give a path at which there is nothing.\n",
    )
    assert path.read_text() == "kept"


@pytest.mark.parametrize(
    ("host", "message"),
    [
        ("unix://", "unix:// needs the path of a socket."),
        ("unix:///" + 200 * "x", f"/{200 * 'x'} is too long for the path of a Unix socket."),
    ],
)
def test_paths_of_no_unix_socket(host: str, message: str) -> None:
    """A path that cannot be a socket is refused in one sentence."""
    assert refusal(host) == (2, f"moto_ecr_server: {message}\n")


def test_a_busy_unix_socket(tmp_path: Path) -> None:
    """A datagram socket, and one that accepts no connection, count as used, too."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagrams:
        datagrams.bind(str(tmp_path / "datagrams"))
        _, output = refusal(f"unix://{tmp_path / 'datagrams'}")
    assert "is in use by another program." in output
    with socket.socket(socket.AF_UNIX) as full, socket.socket(socket.AF_UNIX) as client:
        full.bind(str(tmp_path / "full"))
        full.listen(0)
        client.connect(str(tmp_path / "full"))
        _, output = refusal(f"unix://{tmp_path / 'full'}")
    assert "is in use by another program." in output


def test_a_unix_socket_in_no_directory(tmp_path: Path) -> None:
    """The refusal names the missing directory."""
    path = tmp_path / "missing" / "socket"
    assert refusal(f"unix://{path}") == (
        2,
        f"moto_ecr_server: {path.parent}, the directory of the Unix socket, does not exist.\n",
    )
