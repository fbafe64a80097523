"""StartLifecyclePolicyPreview and GetLifecyclePolicyPreview: what a policy would do, without doing it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import WaiterError

from moto_ecr_ext import testing
from support.constants import ACCOUNT, BEGINNING
from support.refusals import Refusal, invalid, no_repository, refusal
from support.stored import everything_stored

DAY = timedelta(days=1)
ECR = {"registryId": ACCOUNT, "repositoryName": "team/app"}
IMAGES = [testing.build_image(seed=number, layers=1) for number in range(4)]
NO_PREVIEW = Refusal(
    "LifecyclePolicyPreviewNotFoundException", "There is no dry run for this repository."
)
IN_PROGRESS = Refusal(
    "LifecyclePolicyPreviewInProgressException",
    "The previous lifecycle policy preview request has not completed. Wait and try again.",
)


def rule(priority: int, count: int, **changes: Any) -> dict[str, Any]:
    """A rule that expires all but `count` images."""
    action = changes.pop("action", {"type": "expire"})
    selection = {
        "tagStatus": "any",
        "countType": "imageCountMoreThan",
        "countNumber": count,
        **changes,
    }
    return {"rulePriority": priority, "selection": selection, "action": action}


def policy(*rules: dict[str, Any]) -> str:
    """The text of a policy, as ECR keeps it."""
    return json.dumps({"rules": rules}, separators=(",", ":"))


ALL_BUT_ONE = policy(rule(1, 1))
ARCHIVE = {"type": "transition", "targetStorageClass": "archive"}


@pytest.fixture
def images(clock: Any, ecr: Any, repository_name: str) -> list[testing.Image]:
    """Four images, pushed on one day after the other: tagged v0, v1, not at all, and v3."""
    for number, image in enumerate(IMAGES):
        testing.push(ecr, repository_name, image, tag=None if number == 2 else f"v{number}")
        clock.tick(DAY)
    return IMAGES


def start(ecr: Any, text: str | None = ALL_BUT_ONE) -> dict[str, Any]:
    return answer(
        ecr.start_lifecycle_policy_preview(
            repositoryName="team/app", **({"lifecyclePolicyText": text} if text else {})
        )
    )


def preview(ecr: Any, **request: Any) -> dict[str, Any]:
    return answer(ecr.get_lifecycle_policy_preview(repositoryName="team/app", **request))


def answer(response: dict[str, Any]) -> dict[str, Any]:
    del response["ResponseMetadata"]
    return response


def digests(answer: dict[str, Any]) -> list[str]:
    return [result["imageDigest"] for result in answer["previewResults"]]


def test_the_order_within_a_second(clock: Any, ecr: Any, repository_name: str) -> None:
    """An image that was restored 100 ms before another was pushed is the older one.

    "countNumber: the most recent images": https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html
    """
    restored, pushed = IMAGES[:2]
    testing.push(ecr, repository_name, restored)
    about = {"repositoryName": repository_name, "imageId": {"imageDigest": restored.digest}}
    ecr.update_image_storage_class(**about, targetStorageClass="ARCHIVE")
    clock.tick(timedelta(milliseconds=500))
    ecr.update_image_storage_class(**about, targetStorageClass="STANDARD")
    clock.tick(timedelta(milliseconds=100))
    testing.push(ecr, repository_name, pushed)
    start(ecr)
    assert digests(preview(ecr)) == [restored.digest]


def test_what_would_expire(ecr: Any, images: list[testing.Image]) -> None:
    """Each image with its facts and the rule, the oldest first; nothing is deleted or stored as policy."""
    assert start(ecr) == {**ECR, "lifecyclePolicyText": ALL_BUT_ONE, "status": "IN_PROGRESS"}
    results = [
        {
            "imageTags": tags,
            "imageDigest": images[number].digest,
            "imagePushedAt": BEGINNING + number * DAY,
            "action": {"type": "EXPIRE"},
            "appliedRulePriority": 1,
            "storageClass": "STANDARD",
        }
        for number, tags in ((0, ["v0"]), (1, ["v1"]), (2, []))
    ]
    assert preview(ecr) == {
        **ECR,
        "lifecyclePolicyText": ALL_BUT_ONE,
        "status": "COMPLETE",
        "previewResults": results,
        "summary": {"expiringImageTotalCount": 3},
    }
    assert len(ecr.list_images(repositoryName="team/app")["imageIds"]) == 4
    assert refusal(ecr.get_lifecycle_policy, repositoryName="team/app").code == (
        "LifecyclePolicyNotFoundException"
    )


def test_what_would_be_archived(ecr: Any, images: list[testing.Image]) -> None:
    """The action names the storage class, the summary counts images for it."""
    tagged = {"tagStatus": "tagged", "tagPrefixList": ["v0"]}
    start(ecr, policy(rule(1, 1, **tagged), rule(7, 1, action=ARCHIVE)))
    answer = preview(ecr)
    assert digests(answer) == [images[1].digest, images[2].digest]
    for result in answer["previewResults"]:
        assert result["action"] == {"type": "TRANSITION", "targetStorageClass": "ARCHIVE"}
        assert (result["appliedRulePriority"], result["storageClass"]) == (7, "STANDARD")
    assert answer["summary"] == {
        "expiringImageTotalCount": 0,
        "transitioningImageTotalCounts": [{"targetStorageClass": "ARCHIVE", "imageTotalCount": 2}],
    }


def test_what_would_expire_from_the_archive(
    clock: Any, ecr: Any, images: list[testing.Image]
) -> None:
    """An image that a rule would expire from the archive has the storage class ARCHIVE."""
    ecr.update_image_storage_class(
        repositoryName="team/app",
        imageId={"imageTag": "v1"},
        targetStorageClass="ARCHIVE",
    )
    clock.tick(91 * DAY)
    since = {
        "storageClass": "archive",
        "countType": "sinceImageTransitioned",
        "countUnit": "days",
        "countNumber": 90,
    }
    start(ecr, policy(rule(1, 1, **since), rule(2, 2, action=ARCHIVE)))
    answer = preview(ecr)
    assert [
        (each["imageTags"], each["storageClass"], each["action"]["type"])
        for each in answer["previewResults"]
    ] == [(["v0"], "STANDARD", "TRANSITION"), (["v1"], "ARCHIVE", "EXPIRE")]
    assert answer["summary"] == {
        "expiringImageTotalCount": 1,
        "transitioningImageTotalCounts": [{"targetStorageClass": "ARCHIVE", "imageTotalCount": 1}],
    }


def test_a_preview_is_what_a_run_does(clock: Any, ecr: Any, images: list[testing.Image]) -> None:
    """Without a text, the preview evaluates the repository's own policy, as a run does."""
    ecr.put_lifecycle_policy(repositoryName="team/app", lifecyclePolicyText=ALL_BUT_ONE)
    assert start(ecr, None)["lifecyclePolicyText"] == ALL_BUT_ONE
    before = {image.digest for image in images}
    clock.tick(DAY)
    left = {each["imageDigest"] for each in ecr.list_images(repositoryName="team/app")["imageIds"]}
    assert set(digests(preview(ecr))) == before - left


