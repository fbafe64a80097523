"""Pulls of indexes through the cache: their images follow in the background.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-working.html
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from threading import Event
from typing import Any

import pytest
from freezegun import freeze_time

from moto_ecr_ext.models.pull_through import cache
from moto_ecr_ext.storage.store import current_store
from moto_ecr_ext.testing import DOCKER, Index, build_image, build_index, pull, push
from support.constants import ACCOUNT, REGION
from support.environments import Environment
from support.listener import Listener
from support.registry_client import LogIn, RegistrySession, RepositoryClient
from support.upstream import Upstream, running_upstream
from support.waiting import PATIENCE

NAME = "quay/team/app"
GROUP = (ACCOUNT, REGION, NAME)
AMD = build_image(seed="amd", layers=2)
ARM = build_image(seed="arm", layers=1, architecture="arm64")
INDEX = build_index([AMD, ARM])
ALL = {INDEX.digest, AMD.digest, ARM.digest}


@pytest.fixture
def upstream(aws: Environment, ecr: Any) -> Iterator[Upstream]:
    """A registry with an index of two images."""
    with running_upstream() as upstream:
        aws.configure(upstreams=upstream.setting())
        ecr.create_pull_through_cache_rule(
            ecrRepositoryPrefix="quay", upstreamRegistryUrl="quay.io"
        )
        upstream.put("team/app", INDEX, "v1")
        yield upstream
        assert settled()


class Gate:
    """A gate in an upstream before some paths, where requests wait until it is opened."""

    def __init__(self, upstream: Upstream, is_closed: Callable[[str], bool]) -> None:
        self._is_closed = is_closed
        self._opened = Event()
        self._reached = Event()
        upstream.when_asked = self._stop

    def _stop(self, path: str) -> None:
        if self._is_closed(path):
            self._reached.set()
            assert self._opened.wait(PATIENCE)

    def wait_for_a_request(self) -> None:
        assert self._reached.wait(PATIENCE)

    def open(self) -> None:
        self._opened.set()


@pytest.fixture
def gate(upstream: Upstream) -> Iterator[Gate]:
    """A closed gate before the manifests that have no tag."""
    gate = Gate(upstream, lambda path: "/manifests/sha256:" in path)
    yield gate
    gate.open()


def settled() -> bool:
    return current_store().beside.wait(GROUP, PATIENCE)


def digests(ecr: Any) -> set[str]:
    images = ecr.describe_images(repositoryName=NAME)["imageDetails"]
    return {each["imageDigest"] for each in images}


def pull_index(ecr: Any, tag: str = "v1") -> str:
    [image] = ecr.batch_get_image(repositoryName=NAME, imageIds=[{"imageTag": tag}])["images"]
    digest: str = image["imageId"]["imageDigest"]
    return digest


def cache_events(listener: Listener) -> list[dict[str, Any]]:
    return [each["detail"] for each in listener.heard() if "Cache" in each["detail-type"]]


@pytest.mark.parametrize("media_types", ["OCI", "DOCKER"])
def test_the_images_of_an_index(
    ecr: Any, upstream: Upstream, session: RegistrySession, media_types: str
) -> None:
    """The lists of images have the index and its images, each of which is fetched once, with its layers."""
    index = INDEX if media_types == "OCI" else build_index([AMD, ARM], media_types=DOCKER)
    upstream.put("team/app", index, "all")
    assert RepositoryClient(session, NAME).get("/manifests/all").content == index.manifest
    identifiers = ecr.list_images(repositoryName=NAME)["imageIds"]
    assert {each["imageDigest"] for each in identifiers} == {index.digest, AMD.digest, ARM.digest}
    images = ecr.describe_images(repositoryName=NAME)["imageDetails"]
    assert [each.get("imageTags") for each in images] == [["all"], None, None]
    asked = Counter(upstream.asked)
    assert set(asked.values()) == {1}
    assert len(asked) == 1 + sum(1 + len(image.blobs) for image in (AMD, ARM))
    upstream.status = 503
    assert pull(ecr, NAME, "all").digest == index.digest
    assert Counter(upstream.asked) == asked


def test_an_index_by_its_digest(ecr: Any, upstream: Upstream, session: RegistrySession) -> None:
    """The images follow an index that is pulled by its digest, too."""
    assert RepositoryClient(session, NAME).get(f"/manifests/{INDEX.digest}").ok
    assert digests(ecr) == ALL


def test_an_index_of_indexes(ecr: Any, upstream: Upstream) -> None:
    """The images of an index in an index follow it."""
    outer = build_index([INDEX])
    upstream.put("team/app", INDEX, "inner")
    upstream.put("team/app", outer, "outer")
    assert pull_index(ecr, "outer") == outer.digest
    assert digests(ecr) == {outer.digest, *ALL}


def test_a_referrer_that_is_an_index(ecr: Any, upstream: Upstream) -> None:
    """The images of an index that arrives as a referrer follow it."""
    signed = build_image(seed="signed", layers=1)
    subject = {"mediaType": signed.media_type, "digest": signed.digest, "size": signed.size}
    document = json.dumps({**INDEX.document, "subject": subject})
    referrer = Index(document.encode(), INDEX.media_type, INDEX.images)
    upstream.put("team/app", referrer, "referrer")
    upstream.put("team/app", signed, "signed")
    assert pull_index(ecr, "signed") == signed.digest
    answer = ecr.list_image_referrers(repositoryName=NAME, subjectId={"imageDigest": signed.digest})
    assert [each["digest"] for each in answer["referrers"]] == [referrer.digest]
    assert digests(ecr) == {signed.digest, referrer.digest, AMD.digest, ARM.digest}


def test_the_index_is_answered_first(
    ecr: Any, upstream: Upstream, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer with the index waits for none of its images, and a list of images only for a moment."""
    monkeypatch.setattr(cache, "_PATIENCE", 0.01)
    assert pull_index(ecr) == INDEX.digest
    gate.wait_for_a_request()
    assert digests(ecr) == {INDEX.digest}
    gate.open()
    assert settled()
    assert digests(ecr) == ALL


