"""Pulling blobs: whole, in ranges, conditionally; deleting them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import moto_ecr_ext
from moto_ecr_ext.oci.digest import Digest
from moto_ecr_ext.storage.store import close_current_store
from moto_ecr_ext.testing import build_image
from support.constants import ACCOUNT
from support.environments import Environment
from support.registry_client import RepositoryClient, assert_refused

pytestmark = pytest.mark.platform

CONTENT = bytes(range(256)) * 40
SIZE = len(CONTENT)
ETAG = f'"{Digest.of(CONTENT)}"'


@pytest.fixture
def path(repository: RepositoryClient) -> str:
    """The path of a blob with CONTENT."""
    return f"/blobs/{repository.push_blob(CONTENT)}"


def test_get_gives_the_bytes(repository: RepositoryClient, path: str) -> None:
    """A GET returns the blob under its digest, its ETag and its length."""
    response = repository.get(path)
    assert (response.status_code, response.content) == (200, CONTENT)
    assert response.headers["Content-Length"] == str(SIZE)
    assert response.headers["Content-Type"] == "application/octet-stream"
    assert response.headers["Docker-Content-Digest"] == Digest.of(CONTENT)
    assert response.headers["ETag"] == ETAG
    assert response.headers["Accept-Ranges"] == "bytes"


def test_head_gives_the_headers_of_get(repository: RepositoryClient, path: str) -> None:
    """A HEAD has the status and headers of the GET, and no body."""
    head, get = repository.head(path), repository.get(path)
    assert (head.status_code, head.content) == (200, b"")
    volatile = {"date", "connection"}
    assert {
        name: value for name, value in head.headers.items() if name.lower() not in volatile
    } == {name: value for name, value in get.headers.items() if name.lower() not in volatile}


# Range header -> first byte and byte behind the last, in 10,240.
RANGES = {
    "first byte": ("bytes=0-0", 0, 1),
    "middle": ("bytes=1000-1999", 1000, 2000),
    "from a position": ("bytes=10000-", 10000, SIZE),
    "last byte": (f"bytes={SIZE - 1}-{SIZE - 1}", SIZE - 1, SIZE),
    "beyond the end": ("bytes=10000-99999", 10000, SIZE),
    "suffix": ("bytes=-5", SIZE - 5, SIZE),
    "suffix of all": (f"bytes=-{SIZE}", 0, SIZE),
    "suffix of more": (f"bytes=-{SIZE * 3}", 0, SIZE),
    "huge end": (f"bytes=10-{10**30}", 10, SIZE),
    "in capitals": ("BYTES=3-5", 3, 6),
    "spaces": ("bytes= 3 - 5 ", 3, 6),
}


@pytest.mark.parametrize("name", RANGES)
def test_one_range(repository: RepositoryClient, path: str, name: str) -> None:
    """One range within the blob answers 206 with those bytes and Content-Range."""
    header, start, stop = RANGES[name]
    response = repository.get(path, headers={"Range": header})
    assert (response.status_code, response.content) == (206, CONTENT[start:stop])
    assert response.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{SIZE}"
    assert response.headers["Content-Length"] == str(stop - start)
    assert response.headers["ETag"] == ETAG


@pytest.mark.parametrize(
    "header",
    [
        f"bytes={SIZE}-",
        f"bytes={SIZE}-{SIZE + 5}",
        f"bytes={10**30}-",
        "bytes=500-0",
        "bytes=5-2",
        "bytes=-0",
    ],
)
def test_range_outside(repository: RepositoryClient, path: str, header: str) -> None:
    """A range that begins behind the last byte, or that has no byte, answers 416, Content-Range and an error body.

    The conformance program of the OCI Distribution Specification asks for `500-0`; RFC 9110, 14.1.2, says that the last
    0 bytes cannot be satisfied.
    """
    response = repository.get(path, headers={"Range": header})
    assert_refused(
        response,
        416,
        "SIZE_INVALID",
        f"The requested range is not within the {SIZE} bytes of the blob",
    )
    assert response.headers["Content-Range"] == f"bytes */{SIZE}"


@pytest.mark.parametrize(
    "header",
    [
        "bytes=0-1,5-6",
        "bytes=0-1,-1",
        "bytes=0-1,5-2",
        "bytes=a-b",
        "bytes=",
        "bytes=-",
        "bytes=--5",
        "lines=0-5",
        "0-5",
        f"bytes={'9' * 5000}-",
    ],
)
def test_no_usable_range(repository: RepositoryClient, path: str, header: str) -> None:
    """Several ranges, and malformed ones, are answered with 200 and the whole blob.

    S3, to which ECR redirects, does so for several ranges:
    https://github.com/containerd/stargz-snapshotter/issues/350
    """
    response = repository.get(path, headers={"Range": header})
    assert (response.status_code, response.content) == (200, CONTENT)
    assert "Content-Range" not in response.headers


def test_head_has_no_ranges(repository: RepositoryClient, path: str) -> None:
    """HEAD ignores ranges (RFC 9110, 14.2)."""
    response = repository.head(path, headers={"Range": "bytes=0-4"})
    assert response.status_code == 200
    assert response.headers["Content-Length"] == str(SIZE)


@pytest.mark.parametrize(
    "header",
    [ETAG, f"W/{ETAG}", f'"other", {ETAG}', "*", Digest.of(CONTENT)],
    ids=["strong", "weak", "list", "any", "unquoted"],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_if_none_match(repository: RepositoryClient, path: str, method: str, header: str) -> None:
    """The ETag that the client has answers 304 without a body."""
    response = repository.request(method, path, headers={"If-None-Match": header})
    assert (response.status_code, response.content) == (304, b"")
    assert response.headers["ETag"] == ETAG


def test_if_none_match_of_other_content(repository: RepositoryClient, path: str) -> None:
    """Another ETag answers the blob."""
    response = repository.get(path, headers={"If-None-Match": f'"sha256:{"0" * 64}"'})
    assert (response.status_code, response.content) == (200, CONTENT)


def test_if_none_match_comes_before_the_range(repository: RepositoryClient, path: str) -> None:
    """An If-None-Match that matches is answered with 304, whatever the range (RFC 9110, 13.2.2)."""
    response = repository.get(path, headers={"If-None-Match": ETAG, "Range": "bytes=0-4"})
    assert response.status_code == 304


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (ETAG, 200),
        (f'"other", {ETAG}', 200),
        ("*", 200),
        ('"other"', 412),
        (f"W/{ETAG}", 412),
    ],
    ids=["same", "list", "any", "other", "weak"],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_if_match(
    repository: RepositoryClient, path: str, method: str, header: str, status: int
) -> None:
    """If-Match that does not name the blob's ETag answers 412 (RFC 9110, 13.1.1)."""
    response = repository.request(method, path, headers={"If-Match": header})
    assert response.status_code == status
    if status == 412 and method == "GET":
        assert_refused(
            response, 412, "UNSUPPORTED", f"The condition 'If-Match: {header}' is not met"
        )


