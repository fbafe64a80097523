"""Replication backfills: what a registry had before its rules.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/replication-backfill.html
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from moto_ecr_ext import service_model, testing
from support.constants import ACCOUNT, BEGINNING, OTHER_ACCOUNT
from support.refusals import Refusal, invalid, refusal
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

pytestmark = pytest.mark.skipif(
    "StartReplicationBackfill" not in service_model.operation_names(),
    reason="this botocore does not know backfills",
)
UNKNOWN = "1b2c3d4e-0000-4000-8000-000000000000"


@pytest.fixture
def home(ecr: Any, repository_name: str) -> Any:
    """A registry with an image of two tags and one without, before it has rules."""
    for tag in ("v1", "v2"):
        testing.push(ecr, repository_name, IMAGE, tag=tag)
    testing.push(ecr, repository_name, SECOND)
    return ecr


@pytest.fixture
def west(aws: Any) -> Any:
    return aws.client(region="eu-west-1")


@pytest.fixture
def abroad(aws: Any) -> Any:
    return aws.client(account=OTHER_ACCOUNT)


def start(ecr: Any, destination: dict[str, str] = WEST) -> str:
    """The identifier of a new backfill."""
    answer = ecr.start_replication_backfill(destination=destination)
    assert answer["status"] == "PREPARING"
    return str(answer["replicationBackfillId"])


def described(ecr: Any, backfill_id: str, **request: Any) -> dict[str, Any]:
    answer = ecr.describe_replication_backfill_results(replicationBackfillId=backfill_id, **request)
    del answer["ResponseMetadata"]
    return dict(answer)


def result(image: Any, tag: str | None = None, **more: Any) -> dict[str, Any]:
    """A replication that is complete, unless it says otherwise."""
    image_id = {"imageDigest": image.digest, **({"imageTag": tag} if tag else {})}
    return {"repositoryName": NAME, "imageId": image_id, "status": "COMPLETE", **more}


ALL = [result(IMAGE, "v1"), result(IMAGE, "v2"), result(SECOND)]
NOTHING_YET = {
    "totalReplicationCount": 3,
    "completedReplicationCount": 0,
    "failedReplicationCount": 0,
    "failureCodes": [],
}


def test_what_was_there_before_the_rules(home: Any, west: Any) -> None:
    """Images from before the rules are sent under all of their tags, and have a status from then on."""
    replicate(home, rule(WEST))
    assert images(west) == {}
    start(home)
    assert images(west) == {IMAGE.digest: ["v1", "v2"], SECOND.digest: []}
    assert testing.pull(west, NAME, "v2").manifest == IMAGE.manifest
    assert statuses(home, IMAGE) == [{**WEST, "status": "COMPLETE"}]


def test_the_answers(clock: Any, home: Any) -> None:
    """The start returns that the backfill is being prepared; a later question, that it has ended. Identifiers may be
    in upper case.
    """
    replicate(home, rule(WEST))
    answer = home.start_replication_backfill(destination=WEST)
    del answer["ResponseMetadata"]
    backfill_id = answer.pop("replicationBackfillId")
    assert answer == {
        "registryId": ACCOUNT,
        "destination": WEST,
        "status": "PREPARING",
        "startedAt": BEGINNING,
    }
    summary = {
        "replicationBackfillId": backfill_id,
        "destination": WEST,
        "status": "COMPLETE",
        "progress": {**NOTHING_YET, "completedReplicationCount": 3},
        "startedAt": BEGINNING,
        "endedAt": BEGINNING,
    }
    assert described(home, backfill_id.upper()) == {
        **summary,
        "registryId": ACCOUNT,
        "results": ALL,
    }
    listed = home.list_replication_backfills()
    assert (listed["registryId"], listed["backfills"]) == (ACCOUNT, [summary])


def test_which_images_qualify(home: Any, west: Any) -> None:
    """Active images qualify if a rule with this destination applies to their repository."""
    home.create_repository(repositoryName="other/app")
    testing.push(home, "other/app", IMAGE, tag="v1")
    home.update_image_storage_class(
        repositoryName=NAME,
        imageId={"imageDigest": SECOND.digest},
        targetStorageClass="ARCHIVE",
    )
    south = {"region": "sa-east-1", "registryId": ACCOUNT}
    replicate(home, rule(WEST, prefixes=("team/",)), rule(south))
    assert described(home, start(home))["results"] == ALL[:2]
    assert images(west, "other/app") == {}
    start(home, south)
    assert len(home.list_replication_backfills()["backfills"]) == 2


def test_an_index_is_an_image_of_its_own(home: Any, west: Any) -> None:
    """An index and its children each have a result; that of the index lists failures of its children."""
    home.create_repository(repositoryName="multi")
    testing.push(home, "multi", INDEX, tag="v1")
    replicate(home, rule(WEST, prefixes=("multi",)))
    *children, index = described(home, start(home))["results"]
    assert [each["imageId"] for each in children] == [
        {"imageDigest": child.digest} for child in INDEX.images
    ]
    assert index == {**result(INDEX, "v1", subImageFailureCodes=[]), "repositoryName": "multi"}
    assert testing.pull(west, "multi", "v1").manifest == INDEX.manifest


def test_a_destination_that_refuses(home: Any, abroad: Any) -> None:
    """The replications to a destination that refuses them fail; the backfill succeeds while they are fewer than a
    hundred.
    """
    replicate(home, rule(ABROAD))
    answer = described(home, start(home, ABROAD))
    assert answer["status"] == "COMPLETE"
    assert answer["progress"] == {
        **NOTHING_YET,
        "failedReplicationCount": 3,
        "failureCodes": ["DESTINATION_REGISTRY_ACCESS_DENIED"],
    }
    assert answer["results"] == [
        {**each, "status": "FAILED", "failureCode": "DESTINATION_REGISTRY_ACCESS_DENIED"}
        for each in ALL
    ]
    assert images(abroad) == {}
    let_in(abroad, "ecr:ReplicateImage", "ecr:CreateRepository")
    assert described(home, start(home, ABROAD))["results"] == ALL
    assert images(abroad) == {IMAGE.digest: ["v1", "v2"], SECOND.digest: []}


def test_a_backfill_fails(home: Any, abroad: Any) -> None:
    """A backfill fails if at least half of a hundred or more replications fail."""
    let_in(abroad, "ecr:ReplicateImage")
    abroad.create_repository(repositoryName=NAME)
    home.create_repository(repositoryName="refused")
    for number in range(49):
        manifest = IMAGE.manifest.decode()
        home.put_image(repositoryName=NAME, imageManifest=manifest, imageTag=f"more-{number}")
        home.put_image(repositoryName="refused", imageManifest=manifest, imageTag=f"{number}")
    replicate(home, rule(ABROAD))
    answer = described(home, start(home, ABROAD))
    assert (answer["status"], answer["progress"]["totalReplicationCount"]) == ("COMPLETE", 101)
    assert answer["progress"]["failedReplicationCount"] == 49
    for tag in ("a", "b", "c"):
        home.put_image(repositoryName="refused", imageManifest=manifest, imageTag=tag)
    failed = described(home, start(home, ABROAD))
    assert (failed["status"], failed["failureCode"]) == ("FAILED", "TooManyFailedReplications")
    assert failed["progress"]["failedReplicationCount"] == 52
    assert failed["progress"]["completedReplicationCount"] == 52


def test_results_in_pages_and_by_status(home: Any, abroad: Any) -> None:
    """The results of one status, or of both without a filter, are returned in pages of the requested size."""
    home.create_repository(repositoryName="refused")
    testing.push(home, "refused", IMAGE, tag="v1")
    let_in(abroad, "ecr:ReplicateImage")
    abroad.create_repository(repositoryName=NAME)
    replicate(home, rule(ABROAD))
    backfill_id = start(home, ABROAD)
    pages = home.get_paginator("describe_replication_backfill_results").paginate(
        replicationBackfillId=backfill_id, PaginationConfig={"PageSize": 2}
    )
    first, second = (page["results"] for page in pages)
    complete = described(home, backfill_id, resultStatusFilter="COMPLETE")["results"]
    failed = described(home, backfill_id, resultStatusFilter="FAILED")["results"]
    assert complete == ALL
    assert [each["repositoryName"] for each in failed] == ["refused"]
    assert [*first, *second] == [*failed, *complete]


def test_the_list_has_pages(home: Any) -> None:
    """The list begins with the newest backfill, and has pages of twenty-five unless a number is given."""
    replicate(home, rule(WEST))
    started = [start(home) for _ in range(27)]
    pages = home.get_paginator("list_replication_backfills").paginate()
    first, second = (
        [each["replicationBackfillId"] for each in page["backfills"]] for page in pages
    )
    assert len(first) == 25
    assert [*first, *second] == started[::-1]
    few = home.list_replication_backfills(maxResults=3)
    assert [each["replicationBackfillId"] for each in few["backfills"]] == started[:-4:-1]


def test_a_token_of_another_list(home: Any) -> None:
    """A token of another list is refused."""
    replicate(home, rule(WEST))
    backfill_id = start(home)
    token = described(home, backfill_id, maxResults=1)["nextToken"]
    refused = invalid("nextToken", "Invalid continuation token")
    assert refusal(home.list_replication_backfills, nextToken=token) == refused
    other = start(home)
    describe = home.describe_replication_backfill_results
    assert refusal(describe, replicationBackfillId=other, nextToken=token) == refused


def test_ended_backfills_are_forgotten(clock: Any, home: Any) -> None:
    """A backfill is forgotten ninety days after its end."""
    replicate(home, rule(WEST))
    backfill_id = start(home)
    clock.tick(timedelta(days=90) - timedelta(seconds=1))
    assert described(home, backfill_id)["status"] == "COMPLETE"
    clock.tick(1)
    assert home.list_replication_backfills()["backfills"] == []
    assert refusal(
        home.describe_replication_backfill_results, replicationBackfillId=backfill_id
    ) == not_found(backfill_id)
    start(home)
    assert len(everything_stored()["replication_backfills"]) == 1


def not_found(backfill_id: str) -> Refusal:
    return Refusal(
        "ReplicationBackfillNotFoundException",
        f"The replication backfill with id '{backfill_id}' does not exist "
        f"in the registry with id '{ACCOUNT}'",
    )


def test_the_stages_of_a_backfill(home: Any, west: Any, slowly: Any) -> None:
    """Each stage ends once the backfill was asked for as often as moto's state manager says."""
    slowly("ecr::replication", progression="manual", times=2)
    replicate(home, rule(WEST))
    backfill_id = start(home)

    first = described(home, backfill_id)
    assert (first["status"], first["results"]) == ("PREPARING", [])
    assert not {"progress", "endedAt"} & first.keys()

    [listed] = home.list_replication_backfills()["backfills"]
    assert (listed["status"], listed["progress"]) == ("IN_PROGRESS", NOTHING_YET)
    assert statuses(home, IMAGE) == [{**WEST, "status": "IN_PROGRESS"}]
    assert images(west) == {}

    # The image that was asked for by itself has been seen once more than the other.
    half = described(home, backfill_id)
    assert (half["status"], half["results"]) == ("IN_PROGRESS", [])
    assert half["progress"] == {**NOTHING_YET, "completedReplicationCount": 2}
    assert images(west) == {IMAGE.digest: ["v1", "v2"]}
    assert not {"endedAt", "nextToken"} & half.keys()

    last = described(home, backfill_id)
    assert (last["status"], last["results"]) == ("COMPLETE", ALL)
    assert images(west) == images(home)


