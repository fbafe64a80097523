"""A benchmark of moto_ecr_server with different flags: with several processes, and without lines about requests.

With --program, it is compared with other installations instead, such as the one before a change.

Many clients make small requests, and one client pushes a large blob. Each measurement begins with a fresh server on an
empty directory, on the same disk. The variants take turns, round by round.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from blobs import Blob, memory_blob
from common import (
    MIB,
    Figures,
    Rest,
    argument_parser,
    completed,
    number,
    print_machine,
    print_table,
    scratch_directory,
)
from registries import Registry, moto_ecr_server
from registry_client import MANIFEST_TYPE, RegistryClient, Task, at_once

_STREAMS = 8
_PROCESSORS = max(2, len(os.sched_getaffinity(0)))
_PLAIN = "1 process"
# The flags of each variant. All but the first are compared with it.
_FLAGS: dict[str, list[str]] = {
    _PLAIN: [],
    f"{_PROCESSORS} workers": ["--workers", str(_PROCESSORS)],
    "no lines": ["--log-level", "warning"],
}
_BLOB = 16 * 1024
_LARGE = "push of a large blob, 1 stream"


class Variant(NamedTuple):
    """A way to run the server: its flags, and the program of another installation."""

    flags: Sequence[str] = ()
    program: str | None = None


Act = Callable[[RegistryClient, int], None]


class Benchmark:
    """The requests to each server."""

    def __init__(self, requests: int, large: int, only: str) -> None:
        self._requests = requests
        self._large = large
        self._only = only
        self._blobs = [memory_blob(os.urandom(_BLOB)) for _ in range(requests // 10)]
        self._manifest = _manifest(self._blobs[0])
        self.figures = Figures()
        self.names: dict[str, None] = {}

    def measure(self, registry: Registry, variant: str, rest: Rest) -> None:
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
            # The other measurements need the pushed content.
            if self._only in name or count < many:
                rest.wait()
                run = at_once(registry.address, _dealt(count, act))
                self.names[name] = None
                self.figures.add(name, variant, count / run.seconds)
        if self._only in _LARGE:
            blob = memory_blob(os.urandom(self._large))
            rest.wait()
            run = at_once(registry.address, [lambda client: client.push(blob)])
            self.names[_LARGE] = None
            self.figures.add(_LARGE, variant, self._large / run.seconds / 1e6)

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


def _variants(programs: Sequence[str]) -> dict[str, Variant]:
    if programs:
        return {_PLAIN: Variant(), **{each: Variant(program=each) for each in programs}}
    return {name: Variant(flags) for name, flags in _FLAGS.items()}


def _print(figures: Figures, names: Sequence[str], variant: str) -> None:
    rows = []
    for name in names:
        ratios = figures.ratios(name, variant, _PLAIN)
        if ratios:
            rows.append(
                (
                    name,
                    number(figures.median(name, _PLAIN)),
                    number(figures.median(name, variant)),
                    f"{statistics.median(ratios):.2f}",
                    f"{min(ratios):.2f} to {max(ratios):.2f}",
                )
            )
    print_table(
        f"Requests in a second, {_STREAMS} streams; MB/s of a large blob: {variant}",
        ("", _PLAIN, variant, "ratio", "of all pairs"),
        rows,
    )


def main(arguments: argparse.Namespace) -> None:
    rest = Rest(arguments.patience)
    variants = _variants(arguments.program)
    requests, large = (400, MIB) if arguments.quick else (4000, 512 * MIB)
    benchmark = Benchmark(requests, large, arguments.only)
    with scratch_directory(arguments.directory) as directory:
        print_machine(directory, ("moto", "moto-ecr-ext"), ())
        print(f"medians of {arguments.rounds} rounds, variants taking turns")
        for _ in range(arguments.rounds):
            for name, variant in variants.items():
                with (
                    scratch_directory(directory) as place,
                    moto_ecr_server(place, variant.flags, variant.program) as registry,
                ):
                    benchmark.measure(registry, name, rest)
    for name in list(variants)[1:]:
        _print(benchmark.figures, list(benchmark.names), name)
    rest.print_summary()


if __name__ == "__main__":
    parser = argument_parser(__doc__)
    parser.add_argument(
        "--program",
        action="append",
        default=[],
        metavar="PATH",
        help="compare with the moto_ecr_server of another installation; may be repeated",
    )
    main(completed(parser.parse_args()))
