"""Replication: the effects of a push on other registries, and what happens to the image there.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/replication.html
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from moto_ecr_ext import service_model, testing
from support.constants import ACCOUNT, OTHER_ACCOUNT
from support.listener import Listener
from support.refusals import no_image, no_repository, refusal
from support.registry_client import RepositoryClient
from support.replication import (
    ABROAD,
    IMAGE,
    INDEX,
    NAME,
    SECOND,
    WEST,
    images,
    let_in,
    replicate,
    rule,
    statuses,
)
from support.stored import everything_stored

SIGNATURE = testing.build_artifact(
    artifact_type="application/signature", subject=IMAGE, content=b"signed"
)

knows_deletion = pytest.mark.skipif(
    "StartReplicationBackfill" not in service_model.operation_names(),
    reason="this botocore does not know deleteReplication",
)


@pytest.fixture
def home(ecr: Any, repository_name: str) -> Any:
    """The registry that is pushed to, with an empty repository."""
    assert repository_name == NAME
    return ecr


@pytest.fixture
def west(aws: Any) -> Any:
    """The same account in another region."""
    return aws.client(region="eu-west-1")


@pytest.fixture
def abroad(aws: Any) -> Any:
    """Another account in the same region."""
    return aws.client(account=OTHER_ACCOUNT)


def test_an_image_is_pulled_from_another_region_and_another_account(
    aws: Any, home: Any, west: Any, abroad: Any
) -> None:
    """A copy can be pulled as soon as the push is answered, byte for byte, through both protocols."""
    replicate(home, rule(WEST, ABROAD))
    let_in(abroad, "ecr:ReplicateImage", "ecr:CreateRepository")
    RepositoryClient(aws.registry(), NAME).push(IMAGE, "v1")
    for client, registry in (
        (west, aws.registry(region="eu-west-1")),
        (abroad, aws.registry(account=OTHER_ACCOUNT)),
    ):
        copied = RepositoryClient(registry, NAME)
        answer = copied.get("/manifests/v1")
        assert (answer.status_code, answer.content) == (200, IMAGE.manifest)
        for blob in IMAGE.blobs:
            assert copied.get(f"/blobs/{blob.digest}").content == blob.content
        assert testing.pull(client, NAME, "v1").manifest == IMAGE.manifest
    assert statuses(home, IMAGE) == [
        {**WEST, "status": "COMPLETE"},
        {**ABROAD, "status": "COMPLETE"},
    ]


def test_both_protocols_replicate(aws: Any, home: Any, west: Any) -> None:
    """Pushes by both protocols are replicated, and so are later tags."""
    replicate(home, rule(WEST))
    testing.push(home, NAME, IMAGE, tag="v1")
    registry = RepositoryClient(aws.registry(), NAME)
    registry.push(SECOND)
    assert images(west) == {IMAGE.digest: ["v1"], SECOND.digest: []}
    home.put_image(repositoryName=NAME, imageManifest=IMAGE.manifest.decode(), imageTag="v2")
    registry.put_manifest(SECOND, "v3")
    assert images(west) == {IMAGE.digest: ["v1", "v2"], SECOND.digest: ["v3"]}
    registry.put_manifest(SECOND, "v1")
    assert images(west) == {IMAGE.digest: ["v2"], SECOND.digest: ["v1", "v3"]} == images(home)


def test_filters_are_prefixes(home: Any, west: Any) -> None:
    """Filters are prefixes of repository names; one match is enough, and a rule without filters applies to all."""
    names = ["prod/app", "prod-2/app", "team/prod", "production"]
    for name in names:
        home.create_repository(repositoryName=name)
    replicate(home, rule(WEST, prefixes=("prod/", "production")))
    for name in names:
        testing.push(home, name, IMAGE, tag="v1")
    there = west.describe_repositories()["repositories"]
    assert [each["repositoryName"] for each in there] == ["prod/app", "production"]
    assert statuses(home, IMAGE, "team/prod") == []
    assert statuses(home, IMAGE, "prod/app") == [{**WEST, "status": "COMPLETE"}]


def test_only_what_is_pushed_from_now_on(home: Any, west: Any) -> None:
    """An existing image has no status until a tag of it is pushed; without rules it has none again."""
    testing.push(home, NAME, IMAGE, tag="v1")
    replicate(home, rule(WEST))
    assert (images(west), statuses(home, IMAGE)) == ({}, [])
    testing.push(home, NAME, IMAGE, tag="v2")
    assert images(west) == {IMAGE.digest: ["v2"]}
    assert testing.pull(west, NAME, "v2").manifest == IMAGE.manifest
    assert statuses(home, IMAGE) == [{**WEST, "status": "COMPLETE"}]
    replicate(home)
    assert statuses(home, IMAGE) == []
    testing.push(home, NAME, SECOND, tag="v3")
    assert images(west) == {IMAGE.digest: ["v2"]}


def test_the_status_of_a_missing_image(home: Any) -> None:
    """A missing image and a missing repository are reported as not found."""
    replicate(home, rule(WEST))
    ask = home.describe_image_replication_status
    assert refusal(ask, repositoryName=NAME, imageId={"imageTag": "v1"}) == no_image(NAME, tag="v1")
    assert refusal(ask, repositoryName="team/other", imageId={"imageTag": "v1"}) == no_repository(
        "team/other"
    )


def test_the_answer_names_the_image(home: Any) -> None:
    """The answer has the image's digest, and the tag of the request."""
    testing.push(home, NAME, IMAGE, tag="v1")
    answer = home.describe_image_replication_status(repositoryName=NAME, imageId={"imageTag": "v1"})
    del answer["ResponseMetadata"]
    assert answer == {
        "repositoryName": NAME,
        "imageId": {"imageDigest": IMAGE.digest, "imageTag": "v1"},
        "replicationStatuses": [],
    }


