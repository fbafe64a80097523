"""The language of the documentation, the docstrings and the comments: plain, with the field's words.

CONTRIBUTING.rst, "Style", says why. codespell looks for misspellings, and ruff for docstrings of functions that do not
begin with an imperative.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path
    for path in [
        *ROOT.glob("*.rst"),
        *(ROOT / "docs").rglob("*.rst"),
        *ROOT.glob("examples/*/*.rst"),
        *ROOT.glob("benchmarks/*.rst"),
    ]
    if "_build" not in path.parts
)
# Suites in the words of their users, before, after and without their migration.
_IMITATED = {"as_written", "edited", "project"}
SOURCES = sorted(
    path
    for folder in ("moto_ecr_ext", "benchmarks", "docs", "examples")
    for path in (ROOT / folder).rglob("*.py")
    if not _IMITATED & {*path.relative_to(ROOT).parts}
)

# Phrases that hang in the air, each with what to write instead.
TICS = {
    r"\bis (?-i:none)\b": "has no ..., does not exist",
    r"\bof use\b": "useful, or what it is used for",
    r"\bgives? whether\b": "return whether",
    r"\bthe other way round\b": "say both directions",
    r"\bha(?:s|ve) to be there\b": "must exist",
    r"\bas (?:it|they) stands?\b": "unchanged",
    r"\blets? \w+ pass\b": "allows",
    r"\band nothing else\b": "only",
    r"\bgoes on with\b": "continues",
    r"\bwhat is not\b": "a noun",
    r"\bof (?:its|their) own\b": "own, separate",
    r"\bbut for\b": "except",
    r"\bneither\b": "not ... or, no",
    r"\b(?:is|are|was|were) told\b": "knows, receives, is given",
    r"\bit takes (?:the|a|an)\b": "it needs, it accepts",
    r"\bone another way\b": "differently",
}


def prose_of_page(page: Path) -> Iterator[tuple[int, str]]:
    """The lines of a page without its code blocks, literal blocks, tables and directives."""
    block_indent: int | None = None
    is_in_table = False
    lines = page.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, 1):
        indent = len(line) - len(line.lstrip())
        if re.match(r"\s*=+( +=+)+$", line):
            # The rule below the last row is followed by an empty line, that below the head is not.
            is_in_table = number < len(lines) and bool(lines[number].strip())
        if is_in_table:
            continue
        if block_indent is not None and (not line.strip() or indent > block_indent):
            continue
        block_indent = None
        if re.match(
            r"\s*\.\. (?:code-block|list-table|include|toctree|ecr-)", line
        ) or line.endswith("::"):
            block_indent = indent
        elif line.strip() and not re.match(r"[=\-~^ ]+$|\s*\.\. |\s*:\w+: ", line):
            yield number, line


def prose_of_source(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of the docstrings and comments of a module."""
    source = path.read_text(encoding="utf-8")
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            text = ast.get_docstring(node, clean=False)
            if text:
                first = node.body[0].lineno
                yield from enumerate(text.splitlines(), first)


def tics_in(lines: Iterator[tuple[int, str]]) -> list[str]:
    found = []
    for number, line in lines:
        plain = re.sub(r"``[^`]*``|`[^`]*`", "", line)
        for tic, instead in TICS.items():
            if re.search(tic, plain, re.IGNORECASE):
                found.append(f"line {number}: {line.strip()!r}: write {instead}")
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_pages_are_plain(page: Path) -> None:
    """No phrase of the list is in a page's prose."""
    assert tics_in(prose_of_page(page)) == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_docstrings_and_comments_are_plain(path: Path) -> None:
    """No phrase of the list is in a docstring or a comment of the package or its tests."""
    assert tics_in(prose_of_source(path)) == []


def test_a_phrase_is_found(tmp_path: Path) -> None:
    """A phrase is found in a page's prose, in a docstring and in a comment, but not in code."""
    page = tmp_path / "page.rst"
    page.write_text("The URL is none.\n\n.. code-block:: python\n\n   x = 'is none'\n")
    module = tmp_path / "module.py"
    module.write_text('"""A place of its own."""\n# It is of use.\nx = "is none"\n')
    assert [each.split(":")[0] for each in tics_in(prose_of_page(page))] == ["line 1"]
    assert [each.split(":")[0] for each in tics_in(prose_of_source(module))] == ["line 2", "line 1"]
