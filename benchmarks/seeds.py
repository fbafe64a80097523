"""Registries with a repository of many images, created without the API and copied for each server."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from common import (
    REGION,
    ServerProcess,
    free_port,
    moto_ecr_server_command,
    scratch_directory,
    serving,
)

from moto_ecr_ext.settings import StoreLocation
from moto_ecr_ext.storage.rows import tables
from moto_ecr_ext.storage.store import Store

sys.path.append(str(Path(__file__).parent.parent / "tests"))

from support.postgresql import Cluster, running_cluster

__all__ = ["MANIFEST", "Seeds", "digest_of", "running_cluster"]

ACCOUNT = "123456789012"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


class Seeds:
    """Registries with a repository of many images, created once for each number and copied for each server."""

    def __init__(self, directory: Path, cluster: Cluster | None) -> None:
        self._directory = directory
        self._cluster = cluster
        self._seed = cache(self._make)
        self.engine = "sqlite" if cluster is None else "postgresql"

    def _make(self, count: int) -> tuple[Path, str]:
        print(f"{count} images in {self.engine}", file=sys.stderr, flush=True)
        blobs = self._directory / f"seed-{count}"
        database = self._cluster.create_database() if self._cluster else ""
        seed(self._location(blobs, database), blobs, count)
        if self._cluster is not None:
            # PostgreSQL does this by itself soon after so many rows were inserted.
            with self._cluster.connect(database) as connection:
                connection.execute("ANALYZE")
        return blobs, database

    def _location(self, directory: Path, database: str) -> StoreLocation:
        if self._cluster is None:
            return StoreLocation(directory)
        return StoreLocation(None, self._cluster.url(database), str(directory))

    @contextmanager
    def server(self, count: int) -> Iterator[tuple[ServerProcess, Path]]:
        """Run a server on a copy, and yield it with the directory of its blobs."""
        seed, template = self._seed(count)
        with scratch_directory(self._directory) as scratch:
            copy = scratch / "registry"
            # The blobs are linked: writing 100,000 files takes minutes.
            shutil.copytree(seed, copy, copy_function=os.link)
            port = free_port()
            if self._cluster is None:
                for path in seed.glob("registry.sqlite*"):
                    (copy / path.name).unlink()
                    shutil.copy(path, copy)
                command = moto_ecr_server_command(port, copy)
            else:
                name = self._cluster.create_database(f"TEMPLATE {template}")
                url = self._cluster.url(name)
                places = ["--database", url, "--blobs", str(copy)]
                command = [*moto_ecr_server_command(port, None), *places]
            with serving(command, port, scratch / "log") as server:
                yield server, copy / "blobs"


def seed(location: StoreLocation, data_dir: Path, count: int) -> None:
    """Create a repository of `count` tagged images, each with its own config and a shared layer."""
    store = Store.open(location)
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
        if location.database:
            # The images have rows with explicit numbers, so the sequence is advanced here.
            transaction.connection.exec_driver_sql(
                f"SELECT setval(pg_get_serial_sequence('images', 'id'), {count})"
            )
    store.close()


def image(number: int, repository: int, config: str, layer: str) -> dict[str, Any]:
    """Return the row of an image."""
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
    """Write a blob's file to its place in the store."""
    digest = digest_of(content)
    encoded = digest.partition(":")[2]
    directory = data_dir / "blobs" / "sha256" / encoded[:2]
    directory.mkdir(parents=True, exist_ok=True)
    (directory / encoded).write_bytes(content)
    return digest
