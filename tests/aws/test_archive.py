"""The archive: UpdateImageStorageClass, and what an archived image is to every other call of both protocols.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/archive_restore_image.html
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from moto_ecr_ext import testing
from support.constants import ACCOUNT, BEGINNING
from support.refusals import Refusal, no_image, no_repository, refusal
from support.registry_client import RepositoryClient, assert_refused
from support.stored import everything_stored

BASE = testing.build_layer(seed="base")


def image(seed: str) -> testing.Image:
    """An image with a layer that all have, and one that only it has."""
    return testing.build_image(seed=seed, layers=[BASE, testing.build_layer(seed=seed)])


IMAGE, OTHER = image("image"), image("other")
AMD64, ARM64 = image("amd64"), image("arm64")
INDEX = testing.build_index([AMD64, ARM64])
SIGNATURE = testing.build_artifact(
    artifact_type="application/signature", subject=IMAGE, content=b"signed"
)
NOT_SUPPORTED = Refusal(
    "ImageStorageClassUpdateNotSupportedException",
    "The requested image storage class update is not supported.",
)
INACCESSIBLE = {
    "failureCode": "ImageInaccessible",
    "failureReason": "Requested image is archived or is being restored",
}


@pytest.fixture
def registry(aws: Any, repository_name: str) -> RepositoryClient:
    """The repository over the registry protocol."""
    return RepositoryClient(aws.registry(), repository_name)


def move(ecr: Any, target: str, *images: testing.Image | testing.Index) -> list[str]:
    """Change the storage class of images of team/app; their statuses then."""
    return [
        ecr.update_image_storage_class(
            repositoryName="team/app",
            imageId={"imageDigest": each.digest},
            targetStorageClass=target,
        )["imageStatus"]
        for each in images
    ]


def refused_move(ecr: Any, target: str, image: testing.Image | testing.Index) -> Refusal:
    """How a change of the storage class is refused, which changes nothing."""
    before = everything_stored()
    said = refusal(
        ecr.update_image_storage_class,
        repositoryName="team/app",
        imageId={"imageDigest": image.digest},
        targetStorageClass=target,
    )
    assert everything_stored() == before
    return said


def described(ecr: Any, image: testing.Image | testing.Index) -> dict[str, Any]:
    """Return one image of DescribeImages."""
    [detail] = ecr.describe_images(
        repositoryName="team/app", imageIds=[{"imageDigest": image.digest}]
    )["imageDetails"]
    return dict(detail)


def statuses(ecr: Any, *images: testing.Image | testing.Index) -> list[str]:
    return [described(ecr, each)["imageStatus"] for each in images]


def availability(ecr: Any, *blobs: testing.Blob) -> list[str]:
    layers = ecr.batch_check_layer_availability(
        repositoryName="team/app", layerDigests=[blob.digest for blob in blobs]
    )["layers"]
    return [layer["layerAvailability"] for layer in layers]


def test_the_answer(ecr: Any, repository_name: str) -> None:
    """The answer names the image as the request did, and has its new status."""
    testing.push(ecr, repository_name, IMAGE, tag="v1")
    for image_id in ({"imageTag": "v1"}, {"imageDigest": IMAGE.digest, "imageTag": "v1"}):
        for target, status in (("ARCHIVE", "ARCHIVED"), ("STANDARD", "ACTIVE")):
            answer = ecr.update_image_storage_class(
                repositoryName=repository_name, imageId=image_id, targetStorageClass=target
            )
            del answer["ResponseMetadata"]
            assert answer == {
                "registryId": ACCOUNT,
                "repositoryName": "team/app",
                "imageId": {"imageDigest": IMAGE.digest, "imageTag": "v1"},
                "imageStatus": status,
            }


def test_an_archived_image_cannot_be_pulled(
    ecr: Any, repository_name: str, registry: RepositoryClient
) -> None:
    """Both protocols refuse the manifest and the blobs of an archived image."""
    registry.push(IMAGE, "v1")
    assert move(ecr, "ARCHIVE", IMAGE) == ["ARCHIVED"]
    asked = [{"imageDigest": IMAGE.digest}, {"imageTag": "v1"}]
    answer = ecr.batch_get_image(repositoryName=repository_name, imageIds=asked)
    assert answer["images"] == []
    assert answer["failures"] == [{"imageId": each, **INACCESSIBLE} for each in asked]
    for reference in ("v1", IMAGE.digest):
        url = f"/manifests/{reference}"
        assert_refused(registry.get(url), 404, "MANIFEST_UNKNOWN", "Requested image not found")
        assert registry.head(url).status_code == 404
    for blob in IMAGE.blobs:
        assert registry.get(f"/blobs/{blob.digest}").status_code == 404
        url_of = {"repositoryName": repository_name, "layerDigest": blob.digest}
        refused = refusal(ecr.get_download_url_for_layer, **url_of)
        assert refused.code == "LayerInaccessibleException"
    assert "lastRecordedPullTime" not in described(ecr, IMAGE)


def test_an_archived_image_can_be_pulled_again(
    ecr: Any, repository_name: str, registry: RepositoryClient
) -> None:
    """A restored image is pulled under its tags as before."""
    registry.push(IMAGE, "v1")
    registry.put_manifest(IMAGE, "v2")
    move(ecr, "ARCHIVE", IMAGE)
    assert move(ecr, "STANDARD", IMAGE) == ["ACTIVE"]
    assert testing.pull(ecr, repository_name, "v1").manifest == IMAGE.manifest
    assert registry.get("/manifests/v2").content == IMAGE.manifest
    assert [registry.get(f"/blobs/{blob.digest}").content for blob in IMAGE.blobs] == [
        blob.content for blob in IMAGE.blobs
    ]
    assert registry.get("/tags/list").json()["tags"] == ["v1", "v2"]


def test_lists_hide_archived_images(
    ecr: Any, repository_name: str, registry: RepositoryClient
) -> None:
    """Lists show archived images only with a filter for their status; an image that is named is described."""
    testing.push(ecr, repository_name, IMAGE, tag="cold")
    testing.push(ecr, repository_name, OTHER, tag="warm")
    move(ecr, "ARCHIVE", IMAGE)
    expected = {
        None: [OTHER.digest],
        "ACTIVE": [OTHER.digest],
        "ARCHIVED": [IMAGE.digest],
        "ACTIVATING": [],
        "ANY": [IMAGE.digest, OTHER.digest],
    }
    for status, digests in expected.items():
        request = {"filter": {"imageStatus": status}} if status else {}
        listed = ecr.list_images(repositoryName=repository_name, **request)["imageIds"]
        details = ecr.describe_images(repositoryName=repository_name, **request)["imageDetails"]
        assert [each["imageDigest"] for each in listed] == digests
        assert [each["imageDigest"] for each in details] == digests
    assert registry.get("/tags/list").json()["tags"] == ["warm"]
    assert described(ecr, IMAGE)["imageStatus"] == "ARCHIVED"


def test_when_it_was_archived_and_restored(clock: Any, ecr: Any, repository_name: str) -> None:
    """After a restore, both times are returned; the time of the push is unchanged."""
    testing.push(ecr, repository_name, IMAGE, tag="v1")
    new = described(ecr, IMAGE)
    assert not {"lastArchivedAt", "lastActivatedAt"} & new.keys()
    clock.tick(3600)
    move(ecr, "ARCHIVE", IMAGE)
    archived = described(ecr, IMAGE)
    assert archived == {
        **new,
        "imageStatus": "ARCHIVED",
        "lastArchivedAt": BEGINNING + timedelta(hours=1),
    }
    clock.tick(3600)
    move(ecr, "STANDARD", IMAGE)
    assert described(ecr, IMAGE) == {
        **archived,
        "imageStatus": "ACTIVE",
        "lastActivatedAt": BEGINNING + timedelta(hours=2),
    }


def test_the_same_storage_class_again(clock: Any, ecr: Any, repository_name: str) -> None:
    """A second request for the same storage class changes no status and no time."""
    testing.push(ecr, repository_name, IMAGE, tag="v1")
    for target, status in (("STANDARD", "ACTIVE"), ("ARCHIVE", "ARCHIVED"), ("STANDARD", "ACTIVE")):
        move(ecr, target, IMAGE)
        before = described(ecr, IMAGE)
        clock.tick(3600)
        assert move(ecr, target, IMAGE) == [status]
        assert described(ecr, IMAGE) == before


def test_layers_of_archived_images(ecr: Any, repository_name: str) -> None:
    """A layer is archived when no active image has it."""
    for each in (IMAGE, OTHER):
        testing.push(ecr, repository_name, each)
    own, others = IMAGE.layers[1], OTHER.layers[1]
    move(ecr, "ARCHIVE", IMAGE)
    assert availability(ecr, BASE, own, others) == ["AVAILABLE", "ARCHIVED", "AVAILABLE"]
    move(ecr, "ARCHIVE", OTHER)
    assert availability(ecr, BASE, own, others) == ["ARCHIVED", "ARCHIVED", "ARCHIVED"]
    move(ecr, "STANDARD", OTHER)
    assert availability(ecr, BASE, own, others) == ["AVAILABLE", "ARCHIVED", "AVAILABLE"]


def test_an_archived_image_is_not_scanned(ecr: Any, repository_name: str) -> None:
    """An archived image loses its findings. Once it is restored, it can be scanned again."""
    testing.push(ecr, repository_name, IMAGE, tag="v1")
    image = {"repositoryName": repository_name, "imageId": {"imageTag": "v1"}}
    ecr.start_image_scan(**image)
    move(ecr, "ARCHIVE", IMAGE)
    before = everything_stored()
    assert refusal(ecr.start_image_scan, **image) == Refusal(
        "ImageArchivedException", "The specified image is archived and cannot be scanned."
    )
    found = ecr.describe_image_scan_findings(**image)
    assert found["imageScanStatus"] == {
        "status": "IMAGE_ARCHIVED",
        "description": "The specified image is archived and cannot be scanned.",
    }
    assert "imageScanFindings" not in found
    assert everything_stored() == before
    move(ecr, "STANDARD", IMAGE)
    assert refusal(ecr.describe_image_scan_findings, **image).code == "ScanNotFoundException"
    ecr.start_image_scan(**image)


def test_restoring_is_like_a_push(ecr: Any, repository_name: str) -> None:
    """A restored image is scanned if images are scanned on push."""
    testing.push(ecr, repository_name, IMAGE, tag="v1")
    move(ecr, "ARCHIVE", IMAGE)
    ecr.put_image_scanning_configuration(
        repositoryName=repository_name, imageScanningConfiguration={"scanOnPush": True}
    )
    move(ecr, "STANDARD", IMAGE)
    findings = ecr.describe_image_scan_findings(
        repositoryName=repository_name, imageId={"imageTag": "v1"}
    )
    assert findings["imageScanStatus"]["status"] == "COMPLETE"


def test_an_archived_image_can_be_deleted(
    ecr: Any, repository_name: str, registry: RepositoryClient
) -> None:
    """An archived image can be deleted at once: the ninety days for which it is paid are on the bill only."""
    registry.push(IMAGE, "v1")
    move(ecr, "ARCHIVE", IMAGE)
    deleted = ecr.batch_delete_image(repositoryName=repository_name, imageIds=[{"imageTag": "v1"}])
    assert deleted["imageIds"] == [{"imageDigest": IMAGE.digest, "imageTag": "v1"}]
    assert availability(ecr, *IMAGE.blobs) == ["UNAVAILABLE"] * 3
    registry.push(OTHER, "v2")
    move(ecr, "ARCHIVE", OTHER)
    assert registry.delete(f"/manifests/{OTHER.digest}").status_code == 202
    ecr.delete_repository(repositoryName=repository_name)


def test_a_push_restores(ecr: Any, repository_name: str, registry: RepositoryClient) -> None:
    """A push of the same manifest under the same tag restores the image, and is not refused as existing."""
    testing.push(ecr, repository_name, IMAGE, tag="v1")
    for push in (
        lambda: registry.push(IMAGE, "v1"),
        lambda: registry.push(IMAGE),
        lambda: testing.push(ecr, repository_name, IMAGE, tag="v1"),
        lambda: testing.push(ecr, repository_name, IMAGE),
        lambda: testing.push(ecr, repository_name, IMAGE, tag="v2"),
    ):
        move(ecr, "ARCHIVE", IMAGE)
        push()
        assert statuses(ecr, IMAGE) == ["ACTIVE"]
        assert registry.get("/manifests/v1").content == IMAGE.manifest
    assert described(ecr, IMAGE)["imageTags"] == ["v1", "v2"]
    request = {"repositoryName": repository_name, "imageManifest": IMAGE.manifest.decode()}
    assert refusal(
        ecr.put_image, imageTag="v1", imageManifestMediaType=IMAGE.media_type, **request
    ).code == ("ImageAlreadyExistsException")


def test_an_index_takes_its_children_along(
    ecr: Any, repository_name: str, registry: RepositoryClient
) -> None:
    """The children of an index are archived and restored with it."""
    registry.push(INDEX, "v1")
    move(ecr, "ARCHIVE", INDEX)
    assert statuses(ecr, INDEX, AMD64, ARM64) == ["ARCHIVED"] * 3
    assert registry.get(f"/manifests/{AMD64.digest}").status_code == 404
    assert availability(ecr, *AMD64.layers) == ["ARCHIVED"] * 2
    move(ecr, "STANDARD", INDEX)
    assert statuses(ecr, INDEX, AMD64, ARM64) == ["ACTIVE"] * 3
    assert testing.pull(ecr, repository_name, "v1").manifest == INDEX.manifest


def test_a_push_of_an_index_restores_its_children(
    ecr: Any, repository_name: str, registry: RepositoryClient
) -> None:
    """A client may push the index alone, since the repository has its children."""
    registry.push(INDEX, "v1")
    move(ecr, "ARCHIVE", INDEX)
    assert registry.put_manifest(INDEX, "v1").status_code == 201
    assert testing.pull(ecr, repository_name, "v1").manifest == INDEX.manifest


def test_a_child_of_another_index_is_left_alone(ecr: Any, repository_name: str) -> None:
    """A child is archived with the last index that lists it."""
    second = testing.build_index([AMD64])
    testing.push(ecr, repository_name, INDEX, tag="v1")
    testing.push(ecr, repository_name, second, tag="v2")
    move(ecr, "ARCHIVE", INDEX)
    assert statuses(ecr, AMD64, ARM64) == ["ACTIVE", "ARCHIVED"]
    assert testing.pull(ecr, repository_name, "v2").manifest == second.manifest
    move(ecr, "ARCHIVE", second)
    assert statuses(ecr, AMD64, ARM64) == ["ARCHIVED", "ARCHIVED"]


def test_a_child_is_not_archived_before_its_index(ecr: Any, repository_name: str) -> None:
    """A child is not archived while an index that lists it is active, whatever the child's tags."""
    testing.push(ecr, repository_name, AMD64, tag="amd64")
    testing.push(ecr, repository_name, INDEX, tag="v1")
    second = testing.build_index([AMD64])
    testing.push(ecr, repository_name, second, tag="v2")
    assert refused_move(ecr, "ARCHIVE", AMD64) == NOT_SUPPORTED
    move(ecr, "ARCHIVE", INDEX)
    assert statuses(ecr, AMD64, ARM64) == ["ACTIVE", "ARCHIVED"]
    assert refused_move(ecr, "ARCHIVE", AMD64) == NOT_SUPPORTED
    move(ecr, "ARCHIVE", second)
    assert statuses(ecr, AMD64) == ["ACTIVE"]
    assert move(ecr, "ARCHIVE", AMD64) == ["ARCHIVED"]
    move(ecr, "STANDARD", second)
    assert statuses(ecr, second, AMD64, ARM64, INDEX) == [
        *("ACTIVE", "ACTIVE"),
        *("ARCHIVED", "ARCHIVED"),
    ]


