"""The pytest plugin: options that install the extension for a run, reports about stock moto, and fixtures.

moto, boto3 and SQLAlchemy are imported only when a run or a test uses one of them.
"""

from __future__ import annotations

import os
import re
import sys
import warnings
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, NamedTuple

import pytest

from . import settings
from ._version import __version__
from .compatibility import ALL, MISSING_LAYERS, PROJECT_ERROR_CODES, Leniency
from .compatibility.notices import Notice, listening
from .settings.setting import nearest

if TYPE_CHECKING:
    from .testing import ImageBuilder, RunningServer


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
    config.add_cleanup(adoption.listening.close)
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
    installation = sys.modules.get("moto_ecr_ext.activation.installation")
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
    from .activation.installation import install, is_installed

    installation = ExitStack()
    if not is_installed():
        try:
            installation.enter_context(install())
        except (settings.SettingError, ImportError) as error:  # Or moto is too old.
            raise pytest.UsageError(str(error)) from None
    return installation


_REPORT = "moto_ecr_ext and stock moto"


class _Met(NamedTuple):
    """A difference in a test, by its id. The call that was accepted or not was an earlier test's, or its own."""

    test: str
    is_accepted: bool
    is_own: bool


class _Adoption:
    """The differences between stock moto and AWS that affect a run."""

    def __init__(self, is_reported: bool) -> None:
        self.is_reported = is_reported
        # It is closed when the run ends.
        self.listening = ExitStack()
        self._waiting: list[Notice] = []
        self.listening.enter_context(listening(self._waiting.append))
        # The notices of the current test.
        self._of_test: list[Notice] = []
        # The notices of failed fixtures, by their errors: pytest raises the same one in each test that needs the
        # fixture.
        self._of_error: dict[int, tuple[BaseException, list[Notice]]] = {}
        # Affected tests, by the names of leniencies.
        self._met: dict[str, list[_Met]] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        noticed = self._waiting[:]
        self._waiting.clear()
        self._of_test = noticed if call.when == "setup" else self._of_test + noticed
        own = [each for each in noticed if _counts(each)]
        earlier: list[Notice] = []
        if report.failed and call.excinfo is not None:
            failure = report.longreprtext
            earlier = self._earlier(call.excinfo.value)
            met = [*earlier, *self._of_test]
            text = _guide([each for each in met if _explains(each, failure)])
            if text:
                report.sections.append((_REPORT, text))
            # A difference that is no refusal matters only if a test fails, maybe in a later phase.
            own += [
                each for each in self._of_test if not _counts(each) and _explains(each, failure)
            ]
            earlier = [each for each in earlier if _counts(each) or _explains(each, failure)]
        # It is an attribute, since pytest-xdist transfers attributes of reports from its workers.
        report.moto_ecr_ext_noticed = [  # type: ignore[attr-defined]
            *([each.leniency.name, each.applied, True] for each in own),
            *([each.leniency.name, each.applied, False] for each in earlier),
        ]
        return report

    def _earlier(self, error: BaseException) -> list[Notice]:
        """Return the notices of an earlier test that failed by this error of a fixture."""
        if id(error) in self._of_error:
            return self._of_error[id(error)][1]
        if self._of_test:
            self._of_error[id(error)] = (error, self._of_test)
        return []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for name, applied, is_own in getattr(report, "moto_ecr_ext_noticed", ()):
            self._met.setdefault(name, []).append(_Met(report.nodeid, applied, is_own))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.is_reported:
            terminalreporter.section(_REPORT)
            for line in _summary(self._met):
                terminalreporter.write_line(line)
        elif PROJECT_ERROR_CODES.name in self._met:
            terminalreporter.write_line(f"moto_ecr_ext: {_about_codes(self._met)}")


def _counts(notice: Notice) -> bool:
    """Return True for a notice that matters to users of stock moto: a refusal, moto's behaviour, or an Error.Code."""
    return notice.leniency.is_refusal or notice.applied or notice.leniency is PROJECT_ERROR_CODES