def test_a_preview_stays_as_it_was_started(
    clock: Any, ecr: Any, images: list[testing.Image]
) -> None:
    """A preview keeps its result while images come and go; the next preview has the new state."""
    start(ecr)
    before = preview(ecr)
    ecr.batch_delete_image(repositoryName="team/app", imageIds=[{"imageTag": "v0"}])
    clock.tick(400 * DAY)
    assert preview(ecr) == before
    start(ecr)
    assert digests(preview(ecr)) == [images[1].digest, images[2].digest]


def test_the_text_is_answered_as_it_was_given(ecr: Any, repository_name: str) -> None:
    """The text is returned as given. That of the repository is compact, since PutLifecyclePolicy stores it so.

    Examples of the AWS CLI, `awscli/examples/ecr/start-lifecycle-policy-preview.rst` and `put-lifecycle-policy.rst`.
    """
    text = json.dumps(json.loads(ALL_BUT_ONE), indent=4)
    assert start(ecr, text)["lifecyclePolicyText"] == text
    assert preview(ecr)["lifecyclePolicyText"] == text
    ecr.put_lifecycle_policy(repositoryName=repository_name, lifecyclePolicyText=text)
    ecr.start_lifecycle_policy_preview(repositoryName=repository_name)
    assert preview(ecr)["lifecyclePolicyText"] == ALL_BUT_ONE


@pytest.mark.parametrize(
    ("filter", "shown"),
    [
        ({}, [0, 1, 2]),
        ({"tagStatus": "ANY"}, [0, 1, 2]),
        ({"tagStatus": "TAGGED"}, [0, 1]),
        ({"tagStatus": "UNTAGGED"}, [2]),
    ],
)
def test_results_of_a_tag_status(
    ecr: Any, images: list[testing.Image], filter: dict[str, str], shown: list[int]
) -> None:
    """A filter by tag status selects results; the summary counts all of them."""
    start(ecr)
    answer = preview(ecr, filter=filter)
    assert digests(answer) == [images[number].digest for number in shown]
    assert answer["summary"] == {"expiringImageTotalCount": 3}


