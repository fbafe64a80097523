"""The pages of the documentation, followed from top to bottom."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from support.pages import runner_of
from support.postgresql import Cluster
from support.s3_servers import S3Server
from support.scanning import scanner
from support.walkthrough import Surroundings, blocks, reader

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted([DOCS / "index.rst", DOCS / "tutorial.rst", *DOCS.glob("how-to/*.rst")])
# Pages that only point to others.
INDEXES = {DOCS / "how-to" / "index.rst"}
# Pages that need more than a terminal have separate tests.
FOLLOWED = [page for page in PAGES if page not in INDEXES and not runner_of(page)]


_CONTAINERS_CONF = """\
[containers]
default_ulimits = []
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "none"
"""
_STORAGE_CONF = """\
[storage]
driver = "vfs"
graphroot = "{0}/storage"
runroot = "{0}/storage-run"
"""


@pytest.fixture
def surroundings(page: Path, request: pytest.FixtureRequest, tmp_path: Path) -> Surroundings:
    """The surroundings that a page requires: a database, a bucket, a scanner, podman's settings."""
    if page.stem == "postgresql":
        cluster: Cluster = request.getfixturevalue("postgresql")
        url = cluster.url(cluster.create_database())
        return Surroundings({"postgresql+psycopg://registry@127.0.0.1/registry": f"'{url}'"})
    if page.stem == "s3":
        server: S3Server = request.getfixturevalue("moto_s3")
        server.client().create_bucket(Bucket="layers")
        return Surroundings({"http://127.0.0.1:9000": server.endpoint_url})
    if page.stem == "scan-gate":
        return Surroundings(programs=scanner(tmp_path / "bin").parent)
    if page.stem == "podman-and-skopeo":
        return Surroundings(variables=_settings_of_podman(tmp_path))
    return Surroundings()


def _settings_of_podman(folder: Path) -> dict[str, str]:
    files = {
        "CONTAINERS_CONF": _CONTAINERS_CONF,
        "CONTAINERS_STORAGE_CONF": _STORAGE_CONF.format(folder),
        "CONTAINERS_REGISTRIES_CONF": "unqualified-search-registries = []\n",
    }
    for name, text in files.items():
        (folder / name).write_text(text)
    return {name: str(folder / name) for name in files}


@pytest.mark.parametrize("page", FOLLOWED, ids=lambda page: page.stem)
def test_a_page_can_be_followed(page: Path, surroundings: Surroundings, tmp_path: Path) -> None:
    """Each of its files is written and each of its commands succeeds, in their order."""
    assert any(block.language == "shell" for block in blocks(page)), "nothing on it is run"
    with reader(tmp_path / "reader", surroundings) as walkthrough:
        walkthrough.follow(page)


@pytest.mark.parametrize("page", FOLLOWED, ids=lambda page: page.stem)
def test_its_files_are_used(page: Path) -> None:
    """A file that a page has its reader write is named by a command or another file, or found by pytest."""
    found = blocks(page)
    for block in found:
        if not block.file or Path(block.file).name in ("pytest.ini", "conftest.py"):
            continue
        name = Path(block.file).stem
        others = "".join(each.text for each in found if each is not block)
        is_test = name.startswith("test_") and re.search(r"\bpytest\b", others)
        assert is_test or re.search(rf"\b{re.escape(name)}\b", others), block.file


def test_the_index_has_every_page() -> None:
    """Each how-to page is once in a group of the index."""
    lines = (DOCS / "how-to" / "index.rst").read_text().splitlines()
    listed = [line.strip() for line in lines if re.fullmatch(r"   [\w-]+", line)]
    pages = [page.stem for page in DOCS.glob("how-to/*.rst") if page not in INDEXES]
    assert sorted(listed) == sorted(pages)


def test_other_pages_name_their_tests() -> None:
    """A page that is not followed as a whole names a folder of tests that exists."""
    named = {runner_of(page) for page in PAGES if page not in INDEXES} - {""}
    assert named == {"tests/clients", "tests/integrations", "tests/unit"}
    assert all((DOCS.parent / each).is_dir() for each in named)