def _explains(notice: Notice, failure: str) -> bool:
    """Return whether AWS's way, or a default that is moto's, may be why a test fails."""
    if notice.leniency.sign not in failure:
        return False
    return not notice.applied or (
        notice.leniency is MISSING_LAYERS
        and settings.COMPATIBILITY.given() is None
        and settings.VERIFY_LAYERS.given() is None
    )


def _about_codes(met: Mapping[str, Sequence[_Met]]) -> str:
    tests = dict.fromkeys(each.test for each in met[PROJECT_ERROR_CODES.name])
    others = f" and {len(tests) - 1} more" * (len(tests) > 1)
    return (
        f"Error.Code was not AWS's in {next(iter(tests))}{others}. On AWS, {PROJECT_ERROR_CODES.aws} "
        "Set moto_ecr_ext_error_codes = aws in pytest's configuration."
    )


def _guide(notices: Sequence[Notice]) -> str:
    """Return the explanation for a failed test."""
    first = {each.leniency: each for each in reversed(notices)}
    in_order = sorted(first.values(), key=lambda each: not each.leniency.is_refusal)
    lines = []
    for notice in in_order:
        leniency = notice.leniency
        what = "refused" if leniency.is_refusal else "handled as on AWS"
        what = "accepted, unlike on AWS" if notice.applied else what
        lines.append(f"{notice.action}, {what}: {notice.about}")
        lines += _explanation(leniency)
    unlike_moto = [each.leniency for each in in_order if each.leniency in ALL and not each.applied]
    if unlike_moto:
        does = "keeps stock moto's behaviour"
        if all(each.is_refusal for each in unlike_moto):
            does = f"accepts {'it' if len(unlike_moto) == 1 else 'them'}, as stock moto does"
        names = ", ".join(each.name for each in unlike_moto)
        lines.append(f"compatibility = moto {does}; so does compatibility = moto: {names}")
    return "\n".join(lines)


def _explanation(leniency: Leniency) -> list[str]:
    return [
        f"  {leniency.name}: {leniency.moto}",
        f"  AWS: {leniency.aws}",
        f"       {leniency.page}",
        f"  Write: {leniency.instead}",
    ]


def _summary(met: Mapping[str, Sequence[_Met]]) -> Iterator[str]:
    """Yield the lines of the report of a run."""
    leniencies = [each for each in ALL if each.name in met]
    for leniency in sorted(leniencies, key=lambda each: -len(met[each.name])):
        noticed = met[leniency.name]
        tests = dict.fromkeys(each.test for each in noticed)
        accepted = sum(each.is_own and each.is_accepted for each in noticed)
        others = sum(each.is_own and not each.is_accepted for each in noticed)
        what = "refused" if leniency.is_refusal else "as on AWS"
        counts = [f"{others} {what}"] * bool(others) + [f"{accepted} as moto"] * bool(accepted)
        yield f"{leniency.name}: {', '.join(counts)}, in {len(tests)} test{'s' * (len(tests) > 1)}"
        yield from _explanation(leniency)[1:]
        yield from (f"    {test}" for test in tests)
    if leniencies:
        names = ", ".join(each.name for each in leniencies)
        yield f"To keep stock moto's behaviour for all of this: compatibility = moto: {names}"
    else:
        yield "No test made a call that stock moto accepts and AWS refuses."
    if PROJECT_ERROR_CODES.name in met:
        yield _about_codes(met)


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
        from .testing import RunningServer

        server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
        server.start()
        try:
            BackendDict.reset()
            host, port = server.get_host_and_port()
            yield RunningServer(f"http://{host}:{port}", f"{host}:{port}")
        finally:
            server.stop()
            BackendDict.reset()


@pytest.fixture
def moto_ecr_image() -> ImageBuilder:
    """Return the image builder.

    `moto_ecr_image(seed=1, layers=3)`; see `moto_ecr_ext.testing.build_image`.
    """
    from .testing import build_image

    return build_image
