"""Both environments, a server with something to show, and Debian's Chromium to look at it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from support.browser import Browser, open_browser
from support.commands import Server, running_server
from support.environments import Environment
from support.page import Site
from support.page_content import show_something


@pytest.fixture
def aws(aws: Environment, monkeypatch: pytest.MonkeyPatch) -> Environment:
    """Both environments, one after the other. A client tries once, so that no failure of a server is hidden."""
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    return aws


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that keeps its data in a directory."""
    directory = tmp_path_factory.mktemp("page") / "registry"
    with running_server("--data-dir", str(directory)) as server:
        yield server


@pytest.fixture
def program(running: Server) -> Server:
    """The server, emptied."""
    running.reset()
    return running


@pytest.fixture
def shown(program: Server) -> Server:
    """A server with a few repositories, images of every kind, findings and signatures."""
    show_something(program)
    return program


@pytest.fixture
def site(running: Server) -> Site:
    """The page of the server."""
    return Site(running.url)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Chromium, as people have it: scripts, forms, the keyboard."""
    pytest.importorskip("selenium", reason="selenium is not installed (PyPI: pip install selenium)")
    for program in ("chromium", "chromedriver"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed (Debian: chromium, chromium-driver)")
    with open_browser(tmp_path_factory.mktemp("chromium")) as opened:
        yield opened
