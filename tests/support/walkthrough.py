"""Pages of the documentation, followed from the top to the bottom as a reader follows them.

A page's code blocks are files and commands. A block with a `:caption:` is a file of that name. A block of the language
`shell` is typed into a terminal, which keeps its variables and its folder from one block to the next; one that begins
with `moto_ecr_server` or `moto_ecr_proxy` starts a server, which runs until the page ends. Blocks of other languages
without a caption are only shown.

A comment at the top of a page names what it needs beside this package: `.. needs: docker, skopeo`.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent

from support.commands import LOGIN, PATIENCE, Command
from support.programs import PATH, find

_BLOCK = re.compile(
    r"^(?P<indent> *)\.\. code-block:: (?P<language>\S+)\n"
    r"(?P<options>(?:(?P=indent)   :\w+:.*\n)*)\n"
    r"(?P<text>(?:(?:(?P=indent)   .*)?\n)+)",
    re.MULTILINE,
)
_OPTION = re.compile(r":(\w+): *(.*)")
_NEEDS = re.compile(r"^\.\. needs: (.+)$", re.MULTILINE)
_SERVERS = ("moto_ecr_server", "moto_ecr_proxy")
_ENDING = {"--check", "--repair", "--backup", "--help", "--version"}
# What pages have, and what stands for it in a test.
_PORTS = (4566, 5000, 5001, 5005)


@dataclass(frozen=True)
class Block:
    """One code block of a page: its language, the name of the file that it is, or none, and its text."""

    language: str
    file: str
    text: str

    @property
    def starts_a_server(self) -> bool:
        """True if the block starts a server, which does not end by itself."""
        words = shlex.split(self.text, comments=True) if self.language == "shell" else []
        return bool(words) and words[0] in _SERVERS and not _ENDING.intersection(words)


def blocks(page: Path) -> list[Block]:
    """Return the code blocks of a page in their order."""
    found = []
    for match in _BLOCK.finditer(page.read_text(encoding="utf-8")):
        options = dict(_OPTION.findall(match["options"]))
        text = dedent(match["text"]).strip() + "\n"
        found.append(Block(match["language"], options.get("caption", ""), text))
    return found


def needs(page: Path) -> list[str]:
    """Return the programs that a page says it needs."""
    found = _NEEDS.search(page.read_text(encoding="utf-8"))
    return [each.strip() for each in found[1].split(",")] if found else []


@dataclass
class Surroundings:
    """The reader's surroundings that a page requires, as they are on this machine."""

    # Texts of the page, such as the address of a database, and what stands for each.
    substitutes: dict[str, str] = field(default_factory=dict)
    # A folder of programs, looked through before all others.
    programs: Path | None = None
    # Variables of the reader's terminal.
    variables: dict[str, str] = field(default_factory=dict)


class Walkthrough:
    """A reader of pages: a folder, a terminal, and the servers that the pages have them start."""

    def __init__(self, folder: Path, surroundings: Surroundings) -> None:
        self._folder = folder
        self._substitutes = surroundings.substitutes
        self._servers = ExitStack()
        self._ports = {port: _free_port() for port in _PORTS}
        programs = [surroundings.programs, Path(sys.executable).parent, PATH]
        self._variables = {
            "PATH": os.pathsep.join(str(each) for each in programs if each),
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "XDG_RUNTIME_DIR": str(folder),
            "REGISTRY_AUTH_FILE": str(folder / "auth.json"),
            **surroundings.variables,
        }

    def follow(self, page: Path) -> str:
        """Do all that a page says, and return what its commands write. Fails if one of them fails."""
        for program in needs(page):
            find(program)
        return "".join(self.do(block) for block in blocks(page))

    def do(self, block: Block) -> str:
        """Write a block's file, start its server or run its commands, and return what these write."""
        text = self._here(block.text)
        if block.file:
            path = self._folder / block.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        elif block.starts_a_server:
            self._start(text)
        elif block.language == "shell":
            return self._type(text)
        return ""

    def _here(self, text: str) -> str:
        """Return a text with the ports and other addresses of this machine."""
        for written, real in self._substitutes.items():
            text = text.replace(written, real)
        for port, free in self._ports.items():
            text = re.sub(rf"\b(127\.0\.0\.1|localhost):{port}\b", rf"\1:{free}", text)
            text = re.sub(rf"--port {port}\b", f"--port {free}", text)
        return text

    def _start(self, text: str) -> None:
        command, *arguments = shlex.split(text)
        if "--port" not in arguments:
            port = self._ports[5005 if command == "moto_ecr_proxy" else 5000]
            arguments += ["--port", str(port)]
        variables = {
            name: value
            for name, value in self._variables.items()
            if name.startswith(("MOTO_", "AWS_", "PATH")) and name != "AWS_ENDPOINT_URL"
        }
        server = Command(command, *arguments, clock=None, directory=self._folder, **variables)
        self._servers.enter_context(server)
        server.wait_for("Serving HTTP Proxy" if command == "moto_ecr_proxy" else LOGIN)

    def _type(self, text: str) -> str:
        """Run commands, and keep the variables that they set for the commands after them."""
        kept = self._folder / ".variables"
        ended = subprocess.run(
            ["bash", "-aeuo", "pipefail", "-c", f"{text}\nenv --null > {kept}"],
            cwd=self._folder,
            env=self._variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=5 * PATIENCE,
            check=False,
        )
        assert ended.returncode == 0, f"{text}\n{ended.stdout}"
        for each in kept.read_text(encoding="utf-8").split("\0"):
            name, is_variable, value = each.partition("=")
            if is_variable and name not in ("_", "PWD", "SHLVL", "OLDPWD"):
                self._variables[name] = value
        return ended.stdout

    def close(self) -> None:
        self._servers.close()


@contextmanager
def reader(folder: Path, surroundings: Surroundings) -> Iterator[Walkthrough]:
    """Return a reader in an empty folder, whose servers end with the block."""
    folder.mkdir(parents=True, exist_ok=True)
    walkthrough = Walkthrough(folder, surroundings)
    try:
        yield walkthrough
    finally:
        walkthrough.close()
        shutil.rmtree(folder, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