def test_results_of_images(ecr: Any, images: list[testing.Image]) -> None:
    """Results can be selected by digest, by tag or by both; images that the policy keeps and unknown ones have none."""
    start(ecr)
    asked = [
        {"imageDigest": images[2].digest},
        {"imageTag": "v0"},
        {"imageDigest": images[1].digest, "imageTag": "v0"},
        {"imageTag": "v3"},
        {"imageTag": "unknown"},
        {},
    ]
    assert digests(preview(ecr, imageIds=asked)) == [images[0].digest, images[2].digest]
    assert digests(preview(ecr, imageIds=asked[2:])) == []
    by_both = {"imageDigest": images[1].digest, "imageTag": "v1"}
    untagged = {"tagStatus": "UNTAGGED"}
    assert digests(preview(ecr, imageIds=[by_both])) == [images[1].digest]
    assert digests(preview(ecr, imageIds=[by_both], filter=untagged)) == []


def test_pages(ecr: Any, images: list[testing.Image]) -> None:
    """botocore's paginator puts the results together again."""
    start(ecr)
    first = preview(ecr, maxResults=2)
    assert len(first["previewResults"]) == 2
    second = preview(ecr, maxResults=2, nextToken=first["nextToken"])
    assert "nextToken" not in second
    paginator = ecr.get_paginator("get_lifecycle_policy_preview")
    pages = paginator.paginate(repositoryName="team/app", PaginationConfig={"PageSize": 1})
    all_at_once = preview(ecr)
    assert [page["previewResults"] for page in pages] == [
        [each] for each in all_at_once["previewResults"]
    ]
    assert digests(first) + digests(second) == digests(all_at_once)


def test_pages_of_a_hundred(clock: Any, ecr: Any, repository_name: str) -> None:
    """A page has a hundred results, unless fewer are requested."""
    for number in range(103):
        image = testing.build_image(layers=0, annotations={"number": str(number)})
        ecr.put_image(
            repositoryName=repository_name,
            imageManifest=image.manifest.decode(),
            imageManifestMediaType=image.media_type,
        )
    start(ecr)
    first = preview(ecr)
    assert len(first["previewResults"]) == 100
    assert len(preview(ecr, nextToken=first["nextToken"])["previewResults"]) == 2
    assert first["summary"] == {"expiringImageTotalCount": 102}


@pytest.mark.parametrize("paging", [{"maxResults": 1}, {"nextToken": "token"}])
def test_images_are_not_paged(ecr: Any, images: list[testing.Image], paging: Any) -> None:
    """Named images and parameters of pages are refused together, as the documentation of both says."""
    start(ecr)
    [name] = paging
    assert refusal(
        ecr.get_lifecycle_policy_preview,
        repositoryName="team/app",
        imageIds=[{"imageTag": "v0"}],
        **paging,
    ) == invalid(name, "Must not be specified together with imageIds")


def test_a_token_of_something_else(ecr: Any, images: list[testing.Image]) -> None:
    """A token of another listing is refused like any text."""
    start(ecr)
    other = ecr.list_images(repositoryName="team/app", maxResults=1)["nextToken"]
    for token in (other, "token"):
        assert refusal(
            ecr.get_lifecycle_policy_preview, repositoryName="team/app", nextToken=token
        ) == invalid("nextToken", "Invalid continuation token")


def test_no_preview(ecr: Any, repository_name: str) -> None:
    """A preview that was never started is not found, also after the repository was created anew."""
    get = ecr.get_lifecycle_policy_preview
    assert refusal(get, repositoryName=repository_name) == NO_PREVIEW
    start(ecr)
    ecr.delete_repository(repositoryName=repository_name)
    ecr.create_repository(repositoryName=repository_name)
    assert refusal(get, repositoryName=repository_name) == NO_PREVIEW


def test_a_pull_just_before(clock: Any, ecr: Any, images: list[testing.Image]) -> None:
    """A preview knows the pulls before it, also those whose times are not stored yet."""
    clock.tick(10 * DAY)
    ecr.batch_get_image(repositoryName="team/app", imageIds=[{"imageTag": "v1"}])
    unused = {"countType": "sinceImagePulled", "countUnit": "days", "action": ARCHIVE}
    start(ecr, policy(rule(1, 5, **unused)))
    results = preview(ecr)["previewResults"]
    assert [each["imageTags"] for each in results] == [["v0"], [], ["v3"]]


