"""The journal: the records of the last calls, of all registries and of all processes of the server.

They are in memory, like counts: a restart begins anew, and the end of a process takes those of its records with it that
moto's process has not asked for.
"""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from operator import attrgetter
from typing import Any

from moto_ecr_ext import settings
from moto_ecr_ext.calls import CallRecord, values_of
from moto_ecr_ext.process import this_process

from .forks import fork_safe_lock

# Characters that are kept of each text that a client chooses.
_LONGEST_TEXT = 1000


class CallJournal:
    """The last calls, for many threads at once. The setting `journal` says how many; the oldest are dropped."""

    def __init__(self) -> None:
        self._lock = fork_safe_lock()
        self._id = uuid.uuid4().hex
        self._number = 0
        # The number of the last call that came from another process, by the id of its journal.
        self._received: dict[str, int] = {}
        self._listeners: tuple[Callable[[], None], ...] = ()
        self._empty()

    def _empty(self) -> None:
        most = settings.parse_count(settings.JOURNAL.get())
        # Calls are numbered when somebody asks for them, so that a call pays for nothing else.
        self._added: deque[CallRecord] = deque(maxlen=most)
        self._numbered: deque[CallRecord] = deque(maxlen=most)

    def add(self, call: CallRecord) -> None:
        """Keep a call that was answered. A server adds the end of its answer to the record."""
        texts = (call.path, call.user_agent, call.repository, call.reference, call.reason)
        if len("".join(texts)) > _LONGEST_TEXT:
            cut = (each[:_LONGEST_TEXT] for each in texts)
            call.path, call.user_agent, call.repository, call.reference, call.reason = cut
        self._added.append(call)
        for wake in self._listeners:
            wake()

    def after(self, number: int = 0) -> list[CallRecord]:
        """Return the calls after the one with this number, as far as they are kept, in their order."""
        with self._lock:
            answers = this_process().ask_others("calls", received=self._received)
            self._number_calls(answers)
            return [each for each in self._numbered if each.number > number]

    def hand_over(self, received: Mapping[str, int]) -> tuple[str, list[tuple[Any, ...]]]:
        """Return the id of this journal, and its calls as JSON values, for the journal of another process.

        Calls that the other one has `received` are dropped. It asks again for those of an answer that was late.
        """
        with self._lock:
            self._number_calls([])
            last = received.get(self._id, 0)
            while self._numbered and self._numbered[0].number <= last:
                self._numbered.popleft()
            return self._id, [values_of(each) for each in self._numbered]

    def clear(self) -> None:
        """Drop all calls. Later ones have greater numbers."""
        with self._lock:
            self._empty()

    @contextmanager
    def listening(self, wake: Callable[[], None]) -> Iterator[None]:
        """Call `wake` after each call of this process in this block. It must not wait or fail."""
        with self._lock:
            self._listeners = (*self._listeners, wake)
        try:
            yield
        finally:
            with self._lock:
                self._listeners = tuple(each for each in self._listeners if each is not wake)

    def _number_calls(self, answers: list[Any]) -> None:
        """Give numbers to the new calls of this process and to those in the answers of others, by their beginning."""
        added = list(self._take())
        for journal, answer in answers:
            calls = [CallRecord(*each) for each in answer]
            if calls:
                self._received[journal] = calls[-1].number
                added += calls
        for call in sorted(added, key=attrgetter("began")):
            self._number += 1
            call.number = self._number
            self._numbered.append(call)

    def _take(self) -> Iterator[CallRecord]:
        for _ in range(len(self._added)):
            try:
                yield self._added.popleft()
            except IndexError:  # Another thread has taken it.
                return
