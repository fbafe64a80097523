"""The package's structure: which module may import which, in which order, and what the backend is made of.

Imports are read from the source: those of functions and of TYPE_CHECKING blocks count too.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

import moto_ecr_ext
from moto_ecr_ext import models
from moto_ecr_ext.models import ECRBackend
from moto_ecr_ext.models.base import RegistryBackend

PACKAGE = "moto_ecr_ext"
ROOT = Path(moto_ecr_ext.__file__).parent

GROUND = {
    "exceptions",
    "settings",
    "service_model",
    "caller",
    "calls",
    "clock",
    "faults",
    "arns",
    "hosts",
    "platforms",
    "process",
    "_version",
}
BELOW_COMPATIBILITY = GROUND | {
    "oci",
    "policies",
    "storage",
    "moto_services",
    "upstream",
    "scanners",
}
BELOW_MODELS = BELOW_COMPATIBILITY | {"compatibility"}
BELOW_PROTOCOLS = BELOW_MODELS - {"storage"} | {"models"}
CORE = BELOW_MODELS | {"models", "json_api", "distribution", "fault_rules", "responses"}
ROOMS = {"integrations", "page", "server"}

# The files and folders of the package, each with those that it may import beside itself.
MAY_IMPORT: dict[str, set[str]] = {
    **dict.fromkeys(GROUND, GROUND),
    "oci": GROUND,
    "policies": GROUND,
    "storage": GROUND | {"oci"},
    "moto_services": GROUND | {"oci"},
    "upstream": GROUND | {"oci"},
    "scanners": GROUND | {"oci"},
    "compatibility": BELOW_COMPATIBILITY - {"upstream", "scanners"},
    "models": BELOW_MODELS,
    "json_api": BELOW_PROTOCOLS,
    "distribution": BELOW_PROTOCOLS,
    "fault_rules": BELOW_PROTOCOLS | {"distribution"},
    "responses": BELOW_PROTOCOLS | {"json_api"},
    "urls": {"responses", "distribution", "hosts"},
    "seams": CORE,
    **dict.fromkeys(ROOMS, CORE | {"seams"}),
    "testing": GROUND | {"oci", "json_api", "models", "fault_rules"},
    "pytest_plugin": CORE | {"seams", "testing"},
    "__init__": {"_version", "settings", "seams", "storage"},
}

# What several rooms share.
SHARED_ROOM = "integrations.docker"

# Files outside of `seams/` and `moto_services/` that may import moto.
MAY_IMPORT_MOTO = {
    "exceptions/base.py",
    "settings/setting.py",
    "settings/typed.py",
    "responses.py",
    "models/base.py",
    "models/lookup.py",
    "pytest_plugin.py",
}

# Packages for which a module may import late, in a function, each with the reason. The times are those of CPython 3.11
# on a machine with two cores. A late import must lead to a module of these that the importing file does not import.
LATE = {
    "alembic": "90 ms; only a store of an earlier version is migrated",
    "boto3": "20 ms; not every process that uses moto or a server uses it",
    "botocore": "90 ms; `import moto_ecr_ext` does not import it",
    "cryptography": "40 ms; only signatures need it",
    "docker": "in an extra: the SDK for docker's daemon",
    "flask": "20 to 50 ms; only moto's server needs it",
    "jinja2": "20 ms; only the page needs it",
    "moto": "1 to 300 ms for each of its services; a seam imports a module once its user has done so",
    "prometheus_client": "in an extra; only the metrics need it",
    "requests": "40 ms; only functions that send requests need it",
    "responses": "only a process under `mock_aws` has it in use",
    "samtranslator": "in an extra of moto's; only templates of SAM need it",
    "sqlalchemy": "90 ms; imported when the first backend of ECR is made",
    "tqdm": "in an extra; only the progress of a command needs it",
    "werkzeug": "30 ms; only moto's server needs it",
}
# Modules that may be imported late for another reason.
LATE_MODULES = {
    "page.messages": "1 ms; only the page needs it, and `install()` imports its seam",
    "platforms.processes": "15 ms; it imports `subprocess`, for the settings that name a program",
}


class Import(NamedTuple):
    """One import: the file that has it, the whole name of the module, and whether a function has it."""

    file: str
    line: int
    module: str
    is_late: bool = False
    is_for_types: bool = False

    @property
    def importer(self) -> str:
        """The entry of the package that the file belongs to."""
        return self.file.partition("/")[0].removesuffix(".py")

    @property
    def importing_module(self) -> str:
        """The whole name of the file's module."""
        return ".".join([PACKAGE, *Path(self.file).with_suffix("").parts]).removesuffix(".__init__")

    @property
    def imported(self) -> str | None:
        """The entry of the package that is imported; None for other packages."""
        top, *names = self.module.split(".")
        return (names[0] if names else "__init__") if top == PACKAGE else None

    @property
    def offence(self) -> str:
        return f"{self.file} imports {self.imported or self.module.partition('.')[0]}"

    def is_of(self, package: str) -> bool:
        """Return whether a package, or a module in it, is imported."""
        return self.module == package or self.module.startswith(f"{package}.")