def test_if_match_comes_first(repository: RepositoryClient, path: str) -> None:
    """If-Match decides before If-None-Match and Range do (RFC 9110, 13.2.2)."""
    headers = {"If-Match": '"other"', "If-None-Match": ETAG, "Range": "bytes=5-2"}
    assert repository.get(path, headers=headers).status_code == 412


def test_delete_under_a_condition(repository: RepositoryClient, path: str) -> None:
    """A blob is deleted only if the condition holds."""
    assert repository.delete(path, headers={"If-Match": '"other"'}).status_code == 412
    assert repository.get(path).content == CONTENT
    assert repository.delete(path, headers={"If-Match": ETAG}).status_code == 202


def test_if_range(repository: RepositoryClient, path: str) -> None:
    """A range of the content that If-Range names is returned; of other content, the whole blob is."""
    same = repository.get(path, headers={"If-Range": ETAG, "Range": "bytes=0-4"})
    assert (same.status_code, same.content) == (206, CONTENT[:5])
    for other in ('"other"', f"W/{ETAG}", "Wed, 21 Oct 2015 07:28:00 GMT"):
        response = repository.get(path, headers={"If-Range": other, "Range": "bytes=0-4"})
        assert (response.status_code, response.content) == (200, CONTENT)


def test_a_blob_of_no_bytes(repository: RepositoryClient) -> None:
    """A blob without bytes can be pushed and pulled; no range is within it."""
    path = f"/blobs/{repository.push_blob(b'')}"
    response = repository.get(path)
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["Content-Length"] == "0"
    assert repository.head(path).headers["Content-Length"] == "0"
    assert repository.get(path, headers={"Range": "bytes=0-"}).status_code == 416


