"""Several processes on one port: workers serve the registry, one process is moto."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import requests

from moto_ecr_ext import testing
from support.commands import PATIENCE, Command, Server, running_server
from support.environments import Environment
from support.iam import User
from support.listener import Listener
from support.moto_versions import needs_kept_connections
from support.registry_client import Connection, RegistrySession, RepositoryClient, basic
from support.upstream import running_upstream

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
SIGNED = (
    "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/ecr/aws4_request, "
    "SignedHeaders=host, Signature=0"
)
IMAGE = testing.build_image(seed=1, layers=2)

pytestmark = pytest.mark.skipif(not hasattr(socket, "send_fds"), reason="no connection is passed")


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A server with two workers."""
    directory = tmp_path_factory.mktemp("registry")
    places = ["--data-dir", str(directory)]
    if request.param == "postgresql":
        cluster = request.getfixturevalue("postgresql")
        places = ["--database", cluster.url(cluster.create_database()), "--blobs", str(directory)]
    with running_server(*places, "--workers", "2") as server:
        yield server


@pytest.fixture
def server(shared: Server) -> Iterator[Server]:
    """A server with two workers and the empty repository `app`."""
    set_no_auth_count(shared, "inf")
    shared.reset()
    shared.client().create_repository(repositoryName="app")
    yield shared
    set_no_auth_count(shared, "inf")


@pytest.fixture
def app(server: Server) -> RepositoryClient:
    """The repository, on connections that are kept."""
    return repository_of(server)


def repository_of(server: Server, name: str = "app") -> RepositoryClient:
    return RepositoryClient(RegistrySession(server.url, basic(server.password)), name)


def set_no_auth_count(server: Server, count: str) -> None:
    """Have moto enforce IAM after so many calls."""
    requests.post(
        f"{server.url}/moto-api/reset-auth", data=count, timeout=PATIENCE
    ).raise_for_status()


def workers_of(server: Server) -> list[int]:
    """The processes of the workers."""
    found: set[int] = set()
    for path in Path(f"/proc/{server.command.pid}/task").glob("*/children"):
        with suppress(FileNotFoundError):  # The thread has ended.
            found |= {int(each) for each in path.read_text().split()}
    return sorted(found)


def wait_until(is_so: Callable[[], bool], what: str) -> None:
    """Wait for something that nothing announces."""
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline, f"not within {PATIENCE} s: {what}"
        time.sleep(0.02)


def pushes(server: Server, count: int) -> list[tuple[str, bytes]]:
    """The images that many clients push at once, each over separate connections: tags and manifests."""

    def push(number: int) -> tuple[str, bytes]:
        image = testing.build_image(seed=number, layers=2)
        repository_of(server).push(image, f"v{number}")
        return f"v{number}", image.manifest

    with ThreadPoolExecutor(8) as threads:
        return list(threads.map(push, range(count)))


# --- what is served ---


def test_images_go_in_and_out(server: Server) -> None:
    """Many clients push at once to any worker, and both protocols have all images."""
    pushed = pushes(server, 24)
    app = repository_of(server)
    for tag, manifest in pushed:
        assert app.get(f"/manifests/{tag}").content == manifest
    assert app.get("/tags/list").json()["tags"] == sorted(tag for tag, _ in pushed)
    details = server.client().describe_images(repositoryName="app")["imageDetails"]
    assert len(details) == 24
    # A pull counts at once, also one that a worker has served.
    assert all("lastRecordedPullTime" in each for each in details)


def test_chunks_of_an_upload_at_both_workers(server: Server) -> None:
    """Chunks of one upload on separate connections are accepted, whichever worker gets them."""
    location = repository_of(server).start_upload()
    content = [os.urandom(70_000) for _ in range(8)]
    for chunk in content:
        answer = server.registry("PATCH", location, data=chunk)
        assert answer.status_code == 202
    digest = "sha256:" + hashlib.sha256(b"".join(content)).hexdigest()
    assert server.registry("PUT", location, params={"digest": digest}).status_code == 201
    assert server.registry("GET", f"/v2/app/blobs/{digest}").content == b"".join(content)


