"""A benchmark of the registry: Debian's docker-registry (Go) and moto_ecr_server, on the same disk.

Each measurement begins with a fresh server on an empty directory. The two take turns, round by round.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from blobs import Blob, Source, memory_blob
from common import (
    GIB,
    MIB,
    MemoryWatch,
    Rest,
    argument_parser,
    completed,
    environment,
    machine,
    print_targets,
    scratch_directory,
)
from registries import GO, OURS, Registry, installed_registries, running
from registry_client import (
    MANIFEST_TYPE,
    RegistryClient,
    Run,
    Task,
    at_once,
    shares_of,
)
from registry_results import Measure, Results

PACKAGES = ("moto", "moto-ecr-ext", "SQLAlchemy", "Werkzeug")

# Bytes that are needed at the same time: the source of all blobs, the images for skopeo, and the files of one
# server.
_DISK_SPACE = 12 * GIB
_SKOPEO_LIMIT = 600


@dataclass(frozen=True)
class Scale:
    """The sizes of the workloads. Sizes are in bytes; `skopeo_images` are a number and size of layers each.

    A workload with None is left out.
    """

    large: int
    streams: int
    small: int
    small_blobs: int
    manifests: int
    requests: int
    skopeo_images: tuple[tuple[int, int], tuple[int, int]] | None
    memory: int | None


FULL = Scale(GIB, 8, MIB, 200, 400, 4000, ((5, 100 * MIB), (50, MIB)), 2 * GIB)
# The workloads that wait least for the machine and other programs, for nine rounds in a quarter of an hour.
BRIEF = Scale(GIB, 8, MIB, 200, 200, 1000, None, None)
QUICK = Scale(64 * MIB, 8, MIB, 16, 32, 64, ((2, 4 * MIB), (5, MIB)), 128 * MIB)


Workload = Callable[[Registry], None]
_Item = TypeVar("_Item")


class Benchmark:
    """All workloads. For each, a method makes its content before the first round."""

    def __init__(self, directory: Path, scale: Scale, rest: Rest) -> None:
        self._directory = directory
        self._scale = scale
        self._rest = rest
        self._source = Source(directory / "source")
        self.results = Results()

    def close(self) -> None:
        self._source.close()

    def measure(
        self, names: Sequence[str], rounds: int, only: str, keep: Callable[[], None]
    ) -> None:
        """Measure the registries of these names, in turns, with workloads named like `only`.

        `keep` is called after each workload, so that an interrupted run keeps its figures.
        """
        for title, prepare in self._workloads().items():
            if only not in title:
                continue
            workload = prepare()
            print(title, end="", file=sys.stderr, flush=True)
            for number in range(rounds):
                # The registries take turns at being first: the second finds the machine's memory as the first has left
                # it.
                for name in names if number % 2 == 0 else names[::-1]:
                    with self._fresh(name) as registry:
                        workload(registry)
                print(".", end="", file=sys.stderr, flush=True)
            print(file=sys.stderr)
            keep()

    @contextmanager
    def _fresh(self, name: str) -> Iterator[Registry]:
        """Run a registry on an empty directory, and yield it after it has answered a few requests."""
        with scratch_directory(self._directory) as directory:
            self._rest.wait()
            with running(name, directory) as registry:
                at_once(registry.address, [_warm_up])
                yield registry

    def _workloads(self) -> dict[str, Callable[[], Workload]]:
        """Return the functions that make the workloads, by name."""
        many = self._scale.streams
        workloads: dict[str, Callable[[], Workload]] = {
            "large blobs": lambda: self._large_blobs(1, 2.0),
            "large blobs at once": lambda: self._large_blobs(many, 1.6),
            "large blobs in chunks": lambda: self._chunked_blobs(1, 2.0),
            "large blobs in chunks at once": lambda: self._chunked_blobs(many, 1.6),
            "small blobs": lambda: self._small_blobs(1),
            "small blobs at once": lambda: self._small_blobs(many),
            "manifests": lambda: self._manifests(1),
            "manifests at once": lambda: self._manifests(many),
        }
        if self._scale.memory is not None:
            workloads["memory"] = lambda: self._memory(self._scale.memory or 0)
        if self._scale.skopeo_images is None:
            return workloads
        if not shutil.which("skopeo"):
            print("skopeo is not installed; its copies are left out.")
            return workloads
        large, small = self._scale.skopeo_images
        return {
            **workloads,
            "skopeo, large layers": lambda: self._skopeo(*large),
            "skopeo, small layers": lambda: self._skopeo(*small),
        }

    def _large_blobs(self, streams: int, bound: float) -> Workload:
        size = _size(self._scale.large)
        push = Measure(f"push {size}, {_streams(streams)}", "MB/s", bound)
        pull = Measure(f"pull {size}, {_streams(streams)}", "MB/s", 1.5)
        blobs = self._source.files(self._scale.large, streams)

        def workload(registry: Registry) -> None:
            self._move(registry, push, blobs, streams, RegistryClient.push)
            self._move(registry, pull, blobs, streams, RegistryClient.pull)

        return workload

    def _chunked_blobs(self, streams: int, bound: float) -> Workload:
        size = _size(self._scale.large)
        push = Measure(f"push {size} in chunks, {_streams(streams)}", "MB/s", bound)
        blobs = self._source.files(self._scale.large, streams)

        def workload(registry: Registry) -> None:
            self._move(registry, push, blobs, streams, RegistryClient.push_streamed)

        return workload

    def _small_blobs(self, streams: int) -> Workload:
        count = self._scale.small_blobs
        what = f"{count} x {_size(self._scale.small)}, {_streams(streams)}"
        push = Measure(f"push {what}", "MB/s", 2.0)
        pull = Measure(f"pull {what}", "MB/s", 4.0)
        head = Measure(f"HEAD of a blob, {_streams(streams)}", "requests/s", 4.0)
        blobs = self._source.in_memory(self._scale.small, count)
        asked = [blobs[number % count] for number in range(self._scale.requests)]

        def workload(registry: Registry) -> None:
            self._move(registry, push, blobs, streams, RegistryClient.push)
            self._move(registry, pull, blobs, streams, RegistryClient.pull)
            tasks = _dealt(asked, streams, RegistryClient.has)
            self._time(registry, head, len(asked), lambda: at_once(registry.address, tasks))

        return workload

    def _manifests(self, streams: int) -> Workload:
        bound = 4.0 if streams == 1 else 3.0
        put = Measure(f"PUT of a manifest, {_streams(streams)}", "requests/s", bound)
        get = Measure(f"GET of a manifest by tag, {_streams(streams)}", "requests/s", 4.0)
        blobs = self._source.in_memory(1024, 4)
        tagged = [(f"t{each}", _manifest(blobs, each)) for each in range(self._scale.manifests)]
        asked = [tagged[number % len(tagged)] for number in range(self._scale.requests)]

        def put_manifest(client: RegistryClient, image: tuple[str, bytes]) -> None:
            client.put_manifest(*image)

        def get_manifest(client: RegistryClient, image: tuple[str, bytes]) -> None:
            tag, content = image
            _expect(client.manifest(tag) == content, f"the manifest of {tag}")

        def workload(registry: Registry) -> None:
            at_once(registry.address, _dealt(blobs, 1, RegistryClient.push))
            puts = _dealt(tagged, streams, put_manifest)
            self._time(registry, put, len(tagged), lambda: at_once(registry.address, puts))
            gets = _dealt(asked, streams, get_manifest)
            self._time(registry, get, len(asked), lambda: at_once(registry.address, gets))

        return workload

    def _skopeo(self, layers: int, size: int) -> Workload:
        what = f"{layers} x {_size(size)}"
        push = Measure(f"skopeo copy to the registry, {what}", "s", 1.0)
        pull = Measure(f"skopeo copy from the registry, {what}", "s", 1.0)
        image = _oci_layout(self._directory / f"image-{layers}", layers, size)

        def workload(registry: Registry) -> None:
            there = registry.image("latest")
            to = [*registry.skopeo_flags("dest"), image, there]
            self._time(registry, push, 1, lambda: _copy(to))
            with scratch_directory(self._directory) as directory:
                back = [*registry.skopeo_flags("src"), there, f"dir:{directory}"]
                self._time(registry, pull, 1, lambda: _copy(back))

        return workload

    def _memory(self, amount: int) -> Workload:
        size = _size(amount)
        [blob] = self._source.files(amount, 1)
        transfers = {
            f"push of {size}": RegistryClient.push,
            f"pull of {size}": RegistryClient.pull,
            f"push of {size} in chunks": RegistryClient.push_streamed,
        }

        def workload(registry: Registry) -> None:
            watch = MemoryWatch(registry.process.pid)
            for transfer, move in transfers.items():
                watch.forget_peak()
                at_once(registry.address, _dealt([blob], 1, move))
                self.results.add_memory(transfer, registry.name, watch.growth)

        return workload

    def _move(
        self,
        registry: Registry,
        measure: Measure,
        blobs: Sequence[Blob],
        streams: int,
        move: Callable[[RegistryClient, Blob], None],
    ) -> None:
        tasks = _dealt(blobs, streams, move)
        amount = sum(blob.size for blob in blobs)
        self._time(registry, measure, amount, lambda: at_once(registry.address, tasks))

    def _time(
        self, registry: Registry, measure: Measure, amount: float, act: Callable[[], Run]
    ) -> None:
        """Time an action, once the machine is idle."""
        self._rest.wait()
        before = registry.process.processor_seconds()
        run = act()
        used = registry.process.processor_seconds() - before
        self.results.add(measure, registry.name, amount, run, used)


def _dealt(
    items: Sequence[_Item], streams: int, act: Callable[[RegistryClient, _Item], None]
) -> list[Task]:
    """Return the tasks of `streams` clients, each of which acts on its share of the items, one by one."""

    def task(share: Sequence[_Item]) -> Task:
        def act_on_all(client: RegistryClient) -> None:
            for item in share:
                act(client, item)

        return act_on_all

    return [task(share) for share in shares_of(items, streams)]


def _warm_up(client: RegistryClient) -> None:
    """Make every request once, and compare the answers with the pushed content."""
    content = os.urandom(64 * 1024)
    blob = memory_blob(content)
    client.push(blob)
    client.push_streamed(memory_blob(content[1:]))
    client.has(blob)
    _expect(client.content(blob) == content, "the blob")
    manifest = _manifest([blob], 0)
    client.put_manifest("warm-up", manifest)
    _expect(client.manifest("warm-up") == manifest, "the manifest")


def _manifest(blobs: Sequence[Blob], number: int) -> bytes:
    """Return a manifest whose configuration is the first of the blobs. Each number gives a different one."""
    kind = "application/vnd.oci.image."
    config, *layers = [{"digest": blob.digest, "size": blob.size} for blob in blobs]
    document: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": {"mediaType": f"{kind}config.v1+json", **config},
        "layers": [{"mediaType": f"{kind}layer.v1.tar", **layer} for layer in layers],
        "annotations": {"number": str(number)},
    }
    return json.dumps(document, indent=2).encode()


def _expect(truth: bool, what: str) -> None:
    if not truth:
        raise RuntimeError(f"What came back is not {what} that was sent.")


def _oci_layout(path: Path, layers: int, size: int) -> str:
    """Return skopeo's name of a new image that cannot be compressed."""
    from moto_ecr_ext.testing import build_image, write_oci_layout

    write_oci_layout(build_image(layers=layers, layer_size=size), path, "latest")
    return f"oci:{path}:latest"


