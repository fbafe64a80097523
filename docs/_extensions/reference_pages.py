"""Directives for pages that are made from the code, and from the results of benchmarks, at each build.

Each directive writes reStructuredText and has Sphinx parse it, so that an entry of a table is what the program itself
uses: a setting, a flag, an operation, an error.
"""

from __future__ import annotations

import inspect
import json
import os
import re
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import requires
from pathlib import Path

import botocore.session
from docutils import nodes
from packaging.requirements import Requirement
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from moto_ecr_ext import pytest_plugin, service_model, settings
from moto_ecr_ext.exceptions.base import ECRError
from moto_ecr_ext.models import ECRBackend
from moto_ecr_ext.settings import leniencies

_AWS = "https://docs.aws.amazon.com/AmazonECR/latest/APIReference"
# Their errors are no shapes of ECR's model.
_OTHER_ERRORS = ("moto_ecr_ext.exceptions.common", "moto_ecr_ext.exceptions.registry_protocol")
# Here is what the tests install.
_REQUIREMENTS = Path(__file__).parents[2] / "requirements"
_SPEED = Path(__file__).parents[2] / "benchmarks" / "results" / "registry.json"
# The first version of this package that has an operation, of those that 0.1.0 does not have.
_SINCE: dict[str, str] = {}
# A sentence of a docstring that begins so is about a difference.
_DIFFERS = ("Unlike AWS", "Unlike on AWS")


def settings_table() -> Iterator[str]:
    """Return a table of all settings with the places that each is read from."""
    yield from _table("Setting", "Values", "Default", "Meaning", widths="33 21 14 32")
    keys = {setting.name for setting in settings.ALL}
    for option in (*settings.ALL, *settings.OF_SERVERS, *settings.OF_WORKERS, *settings.PLACES):
        choices = ", ".join(f"``{each}``" for each in getattr(option, "choices", ()))
        names = [f"``{option.flag}``", f"``{option.variable}``"]
        if option.name in keys:
            names.append(f"``{option.name}=``")
        yield from _row(
            "| " + "\n| ".join(names),
            choices or option.values,
            f"``{option.default}``" if option.default else "none",
            option.meaning[0].upper() + option.meaning[1:] + ".",
        )


def operations_table() -> Iterator[str]:
    """Return a table of ECR's operations: what each does here, and what AWS does otherwise."""
    yield from _table("Operation", "Behaviour here", "On AWS", "Since", widths="34 35 21 10")
    for operation in service_model.operation_names():
        method = getattr(ECRBackend, service_model.method_name(operation))
        done, differs = _described(inspect.getdoc(method) or "")
        link = f"`{operation} <{_AWS}/API_{operation}.html>`__"
        yield from _row(
            link, done, differs or "no known difference", _SINCE.get(operation, "0.1.0")
        )


def errors_table() -> Iterator[str]:
    """Return a table of the errors of ECR's API and the operations that can raise them by AWS's model."""
    model = botocore.session.get_session().get_service_model("ecr")
    raising: dict[str, list[str]] = {}
    for operation in model.operation_names:
        for shape in model.operation_model(operation).error_shapes:
            raising.setdefault(shape.name, []).append(operation)
    yield from _table("Code", "Status", "Operations", widths="35 10 55")
    for name, error in sorted(_errors(ECRError)):
        operations = raising.get(name, [])
        text = ", ".join(operations) if len(operations) < 20 else "most operations"
        yield from _row(f"``{name}``", str(error.status), text)


def versions_table() -> Iterator[str]:
    """Return a table of this package's dependencies: the oldest and the newest version that the tests passed with."""
    oldest, newest = _versions("oldest.txt"), _versions("newest.txt")
    dependencies = {Requirement(each).name for each in requires("moto-ecr-ext") or ()}
    yield from _table("Package", "Oldest", "Newest", widths="40 30 30")
    # moto brings both; their version decides what ECR's API has.
    for name in ("moto", "boto3", "botocore", *sorted(dependencies & oldest.keys() - {"moto"})):
        yield from _row(f"``{name}``", oldest[name], newest[name])


def _versions(file: str) -> dict[str, str]:
    """Return the versions in a file of constraints, for this Python."""
    lines = (_REQUIREMENTS / file).read_text(encoding="utf-8").splitlines()
    found = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {
        each.name: str(each.specifier).removeprefix("==")
        for each in found
        if each.marker is None or each.marker.evaluate()
    }


def quotas_table() -> Iterator[str]:
    """Return a table of the quotas and AWS's values."""
    yield from _table("Quota", "Default, as on AWS", widths="60 40")
    for name, value in settings.DEFAULT_QUOTAS.items():
        yield from _row(f"``{name}``", f"{value:,}")


def leniencies_table() -> Iterator[str]:
    """Return a table of the places where stock moto and AWS differ."""
    yield from _table("Name", "Stock moto", "AWS", "Write", widths="20 25 30 25")
    for each in leniencies.ALL:
        yield from _row(
            f"``{each.name}``", each.moto, f"{each.aws} (`page <{each.page}>`__)", each.instead
        )


