"""Basic scans: by hand, on push, by the registry's rules; and findings that a test has queued."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
import requests
from botocore.exceptions import WaiterError
from freezegun import freeze_time

from moto_ecr_ext.models.lookup import registry_backend
from moto_ecr_ext.testing import (
    DOCKER,
    ImageError,
    build_artifact,
    build_image,
    build_index,
    push,
    queue_scan_findings,
)
from support.constants import ACCOUNT, OTHER_ACCOUNT
from support.listener import Listener
from support.refusals import Refusal, no_image, no_repository, refusal, refused
from support.scanning import COMPLETE
from support.stored import everything_stored

IMAGE = build_image(layers=1)
OTHER = build_image(seed=1, layers=1)
TOO_SOON = Refusal(
    "LimitExceededException", "The scan quota per image has been exceeded. Wait and try again."
)


def no_scan(digest: str = "null", tag: str = "null") -> Refusal:
    """The refusal where an image of team/app was never scanned."""
    return Refusal(
        "ScanNotFoundException",
        f"Image scan does not exist for the image with '{{imageDigest:'{digest}', "
        f"imageTag:'{tag}'}}' in the repository with name 'team/app' "
        "in the registry with id '123456789012'",
    )


def findings_of(ecr: Any, image_id: dict[str, str], **request: Any) -> dict[str, Any]:
    """The answer of DescribeImageScanFindings for an image of team/app."""
    answer: dict[str, Any] = ecr.describe_image_scan_findings(
        repositoryName="team/app", imageId=image_id, **request
    )
    del answer["ResponseMetadata"]
    return answer


def queue(aws: Any, *results: object, region: str | None = None) -> None:
    """Queue answers, as a test does it."""
    url = aws.endpoint_url or "https://motoapi.amazonaws.com"
    body = {"results": list(results), **({"region": region} if region else {})}
    response = requests.post(
        f"{url}/moto-api/static/ecr/scan-finding-results", json=body, timeout=60
    )
    assert response.status_code == 201


def result(name: str = "CVE-2026-1", **members: Any) -> dict[str, Any]:
    """An answer to queue, about the image tagged v1 of team/app."""
    return {
        "registryId": ACCOUNT,
        "repositoryName": "team/app",
        "imageId": {"imageTag": "v1"},
        "imageScanStatus": COMPLETE,
        "imageScanFindings": {
            "findings": [{"name": name, "severity": "HIGH", "uri": "https://example.com"}],
            "findingSeverityCounts": {"HIGH": 1},
        },
        **members,
    }


def test_a_scan_is_started_by_hand(ecr: Any, repository_name: str) -> None:
    """The answer names the image by digest, and by the tag of the request."""
    push(ecr, repository_name, IMAGE, tag="v1")
    answer = ecr.start_image_scan(repositoryName=repository_name, imageId={"imageTag": "v1"})
    del answer["ResponseMetadata"]
    assert answer == {
        "registryId": ACCOUNT,
        "repositoryName": repository_name,
        "imageId": {"imageDigest": IMAGE.digest, "imageTag": "v1"},
        "imageScanStatus": {"status": "IN_PROGRESS"},
    }


def test_a_scan_finds_nothing(ecr: Any, repository_name: str) -> None:
    """A scan has no findings unless a test queues them. botocore's waiter returns at once."""
    push(ecr, repository_name, IMAGE, tag="v1")
    before = time.time()
    image_id = {"imageDigest": IMAGE.digest}
    ecr.start_image_scan(repositoryName=repository_name, imageId=image_id)
    answer = findings_of(ecr, {"imageTag": "v1"})
    found = answer.pop("imageScanFindings")
    assert answer == {
        "registryId": ACCOUNT,
        "repositoryName": repository_name,
        "imageId": {"imageDigest": IMAGE.digest, "imageTag": "v1"},
        "imageScanStatus": COMPLETE,
    }
    for member in ("imageScanCompletedAt", "vulnerabilitySourceUpdatedAt"):
        assert before - 1 < found.pop(member).timestamp() < time.time() + 1
    assert found == {"findings": [], "findingSeverityCounts": {}}
    waiter = ecr.get_waiter("image_scan_complete")
    waiter.wait(repositoryName=repository_name, imageId=image_id, WaiterConfig={"MaxAttempts": 1})