def test_deletions_mounts_and_ranges(app: RepositoryClient, server: Server) -> None:
    """Requests of moto and of the workers alternate on one kept connection."""
    server.client().create_repository(repositoryName="other")
    app.push(IMAGE, "v1")
    layer = IMAGE.layers[0]
    mount = {"mount": layer.digest, "from": "app"}
    answer = repository_of(server, "other").post("/blobs/uploads/", params=mount)
    assert answer.status_code == 201
    part = app.get(f"/blobs/{layer.digest}", headers={"Range": "bytes=1-3"})
    assert (part.status_code, part.content) == (206, layer.content[1:4])
    assert app.delete("/manifests/v1").status_code == 202
    assert app.get("/manifests/v1").status_code == 404
    assert app.delete(f"/manifests/{IMAGE.digest}").status_code == 202
    assert app.get(f"/blobs/{layer.digest}").status_code == 404
    assert repository_of(server, "other").get(f"/blobs/{layer.digest}").content == layer.content


@pytest.mark.skipif(not shutil.which("skopeo"), reason="skopeo is not installed")
def test_skopeo(server: Server, tmp_path: Path) -> None:
    """skopeo pushes and pulls an image."""
    testing.write_oci_layout(IMAGE, tmp_path / "image", "v1")
    there = f"docker://{server.address}/app:v1"
    for copy in (
        ("--dest-tls-verify=false", "--dest-creds", f"oci:{tmp_path / 'image'}:v1", there),
        ("--src-tls-verify=false", "--src-creds", there, f"oci:{tmp_path / 'back'}:v1"),
    ):
        verify, credentials, source, destination = copy
        subprocess.run(
            [
                *("skopeo", "--insecure-policy", "copy", "--quiet", verify),
                *(credentials, f"AWS:{server.password}", source, destination),
            ],
            check=True,
            timeout=PATIENCE,
        )
    for blob in (*IMAGE.blobs, IMAGE):
        name = blob.digest.partition(":")[2]
        assert (tmp_path / "back" / "blobs" / "sha256" / name).is_file()


@needs_kept_connections
def test_both_protocols_on_one_connection(server: Server) -> None:
    """Pipelined requests are answered in their order, by whichever process."""
    login = f"Basic {basic(server.password)}"
    blob = b"content"
    digest = "sha256:" + hashlib.sha256(blob).hexdigest()
    call = json.dumps({"repositoryName": "app"})
    manifest = IMAGE.manifest.decode()
    repository_of(server).push_blobs(IMAGE)
    with Connection(server.url) as connection:
        for _ in range(3):
            connection.send_head("GET", "/v2/", Authorization=login)
            connection.send_head(
                "POST",
                f"/v2/app/blobs/uploads/?digest={digest}",
                Authorization=login,
                Content_Length=str(len(blob)),
            )
            connection.send(blob)
            connection.send_head(
                "PUT",
                "/v2/app/manifests/v1",
                Authorization=login,
                Content_Type=MANIFEST,
                Content_Length=str(len(manifest)),
            )
            connection.send(manifest.encode())
        connection.send_head("HEAD", "/v2/app/manifests/v1", Authorization=login)
        connection.send_head(
            "POST",
            "/",
            Authorization=SIGNED,
            X_Amz_Target="AmazonEC2ContainerRegistry_V20150921.DescribeImages",
            Content_Length=str(len(call)),
        )
        connection.send(call.encode())
        answers = connection.read_to_end()
    statuses = [line[9:12] for line in answers.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]
    assert statuses == [b"200", b"201", b"201"] * 3 + [b"200", b"200"]
    assert b'"imageDetails"' in answers


