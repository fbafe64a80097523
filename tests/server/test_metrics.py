"""GET /moto-api/ecr/health and /moto-api/ecr/metrics."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from moto import mock_aws
from prometheus_client.parser import text_string_to_metric_families

from moto_ecr_ext import testing
from moto_ecr_ext.distribution.routes import ROUTES
from moto_ecr_ext.seams.installation import install
from moto_ecr_ext.service_model import operation_names
from support.commands import PATIENCE, Server, environment, running_server
from support.moto_versions import needs_kept_connections
from support.waiting import wait_until

HEALTH = "/moto-api/ecr/health"
METRICS = "/moto-api/ecr/metrics"

Samples = dict[tuple[str, ...], float]


@pytest.fixture
def server() -> Iterator[Server]:
    with running_server() as running:
        yield running


def get(server: Server, path: str) -> requests.Response:
    return requests.get(server.url + path, timeout=PATIENCE)


def samples(server: Server) -> Samples:
    """The values of all metrics, by name and the values of labels."""
    answer = get(server, METRICS)
    assert (answer.status_code, answer.headers["Content-Type"]) == (
        200,
        "text/plain; version=0.0.4; charset=utf-8",
    )
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def push(server: Server, name: str = "team/app") -> testing.Image:
    """Push an image of two layers by boto3."""
    image = testing.build_image(layers=2)
    testing.push(server.client(), name, image, tag="1.0")
    return image


def test_health(server: Server) -> None:
    """The health is 200 as long as the store answers."""
    answer = get(server, HEALTH)
    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"


def test_the_check_of_the_image_asks_no_proxy(server: Server) -> None:
    """The check of the image ignores the proxies of the user, which docker puts into each container."""
    dockerfile = (Path(__file__).parents[2] / "Dockerfile").read_text("utf-8")
    check = re.search(r"^HEALTHCHECK .*\\\n +CMD (.+)$", dockerfile, re.MULTILINE)
    assert check is not None
    _, *arguments = json.loads(check[1])
    port = server.url.rpartition(":")[2]
    nobody = "http://127.0.0.1:1"
    subprocess.run(
        [sys.executable, *arguments],
        env=environment(MOTO_PORT=port, HTTP_PROXY=nobody, http_proxy=nobody),
        timeout=PATIENCE,
        check=True,
    )


def test_a_directory_that_is_gone(tmp_path: Path) -> None:
    """Health and metrics are 503 with the reason if the store does not answer."""
    with running_server("--data-dir", str(tmp_path / "registry")) as server:
        assert get(server, HEALTH).status_code == 200
        shutil.rmtree(tmp_path / "registry")
        answer = get(server, HEALTH)
        assert answer.status_code == 503
        assert answer.json()["status"] == "unavailable"
        assert answer.json()["reason"]
        assert get(server, METRICS).status_code == 503


def test_blobs_that_are_gone(tmp_path: Path) -> None:
    """If the directory of blobs was removed, the reason is in the answer and in the log."""
    with running_server("--data-dir", str(tmp_path)) as server:
        server.client().create_repository(repositoryName="team/app")
        push(server)
    # Also of a server that has not written any.
    with running_server("--data-dir", str(tmp_path)) as server:
        (tmp_path / "blobs").rename(tmp_path / "moved")
        answer = get(server, HEALTH)
        assert (answer.status_code, answer.json()["reason"]) == (
            503,
            f"the blobs of {tmp_path} are gone",
        )
        server.command.wait_for(r" ERROR   GET /moto-api/ecr/health 503 .*\(the blobs of .*\)")
        (tmp_path / "moved").rename(tmp_path / "blobs")
        assert get(server, HEALTH).status_code == 200


def test_a_database_that_is_gone(tmp_path: Path) -> None:
    """A removed database is reported: the server still has the file open, and would lose it at its end."""
    file = tmp_path / "registry.sqlite"
    with running_server("--data-dir", str(tmp_path)) as server:
        file.rename(tmp_path / "moved")
        answer = get(server, HEALTH)
        assert (answer.status_code, answer.json()["reason"]) == (503, f"{file} does not exist")


@pytest.mark.parametrize("path", [HEALTH, METRICS])
def test_nothing_is_posted(server: Server, path: str) -> None:
    answer = requests.post(server.url + path, timeout=PATIENCE)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD")


def test_counts_of_stored_objects(server: Server) -> None:
    """The metrics count repositories, images, tags, blobs once each, their bytes, and open uploads."""
    empty = samples(server)
    assert empty["moto_ecr_repositories",] == empty["moto_ecr_stored_bytes",] == 0
    ecr = server.client()
    for name in ("team/app", "team/other"):
        ecr.create_repository(repositoryName=name)
        image = push(server, name)
    ecr.initiate_layer_upload(repositoryName="team/app")

    found = samples(server)

    names = ("repositories", "images", "tags", "blobs", "uploads_open", "stored_bytes")
    blobs = [image.config, *image.layers]
    assert [found[f"moto_ecr_{name}",] for name in names] == [
        2,
        2,
        2,
        len(blobs),
        1,
        sum(len(each.content) for each in blobs),
    ]
    ecr.delete_repository(repositoryName="team/other", force=True)
    assert samples(server)["moto_ecr_repositories",] == 1


def test_work_under_way(server: Server) -> None:
    """Work in the background is counted by its kind."""
    requests.post(
        f"{server.url}/moto-api/state-manager/set-transition",
        json={
            "model_name": "ecr::image_scan",
            "transition": {"progression": "time", "seconds": 600},
        },
        timeout=PATIENCE,
    ).raise_for_status()
    server.client().create_repository(
        repositoryName="team/app", imageScanningConfiguration={"scanOnPush": True}
    )
    assert samples(server)["moto_ecr_background_work", "image_scan"] == 0
    push(server)
    assert samples(server)["moto_ecr_background_work", "image_scan"] == 1


def test_requests(server: Server) -> None:
    """Requests are counted by operation and status, with their bytes and their duration."""
    ecr = server.client()
    ecr.create_repository(repositoryName="team/app")
    with pytest.raises(ecr.exceptions.RepositoryAlreadyExistsException):
        ecr.create_repository(repositoryName="team/app")
    blob = testing.build_image(layers=1, layer_size=100_000).layers[0]
    path = f"/v2/team/app/blobs/{blob.digest}"
    server.registry(
        "POST", f"/v2/team/app/blobs/uploads/?digest={blob.digest}", data=blob.content
    ).raise_for_status()
    before = samples(server)
    assert server.registry("GET", path).content == blob.content
    server.registry("HEAD", path)
    get(server, "/v2/")
    server.client("s3").list_buckets()

    found = samples(server)

    total = "moto_ecr_requests_total"
    pull = "GET /v2/<name>/blobs/<digest>"
    assert found[total, "CreateRepository", "200"] == 1
    assert found[total, "CreateRepository", "400"] == 1
    assert found[total, pull, "200"] == 1
    assert found[total, "HEAD /v2/<name>/blobs/<digest>", "200"] == 1
    assert found[total, "GET /v2/", "401"] == 1
    assert found[total, "other", "200"] >= 1
    duration = "moto_ecr_request_duration_seconds"
    assert found[f"{duration}_count", pull] == found[f"{duration}_bucket", "+Inf", pull] == 1
    assert 0 < found[f"{duration}_sum", pull] < PATIENCE
    assert before["moto_ecr_received_bytes_total",] >= len(blob.content)
    # The text of the metrics that were read before is in it too.
    sent = found["moto_ecr_sent_bytes_total",] - before["moto_ecr_sent_bytes_total",]
    assert len(blob.content) < sent < len(blob.content) + 50_000


@needs_kept_connections
def test_bytes_in_chunks(server: Server) -> None:
    """A body of unknown length is counted as it comes, once it is answered."""
    server.client().create_repository(repositoryName="app")
    location = server.registry("POST", "/v2/app/blobs/uploads/").headers["Location"]
    before = samples(server)["moto_ecr_received_bytes_total",]
    server.registry("PATCH", location, data=iter([b"a" * 5000, b"b" * 3000])).raise_for_status()
    wait_until(lambda: samples(server)["moto_ecr_received_bytes_total",] == before + 8000)


def test_labels_are_bounded(server: Server) -> None:
    """No name from a client becomes a label."""
    for name in ("secret-name", "SECRET", "../secret", "secret%0A"):
        server.registry("GET", f"/v2/{name}/tags/list")
        server.registry("SECRET", f"/v2/{name}/tags/list")
        requests.post(
            server.url,
            headers={"X-Amz-Target": f"AmazonEC2ContainerRegistry_V20150921.{name}"},
            timeout=PATIENCE,
        )
    operations = {key[1] for key in samples(server) if key[0] == "moto_ecr_requests_total"}
    assert operations <= {*operation_names(), *(route.label for route in ROUTES), "other"}


def test_without_the_library(tmp_path: Path) -> None:
    """Without `prometheus-client`, the answer explains how to install it."""
    (tmp_path / "prometheus_client.py").write_text("raise ImportError('not installed')\n")
    with running_server(PYTHONPATH=str(tmp_path)) as server:
        answer = get(server, METRICS)
        assert answer.status_code == 501
        assert "Install moto_ecr_ext with its extra 'server'." in answer.text
        assert get(server, HEALTH).status_code == 200


def test_in_the_test_process() -> None:
    """Under `mock_aws` both paths answer too, without counts of requests."""
    with install(), mock_aws():
        health = requests.get(f"http://motoapi.amazonaws.com{HEALTH}", timeout=PATIENCE)
        metrics = requests.get(f"http://motoapi.amazonaws.com{METRICS}", timeout=PATIENCE)
    assert health.json()["status"] == "ok"
    assert "moto_ecr_repositories 0.0" in metrics.text
    assert "moto_ecr_requests" not in metrics.text
