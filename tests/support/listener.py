"""Events on moto's default event bus."""

from __future__ import annotations

import json
from typing import Any

from support.constants import ACCOUNT, REGION
from support.environments import Environment


class Listener:
    """A queue that a rule of the default bus sends all events of one source to, by default those of ECR."""

    def __init__(
        self,
        aws: Environment,
        source: str = "aws.ecr",
        region: str = REGION,
        account: str = ACCOUNT,
    ):
        self._sqs, events = (aws.client(service, region, account) for service in ("sqs", "events"))
        self._queue = self._sqs.create_queue(QueueName="ecr-events")["QueueUrl"]
        arn = self._sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])
        events.put_rule(Name="ecr", EventPattern=json.dumps({"source": [source]}))
        target = {"Id": "queue", "Arn": arn["Attributes"]["QueueArn"]}
        events.put_targets(Rule="ecr", Targets=[target])

    def heard(self) -> list[dict[str, Any]]:
        """The events since the last time, in their order."""
        heard: list[dict[str, Any]] = []
        while True:
            answer = self._sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10)
            if not answer.get("Messages"):
                return heard
            for message in answer["Messages"]:
                heard.append(json.loads(message["Body"]))
                self._sqs.delete_message(
                    QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"]
                )