def test_an_image_that_was_never_scanned(ecr: Any, repository_name: str) -> None:
    """The refusal names an image that was never scanned as the request does."""
    push(ecr, repository_name, IMAGE, tag="v1")
    call = ecr.describe_image_scan_findings
    for image_id, expected in (
        ({"imageDigest": IMAGE.digest}, no_scan(digest=IMAGE.digest)),
        ({"imageTag": "v1"}, no_scan(tag="v1")),
    ):
        assert refusal(call, repositoryName=repository_name, imageId=image_id) == expected


@pytest.mark.parametrize("operation", ["start_image_scan", "describe_image_scan_findings"])
def test_an_image_or_repository_that_is_not_there(ecr: Any, operation: str) -> None:
    """A missing repository is reported before a missing image."""
    request = {"repositoryName": "team/app", "imageId": {"imageTag": "v1"}}
    call = getattr(ecr, operation)
    assert refusal(call, **request) == no_repository("team/app")
    ecr.create_repository(repositoryName="team/app")
    assert refusal(call, **request) == no_image("team/app", tag="v1")


def test_an_image_is_scanned_once_in_24_hours(ecr: Any, repository_name: str) -> None:
    """An image is scanned once in 24 hours, not calendar days; a scan on push counts."""
    ecr.put_image_scanning_configuration(
        repositoryName=repository_name, imageScanningConfiguration={"scanOnPush": True}
    )
    request = {"repositoryName": repository_name, "imageId": {"imageTag": "v1"}}
    with freeze_time("2026-01-01 20:00:00", ignore=["urllib3"]) as clock:
        push(ecr, repository_name, IMAGE, tag="v1")
        before = everything_stored()
        assert refusal(ecr.start_image_scan, **request) == TOO_SOON
        clock.move_to("2026-01-02 19:59:59")
        assert refusal(ecr.start_image_scan, **request) == TOO_SOON
        assert everything_stored() == before
        clock.move_to("2026-01-02 20:00:00")
        ecr.start_image_scan(**request)
        assert refusal(ecr.start_image_scan, **request) == TOO_SOON
        completed = findings_of(ecr, {"imageTag": "v1"})["imageScanFindings"]
    assert completed["imageScanCompletedAt"].timestamp() == 1767384000


@pytest.mark.parametrize(
    "image",
    [
        pytest.param(build_index([IMAGE]), id="index"),
        pytest.param(build_index([IMAGE], media_types=DOCKER), id="list"),
        pytest.param(build_artifact(artifact_type="application/x.sbom"), id="artifact"),
    ],
)
def test_what_cannot_be_scanned(ecr: Any, repository_name: str, image: Any) -> None:
    """StartImageScan refuses the image, and a push does not scan it."""
    ecr.put_image_scanning_configuration(
        repositoryName=repository_name, imageScanningConfiguration={"scanOnPush": True}
    )
    push(ecr, repository_name, image, tag="v1")
    request = {"repositoryName": repository_name, "imageId": {"imageTag": "v1"}}
    error = refused(ecr.start_image_scan, **request)
    assert isinstance(error, ecr.exceptions.UnsupportedImageTypeException)
    media_type = json.loads(image.manifest)["mediaType"]
    assert error.response["Error"]["Message"] == (
        f"An artifact with media type '{media_type}' cannot be scanned. "
        "For more information, see the Amazon ECR documentation."
    )
    assert refusal(ecr.describe_image_scan_findings, **request) == no_scan(tag="v1")


@pytest.mark.parametrize(
    "media_type",
    [
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
    ],
)
def test_layers_that_are_elsewhere(ecr: Any, repository_name: str, media_type: str) -> None:
    """An image with a layer that is stored elsewhere cannot be scanned."""
    manifest = json.loads(IMAGE.manifest)
    manifest["layers"].append(
        {**manifest["layers"][0], "mediaType": media_type, "digest": OTHER.layers[0].digest}
    )
    ecr.put_image(repositoryName=repository_name, imageManifest=json.dumps(manifest), imageTag="v1")
    error = refused(
        ecr.start_image_scan, repositoryName=repository_name, imageId={"imageTag": "v1"}
    )
    assert isinstance(error, ecr.exceptions.UnsupportedImageTypeException)


