"""Requests by tomorrow's model of ECR, which test_newer_botocore.py has botocore find."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from typing import Any

import botocore
import pytest
from botocore.exceptions import ClientError
from botocore.model import Shape

import moto_ecr_ext
from moto_ecr_ext import service_model
from moto_ecr_ext.json_api import newer_models
from support.environments import Environment
from support.model_variants import SAMPLES, baseline, sample
from support.populated import populate
from support.raw_http import RawClient
from support.stored import everything_stored
from support.tomorrow import MEMBER, OPERATION, VALUE
from support.valid_requests import SERVED, changed, valid_request

VERSIONS = (
    f"botocore {botocore.__version__} has {{}}, "
    f"which moto_ecr_ext {moto_ecr_ext.__version__} does not know yet"
)
SUNNY = {MEMBER: {"kind": "sun"}}


@pytest.fixture(autouse=True)
def nothing_announced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test begins as a process does, which announces each member once."""
    monkeypatch.setattr(newer_models, "_announced", set())


def input_shape(operation: str) -> Shape:
    """The shape of the requests of an operation."""
    model = service_model.operation(operation)
    assert model is not None
    return model.input_shape


def new_values(shape: Shape, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths to all values of enumerations in a request that has everything."""
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            yield from new_values(member, (*path, name))
    elif shape.type_name == "list":
        yield from new_values(shape.member, (*path, 0))
    elif shape.metadata.get("enum"):
        yield path


def test_the_model_is_tomorrows() -> None:
    """Without it, this file shows nothing."""
    assert OPERATION in service_model.operation_names()


def test_members_are_ignored_at_every_depth(ecr: Any) -> None:
    """A new member changes nothing, and is not in what is read afterwards."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ecr.create_repository(
            repositoryName="team/app",
            imageScanningConfiguration={"scanOnPush": True, **SUNNY},
            tags=[{"Key": "a", "Value": "b", **SUNNY}],
            **SUNNY,
        )
        rule = {
            "destinations": [{"region": "eu-west-1", "registryId": SAMPLES["RegistryId"]}],
            "repositoryFilters": [{"filter": "team", "filterType": "PREFIX_MATCH"}],
        }
        ecr.put_replication_configuration(
            replicationConfiguration={
                "rules": [
                    {
                        "destinations": [{**rule["destinations"][0], **SUNNY}],
                        "repositoryFilters": [{**rule["repositoryFilters"][0], **SUNNY}],
                        **SUNNY,
                    }
                ],
                **SUNNY,
            }
        )
    [repository] = ecr.describe_repositories()["repositories"]
    assert repository["imageScanningConfiguration"] == {"scanOnPush": True}
    assert MEMBER not in repository
    tags = ecr.list_tags_for_resource(resourceArn=repository["repositoryArn"])["tags"]
    assert tags == [{"Key": "a", "Value": "b"}]
    assert ecr.describe_registry()["replicationConfiguration"] == {"rules": [rule]}


