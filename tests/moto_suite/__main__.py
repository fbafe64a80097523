from __future__ import annotations

import argparse
import os
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from .differences import read_differences
from .sources import unpack_moto
from .suite import EXTENSION, STOCK, MotoSuite


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m moto_suite",
        description="Run moto's own tests for ECR. Other options are given to pytest.",
    )
    parser.add_argument("directory", type=Path, help="where moto's source distribution is kept")
    parser.add_argument("--stock", action="store_true", help="run them against moto's own ECR")
    arguments, pytest_arguments = parser.parse_known_args()

    root = unpack_moto(version("moto"), arguments.directory.resolve())
    if arguments.stock:
        suite = MotoSuite(STOCK, [])
    else:
        differs = Path(__file__).with_name("differs.txt").read_text()
        suite = MotoSuite(EXTENSION, read_differences(differs))
        pytest_arguments.insert(0, "--moto-ecr-ext")
    os.chdir(root)
    # The rest of the configuration is moto's, which asks for colour even where nobody sees it.
    configuration = ["--config-file=pyproject.toml", "--color=auto", "-W", "error", "-ra"]
    return pytest.main([*configuration, *suite.files, *pytest_arguments], plugins=[suite])


if __name__ == "__main__":
    sys.exit(main())
