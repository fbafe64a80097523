"""A preview of a lifecycle policy for many images: it is visible whole or not at all, and other calls are served
meanwhile.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from moto_ecr_ext.exceptions import (
    LifecyclePolicyPreviewInProgressException,
    RepositoryNotFoundException,
)
from moto_ecr_ext.models import ECRBackend
from moto_ecr_ext.settings import StoreLocation
from moto_ecr_ext.storage.rows import tables
from moto_ecr_ext.storage.store import Store
from support.large_repositories import counted, registry_of

MANY = 60
AT_ONCE = 10
TURNS = "moto_ecr_ext.models.lifecycle.previews.timed_turns"


def policy(kept: int) -> str:
    """A policy that expires all images but the newest."""
    selection = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": kept}
    rule = {"rulePriority": 1, "selection": selection, "action": {"type": "expire"}}
    return json.dumps({"rules": [rule]})


@pytest.fixture(params=["memory", "directory", "postgresql"])
def registry(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ECRBackend]:
    """A registry with a repository of `MANY` active images and an archived one; few rows are written at once."""
    monkeypatch.setattr("moto_ecr_ext.models.lifecycle.previews._WRITTEN_AT_ONCE", AT_ONCE)
    monkeypatch.setattr("moto_ecr_ext.storage.rows.removal._RESULTS_AT_ONCE", AT_ONCE)
    places: dict[str, Any] = {}
    if request.param == "directory":
        places = {"data_dir": tmp_path}
    elif request.param == "postgresql":
        cluster = request.getfixturevalue("postgresql")
        places = {"database": cluster.url(cluster.create_database()), "blobs": str(tmp_path)}
    with registry_of(MANY, **places) as backend:
        yield backend


def start(backend: ECRBackend, kept: int = 1) -> None:
    backend.start_lifecycle_policy_preview("app", lifecycle_policy_text=policy(kept))


def shown(backend: ECRBackend) -> int:
    """The number of results of the visible preview; all of them are in its pages."""
    token, digests, expected = None, [], 0
    while token is not None or not expected:
        answer = backend.get_lifecycle_policy_preview("app", next_token=token, max_results=7)
        digests += [each["imageDigest"] for each in answer["previewResults"]]
        token, expected = answer["nextToken"], answer["summary"]["expiringImageTotalCount"]
    assert len(set(digests)) == expected
    return expected


def kept_rows(store: Store) -> list[int]:
    """How many previews, results and tags of results the database has."""
    counted = (tables.lifecycle_previews, tables.preview_results, tables.preview_tags)
    with store.database.read() as view:
        return [
            view.connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in counted
        ]


def between_turns(monkeypatch: pytest.MonkeyPatch, act: Callable[[int], object]) -> None:
    """Have `act` called after each turn of writing a preview, with its number."""

    def turns(values: Iterable[Any], size: int) -> Iterator[Iterator[list[Any]]]:
        rest = iter(values)
        number = 0
        while batch := list(islice(rest, size)):
            number += 1
            yield iter([batch])
            act(number)

    monkeypatch.setattr(TURNS, turns)


def test_others_are_served_meanwhile(registry: ECRBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    """The earlier preview is visible until the new one is complete, and is then removed."""
    start(registry, kept=40)
    seen: list[int] = []

    def look_and_write(number: int) -> None:
        seen.append(shown(registry))
        registry.tag_resource(f"arn:aws:ecr:us-east-1:{registry.account_id}:repository/app", [])

    between_turns(monkeypatch, look_and_write)
    start(registry)
    assert seen == [MANY - 40] * (MANY // AT_ONCE - 1)
    assert shown(registry) == MANY - 1
    assert kept_rows(registry.store) == [1, MANY - 1, MANY - 1]


def test_one_that_is_refused_at_its_end(
    registry: ECRBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A preview that is refused at its end leaves no rows; the other one, started meanwhile, continues."""
    from moto.moto_api import state_manager

    def start_another(number: int) -> None:
        if number == 2:
            monkeypatch.undo()
            state_manager.set_transition(
                "ecr::lifecycle_preview", {"progression": "manual", "times": 2}
            )
            start(registry, kept=50)

    before = kept_rows(registry.store)
    between_turns(monkeypatch, start_another)
    try:
        with pytest.raises(LifecyclePolicyPreviewInProgressException):
            start(registry)
    finally:
        state_manager.unset_transition("ecr::lifecycle_preview")
    assert before == [0, 0, 0]
    assert kept_rows(registry.store) == [1, MANY - 50, MANY - 50]
    assert shown(registry) == MANY - 50


