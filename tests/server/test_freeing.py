"""Deleted blobs are freed, also if the same bytes are pushed at that moment.

OCI Distribution Specification 1.1, "Deleting Blobs"; an acknowledged blob stays ("Pushing Manifests").
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
import requests

import moto_ecr_ext
from moto_ecr_ext import testing
from support.commands import running_server

pytestmark = [pytest.mark.once, pytest.mark.slow]

ROUNDS = 10
LAYER = testing.Blob(random.Random(1).randbytes(50_000), "application/octet-stream")
IMAGE = testing.build_artifact(artifact_type="application/x-test", content=LAYER.content)


class Server:
    """One of the servers of a directory, as both protocols reach it."""

    def __init__(self, server: Any) -> None:
        self.ecr = server.client()
        self.url = server.url
        self._auth = ("AWS", server.password)

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        return requests.request(method, self.url + path, auth=self._auth, timeout=60, **options)


@contextmanager
def one_server(data_dir: Path) -> Iterator[tuple[Server, Server]]:
    """A server that deletes in one thread and takes a push in another."""
    with running_server("--data-dir", str(data_dir)) as server:
        yield Server(server), Server(server)


@contextmanager
def two_servers(data_dir: Path) -> Iterator[tuple[Server, Server]]:
    """A server that deletes, and another that takes a push."""
    with ExitStack() as stack:
        first, second = (
            stack.enter_context(running_server("--data-dir", str(data_dir))) for _ in range(2)
        )
        yield Server(first), Server(second)


def push(server: Server) -> requests.Response:
    """Push the layer's bytes."""
    return server.ask("POST", f"/v2/other/blobs/uploads/?digest={LAYER.digest}", data=LAYER.content)


def mount(server: Server) -> requests.Response:
    """Mount the layer without pushing its bytes, if it still exists."""
    return server.ask("POST", f"/v2/other/blobs/uploads/?mount={LAYER.digest}&from=app")


@pytest.mark.parametrize("servers", [one_server, two_servers])
@pytest.mark.parametrize("take", [push, mount])
def test_a_deletion_and_a_push_of_the_same_bytes(
    tmp_path: Path,
    servers: Callable[[Path], Any],
    take: Callable[[Server], requests.Response],
) -> None:
    """Acknowledged blobs exist; blobs without a holder are not on disk."""
    data_dir = tmp_path / "registry"
    barrier = Barrier(2)
    path = f"/v2/other/blobs/{LAYER.digest}"

    def after_the_other(function: Callable[[], Any]) -> Any:
        barrier.wait(60)
        return function()

    with servers(data_dir) as (deleting, taking), ThreadPoolExecutor(2) as threads:
        for name in ("app", "other"):
            deleting.ecr.create_repository(repositoryName=name)
        deleting.ecr.put_account_setting(name="BLOB_MOUNTING", value="ENABLED")
        answers = []
        for _ in range(ROUNDS):
            testing.push(deleting.ecr, "app", IMAGE, tag="1.0")
            deleted = threads.submit(
                after_the_other,
                lambda: deleting.ecr.batch_delete_image(
                    repositoryName="app", imageIds=[{"imageTag": "1.0"}]
                ),
            )
            taken = threads.submit(after_the_other, lambda: take(taking))
            assert deleted.result()["failures"] == []
            answer = taken.result()
            answers.append(answer.status_code)
            if answer.status_code == 201:
                assert taking.ask("GET", path).content == LAYER.content
                assert taking.ask("DELETE", path).status_code == 202
            else:
                assert (take, answer.status_code) == (mount, 202)
                assert taking.ask("DELETE", answer.headers["Location"].removeprefix(taking.url)).ok
            assert moto_ecr_ext.check(data_dir=data_dir) == []
            assert [each for each in (data_dir / "blobs").rglob("*") if each.is_file()] == []
    if take is push:
        assert answers == [201] * ROUNDS