def speed_table() -> Iterator[str]:
    """Return the results of benchmarks/registry.py: a sentence about the run, and a table."""
    results = json.loads(_SPEED.read_text())
    go, ours = results["registries"]
    pairs = min(len(each["ratios"]) for each in results["measures"])
    yield f"Medians of {pairs} pairs, {results['date']}. {'; '.join(results['machine'])}."
    yield ""
    yield from _table("What", go, ours, "Ratio", "Of all pairs", widths="36 18 18 10 18")
    for each in results["measures"]:
        ratios = each["ratios"]
        yield from _row(
            each["name"],
            *(f"{statistics.median(each['figures'][of]):,.0f} {each['unit']}" for of in (go, ours)),
            f"{statistics.median(ratios):.2f}",
            f"{min(ratios):.2f} to {max(ratios):.2f}",
        )


def pytest_options() -> Iterator[str]:
    """Return the options of the pytest plugin: of the command line, then of the configuration."""
    collected = _Options()
    pytest_plugin.pytest_addoption(collected)  # type: ignore[arg-type]
    yield from _table("Option", "Where", "Meaning", widths="35 20 45")
    for name, where, text in collected.found:
        yield from _row(f"``{name}``", where, text)


class _Options:
    """Stands for pytest's parser, and notes the options that a plugin adds."""

    def __init__(self) -> None:
        self.found: list[tuple[str, str, str]] = []

    def addini(self, name: str, help: str, **_: object) -> None:
        self.found.append((name, "configuration", help))

    def getgroup(self, name: str) -> _Options:
        return self

    def addoption(self, name: str, help: str = "", **_: object) -> None:
        self.found.append((name, "command line", help))


def help_of_server() -> Iterator[str]:
    """Return what `moto_ecr_server --help` prints."""
    yield from _help_of("moto_ecr_server")


def help_of_proxy() -> Iterator[str]:
    """Return what `moto_ecr_proxy --help` prints."""
    yield from _help_of("moto_ecr_proxy")


def _help_of(command: str) -> Iterator[str]:
    program = Path(sys.executable).with_name(command)
    environment = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1"}
    printed = subprocess.run(
        [program, "--help"], env=environment, check=True, capture_output=True, text=True
    ).stdout
    yield from (".. code-block:: text", "")
    yield from (f"   {line}" for line in printed.splitlines())


def _errors(of: type[ECRError]) -> Iterator[tuple[str, type[ECRError]]]:
    """Return the error shapes of ECR's model that this package raises, by name."""
    for error in of.__subclasses__():
        if (
            error.__name__.endswith("Exception")
            and error.__module__.startswith("moto_ecr_ext.exceptions.")
            and error.__module__ not in _OTHER_ERRORS
        ):
            yield error.__name__, error
        yield from _errors(error)


def _described(docstring: str) -> tuple[str, str]:
    """Return what a method does, and how it differs from AWS: the paragraphs of its docstring, without the source."""
    paragraphs = [
        " ".join(each.split())
        for each in docstring.split("\n\n")
        if each and not each.startswith("https://")
    ]
    sentences = [
        each for paragraph in paragraphs for each in re.split(r"(?<=\.) (?=[A-Z])", paragraph)
    ]
    differs = [each for each in sentences if each.startswith(_DIFFERS)]
    return (
        " ".join(each for each in sentences if each not in differs),
        " ".join(differs),
    )


def _table(*titles: str, widths: str) -> Iterator[str]:
    yield from (".. list-table::", "   :header-rows: 1", f"   :widths: {widths}", "")
    yield from _row(*titles)


def _row(*cells: str) -> Iterator[str]:
    for position, cell in enumerate(cells):
        first, *rest = cell.split("\n")
        yield f"   {'* ' if position == 0 else '  '}- {first}".rstrip()
        yield from (f"       {line}" for line in rest)


_DIRECTIVES: dict[str, Callable[[], Iterable[str]]] = {
    "ecr-settings": settings_table,
    "ecr-versions": versions_table,
    "ecr-quotas": quotas_table,
    "ecr-operations": operations_table,
    "ecr-errors": errors_table,
    "ecr-leniencies": leniencies_table,
    "ecr-speed": speed_table,
    "ecr-pytest-options": pytest_options,
    "ecr-help-of-server": help_of_server,
    "ecr-help-of-proxy": help_of_proxy,
}


class _Generated(SphinxDirective):
    """A directive that stands for the text of its entry in `_DIRECTIVES`."""

    def run(self) -> list[nodes.Node]:
        return self.parse_text_to_nodes("\n".join(_DIRECTIVES[self.name]()))


def setup(app: Sphinx) -> dict[str, bool]:
    for name in _DIRECTIVES:
        app.add_directive(name, _Generated)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
