"""Runs of tests with a mutant, each in a separate process that is forked after the libraries are imported."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from .mutants import PACKAGE, Mutant

ROOT = Path(__file__).parents[2]

# Imports what a test needs, and lists the modules that are not the package's.
_LIBRARIES = f"""
import sys
import boto3, coverage, freezegun, hypothesis, moto.server, pytest, _pytest.pytester
import {PACKAGE.name}.pytest_plugin
from moto import mock_aws
with mock_aws():
    boto3.client("ecr", "us-east-1").describe_repositories()
print(*(name for name in sys.modules if not name.startswith(("{PACKAGE.name}", "__main__"))))
"""


def import_libraries() -> None:
    """Import the libraries that tests need, once for all that is forked. The package itself is left to be mutated."""
    done = subprocess.run(
        [sys.executable, "-c", _LIBRARIES], check=True, capture_output=True, text=True
    )
    for name in done.stdout.split():
        try:
            importlib.import_module(name)
        except ImportError:
            continue  # A module that its package has made itself.


class _MutantLoader(SourceFileLoader):
    def __init__(self, mutant: Mutant, path: str):
        super().__init__(mutant.module, path)
        self._source = mutant.source() or ""

    def get_code(self, fullname: str) -> Any:
        return compile(self._source, self.path, "exec", dont_inherit=True)


class _MutantFinder(MetaPathFinder):
    """Finds one module of the package: the mutated one."""

    def __init__(self, mutant: Mutant):
        self._mutant = mutant

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self._mutant.module:
            return None
        file = PACKAGE / self._mutant.path
        return spec_from_file_location(
            fullname,
            file,
            loader=_MutantLoader(self._mutant, str(file)),
            submodule_search_locations=[str(file.parent)] if file.stem == "__init__" else None,
        )


class _Selection:
    """A plugin of pytest that keeps some tests, in their order."""

    def __init__(self, tests: Sequence[str]):
        self._order = {test: number for number, test in enumerate(tests)}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [each for each in items if each.nodeid in self._order]
        items.sort(key=lambda item: self._order[item.nodeid])


class Run:
    """One process with a mutant, or with the package as it is, and its tests. `seconds` is the time that it has."""

    def __init__(self, mutant: Mutant | None, tests: Sequence[str], seconds: float):
        self.mutant = mutant
        self._deadline = time.monotonic() + seconds
        self._directory = tempfile.TemporaryDirectory(prefix="mutant-")
        self._process = _forked(lambda: self._test(tests))

    def _test(self, tests: Sequence[str]) -> int:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.chdir(self._directory.name)  # hypothesis keeps its examples in the current folder.
        output = os.open("output", os.O_WRONLY | os.O_CREAT)
        os.dup2(output, 1)
        os.dup2(output, 2)
        sys.dont_write_bytecode = True
        if self.mutant is not None:
            sys.meta_path.insert(0, _MutantFinder(self.mutant))
        files = dict.fromkeys(str(ROOT / test.partition("::")[0]) for test in tests)
        options = (
            f"--rootdir={ROOT} -c {ROOT / 'setup.cfg'} --basetemp={self._directory.name}/tests "
            "-q -x --assert=plain -p no:cacheprovider --hypothesis-profile=brief --hypothesis-seed=0"
        )
        return int(pytest.main([*options.split(), *files], plugins=[_Selection(tests)]))

    def result(self) -> str | None:
        """Return "survived", "killed" or "timeout", or None if the tests have not ended."""
        ended, status = os.waitpid(self._process, os.WNOHANG)
        if not ended and time.monotonic() < self._deadline:
            return None
        self.stop(is_ended=bool(ended))
        if not ended:
            return "timeout"
        code = os.waitstatus_to_exitcode(status)
        if code == pytest.ExitCode.NO_TESTS_COLLECTED:
            raise RuntimeError("The tests of the record are not there: record them again.")
        return "survived" if code == 0 else "killed"

    def stop(self, *, is_ended: bool = False) -> None:
        """End the process, and what it has started."""
        # It may have ended, with all that it started.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process, signal.SIGKILL)
        if not is_ended:
            os.waitpid(self._process, 0)
        self._directory.cleanup()


def _forked(run: Callable[[], int]) -> int:
    """Run a function in a fork, whose exit code is its result. Return the process."""
    process = os.fork()
    if process:
        return process
    code = int(pytest.ExitCode.INTERNAL_ERROR)
    try:
        code = run()
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def refuse_what_fails(tests: Sequence[str], seconds: float) -> None:
    """Raise RuntimeError if tests fail without a mutant: every mutant would count as killed."""
    run = Run(None, tests, seconds)
    while (result := run.result()) is None:
        time.sleep(0.05)
    if result == "timeout":
        raise RuntimeError(
            "The tests take longer than when they were recorded: --seconds allows more."
        )
    if result != "survived":
        raise RuntimeError("The tests fail without a mutant.")


def run_all(
    waiting: Iterator[tuple[Mutant, list[list[str]]]], jobs: int, seconds: float
) -> Iterator[tuple[Mutant, str]]:
    """Run each mutant with its parts of tests, until a part kills it. Yield mutants and their results as they end."""
    running: dict[Run, tuple[Mutant, list[list[str]]]] = {}
    try:
        while True:
            while len(running) < jobs and (each := next(waiting, None)) is not None:
                mutant, parts = each
                running[Run(mutant, parts[0], seconds)] = (mutant, parts[1:])
            if not running:
                return
            time.sleep(0.05)
            for run in list(running):
                if (result := run.result()) is None:
                    continue
                mutant, others = running.pop(run)
                if result == "survived" and others:
                    running[Run(mutant, others[0], seconds)] = (mutant, others[1:])
                else:
                    yield mutant, result
    finally:
        for run in running:
            run.stop()
