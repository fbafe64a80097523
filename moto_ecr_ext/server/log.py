"""The log of the commands: one handler on stderr, for this package, moto and werkzeug."""

from __future__ import annotations

import json
import logging
import os
import re
import select
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Lock, Thread
from typing import TextIO

from moto_ecr_ext.clock import text_of_time
from moto_ecr_ext.distribution.hints import IS_HINT
from moto_ecr_ext.server.request_log import AnsweredRequest

# Facts that `logging` would find out for each record, and that no line has:
# https://docs.python.org/3/howto/logging.html#optimization
_UNUSED = ("logThreads", "logProcesses", "logMultiprocessing", "logAsyncioTasks")
# Escape sequences of colours: ECMA-48, 8.3.117.
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_RESET = "\x1b[0m"
_COLOURS = {
    logging.DEBUG: "\x1b[2m",
    logging.WARNING: "\x1b[33m",
    logging.ERROR: "\x1b[31m",
    logging.CRITICAL: "\x1b[31m",
}
_MINUTE = 60.0
# Seconds for which lines are collected, after a write.
_PAUSE = 0.05
# Bytes that a pipe, to which several processes write, keeps together. Windows does not say.
_LONGEST_WRITE = getattr(select, "PIPE_BUF", 4096)
# If more lines wait, their reader is slow or stands still, and requests wait too: each for up to `_PATIENCE` seconds.
_MANY = 1000
_PATIENCE = 1.0
# Other packages repeat at their levels up to `info` the messages of this one.
_OURS = "moto_ecr_ext"
_OTHERS = ("werkzeug", "MOTO_PROXY")


@contextmanager
def logging_as(level: str, log_format: str, others: int = logging.WARNING) -> Iterator[None]:
    """Write the log to stderr in this block: messages from `level` on, and those of other packages from `others` on."""
    handler = CollectedLines(sys.stderr)
    is_coloured = wants_colours(sys.stderr)
    handler.setFormatter(JsonLines() if log_format == "json" else TextLines(is_coloured))
    handler.addFilter(HintsOnceAMinute())
    root = logging.getLogger()
    levels = {_OURS: getattr(logging, level.upper()), **dict.fromkeys(_OTHERS, others)}
    before = {name: logging.getLogger(name).level for name in levels}
    handlers, root.handlers = root.handlers, [handler]
    found_out = {name: getattr(logging, name, None) for name in _UNUSED}
    for name in _UNUSED:
        setattr(logging, name, False)
    for name, wanted in levels.items():
        logging.getLogger(name).setLevel(wanted)
    try:
        yield
    finally:
        root.handlers = handlers
        handler.close()
        for name, value in found_out.items():
            setattr(logging, name, value)
        for name, was in before.items():
            logging.getLogger(name).setLevel(was)


def wants_colours(stream: TextIO) -> bool:
    """Return True if a stream is a terminal that shows colours, and the user allows them (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


class CollectedLines(logging.Handler):
    """A handler that collects lines, and has a thread write them to a stream, in their order.

    The first line after a pause is written at once, those of the next 50 ms together. If each thread wrote its line, it
    would give the interpreter away for that, and wait for it behind all other requests. The library's `QueueListener`,
    whose thread is woken for each line, makes a fifth fewer GETs of a manifest by 8 clients.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream
        # Lines, and requests whose lines are made later.
        self._waiting: deque[str | logging.LogRecord] = deque()
        self._writing = Lock()
        self._is_due = Event()
        self._is_closed = Event()
        self._thread = Thread(target=self._write_when_due, name="log", daemon=True)
        self._thread.start()

    def handle(self, record: logging.LogRecord) -> bool:
        """Have a record's line written within 50 ms, unless it is a hint that was given.

        Unlike other handlers, it takes no lock: a thread that loses the interpreter with it would make all others wait.
        """
        is_request = type(record.msg) is AnsweredRequest
        if not is_request and not self.filter(record):
            return False
        # The arguments of other messages may change.
        self._waiting.append(record if is_request else self._line_of(record))
        if not self._is_due.is_set():
            self._is_due.set()
        if len(self._waiting) > _MANY and not self._is_closed.is_set():
            self.flush()
        return True

    def flush(self) -> None:
        """Write the lines that have not been written, unless another thread cannot write its lines for a second."""
        if not self._writing.acquire(timeout=_PATIENCE):
            return
        try:
            for piece in _pieces(self._take()):
                # A closed stream or a full disk: there is no place where that could be said.
                with suppress(Exception):
                    self._stream.write(piece)
                    self._stream.flush()
        finally:
            self._writing.release()

    def close(self) -> None:
        """Write what is left, and end the thread."""
        self._is_closed.set()
        self._is_due.set()
        self._thread.join(_PATIENCE)
        self.flush()
        super().close()

    def _write_when_due(self) -> None:
        while not self._is_closed.is_set():
            self._is_due.wait()
            self._is_due.clear()
            self.flush()
            self._is_closed.wait(_PAUSE)

    def _take(self) -> Iterator[str]:
        while self._waiting:
            each = self._waiting.popleft()
            yield each if isinstance(each, str) else self._line_of(each)

    def _line_of(self, record: logging.LogRecord) -> str:
        try:
            return f"{self.format(record)}\n"
        except Exception:
            with suppress(Exception):
                self.handleError(record)
            return ""


def _pieces(lines: Iterable[str]) -> Iterator[str]:
    """Yield lines, joined to texts that a pipe keeps together. A longer line is a text of its length."""
    joined: list[str] = []
    length = 0
    for line in lines:
        size = len(line) if line.isascii() else len(line.encode(errors="replace"))
        if joined and length + size > _LONGEST_WRITE:
            yield "".join(joined)
            joined, length = [], 0
        joined.append(line)
        length += size
    if joined:
        yield "".join(joined)


class HintsOnceAMinute(logging.Filter):
    """A filter that passes each hint once a minute: a client tries a push several times."""

    def __init__(self) -> None:
        super().__init__()
        self._given: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return False for a hint that was logged within the last minute."""
        if not getattr(record, IS_HINT, False):
            return True
        text, now = record.getMessage(), record.created
        # Handlers filter before they lock, so other threads may do the same.
        self._given = {each: at for each, at in self._given.copy().items() if now - at < _MINUTE}
        return self._given.setdefault(text, now) == now


class TextLines(logging.Formatter):
    """Lines for people: time, level, message."""

    def __init__(self, is_coloured: bool) -> None:
        super().__init__()
        self._is_coloured = is_coloured

    def format(self, record: logging.LogRecord) -> str:
        text = f"{text_of_time(record.created)} {record.levelname:7} {record.getMessage()}"
        if record.exc_info:
            text = f"{text}\n{self.formatException(record.exc_info)}"
        if not self._is_coloured:
            return _COLOUR.sub("", text) if "\x1b" in text else text
        colour = _COLOURS.get(record.levelno)
        return f"{colour}{text}{_RESET}" if colour else text


class JsonLines(logging.Formatter):
    """Lines for programs: one JSON object each."""

    def format(self, record: logging.LogRecord) -> str:
        members: dict[str, object] = {
            "time": text_of_time(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
        }
        if isinstance(record.msg, AnsweredRequest):
            members |= record.msg.members()
        else:
            members["message"] = _COLOUR.sub("", record.getMessage())
        if record.exc_info:
            members["exception"] = self.formatException(record.exc_info)
        return json.dumps(members)
