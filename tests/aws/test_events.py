"""Events to EventBridge, as https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html shows them."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from freezegun import freeze_time

import moto_ecr_ext
from moto_ecr_ext import testing
from support.listener import Listener
from support.upstream import running_upstream

NAME = "team/app"


@pytest.fixture
def listener(aws: Any, ecr: Any) -> Listener:
    ecr.create_repository(repositoryName=NAME)
    return Listener(aws)


def action(kind: str, digest: str, tag: str | None = None) -> dict[str, Any]:
    detail = {
        "result": "SUCCESS",
        "repository-name": NAME,
        "image-digest": digest,
        "action-type": kind,
    }
    return {**detail, "image-tag": tag} if tag is not None else detail


def pushed(image: testing.Image, tag: str = "") -> dict[str, Any]:
    """The detail of a push of an image, as it was recorded on AWS in June 2025."""
    return {
        **action("PUSH", image.digest, tag),
        "manifest-media-type": image.media_type,
        "artifact-media-type": image.config.media_type,
    }


def details(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [event["detail"] for event in events]


def test_a_push_through_the_api_sends_an_event_for_each_tag(ecr: Any, listener: Listener) -> None:
    """A push through the API sends one event for each tag: PUSH for the image, and for each further tag."""
    image = testing.build_image(seed=1)
    testing.push(ecr, NAME, image, tag="v1")
    ecr.put_image(repositoryName=NAME, imageManifest=image.manifest.decode(), imageTag="v2")
    heard = listener.heard()
    assert details(heard) == [
        pushed(image, "v1"),
        pushed(image, "v2"),
    ]
    assert {event["detail-type"] for event in heard} == {"ECR Image Action"}
    assert {event["source"] for event in heard} == {"aws.ecr"}
    assert {event["region"] for event in heard} == {"us-east-1"}


def test_a_push_through_the_registry_sends_the_same_event(
    aws: Any, ecr: Any, listener: Listener
) -> None:
    """A push through the registry sends the same event, without the protocol; the same push again sends none."""
    image = testing.build_image(seed=2)
    for blob in image.blobs:
        testing.upload_blob(ecr, NAME, blob)
    registry = aws.registry()
    for _ in range(2):
        answer = registry.put(
            f"/v2/{NAME}/manifests/v1",
            data=image.manifest,
            headers={"Content-Type": image.media_type},
        )
        assert answer.status_code == 201
    assert details(listener.heard()) == [pushed(image, "v1")]


def test_a_push_without_a_tag(ecr: Any, listener: Listener) -> None:
    """The event of a push without a tag has an empty tag, as in recordings of 2023 and 2025."""
    image = testing.build_image(seed=11)
    testing.push(ecr, NAME, image)
    assert details(listener.heard()) == [pushed(image)]


def test_a_push_of_an_index(ecr: Any, listener: Listener) -> None:
    """The event of an index has an artifact type only if the index names one."""
    plain = testing.build_index([testing.build_image(seed=12)])
    for image in plain.images:
        testing.push(ecr, NAME, image)
    listener.heard()
    named = {**json.loads(plain.manifest), "artifactType": "application/vnd.test.bundle"}
    for manifest in (plain.manifest.decode(), json.dumps(named)):
        ecr.put_image(repositoryName=NAME, imageManifest=manifest, imageTag="all")
    first, second = details(listener.heard())
    assert first == {
        **action("PUSH", plain.digest, "all"),
        "manifest-media-type": plain.media_type,
    }
    assert second["artifact-media-type"] == "application/vnd.test.bundle"


def test_a_deletion_without_a_tag(ecr: Any, listener: Listener) -> None:
    """The event of an untagged image's deletion has no tag, and no media types, as in the User Guide's example."""
    image = testing.build_image(seed=13)
    testing.push(ecr, NAME, image)
    listener.heard()
    ecr.batch_delete_image(repositoryName=NAME, imageIds=[{"imageDigest": image.digest}])
    assert details(listener.heard()) == [action("DELETE", image.digest)]


def test_a_deletion_sends_an_event_for_each_tag(aws: Any, ecr: Any, listener: Listener) -> None:
    """DELETE is sent for a single tag, and for each tag of an image that is deleted."""
    image = testing.build_image(seed=3)
    testing.push(ecr, NAME, image, tag="a")
    for tag in ("b", "c"):
        ecr.put_image(repositoryName=NAME, imageManifest=image.manifest.decode(), imageTag=tag)
    listener.heard()
    ecr.batch_delete_image(repositoryName=NAME, imageIds=[{"imageTag": "b"}])
    assert details(listener.heard()) == [action("DELETE", image.digest, "b")]
    assert aws.registry().delete(f"/v2/{NAME}/manifests/{image.digest}").status_code == 202
    assert details(listener.heard()) == [
        action("DELETE", image.digest, "a"),
        action("DELETE", image.digest, "c"),
    ]


def test_a_referrer_has_its_own_kind_of_event(ecr: Any, listener: Listener) -> None:
    """An image with a subject has events of a separate kind, which name its types."""
    image = testing.build_image(seed=4)
    signature = testing.build_artifact(subject=image, artifact_type="application/vnd.test.sig")
    testing.push(ecr, NAME, image, tag="v1")
    listener.heard()
    testing.push(ecr, NAME, signature)
    [event] = listener.heard()
    assert event["detail-type"] == "ECR Referrer Action"
    assert event["detail"] == {
        **action("PUSH", signature.digest, tag=""),
        "manifest-media-type": signature.media_type,
        "artifact-media-type": "application/vnd.test.sig",
    }


def test_a_scan_on_push_sends_an_event_at_its_end(ecr: Any, listener: Listener) -> None:
    """The scan's event names the repository among its resources and the tags of the image."""
    ecr.put_image_scanning_configuration(
        repositoryName=NAME, imageScanningConfiguration={"scanOnPush": True}
    )
    image = testing.build_image(seed=5)
    testing.push(ecr, NAME, image, tag="v1")
    scans = [event for event in listener.heard() if event["detail-type"] == "ECR Image Scan"]
    assert [event["resources"] for event in scans] == [
        [f"arn:aws:ecr:us-east-1:123456789012:repository/{NAME}"]
    ]
    assert details(scans) == [
        {
            "scan-status": "COMPLETE",
            "repository-name": NAME,
            "finding-severity-counts": {},
            "image-digest": image.digest,
            "image-tags": ["v1"],
        }
    ]


