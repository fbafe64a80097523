"""The pytest plugin: options that install the extension for a run, reports about stock moto, and fixtures.

moto, boto3 and SQLAlchemy are imported only when a run or a test uses one of them.
"""

from __future__ import annotations

import os
import re
import sys
import warnings
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from . import settings
from ._version import __version__
from .compatibility.report import TITLE, AdoptionReport, Met, Observer
from .seams.installation import install, is_installed
from .settings.setting import nearest

if TYPE_CHECKING:
    from .testing import ImageBuilder, MotoECR, RunningServer


def pytest_addoption(parser: pytest.Parser) -> None:
    text = "Install moto_ecr_ext for this run, which gives moto a whole ECR."
    parser.addini("moto_ecr_ext", text, type="bool", default=False)
    group = parser.getgroup("moto_ecr_ext")
    group.addoption("--moto-ecr-ext", action="store_true", default=False, help=text)
    for setting in settings.ALL:
        parser.addini(_ini(setting), _help_of(setting), default="")
    text = "Install moto_ecr_ext with this value of the setting compatibility, such as moto."
    group.addoption("--moto-ecr-ext-compatibility", metavar="VALUE", default="", help=text)
    group.addoption(
        "--moto-ecr-ext-report",
        action="store_true",
        default=False,
        help="Install moto_ecr_ext, and report the calls that stock moto accepts and AWS refuses, "
        "and the other differences in tests that fail.",
    )


def pytest_configure(config: pytest.Config) -> None:
    adoption = _Adoption(is_reported=config.getoption("--moto-ecr-ext-report"))
    config.pluginmanager.register(adoption, "moto_ecr_ext_adoption")
    config.add_cleanup(adoption.observer.listening.close)
    chosen = _chosen(config)
    if (
        chosen
        or adoption.is_reported
        or config.getoption("--moto-ecr-ext")
        or config.getini("moto_ecr_ext")
    ):
        # Tests that install the extension again, and servers that they start, read the environment too.
        environment = pytest.MonkeyPatch()
        config.add_cleanup(environment.undo)
        for variable, value in chosen.items():
            environment.setenv(variable, value)
        config.add_cleanup(_installed().close)


def pytest_warning_recorded(warning_message: warnings.WarningMessage) -> None:
    """Refuse a misspelled key of the configuration, which pytest itself only warns of."""
    unknown = re.match(r"Unknown config option: (moto_ecr_ext\w*)", str(warning_message.message))
    if unknown and issubclass(warning_message.category, pytest.PytestConfigWarning):
        hint = nearest(unknown[1], ["moto_ecr_ext", *map(_ini, settings.ALL)])
        raise pytest.UsageError(f"{unknown[1]}: there is no such setting{hint}")


def _help_of(setting: settings.Setting) -> str:
    default = f" Default: {setting.default}." if setting.default else ""
    return (
        f"Install moto_ecr_ext with this setting: {setting.meaning}. "
        f"Values: {setting.possible_values}.{default}"
    )


def _ini(setting: settings.Setting) -> str:
    """Return the name of a setting in pytest's configuration."""
    return f"moto_ecr_ext_{setting.name}"


def _chosen(config: pytest.Config) -> dict[str, str]:
    """Return the settings of the run from flags and the configuration, by their environment variables.

    A flag takes precedence over the environment, and the environment over the configuration.
    """
    chosen = {}
    flag = "--moto-ecr-ext-compatibility"
    try:
        for setting in settings.ALL:
            if config.getini(_ini(setting)):
                value = setting.parse(config.getini(_ini(setting)), _ini(setting))
                chosen[setting.variable] = os.environ.get(setting.variable) or value
        if config.getoption(flag):
            setting = settings.COMPATIBILITY
            chosen[setting.variable] = setting.parse(config.getoption(flag), flag)
    except settings.SettingError as error:
        raise pytest.UsageError(str(error)) from None
    return chosen


