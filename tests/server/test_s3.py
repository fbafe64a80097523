"""`moto_ecr_server --blobs s3://…`: data in a bucket, over two implementations of S3."""

from __future__ import annotations

import hashlib
import random
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from botocore.config import Config

from moto_ecr_ext import testing
from support.commands import PATIENCE, Command, Server, running_server
from support.programs import Home
from support.s3_servers import Bucket, S3Server, running_rclone

pytestmark = [pytest.mark.once, pytest.mark.slow]

MIB = 1024 * 1024
# More than one segment, the last a small one.
LAYER = random.Random(1).randbytes(17 * MIB + 5)


def sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@pytest.fixture(params=["moto_s3", "rclone_s3"])
def bucket(request: pytest.FixtureRequest) -> Bucket:
    return request.getfixturevalue(request.param).new_bucket()


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "registry"


@contextmanager
def registry_in(bucket: Bucket, data_dir: Path, **variables: str) -> Iterator[Server]:
    """A server with its rows in the directory and its blobs in the bucket."""
    with running_server(
        "--data-dir",
        str(data_dir),
        "--blobs",
        bucket.url,
        **bucket.server.variables,
        **variables,
    ) as server:
        yield server


@pytest.fixture
def server(bucket: Bucket, data_dir: Path) -> Iterator[Server]:
    with registry_in(bucket, data_dir) as server:
        server.client().create_repository(repositoryName="app")
        yield server


def start_upload(server: Server) -> str:
    """The URL of a new upload."""
    answer = server.registry("POST", "/v2/app/blobs/uploads/")
    assert answer.status_code == 202
    return answer.headers["Location"]


def append(server: Server, url: str, content: bytes) -> str:
    answer = server.registry("PATCH", url, data=content)
    assert answer.status_code == 202
    return answer.headers["Location"]


def push(server: Server, content: bytes) -> str:
    """A blob, pushed as docker does it: a PATCH with all bytes, then a PUT without any."""
    url = append(server, start_upload(server), content)
    assert server.registry("PUT", f"{url}?digest={sha256(content)}").status_code == 201
    return f"/v2/app/blobs/{sha256(content)}"


def test_an_image_is_there_after_a_restart(bucket: Bucket, data_dir: Path) -> None:
    """Bytes are only in the bucket, under the digest; both protocols and a later server return them."""
    image = testing.build_image(seed=1, layers=2, layer_size=200_000)
    with registry_in(bucket, data_dir) as before:
        ecr = before.client()
        ecr.create_repository(repositoryName="app")
        testing.push(ecr, "app", image, tag="1.0")
        push(before, LAYER)
        before.command.kill()

    encoded = sha256(LAYER).partition(":")[2]
    assert f"some/where/blobs/sha256/{encoded[:2]}/{encoded}" in bucket.keys_of("blobs")
    assert bucket.keys_of("uploads") == []
    assert bucket.multiparts() == []
    assert not (data_dir / "blobs").exists()
    with registry_in(bucket, data_dir) as after:
        pulled = testing.pull(after.client(), "app", "1.0")
        assert pulled.manifest == image.manifest
        assert {blob.content for blob in pulled.blobs} == {blob.content for blob in image.blobs}
        blob = after.registry("GET", f"/v2/app/blobs/{sha256(LAYER)}")
        assert (blob.status_code, blob.content) == (200, LAYER)


def test_ranges(server: Server) -> None:
    """A part of a blob is read as a part of its object."""
    path = push(server, LAYER)
    for asked, expected in [
        ("bytes=0-0", LAYER[:1]),
        (f"bytes={8 * MIB - 1}-{8 * MIB + 1}", LAYER[8 * MIB - 1 : 8 * MIB + 2]),
        ("bytes=-5", LAYER[-5:]),
    ]:
        answer = server.registry("GET", path, headers={"Range": asked})
        assert (answer.status_code, answer.content) == (206, expected)
    head = server.registry("HEAD", path)
    assert (head.status_code, head.headers["Content-Length"]) == (200, str(len(LAYER)))


