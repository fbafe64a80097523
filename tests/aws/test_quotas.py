"""Service quotas: which request exceeds them, and how a test sets them.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from moto_ecr_ext import service_model, testing
from moto_ecr_ext.storage.rows import tables
from moto_ecr_ext.storage.store import current_store
from support.constants import ACCOUNT
from support.refusals import Refusal, invalid, refusal
from support.registry_client import RepositoryClient
from support.replication import NAME, WEST, images, replicate, rule, statuses
from support.stored import everything_stored
from support.upstream import running_upstream

FIRST, SECOND, THIRD = (testing.build_image(seed=number, layers=1) for number in range(3))
TWO_IMAGES = Refusal(
    "LimitExceededException",
    # https://github.com/semaphoreci/docs/issues/404, of the time when it was '1000'
    "The repository with name 'team/app' in registry with id '123456789012' already has the maximum "
    "allowed number of images which is '2'",
)


@pytest.fixture
def full(aws: Any, ecr: Any, repository_name: str) -> Any:
    """A client of a registry whose only repository has two images, which is the quota."""
    aws.configure(quotas="images_per_repository=2")
    for number, image in enumerate((FIRST, SECOND)):
        testing.push(ecr, repository_name, image, tag=f"v{number}")
    return ecr


def test_a_third_image(full: Any) -> None:
    """A third image is refused, and nothing changes. Another tag, or an image after a deletion, is accepted."""
    before = everything_stored()
    request = {"repositoryName": NAME, "imageManifest": THIRD.manifest.decode(), "imageTag": "v1"}
    assert refusal(full.put_image, **request) == TWO_IMAGES
    assert everything_stored() == before
    full.put_image(repositoryName=NAME, imageManifest=FIRST.manifest.decode(), imageTag="latest")
    full.batch_delete_image(repositoryName=NAME, imageIds=[{"imageDigest": SECOND.digest}])
    full.put_image(**request)
    assert images(full) == {FIRST.digest: ["v0", "latest"], THIRD.digest: ["v1"]}


def test_a_third_image_over_the_registry_protocol(aws: Any, full: Any) -> None:
    """A third image is refused over the registry protocol with 403 DENIED and the same text:
    https://github.com/aws/containers-roadmap/issues/2159.
    """
    registry = RepositoryClient(aws.registry(), NAME)
    for blob in THIRD.blobs:
        registry.push_blob(blob.content)
    before = everything_stored()
    answer = registry.put_manifest(THIRD.manifest, "v3", THIRD.media_type)
    assert answer.status_code == 403
    assert answer.json() == {"errors": [{"code": "DENIED", "message": TWO_IMAGES.message}]}
    assert everything_stored() == before


def test_images_of_other_repositories_do_not_count(full: Any) -> None:
    """Only the repository's own images count toward its quota."""
    full.create_repository(repositoryName="other")
    testing.push(full, "other", THIRD)
    full.batch_delete_image(repositoryName=NAME, imageIds=[{"imageDigest": FIRST.digest}])
    testing.push(full, "other", FIRST)
    testing.push(full, NAME, THIRD)
    assert images(full).keys() == {SECOND.digest, THIRD.digest}
    assert (
        refusal(full.put_image, repositoryName=NAME, imageManifest=FIRST.manifest.decode())
        == TWO_IMAGES
    )


def test_a_replication_to_a_repository_that_is_full(aws: Any, full: Any) -> None:
    """The replication fails with the code of the quota."""
    west = aws.client(region="eu-west-1")
    west.create_repository(repositoryName=NAME)
    for image in (FIRST, SECOND):
        testing.push(west, NAME, image)
    replicate(full, rule(WEST))
    full.batch_delete_image(repositoryName=NAME, imageIds=[{"imageDigest": FIRST.digest}])
    testing.push(full, NAME, THIRD)
    assert statuses(full, THIRD) == [
        {**WEST, "status": "FAILED", "failureCode": "LimitExceededException"}
    ]
    assert images(west).keys() == {FIRST.digest, SECOND.digest}


