"""Runs of lifecycle policies: what starts them, and what happens to images, seen through both protocols.

Which images a policy acts on is tested rule by rule in `tests/unit/test_lifecycle_evaluation.py`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

import moto_ecr_ext
from moto_ecr_ext import testing
from moto_ecr_ext.models.lookup import registry_backend
from moto_ecr_ext.storage.store import current_store
from support.constants import ACCOUNT, BEGINNING, OTHER_ACCOUNT
from support.registry_client import RepositoryClient

DAY = timedelta(days=1)
BASE = testing.build_layer(seed="base")


def image(seed: str) -> testing.Image:
    """An image with a layer that all have, and one that only it has."""
    return testing.build_image(seed=seed, layers=[BASE, testing.build_layer(seed=seed)])


OLD, NEW = image("old"), image("new")
INDEX = testing.build_index([image("amd64"), image("arm64")])
SIGNATURE = testing.build_artifact(
    artifact_type="application/signature", subject=OLD, content=b"signed"
)


def rule(
    priority: int = 1, days: int = 5, count_type: str = "sinceImagePushed", **selection: Any
) -> dict[str, Any]:
    return {
        "rulePriority": priority,
        "selection": {
            "tagStatus": "any",
            "countType": count_type,
            "countUnit": "days",
            "countNumber": days,
            **selection,
        },
        "action": {"type": "expire"},
    }


def archiving(rule: dict[str, Any]) -> dict[str, Any]:
    return {**rule, "action": {"type": "transition", "targetStorageClass": "archive"}}


def put_policy(ecr: Any, repository: str, *rules: dict[str, Any]) -> None:
    ecr.put_lifecycle_policy(
        repositoryName=repository, lifecyclePolicyText=json.dumps({"rules": rules})
    )


def run_by_call(aws: Any, clock: Any) -> None:
    moto_ecr_ext.run_lifecycle()


def run_by_post(aws: Any, clock: Any) -> None:
    url = aws.endpoint_url or "http://motoapi.amazonaws.com"
    answer = requests.post(f"{url}/moto-api/ecr/run-lifecycle", timeout=60)
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def wait_a_day(aws: Any, clock: Any) -> None:
    clock.tick(DAY)


def registry_of(aws: Any, repository: str) -> RepositoryClient:
    """A client of /v2/, whose login is good for twelve hours of the clock."""
    return RepositoryClient(aws.registry(), repository)


def listed(ecr: Any, repository: str, **filter: str) -> list[str]:
    """The digests of the images of a repository, without those in the archive unless asked for."""
    images = ecr.list_images(repositoryName=repository, filter=filter)["imageIds"]
    return [each["imageDigest"] for each in images]


def bytes_kept() -> set[str]:
    """The digests of all blobs whose bytes are stored. Both environments are in the test process."""
    return set(current_store().blobs.digests())


@pytest.mark.parametrize("run", [run_by_call, run_by_post, wait_a_day])
def test_a_rule_deletes_what_was_pushed_over_the_registry_protocol(
    clock: Any, aws: Any, ecr: Any, repository_name: str, run: Callable[[Any, Any], None]
) -> None:
    """A rule removes manifest and tag, and the blobs that no other image needs; a later push works as before."""
    registry_of(aws, repository_name).push(OLD, "old")
    clock.tick(10 * DAY)
    registry_of(aws, repository_name).push(NEW, "new")
    put_policy(ecr, repository_name, rule(days=5))
    assert listed(ecr, repository_name) == [OLD.digest, NEW.digest]

    run(aws, clock)

    registry = registry_of(aws, repository_name)
    assert registry.get("/manifests/old").status_code == 404
    assert registry.get(f"/manifests/{OLD.digest}").status_code == 404
    assert [registry.holds(blob) for blob in OLD.blobs] == [False, True, False]
    assert registry.get("/tags/list").json()["tags"] == ["new"]
    assert registry.get("/manifests/new").content == NEW.manifest
    assert all(map(registry.holds, NEW.blobs))
    assert listed(ecr, repository_name) == [NEW.digest]
    assert bytes_kept() == {blob.digest for blob in NEW.blobs}


REQUESTS: dict[str, Callable[[Any, RepositoryClient], Any]] = {
    "DescribeImages": lambda ecr, registry: [
        each["imageDigest"]
        for each in ecr.describe_images(repositoryName=registry.name)["imageDetails"]
    ],
    "ListImages": lambda ecr, registry: listed(ecr, registry.name),
    "BatchGetImage": lambda ecr, registry: ecr.batch_get_image(
        repositoryName=registry.name, imageIds=[{"imageTag": "old"}]
    )["images"],
    "GET manifest": lambda ecr, registry: registry.get("/manifests/old").ok,
    "HEAD blob": lambda ecr, registry: registry.holds(OLD.layers[1]),
    "GET tags": lambda ecr, registry: registry.get("/tags/list").json()["tags"],
    "DeleteRepository": lambda ecr, registry: (
        ecr.delete_repository(repositoryName=registry.name) and []
    ),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_a_day_later_the_first_request_finds_it_done(
    clock: Any, aws: Any, ecr: Any, repository_name: str, name: str
) -> None:
    """A policy that is due runs before the first request is answered, whichever it is."""
    registry_of(aws, repository_name).push(OLD, "old")
    clock.tick(10 * DAY)
    put_policy(ecr, repository_name, rule(days=5))
    clock.tick(DAY - timedelta(seconds=1))
    registry = registry_of(aws, repository_name)
    assert registry.get("/manifests/old").ok
    clock.tick(timedelta(seconds=1))

    assert not REQUESTS[name](ecr, registry)


def test_a_policy_runs_every_day(clock: Any, ecr: Any, repository_name: str) -> None:
    """GetLifecyclePolicy returns the time of the last run, which is the epoch before the first."""

    def evaluated() -> datetime:
        at: datetime = ecr.get_lifecycle_policy(repositoryName=repository_name)["lastEvaluatedAt"]
        return at

    testing.push(ecr, repository_name, OLD, tag="old")
    put_policy(ecr, repository_name, rule(days=2))
    assert evaluated().timestamp() == 0
    for days in (1, 2, 3):
        clock.tick(DAY)
        assert evaluated() == BEGINNING + days * DAY
        assert listed(ecr, repository_name) == ([OLD.digest] if days <= 2 else [])
    clock.tick(DAY / 2)
    assert evaluated() == BEGINNING + 3 * DAY
    clock.tick(30 * DAY)
    assert evaluated() == BEGINNING + 33.5 * DAY


def test_a_run_that_is_asked_for_puts_the_next_one_off(
    clock: Any, ecr: Any, repository_name: str
) -> None:
    """A policy is due a day after its last run, also if that run was requested."""
    put_policy(ecr, repository_name, rule())
    clock.tick(DAY / 2)
    moto_ecr_ext.run_lifecycle()
    for passed, last in ((DAY, DAY / 2), (1.5 * DAY, 1.5 * DAY)):
        clock.move_to(BEGINNING + passed)
        policy = ecr.get_lifecycle_policy(repositoryName=repository_name)
        assert policy["lastEvaluatedAt"] == BEGINNING + last


def test_a_new_policy_starts_again(clock: Any, ecr: Any, repository_name: str) -> None:
    """A new policy is due in a day, and has not been evaluated yet; a deleted policy does nothing."""
    testing.push(ecr, repository_name, OLD, tag="old")
    put_policy(ecr, repository_name, rule(days=1))
    clock.tick(DAY)
    put_policy(ecr, repository_name, rule(days=30))
    policy = ecr.get_lifecycle_policy(repositoryName=repository_name)
    assert policy["lastEvaluatedAt"].timestamp() == 0
    clock.tick(2 * DAY)
    assert listed(ecr, repository_name) == [OLD.digest]
    put_policy(ecr, repository_name, rule(days=1))
    ecr.delete_lifecycle_policy(repositoryName=repository_name)
    clock.tick(2 * DAY)
    moto_ecr_ext.run_lifecycle()
    assert listed(ecr, repository_name) == [OLD.digest]
    assert not current_store().schedule.is_due(time.time()), "it is looked for with every request"


def test_policies_of_all_registries_run(clock: Any, aws: Any) -> None:
    """One run evaluates the policies of all repositories in all accounts and Regions."""
    clients = [
        aws.client(),
        aws.client(region="eu-west-1"),
        aws.client(account=OTHER_ACCOUNT),
    ]
    for days, ecr in enumerate(clients, 1):
        for name in ("with/policy", "without/policy"):
            ecr.create_repository(repositoryName=name)
            testing.push(ecr, name, OLD, tag="old")
        put_policy(ecr, "with/policy", rule(days=days))
    clock.tick(2.5 * DAY)
    moto_ecr_ext.run_lifecycle()
    assert [listed(ecr, "with/policy") for ecr in clients] == [[], [], [OLD.digest]]
    assert [listed(ecr, "without/policy") for ecr in clients] == 3 * [[OLD.digest]]


def test_an_index_goes_before_its_children(
    clock: Any, aws: Any, ecr: Any, repository_name: str
) -> None:
    """A rule about the tag of an index also removes the images of its platforms, and their blobs."""
    registry_of(aws, repository_name).push(INDEX, "v1")
    registry_of(aws, repository_name).push(NEW, "other")
    put_policy(ecr, repository_name, rule(tagStatus="tagged", tagPrefixList=["v"]))
    clock.tick(6 * DAY)
    assert listed(ecr, repository_name) == [NEW.digest]
    registry = registry_of(aws, repository_name)
    for each in (INDEX, *INDEX.images):
        assert registry.get(f"/manifests/{each.digest}").status_code == 404
    assert bytes_kept() == {blob.digest for blob in NEW.blobs}


def test_a_rule_about_untagged_images_leaves_the_children_of_an_index(
    clock: Any, aws: Any, ecr: Any, repository_name: str
) -> None:
    """The children of an index are not untagged for a rule: the index can be pulled as before, with all platforms."""
    registry_of(aws, repository_name).push(INDEX, "v1")
    registry_of(aws, repository_name).push(OLD)
    put_policy(ecr, repository_name, rule(tagStatus="untagged"))
    clock.tick(6 * DAY)
    assert OLD.digest not in listed(ecr, repository_name)
    pulled = testing.pull(ecr, repository_name, "v1")
    assert isinstance(pulled, testing.Index)
    assert [each.manifest for each in pulled.images] == [each.manifest for each in INDEX.images]


def test_referrers_go_with_their_subject(
    clock: Any, aws: Any, ecr: Any, repository_name: str
) -> None:
    """A signature is deleted with its subject, and not for having no tag."""
    registry = registry_of(aws, repository_name)
    registry.push(OLD, "v1")
    registry.push(SIGNATURE)
    tagged = rule(1, days=30, tagStatus="tagged", tagPrefixList=["v"])
    put_policy(ecr, repository_name, tagged, rule(2, days=5))
    clock.tick(20 * DAY)
    assert listed(ecr, repository_name) == [OLD.digest, SIGNATURE.digest]
    clock.tick(20 * DAY)
    assert listed(ecr, repository_name, imageStatus="ANY") == []
    referrers = registry_of(aws, repository_name).get(f"/referrers/{OLD.digest}")
    assert referrers.json()["manifests"] == []
    assert bytes_kept() == set()


def test_referrers_of_a_deleted_subject(clock: Any, ecr: Any, repository_name: str) -> None:
    """A policy of any rules removes referrers whose subject was deleted, within a day.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
    """
    testing.push(ecr, repository_name, OLD, tag="v1")
    testing.push(ecr, repository_name, SIGNATURE)
    testing.push(ecr, repository_name, NEW)
    put_policy(ecr, repository_name, rule(days=365))
    ecr.batch_delete_image(repositoryName=repository_name, imageIds=[{"imageTag": "v1"}])
    assert listed(ecr, repository_name) == [SIGNATURE.digest, NEW.digest]
    clock.tick(DAY)
    assert listed(ecr, repository_name) == [NEW.digest]


def test_a_rule_archives(clock: Any, aws: Any, ecr: Any, repository_name: str) -> None:
    """A rule that archives makes the image unavailable, and keeps its bytes. Ninety days later it may expire."""
    registry_of(aws, repository_name).push(OLD, "old")
    in_archive = rule(2, 90, "sinceImageTransitioned", storageClass="archive")
    put_policy(ecr, repository_name, archiving(rule(1, days=5)), in_archive)
    clock.tick(6 * DAY)
    assert listed(ecr, repository_name) == []
    [detail] = ecr.describe_images(
        repositoryName=repository_name, filter={"imageStatus": "ARCHIVED"}
    )["imageDetails"]
    assert detail["lastArchivedAt"] == BEGINNING + 6 * DAY
    assert registry_of(aws, repository_name).get("/manifests/old").status_code == 404
    assert bytes_kept() == {blob.digest for blob in OLD.blobs}
    clock.tick(90 * DAY)
    assert listed(ecr, repository_name, imageStatus="ANY") == [OLD.digest]
    clock.tick(DAY)
    assert listed(ecr, repository_name, imageStatus="ANY") == []
    assert bytes_kept() == set()


def test_what_is_pulled_is_not_archived(
    clock: Any, aws: Any, ecr: Any, repository_name: str
) -> None:
    """Pulls over the registry protocol keep an image from the archive; a HEAD does not."""
    registry_of(aws, repository_name).push(OLD, "old")
    registry_of(aws, repository_name).push(NEW, "new")
    put_policy(ecr, repository_name, archiving(rule(1, 5, "sinceImagePulled")))
    clock.tick(4 * DAY)
    registry = registry_of(aws, repository_name)
    assert registry.get("/manifests/new").ok
    assert registry.head("/manifests/old").ok
    clock.tick(4 * DAY)
    assert listed(ecr, repository_name) == [NEW.digest]


def test_an_image_is_in_use_elsewhere(clock: Any, ecr: Any, repository_name: str) -> None:
    """Bytes stay as long as another repository holds them."""
    ecr.create_repository(repositoryName="other")
    for name in (repository_name, "other"):
        testing.push(ecr, name, OLD, tag="old")
    put_policy(ecr, repository_name, rule(days=1))
    clock.tick(3 * DAY)
    assert listed(ecr, repository_name) == []
    assert testing.pull(ecr, "other", "old").manifest == OLD.manifest


def test_only_a_post_runs_policies(aws: Any, ecr: Any, repository_name: str) -> None:
    """Only a POST runs policies, as with moto's own /moto-api/reset."""
    put_policy(ecr, repository_name, rule())
    url = aws.endpoint_url or "http://motoapi.amazonaws.com"
    answer = requests.get(f"{url}/moto-api/ecr/run-lifecycle", timeout=60)
    assert answer.status_code == 400
    assert answer.json() == {"Error": "Need to POST to run lifecycle policies"}
    policy = ecr.get_lifecycle_policy(repositoryName=repository_name)
    assert policy["lastEvaluatedAt"].timestamp() == 0


