"""The faults of this process: what goes wrong on purpose, and on which calls.

Each protocol asks `strike` once for a call, when the caller and the repository are known and nothing has been done yet.
What goes wrong deeper (a scan, a replication) is asked by `strikes_at`, where it is decided. Both are asked only while
`active` has faults.
"""

from __future__ import annotations

import random
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .caller import current_caller
from .calls import API, CallRecord, current_call
from .clock import now

# The last strikes that a fault remembers.
_REMEMBERED = 1000
# Seconds between two looks whether a client that waits has gone.
_LOOK = 0.1


class ConnectionEnds(Exception):
    """The end of a connection without an answer. It goes through the protocol to the carrier.

    The client first waits for `hangs_for` seconds.
    """

    def __init__(self, fault: ActiveFault, hangs_for: float = 0.0) -> None:
        super().__init__(f"the fault {fault.name} ends the connection")
        self._fault = fault
        self.hangs_for = hangs_for

    def hang(self, has_gone: Callable[[], bool] = lambda: False) -> None:
        """Wait until the fault is cleared, the client has gone, or the time is over."""
        left = self.hangs_for
        while left > 0 and not self._fault.released.wait(min(left, _LOOK)) and not has_gone():
            left -= _LOOK


class CutOff(ConnectionResetError):
    """The end of a connection in the middle of a body."""


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """An error of one protocol."""

    code: str
    message: str
    status: int


@dataclass(frozen=True, slots=True)
class Act:
    """What a fault does to a call, after `seconds`.

    A refusal is for one protocol, and takes the place of the answer, as the end of the connection does: at once, or
    after the client has waited for `hangs_for` seconds. `cut_after` is the number of bytes of the body that are sent,
    `corrupt_at` the place of the byte that is changed, from the end if it is negative; None is the middle.
    """

    seconds: float = 0.0
    api: ErrorAnswer | None = None
    registry: ErrorAnswer | None = None
    ends: bool = False
    hangs_for: float = 0.0
    cut_after: int | None = None
    corrupts: bool = False
    corrupt_at: int | None = None


@dataclass(frozen=True, slots=True)
class Strike:
    """A call that a fault has struck.

    `call` is the operation of the API, or the method and path of the registry. `at` is in seconds since the epoch.
    `digest` is the image that was not found, if the fault is `eventual`.
    """

    call: str
    operation: str
    protocol: str
    method: str
    path: str
    account: str
    region: str
    repository: str
    tags: tuple[str, ...]
    principal: str
    digest: str = ""
    at: float = field(default_factory=now)


class Bucket:
    """A token bucket: `per_second` calls, and `burst` at once."""

    def __init__(self, per_second: float, burst: float) -> None:
        self.per_second = per_second
        self.burst = burst
        self._left: dict[tuple[str, str], tuple[float, float]] = {}

    def __call__(self, strike: Strike) -> bool:
        """Take a token for a call of an account in a Region. Return True if all are taken."""
        at, owner = now(), (strike.account, strike.region)
        left, since = self._left.get(owner, (self.burst, at))
        left = min(self.burst, left + max(0.0, at - since) * self.per_second)
        is_empty = left < 1
        self._left[owner] = (left if is_empty else left - 1, at)
        return is_empty


class NewImages:
    """Images that were pushed while a fault is active. Each is not found by `calls` calls, or for some seconds."""

    def __init__(self, calls: int, seconds: float | None) -> None:
        self._calls = calls
        self._seconds = seconds
        # For each image, the time of its push, and the calls that have not found it.
        self._pushed: dict[tuple[str, str, str, str], tuple[float, int]] = {}

    def add(self, account: str, region: str, repository: str, digest: str) -> None:
        """Note the push of a new image."""
        self._pushed[account, region, repository, digest] = (now(), 0)

    def __call__(self, strike: Strike) -> bool:
        """Return True if the image of a call is not found yet."""
        key = (strike.account, strike.region, strike.repository, strike.digest)
        pushed_at, calls = self._pushed.get(key, (None, 0))
        if pushed_at is None:
            return False
        self._pushed[key] = (pushed_at, calls + 1)
        if self._seconds is not None:
            return now() < pushed_at + self._seconds
        return calls < self._calls


