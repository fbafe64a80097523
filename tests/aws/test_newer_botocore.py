"""A botocore that is newer than this package: what it adds is ignored or refused, and never an internal error."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from moto_ecr_ext import service_model
from moto_ecr_ext.json_api.known import known_members
from moto_ecr_ext.json_api.newer_models import compile_dropper
from support.tomorrow import make_tomorrows_model, write_model

TESTS = Path(__file__).parents[1]


@pytest.mark.parametrize("name", service_model.operation_names())
def test_everything_in_the_model_is_known(name: str) -> None:
    """A member, value or operation that botocore has is implemented, and so it is entered where it is known."""
    operation = service_model.operation(name)
    assert operation is not None
    known = known_members(operation)
    assert known is not None
    assert not set(operation.input_shape.members) - set(known)
    assert compile_dropper(operation.input_shape, known) is None


@pytest.mark.slow
def test_tomorrows_model(tmp_path: Path) -> None:
    """All that a request may have, in both environments, with the model that `support/tomorrow.py` makes."""
    write_model(make_tomorrows_model(), tmp_path)
    files = [TESTS / "aws" / "tomorrow.py", TESTS / "aws" / "test_model_variants.py"]
    configuration = ["-c", TESTS.parent / "setup.cfg", "--rootdir", TESTS.parent]
    # The tests of variants send each new member.
    expected = ["-W", "ignore:botocore "]
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        + [str(each) for each in [*configuration, *expected, *files]],
        # Not the repository, whose package would be tested instead of the installed one.
        cwd=tmp_path,
        env={**os.environ, "AWS_DATA_PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
