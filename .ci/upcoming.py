"""Runs the tests with the newest of everything, and says which release breaks which: `tox -e upcoming`.

The environment has been installed without constraints. What differs from `requirements/newest.txt` is listed. Tests
that fail are run once more with the versions of that file, and with each newer package alone, to learn which one is
the reason. Exit status 1 if a test failed, or if a version that is installed has a known vulnerability. Arguments go to
pytest.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from importlib.metadata import distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PINS = ROOT / "requirements" / "newest.txt"
MINE = "moto-ecr-ext"
# What moto's own tests are, beside tests of pytest in `tests/`.
MOTO_SUITE = "moto's own tests"


@dataclass
class Package:
    """A package that is newer than written down."""

    name: str
    # "" if it is not written down: a newer package needs it.
    pinned: str
    newest: str
    # The tests that fail with this package alone.
    breaks: list[str] = field(default_factory=list)


def pinned_versions() -> dict[str, str]:
    """Return the versions that are written down for this Python, by names."""
    lines = PINS.read_text(encoding="utf-8").splitlines()
    requirements = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {
        canonicalize_name(each.name): str(each.specifier).removeprefix("==")
        for each in requirements
        if each.marker is None or each.marker.evaluate()
    }


def installed_versions() -> dict[str, str]:
    """Return the versions of what is installed here, by names."""
    found = {canonicalize_name(each.metadata["Name"]): each.version for each in distributions()}
    del found[MINE]
    return found


def run_pytest(python: str, tests: list[str], place: Path) -> list[str]:
    """Run tests, and return those that failed."""
    place.mkdir(exist_ok=True)
    # A file, as the names of many tests are longer than a command line may be.
    names = place / "tests.txt"
    names.write_text("\n".join(tests))
    # pytest remembers here what failed.
    kept = place / "cache"
    # Not "-m pytest", which would test this folder's package and not the installed one.
    pytest = Path(python).with_name("pytest")
    command = [pytest, "-n", "auto", "-q", "-o", f"cache_dir={kept}", f"@{names}"]
    ended = subprocess.run(command, cwd=ROOT, check=False)
    failed = kept / "v" / "cache" / "lastfailed"
    if failed.exists():
        return sorted(json.loads(failed.read_text()))
    # No test ran, or pytest itself failed.
    return [] if ended.returncode == 0 else [f"pytest, with exit status {ended.returncode}"]


def run_moto_suite(python: str, place: Path) -> list[str]:
    """Run moto's own tests, whose failures are those of differs.txt."""
    command = [python, "-m", "moto_suite", str(place / "moto-suite")]
    ended = subprocess.run(command, cwd=ROOT / "tests", check=False)
    return [MOTO_SUITE] if ended.returncode else []


def find_reasons(failed: list[str], packages: list[Package], place: Path) -> dict[str, str]:
    """Enter what each package breaks, and return the reasons of the other failures."""
    python = _pinned_environment(place)
    others = dict.fromkeys(_run_again(python, failed, place / "pinned"), "fails as pinned")
    unexplained = set(failed) - others.keys()
    for package in packages:
        if not unexplained:
            break
        python = _pinned_environment(place)
        # With what it needs in turn: boto3 brings botocore.
        wanted = f"{package.name}=={package.newest}"
        subprocess.run(_uv_install(python, wanted), check=True)
        package.breaks = _run_again(python, sorted(unexplained), place / package.name)
        unexplained -= set(package.breaks)
    return others | dict.fromkeys(sorted(unexplained), "by no release alone")


def _run_again(python: str, failed: list[str], place: Path) -> list[str]:
    place.mkdir(exist_ok=True)
    tests = [each for each in failed if "::" in each]
    broken = run_pytest(python, tests, place) if tests else []
    return broken + (run_moto_suite(python, place) if MOTO_SUITE in failed else [])


def _pinned_environment(place: Path) -> str:
    """Make an environment with what is installed here, in the versions that are written down; return its Python."""
    directory = place / "environment"
    subprocess.run(
        ["uv", "venv", "--quiet", "--clear", "--python", sys.executable, str(directory)], check=True
    )
    python = str(directory / "bin" / "python")
    pins = pinned_versions()
    wanted = [f"{name}=={pins[name]}" for name in installed_versions() if name in pins]
    # The versions have been found to fit.
    subprocess.run(_uv_install(python, "--no-deps", *wanted, str(ROOT)), check=True)
    return python


def _uv_install(python: str, *packages: str) -> list[str]:
    return ["uv", "pip", "install", "--quiet", "--python", python, *packages]


def print_table(packages: list[Package], others: dict[str, str]) -> None:
    """Print a line for each package, and for each test that fails."""
    rows = [("package", "pinned", "newest", "fails because of it")]
    rows += [(p.name, p.pinned or "-", p.newest, str(len(p.breaks))) for p in packages]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for row in rows:
        print("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)))
    for package in packages:
        for test in package.breaks:
            print(f"{package.name} {package.newest}: {test}")
    for test, reason in others.items():
        print(f"{reason}: {test}")
    if not packages:
        print("Nothing is newer than what is written down.")


def main(arguments: list[str]) -> int:
    pins = pinned_versions()
    packages = [
        Package(name, pins.get(name, ""), version)
        for name, version in sorted(installed_versions().items())
        if pins.get(name) != version
    ]
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        failed = run_pytest(sys.executable, arguments or ["tests"], place / "newest")
        failed += run_moto_suite(sys.executable, place / "newest")
        others = find_reasons(failed, packages, place) if failed else {}
    audit = [sys.executable, ROOT / ".ci" / "audit.py", "--fail"]
    vulnerable = subprocess.run(audit, check=False).returncode
    print_table(packages, others)
    return 1 if failed or vulnerable else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
