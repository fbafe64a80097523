"""moto_ecr_ext.testing.journal: the calls, and assertions about them, in the test process and of a server."""

from __future__ import annotations

import typing
from dataclasses import fields
from typing import Any

import pytest

from moto_ecr_ext import testing
from moto_ecr_ext.calls import CallRecord
from moto_ecr_ext.testing import journal
from moto_ecr_ext.testing.journal import CallFilter, Conditions, FilterError, Journal
from moto_ecr_ext.testing.names import NamedInRegistry
from support.constants import ACCOUNT, REGION
from support.environments import Environment

IMAGE = testing.build_image(seed=1, layers=1)
ARM = testing.build_image(seed=2, layers=1, architecture="arm64", variant="v8")
INDEX = testing.build_index([IMAGE, ARM])
HOST = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"


@pytest.fixture
def calls(aws: Environment, ecr: Any) -> Journal:
    """The journal, after a repository was made."""
    ecr.create_repository(repositoryName="team/app")
    return Journal(aws.endpoint_url)


def failure(assertion: Any, *arguments: Any, **options: Any) -> list[str]:
    """The lines of an assertion's failure."""
    with pytest.raises(AssertionError) as caught:
        assertion(*arguments, **options)
    return str(caught.value).splitlines()


def test_calls(calls: Journal, ecr: Any, aws: Environment) -> None:
    """Calls are found by operation and conditions, in both protocols, and iterated in their order."""
    testing.push(ecr, "team/app", IMAGE, tag="1.0")
    aws.registry().get(f"{aws.registry_url()}/v2/team/app/manifests/1.0")
    [push] = calls.calls("PutImage", repository="team/app")
    assert isinstance(push, CallRecord)
    assert (push.reference, push.digest, push.status) == ("1.0", IMAGE.digest, 200)
    assert calls.calls("PutImage", repository="team/other") == []
    assert [each.operation for each in calls][-3:] == [
        "PutImage",
        "GetAuthorizationToken",
        "BatchGetImage",
    ]
    assert [each.protocol for each in calls.calls("BatchGetImage")] == ["registry"]


def test_the_module_is_the_journal_of_the_process(in_process: Environment) -> None:
    """The functions of the module are those of the journal of this process."""
    in_process.client().create_repository(repositoryName="team/app")
    assert [each.operation for each in journal.calls()] == ["CreateRepository"]
    journal.assert_called("CreateRepository", repository="team/app")
    assert journal.from_now().calls() == []
    for name in ("not_called", "calls_in_order", "pushed", "pulled"):
        assert getattr(journal, f"assert_{name}").__func__ is getattr(Journal, f"assert_{name}")


def test_from_now(calls: Journal, ecr: Any) -> None:
    """A later journal lacks the calls of the preparation."""
    testing.push(ecr, "team/app", IMAGE, tag="1.0")
    later = calls.from_now()
    assert later.calls() == []
    later.assert_not_called("PutImage")
    ecr.describe_images(repositoryName="team/app")
    assert [each.operation for each in later] == ["DescribeImages"]
    assert failure(later.assert_pushed, "team/app:1.0")[1:] == ["  DescribeImages team/app -> 200"]


def test_pushed(calls: Journal, ecr: Any) -> None:
    """A pushed image is found by its tag, its digest, its repository, and behind a registry's host."""
    testing.push(ecr, "team/app", IMAGE, tag="1.0")
    names = ("team/app:1.0", f"team/app@{IMAGE.digest}", "team/app", f"team/app:1.0@{IMAGE.digest}")
    for name in names:
        assert calls.assert_pushed(name).digest == IMAGE.digest
        assert calls.assert_pushed(f"{HOST}/{name}").digest == IMAGE.digest
        assert calls.assert_pushed(f"127.0.0.1:5000/{name}").digest == IMAGE.digest
    other = f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com"
    for name in ("team/app:2.0", f"team/app@{ARM.digest}", "team/ap", f"{other}/team/app:1.0"):
        failure(calls.assert_pushed, name)


