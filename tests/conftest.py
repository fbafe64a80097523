"""The way to the helpers of the tests, the fixtures of all of them, and the markers that setup.cfg explains."""

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

pytest_plugins = ["support.fixtures", "support.stock"]

# A test that uses one of these fixtures, or has a parameter that names one, gets the marker.
_MARKERS_OF_FIXTURES = {
    "browser": "client",
    "daemon": "docker",
    "docker_address": "docker",
    "docker_host": "docker",
    "each_daemon": "docker",
    "moto_s3": "server",
    "podman": "client",
    "postgresql": "postgresql",
    "rclone_s3": "server",
    "server": "server",
}
# All tests below one of these folders get the marker.
_MARKERS_OF_FOLDERS = {
    "clients": "client",
    "docs": "client",
    "examples": "client",
    "server": "server",
}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests, before `-m` selects among them."""
    for item in items:
        for marker in sorted(_markers(item)):
            item.add_marker(marker)


def _markers(item: pytest.Item) -> set[str]:
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    values = {each for each in parameters.values() if type(each) is str}
    fixtures = {*getattr(item, "fixturenames", ()), *values}
    folder = item.path.relative_to(Path(__file__).parent).parts[0]
    markers = {_MARKERS_OF_FIXTURES[each] for each in fixtures & _MARKERS_OF_FIXTURES.keys()}
    markers |= {_MARKERS_OF_FOLDERS[each] for each in {folder} & _MARKERS_OF_FOLDERS.keys()}
    # The fixture `aws` runs a test in the test process, and once more at a server.
    return markers | {"repeated"} if parameters.get("aws") == "server" else markers
