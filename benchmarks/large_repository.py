"""What a repository of 100,000 images costs: pages of it, deletions, a lifecycle policy, a reset.

Beside each it measures the longest time that another client waits for an answer meanwhile. Pages are to cost what they
cost in a small repository, and no client is to wait for more than 200 ms, however long the work takes as a whole.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import requests
from common import (
    Figures,
    Rest,
    ServerProcess,
    Target,
    ecr_client,
    free_port,
    moto_ecr_server_command,
    number,
    parse_arguments,
    print_machine,
    print_table,
    print_targets,
    scratch_directory,
    serving,
)

from moto_ecr_ext.settings import StoreLocation
from moto_ecr_ext.storage.rows import tables
from moto_ecr_ext.storage.store import Store

ACCOUNT, REGION = "123456789012", "us-east-1"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
SMALL, LARGE = 1_000, 100_000
# Milliseconds.
LONGEST_WAIT = 200
FILTERS = [
    (tag_status, image_status)
    for tag_status in ("ANY", "TAGGED", "UNTAGGED")
    for image_status in ("ANY", "ACTIVE", "ARCHIVED")
]
POLICY = json.dumps(
    {
        "rules": [
            {
                "rulePriority": 1,
                "selection": {
                    "tagStatus": "any",
                    "countType": "imageCountMoreThan",
                    "countNumber": 100,
                },
                "action": {"type": "expire"},
            }
        ]
    }
)


def seed(data_dir: Path, count: int) -> None:
    """Make a directory with a repository of so many tagged images, each with a config and a layer that all have."""
    store = Store.open(StoreLocation(data_dir))
    layer = add_file(data_dir, b"the layer of all images")
    with store.database.write() as transaction:
        repository = transaction.insert(
            tables.repositories,
            {
                "account_id": ACCOUNT,
                "region": REGION,
                "name": "large",
                "created_at": 0.0,
                "tag_mutability": "MUTABLE",
                "scan_on_push": False,
                "encryption": {"encryptionType": "AES256"},
                "resource_tags": {},
            },
        )
        ids = range(1, count + 1)
        configs = [add_file(data_dir, b"config %d" % each) for each in ids]
        blobs = [{"digest": digest, "size": len(b"config 1")} for digest in configs]
        blobs.append({"digest": layer, "size": len(b"the layer of all images")})
        transaction.insert_all(
            tables.repository_blobs, [{**each, "repository_id": repository} for each in blobs]
        )
        transaction.insert_all(
            tables.images, [image(each, repository, configs[each - 1], layer) for each in ids]
        )
        transaction.insert_all(
            tables.tags,
            [{"repository_id": repository, "name": f"v{each}", "image_id": each} for each in ids],
        )
        transaction.insert_all(
            tables.image_references,
            [
                {
                    "image_id": each,
                    "digest": digest,
                    "repository_id": repository,
                    "kind": "blob",
                    "media_type": "application/octet-stream",
                }
                for each in ids
                for digest in (configs[each - 1], layer)
            ],
        )
    store.close()


def image(number: int, repository: int, config: str, layer: str) -> dict[str, Any]:
    """The row of an image."""
    content = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer]}
    manifest = json.dumps(content).encode()
    return {
        "id": number,
        "repository_id": repository,
        "digest": digest_of(manifest),
        "media_type": MANIFEST,
        "size": 100,
        "pushed_at": 1e9 + number,
        "status": "ACTIVE",
        "manifest": manifest,
        "is_tagged": True,
    }


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def add_file(data_dir: Path, content: bytes) -> str:
    """Put a blob's file where the store has it."""
    digest = digest_of(content)
    encoded = digest.partition(":")[2]
    directory = data_dir / "blobs" / "sha256" / encoded[:2]
    directory.mkdir(parents=True, exist_ok=True)
    (directory / encoded).write_bytes(content)
    return digest


