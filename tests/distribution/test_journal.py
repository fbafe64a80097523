"""GET /moto-api/ecr/journal: the calls of both protocols as JSON lines, in the test process and in a server."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests

from moto_ecr_ext import testing
from moto_ecr_ext.storage.blobs.errors import BlobStoreUnavailable
from moto_ecr_ext.storage.store import current_store
from support.constants import ACCOUNT, REGION
from support.environments import Environment
from support.registry_client import RegistrySession

IMAGE = testing.build_image(seed=1, layers=1)
ARM = testing.build_image(seed=2, layers=1, architecture="arm64", variant="v8")
INDEX = testing.build_index([IMAGE, ARM])


@pytest.fixture
def registry(ecr: Any, aws: Environment) -> RegistrySession:
    """A logged-in session; the journal has the login."""
    ecr.create_repository(repositoryName="team/app")
    return aws.registry()


def test_a_store_that_fails(aws: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    """Platforms are read from the blob store: its failure gets an answer with the reason."""
    ecr = aws.client()
    ecr.create_repository(repositoryName="team/app")
    testing.push(ecr, "team/app", IMAGE, tag="v1")

    def fail(*arguments: object) -> None:
        raise BlobStoreUnavailable("S3 is away")

    monkeypatch.setattr(current_store(), "open_blob", fail)
    answer = get(aws, platform="*")
    assert (answer.status_code, answer.json()) == (503, {"Error": "S3 is away"})


def get(aws: Environment, query: str = "", **conditions: object) -> requests.Response:
    url = aws.endpoint_url or "http://motoapi.amazonaws.com"
    return requests.get(f"{url}/moto-api/ecr/journal{query}", params=conditions, timeout=60)  # type: ignore[arg-type]


def journal(aws: Environment, **conditions: object) -> list[dict[str, Any]]:
    """The lines of the journal."""
    answer = get(aws, **conditions)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/jsonl")
    return [json.loads(line) for line in answer.text.splitlines()]


def names(calls: list[dict[str, Any]]) -> list[str]:
    return [each["operation"] for each in calls]


def test_both_protocols(registry: RegistrySession, ecr: Any, aws: Environment) -> None:
    """A call is in the journal as soon as it has returned, under one name in both protocols."""
    testing.push(ecr, "team/app", IMAGE, tag="1.0")
    [put] = journal(aws, operation="PutImage")
    assert put == {
        **put,
        "protocol": "api",
        "operation": "PutImage",
        "account_id": ACCOUNT,
        "registry_id": ACCOUNT,
        "region": REGION,
        "repository": "team/app",
        "reference": "1.0",
        "digest": IMAGE.digest,
        "status": 200,
        "client": "127.0.0.1",
    }
    assert "Botocore/" in put["user_agent"]
    url = f"{aws.registry_url()}/v2/team/app/manifests/1.0"
    headers = {"Content-Type": IMAGE.media_type, "User-Agent": "docker/29.0"}
    assert registry.put(url, data=IMAGE.manifest, headers=headers).status_code == 201
    put = journal(aws, operation="PutImage", after=put["number"])[0]
    assert (put["protocol"], put["method"], put["path"], put["status"], put["user_agent"]) == (
        "registry",
        "PUT",
        "/v2/team/app/manifests/1.0",
        201,
        "docker/29.0",
    )


def test_the_order(registry: RegistrySession, ecr: Any, aws: Environment) -> None:
    """Calls are in their order, and numbered without a gap."""
    testing.push(ecr, "team/app", IMAGE, tag="1.0")
    calls = journal(aws)
    assert names(calls) == [
        "CreateRepository",
        "GetAuthorizationToken",
        "BatchCheckLayerAvailability",
        *(2 * ["InitiateLayerUpload", "UploadLayerPart", "CompleteLayerUpload"]),
        "PutImage",
    ]
    first = calls[0]["number"]
    assert [each["number"] for each in calls] == list(range(first, first + len(calls)))


@pytest.mark.parametrize(
    ("conditions", "found"),
    [
        ({"operation": "GetDownloadUrlForLayer"}, ["GetDownloadUrlForLayer"]),
        ({"operation": "*Layer"}, ["GetDownloadUrlForLayer"]),
        ({"operation": "GET /v2/*/manifests/*"}, ["BatchGetImage"]),
        ({"repository": "team/*", "status": "4xx"}, ["GetDownloadUrlForLayer", "BatchGetImage"]),
        ({"status": 404}, ["GetDownloadUrlForLayer", "BatchGetImage"]),
        ({"error_code": "MANIFEST_UNKNOWN"}, ["BatchGetImage"]),
        ({"reference": "absent"}, ["BatchGetImage"]),
        ({"protocol": "api"}, ["CreateRepository", "GetAuthorizationToken"]),
        ({"caller": "arn:aws:iam::*:root", "region": "eu-west-1"}, []),
        ({"repository": "team/a[p]p"}, []),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else None,
)
def test_conditions(
    registry: RegistrySession, aws: Environment, conditions: dict[str, object], found: list[str]
) -> None:
    """A line meets all conditions of the query."""
    digest = IMAGE.layers[0].digest
    registry.get(f"{aws.registry_url()}/v2/team/app/blobs/{digest}")
    registry.get(f"{aws.registry_url()}/v2/team/app/manifests/absent")
    assert names(journal(aws, **conditions)) == found


def test_several_images(registry: RegistrySession, ecr: Any, aws: Environment) -> None:
    """A call for several images is one of each of them; a call for one image has its digest."""
    testing.push(ecr, "team/app", IMAGE, tag="1.0")
    testing.push(ecr, "team/app", ARM, tag="2.0")
    ids = [{"imageTag": tag} for tag in ("1.0", "2.0", "absent")]
    ecr.batch_get_image(repositoryName="team/app", imageIds=ids)
    ecr.batch_get_image(repositoryName="team/app", imageIds=ids[:1])
    several, one = journal(aws, operation="BatchGetImage")
    assert several["images"] == [["1.0", IMAGE.digest], ["2.0", ARM.digest]]
    assert (several["reference"], several["digest"]) == ("", "")
    assert (one["reference"], one["digest"], one["images"]) == ("1.0", IMAGE.digest, [])
    found = journal(aws, operation="BatchGetImage", reference="2.0", digest=ARM.digest)
    assert found == [several]
    assert not journal(aws, operation="BatchGetImage", reference="1.0", digest=ARM.digest)


def test_platforms(registry: RegistrySession, ecr: Any, aws: Environment) -> None:
    """The platform of a pushed image comes from its configuration, those of an index from the index."""
    testing.push(ecr, "team/app", INDEX, tag="1.0")
    before = journal(aws)
    found = journal(aws, platform="linux/arm64")
    assert [(each["digest"], each["platforms"]) for each in found] == [
        (ARM.digest, {"linux/arm64/v8": ARM.digest}),
        (INDEX.digest, {"linux/amd64": IMAGE.digest, "linux/arm64/v8": ARM.digest}),
    ]
    assert not journal(aws, platform="linux/arm")
    assert journal(aws) == before, "the search was a call"
    ecr.batch_delete_image(repositoryName="team/app", imageIds=[{"imageDigest": INDEX.digest}])
    assert len(journal(aws, platform="linux/arm64")) == 1


def test_a_reset_empties_it(registry: RegistrySession, ecr: Any, aws: Environment) -> None:
    """After a reset, the journal has later calls only, with greater numbers."""
    last = journal(aws)[-1]["number"]
    url = aws.endpoint_url or "http://motoapi.amazonaws.com"
    requests.post(f"{url}/moto-api/reset", timeout=60).raise_for_status()
    assert journal(aws) == []
    ecr.describe_repositories()
    [call] = journal(aws)
    assert call["number"] > last


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("?operation=PutImages", "ECR has no operation PutImages; did you mean PutImage?"),
        ("?operation=Zzz", "ECR has no operation Zzz."),
        (
            "?operation=FETCH /v2/",
            "'FETCH /v2/' must be a method and a path of the registry, such as PUT /v2/team/*.",
        ),
        (
            "?operation=GET /v3/",
            "'GET /v3/' must be a method and a path of the registry, such as PUT /v2/team/*.",
        ),
        ("?status=abc", "The status must be a number such as 404, or 4xx, not 'abc'."),
        ("?protocol=http", "The protocol must be api or registry, not 'http'."),
        (
            "?platform=arm64",
            "The platform must have a form such as linux/arm64 or linux/arm/v7, not 'arm64'.",
        ),
        ("?repositories=app", "There is no parameter repositories; did you mean repository?"),
        ("?region=a&region=b", "The parameter region is given twice."),
        ("?after=-1", "The parameter after must be the number of a call."),
        ("?follow=2", "The parameter follow has no value."),
        ("?" + 101 * "a&", "The query has too many parameters."),
    ],
)
def test_wrong_conditions(aws: Environment, query: str, reason: str) -> None:
    """A condition that no call can meet is refused, with the nearest right name."""
    answer = get(aws, query)
    assert (answer.status_code, answer.json()) == (400, {"Error": reason})


def test_other_methods(aws: Environment) -> None:
    """The journal can be read only."""
    url = aws.endpoint_url or "http://motoapi.amazonaws.com"
    answer = requests.delete(f"{url}/moto-api/ecr/journal", timeout=60)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD")


def test_nothing_follows_in_the_process(in_process: Environment) -> None:
    """An answer that continues needs a server."""
    answer = get(in_process, "?follow")
    assert (answer.status_code, answer.json()) == (
        400,
        {"Error": "Only moto_ecr_server has the parameter follow."},
    )
