"""The faults by name, each with its options and what it does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from moto_ecr_ext.calls import API, REGISTRY
from moto_ecr_ext.distribution.errors import RegistryError, token_expired, token_invalid
from moto_ecr_ext.faults import Act, ActiveFault, Bucket, ErrorAnswer, NewImages, Strike

from . import options
from .errors import THROTTLED, refusals
from .patterns import CallPattern, parse_calls
from .problems import FaultError, did_you_mean

# Seconds for which a client waits, unless it goes before.
_HANG = 300.0
# Calls per second of an account in a Region: https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html
QUOTAS = {
    "BatchCheckLayerAvailability": 1000,
    "BatchGetImage": 2000,
    "CompleteLayerUpload": 100,
    "GetAuthorizationToken": 500,
    "GetDownloadUrlForLayer": 3000,
    "InitiateLayerUpload": 100,
    "PutImage": 10,
    "UploadLayerPart": 500,
}

Given = Mapping[str, Any]
Parts = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fault. `build` returns the arguments of `ActiveFault` that the options do not have by themselves.

    `call` are the calls that it strikes by default; None if they must be named.
    """

    build: Callable[[tuple[CallPattern, ...], Given], Parts]
    options: Mapping[str, options.Check]
    call: str | tuple[str, ...] | None = "*"
    protocol: str | None = None
    times: int | None = None


_CALL = {"call": options.calls, "protocol": options.text}
_SECONDS = {"seconds": options.seconds}


def _fail(patterns: tuple[CallPattern, ...], given: Given) -> Parts:
    api, registry = refusals(
        patterns, given.get("error"), given.get("status"), given.get("message")
    )
    return {"act": Act(seconds=given.get("seconds", 0.0), api=api, registry=registry)}


def _refuse(api: ErrorAnswer | None, registry: ErrorAnswer | None) -> Callable[..., Parts]:
    act = Act(api=api, registry=registry)
    return lambda patterns, given: {"act": act}


def _of_registry(error: RegistryError) -> ErrorAnswer:
    return ErrorAnswer(error.code, error.message, error.status)


def _delay(patterns: tuple[CallPattern, ...], given: Given) -> Parts:
    if "seconds" not in given:
        raise FaultError("delay needs seconds")
    return {"act": Act(seconds=given["seconds"])}


def _cut(patterns: tuple[CallPattern, ...], given: Given) -> Parts:
    return {"act": Act(cut_after=given.get("after", 0)), "after": given.get("after_calls", 0)}


def _corrupt(patterns: tuple[CallPattern, ...], given: Given) -> Parts:
    return {"act": Act(corrupts=True, corrupt_at=given.get("at"))}


def _hang(patterns: tuple[CallPattern, ...], given: Given) -> Parts:
    return {"act": Act(ends=True, hangs_for=given.get("seconds") or _HANG)}


def _close(patterns: tuple[CallPattern, ...], given: Given) -> Parts:
    return {"act": Act(ends=True)}


def _rate(patterns: tuple[CallPattern, ...], given: Given) -> Parts:
    per_second = given.get("per_second")
    if per_second is None:
        (pattern, *others) = patterns
        per_second = QUOTAS.get(pattern.text)
        if per_second is None or others:
            raise FaultError(
                f"rate needs per_second for {pattern.text}: "
                f"AWS has published quotas for {', '.join(QUOTAS)}"
            )
    burst = given.get("burst", max(1.0, per_second))
    if burst < 1:
        raise FaultError(f"burst is {burst}; less than 1 would refuse every call")
    return {**_THROTTLE((), given), "condition": Bucket(per_second, burst)}


def _eventual(patterns: tuple[CallPattern, ...], given: Given) -> Parts:
    condition = NewImages(given.get("calls", 1), given.get("seconds"))
    return {"act": Act(), "point": "eventual", "condition": condition}


def _at(point: str, call: str = "*", times: int | None = None) -> Kind:
    """Return a fault that strikes at a point of the backend, which calls of any kind reach."""
    return Kind(lambda patterns, given: {"act": Act(), "point": point}, {}, call, times=times)


