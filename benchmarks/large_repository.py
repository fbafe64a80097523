"""A benchmark of a repository of 100,000 images beside smaller ones: pages, lifecycle policies, deletions, a reset.

Beside each operation, it measures the longest time that another client waits for an answer. Pages should cost as much
as in a small repository, and no client should wait for more than 200 ms, however long the operation takes.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import requests
from common import (
    Figures,
    Rest,
    Target,
    argument_parser,
    completed,
    ecr_client,
    number,
    print_machine,
    print_table,
    print_targets,
    scratch_directory,
)
from seeds import MANIFEST, Seeds, digest_of, running_cluster

ENGINES = ("sqlite", "postgresql")
SIZES = [1_000, 10_000, 100_000]
# Milliseconds.
LONGEST_WAIT = 200
# Seconds for which another client is watched without other load, and the longest time of a reset.
QUIET = 5
RESET_LIMIT = 1200
FILTERS = [
    (tag_status, image_status)
    for tag_status in ("ANY", "TAGGED", "UNTAGGED")
    for image_status in ("ANY", "ACTIVE", "ARCHIVED")
]


def policy(kept: int) -> str:
    """Return a policy that expires all images except the newest."""
    selection = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": kept}
    rule = {"rulePriority": 1, "selection": selection, "action": {"type": "expire"}}
    return json.dumps({"rules": [rule]})


class Other(threading.Thread):
    """Another client, which reads and writes in a small repository until it is stopped."""

    def __init__(self, url: str, name: str) -> None:
        super().__init__(daemon=True)
        self.longest = 0.0
        self.answers = 0
        self._ecr = ecr_client(url)
        self._is_over = threading.Event()
        self._small = {"repositoryName": name.replace(" ", "-")}
        self._ecr.create_repository(**self._small)
        self._do(0)
        self.longest = 0.0

    def run(self) -> None:
        number = 0
        while not self._is_over.is_set():
            number += 1
            self._do(number)

    def _do(self, number: int) -> None:
        self._time(self._ecr.describe_repositories, repositoryNames=[*self._small.values()])
        self._time(
            self._ecr.put_image,
            **self._small,
            imageManifest=manifest_of(number),
            imageTag="latest",
        )
        self._time(self._ecr.batch_get_image, **self._small, imageIds=[{"imageTag": "latest"}])

    def _time(self, call: Callable[..., object], **parameters: object) -> None:
        begun = time.perf_counter()
        # A reset removes it.
        with suppress(self._ecr.exceptions.RepositoryNotFoundException):
            call(**parameters)
        self.longest = max(self.longest, time.perf_counter() - begun)
        self.answers += 1

    def stop(self) -> None:
        """Stop the client, and wait for its last answer."""
        self._is_over.set()
        self.join()


def manifest_of(number: int) -> str:
    """Return a manifest that differs from all others."""
    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": descriptor(b"config"),
            "layers": [descriptor(b"layer")],
            "annotations": {"number": str(number)},
        }
    )


def descriptor(content: bytes) -> dict[str, Any]:
    return {
        "mediaType": "application/octet-stream",
        "digest": digest_of(content),
        "size": len(content),
    }


def timed(call: Callable[..., object], *arguments: object, **parameters: object) -> float:
    """Return the milliseconds of a call."""
    begun = time.perf_counter()
    call(*arguments, **parameters)
    return 1000 * (time.perf_counter() - begun)


def measure_pages(figures: Figures, url: str, column: str, count: int) -> None:
    """Measure pages of 100 in the order of push: the first by any filter, and one in the middle."""
    ecr = ecr_client(url)
    for operation in ("describe_images", "list_images"):
        call = getattr(ecr, operation)
        for tag_status, image_status in FILTERS:
            wanted = {"tagStatus": tag_status, "imageStatus": image_status}
            page = {"repositoryName": "large", "maxResults": 100, "filter": wanted}
            figures.add(f"{operation} {tag_status}/{image_status}", column, best(call, **page))
        measure_middle(figures, operation, call, column, count)


def measure_middle(
    figures: Figures,
    operation: str,
    call: Callable[..., Any],
    column: str,
    count: int,
    largest: int = 1000,
) -> None:
    """Measure a page of 100 in the middle of a list, reached by pages of at most `largest`."""
    token, passed = None, 0
    while passed < count // 2:
        size = min(largest, count // 2 - passed)
        going_on = {"nextToken": token} if token else {}
        token = call(repositoryName="large", maxResults=size, **going_on)["nextToken"]
        passed += size
    page = {"repositoryName": "large", "maxResults": 100, "nextToken": token}
    figures.add(f"{operation} from the middle", column, best(call, **page))


def measure_preview_pages(figures: Figures, url: str, column: str, count: int) -> None:
    """Measure pages of 100 results of a preview of a policy that expires all images except one."""
    ecr = ecr_client(url)
    call = ecr.get_lifecycle_policy_preview
    for tag_status in ("ANY", "TAGGED", "UNTAGGED"):
        page = {
            "repositoryName": "large",
            "maxResults": 100,
            "filter": {"tagStatus": tag_status},
        }
        figures.add(f"{PREVIEW} {tag_status}", column, best(call, **page))
    names = [{"imageTag": f"v{each}"} for each in range(1, 101)]
    figures.add(f"{PREVIEW} by tags", column, best(call, repositoryName="large", imageIds=names))
    measure_middle(figures, PREVIEW, call, column, count, largest=100)


def best(call: Callable[..., object], **parameters: object) -> float:
    """Return the milliseconds of the fastest of some calls, since other processes use the processors too."""
    call(**parameters)
    return min(timed(call, **parameters) for _ in range(7))


PREVIEW = "get_lifecycle_policy_preview"


def preview(ecr: Any, url: str, blobs: Path, count: int) -> None:
    ecr.start_lifecycle_policy_preview(repositoryName="large", lifecyclePolicyText=policy(1))


def run_lifecycle(ecr: Any, url: str, blobs: Path, count: int) -> None:
    ecr.put_lifecycle_policy(repositoryName="large", lifecyclePolicyText=policy(count // 2))
    requests.post(f"{url}/moto-api/ecr/run-lifecycle", timeout=1200).raise_for_status()


def delete_some(ecr: Any, url: str, blobs: Path, count: int) -> None:
    names = [{"imageTag": f"v{each}"} for each in range(1, 101)]
    ecr.batch_delete_image(repositoryName="large", imageIds=names)


def delete_repository(ecr: Any, url: str, blobs: Path, count: int) -> None:
    ecr.delete_repository(repositoryName="large", force=True)


def reset(ecr: Any, url: str, blobs: Path, count: int) -> None:
    """Reset the server, and wait until the last bytes are removed, long after the answer."""
    requests.post(f"{url}/moto-api/reset", timeout=1200).raise_for_status()
    until = time.monotonic() + RESET_LIMIT
    while any(path.is_file() for path in blobs.rglob("*")):
        if time.monotonic() > until:
            raise RuntimeError(f"there are blobs {RESET_LIMIT} seconds after a reset")
        time.sleep(0.2)


Operation = Callable[[Any, str, Path, int], None]
# The operations of a group use the same server, in their order.
GROUPS: list[dict[str, Operation]] = [
    {
        "nothing": lambda *_: time.sleep(QUIET),
        "preview a lifecycle policy": preview,
        "replace the preview": preview,
    },
    {"delete 100 images": delete_some, "expire half of the images": run_lifecycle},
    {"delete the repository": delete_repository},
    {"reset": reset},
]
OPERATIONS = [name for group in GROUPS for name in group]


def column_of(engine: str, count: int) -> str:
    return f"{engine}, {count:,}"


def measure_group(
    figures: Figures, seeds: Seeds, group: dict[str, Operation], count: int, rest: Rest
) -> None:
    column = column_of(seeds.engine, count)
    with seeds.server(count) as (server, blobs):
        ecr = ecr_client(server.url)
        ecr.describe_repositories()
        for name, operation in group.items():
            rest.wait()
            print(f"{name}, {column}", file=sys.stderr, flush=True)
            other = Other(server.url, name)
            other.start()
            figures.add(name, column, timed(operation, ecr, server.url, blobs, count))
            other.stop()
            figures.add(f"{name}: waits", column, 1000 * other.longest)


def parse_arguments() -> argparse.Namespace:
    parser = argument_parser(__doc__)
    parser.add_argument(
        "--images",
        type=int,
        nargs="+",
        default=SIZES,
        help="numbers of images in the repositories (default: 1000 10000 100000)",
    )
    parser.add_argument(
        "--engine",
        choices=ENGINES,
        action="append",
        help="engine of the database; may be given twice (default: sqlite)",
    )
    arguments = completed(parser.parse_args())
    if arguments.quick:
        arguments.images = [200, 2000]
    return arguments


def main() -> None:
    arguments = parse_arguments()
    engines = arguments.engine or ["sqlite"]
    print_machine(arguments.directory, ["moto", "moto_ecr_ext", "SQLAlchemy"], [])
    figures, rest = Figures(), Rest(arguments.patience)
    with scratch_directory(arguments.directory) as directory, ExitStack() as stack:
        all_seeds = []
        for engine in engines:
            place = directory / engine
            place.mkdir()
            cluster = None
            if engine == "postgresql":
                # The tests' own cluster runs without fsync.
                cluster = stack.enter_context(running_cluster("-c fsync=on"))
            all_seeds.append(Seeds(place, cluster))
        for _ in range(arguments.rounds):
            for seeds in all_seeds:
                for count in arguments.images:
                    measure(figures, seeds, count, arguments.only, rest)
        report(figures, engines, arguments.images)
    rest.print_summary()


def measure(figures: Figures, seeds: Seeds, count: int, only: str, rest: Rest) -> None:
    column = column_of(seeds.engine, count)
    if only in "pages":
        with seeds.server(count) as (server, _):
            rest.wait()
            print(f"pages, {column}", file=sys.stderr, flush=True)
            measure_pages(figures, server.url, column, count)
            preview(ecr_client(server.url), server.url, Path(), count)
            measure_preview_pages(figures, server.url, column, count)
    for group in GROUPS:
        chosen = {name: operation for name, operation in group.items() if only in name}
        if chosen:
            measure_group(figures, seeds, chosen, count, rest)


def report(figures: Figures, engines: list[str], sizes: list[int]) -> None:
    pages = [
        *(
            f"{operation} {each}"
            for operation in ("describe_images", "list_images")
            for each in (*map("/".join, FILTERS), "from the middle")
        ),
        *(
            f"{PREVIEW} {each}"
            for each in ("ANY", "TAGGED", "UNTAGGED", "by tags", "from the middle")
        ),
    ]
    columns = [column_of(engine, count) for engine in engines for count in sizes]

    def table(title: str, names: list[str], suffix: str = "") -> None:
        print_table(
            title,
            ("images", *columns),
            [
                (name, *(number(figures.median(f"{name}{suffix}", each)) for each in columns))
                for name in names
            ],
        )

    table("A page of 100, in ms", pages)
    table("The work, in ms", OPERATIONS)
    table("The longest that another client waits meanwhile, in ms", OPERATIONS, ": waits")
    largest = max(sizes)
    print_targets(
        Target(
            f"{name}, {column_of(engine, largest)}: another client's wait (ms)",
            figures.median(f"{name}: waits", column_of(engine, largest)),
            "at most",
            LONGEST_WAIT,
        )
        for engine in engines
        for name in OPERATIONS
    )


if __name__ == "__main__":
    os.umask(0o077)
    main()