def module_name(file: Path) -> list[str]:
    return [PACKAGE, *file.relative_to(ROOT).with_suffix("").parts]


def is_module(names: list[str]) -> bool:
    path = ROOT.joinpath(*names[1:])
    return path.is_dir() or path.with_suffix(".py").is_file()


def modules_of(node: ast.Import | ast.ImportFrom, file: Path) -> Iterator[str]:
    """The modules that a statement imports; of `from package import name` the module `name`, if it is one."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
        return
    base = node.module.split(".") if node.module else []
    if node.level:
        base = module_name(file)[: -node.level] + base
    for alias in node.names:
        names = [*base, alias.name]
        yield ".".join(names if base[0] == PACKAGE and is_module(names) else base)


def statements(
    node: ast.AST, *, is_late: bool = False, is_for_types: bool = False
) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool, bool]]:
    """The imports below a node, each with whether it is in a function, and whether it is for type checkers."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child, is_late, is_for_types
        in_function = is_late or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
        for_types = is_for_types or (
            isinstance(child, ast.If)
            and isinstance(child.test, ast.Name)
            and child.test.id == "TYPE_CHECKING"
        )
        yield from statements(child, is_late=in_function, is_for_types=for_types)


def imports() -> list[Import]:
    """Every import of the package, in the order of its files."""
    return [
        Import(file.relative_to(ROOT).as_posix(), node.lineno, module, is_late, is_for_types)
        for file in sorted(ROOT.rglob("*.py"))
        for node, is_late, is_for_types in statements(ast.parse(file.read_text(encoding="utf-8")))
        for module in modules_of(node, file)
    ]


IMPORTS = imports()


def entries(folder: Path) -> set[str]:
    """The files and folders of source in a folder."""
    found = {each.name for each in folder.iterdir() if each.is_dir() or each.suffix == ".py"}
    return found - {"__pycache__", "__init__.py", "_version.py"}


def assert_none(offenders: list[Import], rule: str) -> None:
    """Fail with the rule, and each file and line that breaks it."""
    lines = [f"{each.offence}: line {each.line}, {each.module}" for each in offenders]
    assert not lines, "\n".join([rule, *lines])


def test_every_entry_has_a_layer() -> None:
    """A new module or folder of the package is given a layer in MAY_IMPORT."""
    found = {name.removesuffix(".py") for name in entries(ROOT)} | {"__init__", "_version"}
    assert found <= set(MAY_IMPORT)
    assert {each for each in MAY_IMPORT if is_module([PACKAGE, each])} == set(MAY_IMPORT)


def between_rooms() -> list[Import]:
    """The imports of a room by another one, or by anything else."""
    return [
        each
        for each in IMPORTS
        if (imported := room_of(each.module)) is not None
        and imported not in (room_of(each.importing_module), SHARED_ROOM)
    ]


def room_of(module: str) -> str | None:
    """The room that a module belongs to, as `seams/rooms.py` names it; None for the others."""
    top, *names = module.split(".")
    if top != PACKAGE or not names or names[0] not in ROOMS:
        return None
    return ".".join(names[: 2 if names[0] == "integrations" else 1])


def upward() -> list[Import]:
    return [
        each
        for each in IMPORTS
        if each.imported is not None
        and each.imported != each.importer
        and each.imported not in MAY_IMPORT[each.importer]
    ]


def of_sqlalchemy() -> list[Import]:
    return [
        each
        for each in IMPORTS
        if each.is_of("sqlalchemy") and each.importer != "storage" and each.importer not in ROOMS
    ]


def of_moto() -> list[Import]:
    return [
        each
        for each in IMPORTS
        if each.is_of("moto")
        and each.importer not in {"seams", "moto_services", *ROOMS}
        and each.file not in MAY_IMPORT_MOTO
    ]


def of_carriers() -> list[Import]:
    return [
        each
        for each in IMPORTS
        if each.importer == "distribution"
        and not each.file.startswith("distribution/carriers/")
        and each.is_of(f"{PACKAGE}.distribution.carriers")
    ]


def graph() -> dict[str, set[str]]:
    """The modules of the package that each of its modules imports."""
    found: dict[str, set[str]] = defaultdict(set)
    for each in IMPORTS:
        if each.imported is not None and each.module != each.importing_module:
            found[each.importing_module].add(each.module)
    return found


def behind(edges: Mapping[str, set[str]], start: str) -> set[str]:
    """The modules that a module imports, directly or through others."""
    found: set[str] = set()
    left = [start]
    while left:
        for each in edges.get(left.pop(), ()):
            if each not in found:
                found.add(each)
                left.append(each)
    return found


