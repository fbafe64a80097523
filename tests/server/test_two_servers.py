"""Two servers over one database and one place for bytes are one registry, whichever is asked.

Their locks end with their session of the database:
https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from moto_ecr_ext import testing
from support.commands import Server, running_server
from support.platforms import needs_shared_directories

PART = 5 * 1024 * 1024
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


pytestmark = [needs_shared_directories, pytest.mark.once, pytest.mark.slow]


@pytest.fixture(params=["sqlite", "postgresql"])
def places(request: pytest.FixtureRequest, tmp_path: Path) -> list[str]:
    """The flags for the places of the state."""
    if request.param == "sqlite":
        return ["--data-dir", str(tmp_path / "registry")]
    cluster = request.getfixturevalue("postgresql")
    database = cluster.url(cluster.create_database())
    return ["--database", database, "--blobs", str(tmp_path / "blobs")]


@pytest.fixture
def servers(places: list[str]) -> Iterator[list[Server]]:
    """Two servers of one new registry, started at once."""
    with ExitStack() as stack:
        with ThreadPoolExecutor(2) as threads:
            started = [
                threads.submit(stack.enter_context, running_server(*places)) for _ in range(2)
            ]
        yield [each.result() for each in started]


def at_once(calls: list[Callable[[], Any]]) -> list[Any]:
    """The results of calls made at the same time, in their order; a refusal is its code."""

    def result_of(call: Callable[[], Any]) -> Any:
        try:
            return call()
        except ClientError as error:
            return error.response["Error"]["Code"]

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(result_of, calls))


def tags_of(server: Server) -> dict[str, str]:
    """The digest of each tag of `app`."""
    ids = server.client().list_images(repositoryName="app")["imageIds"]
    return {each["imageTag"]: each["imageDigest"] for each in ids if "imageTag" in each}


def test_what_is_pushed_to_one_is_pulled_from_the_other(servers: list[Server]) -> None:
    """Both protocols pull from one server what was pushed to the other; a deletion at one is seen at the other."""
    first, second = servers
    first.client().create_repository(repositoryName="app")
    image = testing.build_image(seed=1, layers=2)
    testing.push(first.client(), "app", image, tag="1.0")

    pulled = testing.pull(second.client(), "app", "1.0")
    assert pulled.manifest == image.manifest
    assert [blob.content for blob in pulled.blobs] == [blob.content for blob in image.blobs]
    # Who is logged in at one is logged in at the other.
    manifest = second.registry("GET", "/v2/app/manifests/1.0", password=first.password)
    assert manifest.content == image.manifest

    second.client().batch_delete_image(repositoryName="app", imageIds=[{"imageTag": "1.0"}])
    assert first.registry("GET", "/v2/app/manifests/1.0").status_code == 404
    assert first.registry("GET", f"/v2/app/blobs/{image.layers[0].digest}").status_code == 404


def test_a_reset_empties_both(servers: list[Server]) -> None:
    """POST /moto-api/reset at one server empties both."""
    first, second = servers
    first.client().create_repository(repositoryName="app")
    testing.push(first.client(), "app", testing.build_image(seed=1), tag="1.0")

    second.reset()

    assert first.client().describe_repositories()["repositories"] == []
    assert first.registry("GET", "/v2/_catalog").json() == {"repositories": []}


def test_one_of_two_creates_a_repository(servers: list[Server]) -> None:
    """One of two servers creates a repository; the other refuses it as existing."""
    clients = [server.client() for server in servers] * 4
    results = at_once(
        [lambda ecr=ecr: ecr.create_repository(repositoryName="app") for ecr in clients]
    )
    refused = [each for each in results if isinstance(each, str)]
    assert refused == ["RepositoryAlreadyExistsException"] * 7
    assert len(servers[0].client().describe_repositories()["repositories"]) == 1


def test_an_immutable_tag_goes_to_one(servers: list[Server]) -> None:
    """The first push wins at either server; both servers answer the same."""
    clients = [server.client() for server in servers] * 3
    clients[0].create_repository(repositoryName="app", imageTagMutability="IMMUTABLE")
    images = [testing.build_image(seed=seed, layers=1) for seed in range(len(clients))]
    for image in images:
        testing.push(clients[0], "app", image)

    def put(ecr: Any, image: testing.Image) -> Any:
        return ecr.put_image(
            repositoryName="app", imageManifest=image.manifest.decode(), imageTag="1.0"
        )

    results = at_once([lambda pair=pair: put(*pair) for pair in zip(clients, images, strict=True)])

    (winner,) = (each for each in results if not isinstance(each, str))
    refused = [each for each in results if isinstance(each, str)]
    assert refused == ["ImageAlreadyExistsException"] * (len(clients) - 1)
    digest = winner["image"]["imageId"]["imageDigest"]
    assert [tags_of(server) for server in servers] == [{"1.0": digest}] * 2


def test_a_tag_that_both_move_is_on_one_image(servers: list[Server]) -> None:
    """All moves are done; both servers have the tag on the image of the last one."""
    clients = [server.client() for server in servers] * 3
    clients[0].create_repository(repositoryName="app")
    images = [testing.build_image(seed=seed, layers=1) for seed in range(len(clients))]
    for image in images:
        testing.push(clients[0], "app", image)

    def move(server: Server, image: testing.Image) -> int:
        answer = server.registry(
            "PUT",
            "/v2/app/manifests/latest",
            data=image.manifest,
            headers={"Content-Type": MANIFEST},
        )
        return int(answer.status_code)

    moves = list(zip(servers * 3, images, strict=True)) * 3
    statuses = at_once([lambda each=each: move(*each) for each in moves])

    assert statuses == [201] * len(moves)
    tags, others = (tags_of(server) for server in servers)
    assert tags == others
    assert tags["latest"] in {image.digest for image in images}
    details = servers[1].client().describe_images(repositoryName="app")["imageDetails"]
    assert len(details) == len(images)
    assert [each["imageTags"] for each in details if "imageTags" in each] == [["latest"]]


def test_parts_of_a_layer_land_on_both(servers: list[Server]) -> None:
    """One upload of the API accepts its parts at one server after the other."""
    first, second = servers
    first.client().create_repository(repositoryName="app")
    upload = first.client().initiate_layer_upload(repositoryName="app")["uploadId"]
    parts = [bytes([number]) * PART for number in range(3)] + [b"the rest"]
    start = 0
    for server, part in zip([second, first, second, first], parts, strict=True):
        server.client().upload_layer_part(
            repositoryName="app",
            uploadId=upload,
            partFirstByte=start,
            partLastByte=start + len(part) - 1,
            layerPartBlob=part,
        )
        start += len(part)
    digest = "sha256:" + hashlib.sha256(b"".join(parts)).hexdigest()
    second.client().complete_layer_upload(
        repositoryName="app", uploadId=upload, layerDigests=[digest]
    )
    assert first.registry("GET", f"/v2/app/blobs/{digest}").content == b"".join(parts)


def test_chunks_of_a_blob_land_on_both(servers: list[Server]) -> None:
    """One session of the registry accepts chunks at both; of two for the same place, one is accepted."""
    first, second = servers
    first.client().create_repository(repositoryName="app")
    begun = first.registry("POST", "/v2/app/blobs/uploads/").headers["Location"]
    path = begun.removeprefix(first.url)
    chunks = [bytes([number]) * 100_000 for number in range(6)]

    def append(server: Server, number: int) -> int:
        chunk = chunks[number]
        start = sum(map(len, chunks[:number]))
        place = {"Content-Range": f"{start}-{start + len(chunk) - 1}"}
        return int(server.registry("PATCH", path, data=chunk, headers=place).status_code)

    for number in range(len(chunks)):
        statuses = at_once([lambda each=each, n=number: append(each, n) for each in servers])
        assert sorted(statuses) == [202, 416]

    digest = "sha256:" + hashlib.sha256(b"".join(chunks)).hexdigest()
    assert second.registry("PUT", f"{path}?digest={digest}").status_code == 201
    assert first.registry("GET", f"/v2/app/blobs/{digest}").content == b"".join(chunks)


def test_bytes_of_a_blob_that_one_deletes_and_the_other_adds_are_there(
    servers: list[Server],
) -> None:
    """An acknowledged blob exists, though its last other repository deletes it at the same time."""
    content = b"bytes that two repositories share"
    digest = "sha256:" + hashlib.sha256(content).hexdigest()
    for name in ("a", "b"):
        servers[0].client().create_repository(repositoryName=name * 3)

    def add(server: Server, name: str) -> int:
        path = f"/v2/{name}/blobs/uploads/?digest={digest}"
        return int(server.registry("POST", path, data=content).status_code)

    def delete(server: Server, name: str) -> int:
        return int(server.registry("DELETE", f"/v2/{name}/blobs/{digest}").status_code)

    first, second = servers
    assert add(first, "aaa") == 201
    for here, there in [("aaa", "bbb"), ("bbb", "aaa")] * 8:
        statuses = at_once([lambda: delete(first, here), lambda: add(second, there)])  # noqa: B023
        assert statuses == [202, 201]
        for server in servers:
            assert server.registry("GET", f"/v2/{there}/blobs/{digest}").content == content