def test_pushed_for_a_platform(calls: Journal, ecr: Any) -> None:
    """The platform is that of the image, or of one that the index lists."""
    testing.push(ecr, "team/app", ARM, tag="arm")
    testing.push(ecr, "team/app", INDEX, tag="1.0")
    assert calls.assert_pushed("team/app:arm", platform="linux/arm64").digest == ARM.digest
    assert calls.assert_pushed("team/app:1.0", platform="linux/arm64/v8").digest == INDEX.digest
    assert calls.assert_pushed("team/app:1.0", platform="linux/amd64").digest == INDEX.digest
    lines = failure(calls.assert_pushed, "team/app:arm", platform="linux/amd64")
    assert lines[0] == "team/app:arm for linux/amd64 was not pushed. The nearest of " + (
        f"{len(calls.calls())} calls:"
    )
    assert lines[1] == f"  PutImage team/app:arm -> 200 {ARM.digest[:19]} linux/arm64/v8"


def test_a_refused_push_is_none(calls: Journal, ecr: Any) -> None:
    """The failure shows the push that was refused, and its error."""
    ecr.put_image_tag_mutability(repositoryName="team/app", imageTagMutability="IMMUTABLE")
    testing.push(ecr, "team/app", IMAGE, tag="1.0")
    later = calls.from_now()
    with pytest.raises(ecr.exceptions.ImageTagAlreadyExistsException):
        testing.push(ecr, "team/app", ARM, tag="1.0")
    lines = failure(later.assert_pushed, "team/app:1.0")
    assert lines[1] == "  PutImage team/app:1.0 -> 400 ImageTagAlreadyExistsException"


def test_the_nearest_comes_first(calls: Journal, ecr: Any, aws: Environment) -> None:
    """A failure shows what was called instead, the most similar calls first, and equal ones once."""
    testing.push(ecr, "team/app", IMAGE, tag="1.1")
    registry = aws.registry()
    for _ in range(2):
        registry.get(f"{aws.registry_url()}/v2/team/app/manifests/1.0")
    lines = failure(calls.assert_pushed, "team/app:1.0")
    assert lines[1] == f"  PutImage team/app:1.1 -> 200 {IMAGE.digest[:19]}"
    assert len(lines) == 6
    lines = failure(calls.assert_pulled, "team/app:1.0")
    assert lines[1] == (
        "  BatchGetImage team/app:1.0 (GET /v2/team/app/manifests/1.0) -> 404 MANIFEST_UNKNOWN  (2 times)"
    )


def test_pulled(calls: Journal, ecr: Any, aws: Environment) -> None:
    """A pull is found by either protocol. A HEAD and a pull of a missing image are no pulls."""
    testing.push(ecr, "team/app", IMAGE, tag="1.0")
    url = f"{aws.registry_url()}/v2/team/app/manifests"
    registry = aws.registry()
    registry.head(f"{url}/1.0")
    ecr.batch_get_image(repositoryName="team/app", imageIds=[{"imageTag": "absent"}])
    failure(calls.assert_pulled, "team/app:1.0")
    failure(calls.assert_pulled, "team/app:absent")
    registry.get(f"{url}/1.0")
    assert calls.assert_pulled("team/app:1.0").protocol == "registry"
    later = calls.from_now()
    ids = [{"imageTag": "1.0"}, {"imageTag": "absent"}]
    ecr.batch_get_image(repositoryName="team/app", imageIds=ids)
    assert later.assert_pulled("team/app:1.0").protocol == "api"
    failure(later.assert_pulled, "team/app:absent")


def test_pulled_for_a_platform(calls: Journal, ecr: Any, aws: Environment) -> None:
    """Of an index, the image for the platform must be pulled, too."""
    testing.push(ecr, "team/app", INDEX, tag="1.0")
    url = f"{aws.registry_url()}/v2/team/app/manifests"
    registry = aws.registry()
    registry.get(f"{url}/1.0", headers={"Accept": INDEX.media_type})
    failure(calls.assert_pulled, "team/app:1.0", platform="linux/arm64")
    registry.get(f"{url}/{ARM.digest}")
    calls.assert_pulled("team/app:1.0", platform="linux/arm64")
    failure(calls.assert_pulled, "team/app:1.0", platform="linux/amd64")
    calls.assert_pulled(f"team/app@{ARM.digest}", platform="linux/arm64")