def test_parts_of_the_api(server: Server, bucket: Bucket) -> None:
    """Parts of InitiateLayerUpload's size, and one more, make one layer."""
    ecr = server.client()
    upload = ecr.initiate_layer_upload(repositoryName="app")
    size = upload["partSize"]
    for start in range(0, len(LAYER), size):
        part = LAYER[start : start + size]
        ecr.upload_layer_part(
            repositoryName="app",
            uploadId=upload["uploadId"],
            partFirstByte=start,
            partLastByte=start + len(part) - 1,
            layerPartBlob=part,
        )
    completed = ecr.complete_layer_upload(
        repositoryName="app", uploadId=upload["uploadId"], layerDigests=[sha256(LAYER)]
    )
    assert completed["layerDigest"] == sha256(LAYER)
    assert server.registry("GET", f"/v2/app/blobs/{sha256(LAYER)}").content == LAYER
    assert bucket.keys_of("uploads") == []
    assert bucket.multiparts() == []


@pytest.mark.parametrize("first", [1000, 9 * MIB])
def test_an_upload_goes_on_after_a_kill(bucket: Bucket, data_dir: Path, first: Any) -> None:
    """Acknowledged bytes are in the bucket; a later server hashes and completes them."""
    with registry_in(bucket, data_dir) as before:
        before.client().create_repository(repositoryName="app")
        url = append(before, start_upload(before), LAYER[:first])
        before.command.kill()
    with registry_in(bucket, data_dir) as after:
        path = url.removeprefix(before.url)
        status = after.registry("GET", path)
        assert (status.status_code, status.headers["Range"]) == (204, f"0-{first - 1}")
        done = after.registry("PUT", f"{path}?digest={sha256(LAYER)}", data=LAYER[first:])
        assert done.status_code == 201
        assert after.registry("GET", f"/v2/app/blobs/{sha256(LAYER)}").content == LAYER
    assert bucket.keys_of("uploads") == []
    assert bucket.multiparts() == []


def test_a_wrong_digest_keeps_the_upload(server: Server, bucket: Bucket) -> None:
    """Bytes of another digest are not published; the right digest completes the upload."""
    url = append(server, start_upload(server), LAYER)
    refused = server.registry("PUT", f"{url}?digest={sha256(b'')}")
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (400, "DIGEST_INVALID")
    assert bucket.keys_of("blobs") == []
    assert server.registry("PUT", f"{url}?digest={sha256(LAYER)}").status_code == 201


def test_a_cancelled_upload_leaves_nothing(server: Server, bucket: Bucket) -> None:
    """DELETE of an upload removes its objects."""
    url = append(server, start_upload(server), LAYER)
    assert bucket.keys_of("uploads")
    assert server.registry("DELETE", url).status_code == 204
    assert bucket.keys() == ["some/where/owner"]


def test_a_deleted_blob_leaves_nothing(server: Server, bucket: Bucket) -> None:
    """The object is deleted with the last repository that holds the blob."""
    server.client().create_repository(repositoryName="other")
    path = push(server, LAYER)
    assert server.registry("DELETE", path).status_code == 202
    assert bucket.keys() == ["some/where/owner"]
    assert server.registry("GET", path).status_code == 404
    assert server.registry("GET", push(server, LAYER)).content == LAYER


def test_a_start_removes_what_nobody_holds(bucket: Bucket, data_dir: Path) -> None:
    """Blobs and uploads without rows are removed, and no objects of others."""
    stranger = f"some/where/blobs/sha256/{'0' * 64}"
    with registry_in(bucket, data_dir) as server:
        server.client().create_repository(repositoryName="app")
        push(server, LAYER)
    encoded = hashlib.sha256(b"orphan").hexdigest()
    s3 = bucket.server.client()
    for key in (
        f"some/where/blobs/sha256/{encoded[:2]}/{encoded}",
        f"some/where/uploads/a3d7d6b8-3d5c-4b1e-9d0e-0c1d2e3f4a5b/{0:020d}-000001-{'0' * 32}",
        stranger,
        "mine",
    ):
        s3.put_object(Bucket=bucket.name, Key=key, Body=b"orphan")
    with registry_in(bucket, data_dir) as server:
        assert server.registry("GET", f"/v2/app/blobs/{sha256(LAYER)}").content == LAYER
    held = sha256(LAYER).partition(":")[2]
    assert bucket.keys() == sorted(
        ["mine", "some/where/owner", stranger, f"some/where/blobs/sha256/{held[:2]}/{held}"]
    )


def test_a_reset_empties_the_bucket(server: Server, bucket: Bucket) -> None:
    """POST /moto-api/reset removes blobs and uploads."""
    push(server, LAYER)
    append(server, start_upload(server), LAYER)
    server.reset()
    assert bucket.keys() == ["some/where/owner"]


