"""The record of a call, by either protocol, in the test process."""

from __future__ import annotations

import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from moto_ecr_ext import testing
from moto_ecr_ext.calls import API, REGISTRY, CallRecord, Recorder, carrying, recording
from moto_ecr_ext.models.lookup import backend_of
from moto_ecr_ext.storage.store import open_store
from support.environments import ACCOUNT, REGION, Environment
from support.iam import User, enforced
from support.registry_client import RegistrySession

IMAGE = testing.build_image(seed=1, layers=1)
ROOT = f"arn:aws:iam::{ACCOUNT}:root"


@pytest.fixture
def ecr(in_process: Environment) -> Any:
    client = in_process.client()
    client.create_repository(repositoryName="app")
    calls()
    return client


def calls() -> list[CallRecord]:
    """The records since the last time that somebody asked."""
    store = open_store()
    assert store is not None
    records = store.journal.after()
    store.journal.clear()
    return records


def facts(call: CallRecord) -> dict[str, Any]:
    """The facts of a record that are the same in each run."""
    names = ("caller", "account_id", "region", "registry_id", "protocol", "operation", "kind")
    more = ("repository", "reference", "digest", "status", "error_code", "received", "sent")
    return {name: getattr(call, name) for name in (*names, *more)}


def test_a_call_of_the_api(ecr: Any) -> None:
    """The record has each fact of the call and of its answer."""
    before = time.time()
    answer = ecr.put_image(
        repositoryName="app", imageManifest=IMAGE.manifest.decode(), imageTag="1.0"
    )
    [call] = calls()
    assert facts(call) == {
        "caller": ROOT,
        "account_id": ACCOUNT,
        "region": REGION,
        "registry_id": ACCOUNT,
        "protocol": API,
        "operation": "PutImage",
        "kind": "PutImage",
        "repository": "app",
        "reference": "1.0",
        "digest": IMAGE.digest,
        "status": 200,
        "error_code": "",
        "received": call.received,
        "sent": call.sent,
    }
    assert call.received > len(IMAGE.manifest)
    assert call.sent > len(IMAGE.manifest)
    assert call.request_id == answer["ResponseMetadata"]["RequestId"]
    assert before <= call.at <= call.at + call.seconds <= time.time()
    assert call.seconds > 0


def test_a_request_to_the_registry(ecr: Any, in_process: Environment) -> None:
    """The record of a request has the same facts, under the same operation."""
    registry = in_process.registry()
    testing.push(ecr, "app", IMAGE, tag="1.0")
    calls()
    url = f"{in_process.registry_url()}/v2/app/manifests/1.0"
    assert registry.get(url).status_code == 200
    [call] = calls()
    assert facts(call) == {
        "caller": ROOT,
        "account_id": ACCOUNT,
        "region": REGION,
        "registry_id": ACCOUNT,
        "protocol": REGISTRY,
        "operation": "BatchGetImage",
        "kind": "GET /v2/<name>/manifests/<reference>",
        "repository": "app",
        "reference": "1.0",
        "digest": IMAGE.digest,
        "status": 200,
        "error_code": "",
        "received": 0,
        "sent": len(IMAGE.manifest),
    }
    headers = {"Content-Type": IMAGE.media_type}
    assert registry.put(url, data=IMAGE.manifest, headers=headers).status_code == 201
    [call] = calls()
    assert (call.operation, call.received, call.sent) == ("PutImage", len(IMAGE.manifest), 0)


def test_refusals(ecr: Any, in_process: Environment) -> None:
    """The record of a refusal has the code of its protocol."""
    registry = in_process.registry()
    calls()
    with pytest.raises(ecr.exceptions.RepositoryNotFoundException):
        ecr.list_images(repositoryName="absent")
    registry.get(f"{in_process.registry_url()}/v2/absent/tags/list")
    registry.get(f"{in_process.registry_url()}/v2/absent/tags/list", auth=("AWS", "wrong"))
    registry.get(f"{in_process.registry_url()}/v2/absent/tags/list", auth=("nobody", "wrong"))
    assert [(each.status, each.error_code, each.is_authorized) for each in calls()] == [
        (400, "RepositoryNotFoundException", True),
        (404, "NAME_UNKNOWN", True),
        (400, "DENIED", False),
        (401, "UNAUTHORIZED", False),
    ]