def test_a_large_manifest_that_waits_for_leave(server: Server) -> None:
    """A worker passes on `Expect: 100-continue` with its request."""
    login = f"Basic {basic(server.password)}"
    repository_of(server).push_blobs(IMAGE)
    with Connection(server.url) as connection:
        connection.send_head(
            "PUT",
            "/v2/app/manifests/v1",
            Authorization=login,
            Content_Type=MANIFEST,
            Content_Length=str(len(IMAGE.manifest)),
            Expect="100-continue",
            Connection="close",
        )
        assert connection.read(12) == b"HTTP/1.1 100"
        connection.send(IMAGE.manifest)
        assert b"HTTP/1.1 201 " in connection.read_to_end()


@pytest.mark.parametrize("cut", [1, 5, 30, 120])
def test_a_head_in_pieces(server: Server, cut: int) -> None:
    """A request reaches moto completely, whatever part a worker has read."""
    head = (
        f"GET /v2/app/tags/list HTTP/1.1\r\nHost: {server.address}\r\n"
        f"Authorization: Basic {basic(server.password)}\r\nConnection: close\r\n\r\n"
    )
    with Connection(server.url) as connection:
        connection.send_in_pieces(head.encode(), cut)
        assert connection.read_to_end().endswith(b'{"name":"app","tags":[]}\n')


def test_events(server: Server, app: RepositoryClient) -> None:
    """The event of a push over the registry reaches a rule of moto's EventBridge."""
    listener = Listener(Environment("server", server.url))
    app.push(IMAGE, "v1")
    assert app.delete("/manifests/v1").status_code == 202
    assert [each["detail"]["action-type"] for each in listener.heard()] == ["PUSH", "DELETE"]


def test_counts_of_all_processes(server: Server) -> None:
    """CloudWatch adds up the counts of all processes, with a passed request once."""
    pushes(server, 8)
    for _ in range(10):
        assert server.registry("GET", "/v2/app/manifests/v0").status_code == 200
    metrics = server.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/ECR",
        MetricName="RepositoryPullCount",
        Dimensions=[{"Name": "RepositoryName", "Value": "app"}],
        StartTime=time.time() - 3600,
        EndTime=time.time() + 60,
        Period=7200,
        Statistics=["Sum"],
    )
    assert sum(each["Sum"] for each in metrics["Datapoints"]) == 10


def test_metrics_and_lines(tmp_path: Path) -> None:
    """Requests of all processes are in the metrics, also of an ended worker, and each has a line in the log."""
    with running_server(
        *("--data-dir", str(tmp_path), "--workers", "2", "--log-format", "json")
    ) as server:
        server.client().create_repository(repositoryName="app")
        repository_of(server).push(IMAGE, "v1")
        for _ in range(12):
            assert server.registry("GET", "/v2/app/manifests/v1").status_code == 200
        get = (
            'moto_ecr_requests_total{operation="GET /v2/<name>/manifests/<reference>",status="200"}'
        )
        put = (
            'moto_ecr_requests_total{operation="PUT /v2/<name>/manifests/<reference>",status="201"}'
        )
        # A request is counted after its answer.
        wait_until(lambda: {f"{get} 12.0", f"{put} 1.0"} <= set(metrics_of(server)), "the counts")
        # A killed worker loses the lines of the last 50 ms.
        for _ in range(13):
            server.command.wait_for("/v2/app/manifests/v1")
        os.kill(workers_of(server)[0], signal.SIGKILL)
        server.command.wait_for("Another one takes its place")
        assert server.registry("GET", "/v2/app/manifests/v1").status_code == 200
        wait_until(lambda: f"{get} 13.0" in metrics_of(server), "one more")
        server.command.stop()
    lines = [json.loads(each) for each in server.command.output.splitlines() if each[:1] == "{"]
    asked = [each for each in lines if each.get("path") == "/v2/app/manifests/v1"]
    assert [each["status"] for each in asked] == [201] + [200] * 13


def metrics_of(server: Server) -> list[str]:
    """The lines of the metrics."""
    answer = requests.get(f"{server.url}/moto-api/ecr/metrics", timeout=PATIENCE)
    return answer.text.splitlines()