def test_two_servers_of_one_bucket(bucket: Bucket, data_dir: Path) -> None:
    """Parts of one upload may go to either server, and each returns the bytes of the other."""
    with ExitStack() as stack:
        first, second = (stack.enter_context(registry_in(bucket, data_dir)) for _ in range(2))
        first.client().create_repository(repositoryName="app")
        url = append(first, start_upload(first), LAYER[: 9 * MIB])
        path = url.removeprefix(first.url)
        append(second, second.url + path, LAYER[9 * MIB : 10 * MIB])
        append(first, url, LAYER[10 * MIB : -1])
        done = second.registry("PUT", f"{path}?digest={sha256(LAYER)}", data=LAYER[-1:])
        assert done.status_code == 201
        for server in (first, second):
            assert server.registry("GET", f"/v2/app/blobs/{sha256(LAYER)}").content == LAYER
        first.registry("DELETE", f"/v2/app/blobs/{sha256(LAYER)}")
        assert second.registry("GET", f"/v2/app/blobs/{sha256(LAYER)}").status_code == 404
    assert bucket.keys() == ["some/where/owner"]


def test_the_same_chunk_at_two_servers_at_once(bucket: Bucket, data_dir: Path) -> None:
    """One of the two is acknowledged, or both after one another; the blob is never a mixture."""
    chunks = [random.Random(seed).randbytes(9 * MIB) for seed in (2, 3)]
    with ExitStack() as stack:
        servers = [stack.enter_context(registry_in(bucket, data_dir)) for _ in range(2)]
        servers[0].client().create_repository(repositoryName="app")
        path = append(servers[0], start_upload(servers[0]), LAYER).removeprefix(servers[0].url)

        def patch(number: int) -> int:
            answer = servers[number].registry("PATCH", path, data=chunks[number])
            return answer.status_code

        with ThreadPoolExecutor(2) as threads:
            statuses = list(threads.map(patch, range(2)))
        assert set(statuses) <= {202, 404}
        one, other = chunks
        possible = [LAYER + one, LAYER + other, LAYER + one + other, LAYER + other + one]
        answers = [
            servers[0].registry("PUT", f"{path}?digest={sha256(content)}").status_code
            for content in possible
        ]
        assert answers.count(201) <= 1
        for content, answer in zip(possible, answers, strict=True):
            blob = servers[1].registry("GET", f"/v2/app/blobs/{sha256(content)}")
            assert blob.status_code == (200 if answer == 201 else 404)
            assert answer != 201 or blob.content == content


def test_a_pull_is_redirected(bucket: Bucket, data_dir: Path, tmp_path: Path) -> None:
    """With MOTO_ECR_REDIRECT a GET is answered with 307 to S3, which returns all or a range; a HEAD is not."""
    with registry_in(bucket, data_dir, MOTO_ECR_REDIRECT="true") as server:
        server.client().create_repository(repositoryName="app")
        path = push(server, LAYER)
        answer = server.registry("GET", path, allow_redirects=False)
        assert (answer.status_code, answer.content) == (307, b"")
        location = answer.headers["Location"]
        assert location.startswith(f"{bucket.server.endpoint_url}/{bucket.name}/some/where/blobs/")
        assert "X-Amz-Expires=3600" in location
        assert requests.get(location, timeout=PATIENCE).content == LAYER
        part = requests.get(location, headers={"Range": "bytes=5-9"}, timeout=PATIENCE)
        # rclone's status is 200.
        assert part.status_code == 206 or bucket.server.name == "rclone"
        assert part.content == LAYER[5:10]
        head = server.registry("HEAD", path, allow_redirects=False)
        assert (head.status_code, head.headers["Content-Length"]) == (200, str(len(LAYER)))
        missing = server.registry("GET", f"/v2/app/blobs/{sha256(b'')}", allow_redirects=False)
        assert missing.status_code == 404

        image = testing.build_image(seed=1, layers=2, layer_size=200_000)
        testing.push(server.client(), "app", image, tag="1.0")
        url = server.client().get_download_url_for_layer(
            repositoryName="app", layerDigest=image.layers[0].digest
        )["downloadUrl"]
        layer = requests.get(url, timeout=PATIENCE)
        assert [each.status_code for each in (*layer.history, layer)] == [307, 200]
        assert layer.content == image.layers[0].content


