"""A server that many clients use at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.once, pytest.mark.slow]

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "load.py"


def test_many_clients(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No request fails, no image is lost, and memory is bounded, in a short run of the benchmark."""
    ran = subprocess.run(
        [sys.executable, BENCHMARK, "--clients", "32", "--seconds", "6", "--directory", tmp_path],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    with capsys.disabled():
        print(f"\n{ran.stdout}")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.count("pass") == 3
    assert "MISS" not in ran.stdout