def test_referrers_go_along_with_their_subject(
    ecr: Any, repository_name: str, registry: RepositoryClient
) -> None:
    """Referrers of referrers are archived too; the list of referrers omits archived ones."""
    registry.push(IMAGE, "v1")
    registry.push(SIGNATURE)
    countersignature = testing.build_artifact(
        artifact_type="application/signature", subject=SIGNATURE, content=b"signed"
    )
    registry.push(countersignature)
    everything = (IMAGE, SIGNATURE, countersignature)
    referrers = f"/referrers/{IMAGE.digest}"
    move(ecr, "ARCHIVE", IMAGE)
    assert statuses(ecr, *everything) == ["ARCHIVED"] * 3
    assert registry.get(referrers).json()["manifests"] == []
    move(ecr, "STANDARD", IMAGE)
    assert statuses(ecr, *everything) == ["ACTIVE"] * 3
    [listed] = registry.get(referrers).json()["manifests"]
    assert listed["digest"] == SIGNATURE.digest


def test_a_referrer_is_not_archived_on_its_own(ecr: Any, repository_name: str) -> None:
    """A referrer is not archived alone, with or without its subject; it may follow an archived subject."""
    testing.push(ecr, repository_name, SIGNATURE)
    assert refused_move(ecr, "ARCHIVE", SIGNATURE) == NOT_SUPPORTED
    testing.push(ecr, repository_name, IMAGE, tag="v1")
    assert refused_move(ecr, "ARCHIVE", SIGNATURE) == NOT_SUPPORTED
    move(ecr, "ARCHIVE", IMAGE)
    assert statuses(ecr, SIGNATURE) == ["ARCHIVED"]
    assert move(ecr, "STANDARD", SIGNATURE) == ["ACTIVE"]
    assert move(ecr, "ARCHIVE", SIGNATURE) == ["ARCHIVED"]