def test_an_index_brings_its_children(home: Any, west: Any) -> None:
    """Children are replicated with their index, also if they were pushed before the rule was put."""
    for child in INDEX.images:
        testing.push(home, NAME, child)
    replicate(home, rule(WEST))
    home.put_image(repositoryName=NAME, imageManifest=INDEX.manifest.decode(), imageTag="multi")
    assert images(west) == {
        **{child.digest: [] for child in INDEX.images},
        INDEX.digest: ["multi"],
    }
    pulled = testing.pull(west, NAME, "multi")
    assert [each.manifest for each in pulled.images] == [each.manifest for each in INDEX.images]


def test_an_index_of_indexes(home: Any, west: Any) -> None:
    """All descendants of an index are replicated, however deep, and once if they are listed twice."""
    second = testing.build_index([INDEX, IMAGE])
    third = testing.build_index([INDEX, second])
    testing.push(home, NAME, third)
    replicate(home, rule(WEST))
    home.put_image(repositoryName=NAME, imageManifest=third.manifest.decode(), imageTag="deep")
    assert set(images(west)) == {
        *(each.digest for each in (third, second, INDEX, IMAGE)),
        *(each.digest for each in INDEX.images),
    }
    sizes = [
        {
            each["imageDigest"]: each["imageSizeInBytes"]
            for each in client.describe_images(repositoryName=NAME)["imageDetails"]
        }
        for client in (home, west)
    ]
    assert sizes[0] == sizes[1]


def test_referrers_are_replicated(aws: Any, home: Any) -> None:
    """Referrers are replicated as images, and appear in the list of referrers there."""
    replicate(home, rule(WEST))
    registry = RepositoryClient(aws.registry(), NAME)
    registry.push(IMAGE, "v1")
    registry.push(SIGNATURE)
    there = RepositoryClient(aws.registry(region="eu-west-1"), NAME)
    [found] = there.get(f"/referrers/{IMAGE.digest}").json()["manifests"]
    assert found["digest"] == SIGNATURE.digest


