"""`moto_ecr_server --blobs s3://…` while the network damages bytes on their way to S3, or back."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from support.commands import Server, running_server
from support.s3_proxy import S3Proxy, flipped, s3_proxy, shortened
from support.s3_servers import Bucket

pytestmark = [pytest.mark.once, pytest.mark.slow]

MIB = 1024 * 1024
SMALL = random.Random(1).randbytes(300_000)
# More than one segment, the last a small one.
LARGE = random.Random(2).randbytes(17 * MIB + 5)


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@pytest.fixture(params=["moto_s3", "rclone_s3"])
def bucket(request: pytest.FixtureRequest) -> Bucket:
    return request.getfixturevalue(request.param).new_bucket()


@pytest.fixture
def proxy(bucket: Bucket) -> Iterator[S3Proxy]:
    with s3_proxy(bucket) as proxy:
        yield proxy


@pytest.fixture
def server(bucket: Bucket, proxy: S3Proxy, tmp_path: Path) -> Iterator[Server]:
    arguments = ("--data-dir", str(tmp_path / "registry"), "--blobs", bucket.url)
    variables = proxy.before(bucket).server.variables
    with running_server(*arguments, **variables, AWS_MAX_ATTEMPTS="1") as server:
        server.client().create_repository(repositoryName="app")
        yield server


def start_upload(server: Server) -> str:
    """The URL of a new upload."""
    return server.registry("POST", "/v2/app/blobs/uploads/").headers["Location"]


def push(server: Server, content: bytes) -> requests.Response:
    """The answer to the request that completes a blob, or to the first that fails."""
    answer = server.registry("PATCH", start_upload(server), data=content)
    if answer.status_code != 202:
        return answer
    return server.registry("PUT", f"{answer.headers['Location']}?digest={digest_of(content)}")


def pull(server: Server, content: bytes) -> bytes:
    """The bytes of a blob. Raises requests.RequestException for a response that breaks off."""
    answer = server.registry("GET", f"/v2/app/blobs/{digest_of(content)}")
    assert answer.status_code == 200
    return answer.content


def assert_unavailable(answer: requests.Response) -> None:
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["code"]) == (503, "UNAVAILABLE")


def is_there(server: Server, content: bytes) -> bool:
    answer = server.registry("HEAD", f"/v2/app/blobs/{digest_of(content)}")
    assert answer.status_code in (200, 404)
    return answer.status_code == 200


@pytest.mark.parametrize("content", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("part", ["/uploads/", "/blobs/"])
def test_a_push_whose_bytes_change_on_the_way_to_s3(
    server: Server, bucket: Bucket, proxy: S3Proxy, part: str, content: bytes
) -> None:
    """A push with changed bytes is refused with 503, and stores nothing. Later the same push is accepted."""
    proxy.damage(sent=flipped, part=part)
    refused = push(server, content)
    if bucket.server.name == "moto" and part == "/blobs/" and content is LARGE:
        # S3 copies the parts. The only body is the list of parts, which moto refuses if it is malformed.
        assert refused.status_code in (201, 503)
    else:
        assert_unavailable(refused)
    assert proxy.damaged
    assert is_there(server, content) == (refused.status_code == 201)
    proxy.damage()
    assert push(server, content).status_code == 201
    assert pull(server, content) == content


@pytest.mark.parametrize("damage", [flipped, shortened])
def test_an_upload_goes_on_after_damage(server: Server, proxy: S3Proxy, damage: object) -> None:
    """A damaged chunk is not acknowledged; it can be sent again, and the upload completed."""
    url = start_upload(server)
    url = server.registry("PATCH", url, data=LARGE[: 9 * MIB]).headers["Location"]
    proxy.damage(sent=damage)  # type: ignore[arg-type]
    assert_unavailable(server.registry("PATCH", url, data=LARGE[9 * MIB :]))
    proxy.damage()
    status = server.registry("GET", url)
    assert status.headers["Range"] == f"0-{9 * MIB - 1}"
    url = server.registry("PATCH", url, data=LARGE[9 * MIB :]).headers["Location"]
    assert server.registry("PUT", f"{url}?digest={digest_of(LARGE)}").status_code == 201
    assert pull(server, LARGE) == LARGE


@pytest.mark.parametrize("damage", [flipped, shortened])
@pytest.mark.parametrize("piece", [100_000, MIB, 9 * MIB])
def test_segments_that_come_back_damaged(
    server: Server, proxy: S3Proxy, damage: object, piece: int
) -> None:
    """Bytes that are read again to make the blob are compared with the received ones."""
    content = LARGE[: 3 * piece + 7]
    url = start_upload(server)
    for start in range(0, len(content), piece):
        answer = server.registry("PATCH", url, data=content[start : start + piece])
        url = answer.headers["Location"]
    proxy.damage(received=damage)  # type: ignore[arg-type]
    answer = server.registry("PUT", f"{url}?digest={digest_of(content)}")
    if not proxy.damaged:
        # S3 copied all parts.
        assert answer.status_code == 201
    else:
        assert_unavailable(answer)
        assert not is_there(server, content)
        proxy.damage()
        done = server.registry("PUT", f"{url}?digest={digest_of(content)}")
        assert done.status_code == 201
    proxy.damage()
    assert pull(server, content) == content


@pytest.mark.parametrize("is_sent", [True, False], ids=["to S3", "from S3"])
def test_the_note_of_a_multipart_upload(
    server: Server, bucket: Bucket, proxy: S3Proxy, is_sent: bool
) -> None:
    """A shortened note does not fail the upload for good."""
    url = server.registry("PATCH", start_upload(server), data=LARGE).headers["Location"]
    complete = f"{url}?digest={digest_of(LARGE)}"
    s3 = bucket.server.client()
    folder = bucket.keys_of("uploads")[0].rpartition("/")[0]
    s3.put_object(Bucket=bucket.name, Key=f"{folder}/multipart", Body=b'{"key": "x", "id": "y"}')
    proxy.damage(
        sent=shortened if is_sent else None,
        received=None if is_sent else shortened,
        part="/multipart",
    )
    answer = server.registry("PUT", complete)
    assert proxy.damaged
    proxy.damage()
    if is_sent:
        assert_unavailable(answer)
        answer = server.registry("PUT", complete)
    assert answer.status_code == 201
    assert pull(server, LARGE) == LARGE


@pytest.mark.parametrize("content", [SMALL, LARGE], ids=["small", "large"])
def test_a_pull_whose_bytes_change_on_the_way_from_s3(
    server: Server, proxy: S3Proxy, content: bytes
) -> None:
    """The response breaks off before its end, each time. Later pulls succeed."""
    assert push(server, content).status_code == 201
    proxy.damage(received=flipped)
    for _ in range(2):
        with pytest.raises(requests.RequestException):
            pull(server, content)
    proxy.damage()
    assert pull(server, content) == content


def test_an_object_that_changed_in_s3(server: Server, bucket: Bucket) -> None:
    """An object's bytes are verified although the blob was served before."""
    assert push(server, SMALL).status_code == 201
    assert pull(server, SMALL) == SMALL
    (key,) = bucket.keys_of("blobs")
    s3 = bucket.server.client()
    s3.put_object(Bucket=bucket.name, Key=key, Body=flipped(SMALL))
    with pytest.raises(requests.RequestException):
        pull(server, SMALL)
    s3.put_object(Bucket=bucket.name, Key=key, Body=SMALL)
    assert pull(server, SMALL) == SMALL