def test_a_reset_forgets_what_was_due(clock: Any, aws: Any, ecr: Any, repository_name: str) -> None:
    """After a reset, a policy is due in a day again."""
    put_policy(ecr, repository_name, rule())
    clock.tick(DAY / 2)
    url = aws.endpoint_url or "http://motoapi.amazonaws.com"
    assert requests.post(f"{url}/moto-api/reset", timeout=60).ok
    ecr.create_repository(repositoryName=repository_name)
    put_policy(ecr, repository_name, rule())
    clock.tick(DAY / 2)
    policy = ecr.get_lifecycle_policy(repositoryName=repository_name)
    assert policy["lastEvaluatedAt"].timestamp() == 0


def test_a_policy_that_became_due_while_no_server_ran(tmp_path: Path, clock: Any) -> None:
    """The next process that opens the directory runs the policy with its first request."""
    with moto_ecr_ext.install(data_dir=tmp_path):
        backend = registry_backend(ACCOUNT, "us-east-1")
        backend.create_repository(repository_name="app")
        backend.put_image("app", OLD.manifest.decode(), image_tag="old")
        policy = json.dumps({"rules": [rule(days=1)]})
        backend.put_lifecycle_policy("app", policy)
        assert len(backend.list_images("app")["imageIds"]) == 1
    clock.tick(3 * DAY)
    with moto_ecr_ext.install(data_dir=tmp_path):
        backend = registry_backend(ACCOUNT, "us-east-1")
        assert backend.list_images("app")["imageIds"] == []
        assert backend.get_lifecycle_policy("app").last_evaluated_at == time.time()