def test_a_pull_through_the_cache(aws: Any, ecr: Any, listener: Listener) -> None:
    """Each question to the upstream registry sends an event, with the image found or the failure."""
    ecr.create_pull_through_cache_rule(
        ecrRepositoryPrefix="quay", upstreamRegistryUrl="quay.io", upstreamRepositoryPrefix="a1"
    )
    image = testing.build_image(seed=6)
    detail = {
        "rule-version": "1",
        "ecr-repository-prefix": "quay",
        "repository-name": "quay/app",
        "upstream-registry-url": "quay.io",
    }
    with running_upstream() as upstream:
        aws.configure(upstreams=upstream.setting())
        upstream.put("a1/app", image, "v1")
        for each in ({"imageTag": "v1"}, {"imageTag": "v1"}, {"imageDigest": image.digest}):
            ecr.batch_get_image(repositoryName="quay/app", imageIds=[each])
        event, *rest = [each for each in listener.heard() if "Cache" in each["detail-type"]]
        assert event["detail-type"] == "ECR Pull Through Cache Action"
        assert event["resources"] == ["arn:aws:ecr:us-east-1:123456789012:repository/quay/app"]
        assert event["detail"] == {
            **detail,
            "sync-status": "SUCCESS",
            "image-tag": "v1",
            "image-digest": image.digest,
        }
        assert rest == []
        upstream.status = 429
        ecr.batch_get_image(repositoryName="quay/app", imageIds=[{"imageTag": "v2"}])
        with freeze_time(datetime.now(timezone.utc) + timedelta(hours=25)):
            ecr.batch_get_image(repositoryName="quay/app", imageIds=[{"imageTag": "v1"}])
    failure = {
        **detail,
        "sync-status": "FAILURE",
        "failure-code": "UpstreamTooManyRequests",
        "failure-reason": "The upstream registry quay.io has received too many requests.",
    }
    assert details(listener.heard()) == [
        {**failure, "image-tag": "v2"},
        {**failure, "image-tag": "v1"},
    ]


