"""A load test: many clients push and pull at once, for a minute, against one moto_ecr_server on a data directory.

Clients pull each other's images during the run, and all remaining images at the end. It prints the counts of
operations, failures and losses, and samples of the server's memory, descriptors and threads. Exit status 1 means a
failure or a loss. With `--seconds 1800` it is a soak test.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from blobs import Blob, memory_blob
from common import (
    Target,
    number,
    print_machine,
    print_table,
    print_targets,
    scratch_directory,
)
from processes import MemoryWatch, Watch
from registries import OURS, REPOSITORY, Registry, running
from registry_client import (
    MANIFEST_TYPE,
    ProtocolError,
    RegistryClient,
    at_once,
)

# MiB by which each client may increase the server's memory.
_MEMORY_OF_A_CLIENT = 4

# Number of samples of the server during the run.
_SAMPLES = 12

# Sizes of layers; small ones are more frequent.
_SIZES = (4_000, 100_000, 100_000, 400_000, 400_000, 2_000_000, 8_000_000)
_FILLING = random.Random(0).randbytes(max(_SIZES))


@dataclass(frozen=True)
class Image:
    """The n-th image of a client. Every client can compute it."""

    client: int
    number: int

    @property
    def tag(self) -> str:
        return f"{self.client}-{self.number}"

    def blobs(self) -> list[Blob]:
        """Return two layers and a config."""
        chance = random.Random(self.tag)
        sizes = [chance.choice(_SIZES), chance.choice(_SIZES), 500]
        return [
            memory_blob(f"{self.tag}/{position}\n".encode() + _FILLING[:size])
            for position, size in enumerate(sizes)
        ]

    def manifest(self, blobs: Sequence[Blob]) -> bytes:
        *layers, config = (
            {"mediaType": "application/octet-stream", "digest": blob.digest, "size": blob.size}
            for blob in blobs
        )
        return json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST_TYPE,
                "config": config,
                "layers": layers,
            }
        ).encode()

    def push(self, client: RegistryClient) -> int:
        """Push the image, by either protocol. Return its size in bytes."""
        blobs = self.blobs()
        push = client.push if self.number % 2 else client.push_streamed
        for blob in blobs:
            push(blob)
        client.put_manifest(self.tag, self.manifest(blobs))
        return sum(blob.size for blob in blobs)

    def delete(self, client: RegistryClient) -> None:
        digest = hashlib.sha256(self.manifest(self.blobs())).hexdigest()
        client.delete(f"sha256:{digest}")

    def pull(self, client: RegistryClient) -> int:
        """Pull the image and compare it with the original. Return its size in bytes."""
        blobs = self.blobs()
        if client.manifest(self.tag) != self.manifest(blobs):
            raise ProtocolError(f"{self.tag}: the manifest is another one")
        for blob in blobs:
            if f"sha256:{hashlib.sha256(client.content(blob)).hexdigest()}" != blob.digest:
                raise ProtocolError(f"{self.tag}: {blob.digest} has other bytes")
        return sum(blob.size for blob in blobs)


@dataclass
class Record:
    """The results of clients: seconds of each operation, bytes in total, and failures."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: {"push": [], "pull": []})
    size: dict[str, int] = field(default_factory=lambda: {"push": 0, "pull": 0})
    errors: list[str] = field(default_factory=list)

    @contextmanager
    def noting_errors(self, counts: Callable[[], bool] = lambda: True) -> Iterator[None]:
        """Record an error of the block if it `counts`: an image may be deleted while it is pulled."""
        try:
            yield
        except (ProtocolError, OSError) as error:
            if counts():
                self.errors.append(f"{type(error).__name__}: {error}")

    def do(self, what: str, function: Callable[[RegistryClient], int], client: Any) -> None:
        began = time.monotonic()
        self.size[what] += function(client)
        self.seconds[what].append(time.monotonic() - began)

    def add(self, other: Record) -> None:
        for what in self.seconds:
            self.seconds[what] += other.seconds[what]
            self.size[what] += other.size[what]
        self.errors += other.errors