def test_what_arrives_goes_no_further(aws: Any, home: Any, west: Any) -> None:
    """Rules of the destination apply only to pushes there; two registries may replicate to each other."""
    south = aws.client(region="sa-east-1")
    replicate(home, rule(WEST))
    replicate(
        west,
        rule(
            {"region": "sa-east-1", "registryId": ACCOUNT},
            {"region": "us-east-1", "registryId": ACCOUNT},
        ),
    )
    testing.push(home, NAME, IMAGE, tag="v1")
    assert (images(west), images(south)) == ({IMAGE.digest: ["v1"]}, {})
    assert statuses(west, IMAGE) == []
    testing.push(west, NAME, SECOND, tag="v2")
    both = {IMAGE.digest: ["v1"], SECOND.digest: ["v2"]}
    assert (images(home), images(west)) == (both, both)
    assert images(south) == {SECOND.digest: ["v2"]}


def test_another_account_has_to_let_images_in(home: Any, abroad: Any) -> None:
    """The destination's registry policy must allow replication, and creation of the repository if it does not exist."""
    replicate(home, rule(ABROAD))
    testing.push(home, NAME, IMAGE, tag="v1")
    refused = [{**ABROAD, "status": "FAILED", "failureCode": "DESTINATION_REGISTRY_ACCESS_DENIED"}]
    assert (statuses(home, IMAGE), images(abroad)) == (refused, {})
    let_in(abroad, "ecr:ReplicateImage")
    testing.push(home, NAME, IMAGE, tag="v2")
    assert (statuses(home, IMAGE), images(abroad)) == (refused, {})
    assert abroad.describe_repositories()["repositories"] == []
    abroad.create_repository(repositoryName=NAME)
    testing.push(home, NAME, IMAGE, tag="v3")
    assert statuses(home, IMAGE) == [{**ABROAD, "status": "COMPLETE"}]
    assert images(abroad) == {IMAGE.digest: ["v3"]}


def test_a_policy_that_denies(home: Any, abroad: Any) -> None:
    """The denial applies to the repositories that it names."""
    replicate(home, rule(ABROAD))
    arn = f"arn:aws:ecr:us-east-1:{OTHER_ACCOUNT}:repository/"
    principal = {"Principal": {"AWS": ACCOUNT}, "Action": "ecr:*"}
    statements = [
        {"Sid": "a", "Effect": "Allow", "Resource": f"{arn}*", **principal},
        {"Sid": "d", "Effect": "Deny", "Resource": f"{arn}{NAME}", **principal},
    ]
    abroad.put_registry_policy(
        policyText=json.dumps({"Version": "2012-10-17", "Statement": statements})
    )
    home.create_repository(repositoryName="team/open")
    for name in (NAME, "team/open"):
        testing.push(home, name, IMAGE, tag="v1")
    assert [each["status"] for each in statuses(home, IMAGE)] == ["FAILED"]
    assert images(abroad, "team/open") == {IMAGE.digest: ["v1"]}


def test_what_ecr_does_by_itself_has_no_address(home: Any, abroad: Any) -> None:
    """Replication has no address: conditions lack `aws:SourceIp`. Its role belongs to the source account.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/slr-rp.html
    """
    replicate(home, rule(ABROAD))
    condition = {
        "Null": {"aws:SourceIp": "true", "aws:UserAgent": "true"},
        "StringEquals": {"aws:PrincipalAccount": ACCOUNT, "aws:PrincipalType": "AssumedRole"},
    }
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "ecr:*",
        "Resource": "*",
        "Condition": condition,
    }
    abroad.put_registry_policy(policyText=json.dumps({"Statement": [statement]}))
    testing.push(home, NAME, IMAGE, tag="v1")
    assert images(abroad) == {IMAGE.digest: ["v1"]}


def test_a_region_that_images_cannot_reach(home: Any, west: Any) -> None:
    """A Region that does not exist fails; the other destinations get the image."""
    nowhere = {"region": "eu-nowhere-1", "registryId": ACCOUNT}
    replicate(home, rule(nowhere, WEST))
    testing.push(home, NAME, IMAGE, tag="v1")
    assert statuses(home, IMAGE) == [
        {**nowhere, "status": "FAILED", "failureCode": "ValidationException"},
        {**WEST, "status": "COMPLETE"},
    ]
    assert images(west) == {IMAGE.digest: ["v1"]}