class Other(threading.Thread):
    """Another client: it reads and writes in a small repository until it is told to stop."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.longest = 0.0
        self.answers = 0
        self._ecr = ecr_client(url)
        self._is_over = threading.Event()
        self._ecr.create_repository(repositoryName="small")

    def run(self) -> None:
        number = 0
        while not self._is_over.is_set():
            number += 1
            self._time(self._ecr.describe_repositories, repositoryNames=["small"])
            self._time(
                self._ecr.put_image,
                repositoryName="small",
                imageManifest=manifest_of(number),
                imageTag="latest",
            )
            self._time(
                self._ecr.batch_get_image,
                repositoryName="small",
                imageIds=[{"imageTag": "latest"}],
            )

    def _time(self, call: Callable[..., object], **parameters: object) -> None:
        begun = time.perf_counter()
        # It is gone after a reset.
        with suppress(self._ecr.exceptions.RepositoryNotFoundException):
            call(**parameters)
        self.longest = max(self.longest, time.perf_counter() - begun)
        self.answers += 1

    def stop(self) -> None:
        """Return when the last answer was there."""
        self._is_over.set()
        self.join()


def manifest_of(number: int) -> str:
    """A manifest that differs from all others."""
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


@contextmanager
def server_of(directory: Path, count: int, rest: Rest) -> Iterator[ServerProcess]:
    """A server of a new registry with a repository of so many images."""
    with scratch_directory(directory) as scratch:
        data_dir = scratch / "registry"
        seed(data_dir, count)
        rest.wait()
        port = free_port()
        with serving(moto_ecr_server_command(port, data_dir), port, scratch / "log") as server:
            yield server


def timed(call: Callable[..., object], *arguments: object, **parameters: object) -> float:
    """Milliseconds."""
    begun = time.perf_counter()
    call(*arguments, **parameters)
    return 1000 * (time.perf_counter() - begun)


def measure_pages(figures: Figures, url: str, whose: str, count: int) -> None:
    """Pages of 100 in the order of push, from the beginning by any filter, and from the middle."""
    ecr = ecr_client(url)
    for operation in ("describe_images", "list_images"):
        call = getattr(ecr, operation)
        for tag_status, image_status in FILTERS:
            wanted = {"tagStatus": tag_status, "imageStatus": image_status}
            page = {"repositoryName": "large", "maxResults": 100, "filter": wanted}
            call(**page)
            figures.add(f"{operation} {tag_status}/{image_status}", whose, timed(call, **page))
        token, passed = None, 0
        while passed < count // 2:
            size = min(1000, count // 2 - passed)
            going_on = {"nextToken": token} if token else {}
            token = call(repositoryName="large", maxResults=size, **going_on)["nextToken"]
            passed += size
        page = {"repositoryName": "large", "maxResults": 100, "nextToken": token}
        figures.add(f"{operation} from the middle", whose, timed(call, **page))


def run_lifecycle(ecr: Any, url: str) -> None:
    ecr.put_lifecycle_policy(repositoryName="large", lifecyclePolicyText=POLICY)
    requests.post(f"{url}/moto-api/ecr/run-lifecycle", timeout=600).raise_for_status()


OPERATIONS: dict[str, Callable[[Any, str], object]] = {
    "delete 100 images": lambda ecr, url: ecr.batch_delete_image(
        repositoryName="large", imageIds=[{"imageTag": f"v{each}"} for each in range(1, 101)]
    ),
    "preview a lifecycle policy": lambda ecr, url: ecr.start_lifecycle_policy_preview(
        repositoryName="large", lifecyclePolicyText=POLICY
    ),
    "run a lifecycle policy": run_lifecycle,
    "delete the repository": lambda ecr, url: ecr.delete_repository(
        repositoryName="large", force=True
    ),
    "reset": lambda ecr, url: requests.post(f"{url}/moto-api/reset", timeout=600),
}


def main() -> None:
    arguments = parse_arguments(__doc__)
    print_machine(arguments.directory, ["moto", "moto_ecr_ext", "SQLAlchemy"], [])
    figures, rest = Figures(), Rest(arguments.patience)
    sizes = {"small": SMALL, "large": SMALL * 2 if arguments.quick else LARGE}
    for _ in range(arguments.rounds):
        for whose, count in sizes.items():
            if arguments.only in "pages":
                with server_of(arguments.directory, count, rest) as server:
                    measure_pages(figures, server.url, whose, count)
            for name, operation in OPERATIONS.items():
                if arguments.only not in name:
                    continue
                print(f"{name}, {count} images", file=sys.stderr, flush=True)
                with server_of(arguments.directory, count, rest) as server:
                    ecr, other = ecr_client(server.url), Other(server.url)
                    ecr.describe_repositories()
                    other.start()
                    figures.add(name, whose, timed(operation, ecr, server.url))
                    other.stop()
                    figures.add(name, f"{whose}, waits", 1000 * other.longest)
    report(figures, sizes)
    rest.print_summary()


def report(figures: Figures, sizes: dict[str, int]) -> None:
    pages = [
        f"{operation} {each}"
        for operation in ("describe_images", "list_images")
        for each in (*map("/".join, FILTERS), "from the middle")
    ]
    heads = [f"{count:,} images" for count in sizes.values()]
    print_table(
        "A page of 100, in ms",
        ("", *heads),
        [(what, *(number(figures.median(what, whose)) for whose in sizes)) for what in pages],
    )
    columns = [each for whose in sizes for each in (whose, f"{whose}, waits")]
    print_table(
        "The work, and the longest that another client waits meanwhile, in ms",
        ("", *(each for head in heads for each in (head, "waits"))),
        [
            (what, *(number(figures.median(what, column)) for column in columns))
            for what in OPERATIONS
        ],
    )
    print_targets(
        Target(
            f"{what}: another client's wait (ms)",
            figures.median(what, "large, waits"),
            "at most",
            LONGEST_WAIT,
        )
        for what in OPERATIONS
    )


if __name__ == "__main__":
    os.umask(0o077)
    main()