def test_the_pull_through_cache(tmp_path: Path) -> None:
    """moto's process, which has the secret, imports a missing image, and the workers serve it."""
    with (
        running_upstream() as upstream,
        running_server(
            *("--data-dir", str(tmp_path / "registry"), "--workers", "2"),
            *("--upstreams", upstream.setting("docker-hub")),
        ) as server,
    ):
        upstream.put("library/app", IMAGE, "v1")
        upstream.login = ("me", "word")
        secret = server.client("secretsmanager").create_secret(
            Name="ecr-pullthroughcache/hub",
            SecretString=json.dumps({"username": "me", "accessToken": "word"}),
        )
        server.client().create_pull_through_cache_rule(
            ecrRepositoryPrefix="hub",
            upstreamRegistryUrl="registry-1.docker.io",
            credentialArn=secret["ARN"],
        )
        cached = repository_of(server, "hub/library/app")
        for _ in range(4):
            assert cached.get("/manifests/v1").content == IMAGE.manifest
            for blob in IMAGE.blobs:
                assert cached.get(f"/blobs/{blob.digest}").content == blob.content


def test_an_index_through_the_cache(tmp_path: Path) -> None:
    """moto's process imports the images that an index lists. A server that stops meanwhile leaves a sound directory,
    and a later pull brings the rest.
    """
    arm = testing.build_image(seed="arm", layers=1, architecture="arm64")
    index = testing.build_index([IMAGE, arm])
    directory = ("--data-dir", str(tmp_path / "registry"), "--workers", "2")
    may_go_on = threading.Event()
    with running_upstream() as upstream:
        settings = (*directory, "--upstreams", upstream.setting())
        upstream.put("app", index, "v1")

        def hold(path: str) -> None:
            assert arm.digest not in path or may_go_on.wait(PATIENCE)

        upstream.when_asked = hold
        with running_server(*settings) as server:
            server.client().create_pull_through_cache_rule(
                ecrRepositoryPrefix="quay", upstreamRegistryUrl="quay.io"
            )
            cached = repository_of(server, "quay/app")
            assert cached.get("/manifests/v1").content == index.manifest
            last = f"/v2/app/blobs/{IMAGE.blobs[-1].digest}"
            wait_until(lambda: last in upstream.asked, "the last layer")
            wait_until(lambda: cached.get(f"/manifests/{IMAGE.digest}").ok, "an image")
            began = time.monotonic()
            server.command.stop()
            assert time.monotonic() - began < 8, "the upstream holds up the end of the server"
        may_go_on.set()
        assert "Traceback" not in server.command.output
        with Command("moto_ecr_server", *directory[:2], "--check") as check:
            assert check.wait() == 0
        with running_server(*settings) as server:
            cached = repository_of(server, "quay/app")
            assert cached.get(f"/manifests/{arm.digest}").content == arm.manifest
            images = server.client().describe_images(repositoryName="quay/app")["imageDetails"]
            assert {each["imageDigest"] for each in images} == {
                index.digest,
                IMAGE.digest,
                arm.digest,
            }


# --- one state ---


def test_a_reset(server: Server, app: RepositoryClient) -> None:
    """No worker has any data after POST /moto-api/reset."""
    app.push(IMAGE, "v1")
    clients = [repository_of(server) for _ in range(6)]
    for each in clients:
        assert each.get("/manifests/v1").status_code == 200
    server.reset()
    for each in clients:
        assert each.get("/manifests/v1").status_code == 404
    server.client().create_repository(repositoryName="app")
    app.push(IMAGE, "v1")
    [image] = server.client().describe_images(repositoryName="app")["imageDetails"]
    assert "lastRecordedPullTime" not in image