class ActiveFault:
    """A fault: the calls that it may strike, how often, and what it does.

    `point` is the place that asks for it; empty for calls. `matches` says if a call is one of its calls, `filters` are
    texts of a strike with their patterns, `condition` is the last one. `rule` describes it in JSON.
    """

    def __init__(
        self,
        name: str,
        act: Act,
        *,
        point: str = "",
        matches: Callable[[Strike], bool] = lambda strike: True,
        filters: Mapping[str, Callable[[str], Any]] | None = None,
        times: int | None = None,
        after: int = 0,
        probability: float = 1.0,
        seed: int | str | None = None,
        condition: Bucket | NewImages | None = None,
        rule: Mapping[str, Any] | None = None,
    ) -> None:
        self.name = name
        self.act = act
        self.point = point
        self.rule = dict(rule or {})
        self.released = threading.Event()
        self._matches = matches
        self._filters = dict(filters or {})
        self._times = times
        self._after = after
        self._probability = probability
        self.condition = condition
        self._seed = seed
        self.rewind()

    def rewind(self) -> None:
        """Begin anew: it has met no call yet."""
        self.strikes: deque[Strike] = deque(maxlen=_REMEMBERED)
        self.count = 0
        self._seen = 0
        self._random = random.Random(self._seed)  # nosec B311

    def _may_strike(self, strike: Strike) -> bool:
        """Return True if it strikes this call, which then counts."""
        if self._times is not None and self.count >= self._times:
            return False
        if not self._matches(strike) or not self._passes(strike):
            return False
        self._seen += 1
        if self._seen <= self._after:
            return False
        if self._probability < 1 and self._random.random() >= self._probability:
            return False
        if self.condition is not None and not self.condition(strike):
            return False
        self.count += 1
        self.strikes.append(strike)
        return True

    def forget(self, strike: Strike) -> None:
        """Let a strike not have happened. `rewind`, or newer strikes, may have removed it already."""
        if strike in self.strikes:
            self.strikes.remove(strike)
            self.count -= 1

    def _passes(self, strike: Strike) -> bool:
        for name, matches in self._filters.items():
            if name == "tag":
                if not any(map(matches, strike.tags)):
                    return False
            elif not matches(getattr(strike, name)):
                return False
        return True


active: list[ActiveFault] = []
"""The active faults, in the order in which they are asked."""
_lock = threading.Lock()


def begin(*faults: ActiveFault) -> None:
    """Let faults strike from now on."""
    with _lock:
        for fault in faults:
            if fault not in active:
                fault.released.clear()
                active.append(fault)


def end(fault: ActiveFault) -> None:
    """Let a fault strike no more, and release the calls that it holds up."""
    with _lock:
        if fault in active:
            active.remove(fault)
    fault.released.set()


def clear() -> None:
    """End all faults."""
    for fault in tuple(active):
        end(fault)


def strike(call: CallRecord) -> tuple[ActiveFault, Strike] | None:
    """Return the first fault that strikes this call, and its strike, or None. Its delay is over then."""
    strike = _strike_of(call)
    struck = _first("", strike)
    if struck is None:
        return None
    act = struck.act
    if act.seconds:
        struck.released.wait(act.seconds)
    if act.ends:
        raise ConnectionEnds(struck, act.hangs_for)
    return struck, strike


def withdraw(fault: ActiveFault, strike: Strike) -> None:
    """Do not count a strike that had nothing to damage."""
    with _lock:
        fault.forget(strike)


def strikes_at(
    point: str,
    account: str,
    region: str,
    repository: str | None = None,
    tags: tuple[str, ...] | None = None,
    digest: str = "",
) -> bool:
    """Return True if a fault strikes at a point of the backend.

    Without a repository or tags, those of the current call count.
    """
    given = _strike_of(current_call() or CallRecord("", ""))
    strike = replace(
        given,
        account=account,
        region=region,
        repository=given.repository if repository is None else repository,
        tags=given.tags if tags is None else tags,
        digest=digest,
    )
    return _first(point, strike) is not None


def note_push(account: str, region: str, repository: str, digest: str) -> None:
    """Note the push of a new image, which some faults hide."""
    with _lock:
        for fault in active:
            if isinstance(fault.condition, NewImages):
                fault.condition.add(account, region, repository, digest)


def _first(point: str, strike: Strike) -> ActiveFault | None:
    with _lock:
        for fault in active:
            if fault.point == point and fault._may_strike(strike):
                return fault
    return None


def _strike_of(call: CallRecord) -> Strike:
    is_api = call.protocol == API
    return Strike(
        call=call.operation if is_api else f"{call.method} {call.path}",
        operation=call.operation,
        protocol=call.protocol,
        method=call.method,
        path=call.path,
        account=call.registry_id,
        region=call.region,
        repository=call.repository,
        tags=_tags_of(call),
        principal=call.caller,
    )


def _tags_of(call: CallRecord) -> tuple[str, ...]:
    """Return the tags in a request: that of its record, or those of several images."""
    if call.reference:
        return (call.reference,)
    caller = current_caller()
    image_ids = caller.parameters.get("imageIds", ()) if caller else ()
    return tuple(each["imageTag"] for each in image_ids if "imageTag" in each)