def test_no_image(ecr: Any, repository_name: str) -> None:
    """An identifier that names no image is refused, and so is an unknown repository."""
    testing.push(ecr, repository_name, IMAGE, tag="v1")
    call = ecr.update_image_storage_class
    request = {"repositoryName": repository_name, "targetStorageClass": "ARCHIVE"}
    before = everything_stored()
    assert refusal(call, imageId={"imageTag": "v2"}, **request) == no_image(
        repository_name, tag="v2"
    )
    assert refusal(call, imageId={}, **request) == no_image(repository_name)
    request["repositoryName"] = "no/app"
    assert refusal(call, imageId={"imageTag": "v1"}, **request) == no_repository("no/app")
    assert everything_stored() == before


def test_coming_back_takes_time(
    clock: Any, ecr: Any, repository_name: str, registry: RepositoryClient, slowly: Any
) -> None:
    """A restore takes as long as moto's state manager says. The image cannot be pulled, scanned or archived until
    then.
    """
    registry.push(INDEX, "v1")
    move(ecr, "ARCHIVE", INDEX)
    slowly("ecr::image_activation", progression="time", seconds=20 * 60)
    assert move(ecr, "STANDARD", INDEX) == ["ACTIVATING"]

    assert statuses(ecr, INDEX, AMD64, ARM64) == ["ACTIVATING"] * 3
    assert move(ecr, "STANDARD", INDEX) == ["ACTIVATING"]
    assert refused_move(ecr, "ARCHIVE", INDEX) == NOT_SUPPORTED
    assert registry.get("/manifests/v1").status_code == 404
    asked = [{"imageTag": "v1"}]
    failures = ecr.batch_get_image(repositoryName=repository_name, imageIds=asked)["failures"]
    assert failures == [{"imageId": asked[0], **INACCESSIBLE}]
    scan = {"repositoryName": repository_name, "imageId": {"imageDigest": AMD64.digest}}
    assert refusal(ecr.start_image_scan, **scan).code == "ImageArchivedException"
    assert availability(ecr, AMD64.layers[1]) == ["ARCHIVED"]
    filtered = {"filter": {"imageStatus": "ACTIVATING"}}
    assert len(ecr.list_images(repositoryName=repository_name, **filtered)["imageIds"]) == 3

    clock.tick(20 * 60 + 1)
    assert registry.get("/manifests/v1").content == INDEX.manifest
    assert statuses(ecr, INDEX, AMD64, ARM64) == ["ACTIVE"] * 3
    assert described(ecr, INDEX)["lastActivatedAt"] == BEGINNING + timedelta(seconds=1201)


