"""Pages of the documentation, whose commands tests run."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent

from support.commands import PATIENCE
from support.programs import Home

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to"

_BLOCK = re.compile(
    r"^\.\. code-block:: (\S+)\n   :name: (\S+)\n\n((?:(?:   .*)?\n)+)", re.MULTILINE
)


def blocks_of(page: Path) -> dict[str, str]:
    """The code blocks of a page, by their names."""
    return {name: dedent(text).strip() + "\n" for _, name, text in _BLOCK.findall(page.read_text())}


def pages_run_by(tests: str) -> list[Path]:
    """The how-to pages that say at their top that these tests run them, and not those that follow a whole page."""
    return [page for page in sorted(HOW_TO.glob("*.rst")) if runner_of(page) == tests]


def runner_of(page: Path) -> str:
    """The tests that a page names at its top, by the path of their folder; none if it is followed as a whole."""
    first, _, _ = page.read_text().partition("\n")
    return first.removeprefix(".. run by: ") if first.startswith(".. run by: ") else ""


def unused_blocks(tests: str) -> list[str]:
    """The blocks of the pages that these tests run, by their names, that no test names."""
    folder = HOW_TO.parents[1] / tests
    sources = "".join(each.read_text() for each in folder.glob("*.py"))
    blocks: list[str] = []
    for page in pages_run_by(tests):
        named = blocks_of(page)
        assert page.read_text().count(".. code-block::") == len(named), page
        blocks += named
    return [name for name in blocks if f'"{name}"' not in sources and name != "environment"]


class HowTo:
    """Blocks of the pages about clients, typed by a user in a separate directory."""

    def __init__(self, home: Home, server: str = "", proxy: str = "") -> None:
        """Use a server and a proxy at these addresses instead of the addresses on the pages."""
        self.home = home
        self._addresses = {"127.0.0.1:5000": server, "127.0.0.1:5005": proxy}
        self._blocks: dict[str, str] = {}
        for page in pages_run_by("tests/clients"):
            self._blocks.update(blocks_of(page))
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
        """Return the output of a block, with the variables of the page if there is a server."""
        variables = self.text("environment") if self._addresses["127.0.0.1:5000"] else ""
        return self._shell(variables + self.text(name))

    def write(self, name: str, path: str = "") -> None:
        """Write a block to a file, by default of the same name."""
        (self.home.path / (path or name)).write_text(self.text(name))
