"""Pages of the documentation, whose commands tests run."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent

from support.commands import Server
from support.programs import Home

CLIENTS = Path(__file__).parents[2] / "docs" / "clients.rst"
# Where the pages have a server.
ADDRESS = "127.0.0.1:5000"

_BLOCK = re.compile(
    r"^\.\. code-block:: (\S+)\n   :name: (\S+)\n\n((?:(?:   .*)?\n)+)", re.MULTILINE
)


def blocks_of(page: Path) -> dict[str, str]:
    """The code blocks of a page, by their names."""
    return {name: dedent(text).strip() + "\n" for _, name, text in _BLOCK.findall(page.read_text())}


class HowTo:
    """A section of docs/clients.rst, as a user types it in a directory of their own."""

    def __init__(self, home: Home, server: Server) -> None:
        self.home = home
        self._server = server
        self._blocks = blocks_of(CLIENTS)
        self._shell = home.program("bash", "-euo", "pipefail", "-c")

    def text(self, name: str) -> str:
        """A block, with the address of the server of this test."""
        return self._blocks[name].replace(ADDRESS, self._server.address)

    def run(self, name: str) -> str:
        """What the commands of a block write, with the variables of the page."""
        return self._shell(self.text("environment") + self.text(name))

    def write(self, name: str, path: str) -> None:
        """Write a block to a file."""
        file = self.home.path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(self.text(name))
