"""Delivery of the records of asynchronous invocations, to the destinations that moto keeps.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from moto_ecr_ext.integrations.awslambda.runtime.asynchronous import AsynchronousSettings


def asynchronous_settings(function: Any) -> AsynchronousSettings:
    """Return the settings of PutFunctionEventInvokeConfig for a function: the last ones in moto's list."""
    from moto_ecr_ext.integrations.awslambda.runtime.asynchronous import AsynchronousSettings

    configs = function.event_invoke_config
    config: dict[str, Any] = configs[-1].config if configs else {}
    destinations = config.get("DestinationConfig") or {}
    return AsynchronousSettings(
        retries=int(config.get("MaximumRetryAttempts", 2)),
        on_success=(destinations.get("OnSuccess") or {}).get("Destination"),
        on_failure=(destinations.get("OnFailure") or {}).get("Destination"),
    )


def deliver(arn: str, result: str, record: dict[str, Any]) -> None:
    """Send a record to the destination `arn`: a queue, a topic, an event bus or a function."""
    from moto.awslambda.utils import get_backend
    from moto.events.models import events_backends
    from moto.sns.models import sns_backends
    from moto.sqs.models import sqs_backends

    service, region, account, resource = arn.split(":", 5)[2:]
    text = json.dumps(record)
    if service == "sqs":
        sqs_backends[account][region].send_message(resource, text)
    elif service == "sns":
        sns_backends[account][region].publish(message=text, arn=arn)
    elif service == "events":
        events_backends[account][region].put_events(
            [
                {
                    "Source": "lambda",
                    "DetailType": f"Lambda Function Invocation Result - {result}",
                    "Detail": text,
                    "Resources": [arn, record["requestContext"]["functionArn"]],
                    "EventBusName": resource.removeprefix("event-bus/"),
                }
            ]
        )
    elif service == "lambda":
        headers = {"x-amz-invocation-type": "Event"}
        get_backend(account, region).invoke(arn, None, text, headers, {})
