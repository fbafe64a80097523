"""The tests that reach a place of the package, by the records of `tracing`."""

from __future__ import annotations

import ast
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import TypeAlias

from coverage import CoverageData

from .mutants import PACKAGE, Mutant

# Tables are made at the import. These tests compare them with databases.
_OF_TABLES = ("storage/rows/tables.py", "tests/server/test_migrations.py")

_Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
_Place: TypeAlias = tuple[str, ast.stmt]


class Reach:
    """The tests of a recorded run."""

    def __init__(self, folder: Path):
        self.seconds: dict[str, float] = {}
        for path in folder.glob("seconds*.json"):
            self.seconds.update(json.loads(path.read_text()))
        self._tests: dict[str, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
        for path in folder.glob("lines.*"):
            data = CoverageData(str(path))
            data.read()
            for file in data.measured_files():
                name = str(Path(file).relative_to(PACKAGE))
                for line, contexts in data.contexts_by_lineno(file).items():
                    self._tests[name][line].update(each for each in contexts if each)

    def tests(self, mutant: Mutant) -> set[str]:
        """Return the tests that run the mutant's statement.

        What runs at an import or is cached runs once, whatever test comes first. The tests are then those of the
        functions that use its name.
        """
        module, file = _OF_TABLES
        if mutant.path == module:
            return {test for test in self.seconds if _file(test) == file}
        return self._of_line(mutant.path, mutant.start[0], set()) & self.seconds.keys()

    def _of_line(self, path: str, line: int, seen: set[str]) -> set[str]:
        chain = _chain(_tree(path), line)
        functions = [each for each in chain if isinstance(each, _Function) and _is_body(each, line)]
        if functions and not any(_is_cached(each) for each in functions):
            last = chain[-1]
            end = last.body[0].lineno - 1 if hasattr(last, "body") else last.end_lineno or line
            found = self._between(path, last.lineno, max(end, line))
            # Of a statement of several lines, Python names some only.
            return found or self._between(path, functions[-1].lineno + 1, line)
        names = {name for each in chain for name in _names(each)} - seen
        users = [user for name in names for user in _users()[name]]
        inside = [user for user in users if user[0] == path]
        # Names such as `_DELETE` occur in many modules.
        return self._of_users(inside, seen | names) or self._of_users(users, seen | names)

    def _of_users(self, users: Iterable[_Place], seen: set[str]) -> set[str]:
        found = set()
        for path, user in users:
            if isinstance(user, _Function) and not _is_cached(user):
                found |= self._between(path, user.body[0].lineno, user.end_lineno or 0)
            else:
                found |= self._of_line(path, user.lineno, seen)
        return found

    def _between(self, path: str, first: int, last: int) -> set[str]:
        lines = self._tests[path]
        return {test for line in range(first, last + 1) for test in lines.get(line, ())}

    def quickest(self, tests: Iterable[str], seconds: float) -> list[list[str]]:
        """Return tests in two parts, as many as take this time: a few of the files that have most, and the others."""
        by_time = sorted(tests, key=lambda test: (self.seconds.get(test, 0.0), test))
        taken: list[str] = []
        total = 0.0
        for test in by_time:
            total += self.seconds.get(test, 0.0)
            if taken and total > seconds:
                break
            taken.append(test)
        files = Counter(_file(test) for test in taken)
        likely = {file for file, _ in files.most_common(3)}
        first = [test for test in taken if _file(test) in likely][:40]
        return [part for part in (first, sorted(set(taken) - set(first))) if part]


def _file(test: str) -> str:
    return test.partition("::")[0]


@cache
def _tree(path: str) -> ast.Module:
    return ast.parse((PACKAGE / path).read_text())


def _chain(tree: ast.Module, line: int) -> list[ast.stmt]:
    """Return the statements around a line, the outermost first."""
    return [
        each
        for each in ast.walk(tree)
        if isinstance(each, ast.stmt) and _first_line(each) <= line <= (each.end_lineno or 0)
    ]


def _first_line(statement: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    return min([statement.lineno, *(each.lineno for each in decorators)])


def _is_body(function: _Function, line: int) -> bool:
    return line >= function.body[0].lineno


def _is_cached(function: _Function) -> bool:
    return any("cache" in ast.unparse(each) for each in function.decorator_list)


def _names(statement: ast.stmt) -> Iterator[str]:
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield statement.name
    elif isinstance(statement, (ast.Assign, ast.AnnAssign)):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        for target in targets:
            yield from (each.id for each in ast.walk(target) if isinstance(each, ast.Name))


@cache
def _users() -> dict[str, list[_Place]]:
    """Return the functions, and the statements outside of functions, that use each name."""
    users: dict[str, list[_Place]] = defaultdict(list)
    for file in sorted(PACKAGE.rglob("*.py")):
        path = str(file.relative_to(PACKAGE))
        for place in _places(_tree(path).body):
            for name in _used(place):
                users[name].append((path, place))
    return users


def _places(statements: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    for each in statements:
        if isinstance(each, ast.ClassDef):
            yield from _places(each.body)
        else:
            yield each


def _used(place: ast.stmt) -> set[str]:
    if isinstance(place, (ast.Import, ast.ImportFrom)):
        return set()
    defined = set(_names(place)) if isinstance(place, (ast.Assign, ast.AnnAssign)) else set()
    names = {each.id for each in ast.walk(place) if isinstance(each, ast.Name)}
    attributes = {each.attr for each in ast.walk(place) if isinstance(each, ast.Attribute)}
    return (names | attributes) - defined