def test_one_that_another_server_gives_up(
    registry: ECRBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A preview that a starting server gave up begins again."""
    starts: list[int] = []

    def start_server(number: int) -> None:
        if number == 2 and not starts:
            starts.append(number)
            # Private: these are the steps of a start, which a second process would take on a database in a file.
            registry.store._give_up_previews()
            registry.store._sweep()

    between_turns(monkeypatch, start_server)
    start(registry)
    assert starts
    assert shown(registry) == MANY - 1
    assert kept_rows(registry.store) == [1, MANY - 1, MANY - 1]


def test_one_whose_repository_goes(registry: ECRBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    """A preview whose repository is deleted is refused, and leaves no rows."""
    between_turns(
        monkeypatch,
        lambda number: number == 2 and registry.delete_repository("app", force=True),
    )
    with pytest.raises(RepositoryNotFoundException):
        start(registry)
    assert kept_rows(registry.store) == [0, 0, 0]


def test_a_preview_goes_with_its_repository(registry: ECRBackend) -> None:
    """Deleting a repository deletes its preview."""
    start(registry)
    registry.delete_repository("app", force=True)
    assert kept_rows(registry.store) == [0, 0, 0]


def test_a_start_ends_one_that_was_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A start removes the rows of a killed preview, and the earlier one stays visible."""

    class Killed(BaseException):
        pass

    def kill(number: int) -> None:
        if number == 2:
            raise Killed

    monkeypatch.setattr("moto_ecr_ext.models.lifecycle.previews._WRITTEN_AT_ONCE", AT_ONCE)
    with registry_of(MANY, data_dir=str(tmp_path)) as backend:
        start(backend, kept=50)
        between_turns(monkeypatch, kill)
        with pytest.raises(Killed):
            start(backend)
        assert kept_rows(backend.store)[0] == 2
        store = Store.open(StoreLocation(tmp_path))
        store.settle()
        assert kept_rows(store) == [1, MANY - 50, MANY - 50]
        assert shown(backend) == MANY - 50
        store.close()


PAGES: list[dict[str, Any]] = [
    {"max_results": 10},
    {"max_results": 10, "filter": {"tagStatus": "TAGGED"}},
    {"max_results": 10, "filter": {"tagStatus": "UNTAGGED"}},
    {"image_ids": [{"imageTag": "v7"}, {"imageDigest": f"sha256:{8:064x}"}]},
]


@pytest.mark.parametrize("page", PAGES)
def test_a_page_costs_the_same(page: dict[str, Any]) -> None:
    """A page costs the same for any number of results, from the beginning and from the middle."""
    few, many = (steps_of_page(count, page) for count in (40, 1200))
    for one, other in zip(few, many, strict=True):
        assert other <= one + 20


def steps_of_page(count: int, page: dict[str, Any]) -> list[int]:
    """Return the costs of the first page and of one in the middle."""
    found = []
    with registry_of(count) as backend:
        start(backend)
        middle = backend.get_lifecycle_policy_preview("app", max_results=count // 2)["nextToken"]
        for token in (None, middle) if "image_ids" not in page else (None,):
            with backend.store.database.read() as view:
                pass
            with counted(view) as steps:
                answer = backend.get_lifecycle_policy_preview("app", next_token=token, **page)
            found.append(steps.count)
            assert len(answer["previewResults"]) == expected(page)
    return found


def expected(page: dict[str, Any]) -> int:
    """The number of results on a page: the image without tags is archived, and not the policy's."""
    if "image_ids" in page:
        return 2
    return 0 if page.get("filter") == {"tagStatus": "UNTAGGED"} else 10
