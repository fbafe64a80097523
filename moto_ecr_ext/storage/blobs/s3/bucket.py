"""A bucket of S3, or of a compatible service: the requests that a blob store makes.

Every request is retried as botocore's settings say. A failure that remains is raised as `BlobStoreUnavailable`, and a
missing object as `FileNotFoundError`.
"""

from __future__ import annotations

import errno
import hashlib
import os
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    HTTPClientError,
    IncompleteReadError,
)
from botocore.parsers import ResponseParserError

from moto_ecr_ext.settings import bucket_and_prefix
from moto_ecr_ext.storage.blobs.blob import CHUNK
from moto_ecr_ext.storage.blobs.errors import BlobStoreUnavailable
from moto_ecr_ext.storage.blobs.verification import have_digest
from moto_ecr_ext.storage.database.versions import StoreError

from .checksums import content_md5, is_composed_of, md5_in, md5_of
from .multipart import Multipart

_MISSING = {"404", "NoSuchKey", "NoSuchUpload"}
_UNKNOWN = {"NotImplemented", "MethodNotAllowed"}
# Bytes of an object that one request can copy: 5 GB.
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
_COPIED_AT_ONCE = 5 * 1000**3
# Bytes of a part of an object that is copied through this process: enough for 80 GiB in 10,000 parts.
_PART = 8 * 1024 * 1024
# Seconds. An unreachable host should be reported at the start, not after several times botocore's minute.
_CONNECT_TIMEOUT = 10
# Seconds. The last request of a layer's upload runs in a transaction, which blocks all other writes.
_READ_TIMEOUT = 20
# Each request of a client may read or write a blob.
_CONNECTIONS = 64
# The beginning of the keys of objects that exist for a moment.
_TRIAL = "trial-"
# Objects in one request. https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
_DELETED_AT_ONCE = 1000


class CopyRefused(Exception):
    """The error of a service that cannot copy an object into a part of a multipart upload."""


@dataclass(frozen=True, slots=True)
class ObjectState:
    """The size of an object in bytes, and its entity tag, which changes with its content."""

    size: int
    etag: str


