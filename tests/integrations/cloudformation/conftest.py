"""Fixtures of the tests of stacks."""

from __future__ import annotations

import pytest

from support.environments import Environment


@pytest.fixture
def aws(aws: Environment, monkeypatch: pytest.MonkeyPatch) -> Environment:
    """Both environments, one after the other. A client tries once, so that no failure of a server is hidden."""
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    return aws