def test_iam(server: Server, app: RepositoryClient) -> None:
    """Once IAM is enforced every request needs permission, also on connections that are open."""
    app.push(IMAGE, "v1")
    user = User(
        Environment("server", server.url),
        Action=["ecr:GetAuthorizationToken", "ecr:BatchGetImage"],
        Resource="*",
    )
    token = user.client().get_authorization_token()["authorizationData"][0]["authorizationToken"]
    reader = RepositoryClient(RegistrySession(server.url, token), "app")
    blob = f"/blobs/{IMAGE.layers[0].digest}"
    assert reader.get(blob).status_code == 200

    set_no_auth_count(server, "0")
    assert reader.get("/manifests/v1").status_code == 200
    assert reader.get(blob).status_code == 403
    assert app.get("/manifests/v1").status_code == 401  # The account is no user.

    set_no_auth_count(server, "3")
    statuses = [reader.get(blob).status_code for _ in range(5)]
    assert statuses == [200, 200, 200, 403, 403]

    set_no_auth_count(server, "inf")
    assert app.get(blob).status_code == 200


def test_work_that_is_due(server: Server, app: RepositoryClient) -> None:
    """Work that moto's state manager delays continues with requests to the registry."""
    transition = {"progression": "manual", "times": 1}
    requests.post(
        f"{server.url}/moto-api/state-manager/set-transition",
        json={"model_name": "ecr::image_scan", "transition": transition},
        timeout=PATIENCE,
    ).raise_for_status()
    app.push(IMAGE, "v1")
    ecr = server.client()
    image_id = {"imageTag": "v1"}
    ecr.start_image_scan(repositoryName="app", imageId=image_id)
    assert app.get("/manifests/v1").status_code == 200
    assert [
        ecr.describe_image_scan_findings(repositoryName="app", imageId=image_id)["imageScanStatus"][
            "status"
        ]
        for _ in range(2)
    ][-1] == "COMPLETE"


def test_too_many_connections(tmp_path: Path) -> None:
    """The limit is one for all processes."""
    with running_server(
        *("--data-dir", str(tmp_path), "--workers", "2", "--max-connections", "3")
    ) as server:
        connections = [Connection(server.url) for _ in range(3)]
        for each in connections:
            each.send_head("GET", "/v2/")
            assert each.read(12) == b"HTTP/1.1 401"
        with Connection(server.url) as further:
            further.send(b"GET /v2/ ")
            assert further.read_status() == 503
        with connections.pop() as ended:
            ended.stop_sending()
            ended.read_to_end()
        wait_until(
            lambda: server.registry("GET", "/v2/").status_code == 200, "room for a connection"
        )
        for each in connections:
            each.__exit__()


def test_silence(tmp_path: Path) -> None:
    """`--idle-timeout` applies to the workers too."""
    with (
        running_server(
            *("--data-dir", str(tmp_path), "--workers", "2", "--idle-timeout", "1")
        ) as server,
        Connection(server.url) as silent,
        Connection(server.url) as used,
    ):
        used.send_head("GET", "/v2/")
        assert used.read_to_end().startswith(b"HTTP/1.1 401 ")
        assert silent.read_to_end() == b""


# --- ends ---


def test_workers_that_are_killed(server: Server) -> None:
    """Acknowledged data stay, new workers replace the killed ones, and retries succeed."""
    app = repository_of(server)
    acknowledged: dict[str, bytes] = {}
    killed = []

    def push(number: int) -> None:
        image = testing.build_image(seed=number, layers=3)
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with suppress(requests.ConnectionError):
                repository_of(server).push(image, f"v{number}")
                acknowledged[f"v{number}"] = image.manifest
                return

    with ThreadPoolExecutor(6) as threads:
        pushing = [threads.submit(push, number) for number in range(30)]
        for round_ in range(3):
            wait_until(lambda r=round_: len(acknowledged) > 4 * r, "pushes")  # type: ignore[misc]
            there = workers_of(server)
            os.kill(there[0], signal.SIGKILL)
            killed.append(there[0])
            server.command.wait_for("Another one takes its place")
        for each in pushing:
            each.result()

    assert len(acknowledged) == 30
    for tag, manifest in acknowledged.items():
        assert app.get(f"/manifests/{tag}").content == manifest
    wait_until(lambda: len(workers_of(server)) == 2, "two workers")
    assert not set(killed) & set(workers_of(server))


