"""The pages of the documentation work: whoever follows one from top to bottom gets what it promises."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from support.postgresql import Cluster
from support.s3_servers import S3Server
from support.walkthrough import blocks, reader

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted([DOCS / "tutorial.rst", *DOCS.glob("how-to/*.rst")])
# Pages that only point to others.
INDEXES = {DOCS / "how-to" / "index.rst"}
FOLLOWED = [page for page in PAGES if page not in INDEXES]


@pytest.fixture
def substitutes(page: Path, request: pytest.FixtureRequest) -> dict[str, str]:
    """The addresses of services that a page has its reader bring along, and those of this machine."""
    if page.stem == "postgresql":
        cluster: Cluster = request.getfixturevalue("postgresql")
        return {
            "postgresql+psycopg://registry@127.0.0.1/registry": cluster.url(
                cluster.create_database()
            )
        }
    if page.stem == "s3":
        server: S3Server = request.getfixturevalue("moto_s3")
        server.client().create_bucket(Bucket="layers")
        return {"http://127.0.0.1:9000": server.endpoint_url}
    return {}


@pytest.mark.parametrize("page", FOLLOWED, ids=lambda page: page.stem)
def test_a_page_can_be_followed(page: Path, substitutes: dict[str, str], tmp_path: Path) -> None:
    """Each of its files is written and each of its commands succeeds, in their order."""
    assert any(block.language == "shell" for block in blocks(page)), "nothing on it is run"
    with reader(tmp_path / "reader", substitutes) as walkthrough:
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