def test_a_repository_may_be_scanned_on_push(ecr: Any, repository_name: str) -> None:
    """Images are scanned on push after the setting is on; the setting is shown as it is."""
    push(ecr, repository_name, OTHER, tag="v0")
    for scan_on_push, tag in ((True, "v1"), (False, "v2")):
        answer = ecr.put_image_scanning_configuration(
            repositoryName=repository_name, imageScanningConfiguration={"scanOnPush": scan_on_push}
        )
        del answer["ResponseMetadata"]
        assert answer == {
            "registryId": ACCOUNT,
            "repositoryName": repository_name,
            "imageScanningConfiguration": {"scanOnPush": scan_on_push},
        }
        [shown] = ecr.describe_repositories()["repositories"]
        assert shown["imageScanningConfiguration"] == {"scanOnPush": scan_on_push}
        [configuration] = ecr.batch_get_repository_scanning_configuration(
            repositoryNames=[repository_name]
        )["scanningConfigurations"]
        assert configuration["scanOnPush"] == scan_on_push
        push(ecr, repository_name, build_image(seed=tag, layers=1), tag=tag)
    assert findings_of(ecr, {"imageTag": "v1"})["imageScanStatus"] == COMPLETE
    for tag in ("v0", "v2"):
        assert refusal(
            ecr.describe_image_scan_findings,
            repositoryName=repository_name,
            imageId={"imageTag": tag},
        ) == no_scan(tag=tag)


def test_an_empty_setting_is_off(ecr: Any, repository_name: str) -> None:
    """`{}` is a valid configuration."""
    for configuration in ({"scanOnPush": True}, {}):
        answer = ecr.put_image_scanning_configuration(
            repositoryName=repository_name, imageScanningConfiguration=configuration
        )
    assert answer["imageScanningConfiguration"] == {"scanOnPush": False}


def rule(frequency: str, *filters: str) -> dict[str, Any]:
    """A rule of the registry's scanning configuration."""
    return {
        "scanFrequency": frequency,
        "repositoryFilters": [{"filter": each, "filterType": "WILDCARD"} for each in filters],
    }


def test_the_registry_s_configuration(ecr: Any) -> None:
    """The registry's configuration is BASIC without rules at first; a new one replaces it as a whole."""
    unset = {"scanType": "BASIC", "rules": []}
    answer = ecr.get_registry_scanning_configuration()
    del answer["ResponseMetadata"]
    assert answer == {"registryId": ACCOUNT, "scanningConfiguration": unset}
    configuration = {
        "scanType": "ENHANCED",
        "rules": [rule("CONTINUOUS_SCAN", "prod"), rule("SCAN_ON_PUSH", "*")],
    }
    for request, expected in (
        (configuration, configuration),
        ({"scanType": "BASIC"}, unset),
        (
            {"rules": [rule("SCAN_ON_PUSH", "*")]},
            {"scanType": "BASIC", "rules": [rule("SCAN_ON_PUSH", "*")]},
        ),
        ({}, unset),
    ):
        answer = ecr.put_registry_scanning_configuration(**request)
        assert answer["registryScanningConfiguration"] == expected
        stored = ecr.get_registry_scanning_configuration()["scanningConfiguration"]
        assert stored == expected


@pytest.mark.parametrize(
    ("scan_type", "frequency"), [("BASIC", "CONTINUOUS_SCAN"), ("ENHANCED", "MANUAL")]
)
def test_frequencies_that_a_scan_type_does_not_have(
    ecr: Any, scan_type: str, frequency: str
) -> None:
    """A frequency that the scan type lacks is refused:
    https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning.html
    """
    before = everything_stored()
    assert refusal(
        ecr.put_registry_scanning_configuration,
        scanType=scan_type,
        rules=[rule(frequency, "*")],
    ) == Refusal(
        "InvalidParameterException",
        f"Invalid scan frequency for scanType {scan_type}: {frequency}",
    )
    assert everything_stored() == before


def test_two_rules_of_one_frequency(ecr: Any) -> None:
    """https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-filters.html"""
    before = everything_stored()
    rules = [rule("SCAN_ON_PUSH", "a"), rule("MANUAL", "c"), rule("SCAN_ON_PUSH", "b")]
    refused = refusal(ecr.put_registry_scanning_configuration, scanType="BASIC", rules=rules)
    assert refused.code == "InvalidParameterException"
    assert everything_stored() == before
    ecr.put_registry_scanning_configuration(scanType="BASIC", rules=rules[:2])


