"""One variant of ECR, alone in this process: stock moto or the extension, under the decorator or with a server.

`api.py` runs it, once for each variant and round. It prints the figures of one measurement as JSON.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common import MIB, MemoryWatch, ecr_client

REPOSITORY = "benchmark"
PART_SIZE = 10 * MIB

NO_OP = "no-op (reads one setting)"
PUT_NEW = "put_image, new"
PUT_MOVING = "put_image, moving tag"
BY_TAG = "describe_images by tag"
PAGE = "describe_images, page of 100"

# Calls of one kind in a row. The first of them runs with processor caches that another call has filled; the
# median does not.
_CALLS_A_TURN = 5
_LEAST_CALLS = 3

Figures = dict[str, float]


def main() -> None:
    arguments = _parse_arguments()
    measure: Callable[[argparse.Namespace], Figures] = {
        "start-up": start_up,
        "decorator": decorator,
        "images": images,
        "layer": layer,
    }[arguments.measurement]
    print(json.dumps(measure(arguments)))


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("measurement", choices=("start-up", "decorator", "images", "layer"))
    parser.add_argument("--extension", action="store_true", help="install the extension")
    parser.add_argument("--data-dir", type=Path, help="the data directory of the extension")
    parser.add_argument("--endpoint", help="use this server instead of moto's decorator")
    parser.add_argument("--server-pid", type=int, help="watch the memory of this process")
    parser.add_argument("--sizes", type=int, nargs="+", default=[], help="images in a repository")
    parser.add_argument("--turns", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=1, help="for all calls of one kind")
    parser.add_argument("--parts", type=int, default=1, help="of the layer, 10 MiB each")
    return parser.parse_args()


def _milliseconds(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return (time.perf_counter() - start) * 1000


def _mocked(arguments: argparse.Namespace) -> AbstractContextManager[object]:
    """Return the context for the calls of this variant."""
    if arguments.endpoint:
        return nullcontext()
    if arguments.extension:
        import moto_ecr_ext

        moto_ecr_ext.install(data_dir=arguments.data_dir)
    from moto import mock_aws

    return mock_aws()


def start_up(arguments: argparse.Namespace) -> Figures:
    """Measure imports and installation, up to the first call of ECR. boto3 is imported before."""
    import boto3  # noqa: F401

    figures: Figures = {}

    def import_moto() -> None:
        from moto import mock_aws  # noqa: F401

    def import_extension() -> None:
        import moto_ecr_ext  # noqa: F401

    def install() -> None:
        import moto_ecr_ext

        moto_ecr_ext.install()

    figures["import moto"] = _milliseconds(import_moto)
    if arguments.extension:
        figures["import moto_ecr_ext"] = _milliseconds(import_extension)
        figures["install()"] = _milliseconds(install)
        figures["sqlalchemy after install()"] = "sqlalchemy" in sys.modules
    from moto import mock_aws

    with mock_aws():
        pass
    figures["sqlalchemy after an empty mock_aws"] = "sqlalchemy" in sys.modules
    with mock_aws():
        client = ecr_client()
        figures["first ECR call"] = _milliseconds(
            lambda: client.create_repository(repositoryName=REPOSITORY)
        )
    figures["sqlalchemy after a call of ECR"] = "sqlalchemy" in sys.modules
    steps = ("import moto", "import moto_ecr_ext", "install()", "first ECR call")
    figures["all of these"] = sum(figures.get(step, 0) for step in steps)
    return figures


def decorator(arguments: argparse.Namespace) -> Figures:
    """Measure the start and stop of mock_aws: before ECR is used, and with one call of ECR in between."""
    mock = _mocked(arguments)

    def empty() -> None:
        with mock:
            pass

    def once_used() -> None:
        with mock:
            client.create_repository(repositoryName=REPOSITORY)

    _milliseconds(empty)
    figures = {
        "mock_aws start and stop": statistics.median(
            _milliseconds(empty) for _ in range(arguments.turns)
        )
    }
    with mock:
        client = ecr_client()
    _milliseconds(once_used)
    figures["the same with create_repository"] = statistics.median(
        _milliseconds(once_used) for _ in range(arguments.turns)
    )
    return figures


@dataclass(frozen=True)
class Call:
    """A call, and the call that undoes its effect. Only the first is timed."""

    name: str
    make: Callable[[], object]
    take_back: Callable[[], object] = lambda: None


def images(arguments: argparse.Namespace) -> Figures:
    """Measure calls on a repository of each of the sizes, smallest first."""
    figures: Figures = {}
    with _mocked(arguments):
        client = ecr_client(arguments.endpoint)
        client.create_repository(repositoryName=REPOSITORY)
        manifests = _manifests()
        held = 0
        for size in sorted(arguments.sizes):
            for number in range(held, size):
                client.put_image(
                    repositoryName=REPOSITORY,
                    imageManifest=next(manifests),
                    imageTag=f"build-{number}",
                )
            held = size
            calls = _calls(client, manifests, size)
            for name, taken in _interleaved(calls, arguments.turns, arguments.seconds).items():
                figures[f"{name}; {size}"] = statistics.median(taken)
        client.delete_repository(repositoryName=REPOSITORY, force=True)
    return figures


def _interleaved(calls: list[Call], turns: int, seconds: float) -> dict[str, list[float]]:
    """Return the milliseconds of each call, made in turn with the others until its seconds are spent."""
    taken: dict[str, list[float]] = {call.name: [] for call in calls}
    for _ in range(turns):
        for call in calls:
            for _ in range(_CALLS_A_TURN):
                so_far = taken[call.name]
                if len(so_far) >= _LEAST_CALLS and sum(so_far) > seconds * 1000:
                    break
                so_far.append(_milliseconds(call.make))
                call.take_back()
    return taken


def _calls(client: Any, manifests: Iterator[str], size: int) -> list[Call]:
    """Return the calls, each of which restores the size of the repository."""
    repository = {"repositoryName": REPOSITORY}
    put: list[str] = []
    # The image with the tag is the last one.
    tagged: list[str] = []

    def put_image(tag: str, digests: list[str]) -> None:
        answer = client.put_image(**repository, imageManifest=next(manifests), imageTag=tag)
        digests.append(answer["image"]["imageId"]["imageDigest"])

    def delete_first(digests: list[str]) -> None:
        client.batch_delete_image(**repository, imageIds=[{"imageDigest": digests.pop(0)}])

    def describe_by_tag() -> None:
        answer = client.describe_images(**repository, imageIds=[{"imageTag": f"build-{size // 2}"}])
        _expect(len(answer["imageDetails"]) == 1, "one image")

    def describe_page() -> None:
        answer = client.describe_images(**repository, maxResults=100)
        # Stock moto returns all images at once.
        _expect(len(answer["imageDetails"]) >= min(size, 100), "a full page")

    put_image("latest", tagged)
    return [
        Call(PAGE, describe_page),
        Call(PUT_NEW, lambda: put_image("new", put), lambda: delete_first(put)),
        Call(PUT_MOVING, lambda: put_image("latest", tagged), lambda: delete_first(tagged)),
        Call(NO_OP, client.get_registry_scanning_configuration),
        Call(BY_TAG, describe_by_tag),
    ]


def _expect(truth: bool, what: str) -> None:
    if not truth:
        raise RuntimeError(f"The answer is not {what}.")


def _manifests() -> Iterator[str]:
    """Yield manifests of different images with three layers, in docker's form."""
    for number in itertools.count():
        digests = [hashlib.sha256(f"{number}/{part}".encode()).hexdigest() for part in range(4)]
        yield json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
                "config": {
                    "mediaType": "application/vnd.docker.container.image.v1+json",
                    "size": 7023,
                    "digest": f"sha256:{digests[3]}",
                },
                "layers": [
                    {
                        "mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip",
                        "size": 32654 + layer,
                        "digest": f"sha256:{digest}",
                    }
                    for layer, digest in enumerate(digests[:3])
                ],
            },
            indent=3,
        )