def test_cloudwatch_counts_what_is_authorized(ecr: Any, in_process: Environment) -> None:
    """CloudWatch counts failed calls by either protocol, and no call without credentials."""
    registry = in_process.registry()
    with pytest.raises(ecr.exceptions.RepositoryNotFoundException):
        ecr.batch_get_image(repositoryName="absent", imageIds=[{"imageTag": "1.0"}])
    url = f"{in_process.registry_url()}/v2/absent/manifests/1.0"
    assert registry.get(url).status_code == 404
    assert registry.get(url, auth=("AWS", "wrong")).status_code == 400
    counts = {
        each.of: each.number
        for each in backend_of(ACCOUNT, REGION).counts()
        if each.name == "CallCount"
    }
    assert counts["BatchGetImage"] == 2


def test_cloudwatch_counts_no_call_that_is_denied(in_process: Environment) -> None:
    """CloudWatch counts no call by either protocol of a user without permissions."""
    user = User(in_process)
    ecr = user.client()
    token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    registry = RegistrySession(in_process.registry_url(), token)

    def calls() -> None:
        with pytest.raises(ClientError, match="is not authorized to perform: ecr:BatchGetImage"):
            ecr.batch_get_image(repositoryName="absent", imageIds=[{"imageTag": "1.0"}])
        assert registry.get("/v2/absent/manifests/1.0").status_code == 403

    enforced(calls)
    counted = [each.of for each in backend_of(ACCOUNT, REGION).counts()]
    assert counted == ["GetAuthorizationToken"]


def test_cloudwatch_counts_the_operations_that_aws_counts(
    ecr: Any, in_process: Environment
) -> None:
    """Others are calls, too, but no usage.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/monitoring-usage.html
    """
    ecr.describe_repositories()
    ecr.get_authorization_token()
    counted = [each.of for each in backend_of(ACCOUNT, REGION).counts()]
    assert counted == ["GetAuthorizationToken"]


def test_a_call_within_a_call() -> None:
    """A nested call has a separate record; a carrier's record is that of the outer call."""
    carried = CallRecord("POST", "/")
    with carrying(carried), recording(API, "POST", "/") as outer:
        assert outer is carried
        with recording(REGISTRY, "GET", "/v2/") as inner:
            assert inner is not outer
            assert inner.protocol == REGISTRY
        with recording(REGISTRY, "GET", "/v2/") as another:
            assert another not in (inner, outer)
    assert outer.protocol == API


def test_listeners() -> None:
    """Each listener gets the record in its order, with the duration."""
    heard: list[tuple[str, CallRecord]] = []
    call = CallRecord("GET", "/", began=time.perf_counter() - 1)
    Recorder(lambda it: heard.append(("a", it)), lambda it: heard.append(("b", it))).record(call)
    assert heard == [("a", call), ("b", call)]
    assert call.seconds >= 1


def test_a_long_path_is_cut(ecr: Any, in_process: Environment) -> None:
    """A long path is cut, so that the last calls do not fill the memory."""
    registry = in_process.registry()
    calls()
    registry.get(f"{in_process.registry_url()}/v2/{'a' * 5000}/tags/list")
    [call] = calls()
    assert len(call.path) == 1000


def test_all_texts_of_clients_are_cut(in_process: Environment) -> None:
    """References and reasons repeat what a client sends."""
    registry = in_process.registry()
    calls()
    for path in (f"team/app/manifests/{'a' * 5000}", "a" * 5000):
        registry.get(f"{in_process.registry_url()}/v2/{path}", headers={"User-Agent": "b" * 5000})
    for call in calls():
        texts = (call.path, call.user_agent, call.repository, call.reference, call.reason)
        assert max(map(len, texts)) == 1000
