"""Faults: what goes wrong on AWS, on purpose, in the registries of this process.

    with faults.throttle(times=2):
        push(boto3.client("ecr"), "team/app", image, tag="1.0")

    @faults.fail("PutImage", error="ServerException", probability=0.5, seed=7)
    def test_push() -> None: ...

A fault strikes from the moment that it is made, until its `clear()`, the end of its `with` block, `clear()` of this
module, the end of the outermost `mock_aws`, or a reset of moto. As a decorator it strikes while the function runs.
Several may be active: the first that matches a call strikes it.

Calls are named by the operation of the API, which also means the requests of the registry protocol that do the same
(`PutImage` strikes `PUT /v2/<name>/manifests/<reference>`), or by the method and the path of the registry. Both may
have the wildcards `*`, `?` and `[...]`, and a list has several of them. A name that ECR does not have raises
FaultError, a ValueError, whose text has the nearest right name.

The servers of this process have the faults too (`moto_ecr_server` of the pytest plugin). Another server has
`/moto-api/ecr/faults`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from inspect import isasyncgenfunction, isclass, iscoroutinefunction, isgeneratorfunction
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, TypedDict, TypeVar

from moto_ecr_ext import faults as process
from moto_ecr_ext.fault_rules.kinds import make
from moto_ecr_ext.fault_rules.problems import FaultError
from moto_ecr_ext.faults import Strike

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = [
    "Fault",
    "FaultError",
    "Options",
    "Strike",
    "active",
    "blocked_by_policy",
    "clear",
    "close_while_streaming",
    "corrupt",
    "cut",
    "delay",
    "eventual",
    "expired_token",
    "fail",
    "hang",
    "invalid_token",
    "rate",
    "replication_fails",
    "scan_fails",
    "scan_limit",
    "secret_not_found",
    "throttle",
    "upstream_denied",
    "upstream_unavailable",
]

P = ParamSpec("P")
T = TypeVar("T")
Calls = str | Sequence[str]
Protocol = Literal["api", "registry"]


class _Filters(TypedDict, total=False):
    """The calls of a fault, by patterns with wildcards."""

    account: str
    region: str
    repository: str
    tag: str
    principal: str


class _WithoutTimes(_Filters, total=False):
    after: int
    probability: float
    seed: int | str


class Options(_WithoutTimes, total=False):
    """The options of every fault.

    It strikes `times` calls at most, not the first ones up to `after`, and each with a `probability`, for which a
    `seed` gives the same calls in every run. `account` and `region` are those of the registry, `principal` is the ARN
    of the caller, and `tag` the tag or digest in the request.
    """

    times: int


class CutOptions(_Filters, total=False):
    """The options of `cut`: those of every fault, but `after_calls` in place of `after`."""

    times: int
    after_calls: int
    probability: float
    seed: int | str


class Fault:
    """An active fault: a context manager, a decorator, and a thing to clear."""

    def __init__(self, fault: process.ActiveFault) -> None:
        self._fault = fault
        process.begin(fault)

    @property
    def name(self) -> str:
        return self._fault.name

    @property
    def strikes(self) -> tuple[Strike, ...]:
        """The calls that it has struck: the last 1,000."""
        return tuple(self._fault.strikes)

    @property
    def count(self) -> int:
        """How often it has struck."""
        return self._fault.count

    def clear(self) -> None:
        """End the fault. Calls that wait for it go on."""
        process.end(self._fault)

    def __enter__(self) -> Fault:
        process.begin(self._fault)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.clear()

    def __call__(self, function: Callable[P, T]) -> Callable[P, T]:
        """Return a function during which the fault is active. Each run begins with all of its `times`.

        Raises TypeError for a class, and for a generator, whose body runs later: it can use `with`.
        """
        self.clear()
        is_generator = isgeneratorfunction(function) or isasyncgenfunction(function)
        if is_generator or isclass(function):
            kind = "generators" if is_generator else "classes"
            raise TypeError(
                f"A fault cannot decorate {kind}, such as {getattr(function, '__name__', function)}. "
                "Decorate each function of a class, and use `with` in a generator."
            )
        if iscoroutinefunction(function):
            around: Callable[P, T] = self._around_coroutine(function)
            return around

        @wraps(function)
        def struck(*arguments: P.args, **keywords: P.kwargs) -> T:
            self._fault.rewind()
            with self:
                return function(*arguments, **keywords)

        return struck

    def _around_coroutine(self, function: Any) -> Any:
        @wraps(function)
        async def struck(*arguments: Any, **keywords: Any) -> Any:
            self._fault.rewind()
            with self:
                return await function(*arguments, **keywords)

        return struck

    def __repr__(self) -> str:
        return f"<fault {self._fault.rule}, {self.count} strikes>"


def clear() -> None:
    """End all faults of this process."""
    process.clear()


def active() -> tuple[Fault, ...]:
    """Return the active faults, also those of a server's rules, in the order in which they are asked."""
    return tuple(_wrapped(each) for each in tuple(process.active))


def _wrapped(fault: process.ActiveFault) -> Fault:
    wrapped = Fault.__new__(Fault)
    wrapped._fault = fault
    return wrapped


def _begin(name: str, options: Any, **own: Any) -> Fault:
    return Fault(make(name, {**own, **options}))


def fail(
    call: Calls,
    *,
    error: str | None = None,
    status: int | None = None,
    message: str | None = None,
    seconds: float | None = None,
    protocol: Protocol | None = None,
    **options: Unpack[Options],
) -> Fault:
    """Refuse calls with an error, after `seconds`.

    `error` is an error of the operation, one that every AWS service has, such as `ThrottlingException`, or a code of
    the registry protocol. Without it, the `status` has its usual error; without both, it is ServerException.
    """
    return _begin(
        "fail",
        options,
        call=call,
        error=error,
        status=status,
        message=message,
        seconds=seconds,
        protocol=protocol,
    )