def pytest_report_header() -> str | None:
    """Return the compatibility and the settings of the run, if the extension is installed by now."""
    installation = sys.modules.get("moto_ecr_ext.seams.installation")
    if installation is None or not installation.is_installed():
        return None
    codes = (
        "AWS's error codes"
        if settings.ERROR_CODES.get() == "aws"
        else "this project's error codes: Error.Code is ImageAlreadyExistsException for AWS's "
        "ImageTagAlreadyExistsException, and LayerDigestMismatchException for InvalidLayerException "
        "(set error_codes=aws for AWS's codes)"
    )
    said = (settings.COMPATIBILITY, settings.ERROR_CODES)
    others = [
        f", {each.name}={each.get()}"
        for each in settings.ALL
        if each not in said and each.given() not in (None, each.default)
    ]
    return (
        f"moto_ecr_ext: {__version__}, compatibility {settings.COMPATIBILITY.get()}"
        f"{''.join(others)}, {codes}"
    )


def _installed() -> ExitStack:
    """Install the extension until the result is closed. An installation by a conftest.py stays."""

    installation = ExitStack()
    if not is_installed():
        try:
            installation.enter_context(install())
        except (settings.SettingError, ImportError) as error:  # Or moto is too old.
            raise pytest.UsageError(str(error)) from None
    return installation


class _Adoption:
    """Tells the report of `compatibility/` what the tests of a run do."""

    def __init__(self, is_reported: bool) -> None:
        self.is_reported = is_reported
        self.observer = Observer()
        self._report = AdoptionReport(is_whole=is_reported)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        failed = report.failed and call.excinfo is not None
        met = self.observer.end_phase(
            begins_test=call.when == "setup",
            error=call.excinfo.value if failed and call.excinfo else None,
            failure=report.longreprtext if failed else "",
        )
        # It is an attribute, since pytest-xdist transfers attributes of reports from its workers.
        report.moto_ecr_ext_met = [list(each) for each in met]  # type: ignore[attr-defined]
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        met = getattr(report, "moto_ecr_ext_met", ())
        self._report.add(report.nodeid, (Met(*each) for each in met))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        lines = self._report.lines
        if lines:
            terminalreporter.section(TITLE)
            for line in lines:
                terminalreporter.write_line(line)


@pytest.fixture
def moto_ecr_server() -> Iterator[RunningServer]:
    """Start moto's server with a whole ECR, on a free port of 127.0.0.1, for one test.

    It runs in this process and shares its state with `mock_aws`. All services are empty when the test begins.
    `repositoryUri` has the address of the server, as with the command `moto_ecr_server`, unless a setting says
    otherwise.
    """
    from moto.core.base_backend import BackendDict

    with _installed(), settings.defaults(repository_uri="endpoint"):
        try:
            with warnings.catch_warnings():
                # moto warns about missing packages, which the error below names.
                warnings.simplefilter("ignore")
                from moto.server import ThreadedMotoServer
        except ModuleNotFoundError as error:
            raise pytest.fail.Exception(
                f"{error}. Install moto_ecr_ext with its extra 'server'.", pytrace=False
            ) from None
        from . import faults
        from .testing import RunningServer

        def empty() -> None:
            BackendDict.reset()
            faults.clear()

        server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
        server.start()
        try:
            empty()
            host, port = server.get_host_and_port()
            yield RunningServer(f"http://{host}:{port}", f"{host}:{port}")
        finally:
            server.stop()
            empty()


@pytest.fixture
def moto_ecr() -> Iterator[MotoECR]:
    """Start `mock_aws` with a whole ECR for one test, with its registry, its journal of calls, and images.

    Everything is empty when the test begins, unless `mock_aws` is active already. Code under test reaches the registry
    by boto3, and at the host `moto_ecr.registry.host`.
    """
    with _installed():
        from moto import mock_aws

        from .models.lookup import default_registry
        from .testing import MotoECR, RegistryInProcess
        from .testing.images import Images
        from .testing.journal import Journal

        with mock_aws():
            place = default_registry()
            yield MotoECR(
                registry=RegistryInProcess(place.account_id, place.region),
                journal=Journal(),
                images=Images(),
            )


@pytest.fixture
def moto_ecr_image() -> ImageBuilder:
    """Return the image builder.

    `moto_ecr_image(seed=1, layers=3)`; see `moto_ecr_ext.testing.build_image`.
    """
    from .testing import build_image

    return build_image