def test_a_client_that_is_faster(
    ecr: Any, upstream: Upstream, session: RegistrySession, gate: Gate
) -> None:
    """An image that a client pulls while it is on its way is fetched once."""
    assert pull_index(ecr) == INDEX.digest
    gate.wait_for_a_request()
    with ThreadPoolExecutor(4) as pool:
        answers = [
            pool.submit(RepositoryClient(session, NAME).get, f"/manifests/{image.digest}")
            for image in (AMD, ARM, AMD, ARM)
        ]
        gate.open()
        contents = {answer.result().content for answer in answers}
    assert contents == {AMD.manifest, ARM.manifest}
    assert digests(ecr) == ALL
    assert set(Counter(upstream.asked).values()) == {1}


def test_a_client_that_asks_for_what_waits(
    ecr: Any, upstream: Upstream, session: RegistrySession
) -> None:
    """A client gets an image whose turn has not come at once, while others are on their way."""
    images = [build_image(seed=number, layers=1) for number in range(6)]
    upstream.put("team/app", build_index([*images, ARM]), "many")
    gate = Gate(upstream, lambda path: "/manifests/sha256:" in path and ARM.digest not in path)
    pull_index(ecr, "many")
    gate.wait_for_a_request()
    assert RepositoryClient(session, NAME).get(f"/manifests/{ARM.digest}").content == ARM.manifest
    gate.open()
    assert len(digests(ecr)) == 8
    assert set(Counter(upstream.asked).values()) == {1}


def test_their_consequences(aws: Environment, ecr: Any, upstream: Upstream, log_in: LogIn) -> None:
    """Each image is announced, scanned and replicated as the index is."""
    listener = Listener(aws)
    ecr.put_registry_scanning_configuration(
        scanType="BASIC",
        rules=[
            {
                "scanFrequency": "SCAN_ON_PUSH",
                "repositoryFilters": [{"filter": "*", "filterType": "WILDCARD"}],
            }
        ],
    )
    destination = {"region": "eu-west-1", "registryId": ACCOUNT}
    ecr.put_replication_configuration(
        replicationConfiguration={"rules": [{"destinations": [destination]}]}
    )
    assert pull_index(ecr) == INDEX.digest
    assert digests(ecr) == ALL
    for image in (AMD, ARM):
        found = ecr.describe_image_scan_findings(
            repositoryName=NAME, imageId={"imageDigest": image.digest}
        )
        assert found["imageScanStatus"]["status"] == "COMPLETE"
    heard = listener.heard()
    scans = [each["detail"] for each in heard if each["detail-type"] == "ECR Image Scan"]
    assert Counter(each["image-digest"] for each in scans) == Counter((AMD.digest, ARM.digest))
    for kind in ("ECR Pull Through Cache Action", "ECR Image Action"):
        details = [each["detail"] for each in heard if each["detail-type"] == kind]
        assert Counter(each["image-digest"] for each in details) == Counter(ALL)
        tags = {each["image-digest"]: each.get("image-tag") or None for each in details}
        assert tags == {INDEX.digest: "v1", AMD.digest: None, ARM.digest: None}
    there = RepositoryClient(log_in(region="eu-west-1"), NAME)
    for image in (INDEX, AMD, ARM):
        assert there.get(f"/manifests/{image.digest}").content == image.manifest
    for blob in INDEX.blobs:
        assert there.get(f"/blobs/{blob.digest}").content == blob.content