def test_a_clock_that_was_ahead(clock: Any, ecr: Any, repository_name: str) -> None:
    """A policy that a wrong clock made due in years is due now: it runs once a day, within 24 hours.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html: within 24 hours.
    """
    testing.push(ecr, repository_name, OLD, tag="old")
    clock.move_to(BEGINNING + 3650 * DAY)
    put_policy(ecr, repository_name, rule(days=10_000))
    clock.tick(DAY)
    assert listed(ecr, repository_name) == [OLD.digest]
    clock.move_to(BEGINNING + 3 * DAY)
    policy = ecr.get_lifecycle_policy(repositoryName=repository_name)
    assert policy["lastEvaluatedAt"] == BEGINNING + 3 * DAY


def test_a_clock_that_was_ahead_of_a_server(tmp_path: Path, clock: Any) -> None:
    """A server whose clock is right runs the policy with its first request, though another's clock was ahead."""
    with moto_ecr_ext.install(data_dir=tmp_path):
        backend = registry_backend(ACCOUNT, "us-east-1")
        backend.create_repository(repository_name="app")
        backend.put_image("app", OLD.manifest.decode(), image_tag="old")
        clock.tick(3650 * DAY)
        backend.put_lifecycle_policy("app", json.dumps({"rules": [rule(days=1)]}))
    clock.move_to(BEGINNING + 3 * DAY)
    with moto_ecr_ext.install(data_dir=tmp_path):
        backend = registry_backend(ACCOUNT, "us-east-1")
        assert backend.list_images("app")["imageIds"] == []


def test_a_run_needs_the_extension() -> None:
    """Without the extension there are no policies to run, so the call is refused."""
    moto_ecr_ext.uninstall()
    with pytest.raises(RuntimeError, match="install"):
        moto_ecr_ext.run_lifecycle()