class Load:
    """Clients that know each other's numbers of pushed images. Each deletes its images except the last `keep`."""

    def __init__(self, clients: int, seconds: float, keep: int, directory: Path) -> None:
        self._clients = range(clients)
        self._seconds = seconds
        self._keep = keep
        self._directory = directory
        self._pushed = multiprocessing.get_context("fork").Array("l", clients)

    @property
    def images(self) -> list[Image]:
        """All images that were acknowledged and not deleted."""
        return [Image(client, number) for client in self._clients for number in self._there(client)]

    def _there(self, client: int) -> range:
        """Return the images of a client that are not being deleted."""
        pushed = self._pushed[client]
        return range(max(0, pushed - self._keep), pushed)

    def run(self, registry: Registry) -> tuple[Record, float]:
        """Push and pull for the given time. Return the record and the seconds."""
        tasks = [partial(self._work, client) for client in self._clients]
        ran = at_once(registry.address, tasks, self._seconds)
        return self._collected(), ran.seconds

    def verify(self, registry: Registry) -> Record:
        """Pull every image that must exist."""
        clients = os.cpu_count() or 1
        tasks = [partial(self._verify, self.images[each::clients], each) for each in range(clients)]
        at_once(registry.address, tasks)
        return self._collected()

    def _work(self, number: int, client: RegistryClient) -> None:
        chance = random.Random(number)
        record = Record()
        until = time.monotonic() + self._seconds
        while time.monotonic() < until:
            with record.noting_errors():
                record.do("push", Image(number, self._pushed[number]).push, client)
                self._pushed[number] += 1
                oldest = self._pushed[number] - self._keep - 1
                if oldest >= 0:
                    Image(number, oldest).delete(client)
            for _ in range(chance.randrange(4)):
                other = chance.choice(self._clients)
                if self._there(other):
                    image = Image(other, chance.choice(self._there(other)))
                    with record.noting_errors(lambda image=image: self._is_there(image)):
                        record.do("pull", image.pull, client)
        self._write(number, record)

    def _is_there(self, image: Image) -> bool:
        return image.number in self._there(image.client)

    def _verify(self, images: Sequence[Image], number: int, client: RegistryClient) -> None:
        record = Record()
        for image in images:
            with record.noting_errors():
                record.do("pull", image.pull, client)
        self._write(number, record)

    def _write(self, number: int, record: Record) -> None:
        (self._directory / f"{number}.json").write_text(json.dumps(vars(record)))

    def _collected(self) -> Record:
        collected = Record()
        for path in self._directory.glob("*.json"):
            collected.add(Record(**json.loads(path.read_text())))
            path.unlink()
        return collected


def _latencies(seconds: list[float]) -> list[str]:
    if len(seconds) < 2:
        return ["-"] * 3
    hundredths = statistics.quantiles(seconds, n=100)
    return [number(each * 1000) for each in (hundredths[49], hundredths[98], max(seconds))]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=32, help="default: %(default)s")
    parser.add_argument("--seconds", type=float, default=60, help="default: %(default)s")
    parser.add_argument(
        "--keep",
        type=int,
        default=50,
        help="images that each client keeps; it deletes older ones (default: %(default)s)",
    )
    parser.add_argument(
        "--directory",
        type=Path,
        default=Path(tempfile.gettempdir()),
        help="directory for the server's files (default: %(default)s)",
    )
    arguments = parser.parse_args()
    print_machine(arguments.directory, ["moto-ecr-ext", "moto", "sqlalchemy"], [])
    with scratch_directory(arguments.directory) as scratch, running(OURS, scratch) as registry:
        results = scratch / "results"
        results.mkdir()
        load = Load(arguments.clients, arguments.seconds, arguments.keep, results)
        memory = MemoryWatch(registry.process.pid)
        watch = Watch(registry.process.pid, arguments.seconds / _SAMPLES)
        watch.start()
        done, seconds = load.run(registry)
        watch.stop()
        growth, processor = memory.growth, registry.process.processor_seconds()
        images = load.images
        lost = load.verify(registry).errors
        watch.look()
    print_table(
        f"{arguments.clients} clients, {seconds:.0f} seconds, repository {REPOSITORY}",
        ("", "images", "MB", "MB/s", "median ms", "99 % ms", "most ms"),
        [
            (
                what,
                str(len(done.seconds[what])),
                number(done.size[what] / 1e6),
                number(done.size[what] / 1e6 / seconds),
                *_latencies(done.seconds[what]),
            )
            for what in done.seconds
        ],
    )
    print(f"\nThe server used {processor:.0f} seconds of processors.")
    print_table(
        "The server at rest, at work, and when the images that are left were pulled",
        ("second", "MiB", "descriptors", "threads"),
        [
            (f"{at:.0f}", number(each.memory), str(each.descriptors), str(each.threads))
            for at, each in watch.samples
        ],
    )
    for error in [*done.errors, *lost][:20]:
        print(error)
    print_targets(
        [
            Target("requests that failed", len(done.errors), "at most", 0),
            Target(f"of {len(images)} images, lost", len(lost), "at most", 0),
            Target(
                "memory that the server took, MiB",
                growth,
                "at most",
                _MEMORY_OF_A_CLIENT * arguments.clients,
            ),
        ]
    )
    return 1 if done.errors or lost or not images else 0


if __name__ == "__main__":
    sys.exit(main())
