"""Asks PyPI whether versions of packages that are installed here have known vulnerabilities.

With `--fail` the exit status is 1 if there are any: a new advisory alone must not stop what has nothing to do with it.
Without PyPI's advisories (no network, or a mirror without them) it says so and exits with 0.
"""

from __future__ import annotations

import json
import subprocess
import sys

COMMAND = [sys.executable, "-m", "pip_audit", "--format", "json", "--progress-spinner", "off"]
FATAL = "--fail"
# Of a run whose index does not answer.
PATIENCE = 300


def main() -> int:
    try:
        ran = subprocess.run(
            [*COMMAND, "--timeout", "15"],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return skipped("no answer in time")
    try:
        packages = json.loads(ran.stdout)["dependencies"]
    except ValueError:
        return skipped(ran.stderr.strip().rpartition("\n")[2])
    vulnerable = [package for package in packages if package.get("vulns")]
    audited = [package for package in packages if "vulns" in package]
    for package in vulnerable:
        for each in package["vulns"]:
            versions = ", ".join(each["fix_versions"]) or "none"
            print(f"{package['name']} {package['version']}: {each['id']}, fixed in {versions}")
    if not audited:
        return skipped(packages[0]["skip_reason"] if packages else "no package is installed")
    unknown = len(packages) - len(audited)
    print(
        f"{len(audited)} packages, {len(vulnerable)} of them vulnerable; {unknown} unknown to PyPI."
    )
    return 1 if vulnerable and FATAL in sys.argv[1:] else 0


def skipped(reason: str) -> int:
    print(f"Skipped: PyPI's advisories cannot be had here ({reason}).")
    return 0


if __name__ == "__main__":
    sys.exit(main())
