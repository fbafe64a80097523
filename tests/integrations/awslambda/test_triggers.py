"""Other services of moto that invoke functions of images."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest
from docker import DockerClient

from moto_ecr_ext.testing import Image
from support.containers import push_image
from support.environments import Environment
from support.waiting import wait_until

ARN = "arn:aws:lambda:us-east-1:123456789012:function:app"


@pytest.fixture
def events_seen(
    docker: DockerClient, aws: Environment, ecr: Any, functions: Any, role: str, image: Image
) -> Any:
    """The event of an invocation: the runtime answers it, and it goes to a queue."""
    uri = push_image(ecr, "team/app", image)
    functions.create_function(
        FunctionName="app", Role=role, PackageType="Image", Code={"ImageUri": uri}, Timeout=60
    )
    sqs = aws.client("sqs")
    queue = sqs.create_queue(QueueName="seen")["QueueUrl"]
    functions.put_function_event_invoke_config(
        FunctionName="app",
        DestinationConfig={"OnSuccess": {"Destination": "arn:aws:sqs:us-east-1:123456789012:seen"}},
    )

    def take() -> dict[str, Any]:
        [message] = wait_until(lambda: sqs.receive_message(QueueUrl=queue).get("Messages"))
        event: dict[str, Any] = json.loads(message["Body"])["responsePayload"]
        return event

    return take


INPUTS = [
    ({}, {"source": "test", "detail": {"a": 1}}),
    ({"Input": '{"b": 2}'}, {"b": 2}),
    ({"InputPath": "$.detail"}, {"a": 1}),
    (
        {"InputTransformer": {"InputPathsMap": {"x": "$.detail.a"}, "InputTemplate": '{"c": <x>}'}},
        {"c": 1},
    ),
]


@pytest.mark.parametrize(("target", "expected"), INPUTS, ids=["event", "input", "path", "template"])
def test_a_rule_of_eventbridge(
    events_seen: Any, aws: Environment, target: dict[str, Any], expected: dict[str, Any]
) -> None:
    """Events of a rule invoke the function asynchronously, with the target's input.

    https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_Target.html
    """
    events = aws.client("events")
    events.put_rule(Name="rule", EventPattern='{"source": ["test"]}')
    events.put_targets(Rule="rule", Targets=[{"Id": "1", "Arn": ARN, **target}])
    entries = [
        {"Source": source, "DetailType": "Test", "Detail": '{"a": 1}'}
        for source in ("other", "test")
    ]
    assert events.put_events(Entries=entries)["FailedEntryCount"] == 0
    seen = events_seen()
    assert {name: seen[name] for name in expected} == expected


IMAGELESS = {"FunctionName": "app", "PackageType": "Image", "Code": {"ImageUri": "nowhere:1"}}
UNREACHABLE = [ARN, ARN.replace("us-east-1", "us-nowhere-1"), f"{ARN}:2"]


@pytest.mark.parametrize("has_function", [False, True], ids=["no function", "no image"])
@pytest.mark.parametrize("target", UNREACHABLE, ids=["function", "region", "version"])
def test_a_rule_with_a_function_that_cannot_be_invoked(
    aws: Environment, functions: Any, role: str, target: str, has_function: bool, caplog: Any
) -> None:
    """A function that cannot be invoked, as it, its image, its version or its Region does not exist, is reported in
    the log; PutEvents succeeds, and other targets get the event.
    """
    if has_function:
        functions.create_function(Role=role, **IMAGELESS)
    events = aws.client("events")
    sqs = aws.client("sqs")
    queue = sqs.create_queue(QueueName="other")["QueueUrl"]
    other = functions.create_function(Role=role, **{**IMAGELESS, "FunctionName": "other"})
    events.put_rule(Name="rule", EventPattern='{"source": ["test"]}')
    targets = [
        {"Id": "1", "Arn": target},
        {"Id": "2", "Arn": "arn:aws:sqs:us-east-1:123456789012:other"},
        {"Id": "3", "Arn": other["FunctionArn"]},
    ]
    events.put_targets(Rule="rule", Targets=targets)
    answer = events.put_events(Entries=[{"Source": "test", "DetailType": "Test", "Detail": "{}"}])
    assert answer["FailedEntryCount"] == 0
    [message] = sqs.receive_message(QueueUrl=queue)["Messages"]
    assert json.loads(message["Body"])["source"] == "test"
    assert f"{target} was not invoked: " in caplog.text
    assert "other was not invoked: The image nowhere:1 was not in this ECR" in caplog.text


def test_a_queue(events_seen: Any, aws: Environment, functions: Any) -> None:
    """An event source mapping invokes the function, and removes the messages of successes from the queue.

    https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
    """
    sqs = aws.client("sqs")
    queue = sqs.create_queue(QueueName="source")["QueueUrl"]
    functions.create_event_source_mapping(
        FunctionName="app", EventSourceArn="arn:aws:sqs:us-east-1:123456789012:source"
    )
    sqs.send_message(QueueUrl=queue, MessageBody="hello")
    assert "Messages" not in sqs.receive_message(QueueUrl=queue)
    groups = aws.client("logs").describe_log_groups()["logGroups"]
    assert [each["logGroupName"] for each in groups] == ["/aws/lambda/app"]


def test_a_topic_without_docker(
    aws: Environment, ecr: Any, functions: Any, role: str, image: Image, monkeypatch: Any
) -> None:
    """Publishing does not fail because a function cannot run."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    uri = push_image(ecr, "team/app", image)
    functions.create_function(
        FunctionName="app", Role=role, PackageType="Image", Code={"ImageUri": uri}
    )
    sns = aws.client("sns")
    topic = sns.create_topic(Name="topic")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=ARN)
    assert sns.publish(TopicArn=topic, Message="hello")["MessageId"]


def test_a_topic_and_a_function_without_an_image(
    aws: Environment, functions: Any, role: str, caplog: Any
) -> None:
    """Publishing does not fail, and the log has Invoke's reason."""
    functions.create_function(Role=role, **IMAGELESS)
    sns = aws.client("sns")
    topic = sns.create_topic(Name="topic")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=ARN)
    assert sns.publish(TopicArn=topic, Message="hello")["MessageId"]
    assert f"{ARN} was not invoked: The image nowhere:1 was not in this ECR" in caplog.text


def test_functions_with_a_zip_file_are_moto_s(functions: Any, aws: Environment, role: str) -> None:
    """They are created and listed beside those of images, with the members of their kind."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("a.py", "def b(event, context): pass")
    functions.create_function(
        FunctionName="zip",
        Role=role,
        Runtime="python3.13",
        Handler="a.b",
        Code={"ZipFile": content.getvalue()},
    )
    shown = functions.get_function(FunctionName="zip")
    assert shown["Configuration"]["Handler"] == "a.b"
    assert shown["Code"]["RepositoryType"] == "S3"