def test_previews_of_two_repositories(ecr: Any, repository_name: str, slowly: Any) -> None:
    """Each repository has its own preview, which a preview of another one does not replace or advance."""
    other = {"repositoryName": "team/other"}
    ecr.create_repository(**other)
    slowly("ecr::lifecycle_preview", progression="manual", times=2)
    start(ecr)
    ecr.start_lifecycle_policy_preview(**other, lifecyclePolicyText=policy(rule(1, 2)))
    texts = [preview(ecr), ecr.get_lifecycle_policy_preview(**other)]
    assert [each["lifecyclePolicyText"] for each in texts] == [ALL_BUT_ONE, policy(rule(1, 2))]
    assert [each["status"] for each in texts] == ["IN_PROGRESS", "IN_PROGRESS"]


def test_no_policy(ecr: Any, repository_name: str) -> None:
    """The call is refused without a text or a policy of the repository, and keeps the earlier preview."""
    start(ecr)
    before = everything_stored()
    assert refusal(ecr.start_lifecycle_policy_preview, repositoryName=repository_name) == Refusal(
        "LifecyclePolicyNotFoundException",
        "Lifecycle policy does not exist for the repository with name 'team/app' "
        "in the registry with id '123456789012'",
    )
    assert everything_stored() == before


def test_a_wrong_policy(ecr: Any, repository_name: str) -> None:
    """An invalid text is refused with the message of PutLifecyclePolicy."""
    text = ALL_BUT_ONE.replace('"rules"', '"rule"') + " " * 40
    request = {"repositoryName": repository_name, "lifecyclePolicyText": text}
    before = everything_stored()
    refused = refusal(ecr.start_lifecycle_policy_preview, **request)
    assert refused == refusal(ecr.put_lifecycle_policy, **request)
    assert refused.code == "InvalidParameterException"
    assert everything_stored() == before


def test_no_repository(ecr: Any) -> None:
    """Both operations refuse a repository that does not exist."""
    for call in (ecr.start_lifecycle_policy_preview, ecr.get_lifecycle_policy_preview):
        assert refusal(call, repositoryName="no/app") == no_repository("no/app")


def test_a_preview_that_takes_time(
    clock: Any, ecr: Any, images: list[testing.Image], slowly: Any
) -> None:
    """A preview under way has no results, and no other can be started."""
    slowly("ecr::lifecycle_preview", progression="time", seconds=60)
    start(ecr)
    assert preview(ecr) == {
        **ECR,
        "lifecyclePolicyText": ALL_BUT_ONE,
        "status": "IN_PROGRESS",
        "previewResults": [],
    }
    before = everything_stored()
    start_again = ecr.start_lifecycle_policy_preview
    assert refusal(start_again, repositoryName="team/app", lifecyclePolicyText=ALL_BUT_ONE) == (
        IN_PROGRESS
    )
    assert everything_stored() == before
    clock.tick(61)
    assert preview(ecr)["status"] == "COMPLETE"
    assert len(preview(ecr)["previewResults"]) == 3
    start(ecr)
    assert preview(ecr)["status"] == "IN_PROGRESS"


def test_a_preview_that_is_asked_about(ecr: Any, images: list[testing.Image], slowly: Any) -> None:
    """A preview that is counted by questions stays complete once it was complete."""
    slowly("ecr::lifecycle_preview", progression="manual", times=3)
    start(ecr)
    statuses = [preview(ecr)["status"] for _ in range(4)]
    assert statuses == ["IN_PROGRESS", "IN_PROGRESS", "COMPLETE", "COMPLETE"]
    slowly("ecr::lifecycle_preview", progression="manual", times=30)
    assert preview(ecr)["status"] == "COMPLETE"


def test_botocore_waits_for_it(ecr: Any, images: list[testing.Image], slowly: Any) -> None:
    """botocore's waiter waits for the preview's statuses."""
    waiter = ecr.get_waiter("lifecycle_policy_preview_complete")
    slowly("ecr::lifecycle_preview", progression="manual", times=3)
    start(ecr)
    config = {"Delay": 0, "MaxAttempts": 2}
    with pytest.raises(WaiterError, match="Max attempts exceeded"):
        waiter.wait(repositoryName="team/app", WaiterConfig=config)
    waiter.wait(repositoryName="team/app", WaiterConfig=config)
