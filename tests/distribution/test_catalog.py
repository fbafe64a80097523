"""Listing the repositories of a registry."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from support.constants import OTHER_ACCOUNT
from support.registry_client import RegistrySession, assert_refused

NAMES = ["a-b", "a/b", "a0", "aa", "team/app", "team/base", "zz"]


@pytest.fixture
def catalog(ecr: Any, session: RegistrySession) -> RegistrySession:
    """A registry with NAMES, created in another order."""
    for name in reversed(NAMES):
        ecr.create_repository(repositoryName=name)
    return session


def listed(response: requests.Response) -> list[str]:
    assert response.status_code == 200, response.text
    assert response.headers["Content-Type"] == "application/json; charset=utf-8"
    document = response.json()
    assert set(document) == {"repositories"}
    names: list[str] = document["repositories"]
    return names


def test_all(catalog: RegistrySession) -> None:
    """All names come in lexical order, without a Link."""
    response = catalog.get("/v2/_catalog")
    assert listed(response) == NAMES
    assert "Link" not in response.headers


def test_none(session: RegistrySession) -> None:
    """An empty registry has an empty list."""
    assert listed(session.get("/v2/_catalog")) == []


@pytest.mark.parametrize("size", [1, 3, len(NAMES)])
def test_pages(catalog: RegistrySession, size: int) -> None:
    """Following Link gives each name once."""
    url = f"/v2/_catalog?n={size}"
    for start in range(0, len(NAMES), size):
        response = catalog.get(url)
        assert listed(response) == NAMES[start : start + size]
        assert ("next" in response.links) == (start + size < len(NAMES))
        url = response.links.get("next", {}).get("url", "")


@pytest.mark.parametrize("last", ["a/b", "b", "zz", ""])
def test_last(catalog: RegistrySession, last: str) -> None:
    """The list begins after `last`, whether that repository exists or not."""
    response = catalog.get("/v2/_catalog", params={"last": last})
    assert listed(response) == [name for name in NAMES if name > last]


def test_a_page_of_none(catalog: RegistrySession) -> None:
    """With `n` 0 the list is empty."""
    response = catalog.get("/v2/_catalog?n=0")
    assert listed(response) == []
    assert "Link" not in response.headers


def test_n_is_a_number(catalog: RegistrySession) -> None:
    """An `n` that is not a number is refused."""
    assert_refused(
        catalog.get("/v2/_catalog?n=many"),
        405,
        "UNSUPPORTED",
        "Invalid parameter at 'n' failed to satisfy constraint: 'Member must be a number of results'",
    )


def test_of_other_registries(catalog: RegistrySession, log_in: Any) -> None:
    """Other accounts and Regions have separate catalogues."""
    assert listed(log_in(account=OTHER_ACCOUNT).get("/v2/_catalog")) == []
    assert listed(log_in(region="eu-west-1").get("/v2/_catalog")) == []
