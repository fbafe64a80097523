"""A pytest plugin that records which test runs which line of the package, and how long each test takes.

`-p mutation.tracing` with `MUTATION_TRACE=FOLDER`, with pytest-xdist or without it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import coverage
import pytest

import moto_ecr_ext

_PACKAGE = Path(moto_ecr_ext.__file__).parent
_recorder: coverage.Coverage | None = None
_seconds: dict[str, float] = {}
_failed: set[str] = set()


def folder() -> Path:
    """Return the folder of the records."""
    return Path(os.environ["MUTATION_TRACE"])


def pytest_configure(config: pytest.Config) -> None:
    """Begin to record, except in the process that only hands tests to workers."""
    global _recorder
    if hasattr(config, "workerinput") or not config.getoption("numprocesses", None):
        _recorder = coverage.Coverage(
            data_file=str(folder() / "lines"),
            data_suffix=True,
            config_file=False,
            include=[f"{_PACKAGE}/*"],
        )
        _recorder.start()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Record the lines of a test, and of the fixtures that are made for it, by its name."""
    if _recorder is not None:
        _recorder.switch_context(item.nodeid)
    try:
        return (yield)
    finally:
        if _recorder is not None:
            _recorder.switch_context("")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Add the time of a phase of a test. One that fails without a mutant says nothing about mutants."""
    if not report.passed:
        _failed.add(report.nodeid)
    _seconds[report.nodeid] = _seconds.get(report.nodeid, 0.0) + report.duration


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write what this process has recorded."""
    if _recorder is not None:
        _recorder.stop()
        _recorder.save()
    if not hasattr(session.config, "workerinput"):
        passed = {test: time for test, time in _seconds.items() if test not in _failed}
        (folder() / f"seconds.{os.getpid()}.json").write_text(json.dumps(passed))