NAMES = ["prod", "prod1", "repo-prod", "myprodrepo", "team/app"]


@pytest.mark.parametrize(
    ("pattern", "matching"),
    [
        ("prod", ["prod", "prod1", "repo-prod", "myprodrepo"]),
        ("*prod", ["prod", "repo-prod"]),
        ("prod*", ["prod", "prod1"]),
        ("*prod*", ["prod", "prod1", "repo-prod", "myprodrepo"]),
        ("*prod*repo", ["myprodrepo"]),
        ("team/*", ["team/app"]),
        ("*", NAMES),
        ("other", []),
    ],
)
def test_filters(ecr: Any, pattern: str, matching: list[str]) -> None:
    """A filter without a wildcard matches names that contain it; one with a wildcard matches the whole name.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-filters.html
    """
    for name in NAMES:
        ecr.create_repository(repositoryName=name)
    ecr.put_registry_scanning_configuration(rules=[rule("SCAN_ON_PUSH", "zzz", pattern)])
    answer = ecr.batch_get_repository_scanning_configuration(repositoryNames=NAMES)
    assert answer["failures"] == []
    assert answer["scanningConfigurations"] == [
        {
            "repositoryArn": f"arn:aws:ecr:us-east-1:123456789012:repository/{name}",
            "repositoryName": name,
            "scanOnPush": name in matching,
            "scanFrequency": "SCAN_ON_PUSH" if name in matching else "MANUAL",
            "appliedScanFilters": (
                [{"filter": pattern, "filterType": "WILDCARD"}] if name in matching else []
            ),
        }
        for name in NAMES
    ]


def test_rules_scan_on_push(ecr: Any, repository_name: str) -> None:
    """Rules of the registry override the repositories' own settings."""
    ecr.put_registry_scanning_configuration(rules=[rule("SCAN_ON_PUSH", "team/*")])
    push(ecr, repository_name, IMAGE, tag="v1")
    assert findings_of(ecr, {"imageTag": "v1"})["imageScanStatus"] == COMPLETE
    ecr.create_repository(repositoryName="other", imageScanningConfiguration={"scanOnPush": True})
    push(ecr, "other", IMAGE, tag="v1")
    error = refused(
        ecr.describe_image_scan_findings, repositoryName="other", imageId={"imageTag": "v1"}
    )
    assert isinstance(error, ecr.exceptions.ScanNotFoundException)


def test_continuous_scans_win(ecr: Any, repository_name: str) -> None:
    """Continuous rules win over rules for pushes; all rules of one kind apply."""
    ecr.put_registry_scanning_configuration(
        scanType="ENHANCED",
        rules=[rule("SCAN_ON_PUSH", "*"), rule("CONTINUOUS_SCAN", "team", "*app", "x")],
    )
    [configuration] = ecr.batch_get_repository_scanning_configuration(
        repositoryNames=[repository_name]
    )["scanningConfigurations"]
    assert configuration["scanFrequency"] == "CONTINUOUS_SCAN"
    assert configuration["scanOnPush"] is False
    assert [each["filter"] for each in configuration["appliedScanFilters"]] == ["team", "*app"]
    ecr.put_registry_scanning_configuration(
        rules=[rule("SCAN_ON_PUSH", "app", "nothing"), rule("MANUAL", "team/*")]
    )
    [configuration] = ecr.batch_get_repository_scanning_configuration(
        repositoryNames=[repository_name]
    )["scanningConfigurations"]
    assert [each["filter"] for each in configuration["appliedScanFilters"]] == ["app"]


def test_repositories_that_are_not_there_are_failures(ecr: Any, repository_name: str) -> None:
    """Repositories that do not exist are listed as failures beside the configurations of the others."""
    answer = ecr.batch_get_repository_scanning_configuration(
        repositoryNames=["not-here", repository_name]
    )
    assert [each["repositoryName"] for each in answer["scanningConfigurations"]] == [
        repository_name
    ]
    assert answer["failures"] == [
        {
            "repositoryName": "not-here",
            "failureCode": "REPOSITORY_NOT_FOUND",
            "failureReason": "REPOSITORY_NOT_FOUND",
        }
    ]


