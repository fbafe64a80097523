"""Repositories of very many images: each page of them opens without reading the others."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from sqlalchemy import Engine, event

from moto_ecr_ext.oci.media_types import OCI_CONFIG, OCI_MANIFEST
from moto_ecr_ext.storage.rows import tables
from moto_ecr_ext.storage.store import current_store
from support.constants import ACCOUNT, REGION
from support.environments import Environment
from support.page import Site, repository_path

pytestmark = [pytest.mark.once, pytest.mark.slow]

# Statements for one more repository in a list: its own, and not one for each of its images.
ADDED = 3
MANIFEST = b'{"schemaVersion": 2, "config": {}, "layers": []}' * 10


def digest(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def fill(name: str, count: int) -> int:
    """Add a repository of so many tagged images, and return the row of the first one.

    Each has a separate config, and a layer that the images of other repositories have.
    """
    with current_store().database.write() as transaction:
        repository = {
            "account_id": ACCOUNT,
            "region": REGION,
            "name": name,
            "created_at": 0.0,
            "tag_mutability": "MUTABLE",
            "scan_on_push": False,
            "encryption": {"encryptionType": "AES256"},
            "resource_tags": {},
        }
        of_repository = {"repository_id": transaction.insert(tables.repositories, repository)}
        images: list[dict[str, Any]] = []
        tags: list[dict[str, Any]] = []
        blobs: list[dict[str, Any]] = []
        for number in range(count):
            images.append(
                {
                    **of_repository,
                    "id": 1_000_000 * of_repository["repository_id"] + number,
                    "digest": digest(f"{name} {number}"),
                    "media_type": OCI_MANIFEST,
                    "artifact_type": OCI_CONFIG,
                    "size": 1000,
                    "pushed_at": 1_700_000_000.0 + number,
                    "status": "ACTIVE",
                    "manifest": MANIFEST,
                    "is_tagged": True,
                }
            )
            tags.append({**of_repository, "name": f"build-{number}", "image_id": images[-1]["id"]})
            for text in (f"{name} config {number}", f"layer {number}"):
                blobs.append({**of_repository, "digest": digest(text), "size": 1000})
        transaction.insert_all(tables.images, images)
        transaction.insert_all(tables.tags, tags)
        transaction.insert_all(tables.repository_blobs, blobs)
    first: int = images[0]["id"]
    return first


@pytest.fixture
def site(in_process: Environment) -> Site:
    """The page of the test process."""
    return Site(in_process.endpoint_url)


def statements_of(site: Site, path: str) -> tuple[int, str]:
    """The number of statements by which the server reads a page, and the page's text."""
    statements: list[str] = []

    def note(*arguments: Any) -> None:
        statements.append(arguments[2])

    site.read(path)
    event.listen(Engine, "before_cursor_execute", note)
    try:
        text = site.read(path).text
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    return len(statements), text


def test_a_page_takes_as_many_statements_for_any_number_of_images(site: Site) -> None:
    """Pages of images, searches and lists of repositories take the same statements for 300 and for 3,000 images."""
    small, large = fill("small", 300), fill("large", 3_000)
    for query in ("?before={}", "?q=build-9", "?q=nothing", "?show=untagged", ""):
        counts = {
            statements_of(site, repository_path(name) + query.format(row + 150))[0]
            for name, row in (("small", small), ("large", large))
        }
        assert len(counts) == 1, query
    registry = repository_path("small").partition("/repositories")[0]
    for path in ("storage", registry, "search?q=build-299"):
        few, _ = statements_of(site, path)
        fill(f"more-{path.partition('?')[0].replace('/', '-')}", 300)
        assert statements_of(site, path)[0] <= few + ADDED, path


def test_a_page_has_only_its_own_images(site: Site) -> None:
    """A page in the middle or at the end of many images has its hundred, and no others."""
    row = fill("large", 10_000)
    path = repository_path("large")
    for before in (10_000, 5_000, 101):
        text = site.read(f"{path}?before={row + before}").text
        assert f"build-{before - 1} " in text
        assert f"build-{before - 100} " in text
        assert f"build-{before - 101} " not in text
        assert f"build-{before} " not in text
