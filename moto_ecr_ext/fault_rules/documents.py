"""Rules: faults in JSON, in the form of LocalStack's Chaos API, and with this package's own names.

https://docs.localstack.cloud/aws/capabilities/chaos-engineering/chaos-api/
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from moto_ecr_ext.faults import ActiveFault

from . import options
from .kinds import make
from .problems import FaultError, did_you_mean

# The members of LocalStack's rules that this package names differently, or does not have.
_OF_LOCALSTACK = ("service", "operation", "error", "latency")
_MOST = 1000


def read_rules(text: str | bytes) -> list[ActiveFault]:
    """Return the faults of a JSON document: a list of rules, or one rule. They do not strike yet.

    Raises FaultError, which names the rule.
    """
    return [_fault(number, rule) for number, rule in enumerate(read_list(text), 1)]


def read_list(text: str | bytes) -> list[dict[str, Any]]:
    """Return the rules of a JSON document as they are. Raises FaultError."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FaultError(f"The rules are not JSON: {error}") from None
    rules = [document] if isinstance(document, dict) else document
    if not isinstance(rules, list) or not all(isinstance(each, dict) for each in rules):
        raise FaultError("The rules must be a JSON list of objects")
    if len(rules) > _MOST:
        raise FaultError(f"There are {len(rules)} rules; {_MOST} is the limit")
    return rules


def _fault(number: int, rule: Mapping[str, Any]) -> ActiveFault:
    try:
        return fault_of(rule)
    except FaultError as error:
        raise FaultError(f"Rule {number}: {error}") from None


def fault_of(rule: Mapping[str, Any]) -> ActiveFault:
    """Return the fault of a rule. It does not strike yet. Raises FaultError.

    A rule without `fault` is one of LocalStack: it fails the operation, by default any, with an error, by default
    ServiceUnavailable, or only delays it.
    """
    service = rule.get("service", "ecr")
    if service != "ecr":
        raise FaultError(f"The service is {service!r}; only ecr has faults here")
    given = {name: value for name, value in rule.items() if name not in _OF_LOCALSTACK}
    if "operation" in rule:
        given.setdefault("call", rule["operation"])
    if "latency" in rule:
        given["seconds"] = _seconds_of(rule["latency"])
    name = given.pop("fault", None)
    if name is not None:
        if "error" in rule:
            given["error"] = rule["error"]
        return make(options.text("fault", name), given, rule)
    given.setdefault("call", "*")
    if "error" not in rule and "latency" in rule:
        return make("delay", given, rule)
    return make("fail", {**_error_of(rule.get("error", {})), **given}, rule)


def _error_of(error: Any) -> dict[str, Any]:
    """Return the options of LocalStack's `error`."""
    known = {"statusCode": "status", "code": "error", "message": "message"}
    if not isinstance(error, dict):
        raise FaultError(f"error is {error!r}; it must be an object with code or statusCode")
    for name in error:
        if name not in known:
            raise FaultError(f"error has no member {name!r}{did_you_mean(str(name), known)}")
    if not error:
        return {"error": "ServiceUnavailable"}
    return {known[name]: value for name, value in error.items()}


def _seconds_of(latency: Any) -> float:
    """Return LocalStack's latency, which is in milliseconds, in seconds."""
    if isinstance(latency, bool) or not isinstance(latency, int | float):
        raise FaultError(f"latency is {latency!r}; it must be a number of milliseconds")
    try:
        return latency / 1000
    except OverflowError:
        raise FaultError("latency is a number that is far too large") from None


def shown(fault: ActiveFault) -> dict[str, Any]:
    """Return the rule of a fault, with the number of its strikes."""
    return {**fault.rule, "strikes": fault.count}
