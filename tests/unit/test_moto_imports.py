"""Where moto is known: in `activation` and `services`, and in few other modules."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import moto_ecr_ext

PACKAGE = Path(moto_ecr_ext.__file__).parent
FOLDERS = {"activation", "services", "commands"}
MODULES = {
    # What moto calls, and what that raises.
    "exceptions.py",
    "responses.py",
    "models/__init__.py",
    "models/base.py",
    # The backends that moto holds.
    "models/lookup.py",
    # `mock_aws(config=...)`.
    "settings.py",
    # A server for tests.
    "pytest_plugin.py",
}
# Those that still find other registries by themselves, or partitions.
UNTIL_THE_BACKEND_IS_FLAT = {
    "hosts.py",
    "models/images/storage_class.py",
    "models/lifecycle/previews.py",
    "models/pull_through/cache.py",
    "models/registry/creation_templates.py",
    "models/registry/signing.py",
    "models/replication/replication.py",
    "models/scanning/scans.py",
}


def imported_by(module: Path) -> Iterator[str]:
    """The names of the modules that one imports, anywhere in it."""
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module or ""


def test_few_modules_import_moto() -> None:
    """What moto moves is looked for in these alone."""
    importers = {
        module.relative_to(PACKAGE).as_posix()
        for module in PACKAGE.rglob("*.py")
        if any(name.partition(".")[0] == "moto" for name in imported_by(module))
    }
    elsewhere = {each for each in importers if each.partition("/")[0] not in FOLDERS}
    assert MODULES <= elsewhere <= MODULES | UNTIL_THE_BACKEND_IS_FLAT