def test_a_backfill_that_takes_time(clock: Any, home: Any, west: Any, slowly: Any) -> None:
    """A backfill ends by the clock, whatever is asked for."""
    slowly("ecr::replication", progression="time", seconds=600)
    replicate(home, rule(WEST))
    backfill_id = start(home)
    clock.tick(601)
    assert described(home, backfill_id)["status"] == "IN_PROGRESS"
    clock.tick(601)
    assert images(west) == {IMAGE.digest: ["v1", "v2"], SECOND.digest: []}
    ended = described(home, backfill_id)
    assert (ended["status"], ended["startedAt"], ended["endedAt"]) == (
        "COMPLETE",
        BEGINNING,
        BEGINNING + timedelta(seconds=1202),
    )


def test_an_image_that_is_deleted_on_the_way(clock: Any, home: Any, west: Any, slowly: Any) -> None:
    """The replication of an image that is deleted meanwhile fails."""
    slowly("ecr::replication", progression="time", seconds=600)
    replicate(home, rule(WEST))
    backfill_id = start(home)
    clock.tick(601)
    described(home, backfill_id)
    home.batch_delete_image(repositoryName=NAME, imageIds=[{"imageDigest": SECOND.digest}])
    clock.tick(601)
    assert described(home, backfill_id)["results"] == [
        *ALL[:2],
        result(SECOND, status="FAILED", failureCode="ImageNotFoundException"),
    ]
    assert images(west) == {IMAGE.digest: ["v1", "v2"]}


