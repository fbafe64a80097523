"""What tests of the operations share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from aws.raw_http import RawClient

if TYPE_CHECKING:
    from conftest import Environment


@pytest.fixture
def repository(ecr: Any) -> str:
    """The name of a repository that is there and empty."""
    ecr.create_repository(repositoryName="team/app")
    return "team/app"


@pytest.fixture
def raw(aws: Environment) -> RawClient:
    """A client that sends what no SDK would send."""
    return RawClient(aws)
