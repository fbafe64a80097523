"""Pages of the documentation, whose commands tests run."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent

from support.commands import PATIENCE
from support.programs import Home

CLIENTS = Path(__file__).parents[2] / "docs" / "clients.rst"

_BLOCK = re.compile(
    r"^\.\. code-block:: (\S+)\n   :name: (\S+)\n\n((?:(?:   .*)?\n)+)", re.MULTILINE
)


def blocks_of(page: Path) -> dict[str, str]:
    """The code blocks of a page, by their names."""
    return {name: dedent(text).strip() + "\n" for _, name, text in _BLOCK.findall(page.read_text())}


class HowTo:
    """Blocks of docs/clients.rst, as a user types them in a directory of their own."""

    def __init__(self, home: Home, server: str = "", proxy: str = "") -> None:
        """Have a server and a proxy at these addresses instead of those of the page."""
        self.home = home
        self._addresses = {"127.0.0.1:5000": server, "127.0.0.1:5005": proxy}
        self._blocks = blocks_of(CLIENTS)
        self._shell = home.program("bash", "-euo", "pipefail", "-c")
        # A block may have several commands that take long on a busy machine.
        self._shell.patience = 5 * PATIENCE

    def text(self, name: str) -> str:
        """A block, with the addresses of this test."""
        text = self._blocks[name]
        for written, real in self._addresses.items():
            assert real or written not in text
            text = text.replace(written, real)
        return text

    def run(self, name: str) -> str:
        """What the commands of a block write, with the variables of the page if there is a server."""
        variables = self.text("environment") if self._addresses["127.0.0.1:5000"] else ""
        return self._shell(variables + self.text(name))

    def write(self, name: str, path: str = "") -> None:
        """Write a block to a file, by default of the same name."""
        (self.home.path / (path or name)).write_text(self.text(name))