def stop(ecr: Any, backfill_id: str) -> str:
    """The status that stopping answers."""
    answer = ecr.stop_replication_backfill(replicationBackfillId=backfill_id)
    del answer["ResponseMetadata"]
    status = answer.pop("status")
    assert answer.pop("startedAt")
    assert answer == {
        "registryId": ACCOUNT,
        "replicationBackfillId": backfill_id,
        "destination": WEST,
    }
    return str(status)


def test_stopped_while_it_is_prepared(clock: Any, home: Any, west: Any, slowly: Any) -> None:
    """A stop during the preparation ends it at once: no image is sent, and the number of images is unknown."""
    slowly("ecr::replication", progression="time", seconds=600)
    replicate(home, rule(WEST))
    backfill_id = start(home)
    assert stop(home, backfill_id) == "STOPPED"
    clock.tick(1300)
    stopped = described(home, backfill_id)
    assert (stopped["status"], stopped["results"], images(west)) == ("STOPPED", [], {})
    assert stopped["endedAt"] == BEGINNING
    assert "progress" not in stopped


def test_stopped_on_the_way(clock: Any, home: Any, west: Any, slowly: Any) -> None:
    """A stop lets the replications under way arrive first."""
    slowly("ecr::replication", progression="time", seconds=600)
    replicate(home, rule(WEST))
    backfill_id = start(home)
    clock.tick(601)
    assert stop(home, backfill_id) == "STOPPING"
    assert described(home, backfill_id)["status"] == "STOPPING"
    clock.tick(601)
    stopped = described(home, backfill_id)
    assert (stopped["status"], stopped["results"]) == ("STOPPED", ALL)
    assert images(west) == images(home)