def test_basic_operations_while_scanning_is_enhanced(ecr: Any, repository_name: str) -> None:
    """Basic operations are refused while scanning is enhanced:
    https://github.com/alexjurkiewicz/ecr-scan-image/issues/44
    """
    push(ecr, repository_name, IMAGE, tag="v1")
    ecr.put_registry_scanning_configuration(scanType="ENHANCED")
    disabled = Refusal("ValidationException", "This feature is disabled")
    before = everything_stored()
    assert (
        refusal(ecr.start_image_scan, repositoryName=repository_name, imageId={"imageTag": "v1"})
        == disabled
    )
    assert (
        refusal(
            ecr.put_image_scanning_configuration,
            repositoryName=repository_name,
            imageScanningConfiguration={"scanOnPush": True},
        )
        == disabled
    )
    assert everything_stored() == before


def test_queued_findings_are_given_as_they_are(aws: Any, ecr: Any, repository_name: str) -> None:
    """Each call returns the findings that were queued for the repository and image."""
    push(ecr, repository_name, IMAGE, tag="v1")
    ecr.start_image_scan(repositoryName=repository_name, imageId={"imageTag": "v1"})
    queued = result(imageScanStatus={"status": "FAILED", "description": "no package manager"})
    queue(aws, queued)
    for _ in range(2):
        assert findings_of(ecr, {"imageTag": "v1"}) == queued


def test_findings_may_be_queued_before_the_image_is_there(
    aws: Any, ecr: Any, repository_name: str
) -> None:
    """Findings that are queued before the push are shown only after the scan."""
    queue(aws, result())
    push(ecr, repository_name, IMAGE, tag="v1")
    request = {"repositoryName": repository_name, "imageId": {"imageTag": "v1"}}
    assert refusal(ecr.describe_image_scan_findings, **request) == no_scan(tag="v1")
    ecr.start_image_scan(**request)
    assert findings_of(ecr, {"imageTag": "v1"}) == result()


def test_a_reset_of_a_backend_drops_queued_findings(
    aws: Any, ecr: Any, repository_name: str
) -> None:
    """Findings that no image has received are not for images that are pushed after moto's `backend.reset()`."""
    queue(aws, result())
    registry_backend(ACCOUNT, "us-east-1").reset()
    ecr.create_repository(repositoryName=repository_name)
    push(ecr, repository_name, IMAGE, tag="v1")
    ecr.start_image_scan(repositoryName=repository_name, imageId={"imageTag": "v1"})
    assert findings_of(ecr, {"imageTag": "v1"})["imageScanFindings"]["findings"] == []


@pytest.mark.parametrize(
    ("image_id", "is_about"),
    [
        pytest.param({"imageTag": "v1"}, True, id="tag"),
        pytest.param({"imageTag": "v2"}, False, id="another tag"),
        pytest.param({"imageDigest": IMAGE.digest}, True, id="digest"),
        pytest.param({"imageDigest": OTHER.digest}, False, id="another digest"),
        pytest.param({"imageDigest": IMAGE.digest, "imageTag": "v1"}, True, id="both"),
        pytest.param({}, True, id="any image"),
    ],
)
def test_which_image_findings_are_about(
    aws: Any, ecr: Any, repository_name: str, image_id: dict[str, str], is_about: bool
) -> None:
    """A result that names an image by tag or digest is returned for either."""
    push(ecr, repository_name, IMAGE, tag="v1")
    push(ecr, repository_name, OTHER, tag="v2")
    queue(aws, result(imageId=image_id))
    for asked in ({"imageTag": "v1"}, {"imageDigest": IMAGE.digest}):
        if asked == {"imageTag": "v1"}:
            ecr.start_image_scan(repositoryName=repository_name, imageId=asked)
        found = findings_of(ecr, asked)["imageScanFindings"]["findings"]
        assert [each["name"] for each in found] == (["CVE-2026-1"] if is_about else [])


def test_what_a_queued_result_leaves_out(aws: Any, ecr: Any, repository_name: str) -> None:
    """The answer adds members that the queued result omits, from the scan and the image."""
    push(ecr, repository_name, IMAGE, tag="v1")
    ecr.start_image_scan(repositoryName=repository_name, imageId={"imageTag": "v1"})
    found = {"findings": [], "findingSeverityCounts": {}}
    queue(aws, {"repositoryName": repository_name, "imageScanFindings": found})
    assert findings_of(ecr, {"imageTag": "v1"}) == {
        "registryId": ACCOUNT,
        "repositoryName": repository_name,
        "imageId": {"imageDigest": IMAGE.digest, "imageTag": "v1"},
        "imageScanStatus": COMPLETE,
        "imageScanFindings": found,
    }


