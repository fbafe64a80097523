"""Programs of other projects, run as a user of the server runs them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.commands import PATIENCE, Command

# pyenv's stand-ins for programs of all its Pythons answer only where the right one is chosen.
PATH = os.pathsep.join(
    each for each in os.environ["PATH"].split(os.pathsep) if not each.endswith("/shims")
)


def find(name: str) -> str:
    """Return the path of a program. Skips the test, with the reason, if it is not installed."""
    # Debian keeps daemons where the PATH of users does not lead.
    path = shutil.which(name, path=os.pathsep.join([PATH, "/usr/sbin", "/sbin"]))
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


def is_root() -> bool:
    """Return whether this process may do everything."""
    return hasattr(os, "geteuid") and bool(os.geteuid() == 0)


def need_root(name: str) -> None:
    """Skip the test, and say why, where this process may not do what `name` does."""
    if not is_root():
        pytest.skip(f"{name} runs as root only")


class Home:
    """A home directory, and what a shell that was opened there has in its environment.

    Programs start in it.

    Nothing else of this process's environment reaches a program: no proxy, no certificates, no
    settings of a user's own containers.
    """

    def __init__(self, path: Path, **variables: str) -> None:
        self.path = path
        runtime = path / "run"
        runtime.mkdir(parents=True)
        self.variables = {
            "PATH": PATH,
            "HOME": str(path),
            "LANG": "C.UTF-8",
            "XDG_RUNTIME_DIR": str(runtime),
            **variables,
        }

    def program(self, name: str, *always: str, **variables: str) -> Program:
        """An installed program, to which the arguments `always` are given first."""
        return Program([find(name), *always], self.path, {**self.variables, **variables})


class Program:
    """A program that ends by itself, run in one directory."""

    def __init__(self, command: list[str], directory: Path, variables: dict[str, str]) -> None:
        self._command = command
        self._directory = directory
        self._variables = variables
        # Seconds that one call may take.
        self.patience = PATIENCE

    def __call__(self, *arguments: str | Path, stdin: str = "") -> str:
        """Return the standard output of one call. Fails, with all output, if the call fails."""
        ended = self.run(*arguments, stdin=stdin)
        assert ended.returncode == 0, self._account(ended)
        return ended.stdout

    def refused(self, *arguments: str | Path, stdin: str = "") -> str:
        """All that one call wrote, which must fail."""
        ended = self.run(*arguments, stdin=stdin)
        assert ended.returncode != 0, self._account(ended)
        return ended.stdout + ended.stderr

    def run(self, *arguments: str | Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """One call, whether it fails or not."""
        return subprocess.run(
            [*self._command, *map(str, arguments)],
            cwd=self._directory,
            env=self._variables,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=self.patience,
            check=False,
        )

    @staticmethod
    def _account(ended: subprocess.CompletedProcess[str]) -> str:
        return (
            f"{' '.join(ended.args)}\nended with {ended.returncode}\n{ended.stdout}{ended.stderr}"
        )


@contextmanager
def running_daemon(
    name: str, *arguments: str | Path, says: str, **variables: str
) -> Iterator[None]:
    """A daemon, from when it `says` that it is ready until the block ends."""
    # An absolute path is not looked for among the scripts of this package.
    with Command(
        find(name), *map(str, arguments), clock=None, directory=None, **variables
    ) as daemon:
        daemon.wait_for(re.escape(says))
        yield
