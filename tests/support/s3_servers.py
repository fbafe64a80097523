"""Servers of S3 on loopback, to keep blobs in.

moto's knows all of S3 that is needed but does not check signatures. rclone's does, and knows less: it has
no copies into parts of a multipart upload, and takes a request for one for a part without content.
"""

from __future__ import annotations

import shutil
import subprocess
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3

from moto_ecr_ext.storage.blobs.s3.store import S3BlobStore
from moto_ecr_ext.storage.blobs.store import BlobStore
from support.commands import Command

ACCESS_KEY = "s3-access-key"
SECRET_KEY = "s3-secret-key"


@dataclass(frozen=True)
class S3Server:
    """A server of S3."""

    name: str
    endpoint_url: str
    command: Command

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables of a process that keeps blobs here."""
        return {
            "AWS_ENDPOINT_URL_S3": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        }

    def client(self) -> Any:
        return boto3.client(
            "s3",
            region_name="us-east-1",
            endpoint_url=self.endpoint_url,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
        )

    def new_bucket(self) -> Bucket:
        """A bucket that nobody else uses."""
        bucket = Bucket(self, f"registry-{uuid4().hex[:12]}")
        self.client().create_bucket(Bucket=bucket.name)
        return bucket


@dataclass(frozen=True)
class Bucket:
    """A bucket for one test."""

    server: S3Server
    name: str

    def at(self, host: str) -> Bucket:
        """This bucket by another name of its server's host."""
        url = self.server.endpoint_url.replace("127.0.0.1", host)
        return replace(self, server=replace(self.server, endpoint_url=url))

    @property
    def url(self) -> str:
        return f"s3://{self.name}/some/where"

    def keys(self) -> list[str]:
        """The keys of all objects."""
        pages = self.server.client().get_paginator("list_objects_v2").paginate(Bucket=self.name)
        return sorted(each["Key"] for page in pages for each in page.get("Contents", []))

    def keys_of(self, kind: str) -> list[str]:
        """The keys of the store's `blobs` or `uploads`."""
        return [key for key in self.keys() if key.startswith(f"some/where/{kind}/")]

    def multiparts(self) -> list[str]:
        """The keys of all multipart uploads that have begun."""
        s3 = self.server.client()
        try:
            answer = s3.list_multipart_uploads(Bucket=self.name)
        except s3.exceptions.NoSuchUpload:
            return []  # What rclone says in a bucket that never had one.
        return [each["Key"] for each in answer.get("Uploads", [])]


@contextmanager
def running_moto() -> Iterator[S3Server]:
    with Command("moto_server", "--port", "0") as command:
        url = command.wait_for(r"Running on (http://127\.0\.0\.1:\d+)")[1]
        yield S3Server("moto", url, command)


@cache
def rclone() -> str | None:
    """The path of an rclone that serves S3, as versions since 1.65 do, or None."""
    path = shutil.which("rclone", path=sysconfig.get_path("scripts")) or shutil.which("rclone")
    if path is None:
        return None
    shown = subprocess.run([path, "serve", "s3", "--help"], capture_output=True, text=True)
    return path if "rclone serve s3" in shown.stdout else None


@contextmanager
def running_rclone(directory: Path, port: int = 0) -> Iterator[S3Server]:
    path = rclone()
    assert path is not None
    with Command(
        path,
        "serve",
        "s3",
        f"--config={directory / 'none.conf'}",
        f"--auth-key={ACCESS_KEY},{SECRET_KEY}",
        f"--addr=127.0.0.1:{port}",
        str(directory),
    ) as command:
        url = command.wait_for(r"Starting s3 server on \[(http://127\.0\.0\.1:\d+)/?\]")[1]
        yield S3Server("rclone", url, command)


def client_of(store: BlobStore) -> Any:
    """The client by which a store asks S3.

    Private, since users have no need of it. Tests change what it sends and receives, as no server of S3 would.
    """
    assert isinstance(store, S3BlobStore)
    return store._bucket._client
