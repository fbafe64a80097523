"""Counts of a server's answered requests, for metrics.

They are plain numbers until metrics are requested.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from moto_ecr_ext.calls import CallRecord

# Seconds. Each bound is inclusive; longer durations are counted after the last.
BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


@dataclass
class Durations:
    """Durations of the requests of one kind, in seconds: the number within each bound, and the sum."""

    within: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    total: float = 0.0

    def cumulated(self) -> list[int]:
        """Return the cumulated numbers: durations up to each bound, and all of them."""
        sums = []
        so_far = 0
        for number in self.within:
            so_far += number
            sums.append(so_far)
        return sums


class Tally:
    """Counts by kind and status, for many threads at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: Counter[tuple[str, int]] = Counter()
        self._durations: dict[str, Durations] = {}
        self._received = 0
        self._sent = 0

    def add(self, call: CallRecord) -> None:
        """Count an answered request."""
        bound = bisect_left(BOUNDS, call.seconds)
        with self._lock:
            self._answers[call.kind, call.status] += 1
            durations = self._durations.get(call.kind)
            if durations is None:
                durations = self._durations[call.kind] = Durations()
            durations.within[bound] += 1
            durations.total += call.seconds
            self._received += call.received
            self._sent += call.sent

    def counts(self) -> RequestCounts:
        """Return the counts so far."""
        with self._lock:
            return RequestCounts(
                dict(self._answers),
                {
                    kind: Durations(list(each.within), each.total)
                    for kind, each in self._durations.items()
                },
                self._received,
                self._sent,
            )


@dataclass(frozen=True)
class RequestCounts:
    """Requests by kind and status, their durations by kind, and the bytes of all bodies."""

    answers: dict[tuple[str, int], int] = field(default_factory=dict)
    durations: dict[str, Durations] = field(default_factory=dict)
    received: int = 0
    sent: int = 0

    @classmethod
    def sum(cls, all_counts: Iterable[RequestCounts]) -> RequestCounts:
        """Return the sum of several processes' counts."""
        answers: Counter[tuple[str, int]] = Counter()
        durations: dict[str, Durations] = {}
        received = sent = 0
        for each in all_counts:
            answers.update(each.answers)
            for kind, others in each.durations.items():
                mine = durations.setdefault(kind, Durations())
                mine.within = [
                    one + other for one, other in zip(mine.within, others.within, strict=True)
                ]
                mine.total += others.total
            received += each.received
            sent += each.sent
        return cls(dict(answers), durations, received, sent)

    def to_json(self) -> Any:
        """Return the counts as a JSON value, for another process."""
        answers = [[*key, number] for key, number in self.answers.items()]
        durations = {kind: [each.within, each.total] for kind, each in self.durations.items()}
        return [answers, durations, self.received, self.sent]

    @classmethod
    def from_json(cls, value: Any) -> RequestCounts:
        """Return the counts of a value from `to_json`."""
        answers, durations, received, sent = value
        return cls(
            {(kind, status): number for kind, status, number in answers},
            {kind: Durations(*each) for kind, each in durations.items()},
            received,
            sent,
        )