def test_the_helper_queues_for_the_registry_of_its_client(
    aws: Any, ecr: Any, repository_name: str
) -> None:
    """The helper queues for the account and Region of its client, and for the given image."""
    there = aws.client(region="eu-west-1", account=OTHER_ACCOUNT)
    there.create_repository(repositoryName=repository_name)
    for client in (ecr, there):
        push(client, repository_name, IMAGE, tag="v1")
        push(client, repository_name, OTHER, tag="v2")
        for tag in ("v1", "v2"):
            client.start_image_scan(repositoryName=repository_name, imageId={"imageTag": tag})
    low = {"name": "CVE-1", "severity": "LOW", "uri": "https://example.com"}
    high = {"name": "CVE-2", "severity": "HIGH", "attributes": [{"key": "a", "value": "b"}]}
    queue_scan_findings(there, repository_name, [low, high, low], digest=OTHER.digest)
    assert findings_of(there, {"imageTag": "v1"})["imageScanFindings"]["findings"] == []
    assert findings_of(ecr, {"imageTag": "v2"})["imageScanFindings"]["findings"] == []
    answer = findings_of(there, {"imageTag": "v2"})
    assert answer["registryId"] == OTHER_ACCOUNT
    assert answer["imageScanStatus"] == COMPLETE
    assert answer["imageScanFindings"] == {
        "findings": [low, high, low],
        "findingSeverityCounts": {"LOW": 2, "HIGH": 1},
    }


def test_the_helper_queues_a_failure(ecr: Any, repository_name: str) -> None:
    """The helper queues a failure with any status of ECR; botocore's waiter then fails."""
    push(ecr, repository_name, IMAGE, tag="v1")
    queue_scan_findings(ecr, repository_name, tag="v1", status="FAILED", description="no luck")
    request = {"repositoryName": repository_name, "imageId": {"imageTag": "v1"}}
    ecr.start_image_scan(**request)
    status = findings_of(ecr, {"imageTag": "v1"})["imageScanStatus"]
    assert status == {"status": "FAILED", "description": "no luck"}
    with pytest.raises(WaiterError, match="terminal failure state"):
        ecr.get_waiter("image_scan_complete").wait(**request)


def test_several_findings_for_one_image(aws: Any, ecr: Any, repository_name: str) -> None:
    """Each identifier of an image gets the next queued result, and the same one from then on."""
    push(ecr, repository_name, IMAGE, tag="v1")
    ecr.start_image_scan(repositoryName=repository_name, imageId={"imageTag": "v1"})
    queue(aws, result("CVE-1"), result("CVE-2"))
    for _ in range(2):
        for image_id, name in (
            ({"imageTag": "v1"}, "CVE-1"),
            ({"imageDigest": IMAGE.digest}, "CVE-2"),
        ):
            [found] = findings_of(ecr, image_id)["imageScanFindings"]["findings"]
            assert found["name"] == name


def test_findings_of_other_repositories_and_regions(
    aws: Any, ecr: Any, repository_name: str
) -> None:
    """Findings of another repository or Region are not returned."""
    push(ecr, repository_name, IMAGE, tag="v1")
    ecr.start_image_scan(repositoryName=repository_name, imageId={"imageTag": "v1"})
    queue(aws, result(repositoryName="other"))
    queue(aws, result(), region="eu-west-1")
    assert findings_of(ecr, {"imageTag": "v1"})["imageScanFindings"]["findings"] == []
    elsewhere = aws.client(region="eu-west-1")
    elsewhere.create_repository(repositoryName=repository_name)
    push(elsewhere, repository_name, IMAGE, tag="v1")
    elsewhere.start_image_scan(repositoryName=repository_name, imageId={"imageTag": "v1"})
    assert findings_of(elsewhere, {"imageTag": "v1"}) == result()


