"""Functions as targets of EventBridge's rules."""

from __future__ import annotations

import json
import logging
from typing import Any

from moto_ecr_ext.seams.replacing import Unplug, replace

log = logging.getLogger("moto_ecr_ext")


def plug() -> Unplug:
    """Send events to functions. moto raises NotImplementedError for such a target.

    Every event of a bus arrives at `Rule.send_to_targets`, which iterates over `targets`.
    """
    from moto.events.models import Rule

    original = Rule.send_to_targets

    def send_to_targets(self: Any, original_event: Any, transform_input: bool = True) -> None:
        functions = [each for each in self.targets if _is_function(each)]
        if not functions:
            original(self, original_event, transform_input)
            return
        others = _RuleWithTargets(self, [each for each in self.targets if not _is_function(each)])
        original(others, original_event, transform_input)  # type: ignore[arg-type]
        if self.event_pattern.matches_event(original_event):
            for target in functions:
                _invoke(
                    target, _input(target, original_event) if transform_input else original_event
                )

    return replace(Rule, "send_to_targets", send_to_targets)


class _RuleWithTargets:
    """A rule with a part of its targets."""

    def __init__(self, rule: Any, targets: list[dict[str, Any]]):
        self._rule = rule
        self.targets = targets

    def __getattr__(self, name: str) -> Any:
        return getattr(self._rule, name)


def _is_function(target: dict[str, Any]) -> bool:
    return str(target["Arn"]).split(":")[2:3] == ["lambda"]


def _input(target: dict[str, Any], event: Any) -> Any:
    """Return the input of a target for an event.

    https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_Target.html
    """
    from moto.events.utils import EventTemplateParser

    if "Input" in target:
        return json.loads(target["Input"])
    if "InputPath" in target:
        for name in filter(None, target["InputPath"].removeprefix("$").split(".")):
            event = event.get(name) if isinstance(event, dict) else None
        return event
    transformer = target.get("InputTransformer", {})
    return EventTemplateParser.parse(
        input_template=transformer.get("InputTemplate"),
        input_paths_map=transformer.get("InputPathsMap", {}),
        event=event,
    )


def _invoke(target: dict[str, Any], event: Any) -> None:
    """Invoke a function asynchronously, as EventBridge does. PutEvents does not report a missing function."""
    from moto.awslambda.exceptions import LambdaClientError
    from moto.awslambda.utils import get_backend

    arn = str(target["Arn"])
    region, account = [*arn.split(":"), "", ""][3:5]
    try:
        backend = get_backend(account, region)
    except KeyError:
        log.error("The target %s was not invoked: Lambda has no Region %r", arn, region)
        return
    headers = {"x-amz-invocation-type": "Event"}
    try:
        backend.invoke(arn, None, json.dumps(event), headers, {})
    except LambdaClientError as error:
        log.error("The target %s was not invoked: %s", arn, error.message)
