"""Fails unless a tag, such as v0.1.0, names the version of the sources: `python .ci/check_tag.py TAG`."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

_VERSION = Path(__file__).parents[1] / "moto_ecr_ext" / "_version.py"


def main() -> None:
    version = runpy.run_path(str(_VERSION))["__version__"]
    if sys.argv[1:] != [f"v{version}"]:
        sys.exit(f"The tag of this version is v{version}, not {' '.join(sys.argv[1:])}.")


if __name__ == "__main__":
    main()