def test_a_pull_through_the_cache_of_an_immutable_tag(
    aws: Any, ecr: Any, listener: Listener
) -> None:
    """The upstream's newer image of a tag that cannot move is an event of a failure."""
    ecr.create_pull_through_cache_rule(
        ecrRepositoryPrefix="quay", upstreamRegistryUrl="quay.io", upstreamRepositoryPrefix="a1"
    )
    request = {"repositoryName": "quay/app", "imageIds": [{"imageTag": "v1"}]}
    with running_upstream() as upstream:
        aws.configure(upstreams=upstream.setting())
        upstream.put("a1/app", testing.build_image(seed=6), "v1")
        ecr.batch_get_image(**request)
        ecr.put_image_tag_mutability(repositoryName="quay/app", imageTagMutability="IMMUTABLE")
        upstream.put("a1/app", testing.build_image(seed=7), "v1")
        listener.heard()
        with freeze_time(datetime.now(timezone.utc) + timedelta(hours=25)):
            ecr.batch_get_image(**request)
    [failure] = details(listener.heard())
    assert failure["sync-status"] == "FAILURE"
    assert failure["failure-code"] == "ImageTagAlreadyExistsException"
    assert failure["image-tag"] == "v1"


def test_a_refused_push_sends_no_event(ecr: Any, listener: Listener) -> None:
    """A refused call sends no event."""
    ecr.put_image_tag_mutability(repositoryName=NAME, imageTagMutability="IMMUTABLE")
    first, second = testing.build_image(seed=6), testing.build_image(seed=7)
    testing.push(ecr, NAME, first, tag="v1")
    listener.heard()
    with pytest.raises(ecr.exceptions.ImageTagAlreadyExistsException):
        ecr.put_image(repositoryName=NAME, imageManifest=second.manifest.decode(), imageTag="v1")
    assert listener.heard() == []


def test_a_change_of_the_storage_class_sends_an_event(ecr: Any, listener: Listener) -> None:
    """The event of a change has the manifest's types, and the time of the restore if any. A push that restores sends
    one too.
    """
    image = testing.build_image(seed=8)
    signature = testing.build_artifact(subject=image, artifact_type="application/vnd.test.sig")
    testing.push(ecr, NAME, image, tag="v1")
    testing.push(ecr, NAME, signature)
    listener.heard()
    expected = {
        **action("UPDATE_STORAGE_CLASS", image.digest),
        "manifest-media-type": image.media_type,
        "artifact-media-type": image.config.media_type,
    }
    with freeze_time("2026-06-01 12:00:00.25"):
        for restore in (
            lambda: move(ecr, "STANDARD", image),
            lambda: testing.push(ecr, NAME, image, tag="v1"),
        ):
            move(ecr, "ARCHIVE", image)
            archived, with_it = listener.heard()
            assert archived["detail"] == {**expected, "target-storage-class": "ARCHIVE"}
            assert archived["detail-type"] == "ECR Image Action"
            assert with_it["detail-type"] == "ECR Referrer Action"
            assert with_it["detail"]["image-digest"] == signature.digest
            restore()
            assert details(listener.heard())[0] == {
                **expected,
                "target-storage-class": "STANDARD",
                "last-activated-at": "2026-06-01T12:00:00.250Z",
            }


def move(ecr: Any, target: str, image: testing.Image) -> None:
    ecr.update_image_storage_class(
        repositoryName=NAME, imageId={"imageDigest": image.digest}, targetStorageClass=target
    )


def test_a_run_of_a_lifecycle_policy_sends_events(ecr: Any, listener: Listener) -> None:
    """A lifecycle policy sends the usual events for deletions and for changes of the storage class."""
    first, second = testing.build_image(seed=9), testing.build_image(seed=10)
    testing.push(ecr, NAME, first, tag="a")
    testing.push(ecr, NAME, second, tag="b")
    archive = {"type": "transition", "targetStorageClass": "archive"}
    rules = [
        {
            "rulePriority": number,
            "selection": {
                "tagStatus": "tagged",
                "tagPrefixList": [tag],
                "countType": "sinceImagePushed",
                "countUnit": "days",
                "countNumber": 1,
            },
            "action": what,
        }
        for number, tag, what in ((1, "a", {"type": "expire"}), (2, "b", archive))
    ]
    ecr.put_lifecycle_policy(repositoryName=NAME, lifecyclePolicyText=json.dumps({"rules": rules}))
    listener.heard()
    with freeze_time(datetime.now(timezone.utc) + timedelta(days=2)):
        moto_ecr_ext.run_lifecycle()
    deleted, archived = details(listener.heard())
    assert deleted == action("DELETE", first.digest, "a")
    assert archived["image-digest"] == second.digest
    assert archived["target-storage-class"] == "ARCHIVE"