def test_a_pull_through_the_cache_into_a_full_repository(aws: Any, ecr: Any) -> None:
    """The pull fails, and the stored images stay: BatchGetImage declares LimitExceededException."""
    ecr.create_pull_through_cache_rule(ecrRepositoryPrefix="quay", upstreamRegistryUrl="quay.io")
    with running_upstream() as upstream:
        aws.configure(upstreams=upstream.setting(), quotas="images_per_repository=1")
        for tag, image in (("v1", FIRST), ("v2", SECOND)):
            upstream.put("app", image, tag)
        request = {"repositoryName": "quay/app", "imageIds": [{"imageTag": "v1"}]}
        assert len(ecr.batch_get_image(**request)["images"]) == 1
        request["imageIds"] = [{"imageTag": "v2"}]
        assert refusal(ecr.batch_get_image, **request).code == "LimitExceededException"
        answer = RepositoryClient(aws.registry(), "quay/app").get("/manifests/v2")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (403, "DENIED")
    assert images(ecr, "quay/app") == {FIRST.digest: ["v1"]}


def test_a_signature_that_there_is_no_room_for(aws: Any, ecr: Any, repository_name: str) -> None:
    """If a repository has no room for a signature, the image stays, and its signing has failed."""
    if "PutSigningConfiguration" not in service_model.operation_names():
        pytest.skip("this botocore does not know PutSigningConfiguration")
    aws.configure(quotas="images_per_repository=1")
    arn = f"arn:aws:signer:us-east-1:{ACCOUNT}:/signing-profiles/release"
    ecr.put_signing_configuration(signingConfiguration={"rules": [{"signingProfileArn": arn}]})
    testing.push(ecr, repository_name, FIRST)
    [signing] = ecr.describe_image_signing_status(
        repositoryName=repository_name, imageId={"imageDigest": FIRST.digest}
    )["signingStatuses"]
    assert (signing["status"], signing["failureCode"]) == ("FAILED", "LimitExceededException")
    assert images(ecr) == {FIRST.digest: []}


def test_repositories(aws: Any, ecr: Any) -> None:
    """Repositories are counted by registry; RepositoryAlreadyExistsException takes precedence."""
    aws.configure(quotas="repositories=2")
    for name in ("one", "two"):
        ecr.create_repository(repositoryName=name)
    before = everything_stored()
    assert refusal(ecr.create_repository, repositoryName="three") == Refusal(
        "LimitExceededException",
        f"The registry with id '{ACCOUNT}' already has the maximum allowed number of repositories "
        "which is '2'",
    )
    found = refusal(ecr.create_repository, repositoryName="two")
    assert found.code == "RepositoryAlreadyExistsException"
    assert everything_stored() == before
    aws.client(region="eu-west-1").create_repository(repositoryName="three")
    ecr.delete_repository(repositoryName="one")
    ecr.create_repository(repositoryName="three")


def test_a_repository_that_a_push_would_make(aws: Any, ecr: Any) -> None:
    """The push is denied, and creates no repository."""
    ecr.create_repository_creation_template(prefix="ROOT", appliedFor=["CREATE_ON_PUSH"])
    aws.configure(quotas="repositories=0")
    answer = aws.registry().post("/v2/app/blobs/uploads/")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (403, "DENIED")
    assert ecr.describe_repositories()["repositories"] == []


def test_scans_of_a_day(clock: Any, aws: Any, ecr: Any) -> None:
    """Basic scans of a registry are counted for 24 hours: on push, and by StartImageScan. AWS's texts are not known.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html
    """
    aws.configure(quotas="basic_scans_per_day=2")
    scanned = {"scanOnPush": True}
    ecr.create_repository(repositoryName=NAME, imageScanningConfiguration=scanned)

    def status(image: testing.Image) -> str:
        found = ecr.describe_image_scan_findings(
            repositoryName=NAME, imageId={"imageDigest": image.digest}
        )
        return str(found["imageScanStatus"]["status"])

    for image, expected in (
        (FIRST, "COMPLETE"),
        (SECOND, "COMPLETE"),
        (THIRD, "LIMIT_EXCEEDED"),
    ):
        testing.push(ecr, NAME, image)
        assert status(image) == expected
    before = everything_stored()
    request = {"repositoryName": NAME, "imageId": {"imageDigest": THIRD.digest}}
    assert refusal(ecr.start_image_scan, **request) == Refusal(
        "LimitExceededException",
        "The scan quota per registry has been exceeded. Wait and try again.",
    )
    assert everything_stored() == before
    west = aws.client(region="eu-west-1")
    west.create_repository(repositoryName=NAME, imageScanningConfiguration=scanned)
    testing.push(west, NAME, FIRST)
    found = west.describe_image_scan_findings(
        repositoryName=NAME, imageId={"imageDigest": FIRST.digest}
    )
    assert found["imageScanStatus"]["status"] == "COMPLETE"
    clock.tick(timedelta(hours=24, seconds=1))
    ecr.start_image_scan(**request)
    assert status(THIRD) == "COMPLETE"
    ecr.batch_delete_image(repositoryName=NAME, imageIds=[{"imageDigest": FIRST.digest}])
    testing.push(ecr, NAME, FIRST)
    assert status(FIRST) == "COMPLETE"


