from __future__ import annotations

import argparse
import os
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from moto_ecr_ext.settings import COMPATIBILITY

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
    parser.add_argument("--moto", action="store_true", help="run them with compatibility=moto")
    parser.add_argument(
        "--lenient", action="store_true", help="run them with the leniencies that differs.txt names"
    )
    arguments, pytest_arguments = parser.parse_known_args()

    root = unpack_moto(version("moto"), arguments.directory.resolve())
    if arguments.stock:
        suite = MotoSuite(STOCK, [])
    else:
        differs = Path(__file__).with_name("differs.txt").read_text()
        differences = [] if arguments.moto else read_differences(differs)
        suite = MotoSuite(EXTENSION, differences, lenient=arguments.lenient)
        os.environ[COMPATIBILITY.variable] = "moto" if arguments.moto else "aws"
        pytest_arguments.insert(0, "--moto-ecr-ext")
    os.chdir(root)
    # The rest of the configuration is moto's, which asks for colour even where nobody sees it.
    configuration = ["--config-file=pyproject.toml", "--color=auto", "-W", "error", "-ra"]
    # The list of differences has imported the package before pytest could rewrite its assertions, of which it has none.
    configuration += ["-W", "ignore:Module already imported:pytest.PytestAssertRewriteWarning"]
    return pytest.main([*configuration, *suite.files, *pytest_arguments], plugins=[suite])


if __name__ == "__main__":
    sys.exit(main())
