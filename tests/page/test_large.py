"""Repositories of very many images: a page of them opens at once, whichever it is."""

from __future__ import annotations

import hashlib
from time import perf_counter
from typing import Any

import pytest

from moto_ecr_ext.oci.media_types import OCI_CONFIG, OCI_MANIFEST
from moto_ecr_ext.storage.rows import tables
from moto_ecr_ext.storage.store import current_store
from support.constants import ACCOUNT, REGION
from support.environments import Environment
from support.page import Site, repository_path

LIMIT = 0.3  # seconds
MANIFEST = b'{"schemaVersion": 2, "config": {}, "layers": []}' * 10


def digest(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def fill(name: str, count: int) -> int:
    """Add a repository of so many tagged images, and return the row of the first one.

    Each has a config of its own, and a layer that those of other repositories have.
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


def best_of(site: Site, path: str, times: int = 5) -> float:
    """The shortest time, in seconds, in which a page has come: the others have waited for other processes."""
    found = []
    for _ in range(times):
        began = perf_counter()
        site.read(path)
        found.append(perf_counter() - began)
    return min(found)


def test_ten_thousand_images_are_a_page_at_once(site: Site) -> None:
    """The first one, one in the middle, the last one, those of a search, and the list of repositories."""
    row = fill("first", 10_000)
    fill("second", 10_000)
    path = repository_path("first")
    middle, last = f"?before={row + 5000}", f"?before={row + 50}"
    for query in ("", middle, last, "?q=build-99", "?q=nothing", "?show=untagged"):
        assert best_of(site, path + query) < LIMIT, query
    for each in ("", "storage", path.partition("/repositories")[0], "search?q=build-999"):
        assert best_of(site, each) < LIMIT, each


def test_a_page_of_a_hundred_thousand_images_is_read_by_itself(site: Site) -> None:
    """Whichever it is, it has its hundred images, of which the first and the last lead on."""
    row = fill("large", 100_000)
    path = repository_path("large")
    for before in (100_000, 50_000, 101):
        text = site.read(f"{path}?before={row + before}").text
        assert f"build-{before - 1} " in text
        assert f"build-{before - 100} " in text
        assert f"build-{before - 101} " not in text
