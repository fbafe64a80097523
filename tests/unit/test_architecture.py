"""The pages for contributors name existing files, definitions, the whole tree, and every operation.

A name in backquotes with a file in brackets behind it is a definition in that file. Paths begin at the repository, at
the package, or at the page.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import moto_ecr_ext
from moto_ecr_ext import service_model
from moto_ecr_ext.models import ECRBackend

ROOT = Path(__file__).parents[2]
PACKAGE = Path(moto_ecr_ext.__file__).parent
DOCS = ROOT / "docs" / "architecture"
PAGES = sorted([*DOCS.glob("*.rst"), ROOT / "CONTRIBUTING.rst"])

_LITERAL = re.compile(r"``([^`]+)``")
_FILE = re.compile(r"[\w.-]+(?:/[\w.-]+)*(?:/|\.(?:cfg|in|ini|py|rst|toml|txt|yaml))")
_PATH_IN_A_COMMAND = re.compile(r"(?<![\w./-])(?:benchmarks|docs|examples|tests)/[\w./-]*\w")
_DEFINITION = re.compile(r"``([A-Za-z_][\w.]*)``\s+\(``([\w./-]+\.py)``\)")
_ENTRY_OF_TREE = re.compile(r"^  ((?:  )+)([\w./]+) {2,}\S", re.MULTILINE)
_OPERATION = re.compile(r"^([A-Z]\w+) +``(\S+)``$", re.MULTILINE)
_CODE = re.compile(r"^\.\. code-block:: python\n\n((?:(?:   .*)?\n)+)", re.MULTILINE)


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def found(path: str, page: Path) -> Path | None:
    """The file or folder that a page means by a path, or None."""
    places = (ROOT, PACKAGE, page.parent)
    return next((place / path for place in places if (place / path).exists()), None)


def definitions(file: Path) -> set[str]:
    """The names that a module defines, and those of its classes' members behind the name of the class."""
    return set(_names(ast.parse(file.read_text(encoding="utf-8"))))


def _names(node: ast.Module | ast.ClassDef) -> Iterator[str]:
    for each in node.body:
        if isinstance(each, ast.FunctionDef | ast.ClassDef):
            yield each.name
        if isinstance(each, ast.ClassDef):
            yield from (f"{each.name}.{name}" for name in _names(each))
        targets = each.targets if isinstance(each, ast.Assign) else []
        if isinstance(each, ast.AnnAssign):
            targets = [each.target]
        yield from (target.id for target in targets if isinstance(target, ast.Name))


def unindented(text: str) -> str:
    return "\n".join(line.strip() for line in text.strip().splitlines())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_are_there(page: Path) -> None:
    """Each path on a page is that of a file or folder."""
    text = text_of(page)
    named = {each for each in _LITERAL.findall(text) if _FILE.fullmatch(each)}
    named.update(_PATH_IN_A_COMMAND.findall(text))
    assert named
    assert [path for path in sorted(named) if found(path, page) is None] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_definitions_are_in_their_files(page: Path) -> None:
    """Each function, class or variable is defined in the file behind it."""
    missing = []
    for name, path in _DEFINITION.findall(text_of(page)):
        file = found(path, page)
        if file is None or name not in definitions(file):
            missing.append(f"{name} ({path})")
    assert missing == []


def test_every_entry_of_the_package_is_in_the_tree() -> None:
    """The tree has the files and folders of the package, and those of its folders."""
    listed: set[str] = set()
    folder = ""
    for indent, name in _ENTRY_OF_TREE.findall(text_of(DOCS / "README.rst")):
        is_at_the_top = len(indent) == 2
        if is_at_the_top:
            folder = name
        listed.add(name if is_at_the_top else folder + name)
    entries = {
        path.relative_to(PACKAGE).as_posix() + ("/" if path.is_dir() else "")
        for path in [*PACKAGE.glob("*"), *PACKAGE.glob("*/*")]
        if path.name != "__pycache__" and (path.is_dir() or path.suffix == ".py")
    }
    assert listed == {each for each in entries if not each.endswith("/__init__.py")}


def test_every_page_is_in_the_lists_of_pages() -> None:
    """The first page lists each other one once in its table, and once in its toctree."""
    text = text_of(DOCS / "README.rst")
    others = sorted(page.name for page in DOCS.glob("*.rst") if page.name != "README.rst")
    table = re.findall(r"^``(\S+\.rst)``  ", text, re.MULTILINE)
    assert sorted(table) == sorted([*others, "README.rst"])
    [entries] = re.findall(r"^\.\. toctree::\n   :hidden:\n\n((?:   \S+\n)+)", text, re.MULTILINE)
    assert sorted(f"{entry}.rst" for entry in entries.split()) == others


def test_every_operation_is_in_the_table() -> None:
    """The table has every operation, with the file that defines its method."""
    listed = dict(_OPERATION.findall(text_of(DOCS / "operations.rst")))
    assert set(service_model.operation_names()) <= set(listed)
    methods = {each: getattr(ECRBackend, service_model.method_name(each)) for each in listed}
    assert listed == {
        operation: method.__module__.removeprefix("moto_ecr_ext.").replace(".", "/") + ".py"
        for operation, method in methods.items()
    }


def test_the_worked_example_is_from_the_sources() -> None:
    """Each block of Python in CONTRIBUTING is found in a file of the package or of the tests."""
    blocks = [unindented(block) for block in _CODE.findall(text_of(ROOT / "CONTRIBUTING.rst"))]
    assert blocks
    sources = [
        unindented(file.read_text(encoding="utf-8"))
        for folder in (PACKAGE, ROOT / "tests")
        for file in folder.rglob("*.py")
    ]
    assert [each for each in blocks if not any(each in source for source in sources)] == []
