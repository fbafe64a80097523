"""A base image of Debian's packages: the files that those of this machine have installed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from support.programs import find

_PACKAGES = (
    *("base-files", "bash", "ca-certificates", "coreutils", "dash", "libc-bin"),
    *("python3", "python3-venv", "tzdata"),
)
# What no package lists: links and what installing them makes.
_MADE = ("/bin", "/sbin", "/lib", "/lib64", "/etc/group", "/etc/ld.so.cache", "/etc/passwd")
_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
_UNUSED = ("/usr/share/doc/", "/usr/share/man/", "/usr/share/locale/")


def import_base(docker: dict[str, str], name: str) -> None:
    """Give the docker daemon of these variables an image of Debian with Python, without apt."""
    find("dpkg")
    find("apt-cache")
    closure = _output(
        *("apt-cache", "depends", "--recurse", "--installed", "--no-recommends", "--no-suggests"),
        *("--no-conflicts", "--no-breaks", "--no-replaces", "--no-enhances", *_PACKAGES),
    )
    packages = {line for line in closure if line and line[0].isalnum()}
    installed = set(_output("dpkg-query", "--show", "--showformat", "${Package}\n"))
    missing = sorted({*_PACKAGES} - installed)
    if missing:
        pytest.skip(f"Debian's {', '.join(missing)} are not installed")
    files = set(_output("dpkg", "--listfiles", *sorted(packages & installed)))
    kept = {each for each in files if each.startswith("/") and not each.startswith(_UNUSED)}
    paths = sorted(each for each in {*kept, *_MADE, _CERTIFICATES} - {"/."} if _is_there(each))
    with subprocess.Popen(
        ["tar", "--create", "--no-recursion", "--directory=/", "--files-from=-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as tar:
        assert tar.stdin is not None
        importing = subprocess.Popen(
            ["docker", "import", "-", name],
            env=docker,
            stdin=tar.stdout,
            stdout=subprocess.DEVNULL,
        )
        tar.stdin.write("\n".join(each[1:] for each in paths).encode())
        tar.stdin.close()
        assert importing.wait() == 0


def _is_there(path: str) -> bool:
    return Path(path).is_symlink() or Path(path).exists()


def _output(*command: str) -> list[str]:
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    return ran.stdout.splitlines()