def test_an_image_that_is_gone(aws: Environment, ecr: Any, upstream: Upstream) -> None:
    """The failure of an image is announced, and leaves the index and the others. The next check imports it."""
    listener = Listener(aws)
    gone = upstream.manifests.pop(("team/app", ARM.digest))
    start = datetime.now(timezone.utc)
    assert pull_index(ecr) == INDEX.digest
    assert digests(ecr) == {INDEX.digest, AMD.digest}
    events = {each["image-digest"]: each for each in cache_events(listener)}
    assert {digest: each["sync-status"] for digest, each in events.items()} == {
        INDEX.digest: "SUCCESS",
        AMD.digest: "SUCCESS",
        ARM.digest: "FAILURE",
    }
    assert events[ARM.digest]["failure-code"] == "ImageNotFoundException"
    upstream.manifests["team/app", ARM.digest] = gone
    upstream.asked.clear()
    assert pull_index(ecr) == INDEX.digest
    assert digests(ecr) == {INDEX.digest, AMD.digest}
    with freeze_time(start + timedelta(hours=25)):
        assert pull_index(ecr) == INDEX.digest
        assert digests(ecr) == ALL
    assert upstream.asked[:2] == [
        "/v2/team/app/manifests/v1",
        f"/v2/team/app/manifests/{ARM.digest}",
    ]


def test_an_upstream_that_is_gone(aws: Environment, ecr: Any, upstream: Upstream) -> None:
    """The index stays if its upstream fails after it, and each image that is missing is announced."""
    listener = Listener(aws)

    def fail(path: str) -> None:
        upstream.status = 503 if "/manifests/sha256:" in path else 0

    upstream.when_asked = fail
    assert pull_index(ecr) == INDEX.digest
    assert digests(ecr) == {INDEX.digest}
    failures = [each for each in cache_events(listener) if each["sync-status"] == "FAILURE"]
    assert {each["image-digest"]: each["failure-code"] for each in failures} == {
        AMD.digest: "UpstreamUnavailable",
        ARM.digest: "UpstreamUnavailable",
    }


@pytest.mark.parametrize("gone", ["image", "repository", "everything"])
def test_an_index_that_is_deleted(
    aws: Environment, ecr: Any, upstream: Upstream, gate: Gate, gone: str
) -> None:
    """No image follows an index that is deleted meanwhile, even if it is pulled again. Nothing is announced for it."""
    listener = Listener(aws)
    assert pull_index(ecr) == INDEX.digest
    gate.wait_for_a_request()
    assert {each["sync-status"] for each in cache_events(listener)} == {"SUCCESS"}
    if gone == "image":
        ecr.batch_delete_image(repositoryName=NAME, imageIds=[{"imageDigest": INDEX.digest}])
    elif gone == "repository":
        ecr.delete_repository(repositoryName=NAME, force=True)
    else:
        current_store().clear()
    gate.open()
    assert settled()
    assert cache_events(listener) == []
    repositories = ecr.describe_repositories()["repositories"]
    assert [each["repositoryName"] for each in repositories] == [NAME] * (gone == "image")
    if gone == "image":
        assert digests(ecr) == set()


def test_an_upstream_of_this_ecr(aws: Environment, ecr: Any) -> None:
    """The images of an index from an ECR of the same store follow it, too."""
    source = aws.client(region="eu-west-1")
    source.create_repository(repositoryName="team/app")
    push(source, "team/app", INDEX, tag="v1")
    ecr.create_pull_through_cache_rule(
        ecrRepositoryPrefix="quay", upstreamRegistryUrl=f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com"
    )
    listener = Listener(aws)
    assert pull_index(ecr) == INDEX.digest
    assert digests(ecr) == ALL
    assert Counter(each["image-digest"] for each in cache_events(listener)) == Counter(ALL)