def test_another_partition(home: Any) -> None:
    """The rules are refused: https://docs.aws.amazon.com/AmazonECR/latest/userguide/replication.html"""
    replicate(home, rule(WEST))
    china = rule({"region": "cn-north-1", "registryId": ACCOUNT})
    refused = refusal(
        home.put_replication_configuration, replicationConfiguration={"rules": [china]}
    )
    assert refused.code == "InvalidParameterException"
    assert home.describe_registry()["replicationConfiguration"]["rules"] == [rule(WEST)]


def test_a_tag_that_may_not_move_there(home: Any, west: Any) -> None:
    """A tag that is immutable at the destination stays; the image arrives without it."""
    west.create_repository(repositoryName=NAME, imageTagMutability="IMMUTABLE")
    testing.push(west, NAME, SECOND, tag="v1")
    replicate(home, rule(WEST))
    testing.push(home, NAME, IMAGE, tag="v1")
    assert images(west) == {SECOND.digest: ["v1"], IMAGE.digest: []}
    assert statuses(home, IMAGE) == [{**WEST, "status": "COMPLETE"}]
    testing.push(home, NAME, IMAGE, tag="v2")
    assert images(west) == {SECOND.digest: ["v1"], IMAGE.digest: ["v2"]}


def test_the_repository_is_made_by_a_template(home: Any, west: Any) -> None:
    """A repository is created by the destination's template for replication; settings of the source do not apply."""
    west.create_repository_creation_template(
        prefix="team", appliedFor=["REPLICATION"], imageTagMutability="IMMUTABLE"
    )
    home.set_repository_policy(
        repositoryName=NAME,
        policyText=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "ecr:*"}],
            }
        ),
    )
    replicate(home, rule(WEST))
    testing.push(home, NAME, IMAGE, tag="v1")
    [made] = west.describe_repositories()["repositories"]
    assert made["imageTagMutability"] == "IMMUTABLE"
    refused = refusal(west.get_repository_policy, repositoryName=NAME)
    assert refused.code == "RepositoryPolicyNotFoundException"


def test_what_arrives_is_scanned_there(home: Any, west: Any) -> None:
    """A copy is scanned by the settings of the destination."""
    west.create_repository(repositoryName=NAME, imageScanningConfiguration={"scanOnPush": True})
    replicate(home, rule(WEST))
    testing.push(home, NAME, IMAGE, tag="v1")
    found = west.describe_image_scan_findings(repositoryName=NAME, imageId={"imageTag": "v1"})
    assert found["imageScanStatus"]["status"] == "COMPLETE"


def test_a_copy_is_a_copy(home: Any, west: Any) -> None:
    """An image that is deleted in one registry stays complete in the other."""
    replicate(home, rule(WEST))
    testing.push(home, NAME, IMAGE, tag="v1")
    home.batch_delete_image(repositoryName=NAME, imageIds=[{"imageTag": "v1"}])
    assert (images(home), images(west)) == ({}, {IMAGE.digest: ["v1"]})
    assert testing.pull(west, NAME, "v1").manifest == IMAGE.manifest
    west.delete_repository(repositoryName=NAME, force=True)
    assert everything_stored()["bytes of blobs"] == []


def archive(ecr: Any, target: str) -> None:
    ecr.update_image_storage_class(
        repositoryName=NAME, imageId={"imageDigest": IMAGE.digest}, targetStorageClass=target
    )


def test_the_archive_is_not_replicated(home: Any, west: Any) -> None:
    """A push restores an archived image at the destination."""
    replicate(home, rule(WEST))
    testing.push(home, NAME, IMAGE, tag="v1")
    archive(home, "ARCHIVE")
    assert images(west) == {IMAGE.digest: ["v1"]}
    archive(home, "STANDARD")
    archive(west, "ARCHIVE")
    assert images(west) == {}
    testing.push(home, NAME, IMAGE, tag="v2")
    assert images(west) == {IMAGE.digest: ["v1", "v2"]}


def test_a_restored_image_is_replicated(home: Any, west: Any) -> None:
    """A restored image is replicated with its tags, like a push."""
    testing.push(home, NAME, IMAGE, tag="v1")
    testing.push(home, NAME, IMAGE, tag="v2")
    archive(home, "ARCHIVE")
    replicate(home, rule(WEST))
    archive(home, "STANDARD")
    assert images(west) == {IMAGE.digest: ["v1", "v2"]}
    assert statuses(home, IMAGE) == [{**WEST, "status": "COMPLETE"}]


