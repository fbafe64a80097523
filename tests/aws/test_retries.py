"""botocore's retries, with faults: what each mode recovers from, and what it does not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError

from moto_ecr_ext.testing import faults

MODES = ["legacy", "standard", "adaptive"]


@pytest.fixture(autouse=True)
def _end_of_faults() -> Iterator[None]:
    yield
    faults.clear()


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that botocore would wait between two attempts, in place of its waits."""
    waits: list[float] = []
    monkeypatch.setattr("botocore.endpoint.time.sleep", waits.append)
    return waits


@pytest.fixture(params=MODES)
def client(aws: Any, request: pytest.FixtureRequest) -> Any:
    """A client with each mode of retries, and four attempts."""
    return aws.client(config=Config(retries={"mode": request.param, "total_max_attempts": 4}))


@pytest.mark.parametrize(
    "make",
    [
        lambda times: faults.throttle("DescribeRepositories", times=times),
        lambda times: faults.fail("DescribeRepositories", status=503, times=times),
        lambda times: faults.fail("DescribeRepositories", error="ServerException", times=times),
        lambda times: faults.cut("DescribeRepositories", times=times),
        lambda times: faults.hang("DescribeRepositories", times=times, seconds=0.1),
    ],
    ids=["throttled", "unavailable", "failed", "cut", "hang"],
)
def test_what_every_mode_recovers_from(client: Any, waits: list[float], make: Any) -> None:
    """Within its attempts, a client repeats calls that were throttled or failed, and lost connections."""
    fault = make(3)
    assert client.describe_repositories()["repositories"] == []
    assert fault.count == 3
    assert len(waits) == 3


def test_the_last_attempt_fails(client: Any, waits: list[float]) -> None:
    """Beyond its attempts, a client raises the last error."""
    with faults.throttle("DescribeRepositories") as fault, pytest.raises(ClientError) as raised:
        client.describe_repositories()
    assert raised.value.response["Error"]["Code"] == "ThrottlingException"
    assert raised.value.response["ResponseMetadata"]["RetryAttempts"] == 3
    assert fault.count == 4
    with faults.cut("DescribeRepositories") as fault, pytest.raises(ConnectionClosedError):
        client.describe_repositories()
    assert fault.count == 4


@pytest.mark.parametrize("code", ["InvalidParameterException", "AccessDeniedException"])
def test_what_no_mode_repeats(client: Any, waits: list[float], code: str) -> None:
    """A refusal of the call itself is not repeated."""
    with faults.fail("DescribeRepositories", error=code) as fault, pytest.raises(ClientError):
        client.describe_repositories()
    assert (fault.count, waits) == (1, [])