def test_coming_back_counted_by_descriptions(
    ecr: Any, repository_name: str, registry: RepositoryClient, slowly: Any
) -> None:
    """Only descriptions of images of this repository count, with or without the restored one among them."""
    ecr.create_repository(repositoryName="other")
    registry.push(IMAGE, "v1")
    move(ecr, "ARCHIVE", IMAGE)
    slowly("ecr::image_activation", progression="manual", times=3)
    move(ecr, "STANDARD", IMAGE)
    for _ in range(3):
        assert registry.get("/manifests/v1").status_code == 404
        ecr.describe_images(repositoryName="other")
        ecr.list_images(repositoryName=repository_name)
    assert statuses(ecr, IMAGE) == ["ACTIVATING"]
    assert ecr.describe_images(repositoryName=repository_name)["imageDetails"] == []
    assert statuses(ecr, IMAGE) == ["ACTIVE"]
    assert registry.get("/manifests/v1").content == IMAGE.manifest
    slowly("ecr::image_activation", progression="manual", times=30)
    assert statuses(ecr, IMAGE) == ["ACTIVE"]


def test_a_push_restores_what_is_coming_back(ecr: Any, repository_name: str, slowly: Any) -> None:
    """A push restores an image at once, without waiting any longer."""
    testing.push(ecr, repository_name, IMAGE, tag="v1")
    move(ecr, "ARCHIVE", IMAGE)
    slowly("ecr::image_activation", progression="time", seconds=1200)
    move(ecr, "STANDARD", IMAGE)
    testing.push(ecr, repository_name, IMAGE, tag="v1")
    assert statuses(ecr, IMAGE) == ["ACTIVE"]
    assert testing.pull(ecr, repository_name, "v1").manifest == IMAGE.manifest
    assert move(ecr, "ARCHIVE", IMAGE) == ["ARCHIVED"]