def _copy(arguments: Sequence[str]) -> Run:
    """Run `skopeo copy`. The run lasts as long as the process."""
    command = ["skopeo", "--insecure-policy", "copy", "--quiet", *arguments]
    start, used = time.monotonic(), _seconds_of_programs()
    subprocess.run(command, env=environment(), check=True, timeout=_SKOPEO_LIMIT)
    return Run(time.monotonic() - start, _seconds_of_programs() - used, 0)


def _seconds_of_programs() -> float:
    """Return the processor time of all programs that this process has started and that have ended."""
    times = os.times()
    return times.children_user + times.children_system


def _size(size: int) -> str:
    return f"{size // GIB} GiB" if size % GIB == 0 else f"{size // MIB} MiB"


def _streams(count: int) -> str:
    return "1 stream" if count == 1 else f"{count} streams"


def main(arguments: argparse.Namespace) -> None:
    if shutil.disk_usage(arguments.directory).free < _DISK_SPACE:
        sys.exit(f"{arguments.directory} has less than {_size(_DISK_SPACE)} of free space.")
    names = installed_registries()
    if GO not in names:
        print(f"{GO} is not installed (apt-get install docker-registry); {OURS} runs alone.")
    rest = Rest(arguments.patience)
    scale = QUICK if arguments.quick else BRIEF if arguments.brief else FULL
    with scratch_directory(arguments.directory) as directory:
        lines = machine(directory, PACKAGES, (GO, "skopeo"))
        print("\n".join(lines))
        print(f"medians of {arguments.rounds} rounds, registries taking turns")
        with closing(Benchmark(directory, scale, rest)) as benchmark:
            results = benchmark.results

            def keep() -> None:
                if arguments.result is not None:
                    results.write(arguments.result, lines, rest)

            benchmark.measure(names, arguments.rounds, arguments.only, keep)
    results.print_tables()
    print_targets(results.targets())
    rest.print_summary()


def flags() -> argparse.Namespace:
    parser = argument_parser(__doc__, rounds=9)
    parser.add_argument(
        "--brief",
        action="store_true",
        help="leave out memory and skopeo, with fewer small requests: about a quarter of an hour",
    )
    parser.add_argument(
        "--result",
        type=Path,
        metavar="FILE",
        help="write all figures to this file, as JSON, of which plot.py makes a picture",
    )
    return completed(parser.parse_args())


if __name__ == "__main__":
    main(flags())