def test_a_digest_of_sha512(repository: RepositoryClient) -> None:
    """A blob pushed under its sha512 is pulled under it, and under no other."""
    digest = repository.push_blob(CONTENT, "sha512")
    response = repository.get(f"/blobs/{digest}")
    assert (response.status_code, response.content) == (200, CONTENT)
    assert response.headers["Docker-Content-Digest"] == digest
    assert repository.get(f"/blobs/{Digest.of(CONTENT)}").status_code == 404


def test_the_colon_may_be_encoded(repository: RepositoryClient, path: str) -> None:
    """`%3A` is accepted as a colon."""
    assert repository.get(path.replace(":", "%3A")).content == CONTENT


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
def test_a_blob_of_another_repository(
    ecr: Any, repository: RepositoryClient, path: str, method: str
) -> None:
    """A repository returns and deletes only the blobs that it holds, also if another has the bytes."""
    ecr.create_repository(repositoryName="team/other")
    other = RepositoryClient(repository.session, "team/other")
    assert other.request(method, path).status_code == 404
    assert repository.get(path).content == CONTENT


def test_delete(repository: RepositoryClient, path: str) -> None:
    """A deleted blob is missing in this repository only."""
    assert repository.delete(path).status_code == 202
    assert not repository.holds(Digest.of(CONTENT))
    assert_refused(
        repository.delete(path),
        404,
        "BLOB_UNKNOWN",
        f"The layer with digest '{Digest.of(CONTENT)}' does not exist within the repository "
        f"with name 'team/app' in the registry with id '{ACCOUNT}'",
    )


def test_delete_leaves_what_others_hold(ecr: Any, repository: RepositoryClient, path: str) -> None:
    """The bytes stay as long as another repository holds them."""
    ecr.create_repository(repositoryName="team/other")
    other = RepositoryClient(repository.session, "team/other")
    other.push_blob(CONTENT)
    assert repository.delete(path).status_code == 202
    assert other.get(path).content == CONTENT


def test_delete_of_an_image_s_layer(repository: RepositoryClient) -> None:
    """A blob that an image refers to is not deleted."""
    image = build_image()
    repository.push(image, "v1")
    for blob in image.blobs:
        assert_refused(
            repository.delete(f"/blobs/{blob.digest}"),
            405,
            "UNSUPPORTED",
            f"The layer with digest '{blob.digest}' is referenced by an image",
        )
        assert repository.get(f"/blobs/{blob.digest}").content == blob.content


class TestADirectory:
    """Blobs of a data directory, which a server sends from their files: small ones, and maps of large ones."""

    LARGE = bytes(range(256)) * (17 * 4096)

    @pytest.fixture
    def aws(self, server: Environment, tmp_path: Path) -> Iterator[Environment]:
        moto_ecr_ext.install(data_dir=tmp_path)
        yield server
        moto_ecr_ext.install()
        close_current_store()

    @pytest.mark.parametrize("content", [b"x", CONTENT, LARGE], ids=len)
    def test_whole(self, repository: RepositoryClient, content: bytes) -> None:
        """A blob of any size comes back, again and again on one connection."""
        path = f"/blobs/{repository.push_blob(content)}"
        for _ in range(2):
            assert repository.get(path).content == content

    @pytest.mark.parametrize("first", [0, 1, 4096, 100_000])
    def test_a_range(self, repository: RepositoryClient, first: int) -> None:
        """A large part of a blob may begin anywhere in a page of the file."""
        path = f"/blobs/{repository.push_blob(self.LARGE)}"
        response = repository.get(path, headers={"Range": f"bytes={first}-"})
        assert response.status_code == 206
        assert response.content == self.LARGE[first:]
