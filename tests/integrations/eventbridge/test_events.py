"""Events as targets of EventBridge receive them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.constants import ACCOUNT, OTHER_ACCOUNT
from support.environments import Environment
from support.listener import Listener


@pytest.mark.parametrize("account", [ACCOUNT, OTHER_ACCOUNT])
def test_an_event_of_ecr(aws: Environment, account: str) -> None:
    """An event of ECR has all members of an event.

    https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html
    """
    listener = Listener(aws, account=account)
    ecr = aws.client(account=account)
    ecr.create_repository(repositoryName="app")
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": [],
        }
    )
    ecr.put_image(repositoryName="app", imageManifest=manifest, imageTag="v1")
    [event] = listener.heard()
    assert event.keys() == {
        "version",
        "id",
        "detail-type",
        "source",
        "account",
        "time",
        "region",
        "resources",
        "detail",
    }
    assert event["account"] == account


def test_an_event_of_a_user(aws: Environment) -> None:
    """Events that others put have the account, too."""
    listener = Listener(aws, source="mine")
    entry = {"Source": "mine", "DetailType": "test", "Detail": '{"account":"<account>"}'}
    aws.client("events").put_events(Entries=[entry])
    [event] = listener.heard()
    assert (event["account"], event["detail"]) == (ACCOUNT, {"account": "<account>"})


@pytest.fixture
def transformed(aws: Environment) -> Any:
    """A queue that receives events as an input transformer makes them."""
    sqs, events = aws.client("sqs"), aws.client("events")
    queue = sqs.create_queue(QueueName="transformed")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
    events.put_rule(Name="all", EventPattern=json.dumps({"account": [ACCOUNT]}))
    transformer = {
        "InputPathsMap": {"who": "$.account", "when": "$.time"},
        # moto 5.1 does not send an event without its time.
        "InputTemplate": '{"from": "<who>", "time": "<when>"}',
    }
    target = {"Id": "queue", "Arn": arn["QueueArn"], "InputTransformer": transformer}
    events.put_targets(Rule="all", Targets=[target])
    return lambda: sqs.receive_message(QueueUrl=queue)["Messages"]


def test_a_pattern_and_a_transformer(aws: Environment, transformed: Any) -> None:
    """Patterns match the account, and an input transformer can use it."""
    entry = {"Source": "mine", "DetailType": "test", "Detail": "{}"}
    aws.client("events").put_events(Entries=[entry])
    [message] = transformed()
    assert json.loads(message["Body"])["from"] == ACCOUNT
