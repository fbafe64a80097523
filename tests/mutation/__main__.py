from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from .mutants import Mutant, sample
from .reach import Reach
from .running import ROOT, import_libraries, refuse_what_fails, run_all

AREAS = ("models", "policies", "distribution", "storage/rows", "json_api")
TESTS = (
    "tests/unit",
    "tests/aws",
    "tests/distribution",
    "tests/server/test_browsers.py",
    "tests/server/test_check.py",
    "tests/server/test_connections.py",
    "tests/server/test_metrics.py",
    "tests/server/test_migrations.py",
)
# Most of these run in the test process, which is mutated; their server is a thread.
SELECTED = "not (client or docker or once or postgresql or slow or repeated)"

# A mutant that no test reaches is one that no test notices.
SURVIVED = ("survived", "unreached")
# Of all mutants, those that may survive without being equivalent.
MOST_SURVIVORS = 0.05


def main() -> int:
    """Run a sample of mutants. Return 1 if too many survive that CONTRIBUTING does not list as equivalent."""
    parser = argparse.ArgumentParser(
        prog="python -m mutation",
        description="Mutate the package, and run the tests that reach each mutant.",
    )
    parser.add_argument("directory", type=Path, help="records of the tests, and the results")
    parser.add_argument("--mutants", type=int, default=400, help="the size of the sample")
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seconds", type=float, default=60, help="for the tests of a mutant")
    parser.add_argument("--again", action="store_true", help="run survivors again")
    parser.add_argument("--trace", nargs="*", metavar="TEST", help="record these tests anew")
    arguments = parser.parse_args()
    directory: Path = arguments.directory.resolve()
    if arguments.trace or not list(directory.glob("seconds*.json")):
        _record(directory, arguments.trace or TESTS, arguments.jobs)
    mutants = sample(AREAS, arguments.mutants, arguments.seed)
    results = directory / "results.json"
    known = json.loads(results.read_text()) if results.exists() else {}
    reach = Reach(directory)

    def waiting() -> Iterator[tuple[Mutant, list[list[str]]]]:
        for mutant in mutants:
            if mutant.name in known and not (arguments.again and known[mutant.name] in SURVIVED):
                continue
            if parts := reach.quickest(reach.tests(mutant), arguments.seconds):
                yield mutant, parts
            else:
                known[mutant.name] = "unreached"

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # So that what runs is stopped.
    import_libraries()
    some = reach.quickest(reach.seconds, arguments.seconds)
    refuse_what_fails([test for part in some for test in part], 60 + 5 * arguments.seconds)
    for mutant, result in run_all(waiting(), arguments.jobs, 60 + 5 * arguments.seconds):
        known[mutant.name] = result
        results.write_text(json.dumps(known, indent=1))
        print(result, mutant.name, flush=True)
    results.write_text(json.dumps(known, indent=1))  # Those that no test reaches have no run.
    return _report(mutants, known)


def _record(directory: Path, tests: tuple[str, ...], jobs: int) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    paths = [str(ROOT / "tests"), os.environ.get("PYTHONPATH", "")]
    environment = {
        **os.environ,
        "MUTATION_TRACE": str(directory),
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
    }
    options = ["-q", "-p", "mutation.tracing", "-n", str(jobs), "--hypothesis-profile=brief"]
    subprocess.run(
        [sys.executable, "-m", "pytest", *options, "-m", SELECTED, *tests],
        cwd=ROOT,
        env=environment,
        check=False,  # Tests that fail are left out.
    )


def _report(mutants: list[Mutant], known: dict[str, str]) -> int:
    listed = " ".join((ROOT / "CONTRIBUTING.rst").read_text().split())
    survivors = [each for each in mutants if known.get(each.name) in SURVIVED]
    unexpected = [each for each in survivors if each.entry() not in listed]
    for mutant in sorted(unexpected):
        print(f"\n{mutant.name}\n{mutant.difference()}")
    counts = Counter(known.get(each.name, "not run") for each in mutants)
    print(f"\n{len(mutants)} mutants: ", end="")
    print(*(f"{count} {result}" for result, count in counts.items()), sep=", ")
    print(
        f"Of the survivors, {len(survivors) - len(unexpected)} are listed as equivalent, "
        f"{len(unexpected)} are not ({len(unexpected) / len(mutants):.1%} of all)."
    )
    return 1 if len(unexpected) > MOST_SURVIVORS * len(mutants) else 0


sys.exit(main())
