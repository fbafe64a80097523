"""The report of a run of tests: the differences between stock moto and AWS that it met, each kind once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from typing import NamedTuple

from moto_ecr_ext import settings
from moto_ecr_ext.settings.leniencies import ALL, MISSING_LAYERS, PROJECT_ERROR_CODES, Leniency

from .notices import Notice, listening

TITLE = "moto_ecr_ext and stock moto"


class Met(NamedTuple):
    """A difference that a test met, by the name of its leniency; all values are plain, for other processes.

    `applied` is True if moto's behaviour applied. `is_own` is False for the call of a fixture that an earlier test
    began. `explains` is True if the test failed, and the difference may be why.
    """

    name: str
    action: str
    about: str
    applied: bool
    is_own: bool
    explains: bool


class Observer:
    """Collects the notices of one test after the other, phase by phase: setup, call, teardown."""

    def __init__(self) -> None:
        # It is closed when the run ends.
        self.listening = ExitStack()
        self._waiting: list[Notice] = []
        self.listening.enter_context(listening(self._waiting.append))
        # The notices of the current test.
        self._of_test: list[Notice] = []
        # The notices of failed fixtures, by their errors: pytest raises the same one in each test that needs the
        # fixture.
        self._of_error: dict[int, tuple[BaseException, list[Notice]]] = {}

    def end_phase(
        self, *, begins_test: bool, error: BaseException | None, failure: str
    ) -> list[Met]:
        """Return what a phase of a test has met. `error` and its text `failure` are None and empty if it passed."""
        noticed = self._waiting[:]
        self._waiting.clear()
        self._of_test = noticed if begins_test else self._of_test + noticed
        if error is None:
            return [_met(each) for each in noticed if _counts(each)]
        # A difference that is no refusal matters only if a test fails, maybe in a later phase.
        own = [each for each in self._of_test if _explains(each, failure)]
        own += [each for each in noticed if _counts(each) and each not in own]
        earlier = [
            each
            for each in self._earlier(error)
            if each not in own and (_counts(each) or _explains(each, failure))
        ]
        return [
            *(_met(each, explains=_explains(each, failure)) for each in own),
            *(_met(each, is_own=False, explains=_explains(each, failure)) for each in earlier),
        ]

    def _earlier(self, error: BaseException) -> list[Notice]:
        """Return the notices of an earlier test that failed by this error of a fixture."""
        if id(error) in self._of_error:
            return self._of_error[id(error)][1]
        if self._of_test:
            self._of_error[id(error)] = (error, self._of_test)
        return []


def _met(notice: Notice, *, is_own: bool = True, explains: bool = False) -> Met:
    name = notice.leniency.name
    return Met(name, notice.action, notice.about, notice.applied, is_own, explains)


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


class AdoptionReport:
    """What the tests of a run have met. If it `is_whole`, tests that passed count too, and each test is listed."""

    def __init__(self, *, is_whole: bool) -> None:
        self._is_whole = is_whole
        # By the names of leniencies: tests, with what they met.
        self._met: dict[str, list[tuple[str, Met]]] = {}

    def add(self, test: str, found: Iterable[Met]) -> None:
        """Add what a phase of a test has met."""
        for each in found:
            is_of_codes = each.name == PROJECT_ERROR_CODES.name
            if self._is_whole or each.explains or is_of_codes:
                self._met.setdefault(each.name, []).append((test, each))

    @property
    def lines(self) -> list[str]:
        """The report: the lines for pytest's configuration first, then each kind, those of most tests first."""
        found = [each for each in ALL if each.name in self._met]
        found.sort(key=lambda each: -len(self._tests(each)))
        lines = [*self._configuration(found)]
        for leniency in found:
            lines += self._kind(leniency)
        if self._is_whole and not found:
            lines.append("No test made a call that stock moto accepts and AWS refuses.")
        if PROJECT_ERROR_CODES.name in self._met:
            lines.append(self._about_codes())
        return lines

    def _tests(self, leniency: Leniency) -> list[str]:
        return list(dict.fromkeys(test for test, _ in self._met[leniency.name]))

    def _configuration(self, found: Sequence[Leniency]) -> Iterator[str]:
        as_moto = [each for each in found if self._is_whole or not self._is_applied(each)]
        if as_moto:
            names = ", ".join(each.name for each in as_moto)
            yield (
                f"To keep stock moto's behaviour, in pytest.ini: moto_ecr_ext_compatibility = moto: {names}"
            )
        if len(as_moto) < len(found):
            yield "To have AWS's behaviour, in pytest.ini: moto_ecr_ext_verify_layers = true"

    def _is_applied(self, leniency: Leniency) -> bool:
        return all(met.applied for _, met in self._met[leniency.name])

    def _kind(self, leniency: Leniency) -> Iterator[str]:
        met = [met for _, met in self._met[leniency.name]]
        tests = self._tests(leniency)
        applied = sum(each.is_own and each.applied for each in met)
        others = sum(each.is_own and not each.applied for each in met)
        what = "refused" if leniency.is_refusal else "as on AWS"
        counts = [f"{others} {what}"] * bool(others) + [f"{applied} as moto"] * bool(applied)
        first = f"{met[0].action}, {met[0].about}"
        where = "" if self._is_whole else f", first {tests[0]}"
        yield (
            f"{leniency.name}: {', '.join(counts)}, in {len(tests)} test{'s' * (len(tests) > 1)}{where} ({first})"
        )
        yield f"  Write: {leniency.instead} AWS: {leniency.aws} {leniency.page}"
        if self._is_whole:
            yield from (f"    {test}" for test in tests)

    def _about_codes(self) -> str:
        tests = self._tests(PROJECT_ERROR_CODES)
        others = f" and {len(tests) - 1} more" * (len(tests) > 1)
        return (
            f"Error.Code was not AWS's in {tests[0]}{others}. On AWS, {PROJECT_ERROR_CODES.aws} "
            "Set moto_ecr_ext_error_codes = aws in pytest's configuration."
        )