def delay(
    call: Calls, *, seconds: float, protocol: Protocol | None = None, **options: Unpack[Options]
) -> Fault:
    """Let calls wait before they are done."""
    return _begin("delay", options, call=call, seconds=seconds, protocol=protocol)


def cut(
    call: Calls,
    *,
    after: int = 0,
    protocol: Protocol | None = None,
    **options: Unpack[CutOptions],
) -> Fault:
    """End the connection in the middle of a body, after so many bytes. A shorter body is whole, and does not count.

    An answer of the API ends before its first byte.
    """
    return _begin("cut", options, call=call, after=after, protocol=protocol)


def corrupt(call: Calls, *, at: int | None = None, **options: Unpack[Options]) -> Fault:
    """Change one byte of a blob or a manifest, while it is sent: that in the middle, or the one `at` this place."""
    return _begin("corrupt", options, call=call, at=at)


def hang(
    call: Calls,
    *,
    seconds: float | None = None,
    protocol: Protocol | None = None,
    **options: Unpack[Options],
) -> Fault:
    """Never answer. The connection ends when the fault is cleared, or after `seconds`, 300 by default.

    In the test process, the client's own limit of time has passed at once: botocore and `requests` raise their errors
    of it.
    """
    return _begin("hang", options, call=call, seconds=seconds, protocol=protocol)


def throttle(
    call: Calls = "*", *, protocol: Protocol | None = None, **options: Unpack[Options]
) -> Fault:
    """Refuse calls as AWS does when there are too many: ThrottlingException, and 429 TOOMANYREQUESTS on `/v2/`.

    Both say "Rate exceeded": https://docs.aws.amazon.com/AmazonECR/latest/userguide/common-errors.html
    """
    return _begin("throttle", options, call=call, protocol=protocol)


def rate(
    call: Calls,
    *,
    per_second: float | None = None,
    burst: float | None = None,
    protocol: Protocol | None = None,
    **options: Unpack[Options],
) -> Fault:
    """Throttle the calls of an account in a Region beyond a rate: a token bucket of `burst` calls.

    Without `per_second`, the rate of an operation is its quota on AWS
    (https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html). Without `burst`, the bucket has the
    calls of one second. Its clock is that of ECR, which freezegun stops.
    """
    return _begin("rate", options, call=call, per_second=per_second, burst=burst, protocol=protocol)


def expired_token(call: Calls = "*", **options: Unpack[Options]) -> Fault:
    """Refuse requests to the registry with 403, as for a password that is older than twelve hours.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/common-errors-docker.html
    """
    return _begin("expired_token", options, call=call)


def invalid_token(call: Calls = "*", **options: Unpack[Options]) -> Fault:
    """Refuse requests to the registry with 400, as for a password that is no token.

    The message is "Your Authorization Token is invalid."

    https://github.com/aws/aws-cli/issues/5317
    """
    return _begin("invalid_token", options, call=call)


def close_while_streaming(
    call: Calls = ("POST /v2/*", "PATCH /v2/*"), **options: Unpack[Options]
) -> Fault:
    """End the connection of an upload without an answer."""
    return _begin("close_while_streaming", options, call=call)


def blocked_by_policy(**options: Unpack[Options]) -> Fault:
    """Refuse PutRegistryScanningConfiguration: a policy of the organization manages the account's scanning.

    https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutRegistryScanningConfiguration.html
    """
    return _begin("blocked_by_policy", options)


def secret_not_found(times: int = 1, **options: Unpack[_WithoutTimes]) -> Fault:
    """Find no secret of a pull-through cache rule: CreatePullThroughCacheRule just after CreateSecret.

    AWS's services see each other's changes late:
    https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreatePullThroughCacheRule.html has the error.
    """
    return _begin("secret_not_found", options, times=times)


def upstream_denied(**options: Unpack[Options]) -> Fault:
    """Let the upstream registries of pull-through cache rules refuse the credentials.

    https://github.com/aws/containers-roadmap/issues/2354
    """
    return _begin("upstream_denied", options)


def upstream_unavailable(**options: Unpack[Options]) -> Fault:
    """Let the upstream registries of pull-through cache rules be out of reach. Images that were imported stay.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-working.html
    """
    return _begin("upstream_unavailable", options)


def scan_limit(**options: Unpack[Options]) -> Fault:
    """End scans with LIMIT_EXCEEDED, as beyond the quota of basic scans in a day.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html
    """
    return _begin("scan_limit", options)


def scan_fails(**options: Unpack[Options]) -> Fault:
    """End scans with FAILED.

    https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageScanStatus.html
    """
    return _begin("scan_fails", options)


def replication_fails(**options: Unpack[Options]) -> Fault:
    """Let destinations of replications deny access. The filters are those of the source.

    The status is FAILED with DESTINATION_REGISTRY_ACCESS_DENIED:
    https://github.com/aws/containers-roadmap/issues/2675
    """
    return _begin("replication_fails", options)


def eventual(
    *,
    calls: int | None = None,
    seconds: float | None = None,
    **options: Unpack[Options],
) -> Fault:
    """Let a new image not be found by its first `calls`, one by default, or for some `seconds`.

    It strikes pulls, BatchGetImage, DescribeImages and DescribeImageScanFindings of images that are pushed while it is
    active, by tag and by digest. Lists have them.
    """
    return _begin("eventual", options, calls=calls, seconds=seconds)
