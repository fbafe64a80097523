"""Data that processes of a server share and pass to each other, each part separately."""

from __future__ import annotations

import io
import math
import os
import socket
import struct
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from moto_ecr_ext.distribution.carriers.open_connections import OpenConnections
from moto_ecr_ext.distribution.carriers.sockets import unread
from moto_ecr_ext.distribution.routes import ROUTES
from moto_ecr_ext.process import NeedsMoto, Process, ProcessUnavailable, become
from moto_ecr_ext.server.tally import BOUNDS, Durations, RequestCounts
from moto_ecr_ext.server.workers.channel import Channel
from moto_ecr_ext.server.workers.control import Asking, Failed, Lines, answer
from moto_ecr_ext.server.workers.pool import Pool, is_motos
from moto_ecr_ext.server.workers.shared_numbers import SharedNumbers
from moto_ecr_ext.server.workers.worker import Worker
from moto_ecr_ext.storage.due import Schedule
from moto_ecr_ext.storage.later import Later

pytestmark = pytest.mark.skipif(not hasattr(socket, "send_fds"), reason="no connection is passed")


@pytest.fixture
def connection() -> Iterator[tuple[socket.socket, socket.socket]]:
    """A client's end and a server's."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        socket.create_connection(listening.getsockname()) as client,
        listening.accept()[0] as served,
    ):
        yield client, served


def handler_of(connection: socket.socket) -> Any:
    return SimpleNamespace(connection=connection, rfile=connection.makefile("rb"))


def test_a_passed_connection_begins_with_what_was_received(
    connection: tuple[socket.socket, socket.socket],
) -> None:
    """A passed connection begins with the bytes that were read; the other process has closed only its own
    descriptor.
    """
    client, served = connection
    ours, theirs = Channel.pair()
    client.sendall(b"head and body")
    before = handler_of(served)
    received = before.rfile.peek()
    assert before.rfile.read(5) == b"head "
    unread(before, received)
    ours.send(before)
    assert before.connection.fileno() == -1

    passed, address = theirs.accept()
    with passed:
        assert address == client.getsockname()
        assert not os.get_inheritable(passed.fileno())
        after = handler_of(passed)
        unread(after, passed.received)
        client.sendall(b", and more")
        client.shutdown(socket.SHUT_WR)
        assert after.rfile.read() == b"head and body, and more"
        after.rfile.close()
        passed.sendall(b"answer")
        assert client.recv(6) == b"answer"
    ours.close()
    theirs.close()


def test_a_client_that_has_gone(connection: tuple[socket.socket, socket.socket]) -> None:
    """A connection without a client is an error of `accept`, as servers expect, and leaves no descriptor."""
    client, served = connection
    ours, theirs = Channel.pair()
    client.sendall(b"GET")
    handler = handler_of(served)
    handler.rfile.peek()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    ours.send(handler)
    with pytest.raises(OSError, match="not connected"):
        theirs.accept()
    ours.close()
    theirs.close()


def test_a_reader_of_few_bytes(connection: tuple[socket.socket, socket.socket]) -> None:
    """Received bytes are returned in the requested pieces."""
    client, served = connection
    handler = handler_of(served)
    unread(handler, b"abcdef")
    raw = handler.rfile.detach()
    assert isinstance(raw, io.RawIOBase)
    buffer = bytearray(4)
    assert [raw.readinto(buffer), bytes(buffer)] == [4, b"abcd"]
    assert [raw.readinto(buffer), bytes(buffer[:2])] == [2, b"ef"]
    client.close()
    assert raw.readinto(buffer) == 0
    raw.close()


def test_questions() -> None:
    """Each question has its answer; an error of the other side is raised here, and an ended side answers nothing."""
    ours, theirs = socket.socketpair()

    def fail() -> None:
        raise OSError("disk full")

    thread = threading.Thread(
        target=answer,
        args=(Lines(theirs), {"double": lambda number: 2 * number, "fail": fail}),
    )
    thread.start()
    asking = Asking(Lines(ours))
    assert [asking.ask("double", 10, number=each) for each in (1, "a" * 100_000)] == [
        2,
        "a" * 200_000,
    ]
    with pytest.raises(Failed, match="disk full"):
        asking.ask("fail", 10)
    assert asking.ask("double", 10, number=3) == 6
    ours.shutdown(socket.SHUT_RDWR)
    thread.join(10)
    theirs.close()
    assert asking.ask("double", 10, number=4) is None
    ours.close()


def test_an_answer_that_comes_too_late() -> None:
    """A late answer is not taken for that of the next question."""
    ours, theirs = socket.socketpair()
    asking, other = Asking(Lines(ours)), Lines(theirs)
    with pytest.raises(ProcessUnavailable):
        asking.ask("first", 0.01)
    number, what, _ = other.receive(10)
    assert what == "first"
    other.send([number, None, "late"])
    other.send([number + 1, None, "in time"])
    assert asking.ask("second", 10) == "in time"
    ours.close()
    theirs.close()


@pytest.fixture
def processes() -> Iterator[tuple[Pool, Worker, Worker]]:
    """The process that is moto, and two workers."""
    pool = Pool(2, 5, ("info", "text"))
    yield pool, Worker(SharedNumbers(pool.file), 1), Worker(SharedNumbers(pool.file), 2)
    become(Process())
    pool.close()


def test_a_worker_needs_moto(processes: tuple[Pool, Worker, Worker]) -> None:
    """A worker passes on moto's tasks, and all others once moto's process says so."""
    pool, worker, _ = processes
    pool.need_moto()
    with pytest.raises(NeedsMoto):
        worker.need_moto()
    worker.need_moto_at_times()
    SharedNumbers(pool.file).leave_all_to_moto(True)
    pool.need_moto_at_times()
    with pytest.raises(NeedsMoto):
        worker.need_moto_at_times()


def test_the_time_of_due_work_is_shared(processes: tuple[Pool, Worker, Worker]) -> None:
    """Each process reads the time that another one writes. A worker that starts keeps it."""
    schedules = []
    for each in processes:
        become(each)
        schedules.append(Schedule(Later(), 100 if not schedules else 0))
    schedule, follower, _ = schedules
    assert [follower.is_due(at) for at in (99, 100)] == [False, True]
    schedule.expect(50)
    assert follower.is_due(50)
    schedule.catch_up(60, lambda: math.inf)
    assert not follower.is_due(1e9)
    # A row of another server, which a worker has read.
    follower.correct(70, 60)
    assert schedule.is_due(70)


def test_the_limit_of_connections_is_shared(processes: tuple[Pool, Worker, Worker]) -> None:
    """The connections of all processes count."""
    connections = []
    for each in processes:
        become(each)
        connections.append(OpenConnections(limit=2))
    assert connections[0].enter()
    assert connections[1].enter()
    assert not connections[2].are_too_many
    assert connections[2].enter()
    assert all(each.are_too_many for each in connections)
    connections[1].leave()
    assert not connections[0].are_too_many
    assert [each.finish(0) for each in connections] == [1, 0, 1]


def test_counts_of_several_processes() -> None:
    """Counts of several processes are added up, and come as JSON."""
    within = [0] * len(BOUNDS) + [2]
    one = RequestCounts(
        {("GET", 200): 1, ("PUT", 201): 2}, {"GET": Durations(list(within), 3.0)}, 4, 5
    )
    other = RequestCounts({("GET", 200): 10}, {"GET": Durations(list(within), 0.5)}, 0, 1)
    total = RequestCounts.sum([one, RequestCounts.from_json(other.to_json()), RequestCounts()])
    assert total == RequestCounts(
        {("GET", 200): 11, ("PUT", 201): 2},
        {"GET": Durations([0] * len(BOUNDS) + [4], 3.5)},
        4,
        6,
    )
    assert RequestCounts.from_json(total.to_json()) == total


def request(line: str) -> bytes:
    return f"{line} HTTP/1.1\r\nHost: 127.0.0.1:5000\r\n\r\n".encode()


def test_what_is_motos() -> None:
    """Routes that cause events are moto's; a path without a route is refused by any process."""
    assert {(route.method, route.template) for route in ROUTES if route.sends_events} == {
        ("PUT", "/v2/<name>/manifests/<reference>"),
        ("DELETE", "/v2/<name>/manifests/<reference>"),
        ("DELETE", "/v2/<name>/blobs/<digest>"),
    }
    assert is_motos(request("PUT /v2/app/manifests/v1"))
    assert not is_motos(request("HEAD /v2/app/manifests/v1"))
    upload = "/v2/app/blobs/uploads/00000000-0000-0000-0000-000000000000"
    assert not is_motos(request(f"PUT {upload}"))
    assert is_motos(request("POST /v2/nowhere"))
    assert is_motos(request("POST /"))
    assert is_motos(request("HEAD /v2/app/manifests/v1")[:-2])
    assert is_motos(request("no request"))