def test_a_guest_pushes(home: Any, west: Any, abroad: Any) -> None:
    """A push by another account follows the rules of the registry that it goes to."""
    replicate(home, rule(WEST))
    replicate(abroad, rule({"region": "sa-east-1", "registryId": OTHER_ACCOUNT}))
    statement = {"Effect": "Allow", "Principal": {"AWS": OTHER_ACCOUNT}, "Action": "ecr:*"}
    home.set_repository_policy(
        repositoryName=NAME,
        policyText=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )
    testing.push(abroad, NAME, IMAGE, tag="v1", registry_id=ACCOUNT)
    assert images(west) == {IMAGE.digest: ["v1"]}
    answer = abroad.describe_image_replication_status(
        repositoryName=NAME, imageId={"imageTag": "v1"}, registryId=ACCOUNT
    )
    assert answer["replicationStatuses"] == [{**WEST, "status": "COMPLETE"}]


def test_a_replication_that_is_looked_at(home: Any, west: Any, slowly: Any) -> None:
    """A replication ends once its status was asked for as often as moto's state manager says."""
    slowly("ecr::replication", progression="manual", times=2)
    replicate(home, rule(WEST))
    testing.push(home, NAME, IMAGE, tag="v1")
    assert images(west) == {}
    assert statuses(home, IMAGE) == [{**WEST, "status": "IN_PROGRESS"}]
    assert images(west) == {}
    assert statuses(home, IMAGE) == [{**WEST, "status": "COMPLETE"}]
    assert images(west) == {IMAGE.digest: ["v1"]}
    assert statuses(home, IMAGE) == [{**WEST, "status": "COMPLETE"}]


def test_a_replication_that_takes_time(clock: Any, home: Any, west: Any, slowly: Any) -> None:
    """A replication ends by the clock, whatever is asked for; all tags that the image has by then come with it."""
    slowly("ecr::replication", progression="time", seconds=1200)
    replicate(home, rule(WEST))
    testing.push(home, NAME, IMAGE, tag="v1")
    testing.push(home, NAME, IMAGE, tag="v2")
    clock.tick(1200)
    assert (images(west), statuses(home, IMAGE)) == ({}, [{**WEST, "status": "IN_PROGRESS"}])
    clock.tick(1)
    assert images(west) == {IMAGE.digest: ["v1", "v2"]}
    assert statuses(home, IMAGE) == [{**WEST, "status": "COMPLETE"}]


def test_what_changes_on_the_way(clock: Any, home: Any, west: Any, slowly: Any) -> None:
    """A moved tag comes with the image that has it at the end, and a deleted image does not arrive."""
    slowly("ecr::replication", progression="time", seconds=1200)
    replicate(home, rule(WEST))
    testing.push(home, NAME, IMAGE, tag="v1")
    testing.push(home, NAME, SECOND, tag="v1")
    testing.push(home, NAME, INDEX, tag="gone")
    home.batch_delete_image(repositoryName=NAME, imageIds=[{"imageTag": "gone"}])
    clock.tick(1201)
    there = images(west)
    assert INDEX.digest not in there
    assert (there[IMAGE.digest], there[SECOND.digest]) == ([], ["v1"])


def test_what_the_destination_refuses_later(
    clock: Any, home: Any, abroad: Any, slowly: Any
) -> None:
    """The destination's policy is evaluated when the image arrives."""
    slowly("ecr::replication", progression="time", seconds=1200)
    replicate(home, rule(ABROAD))
    testing.push(home, NAME, IMAGE, tag="v1")
    assert statuses(home, IMAGE) == [{**ABROAD, "status": "IN_PROGRESS"}]
    clock.tick(1201)
    assert statuses(home, IMAGE) == [
        {**ABROAD, "status": "FAILED", "failureCode": "DESTINATION_REGISTRY_ACCESS_DENIED"}
    ]