def test_skopeo_follows_the_redirect(bucket: Bucket, data_dir: Path, tmp_path: Path) -> None:
    """An image that skopeo pushed is pulled through S3, under another host name. With the same name it would send
    the registry's credentials along, which S3 refuses.
    """
    bucket = bucket.at("localhost")
    skopeo = Home(tmp_path / "home").program("skopeo")
    image = testing.build_image(seed=1, layers=2, layer_size=200_000)
    testing.write_oci_layout(image, tmp_path / "layout", "1.0")
    with registry_in(bucket, data_dir, MOTO_ECR_REDIRECT="true") as server:
        server.client().create_repository(repositoryName="app")
        reference = f"docker://{server.address}/app:1.0"
        credentials = f"AWS:{server.password}"
        skopeo(
            *("copy", "--dest-tls-verify=false", "--dest-creds", credentials),
            *(f"oci:{tmp_path / 'layout'}:1.0", reference),
        )
        skopeo(
            *("copy", "--src-tls-verify=false", "--src-creds", credentials),
            *(reference, f"dir:{tmp_path / 'out'}"),
        )
    for blob in image.blobs:
        assert (tmp_path / "out" / blob.digest.partition(":")[2]).read_bytes() == blob.content


def peak_memory(server: Server) -> int:
    """The most bytes of memory that the server's process has had."""
    status = Path(f"/proc/{server.command.pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def test_memory_does_not_grow_with_a_blob(server: Server, bucket: Bucket) -> None:
    """300 MiB go through the server in both directions in a fraction of that memory."""
    size, piece = 300 * MIB, random.Random(4).randbytes(MIB)
    hasher = hashlib.sha256()

    def pieces() -> Iterator[bytes]:
        for number in range(size // MIB):
            content = number.to_bytes(8, "big") + piece[8:]
            hasher.update(content)
            yield content

    push(server, LAYER)
    before = peak_memory(server)
    url = start_upload(server)
    assert server.registry("PATCH", url, data=pieces()).status_code == 202
    digest = f"sha256:{hasher.hexdigest()}"
    assert server.registry("PUT", f"{url}?digest={digest}").status_code == 201
    pulled = hashlib.sha256()
    with server.registry("GET", f"/v2/app/blobs/{digest}", stream=True) as answer:
        for content in answer.iter_content(MIB):
            pulled.update(content)
    assert pulled.hexdigest() == hasher.hexdigest()
    assert peak_memory(server) - before < 64 * MIB
    assert bucket.keys_of("uploads") == []


def test_s3_goes_away_and_comes_back(data_dir: Path, tmp_path: Path, rclone_s3: S3Server) -> None:
    """While S3 is away both protocols answer with a server's error; then the same upload continues."""
    directory = tmp_path / "s3"
    directory.mkdir()
    with running_rclone(directory) as s3:
        bucket = s3.new_bucket()
        port = int(s3.endpoint_url.rpartition(":")[2])
        with registry_in(bucket, data_dir, AWS_MAX_ATTEMPTS="1") as server:
            server.client().create_repository(repositoryName="app")
            path = push(server, b"a blob")
            url = append(server, start_upload(server), LAYER[: 9 * MIB])
            ecr = boto3.client(
                "ecr",
                region_name="us-east-1",
                endpoint_url=server.url,
                aws_access_key_id="test",
                aws_secret_access_key="test",
                config=Config(retries={"max_attempts": 0}),
            )
            part = {
                "repositoryName": "app",
                "uploadId": ecr.initiate_layer_upload(repositoryName="app")["uploadId"],
                "partFirstByte": 0,
                "partLastByte": 0,
                "layerPartBlob": b"x",
            }
            s3.command.stop()

            for answer in (
                server.registry("PATCH", url, data=LAYER[9 * MIB : 10 * MIB]),
                server.registry("PUT", f"{url}?digest={sha256(LAYER)}", data=b"x"),
                server.registry("GET", path),
            ):
                (error,) = answer.json()["errors"]
                assert (answer.status_code, error["code"]) == (503, "UNAVAILABLE")
                assert f"{bucket.url}: Could not connect to the endpoint URL" in error["message"]
            with pytest.raises(ecr.exceptions.ServerException, match="Could not connect"):
                ecr.upload_layer_part(**part)

            with running_rclone(directory, port):
                assert server.registry("GET", path).content == b"a blob"
                assert ecr.upload_layer_part(**part)["lastByteReceived"] == 0
                append(server, url, LAYER[9 * MIB :])
                done = server.registry("PUT", f"{url}?digest={sha256(LAYER)}")
                assert done.status_code == 201
                blob = server.registry("GET", f"/v2/app/blobs/{sha256(LAYER)}")
                assert blob.content == LAYER


@pytest.fixture
def refusal(data_dir: Path) -> Iterator[Callable[..., str]]:
    """Starts a server that is to end at once with exit code 2; gives the one line that it says."""

    def refusal(url: str, **variables: str) -> str:
        arguments = ("--port", "0", "--data-dir", str(data_dir), "--blobs", url)
        variables = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", **variables}
        with Command("moto_ecr_server", *arguments, AWS_MAX_ATTEMPTS="1", **variables) as command:
            assert command.wait() == 2
        (line,) = command.output.splitlines()
        return line

    return refusal


def test_a_bucket_that_is_not_there(refusal: Callable[..., str], bucket: Bucket) -> None:
    """A missing bucket is reported: it must exist."""
    line = refusal("s3://no-such-bucket/x", **bucket.server.variables)
    assert line == (
        "moto_ecr_server: s3://no-such-bucket/x cannot be used: "
        "the bucket no-such-bucket does not exist; create it first"
    )


def test_a_key_that_s3_does_not_know(refusal: Callable[..., str], rclone_s3: S3Server) -> None:
    """Credentials are boto3's, and a refusal by S3 is reported."""
    bucket = rclone_s3.new_bucket()
    line = refusal(bucket.url, AWS_ENDPOINT_URL_S3=rclone_s3.endpoint_url)
    assert line == (
        f"moto_ecr_server: {bucket.url} cannot be used: access to the bucket {bucket.name} is denied"
    )


def test_a_url_without_a_bucket(refusal: Callable[..., str]) -> None:
    """An invalid URL of a bucket is refused without a request."""
    assert refusal("s3:///x") == (
        "moto_ecr_server: 's3:///x' is not of the form s3://BUCKET/PREFIX: '' is not the name of a "
        "bucket, which has 3 to 63 lower-case letters, digits, dots and hyphens."
    )


def test_an_endpoint_that_does_not_answer(refusal: Callable[..., str]) -> None:
    """A server whose AWS_ENDPOINT_URL leads to itself, as users of the server set it, reports what to set."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    assert refusal("s3://bucket", AWS_ENDPOINT_URL=url) == (
        "moto_ecr_server: s3://bucket cannot be used: Could not connect to the endpoint URL: "
        f'"{url}/bucket". AWS_ENDPOINT_URL_S3 sets the endpoint of S3 alone'
    )


def test_the_endpoint_of_s3_comes_before_that_of_all_services(
    bucket: Bucket, data_dir: Path
) -> None:
    """AWS_ENDPOINT_URL may be the server's own, for clients that are started with the same variables."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with registry_in(bucket, data_dir, AWS_ENDPOINT_URL=f"http://127.0.0.1:{port}") as server:
        server.client().create_repository(repositoryName="app")
        push(server, b"a blob")
    assert len(bucket.keys_of("blobs")) == 1


def test_rows_must_be_kept_too(tmp_path: Path, bucket: Bucket) -> None:
    """A bucket without a database is refused, since it would outlive its rows."""
    arguments = ("--port", "0", "--blobs", bucket.url)
    with Command("moto_ecr_server", *arguments, **bucket.server.variables) as command:
        assert command.wait() == 2
    assert "Give a database and blobs together, or a data directory." in command.output


def test_a_bucket_of_another_database(
    refusal: Callable[..., str], bucket: Bucket, data_dir: Path
) -> None:
    """A start that would remove all objects of another database's bucket is refused."""
    with registry_in(bucket, data_dir.with_name("other")) as server:
        server.client().create_repository(repositoryName="app")
        push(server, b"a blob")
        kept = bucket.keys()
        assert refusal(bucket.url, **bucket.server.variables) == (
            f"moto_ecr_server: {bucket.url} has the blobs of another database. Give each a "
            f"separate place, or empty {bucket.url} if that database no longer exists."
        )
        assert bucket.keys() == kept
    s3 = bucket.server.client()
    for key in kept:
        s3.delete_object(Bucket=bucket.name, Key=key)
    with registry_in(bucket, data_dir):
        assert bucket.keys() == ["some/where/owner"]