class S3Bucket:
    """The objects of a bucket whose keys begin with a prefix. Keys are given without the prefix."""

    def __init__(self, client: Any, name: str, prefix: str) -> None:
        self._client = client
        self._name = name
        self._prefix = prefix
        self.url = f"s3://{name}/{prefix}".rstrip("/")
        # False for a service whose entity tags look like an MD5, and are not.
        self._tags_are_md5 = True
        # False for a service whose tags of multipart uploads look like AWS's, and are not.
        self._tags_are_composed = True
        self._has_tried_tags = False

    @classmethod
    def at(cls, url: str) -> S3Bucket:
        """Open the existing bucket of `s3://bucket/prefix`.

        Its endpoint, credentials and Region come from boto3's usual sources. Raises SettingError if the URL is
        malformed, and StoreError if the bucket cannot be used.
        """
        name, prefix = bucket_and_prefix(url)
        try:
            session = boto3.session.Session()
            client = session.client(
                "s3",
                region_name=session.region_name or "us-east-1",
                config=Config(
                    # botocore's default signature of URLs for us-east-1 is one that AWS no longer accepts for new
                    # buckets.
                    signature_version="s3v4",
                    # rclone sends the checksum of the whole object with a part of it.
                    response_checksum_validation="when_required",
                    connect_timeout=_CONNECT_TIMEOUT,
                    read_timeout=_READ_TIMEOUT,
                    max_pool_connections=_CONNECTIONS,
                ),
            )
            client.head_bucket(Bucket=name)
        except (BotoCoreError, ClientError, ValueError) as error:
            raise StoreError(f"{url} cannot be used: {_reason(error, name)}") from error
        return cls(client, name, f"{prefix}/" if prefix else "")

    def put(self, key: str, content: bytes | bytearray, md5: str | None = None) -> None:
        """Create or replace an object, in one step. `md5` is that of the content, if it is known.

        Raises BlobStoreUnavailable if other bytes arrive.
        """
        md5 = md5 or md5_of(content)
        with self._asking(key):
            answer = self._client.put_object(
                **self._object(key), Body=content, ContentMD5=content_md5(md5)
            )
        if self._is_other(answer, answer.get("ETag"), md5):
            if self.content(key) != content:
                self.delete([key])
                raise self._other_bytes(key)
            self._tags_are_md5 = False

    def state(self, key: str) -> ObjectState | None:
        """Return the size and entity tag of an object, or None if it does not exist."""
        try:
            with self._asking(key):
                answer = self._client.head_object(**self._object(key))
                return ObjectState(answer["ContentLength"], answer["ETag"])
        except FileNotFoundError:
            return None

    def size(self, key: str) -> int | None:
        """Return the size of an object in bytes, or None if it does not exist."""
        return state.size if (state := self.state(key)) else None

    def content(self, key: str) -> bytes:
        """Return all bytes of a small object."""
        with self._asking(key):
            body = self._client.get_object(**self._object(key))["Body"]
            with closing(body):
                content: bytes = body.read()
        return content

    def read(self, key: str, start: int, stop: int) -> Iterator[bytes]:
        """Yield the bytes from `start` up to `stop`, which the object has, in pieces of at most `CHUNK`.

        A response that breaks off is requested again from there, as long as each request yields bytes: S3 may close a
        connection that is read slowly.
        """
        while start < stop:
            begun = start
            with self._asking(key):
                answer = self._client.get_object(
                    **self._object(key), Range=f"bytes={start}-{stop - 1}"
                )
            with closing(answer["Body"]) as body:
                while piece := self._piece(key, body, begun < start):
                    start += len(piece)
                    yield piece
            if start == begun:
                raise BlobStoreUnavailable(f"{self.url}: {key} ends before byte {stop}")

    def _piece(self, key: str, body: Any, has_advanced: bool) -> bytes:
        """Return the next bytes of a response; none at its end, or if it breaks off after it has yielded some."""
        with self._asking(key):
            try:
                piece: bytes = body.read(CHUNK)
            except (HTTPClientError, IncompleteReadError):
                if not has_advanced:
                    raise
                return b""
            return piece

    def delete(self, keys: Iterable[str]) -> None:
        """Delete those of the objects that exist."""
        rest = [self._prefix + key for key in keys]
        while rest:
            batch, rest = rest[:_DELETED_AT_ONCE], rest[_DELETED_AT_ONCE:]
            with self._asking(batch[0]):
                answer = self._client.delete_objects(
                    Bucket=self._name,
                    Delete={"Objects": [{"Key": key} for key in batch], "Quiet": True},
                )
            for refusal in answer.get("Errors", []):
                raise BlobStoreUnavailable(
                    f"{self.url}: {refusal.get('Key')} cannot be deleted: {refusal.get('Message')}"
                )

    def sizes(self, prefix: str) -> Iterator[tuple[str, int]]:
        """Yield the keys that begin with `prefix`, in the order of their bytes, with the sizes of their objects."""
        for page in self._pages("list_objects_v2", prefix):
            for found in page.get("Contents", []):
                yield self._own_key(found["Key"]), found["Size"]

    def folders(self, prefix: str) -> Iterator[str]:
        """Yield the part of each key between `prefix` and the next slash, once each.

        Keys without that slash are left out.
        """
        for page in self._pages("list_objects_v2", prefix, Delimiter="/"):
            for found in page.get("CommonPrefixes", []):
                yield self._own_key(found["Prefix"])[len(prefix) :].rstrip("/")

    def signed_url(self, key: str, seconds: int) -> str:
        """Return a presigned URL for GET of the object, valid for `seconds`."""
        with self._asking(key):
            url: str = self._client.generate_presigned_url(
                "get_object", Params=self._object(key), ExpiresIn=seconds
            )
        return url

    def begin(self, key: str) -> Multipart:
        """Begin a multipart upload that will create an object."""
        with self._asking(key):
            answer = self._client.create_multipart_upload(**self._object(key))
            return Multipart(key, answer["UploadId"])

    def add(
        self, multipart: Multipart, number: int, content: bytes | bytearray, md5: str | None = None
    ) -> str:
        """Send a part, and return its entity tag. `md5` is that of the content, if it is known.

        Raises BlobStoreUnavailable if other bytes arrive.
        """
        md5 = md5 or md5_of(content)
        with self._asking(multipart.key):
            answer = self._client.upload_part(
                **self._of(multipart), PartNumber=number, Body=content, ContentMD5=content_md5(md5)
            )
            etag: str = answer["ETag"]
        if self._holds_other(answer, etag, md5):
            raise self._other_bytes(multipart.key)
        return etag

    def copy(self, multipart: Multipart, number: int, key: str, md5: str | None) -> str:
        """Copy an object into a part in S3, and return the part's entity tag.

        `md5` is that of the object, if it is known. Raises CopyRefused, and BlobStoreUnavailable if the part is other
        bytes.
        """
        try:
            with self._asking(key):
                answer = self._client.upload_part_copy(
                    **self._of(multipart), PartNumber=number, CopySource=self._object(key)
                )
        except BlobStoreUnavailable as error:
            if _code(error.__cause__) in _UNKNOWN:
                raise CopyRefused from error
            raise
        # A service that does not know the copy treats the request as the upload of an empty part.
        etag: str | None = answer.get("CopyPartResult", {}).get("ETag")
        if etag is None:
            raise CopyRefused
        if md5 is not None and self._holds_other(answer, etag, md5):
            raise self._other_bytes(key)
        return etag

    def duplicate(self, key: str, new_key: str) -> None:
        """Copy an object, in S3 if that is possible.

        Raises FileNotFoundError if it does not exist, and BlobStoreUnavailable if the copy is other bytes.
        """
        state = self.state(key)
        if state is None:
            raise FileNotFoundError(errno.ENOENT, f"{self.url} has no such object", key)
        if state.size > _COPIED_AT_ONCE or not self._copied(key, new_key, state):
            multipart = self.begin(new_key)
            try:
                sent, etags = hashlib.sha256(), []
                for number, at in enumerate(range(0, max(state.size, 1), _PART), 1):
                    piece = b"".join(self.read(key, at, min(at + _PART, state.size)))
                    sent.update(piece)
                    etags.append(self.add(multipart, number, piece))
                digest = f"sha256:{sent.hexdigest()}"
                if not have_digest(self.read(key, 0, state.size), digest):
                    raise self._other_bytes(key)
                self.complete(multipart, etags, digest)
            except BaseException:
                self.abort(multipart)
                raise

    def _copied(self, key: str, new_key: str, state: ObjectState) -> bool:
        """Copy an object in S3. Return False if the service does not support copies."""
        try:
            with self._asking(key):
                answer = self._client.copy_object(
                    **self._object(new_key), CopySource=self._object(key)
                )
        except BlobStoreUnavailable as error:
            if _code(error.__cause__) in _UNKNOWN:
                return False
            raise
        etag = answer.get("CopyObjectResult", {}).get("ETag")
        md5 = md5_in(answer, state.etag)
        if etag is not None and md5 is not None and self._holds_other(answer, etag, md5):
            self.delete([new_key])
            raise self._other_bytes(key)
        # A service that does not know the copy treats the request as the upload of an empty object.
        return etag is not None

    def complete(self, multipart: Multipart, etags: Sequence[str], digest: str) -> None:
        """Create the object from all parts, in one step. `digest` is that of all bytes.

        Raises BlobStoreUnavailable, and deletes the object, if it has other bytes. An entity tag alone does not show
        that: the object is read then.
        """
        parts = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, 1)]
        with self._asking(multipart.key):
            answer = self._client.complete_multipart_upload(
                **self._of(multipart), MultipartUpload={"Parts": parts}
            )
        if self._tags_are_composed and not is_composed_of(answer, etags):
            size = self.size(multipart.key)
            if not have_digest(self.read(multipart.key, 0, size or 0), digest):
                self.delete([multipart.key])
                raise self._other_bytes(multipart.key)
            self._tags_are_composed = False

    def abort(self, multipart: Multipart) -> None:
        """Remove a multipart upload and its parts, if it exists."""
        try:
            with self._asking(multipart.key):
                self._client.abort_multipart_upload(**self._of(multipart))
        except FileNotFoundError:
            return

    def multiparts(self, prefix: str) -> Iterator[tuple[Multipart, datetime]]:
        """Yield the multipart uploads for keys that begin with `prefix`, with their times of creation."""
        # rclone answers "NoSuchUpload" if there are none.
        with suppress(FileNotFoundError):
            for page in self._pages("list_multipart_uploads", prefix):
                for found in page.get("Uploads", []):
                    key = self._own_key(found["Key"])
                    yield Multipart(key, found["UploadId"]), found["Initiated"]

    def _holds_other(self, answer: Mapping[str, Any], etag: object, md5: str) -> bool:
        """Return True if S3 says that it holds other content than that of an MD5, and its entity tags are MD5s.

        The answer cannot be compared with the content. A small object, which can, shows what the tags are.
        """
        if self._is_other(answer, etag, md5) and not self._has_tried_tags:
            key = f"{_TRIAL}{uuid.uuid4()}"
            self.put(key, key.encode())
            self.delete([key])
            self._has_tried_tags = True
        return self._is_other(answer, etag, md5)

    def _is_other(self, answer: Mapping[str, Any], etag: object, md5: str) -> bool:
        """Return True if S3 says that it holds other content than that of an MD5."""
        return self._tags_are_md5 and md5_in(answer, etag) not in (None, md5)

    def _other_bytes(self, key: str) -> BlobStoreUnavailable:
        return BlobStoreUnavailable(f"{self.url}: {key} arrived with other bytes than were sent")

    def _pages(self, operation: str, prefix: str, **options: str) -> Iterator[Mapping[str, Any]]:
        pages = iter(
            self._client.get_paginator(operation).paginate(
                Bucket=self._name, Prefix=self._prefix + prefix, **options
            )
        )
        while True:
            with self._asking(prefix):
                page = next(pages, None)
            if page is None:
                return
            yield page

    def _object(self, key: str) -> dict[str, str]:
        return {"Bucket": self._name, "Key": self._prefix + key}

    def _of(self, multipart: Multipart) -> dict[str, str]:
        return {**self._object(multipart.key), "UploadId": multipart.id}

    def _own_key(self, key: str) -> str:
        return key[len(self._prefix) :]

    @contextmanager
    def _asking(self, key: str) -> Iterator[None]:
        try:
            yield
        except (BotoCoreError, ClientError) as error:
            if _code(error) in _MISSING:
                raise FileNotFoundError(
                    errno.ENOENT, f"{self.url} has no such object", key
                ) from error
            raise BlobStoreUnavailable(f"{self.url}: {_reason(error, self._name)}") from error
        # KeyError and ValueError: botocore checks no member of an answer.
        except (ResponseParserError, KeyError, ValueError) as error:
            raise BlobStoreUnavailable(f"{self.url}: an answer is malformed: {error}") from error


def _code(error: BaseException | None) -> str | None:
    return error.response["Error"]["Code"] if isinstance(error, ClientError) else None


def _reason(error: Exception, bucket: str) -> str:
    """Return the reason of a failure, with a remedy if the cause is known."""
    code = _code(error)
    if code in ("404", "NoSuchBucket"):
        return f"the bucket {bucket} does not exist; create it first"
    if code in ("403", "AccessDenied"):
        return f"access to the bucket {bucket} is denied"
    if isinstance(error, EndpointConnectionError) and os.environ.get("AWS_ENDPOINT_URL"):
        # https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
        return f"{error}. AWS_ENDPOINT_URL_S3 sets the endpoint of S3 alone"
    return str(error)