@pytest.fixture
def mirrored(home: Any, west: Any) -> Any:
    """The registry that is pushed to, deletions in which are replicated to the other region."""
    replicate(home, rule(WEST, deleteReplication={"enabled": True}))
    return home


@knows_deletion
def test_deletions_are_replicated(aws: Any, mirrored: Any, west: Any) -> None:
    """Deletions of one tag, of the last tag, and of a digest with all tags are replicated, through both protocols."""
    for image, tag in ((IMAGE, "v1"), (IMAGE, "v2"), (IMAGE, "v3"), (SECOND, "x"), (SECOND, "y")):
        testing.push(mirrored, NAME, image, tag=tag)
    mirrored.batch_delete_image(repositoryName=NAME, imageIds=[{"imageTag": "v1"}])
    assert images(west) == {IMAGE.digest: ["v2", "v3"], SECOND.digest: ["x", "y"]}
    registry = RepositoryClient(aws.registry(), NAME)
    assert registry.delete("/manifests/v2").status_code == 202
    assert registry.delete(f"/manifests/{SECOND.digest}").status_code == 202
    assert images(west) == {IMAGE.digest: ["v3"]}
    mirrored.batch_delete_image(repositoryName=NAME, imageIds=[{"imageTag": "v3"}])
    assert images(west) == {} == images(mirrored)
    assert everything_stored()["bytes of blobs"] == []


@knows_deletion
def test_what_the_destination_has_of_its_own(mirrored: Any, west: Any) -> None:
    """A digest is deleted with all of its tags at the destination; a tag that another image has there stays."""
    testing.push(mirrored, NAME, IMAGE, tag="v1")
    testing.push(mirrored, NAME, IMAGE, tag="v2")
    testing.push(west, NAME, IMAGE, tag="own")
    testing.push(west, NAME, SECOND, tag="v2")
    mirrored.batch_delete_image(repositoryName=NAME, imageIds=[{"imageTag": "v2"}])
    assert images(west) == {IMAGE.digest: ["v1", "own"], SECOND.digest: ["v2"]}
    mirrored.batch_delete_image(repositoryName=NAME, imageIds=[{"imageDigest": IMAGE.digest}])
    assert images(west) == {SECOND.digest: ["v2"]}


@knows_deletion
def test_a_child_that_an_index_lists_there(mirrored: Any, west: Any) -> None:
    """A child that an index lists at the destination stays, and the deletion at the source succeeds."""
    child = INDEX.images[0]
    testing.push(mirrored, NAME, child, tag="child")
    testing.push(west, NAME, INDEX, tag="multi")
    mirrored.batch_delete_image(repositoryName=NAME, imageIds=[{"imageTag": "child"}])
    assert images(mirrored) == {}
    assert testing.pull(west, NAME, "multi").manifest == INDEX.manifest


@knows_deletion
def test_a_deletion_goes_no_further(aws: Any, mirrored: Any, west: Any) -> None:
    """A replicated deletion is not replicated further."""
    south = aws.client(region="sa-east-1")
    replicate(
        west,
        rule({"region": "sa-east-1", "registryId": ACCOUNT}, deleteReplication={"enabled": True}),
    )
    west.create_repository(repositoryName=NAME)
    testing.push(west, NAME, IMAGE, tag="v1")
    testing.push(mirrored, NAME, IMAGE, tag="v1")
    mirrored.batch_delete_image(repositoryName=NAME, imageIds=[{"imageTag": "v1"}])
    assert (images(west), images(south)) == ({}, {IMAGE.digest: ["v1"]})


@knows_deletion
def test_lifecycle_expiry_is_a_deletion(clock: Any, mirrored: Any, west: Any) -> None:
    """An expiry by the source's lifecycle policy is replicated as a deletion."""
    testing.push(mirrored, NAME, IMAGE, tag="v1")
    selection = {
        "tagStatus": "any",
        "countType": "sinceImagePushed",
        "countUnit": "days",
        "countNumber": 1,
    }
    rules = [{"rulePriority": 1, "selection": selection, "action": {"type": "expire"}}]
    mirrored.put_lifecycle_policy(
        repositoryName=NAME, lifecyclePolicyText=json.dumps({"rules": rules})
    )
    clock.tick(2 * 24 * 3600)
    assert (images(mirrored), images(west)) == ({}, {})