def test_what_cannot_be_stopped(clock: Any, home: Any, slowly: Any) -> None:
    """A backfill that has ended, that is being stopped, or that does not exist cannot be stopped."""
    replicate(home, rule(WEST))
    ended = start(home)
    slowly("ecr::replication", progression="time", seconds=600)
    stopping = start(home)
    clock.tick(601)
    stop(home, stopping)
    before = everything_stored()
    for backfill_id, status in ((ended, "COMPLETE"), (stopping, "STOPPING")):
        assert refusal(
            home.stop_replication_backfill, replicationBackfillId=backfill_id
        ) == Refusal(
            "ReplicationBackfillInvalidStatusException",
            f"The replication backfill with id '{backfill_id}' cannot be stopped, "
            f"since its status is {status}",
        )
    assert refusal(home.stop_replication_backfill, replicationBackfillId=UNKNOWN) == not_found(
        UNKNOWN
    )
    assert everything_stored() == before


def test_a_destination_that_no_rule_has(home: Any) -> None:
    """A rule needs both the Region and the account of the destination."""
    replicate(home, rule(WEST))
    before = everything_stored()
    for destination in (
        {"region": "eu-west-1", "registryId": OTHER_ACCOUNT},
        {"region": "eu-west-2", "registryId": ACCOUNT},
    ):
        assert refusal(home.start_replication_backfill, destination=destination) == invalid(
            "destination", "Destination must be in the registry's replication configuration"
        )
    assert everything_stored() == before


def test_one_at_a_time_for_each_region(home: Any, slowly: Any) -> None:
    """A Region has one backfill at a time, to any account; another can start after a stop."""
    slowly("ecr::replication", progression="time", seconds=600)
    other = {"region": "eu-west-1", "registryId": OTHER_ACCOUNT}
    replicate(home, rule(WEST, other))
    backfill_id = start(home)
    before = everything_stored()
    for destination in (WEST, other):
        assert refusal(home.start_replication_backfill, destination=destination) == Refusal(
            "ReplicationBackfillInProgressException",
            "A replication backfill to the Region 'eu-west-1' is in progress. "
            "Wait until it has ended, or stop it.",
        )
    assert everything_stored() == before
    stop(home, backfill_id)
    start(home, other)


def test_ten_at_once(home: Any, slowly: Any) -> None:
    """A registry has at most ten backfills at once."""
    slowly("ecr::replication", progression="time", seconds=600)
    regions = [
        *("us-east-2", "us-west-1", "us-west-2", "eu-west-1", "eu-west-2", "eu-west-3"),
        *("eu-central-1", "eu-north-1", "sa-east-1", "ca-central-1", "ap-south-1"),
    ]
    destinations = [{"region": region, "registryId": ACCOUNT} for region in regions]
    replicate(home, rule(*destinations))
    for destination in destinations[:10]:
        start(home, destination)
    assert refusal(home.start_replication_backfill, destination=destinations[10]) == Refusal(
        "LimitExceededException", "A registry has at most 10 replication backfills in progress."
    )


def test_backfills_of_another_registry(aws: Any, home: Any, abroad: Any, west: Any) -> None:
    """Backfills of another registry are not listed; those of another account need the permission of its policy."""
    replicate(home, rule(WEST))
    backfill_id = start(home)
    for other in (abroad, west):
        assert other.list_replication_backfills()["backfills"] == []
        assert (
            refusal(
                other.describe_replication_backfill_results, replicationBackfillId=backfill_id
            ).code
            == "ReplicationBackfillNotFoundException"
        )
    for call, request in (
        (abroad.list_replication_backfills, {}),
        (abroad.start_replication_backfill, {"destination": WEST}),
        (abroad.stop_replication_backfill, {"replicationBackfillId": backfill_id}),
        (abroad.describe_replication_backfill_results, {"replicationBackfillId": backfill_id}),
    ):
        assert refusal(call, registryId=ACCOUNT, **request).code == "AccessDeniedException"
