"""The selection of moto's tests, the expected result of each, and the ECR that they use."""

from __future__ import annotations

import inspect
import re
from collections.abc import Generator, Sequence

import pytest
from botocore.exceptions import ClientError
from moto.ecr.models import ecr_backends

from moto_ecr_ext import settings

from .differences import Difference

EXTENSION = "moto_ecr_ext"
STOCK = "moto"

_ECR_TESTS = "tests/test_ecr"
_LAMBDA_TESTS = "tests/test_awslambda/test_lambda.py"
_CLOUDFORMATION_TESTS = "tests/test_cloudformation"
# What the extension mends in CloudFormation for all stacks: change sets and templates at URLs.
_USES_CHANGE_SETS = re.compile(r"change_set|TemplateURL|ImportValue")
# The URI of an image, the fixture `with_ecr_mock`, or the name of the test.
_USES_ECR = re.compile(r"\.ecr\.|_ecr")
# How a test of moto notices that an answer is another one: an error of AWS, or something else in the
# answer or missing from it. Whatever else is raised comes from the extension, in the same process.
_NOTICES = (AssertionError, ClientError, LookupError, pytest.fail.Exception)


# The value of the setting that a test is run with.
_COMPATIBILITY = pytest.StashKey[str]()


class MotoSuite:
    """A pytest plugin: moto's tests for ECR and for change sets, each run against the ECR of the package `provider`.

    A test among `differences` must fail, by what it is answered; every other one must pass. With `lenient`, those
    that are listed must pass too: each is run with the leniencies that it is listed with, and no others.
    """

    files = (_ECR_TESTS, _LAMBDA_TESTS, _CLOUDFORMATION_TESTS)

    def __init__(
        self, provider: str, differences: Sequence[Difference], *, lenient: bool = False
    ) -> None:
        self.provider = provider
        self.differences = differences
        self.lenient = lenient

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        kept = [item for item in items if _is_about_ecr(item) and not _needs_docker(item)]
        for file in self.files:
            if not any(item.nodeid.startswith(file) for item in kept):
                raise pytest.UsageError(f"{file} has no test of what is changed")
        config.hook.pytest_deselected(items=[item for item in items if item not in kept])
        items[:] = kept
        self._expect_differences(items)

    def _expect_differences(self, items: list[pytest.Item]) -> None:
        tests = {item.nodeid: item for item in items}
        files = {item.nodeid.partition("::")[0] for item in items}
        for difference in self.differences:
            if difference.test in tests and self.lenient:
                tests[difference.test].stash[_COMPATIBILITY] = difference.compatibility
            elif difference.test in tests:
                tests[difference.test].add_marker(
                    pytest.mark.xfail(reason=difference.reason, raises=_NOTICES, strict=True)
                )
            # An older moto has fewer files of tests.
            elif difference.test.partition("::")[0] in files:
                raise pytest.UsageError(f"listed as different, but not there: {difference.test}")

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        with pytest.MonkeyPatch.context() as environment:
            if _COMPATIBILITY in item.stash:
                environment.setenv(settings.COMPATIBILITY.variable, item.stash[_COMPATIBILITY])
            return (yield)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> None:
        provider = ecr_backends.backend.__module__.partition(".")[0]
        if provider != self.provider:
            pytest.exit(f"{item.nodeid} would see the ECR of {provider}", returncode=1)


def _is_about_ecr(item: pytest.Item) -> bool:
    if item.nodeid.startswith(_ECR_TESTS):
        return True
    words = _USES_CHANGE_SETS if item.nodeid.startswith(_CLOUDFORMATION_TESTS) else _USES_ECR
    return isinstance(item, pytest.Function) and bool(
        words.search(inspect.getsource(item.function))
    )


def _needs_docker(item: pytest.Item) -> bool:
    """Return whether moto starts a container for this test; a machine that tests ECR need not have docker.

    None of those that use ECR does in moto 5.2.5.
    """
    return item.get_closest_marker("requires_docker") is not None