def test_a_worker_that_hangs(tmp_path: Path) -> None:
    """A request that needs the memory of a hanging worker is answered with 503 although the worker never answers, and
    another worker replaces it.
    """
    with running_server(
        *("--data-dir", str(tmp_path), "--workers", "2", "--worker-timeout", "2")
    ) as server:
        ecr = server.client()
        ecr.create_repository(repositoryName="app")
        there = workers_of(server)
        os.kill(there[0], signal.SIGSTOP)
        try:
            with ThreadPoolExecutor(3) as threads:
                runs = [threads.submit(run_lifecycle, server) for _ in range(2)]
                statuses = [
                    call(server, "DescribeImages", repositoryName="app").status_code,
                    *(each.result().status_code for each in runs),
                ]
        finally:
            server.command.wait_for("Worker 1 hangs, and is killed")
            server.command.wait_for("Another one takes its place")
        assert statuses == [503, 503, 503]
        wait_until(
            lambda: len(workers_of(server)) == 2 and there[0] not in workers_of(server), "another"
        )
        wait_until(lambda: run_lifecycle(server).status_code == 200, "a run")
        assert ecr.describe_images(repositoryName="app")["imageDetails"] == []


def call(server: Server, operation: str, **parameters: Any) -> requests.Response:
    """The answer to one call, without another attempt."""
    target = f"AmazonEC2ContainerRegistry_V20150921.{operation}"
    headers = {"X-Amz-Target": target, "Authorization": SIGNED}
    return requests.post(server.url, headers=headers, json=parameters, timeout=PATIENCE)


def run_lifecycle(server: Server) -> requests.Response:
    return requests.post(f"{server.url}/moto-api/ecr/run-lifecycle", timeout=PATIENCE)


def test_workers_that_stand_still_with_their_server(tmp_path: Path) -> None:
    """A stopped server that continues, as after Ctrl-Z, still has its workers."""
    with running_server(
        *("--data-dir", str(tmp_path), "--workers", "2", "--worker-timeout", "3")
    ) as server:
        server.client().create_repository(repositoryName="app")
        there = workers_of(server)
        everyone = [server.command.pid, *there]
        for each in everyone:
            os.kill(each, signal.SIGSTOP)
        time.sleep(5)  # Longer than the time after which one that stands still alone is killed.
        for each in everyone:
            os.kill(each, signal.SIGCONT)
        assert call(server, "DescribeImages", repositoryName="app").status_code == 200
        assert workers_of(server) == there


