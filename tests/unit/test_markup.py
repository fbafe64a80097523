"""Every page is well-formed reStructuredText, and links to pages that exist.

docutils is enough to find what a merge leaves behind. It does not know Sphinx's directives, whose contents only
`tox -e docs` checks.
"""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest

core = pytest.importorskip("docutils.core", reason="docutils is not installed")

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(
    path
    for path in [
        *ROOT.glob("*.rst"),
        *ROOT.glob("benchmarks/*.rst"),
        *ROOT.glob("examples/*/*.rst"),
        *DOCS.rglob("*.rst"),
    ]
    if "_build" not in path.parts
)

_MESSAGE = re.compile(r":(\d*): \((?:WARNING|ERROR|SEVERE)/\d\) (.+)")
# Names that only Sphinx and its extensions define.
_ONLY_IN_SPHINX = re.compile(
    r'Unknown directive type "(?:auto(?:class|function|module)|ecr-[a-z-]+|grid|grid-item-card|rst-class|toctree)"'
    r'|Unknown interpreted text role "doc"'
    r'|Error in "code-block" directive'
)
# docutils takes the marks of a conflict for text.
_CONFLICT = re.compile(r"^(?:<<<<<<<|>>>>>>>|\|\|\|\|\|\|\|) .*", re.MULTILINE)
_LINK = re.compile(r":doc:`(?:[^`<]*<)?([^`>]+)>?`")


def faults(text: str, source: str) -> list[str]:
    """The marks of conflicts in a page, and docutils' messages except those about names of Sphinx."""
    messages = io.StringIO()
    core.publish_doctree(
        text,
        source_path=source,
        settings_overrides={
            "halt_level": 5,
            "report_level": 2,
            "syntax_highlight": "none",
            "warning_stream": messages,
        },
    )
    return [
        *_CONFLICT.findall(text),
        *(
            f"line {line}: {message}"
            for line, message in _MESSAGE.findall(messages.getvalue())
            if not _ONLY_IN_SPHINX.match(message)
        ),
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_page_is_well_formed(page: Path) -> None:
    """docutils finds no fault."""
    assert faults(page.read_text(encoding="utf-8"), str(page)) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_to_pages(page: Path) -> None:
    """Each `:doc:` names a page, from its own folder or from the root of the site."""
    missing = []
    for link in _LINK.findall(page.read_text(encoding="utf-8")):
        place = DOCS / link[1:] if link.startswith("/") else page.parent / link
        if not place.with_name(f"{place.name}.rst").is_file():
            missing.append(link)
    assert missing == []


@pytest.mark.parametrize(
    "text",
    [
        "A long title\n====\n",
        "<<<<<<< ours\nText\n",
        "Text\n\n>>>>>>> theirs\n",
        "===  ===\na    b\n===  ===\nc    too long\n===  ===\n\n====  ==\nx\n",
        ".. toctre::\n\n   page\n",
        "An ``unfinished literal.\n",
    ],
    ids=["underline", "conflict", "end of a conflict", "table", "directive", "literal"],
)
def test_a_fault_is_found(text: str) -> None:
    """A leftover of a merge, or a slip, is reported."""
    assert faults(text, "page.rst")


def test_names_of_sphinx_are_no_faults() -> None:
    """Roles and directives that only Sphinx knows are not reported."""
    text = ".. toctree::\n   :hidden:\n\n   page\n\nSee :doc:`page`.\n"
    assert faults(text, "page.rst") == []