@cache
def loaded_with(module: str) -> frozenset[str]:
    """The modules, of other packages too, that Python imports when it imports a module of the package."""
    found: set[str] = set()
    left = [module]
    while left:
        name = left.pop()
        if name in found:
            continue
        found.add(name)
        if name.partition(".")[0] == PACKAGE:
            left += [name.rpartition(".")[0]] if "." in name else []
            left += AT_ONCE[name]
    return frozenset(found)


AT_ONCE: dict[str, list[str]] = defaultdict(list)
for _each in IMPORTS:
    if not _each.is_late and not _each.is_for_types:
        AT_ONCE[_each.importing_module].append(_each.module)


def reasons(late: Import) -> set[str]:
    """The entries of LATE and LATE_MODULES for which an import may be late."""
    name = late.module.removeprefix(f"{PACKAGE}.")
    if name in LATE_MODULES:
        return {name}
    new = loaded_with(late.module) - loaded_with(late.importing_module)
    return {each.partition(".")[0] for each in new} & LATE.keys()


def test_imports_go_down() -> None:
    """A module imports from its own entry and from the layers below."""
    assert_none(upward(), "Imports go down only, as MAY_IMPORT says.")


def test_the_core_and_the_rooms_stand_alone() -> None:
    """Only a room itself imports its modules; `integrations/docker` is available to all rooms."""
    assert_none(between_rooms(), "A room imports the core and seams/, and no other room.")


def test_there_are_no_circles() -> None:
    """No module imports itself through others, imports in functions and for types included."""
    edges = graph()
    assert sorted(module for module in edges if module in behind(edges, module)) == []


def test_late_imports_have_a_reason() -> None:
    """An import in a function saves time, or is of a package that may be missing."""
    offenders = [each for each in IMPORTS if each.is_late and not reasons(each)]
    assert_none(offenders, "Import it at the top: LATE and LATE_MODULES have no reason against it.")


def test_no_reason_is_given_in_vain() -> None:
    """Each listed reason has a late import."""
    used = {reason for each in IMPORTS if each.is_late for reason in reasons(each)}
    assert used == {*LATE, *LATE_MODULES}


def test_the_parts_of_the_backend_have_an_order() -> None:
    """A part of `models/` imports parts before it in the line of order of the package's docstring."""
    found = re.search(r"in this order: ([^.]+)\.", " ".join((models.__doc__ or "").split()))
    assert found
    order = found[1].split(", ")
    folders = {
        each.name for each in (ROOT / "models").iterdir() if (each / "__init__.py").is_file()
    }
    assert folders <= set(order)
    assert {each for each in order if is_module([PACKAGE, "models", each])} == set(order)
    parts = {f"{PACKAGE}.models.{name}": place for place, name in enumerate(order)}

    def place_of(module: str) -> int | None:
        return parts.get(".".join(module.split(".")[:3]))

    offenders = []
    for each in IMPORTS:
        importer, imported = place_of(each.importing_module), place_of(each.module)
        if importer is not None and imported is not None and imported > importer:
            offenders.append(each)
    assert_none(offenders, f"The order is {', '.join(order)}.")


def test_carriers_stand_above_the_registry() -> None:
    """A request goes from its carrier to `distribution.app` and on."""
    assert_none(of_carriers(), "Carriers import the registry, not the registry a carrier.")


def test_sqlalchemy_stays_in_storage() -> None:
    """Statements and connections are the storage's."""
    assert_none(of_sqlalchemy(), "Only storage/ imports SQLAlchemy.")


def test_moto_stays_in_its_rooms() -> None:
    """Only `seams/` changes moto, and only `moto_services/` calls its services."""
    assert_none(of_moto(), "Only seams/, moto_services/ and MAY_IMPORT_MOTO import moto.")


def test_no_file_is_listed_in_vain() -> None:
    """Each file that may import moto does."""
    assert {each.file for each in IMPORTS if each.is_of("moto")} >= MAY_IMPORT_MOTO


@pytest.mark.parametrize("part", ECRBackend.__bases__, ids=lambda part: part.__name__)
def test_the_backend_is_flat(part: type) -> None:
    """Each class that the backend is made of derives from the base alone, so that their order means nothing."""
    assert part.__bases__ == (RegistryBackend,)


def test_no_two_parts_of_the_backend_have_a_method_of_one_name() -> None:
    """The order of the classes decides nothing."""
    inherited = {*vars(object), *vars(ECRBackend), *dir(RegistryBackend)}
    names = [name for part in ECRBackend.__bases__ for name in vars(part) if name not in inherited]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(("folder", "most"), [(".", 30), ("models", 17)])
def test_folders_are_seen_at_a_glance(folder: str, most: int) -> None:
    """The package and its backend have few enough entries to read their names."""
    found = entries(ROOT / folder)
    assert len(found) <= most, f"{folder} has {len(found)} entries: {', '.join(sorted(found))}"
