"""Listing the tags of a repository: order, pages, and omitted tags."""

from __future__ import annotations

import pytest
import requests

from moto_ecr_ext.storage.rows.tables import images, tags
from moto_ecr_ext.storage.store import current_store
from moto_ecr_ext.testing import build_image
from support.registry_client import RepositoryClient, assert_refused

IMAGE = build_image(layers=0)
# In the order of their bytes, which is lexical order for ASCII.
TAGS = ["-", "1.0", "10", "2", "A", "_x", "a", "a-1", "a.1", "a_1", "aa", "b"]


@pytest.fixture
def tagged(repository: RepositoryClient) -> RepositoryClient:
    """A repository with TAGS, pushed in another order."""
    repository.push_blobs(IMAGE)
    for tag in [*TAGS[::2], *TAGS[1::2]]:
        assert repository.put_manifest(IMAGE, tag).status_code == 201
    return repository


def listed(response: requests.Response) -> list[str]:
    """The tags that an answer lists."""
    assert response.status_code == 200, response.text
    document = response.json()
    assert set(document) == {"name", "tags"}
    assert document["name"] == "team/app"
    tags: list[str] = document["tags"]
    return tags


def test_all(tagged: RepositoryClient) -> None:
    """All tags come in lexical order, without a Link."""
    response = tagged.get("/tags/list")
    assert listed(response) == TAGS
    assert response.headers["Content-Type"] == "application/json; charset=utf-8"
    assert "Link" not in response.headers


def test_none(repository: RepositoryClient) -> None:
    """A repository without tags has an empty list, not `null`."""
    repository.push(IMAGE)
    assert listed(repository.get("/tags/list")) == []


@pytest.mark.parametrize("size", [1, 5, len(TAGS) - 1, len(TAGS), len(TAGS) + 1, 1000])
def test_pages(tagged: RepositoryClient, size: int) -> None:
    """Following Link from page to page lists each tag once; the last page has no Link."""
    found: list[str] = []
    url = f"/tags/list?n={size}"
    for start in range(0, len(TAGS), size):
        response = tagged.get(url)
        assert listed(response) == TAGS[start : start + size]
        found += listed(response)
        link = response.links.get("next")
        assert bool(link) == (start + size < len(TAGS))
        if link:
            url = link["url"]
            assert (
                url
                == f"{tagged.session.registry_url}/v2/team/app/tags/list?n={size}&last={found[-1]}"
            )
    assert found == TAGS


@pytest.mark.parametrize("last", ["-", "a", "a-1", "aaa", "b", "zzz", "", "not a tag", "ä"])
def test_last(tagged: RepositoryClient, last: str) -> None:
    """The list begins after `last`, whether that tag exists or not."""
    expected = [tag for tag in TAGS if tag > last]
    assert listed(tagged.get("/tags/list", params={"last": last})) == expected
    response = tagged.get("/tags/list", params={"last": last, "n": "2"})
    assert listed(response) == expected[:2]


def test_a_page_of_none(tagged: RepositoryClient) -> None:
    """With `n` 0 the list is empty, and has no Link (specification, "Listing Tags")."""
    for url in ("/tags/list?n=0", "/tags/list?n=0&last=a"):
        response = tagged.get(url)
        assert listed(response) == []
        assert "Link" not in response.headers


@pytest.mark.parametrize("n", ["", "-1", "ten", "1.5", "٣", "0x10", "9" * 30, "1 "])
def test_n_is_a_number(tagged: RepositoryClient, n: str) -> None:
    """An `n` that is not a number is refused as an invalid parameter."""
    assert_refused(
        tagged.get("/tags/list", params={"n": n}),
        405,
        "UNSUPPORTED",
        "Invalid parameter at 'n' failed to satisfy constraint: 'Member must be a number of results'",
    )


def test_more_than_a_page(repository: RepositoryClient) -> None:
    """No page has more than 1000 tags, whatever `n` is; Link leads to the next page."""
    repository.push(IMAGE)
    names = [f"t{number:04}" for number in range(1001)]
    # Straight into the store: a thousand pushes take seconds.
    with current_store().database.write() as transaction:
        image = transaction.connection.execute(images.select()).one()
        of_image = {"image_id": image.id, "repository_id": image.repository_id}
        transaction.connection.execute(
            tags.insert(), [{"name": name, **of_image} for name in names]
        )
    for url in ("/tags/list", "/tags/list?n=1001", "/tags/list?n=99999"):
        response = repository.get(url)
        assert listed(response) == names[:1000]
        assert listed(repository.get(response.links["next"]["url"])) == names[1000:]


def test_a_moved_and_a_deleted_tag(tagged: RepositoryClient) -> None:
    """A moved tag is listed once, and a deleted one not at all."""
    tagged.push(build_image(layers=0, config={"Cmd": ["other"]}), "a")
    tagged.delete("/manifests/b")
    assert listed(tagged.get("/tags/list")) == TAGS[:-1]


def test_archived_images(repository: RepositoryClient) -> None:
    """Tags of archived images are not listed, as by ListImages, since they cannot be pulled.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/archive-image.html
    """
    repository.push(IMAGE, "cold")
    repository.push(build_image(layers=0, config={"Cmd": ["other"]}), "warm")
    with current_store().database.write() as transaction:
        transaction.connection.execute(
            images.update().where(images.c.digest == IMAGE.digest).values(status="ARCHIVED")
        )
    assert listed(repository.get("/tags/list")) == ["warm"]
    for reference in ("cold", IMAGE.digest):
        assert_refused(
            repository.get(f"/manifests/{reference}"),
            404,
            "MANIFEST_UNKNOWN",
            "Requested image not found",
        )
        assert repository.head(f"/manifests/{reference}").status_code == 404


@pytest.mark.parametrize(("length", "status"), [(300, 201), (301, 405)])
def test_the_length_of_a_tag(repository: RepositoryClient, length: int, status: int) -> None:
    """A pushed tag has at most 300 characters, as in the JSON API."""
    image = build_image(layers=1)
    repository.push(image)
    headers = {"Content-Type": image.media_type}
    response = repository.put(f"/manifests/{'a' * length}", data=image.manifest, headers=headers)
    assert response.status_code == status
