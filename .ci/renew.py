"""Writes the versions of all that `.ci/run` installs from PyPI and npm, the newest that fit together.

The environments of tox.ini that name the same file of constraints are a family: the file has what all of them install,
with everything that this needs. Beside them, `requirements/sam.txt` is for the command line of AWS SAM, which needs
separate versions, and `requirements/npm.txt` has programs that only npm has. `tox -e renew` runs this.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "requirements"
# Programs with no dependencies of their own.
PROGRAMS_OF_NPM = ["aws-cdk"]
# The oldest Python that the versions are for: the package's, except that the site's Sphinx needs a newer one.
OLDEST_PYTHON = "3.10"
OLDEST_PYTHON_OF = {"docs.txt": "3.12"}


@dataclass
class Family:
    """What the environments install that share a file of constraints."""

    dependencies: set[str] = field(default_factory=set)
    extras: set[str] = field(default_factory=set)
    has_package: bool = False


def families() -> dict[str, Family]:
    """Return the families of tox.ini's environments, by the names of their files."""
    keys = ["constraints", "deps", "extras", "skip_install"]
    asked = [sys.executable, "-m", "tox", "config", "-e", "ALL", "--format", "json", "-k", *keys]
    ran = subprocess.run(asked, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Family] = {}
    for settings in json.loads(ran.stdout)["env"].values():
        for constraints in settings.get("constraints", ()):
            family = found.setdefault(Path(constraints).name, Family())
            family.dependencies |= set(settings.get("deps", ()))
            family.extras |= set(settings.get("extras", ()))
            family.has_package |= not settings.get("skip_install", True)
    return found


def write(name: str, family: Family) -> None:
    """Write a file of constraints."""
    command = ["uv", "pip", "compile", "--upgrade", "--quiet", "--no-header", "--no-annotate"]
    oldest = OLDEST_PYTHON_OF.get(name, OLDEST_PYTHON)
    command += ["--universal", "--python-version", oldest]
    command += [word for extra in sorted(family.extras) for word in ("--extra", extra)]
    sources = ["setup.cfg", "-"] if family.has_package else ["-"]
    compiled = subprocess.run(
        [*command, *sources],
        cwd=ROOT,
        input="\n".join(sorted(family.dependencies)),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout
    put(name, compiled)


def put(name: str, versions: str) -> None:
    """Write a file of versions, below a line that says where they come from."""
    (FOLDER / name).write_text(f"# Made by `tox -e renew`.\n{versions}", encoding="utf-8")


def newest_of_npm(programs: Iterable[str]) -> str:
    """Return a line for each of npm's programs."""
    lines = []
    for program in programs:
        asked = ["npm", "view", program, "version"]
        version = subprocess.run(asked, stdout=subprocess.PIPE, text=True, check=True).stdout
        lines.append(f"{program}@{version.strip()}\n")
    return "".join(lines)


def main() -> None:
    for name, family in families().items():
        write(name, family)
    write("sam.txt", Family({"aws-sam-cli"}))
    put("npm.txt", newest_of_npm(PROGRAMS_OF_NPM))


if __name__ == "__main__":
    main()
