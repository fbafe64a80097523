"""The package's structure: which module may import which, how many entries there are, and what the backend is made of.

Imports are read from the source: those of functions and of TYPE_CHECKING blocks count too.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import moto_ecr_ext
from moto_ecr_ext.models import ECRBackend
from moto_ecr_ext.models.base import RegistryBackend

PACKAGE = "moto_ecr_ext"
ROOT = Path(moto_ecr_ext.__file__).parent

GROUND = {
    "exceptions",
    "settings",
    "service_model",
    "caller",
    "clock",
    "compatibility",
    "hosts",
    "platforms",
    "_version",
}
BELOW_MODELS = GROUND | {"oci", "policies", "storage", "services", "upstream", "scanners"}
BELOW_PROTOCOLS = BELOW_MODELS - {"storage"} | {"models"}
TOP = {"__init__", "activation", "commands", "pytest_plugin", "testing", "urls"}

# The files and folders of the package, each with those that it may import beside itself.
MAY_IMPORT: dict[str, set[str]] = {
    **dict.fromkeys(GROUND, GROUND),
    "oci": GROUND,
    "policies": GROUND,
    "storage": GROUND | {"oci"},
    "services": GROUND | {"oci"},
    "upstream": GROUND | {"oci"},
    "scanners": GROUND | {"oci"},
    "models": BELOW_MODELS,
    "json_api": BELOW_PROTOCOLS,
    "distribution": BELOW_PROTOCOLS,
    "responses": BELOW_PROTOCOLS | {"json_api"},
    "consumers": BELOW_PROTOCOLS,
}
MAY_IMPORT |= {each: {*MAY_IMPORT, *TOP} for each in TOP}

# Files outside of `activation/` and `services/` that may import moto.
MAY_IMPORT_MOTO = {
    "exceptions/base.py",
    "settings/setting.py",
    "settings/typed.py",
    "responses.py",
    "models/base.py",
    "models/lookup.py",
    "pytest_plugin.py",
    "commands/proxy.py",
}


class Import(NamedTuple):
    """One import: the file that has it, and the whole name of the module."""

    file: str
    line: int
    module: str

    @property
    def importer(self) -> str:
        """The entry of the package that the file belongs to."""
        return self.file.partition("/")[0].removesuffix(".py")

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


def imports() -> list[Import]:
    """Every import of the package, in the order of its files."""
    return [
        Import(file.relative_to(ROOT).as_posix(), node.lineno, module)
        for file in sorted(ROOT.rglob("*.py"))
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
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


def upward() -> list[Import]:
    return [
        each
        for each in IMPORTS
        if each.imported is not None
        and each.imported != each.importer
        and each.imported not in MAY_IMPORT[each.importer]
    ]


def of_sqlalchemy() -> list[Import]:
    return [each for each in IMPORTS if each.is_of("sqlalchemy") and each.importer != "storage"]


def of_moto() -> list[Import]:
    return [
        each
        for each in IMPORTS
        if each.is_of("moto")
        and each.importer not in ("activation", "services")
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


def test_imports_go_down() -> None:
    """A module imports from its own entry and from the layers below."""
    assert_none(upward(), "Imports go down only, as MAY_IMPORT says.")


def test_carriers_stand_above_the_registry() -> None:
    """A request goes from its carrier to `distribution.app` and on."""
    assert_none(of_carriers(), "Carriers import the registry, not the registry a carrier.")


def test_sqlalchemy_stays_in_storage() -> None:
    """Statements and connections are the storage's."""
    assert_none(of_sqlalchemy(), "Only storage/ imports SQLAlchemy.")


def test_moto_stays_in_its_rooms() -> None:
    """Only `activation/` changes moto, and only `services/` calls its services."""
    assert_none(of_moto(), "Only activation/, services/ and MAY_IMPORT_MOTO import moto.")


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


@pytest.mark.parametrize(("folder", "most"), [(".", 24), ("models", 15)])
def test_folders_are_seen_at_a_glance(folder: str, most: int) -> None:
    """The package and its backend have few enough entries to read their names."""
    found = entries(ROOT / folder)
    assert len(found) <= most, f"{folder} has {len(found)} entries: {', '.join(sorted(found))}"
