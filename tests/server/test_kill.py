"""A server that is killed at any moment has, after its restart, all that it had acknowledged."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.killing import kill_again_and_again

pytestmark = [pytest.mark.once, pytest.mark.slow]


@pytest.mark.parametrize("seed", [1, 2])
def test_kills(tmp_path: Path, seed: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Images, tags, blobs, policies, deletions and parts of uploads survive, and no half-done change does."""
    result = kill_again_and_again(tmp_path / "registry", seed, kills=60, seconds=20)

    with capsys.disabled():
        print(f"\nseed {seed}: {result}")
    assert result.kills >= 5
    assert result.counts["images acknowledged"] >= result.kills