def test_a_push_restores_the_children_that_are_coming_back(
    ecr: Any, repository_name: str, slowly: Any
) -> None:
    """A push of an index also restores its children, since the index could not be pulled without them."""
    testing.push(ecr, repository_name, INDEX, tag="v1")
    move(ecr, "ARCHIVE", INDEX)
    slowly("ecr::image_activation", progression="time", seconds=1200)
    move(ecr, "STANDARD", INDEX)
    ecr.put_image(
        repositoryName=repository_name, imageManifest=INDEX.manifest.decode(), imageTag="v1"
    )
    assert statuses(ecr, INDEX, AMD64, ARM64) == ["ACTIVE"] * 3
    assert testing.pull(ecr, repository_name, "v1").manifest == INDEX.manifest


def test_deleted_while_it_is_coming_back(
    clock: Any, ecr: Any, repository_name: str, slowly: Any
) -> None:
    """An image that is deleted during its restore does not come back."""
    testing.push(ecr, repository_name, IMAGE, tag="v1")
    move(ecr, "ARCHIVE", IMAGE)
    slowly("ecr::image_activation", progression="time", seconds=1200)
    move(ecr, "STANDARD", IMAGE)
    ecr.batch_delete_image(repositoryName=repository_name, imageIds=[{"imageTag": "v1"}])
    clock.tick(1201)
    images = ecr.list_images(repositoryName=repository_name, filter={"imageStatus": "ANY"})
    assert images["imageIds"] == []