@knows_deletion
def test_another_account_has_to_let_deletions_in(home: Any, abroad: Any) -> None:
    """The destination's policy must allow deletions; a refusal does not stop the deletion at the source."""
    replicate(home, rule(ABROAD, deleteReplication={"enabled": True}))
    let_in(abroad, "ecr:ReplicateImage", "ecr:CreateRepository")
    testing.push(home, NAME, IMAGE, tag="v1")
    testing.push(home, NAME, SECOND, tag="v2")
    home.batch_delete_image(repositoryName=NAME, imageIds=[{"imageTag": "v1"}])
    assert images(abroad) == {SECOND.digest: ["v2"]}
    abroad.delete_registry_policy()
    home.batch_delete_image(repositoryName=NAME, imageIds=[{"imageTag": "v2"}])
    assert (images(home), images(abroad)) == ({}, {SECOND.digest: ["v2"]})


def replication_detail(result: str, tag: str, region: str = "us-east-1") -> dict[str, str]:
    """The detail of an event "ECR Replication Action" about IMAGE.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html
    """
    return {
        "result": result,
        "repository-name": NAME,
        "image-digest": IMAGE.digest,
        "source-account": ACCOUNT,
        "action-type": "REPLICATE",
        "source-region": region,
        "image-tag": tag,
    }


@pytest.mark.parametrize("tag", ["v1", None])
def test_the_event_of_an_arrival(aws: Any, home: Any, tag: str | None) -> None:
    """The destination sends the event of the replication and that of the push. The tag is required, and may be
    empty.
    """
    listener = Listener(aws, region="eu-west-1")
    replicate(home, rule(WEST))
    testing.push(home, NAME, IMAGE, tag=tag)
    pushed, arrived = listener.heard()
    assert (pushed["detail-type"], pushed["detail"]["action-type"]) == ("ECR Image Action", "PUSH")
    assert (arrived["detail-type"], arrived["region"]) == ("ECR Replication Action", "eu-west-1")
    assert arrived["resources"] == [f"arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/{NAME}"]
    assert arrived["detail"] == replication_detail("SUCCESS", tag or "")


def test_the_event_of_a_failure(aws: Any, home: Any, abroad: Any) -> None:
    """The destination that refuses an image has an event for each tag, and none of a push.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html, "Event for a failed image
    replication"
    """
    there = Listener(aws, account=OTHER_ACCOUNT)
    replicate(home, rule(ABROAD))
    testing.push(home, NAME, IMAGE, tag="v1")
    home.put_image(repositoryName=NAME, imageManifest=IMAGE.manifest.decode(), imageTag="v2")
    heard = there.heard()
    assert [each["detail-type"] for each in heard] == 2 * ["ECR Replication Action"]
    assert [each["detail"] for each in heard] == [
        replication_detail("FAILED", "v1"),
        replication_detail("FAILED", "v2"),
    ]
    arn = f"arn:aws:ecr:us-east-1:{OTHER_ACCOUNT}:repository/{NAME}"
    assert [each["resources"] for each in heard] == 2 * [[arn]]
    assert images(abroad) == {}


def test_one_tag_arrives_and_another_does_not(aws: Any, home: Any, abroad: Any) -> None:
    """Each tag has an event with its result."""
    there = Listener(aws, account=OTHER_ACCOUNT)
    replicate(home, rule(ABROAD))
    let_in(abroad, "ecr:ReplicateImage", "ecr:CreateRepository")
    testing.push(home, NAME, IMAGE, tag="v1")
    abroad.delete_registry_policy()
    home.put_image(repositoryName=NAME, imageManifest=IMAGE.manifest.decode(), imageTag="v2")
    replications = [
        each["detail"] for each in there.heard() if "Replication" in each["detail-type"]
    ]
    assert replications == [replication_detail("SUCCESS", "v1"), replication_detail("FAILED", "v2")]
    assert images(abroad) == {IMAGE.digest: ["v1"]}