def test_an_ignored_member_is_announced_once(
    aws: Environment, ecr: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """The log has each member once; the code of this process is warned once too."""
    path = f"imageScanningConfiguration.{MEMBER} of CreateRepository"
    expected = f"{VERSIONS.format(path)}: ignored"
    with (
        caplog.at_level(logging.WARNING, "moto_ecr_ext"),
        warnings.catch_warnings(record=True) as seen,
    ):
        warnings.simplefilter("always")
        for name in ("team/one", "team/two"):
            ecr.create_repository(
                repositoryName=name, imageScanningConfiguration={"scanOnPush": True, **SUNNY}
            )
    assert [record.getMessage() for record in caplog.records] == [expected]
    given = [
        str(each.message) for each in seen if each.category is moto_ecr_ext.NewerBotocoreWarning
    ]
    assert given == ([expected] if aws.name == "in_process" else [])


def test_a_new_member_is_checked_by_its_shape(raw: RawClient) -> None:
    """It is validated like all others before it is ignored."""
    answer = raw.send("CreateRepository", {"repositoryName": "team/app", MEMBER: {"kind": "x"}})
    assert answer.refusal.message.startswith(f"Invalid parameter at '{MEMBER}.kind' failed to")


@pytest.mark.parametrize("operation", SERVED)
def test_a_new_value_is_refused(raw: RawClient, operation: str) -> None:
    """A value decides what an operation does. It is refused before anything is looked up."""
    before = everything_stored()
    for path in new_values(input_shape(operation)):
        request = changed(baseline(operation), path, lambda _: VALUE)
        refusal = raw.send(operation, request).refusal
        assert refusal.code == "InvalidParameterException", path
        assert str(path[-1] or path[-2]) in refusal.message
        assert VERSIONS.format(VALUE) in refusal.message
    assert everything_stored() == before


def test_a_new_operation(ecr: Any) -> None:
    """The answer names both versions. Its status is not one that botocore repeats a request for."""
    with pytest.raises(ClientError) as refused:
        ecr.forecast_weather(kind="sun")
    assert refused.value.response["Error"] == {
        "Code": "NotImplementedException",
        "Message": f"The {OPERATION} action has not been implemented: {VERSIONS.format('it')}.",
    }
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert refused.value.response["ResponseMetadata"]["RetryAttempts"] == 0


def longest(shape: Shape) -> Any:
    """A value of a shape that goes to its upper limits, where no pattern or enumeration decides."""
    most = shape.metadata.get("max")
    if shape.type_name == "structure":
        return {name: longest(member) for name, member in shape.members.items()}
    if shape.type_name == "list":
        return [longest(shape.member)] * min(most or 1, 1_000)
    if shape.type_name in ("integer", "long") and most is not None:
        return most
    is_free = not {"enum", "pattern"} & shape.metadata.keys()
    if shape.type_name == "string" and is_free and most is not None:
        return "a" * min(most, 100_000)
    return sample(shape)


@pytest.mark.parametrize("operation", SERVED)
@pytest.mark.filterwarnings("ignore:botocore ")
def test_other_limits(raw: RawClient, operation: str) -> None:
    """What a higher limit allows is a result or a refusal."""
    populate()
    answer = raw.send(operation, longest(input_shape(operation)))
    assert answer.status == 200 or answer.refusal


def test_a_lower_limit(raw: RawClient) -> None:
    """The model's limit applies."""
    refusal = raw.send("CreateRepository", {"repositoryName": "a" * 201}).refusal
    assert "length less than or equal to 200" in refusal.message
    assert raw.send("CreateRepository", {"repositoryName": "a" * 200}).status == 200


@pytest.mark.parametrize("operation", [name for name in SERVED if "nextToken" in baseline(name)])
@pytest.mark.filterwarnings("ignore:botocore ")
def test_both_ends_of_each_pager(ecr: Any, operation: str) -> None:
    """Pages of one and the greatest page end, with the same entries."""
    populate()
    method = service_model.method_name(operation)
    request = valid_request(operation)
    request.pop("nextToken", None)
    # An operation that also takes the names of what it returns has pages only without them.
    for name in ("imageIds", "repositoryNames", "ecrRepositoryPrefixes", "prefixes"):
        request.pop(name, None)
    most = input_shape(operation).members["maxResults"].metadata["max"]
    small, large = (list(pages(ecr, method, {**request, "maxResults": size})) for size in (1, most))
    assert entries(small) == entries(large)


def pages(ecr: Any, method: str, request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The pages of an operation, one after the other; none if the request is refused."""
    token: dict[str, str] = {}
    while True:
        try:
            page = getattr(ecr, method)(**request, **token)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 400:
                raise
            return
        yield page
        if "nextToken" not in page:
            return
        token = {"nextToken": page["nextToken"]}


def entries(found: list[dict[str, Any]]) -> list[Any]:
    """What the lists of pages have."""
    return [
        entry
        for page in found
        for value in page.values()
        if isinstance(value, list)
        for entry in value
    ]
