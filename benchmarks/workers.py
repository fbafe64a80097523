"""A benchmark of moto_ecr_server with one process and with several (`--workers`): small requests of many clients.

Each measurement begins with a fresh server on an empty directory, on the same disk. The two take turns, round by round.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
from collections.abc import Callable, Sequence
from typing import Any

from common import Rest, number, parse_arguments, print_machine, print_table, scratch_directory
from registries import Registry, moto_ecr_server
from registry_client import MANIFEST_TYPE, Blob, RegistryClient, Task, at_once, memory_blob

_STREAMS = 8
_BLOB = 16 * 1024

Act = Callable[[RegistryClient, int], None]


class Benchmark:
    """The requests to each server."""

    def __init__(self, requests: int, only: str) -> None:
        self._requests = requests
        self._only = only
        self._blobs = [memory_blob(os.urandom(_BLOB)) for _ in range(requests // 10)]
        self._manifest = _manifest(self._blobs[0])
        self.figures: dict[str, dict[int, list[float]]] = {}

    def measure(self, registry: Registry, workers: int, rest: Rest) -> None:
        """Measure a server that has just started."""
        many = self._requests
        work: list[tuple[str, int, Act]] = [
            ("push of a blob of 16 KiB", len(self._blobs), self._push),
            ("PUT of a manifest", many // 10, self._put),
            ("GET of a manifest by tag", many, lambda client, _: self._get(client)),
            ("HEAD of a blob", many, lambda client, _: client.has(self._blobs[0])),
            ("GET of a blob of 16 KiB", many, lambda client, _: client.pull(self._blobs[0])),
        ]
        for name, count, act in work:
            if (
                self._only in name or count < many
            ):  # The other measurements need the pushed content.
                rest.wait()
                run = at_once(registry.address, _dealt(count, act))
                self.figures.setdefault(name, {}).setdefault(workers, []).append(
                    count / run.seconds
                )

    def _push(self, client: RegistryClient, index: int) -> None:
        client.push(self._blobs[index])

    def _put(self, client: RegistryClient, index: int) -> None:
        client.put_manifest(f"t{index}", self._manifest)

    def _get(self, client: RegistryClient) -> None:
        if client.manifest("t0") != self._manifest:
            raise RuntimeError("The manifest is not the one that was pushed.")


def _dealt(count: int, act: Act) -> list[Task]:
    def task(first: int) -> Task:
        def act_on_all(client: RegistryClient) -> None:
            for index in range(first, count, _STREAMS):
                act(client, index)

        return act_on_all

    return [task(first) for first in range(_STREAMS)]


def _manifest(blob: Blob) -> bytes:
    config: dict[str, Any] = {
        "mediaType": "application/vnd.oci.image.config.v1+json",
        "digest": blob.digest,
        "size": blob.size,
    }
    document = {"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": config, "layers": []}
    return json.dumps(document).encode()


def _row(name: str, ones: Sequence[float], others: Sequence[float]) -> tuple[str, ...]:
    ratios = [other / one for one, other in zip(ones, others, strict=True)]
    return (
        name,
        number(statistics.median(ones)),
        number(statistics.median(others)),
        f"{statistics.median(ratios):.2f}",
        f"{min(ratios):.2f} to {max(ratios):.2f}",
    )


def main(arguments: argparse.Namespace) -> None:
    several = max(2, len(os.sched_getaffinity(0)))
    rest = Rest(arguments.patience)
    benchmark = Benchmark(400 if arguments.quick else 4000, arguments.only)
    with scratch_directory(arguments.directory) as directory:
        print_machine(directory, ("moto", "moto-ecr-ext"), ())
        for _ in range(arguments.rounds):
            for workers in (1, several):
                with (
                    scratch_directory(directory) as place,
                    moto_ecr_server(place, workers) as registry,
                ):
                    benchmark.measure(registry, workers, rest)
    print_table(
        f"Requests in a second, {_STREAMS} streams, medians of {arguments.rounds} pairs",
        ("", "1 process", f"{several} workers", "ratio", "range"),
        [_row(name, of[1], of[several]) for name, of in benchmark.figures.items()],
    )
    rest.print_summary()


if __name__ == "__main__":
    main(parse_arguments(__doc__))
