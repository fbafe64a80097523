"""A benchmark of the cost before a test process's first test: stock moto and the extension, each in a fresh process.

The two take turns. A difference is within one pair, so that a slow phase of the machine affects both. Processor time is
shown beside elapsed time, since it does not count other processes.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from common import Rest, Target, environment, print_machine, print_table, print_targets

_MOTO = "import moto; from moto import mock_aws"
_EXTENSION = f"{_MOTO}; import moto_ecr_ext; moto_ecr_ext.install()"
_FIRST_CALL = """
with mock_aws():
    import boto3
    ecr = boto3.client("ecr", "us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
    ecr.create_repository(repositoryName="app")
"""
# The measured steps: the code of stock moto, and that of the extension.
_STEPS = {
    "import and install()": (_MOTO, _EXTENSION),
    "and the first ECR call": (_MOTO + _FIRST_CALL, _EXTENSION + _FIRST_CALL),
}
_MOST_MILLISECONDS = 15


class Cost(NamedTuple):
    """The cost of one process, in milliseconds."""

    passed: float
    processor: float


def cost_of(code: str) -> Cost:
    """Run a process to its end. Python's caches of bytecode are used, as everywhere except in some containers."""
    variables = environment()
    variables.pop("PYTHONDONTWRITEBYTECODE", None)
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", code], env=variables)
    _, status, usage = os.wait4(process.pid, 0)
    passed = time.perf_counter() - began
    if status:
        raise RuntimeError(f"this failed:\n{code}")
    return Cost(passed * 1e3, (usage.ru_utime + usage.ru_stime) * 1e3)


def pairs_of(step: str, rounds: int, rest: Rest) -> list[tuple[Cost, Cost]]:
    """Measure both in pairs, in direct succession."""
    moto, extension = _STEPS[step]
    cost_of(extension)  # This creates the bytecode.
    pairs = []
    for _ in range(rounds):
        rest.wait()
        pairs.append((cost_of(moto), cost_of(extension)))
    return pairs


def row(step: str, kind: str, pairs: Sequence[tuple[float, float]]) -> tuple[str, ...]:
    """Return a row of the table."""
    more = [ours - stock for stock, ours in pairs]
    stock, ours = (statistics.median(each) for each in zip(*pairs, strict=True))
    return (
        f"{step}, {kind}",
        f"{stock:.0f}",
        f"{ours:.0f}",
        f"{statistics.median(more):+.1f}",
        f"{min(more):+.0f} to {max(more):+.0f}",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="pairs (default: 9)")
    parser.add_argument(
        "--patience",
        type=float,
        default=60,
        help="seconds to wait for an idle machine before each pair (default: 60)",
    )
    arguments = parser.parse_args()
    print_machine(Path(__file__).parent, ["moto", "moto-ecr-ext", "boto3", "SQLAlchemy"], [])
    rest = Rest(arguments.patience)
    costs = {step: pairs_of(step, arguments.rounds, rest) for step in _STEPS}
    rows = []
    for step, pairs in costs.items():
        rows.append(row(step, "passed", [(moto.passed, ours.passed) for moto, ours in pairs]))
        rows.append(
            row(step, "processor", [(moto.processor, ours.processor) for moto, ours in pairs])
        )
    head = ("milliseconds", "moto", "extension", "more", "in the pairs")
    print_table(f"{arguments.rounds} pairs of processes", head, rows)
    more = [ours.processor - moto.processor for moto, ours in costs["import and install()"]]
    target = Target(
        "import and install(), more processor time than moto, in ms",
        statistics.median(more),
        "at most",
        _MOST_MILLISECONDS,
    )
    print_targets([target])
    rest.print_summary()


if __name__ == "__main__":
    main()
