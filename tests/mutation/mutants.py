"""Mutants, and seeded samples of them."""

from __future__ import annotations

import ast
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from functools import cache
from importlib.util import find_spec
from itertools import count as count_from
from itertools import islice
from pathlib import Path
from typing import Any

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.operator import Operator
from cosmic_ray.plugins import get_operator, operator_names

# Not imported: what a process imports can no longer be mutated there.
_SPEC = find_spec("moto_ecr_ext")
assert _SPEC is not None
assert _SPEC.origin is not None
PACKAGE = Path(_SPEC.origin).parent

# These need arguments: the names of variables.
_WITH_ARGUMENTS = ("core/VariableInserter", "core/VariableReplacer")
# Leaves that no operator changes. There are many.
_UNCHANGED = frozenset(("endmarker", "newline", "string", "fstring_start", "fstring_string"))


class RemoveCall(Operator):  # type: ignore[misc]
    """Removes a call whose value nobody uses, which cosmic-ray has no operator for."""

    def mutation_positions(self, node: Any) -> Iterator[tuple[Any, Any]]:
        """Yield the position of the call, if a statement is one."""
        if node.type == "simple_stmt" and _is_call(node.children[0]):
            yield node.children[0].start_pos, node.children[0].end_pos

    def mutate(self, node: Any, index: int) -> Any:
        """Put `pass` in the place of the call."""
        prefix = node.get_first_leaf().prefix
        node.children[0] = get_ast("pass").children[0]
        node.children[0].prefix = prefix
        return node

    @classmethod
    def examples(cls) -> Sequence[Any]:
        """Return none: they are for cosmic-ray's own tests."""
        return ()


def _is_call(node: Any) -> bool:
    if node.type not in ("atom_expr", "power"):
        return False
    last = node.children[-1]
    return bool(last.type == "trailer" and last.children[0].value == "(")


@dataclass(frozen=True, order=True)
class Mutant:
    """One change of one module. `path` is relative to the package; positions are those of the changed text."""

    path: str
    start: tuple[int, int]
    end: tuple[int, int]
    operator: str
    occurrence: int

    @property
    def name(self) -> str:
        """A name that is the same in every run over the same sources."""
        return f"{self.path}:{self.start[0]}:{self.start[1]} {self.operator.partition('/')[2]}"

    @property
    def module(self) -> str:
        """The name of the module."""
        parts = Path(self.path).with_suffix("").parts
        return ".".join((PACKAGE.name, *(parts[:-1] if parts[-1] == "__init__" else parts)))

    def source(self) -> str | None:
        """Return the mutated source, or None if it is no Python or means the same as the package's."""
        original = (PACKAGE / self.path).read_text()
        mutated = mutate_code(original, _operators()[self.operator], self.occurrence)
        try:
            tree = ast.parse(mutated)
        except SyntaxError:
            return None  # An operator takes `*` in front of an argument for a multiplication.
        return None if ast.dump(tree) == ast.dump(ast.parse(original)) else str(mutated)

    def difference(self) -> str:
        """Return the changed lines, as in a diff without context."""
        lines = unified_diff(
            (PACKAGE / self.path).read_text().splitlines(),
            (self.source() or "").splitlines(),
            lineterm="",
            n=0,
        )
        return "\n".join(line for line in list(lines)[2:] if not line.startswith("@@"))

    def entry(self) -> str:
        """Return its path and new lines, or the old ones of what is removed, as CONTRIBUTING lists equivalents."""
        lines = self.difference().splitlines()
        new = " ".join(line[1:].strip() for line in lines if line.startswith("+"))
        old = " ".join(line[1:].strip() for line in lines if line.startswith("-")).strip()
        return f"``{self.path}``: " + (
            f"without ``{old}``" if new in ("", "pass") else f"``{new}``"
        )


def sample(areas: Sequence[str], count: int, seed: int) -> list[Mutant]:
    """Return mutants of modules below folders of the package, each at another place.

    Every place has the same chance, however many operators can change it: a comparison has seven mutants, a condition
    one. Whether a place is drawn depends on its line alone, so that a change of the package changes few of the mutants.
    """
    drawn: list[tuple[float, Mutant]] = []
    for path in sorted(each for area in areas for each in (PACKAGE / area).rglob("*.py")):
        for key, mutants in _places(str(path.relative_to(PACKAGE))).items():
            draw = random.Random(f"{seed} {key}")
            drawn.append((draw.random(), draw.choice(mutants)))
    mutants_in_order = (mutant for _, mutant in sorted(drawn))
    return list(islice((each for each in mutants_in_order if each.source() is not None), count))


def _places(path: str) -> dict[str, list[Mutant]]:
    """Return the mutants of a module by their places: the line, the columns in it, and a number for equal lines."""
    lines = (PACKAGE / path).read_text().splitlines()
    by_position = defaultdict(list)
    for mutant in _mutants(path):
        by_position[mutant.start, mutant.end].append(mutant)
    places: dict[str, list[Mutant]] = {}
    for ((line, column), (last, end)), mutants in sorted(by_position.items()):
        text = lines[line - 1]
        indent = len(text) - len(text.lstrip())
        where = f"{path} {text.strip()} {column - indent} {last - line} {end - indent}"
        number = next(each for each in count_from(1) if f"{where} {each}" not in places)
        places[f"{where} {number}"] = mutants
    return places


def _mutants(path: str) -> Iterator[Mutant]:
    source = (PACKAGE / path).read_text()
    left_out = _left_out(source)
    nodes = [each for each in ast_nodes(get_ast(source)) if each.type not in _UNCHANGED]
    for name, operator in _operators().items():
        occurrence = 0
        for node in nodes:
            for start, end in operator.mutation_positions(node):
                if not any(first <= start and end <= last for first, last in left_out):
                    yield Mutant(path, start, end, name, occurrence)
                occurrence += 1


@cache
def _operators() -> dict[str, Any]:
    names = [name for name in operator_names() if name not in _WITH_ARGUMENTS]
    return {"own/RemoveCall": RemoveCall(), **{name: get_operator(name)() for name in names}}


def _left_out(source: str) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Return the places where no test can notice a change.

    Nothing evaluates annotations, and imports for type checkers. mypy checks the arguments of `dataclass`, and caches
    save time.
    """
    found: list[ast.expr | ast.stmt] = []
    caches: list[ast.expr] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.arg, ast.AnnAssign)) and node.annotation is not None:
            found.append(node.annotation)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.returns is not None:
            found.append(node.returns)
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            found.append(node)
        for decorator in getattr(node, "decorator_list", ()):
            if "cache" in ast.unparse(decorator):
                caches.append(decorator)
            elif ast.unparse(decorator).startswith("dataclass("):
                found += [keyword.value for keyword in decorator.keywords]
    return [
        *(((each.lineno, 0), ((each.end_lineno or 0) + 1, each.col_offset)) for each in caches),
        *(
            ((each.lineno, each.col_offset), (each.end_lineno or 0, each.end_col_offset or 0))
            for each in found
        ),
    ]