def test_tags_of_an_image(aws: Any, full: Any) -> None:
    """Tags of an image are counted toward their quota: https://github.com/medic/cht-core/issues/11099"""
    aws.configure(quotas="tags_per_image=1")
    assert refusal(
        full.put_image,
        repositoryName=NAME,
        imageManifest=FIRST.manifest.decode(),
        imageTag="latest",
    ) == Refusal(
        "LimitExceededException",
        "Adding tag 'latest' to an image in the repository with name 'team/app' in registry with id "
        "'123456789012' exceeds the maximum allowed number of tags per image which is '1'",
    )


def test_rules_of_the_pull_through_cache(aws: Any, ecr: Any) -> None:
    """A rule of the pull-through cache beyond the quota is refused; AWS's text is not known."""
    aws.configure(quotas="pull_through_cache_rules=1")
    create = ecr.create_pull_through_cache_rule
    create(ecrRepositoryPrefix="quay", upstreamRegistryUrl="quay.io")
    assert refusal(create, ecrRepositoryPrefix="k8s", upstreamRegistryUrl="registry.k8s.io") == (
        Refusal(
            "LimitExceededException",
            "The registry has 1 pull through cache rules, which is the limit.",
        )
    )


def test_parts_of_a_layer(aws: Any, ecr: Any, repository_name: str) -> None:
    """A part beyond the quota is refused; AWS's text is not known."""
    aws.configure(quotas="layer_parts=1")
    upload = ecr.initiate_layer_upload(repositoryName=repository_name)["uploadId"]
    part = {"repositoryName": repository_name, "uploadId": upload}
    ecr.upload_layer_part(**part, partFirstByte=0, partLastByte=2, layerPartBlob=b"abc")
    assert refusal(
        ecr.upload_layer_part, **part, partFirstByte=3, partLastByte=3, layerPartBlob=b"d"
    ) == Refusal(
        "LimitExceededException", "The maximum number of layer parts, 1, has been reached."
    )


def test_images_among_many(aws: Any, ecr: Any, repository_name: str) -> None:
    """Images are counted exactly, also if the ids between the first and the last one have gaps."""
    aws.configure(quotas="images_per_repository=1000")
    testing.push(ecr, repository_name, FIRST)
    with current_store().database.write() as transaction:
        repository_id = transaction.connection.execute(select(tables.repositories.c.id)).scalar()
        transaction.connection.execute(
            tables.images.insert(),
            [
                {
                    "id": 1_000_000 + number,
                    "repository_id": repository_id,
                    "digest": f"sha256:{number:064x}",
                    "media_type": FIRST.media_type,
                    "pushed_at": 0,
                    "status": "ACTIVE",
                    "manifest": b"{}",
                }
                for number in range(998)
            ],
        )
    testing.push(ecr, repository_name, SECOND)
    assert refusal(
        ecr.put_image, repositoryName=repository_name, imageManifest=THIRD.manifest.decode()
    ).message.endswith("which is '1000'")


def test_layers_of_an_image(aws: Any, ecr: Any, repository_name: str) -> None:
    """An image may have 500 layers, or as many as the setting says."""
    refused = invalid("ImageManifest", "Limit on number of layers per image exceeded")
    layers = FIRST.layers
    most, more = (
        testing.build_image(layers=[*layers * count]).manifest.decode() for count in (500, 501)
    )
    ecr.put_image(repositoryName=repository_name, imageManifest=most)
    before = everything_stored()
    request = {"repositoryName": repository_name, "imageManifest": more}
    assert refusal(ecr.put_image, **request) == refused
    assert everything_stored() == before
    aws.configure(quotas="layers_per_image=501")
    ecr.put_image(**request)