def test_a_worker_that_is_asked_to_end(server: Server) -> None:
    """A worker that gets SIGTERM ends its requests first, and another one replaces it.

    See `test_requests_under_way_end_first`.
    """
    content = b"bytes that come in two pieces"
    digest = "sha256:" + hashlib.sha256(content).hexdigest()
    with Connection(server.url) as connection:
        connection.send_head(
            "POST",
            f"/v2/app/blobs/uploads/?digest={digest}",
            Authorization=f"Basic {basic(server.password)}",
            Content_Length=str(len(content)),
            Expect="100-continue",
        )
        assert connection.read(12) == b"HTTP/1.1 100"
        there = workers_of(server)
        for each in there:
            os.kill(each, signal.SIGTERM)
        connection.send(content)
        assert b"HTTP/1.1 201 " in connection.read_to_end()
    wait_until(
        lambda: len(workers_of(server)) == 2 and not set(there) & set(workers_of(server)), "others"
    )
    assert server.registry("GET", f"/v2/app/blobs/{digest}").content == content


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
def test_the_end_of_all(tmp_path: Path, by: signal.Signals) -> None:
    """A signal closes the port, requests under way end, at a worker and at moto, and no process remains."""
    content = b"bytes"
    digest = "sha256:" + hashlib.sha256(content).hexdigest()
    with running_server("--data-dir", str(tmp_path), "--workers", "2") as server:
        server.client().create_repository(repositoryName="app")
        repository_of(server).push_blobs(IMAGE)
        there = workers_of(server)
        login = f"Basic {basic(server.password)}"
        with (
            Connection(server.url) as blob,
            Connection(server.url) as manifest,
            Connection(server.url) as idle,
        ):
            idle.send_head("GET", "/v2/")
            idle.read(12)
            for connection, method, target, body in (
                (blob, "POST", f"/v2/app/blobs/uploads/?digest={digest}", content),
                (manifest, "PUT", "/v2/app/manifests/v1", IMAGE.manifest),
            ):
                connection.send_head(
                    method,
                    target,
                    Authorization=login,
                    Content_Type=MANIFEST,
                    Content_Length=str(len(body)),
                    Expect="100-continue",
                )
                assert connection.read(12) == b"HTTP/1.1 100"
            os.kill(server.command.pid, by)
            idle.read_to_end()
            blob.send(content)
            manifest.send(IMAGE.manifest)
            assert b"HTTP/1.1 201 " in blob.read_to_end()
            assert b"HTTP/1.1 201 " in manifest.read_to_end()
        assert server.command.wait() == 0
        assert "Traceback" not in server.command.output
        assert not any(Path("/proc", str(each)).exists() for each in there)
    with running_server("--data-dir", str(tmp_path), "--workers", "2") as server:
        assert repository_of(server).get("/manifests/v1").content == IMAGE.manifest


def test_a_server_that_is_killed_leaves_its_port(tmp_path: Path) -> None:
    """The workers of a killed server end with it, so that its port is free."""
    with running_server("--data-dir", str(tmp_path), "--workers", "2") as server:
        there = workers_of(server)
        server.command.stop(signal.SIGKILL)
        wait_until(
            lambda: not any(Path("/proc", str(each)).exists() for each in there), "the workers' end"
        )
    port = int(server.address.rpartition(":")[2])
    with running_server("--data-dir", str(tmp_path), "--workers", "2", port=port) as again:
        assert again.registry("GET", "/v2/").status_code == 200


def test_the_variable(tmp_path: Path) -> None:
    """`MOTO_ECR_WORKERS` sets the number too, and the workers have it in their environment."""
    with running_server("--data-dir", str(tmp_path), MOTO_ECR_WORKERS="2") as server:
        assert len(workers_of(server)) == 2


# --- refusals ---

REFUSED = {
    "in memory": (["--workers", "2"], "--workers needs --data-dir, or --database and --blobs."),
    "blobs in memory": (
        ["--workers", "2", "--data-dir", "DIRECTORY", "--blobs", "memory:"],
        "Give a database and blobs together, or a data directory.",
    ),
    "TLS": (
        ["--workers", "2", "--data-dir", "DIRECTORY", "--ssl"],
        "--workers cannot be used with TLS.",
    ),
    "reload": (
        ["--workers", "2", "--data-dir", "DIRECTORY", "--reload"],
        "--workers cannot be used with --reload.",
    ),
    "none": (["--workers", "0"], "--workers is '0'; it must be a number above 0"),
    "text": (["--workers", "many"], "--workers is 'many'; it must be a number above 0"),
}


@pytest.mark.parametrize(("flags", "said"), REFUSED.values(), ids=REFUSED)
def test_refused(tmp_path: Path, flags: list[str], said: str) -> None:
    """An impossible number is refused in one sentence, with exit code 2."""
    given = [str(tmp_path / "registry") if each == "DIRECTORY" else each for each in flags]
    with Command("moto_ecr_server", "--port", "0", *given) as command:
        assert command.wait() == 2
    assert said in command.output
    assert "Traceback" not in command.output
    assert not (tmp_path / "registry").exists()
