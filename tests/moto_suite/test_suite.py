from __future__ import annotations

from collections.abc import Callable
from textwrap import dedent
from typing import Any

import pytest
from moto.ecr.models import ecr_backends

from moto_ecr_ext.settings.leniencies import MADE_UP_DIGESTS, WHOLE_LISTS
from moto_suite.differences import Difference
from moto_suite.suite import MotoSuite

pytestmark = pytest.mark.slow

pytest_plugins = ["pytester"]

ECR_FILE = "tests/test_ecr/test_ecr.py"
LAMBDA_FILE = "tests/test_awslambda/test_lambda.py"
CLOUDFORMATION_FILE = "tests/test_cloudformation/test_stacks.py"

MOTO = {
    "pyproject.toml": """
        [tool.pytest.ini_options]
        markers = ["requires_docker: requires running docker"]
        """,
    ECR_FILE: """
        def test_passes():
            pass

        def test_fails():
            assert False
        """,
    LAMBDA_FILE: """
        import pytest

        @pytest.fixture
        def with_ecr_mock():
            pass

        def test_image(with_ecr_mock):
            pass

        @pytest.mark.requires_docker
        def test_run_image(with_ecr_mock):
            assert False

        def test_archive():
            assert False
        """,
    CLOUDFORMATION_FILE: """
        def test_change_set():
            create_change_set = None

        def test_stack():
            assert False
        """,
}


Run = Callable[..., pytest.RunResult]


@pytest.fixture
def provider() -> str:
    """The package whose ECR this process has now, which depends on the tests before."""
    return ecr_backends.backend.__module__.partition(".")[0]


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, provider: str) -> Run:
    """Runs the suite on `MOTO`, without other plugins; takes the differences."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    for name, text in MOTO.items():
        path = pytester.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))

    def run(
        *differences: Difference, provider: str = provider, lenient: bool = False
    ) -> pytest.RunResult:
        suite = MotoSuite(provider, differences, lenient=lenient)
        return pytester.runpytest_inprocess("-ra", *suite.files, plugins=[suite])

    return run


def difference(test: str) -> Difference:
    return Difference(test, (MADE_UP_DIGESTS, WHOLE_LISTS))


def test_a_test_that_is_not_listed_fails(run: Run) -> None:
    """A failing test fails the run; Lambda's tests without ECR or with docker are left out."""
    result = run()

    result.assert_outcomes(passed=3, failed=1, deselected=3)
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_a_listed_test_may_fail(run: Run) -> None:
    """With every failing test listed, the run succeeds."""
    result = run(difference(f"{ECR_FILE}::test_fails"))

    result.assert_outcomes(passed=3, xfailed=1, deselected=3)
    assert result.ret == pytest.ExitCode.OK


def test_a_listed_test_must_not_pass(run: Run) -> None:
    """A listed test that passes fails the run."""
    result = run(
        difference(f"{ECR_FILE}::test_fails"),
        difference(f"{LAMBDA_FILE}::test_image"),
    )

    result.assert_outcomes(passed=2, xfailed=1, failed=1, deselected=3)
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_a_listed_test_must_not_crash(run: Run, pytester: pytest.Pytester) -> None:
    """A listed test that the extension itself ends with an exception fails the run."""
    (pytester.path / ECR_FILE).write_text("def test_fails():\n    raise TypeError\n")

    result = run(difference(f"{ECR_FILE}::test_fails"))

    result.assert_outcomes(passed=2, failed=1, deselected=3)
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_the_reason_of_a_difference_is_shown(run: Run) -> None:
    """The summary gives the reason why a listed test differs, and the page with AWS's rule."""
    listed = difference(f"{ECR_FILE}::test_fails")

    result = run(listed)

    (line,) = [each for each in result.outlines if each.startswith(f"XFAIL {listed.test} - ")]
    assert line.endswith(listed.reason)


def test_a_lenient_run_has_the_leniencies_of_each_test(run: Run, pytester: pytest.Pytester) -> None:
    """A listed test sees the leniencies that it is listed with, and must pass with them; another one sees none."""
    (pytester.path / ECR_FILE).write_text(
        dedent(
            """
            from moto_ecr_ext.settings import COMPATIBILITY
            from moto_ecr_ext.settings.leniencies import (
                AWS, MADE_UP_DIGESTS, WHOLE_LISTS, parse_compatibility
            )

            def current():
                return parse_compatibility(COMPATIBILITY.get())

            def test_listed():
                assert current() - AWS == {MADE_UP_DIGESTS, WHOLE_LISTS}

            def test_other():
                assert current() == AWS

            def test_listed_and_failing():
                assert False
            """
        )
    )

    result = run(
        difference(f"{ECR_FILE}::test_listed"),
        difference(f"{ECR_FILE}::test_listed_and_failing"),
        lenient=True,
    )

    result.assert_outcomes(passed=4, failed=1, deselected=3)


def test_a_listed_test_must_be_there(run: Run) -> None:
    """A listed test that its file no longer has fails the run."""
    result = run(difference(f"{ECR_FILE}::test_gone"))

    result.stderr.fnmatch_lines([f"*listed as different, but not there: {ECR_FILE}::test_gone"])
    assert result.ret == pytest.ExitCode.USAGE_ERROR


def test_a_file_of_a_newer_moto_may_be_listed(run: Run) -> None:
    """A listed test is skipped if moto has no such file yet."""
    result = run(
        difference(f"{ECR_FILE}::test_fails"),
        difference("tests/test_ecr/test_ecr_layers.py::test_upload"),
    )

    assert result.ret == pytest.ExitCode.OK


def test_another_ecr_stops_the_run(run: Run, provider: str) -> None:
    """A run that would test another ECR than it says fails before its first test."""
    result = run(provider="another")

    result.assert_outcomes(deselected=3)
    result.stdout.fnmatch_lines([f"*{ECR_FILE}::test_passes would see the ECR of {provider}*"])
    assert result.ret == pytest.ExitCode.TESTS_FAILED


@pytest.mark.parametrize("file", [ECR_FILE, LAMBDA_FILE, CLOUDFORMATION_FILE])
def test_all_groups_must_have_tests(run: Run, pytester: pytest.Pytester, file: Any) -> None:
    """A moto whose tests of ECR, of Lambda with ECR, or of change sets are not found fails the run."""
    (pytester.path / file).write_text("def test_archive():\n    pass\n" * (file != ECR_FILE))

    result = run()

    result.stderr.fnmatch_lines(["*has no test of what is changed"])
    assert result.ret == pytest.ExitCode.USAGE_ERROR