@pytest.mark.parametrize(
    "garbage",
    [
        "text",
        [],
        {},
        {"repositoryName": "team/app", "imageId": "v1"},
        {"repositoryName": "team/app", "imageId": {"imageTag": ["v1"]}},
        {"repositoryName": "team/app", "imageScanFindings": ["CVE-1"]},
        {"repositoryName": "team/app", "imageScanFindings": {"findings": "CVE-1"}},
        {"repositoryName": "team/app", "imageScanFindings": {"findings": {}}},
        {"repositoryName": "team/app", "imageScanFindings": {"enhancedFindings": [1]}},
        {
            "repositoryName": "team/app",
            "imageScanFindings": {"findingSeverityCounts": {"HIGH": "one"}},
        },
        {"repositoryName": "team/app", "imageScanStatus": "COMPLETE"},
        {"repositoryName": "team/app", "imageScanFindings": {"imageScanCompletedAt": "noon"}},
        {"repositoryName": "team/app", "imageScanFindings": {"findings": [{"attributes": 7}]}},
        {
            "repositoryName": "team/app",
            "imageScanFindings": {"enhancedFindings": [{"packageVulnerabilityDetails": 3}]},
        },
    ],
    ids=repr,
)
def test_what_is_queued_and_is_no_finding(
    aws: Any, ecr: Any, repository_name: str, garbage: object
) -> None:
    """Queued values that are not findings are ignored; the next result is returned."""
    push(ecr, repository_name, IMAGE, tag="v1")
    ecr.start_image_scan(repositoryName=repository_name, imageId={"imageTag": "v1"})
    queue(aws, garbage, result())
    assert findings_of(ecr, {"imageTag": "v1"}) == result()


@pytest.mark.parametrize("member", ["findings", "enhancedFindings"])
def test_pages_count_findings(aws: Any, ecr: Any, repository_name: str, member: str) -> None:
    """A page has a hundred findings by default, for basic and for enhanced scans."""
    push(ecr, repository_name, IMAGE, tag="v1")
    ecr.start_image_scan(repositoryName=repository_name, imageId={"imageTag": "v1"})
    findings = [{"description": str(number)} for number in range(250)]
    counts = {"findingSeverityCounts": {"HIGH": 250}}
    queue(aws, result(imageScanFindings={member: findings, **counts}))
    pages, token = [], {}
    while True:
        answer = findings_of(ecr, {"imageTag": "v1"}, **token)
        assert answer["imageScanFindings"]["findingSeverityCounts"] == {"HIGH": 250}
        pages.append(answer["imageScanFindings"][member])
        if "nextToken" not in answer:
            break
        token = {"nextToken": answer["nextToken"]}
    assert [len(page) for page in pages] == [100, 100, 50]
    assert [each for page in pages for each in page] == findings
    assert len(findings_of(ecr, {"imageTag": "v1"}, maxResults=7)["imageScanFindings"][member]) == 7
    assert (
        refusal(
            ecr.describe_image_scan_findings,
            repositoryName=repository_name,
            imageId={"imageTag": "v1"},
            nextToken="garbage",
        ).code
        == "InvalidParameterException"
    )


@pytest.mark.parametrize("kind", ["findings", "enhanced_findings"])
def test_a_severity_that_does_not_exist(ecr: Any, repository_name: str, kind: str) -> None:
    """A severity that does not exist is refused before anything is queued."""
    before = everything_stored()
    with pytest.raises(ImageError) as refused:
        queue_scan_findings(ecr, repository_name, **{kind: [{"severity": "AWFUL"}]})
    assert str(refused.value) == (
        "'AWFUL' is not the severity of a finding; "
        "those are INFORMATIONAL, LOW, MEDIUM, HIGH, CRITICAL, UNDEFINED, UNTRIAGED."
    )
    assert everything_stored() == before


def test_an_index_that_is_pushed(aws: Any, ecr: Any) -> None:
    """A scan on push does nothing with an index: there is no scan, no event, no error. Its images are scanned."""
    ecr.create_repository(
        repositoryName="team/app", imageScanningConfiguration={"scanOnPush": True}
    )
    listener = Listener(aws)
    index = build_index([IMAGE])
    push(ecr, "team/app", index, tag="index")
    scans = [each for each in listener.heard() if each["detail-type"] == "ECR Image Scan"]
    assert [each["detail"]["image-digest"] for each in scans] == [IMAGE.digest]
    refused = refusal(
        ecr.describe_image_scan_findings,
        repositoryName="team/app",
        imageId={"imageTag": "index"},
    )
    assert refused.code == "ScanNotFoundException"