def layer(arguments: argparse.Namespace) -> Figures:
    """Measure the upload of one layer through the API: MB/s, and the growth of memory in MiB."""
    with _mocked(arguments):
        client = ecr_client(arguments.endpoint)
        client.create_repository(repositoryName=REPOSITORY)
        # The first upload imports and creates things that must not be measured.
        _upload(client, [b"first"], f"sha256:{hashlib.sha256(b'first').hexdigest()}")
        parts = _Parts(arguments.parts)
        digest = parts.digest()
        watch = MemoryWatch(arguments.server_pid or os.getpid())
        seconds = _upload(client, parts, digest)
        figures = {
            "MB/s": arguments.parts * PART_SIZE / 1e6 / seconds,
            "MiB": watch.growth,
        }
        client.delete_repository(repositoryName=REPOSITORY, force=True)
    return figures


class _Parts:
    """The parts of a layer, one after the other in one buffer, so that the client does not hold them all."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._buffer = bytearray(os.urandom(PART_SIZE))

    def __iter__(self) -> Iterator[bytearray]:
        for number in range(self._count):
            self._buffer[:8] = number.to_bytes(8, "big")
            yield self._buffer

    def digest(self) -> str:
        hasher = hashlib.sha256()
        for part in self:
            hasher.update(part)
        return f"sha256:{hasher.hexdigest()}"


def _upload(client: Any, parts: Iterable[bytes | bytearray], digest: str) -> float:
    """Upload a layer. Return the seconds of the calls."""
    repository = {"repositoryName": REPOSITORY}
    start = time.perf_counter()
    upload_id = client.initiate_layer_upload(**repository)["uploadId"]
    seconds = time.perf_counter() - start
    first = 0
    for part in parts:
        start = time.perf_counter()
        client.upload_layer_part(
            **repository,
            uploadId=upload_id,
            partFirstByte=first,
            partLastByte=first + len(part) - 1,
            layerPartBlob=part,
        )
        seconds += time.perf_counter() - start
        first += len(part)
    start = time.perf_counter()
    answer = client.complete_layer_upload(**repository, uploadId=upload_id, layerDigests=[digest])
    seconds += time.perf_counter() - start
    _expect(answer["layerDigest"] == digest, "the digest of the layer")
    return seconds


if __name__ == "__main__":
    main()
