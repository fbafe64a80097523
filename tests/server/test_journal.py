"""The journal of a server: following it, its size, and several processes."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from moto_ecr_ext import testing
from moto_ecr_ext.calls import CallRecord, values_of
from moto_ecr_ext.storage import journal as journals
from moto_ecr_ext.storage.journal import CallJournal
from support.commands import PATIENCE, Server, running_server
from support.waiting import wait_until

IMAGE = testing.build_image(seed=1, layers=1)


@pytest.fixture
def server() -> Iterator[Server]:
    with running_server() as running:
        yield running


@contextmanager
def following(server: Server, **conditions: object) -> Iterator[Iterator[dict[str, Any]]]:
    """The lines of an answer that continues."""
    url = f"{server.url}/moto-api/ecr/journal?follow"
    with requests.get(url, params=conditions, stream=True, timeout=PATIENCE) as answer:  # type: ignore[arg-type]
        assert answer.status_code == 200
        yield (json.loads(line) for line in answer.iter_lines(chunk_size=1) if line)


def journal(server: Server, **conditions: object) -> list[dict[str, Any]]:
    url = f"{server.url}/moto-api/ecr/journal"
    answer = requests.get(url, params=conditions, timeout=PATIENCE)  # type: ignore[arg-type]
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def test_follow(server: Server) -> None:
    """A client that follows receives the calls so far, then each one as it is answered."""
    ecr = server.client()
    ecr.create_repository(repositoryName="app")
    with following(server) as lines:
        assert next(lines)["operation"] == "CreateRepository"
        ecr.describe_repositories()
        assert next(lines)["operation"] == "DescribeRepositories"
        server.registry("GET", "/v2/app/tags/list")
        assert next(lines)["path"] == "/v2/app/tags/list"


def test_follow_with_conditions(server: Server) -> None:
    """A client that follows receives only the calls that meet its conditions."""
    ecr = server.client()
    with following(server, operation="CreateRepository") as lines:
        for name in ("first", "second"):
            ecr.create_repository(repositoryName=name)
            ecr.describe_repositories()
            assert next(lines)["operation"] == "CreateRepository"


def test_clients_that_go() -> None:
    """The connection of a client that follows ends with the client, although there is no call."""
    with running_server("--max-connections", "2") as server:
        url = f"{server.url}/moto-api/ecr/journal"

        def status() -> int:
            return requests.get(url, timeout=PATIENCE).status_code

        with following(server), following(server):
            assert status() == 503
        wait_until(lambda: status() == 200)


def test_the_end_of_the_server(server: Server) -> None:
    """A client that follows does not delay the end of the server, and its answer ends in order."""
    with following(server) as lines:
        server.client().describe_repositories()
        next(lines)
        began = time.monotonic()
        assert server.command.stop() == 0
        assert list(lines) == []
        # Requests under way would have eight seconds.
        assert time.monotonic() - began < 6


def test_the_size(tmp_path: Path) -> None:
    """The flag says how many calls are kept."""
    with running_server("--journal", "3") as server:
        for number in range(5):
            server.client().create_repository(repositoryName=f"app{number}")
        assert [each["repository"] for each in journal(server)] == ["app2", "app3", "app4"]


@pytest.mark.skipif(not hasattr(socket, "send_fds"), reason="no connection is passed")
def test_several_processes(tmp_path: Path) -> None:
    """The journal has the calls of all processes, each once, and a client that follows receives them."""
    with running_server("--data-dir", str(tmp_path), "--workers", "2") as server:
        server.client().create_repository(repositoryName="app")
        with following(server, operation="ListImages") as lines:
            for number in range(20):
                server.registry("GET", "/v2/app/tags/list", params={"n": number + 1})
            assert [next(lines)["status"] for _ in range(20)] == 20 * [200]
        calls = journal(server)
        assert [each["operation"] for each in calls] == ["CreateRepository", *20 * ["ListImages"]]
        assert journal(server) == calls
        server.reset()
        assert journal(server) == []


class Others:
    """Other processes, whose answers may be late."""

    def __init__(self, *others: CallJournal) -> None:
        self.journals = others
        self.are_late = False

    def ask_others(self, question: str, received: dict[str, int]) -> list[Any]:
        answers = [each.hand_over(dict(received)) for each in self.journals]
        return [] if self.are_late else json.loads(json.dumps(answers))


def test_a_late_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls in an answer that came too late are asked for again; none is lost, and none is there twice."""
    ours, others = CallJournal(), Others(CallJournal(), CallJournal())
    monkeypatch.setattr(journals, "this_process", lambda: others)
    calls = [CallRecord("GET", f"/{number}") for number in range(7)]
    ours.add(calls[3])
    others.journals[0].add(calls[1])
    others.journals[1].add(calls[2])
    others.are_late = True
    assert [each.path for each in ours.after()] == ["/3"]
    others.are_late = False
    assert [each.path for each in ours.after()] == ["/3", "/1", "/2"]
    others.journals[0].add(calls[5])
    ours.add(calls[4])
    assert [each.path for each in ours.after(3)] == ["/4", "/5"]
    assert [each.number for each in ours.after()] == [1, 2, 3, 4, 5]
    # Calls whose receipt was acknowledged are dropped.
    assert others.journals[0].hand_over({})[1] == []


def test_values() -> None:
    """A record in another process is equal to the original."""
    call = CallRecord("GET", "/v2/", images=(("1.0", "sha256:1"),), number=3)
    values = json.loads(json.dumps(values_of(call)))
    assert list(values_of(CallRecord(*values)))[:2] == ["GET", "/v2/"]
    assert json.loads(json.dumps(values_of(CallRecord(*values)))) == values


def test_many_threads_add() -> None:
    """Calls that are added while others are read are there once."""
    shared = CallJournal()
    threads = [
        threading.Thread(target=lambda: [shared.add(CallRecord("GET", "/")) for _ in range(1000)])
        for _ in range(4)
    ]
    for each in threads:
        each.start()
    while any(each.is_alive() for each in threads):
        shared.after()
    found = shared.after()
    assert len({id(each) for each in found}) == len(found) == 4000