def test_called(calls: Journal, ecr: Any) -> None:
    """The calls are returned; a wrong number of them fails, with those that were made."""
    ecr.describe_images(repositoryName="team/app")
    [call] = calls.assert_called("CreateRepository", repository="team/*")
    assert call.repository == "team/app"
    calls.assert_called("CreateRepository", times=1)
    assert failure(calls.assert_called, "CreateRepository", times=2) == [
        "CreateRepository was called once instead of 2 times.",
        "  CreateRepository team/app -> 200",
    ]
    assert failure(calls.assert_called, "DeleteRepository", repository="team/app") == [
        "DeleteRepository team/app was not called. The nearest of 2 calls:",
        "  CreateRepository team/app -> 200",
        "  DescribeImages team/app -> 200",
    ]


def test_not_called(calls: Journal, ecr: Any, aws: Environment) -> None:
    """A call fails the assertion, and is shown."""
    calls.assert_not_called("BatchDeleteImage")
    calls.assert_not_called("CreateRepository", repository="team/other")
    aws.registry().delete(f"{aws.registry_url()}/v2/team/app/manifests/1.0")
    assert failure(calls.assert_not_called, "BatchDeleteImage") == [
        "BatchDeleteImage was called once.",
        "  BatchDeleteImage team/app:1.0 (DELETE /v2/team/app/manifests/1.0) -> 404 MANIFEST_UNKNOWN",
    ]


def test_order(calls: Journal, ecr: Any) -> None:
    """Calls in another order fail, with the call after which one is missing."""
    testing.push(ecr, "team/app", IMAGE, tag="1.0")
    made = calls.assert_calls_in_order(
        "CreateRepository",
        "InitiateLayerUpload",
        "CompleteLayerUpload",
        CallFilter("PutImage", repository="team/app"),
    )
    assert [each.operation for each in made][-1] == "PutImage"
    assert failure(calls.assert_calls_in_order, "PutImage", "CreateRepository") == [
        "The calls were not made in this order: PutImage, CreateRepository.",
        "After",
        f"  PutImage team/app:1.0 -> 200 {IMAGE.digest[:19]}",
        "there was no CreateRepository, but before:",
        "  CreateRepository team/app -> 200",
    ]
    # One call counts once.
    failure(calls.assert_calls_in_order, "PutImage", "PutImage")
    lines = failure(calls.assert_calls_in_order, "PutImage", "BatchDeleteImage")
    assert "BatchDeleteImage was not called." in lines[0]


def test_no_calls(aws: Environment) -> None:
    """An empty journal says so."""
    calls = Journal(aws.endpoint_url)
    assert failure(calls.assert_pushed, "team/app") == [
        "team/app was not pushed. There were no calls."
    ]


@pytest.mark.parametrize(
    "use",
    [
        lambda it: it.calls("PutImages"),
        lambda it: it.assert_not_called("PutImages"),
        lambda it: it.assert_called("PutImages"),
        lambda it: it.assert_calls_in_order("CreateRepository", "PutImages"),
    ],
)
def test_unknown_operations(calls: Journal, use: Any) -> None:
    """An operation that ECR does not have is refused with the nearest name, whatever was called."""
    with pytest.raises(FilterError, match=r"no operation PutImages; did you mean PutImage\?"):
        use(calls)


@pytest.mark.parametrize("text", ["", ":1.0", "@sha256:0", f"{HOST}/", "host/app:1/0"])
def test_malformed_names(text: str) -> None:
    """A text that names no repository is refused."""
    with pytest.raises(ValueError, match="is not the name of an image"):
        NamedInRegistry.parse(text)


def test_type_checkers_know_every_condition() -> None:
    """`Conditions` has the conditions of a filter, with their types, except the operation."""
    types = typing.get_type_hints(CallFilter)
    assert typing.get_type_hints(Conditions) == {
        each.name: types[each.name] for each in fields(CallFilter) if each.name != "operation"
    }


def test_the_journal_of_a_server(moto_ecr_server: testing.RunningServer) -> None:
    """The server of the fixture has its journal, with the calls of its clients only after the start."""
    ecr = moto_ecr_server.client()
    ecr.create_repository(repositoryName="team/app")
    testing.push(ecr, "team/app", IMAGE, tag="1.0")
    moto_ecr_server.journal.assert_pushed(f"{moto_ecr_server.address}/team/app:1.0")
    assert next(iter(moto_ecr_server.journal)).operation == "CreateRepository"