_THROTTLE = _refuse(
    ErrorAnswer("ThrottlingException", THROTTLED, 400),
    ErrorAnswer("TOOMANYREQUESTS", THROTTLED, 429),
)

KINDS: Mapping[str, Kind] = {
    "fail": Kind(
        _fail,
        {
            **_CALL,
            **_SECONDS,
            "error": options.text,
            "status": options.status,
            "message": options.text,
        },
        call=None,
    ),
    "delay": Kind(_delay, {**_CALL, **_SECONDS}, call=None),
    "cut": Kind(_cut, {**_CALL, "after_calls": options.whole(0)}, call=None),
    "corrupt": Kind(
        _corrupt, {"call": options.calls, "at": options.place}, call=None, protocol=REGISTRY
    ),
    "hang": Kind(_hang, {**_CALL, **_SECONDS}, call=None),
    "throttle": Kind(_THROTTLE, _CALL),
    "rate": Kind(_rate, {**_CALL, "per_second": options.rate, "burst": options.rate}, call=None),
    "expired_token": Kind(
        _refuse(None, _of_registry(token_expired())),
        {"call": options.calls},
        protocol=REGISTRY,
    ),
    "invalid_token": Kind(
        _refuse(None, _of_registry(token_invalid())),
        {"call": options.calls},
        protocol=REGISTRY,
    ),
    "close_while_streaming": Kind(
        _close, {"call": options.calls}, call=("POST /v2/*", "PATCH /v2/*")
    ),
    "blocked_by_policy": Kind(
        lambda patterns, given: _fail(
            patterns, {"error": "BlockedByOrganizationPolicyException", **given}
        ),
        {},
        call="PutRegistryScanningConfiguration",
        protocol=API,
    ),
    "secret_not_found": _at("secret_not_found", times=1),
    "upstream_denied": _at("upstream_denied"),
    "upstream_unavailable": _at("upstream_unavailable"),
    "scan_limit": _at("scan_limit"),
    "scan_fails": _at("scan_fails"),
    "replication_fails": _at("replication_fails"),
    "eventual": Kind(
        _eventual,
        {"calls": options.whole(1), "seconds": options.seconds},
        call=("BatchGetImage", "DescribeImages", "DescribeImageScanFindings"),
    ),
}


def make(name: str, given: Given, rule: Given | None = None) -> ActiveFault:
    """Return a fault by its name and its options. It does not strike yet.

    `rule` is its description in JSON, if that differs. Raises FaultError for an unknown name or an invalid option.
    """
    kind = KINDS.get(name)
    if kind is None:
        raise FaultError(f"There is no fault {name!r}{did_you_mean(name, KINDS)}")
    values = options.check(name, given, {**options.OF_ALL, **kind.options})
    calls = values.get("call", kind.call)
    if calls is None:
        raise FaultError(f"{name} needs the calls that it strikes, such as 'PutImage'")
    patterns = parse_calls(calls, values.get("protocol", kind.protocol))
    parts = {
        "times": values.get("times", kind.times),
        "after": values.get("after", 0),
        **kind.build(patterns, values),
    }
    is_anywhere = "point" in parts and calls == "*"
    return ActiveFault(
        name,
        matches=_everything if is_anywhere else _matcher(patterns, parts["act"]),
        filters={each: options.matcher(values[each]) for each in options.FILTERS if each in values},
        probability=values.get("probability", 1.0),
        seed=values.get("seed"),
        rule={"fault": name, **values} if rule is None else rule,
        **parts,
    )


def _everything(strike: Strike) -> bool:
    """Return True. Work in the background reaches a point of the backend without a call."""
    return True


def _matcher(patterns: tuple[CallPattern, ...], act: Act) -> Callable[[Strike], bool]:
    """Return a function that says if a call is one that an act can do something to."""
    has_refusal = act.api is not None or act.registry is not None
    is_of_body = act.corrupts or act.cut_after is not None

    def matches(strike: Strike) -> bool:
        if strike.protocol == REGISTRY:
            if has_refusal and act.registry is None:
                return False
            if is_of_body and strike.method != "GET":
                return False
        elif act.corrupts or (has_refusal and act.api is None):
            return False
        return any(each.matches(strike) for each in patterns)

    return matches
