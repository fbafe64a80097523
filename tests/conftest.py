"""The way to the helpers of the tests, and the fixtures of all of them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

# This folder, so that `support` can be imported in the tests, in processes that multiprocessing starts, and, with
# this folder as the current one, by `python -m`. Not the repository's own: tox would test the sources
# there and not the package that it installed.
sys.path.insert(0, str(Path(__file__).parent))

# Before it is imported, so that its assertions say what they compared.
pytest.register_assert_rewrite("support")

pytest_plugins = ["support.fixtures"]
