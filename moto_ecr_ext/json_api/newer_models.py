"""Requests by a model of ECR that is newer than this package: what botocore sends, and no method knows.

AWS ignores members that it does not know, and so does this package, at every depth. It refuses an unknown value of an
enumeration, which decides what an operation does.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import botocore
from botocore.model import Shape

from moto_ecr_ext._version import NewerBotocoreWarning, __version__

from .constraints import Violation
from .known import Known

Dropper = Callable[[Any, list[str]], None]
Announce = Callable[[str], None]

log = logging.getLogger("moto_ecr_ext")
# What was announced.
_announced: set[str] = set()


def compile_dropper(shape: Shape, known: Known, path: str = "") -> Dropper | None:
    """Return the function that takes unknown members out of a value of a shape; None if there are none.

    It appends the paths of the members that it took out to its second argument, and raises Violation for an unknown
    value of an enumeration.
    """
    if shape.type_name == "list":
        return _of_list(compile_dropper(shape.member, known, path), shape)
    if shape.type_name == "structure" and isinstance(known, Mapping):
        return _of_structure(shape, known, path)
    if isinstance(known, frozenset):
        return _of_enumeration(frozenset(shape.metadata.get("enum", ())) - known)
    return None


def _of_structure(shape: Shape, known: Mapping[str, Known], path: str) -> Dropper | None:
    unknown: list[tuple[str, str]] = []
    members: list[tuple[str, Dropper]] = []
    for name, member in shape.members.items():
        path_of_member = f"{path}.{name}" if path else name
        if name not in known:
            unknown.append((name, path_of_member))
            continue
        drop = compile_dropper(member, known[name], path_of_member)
        if drop is not None:
            members.append((name, drop))
    if not unknown and not members:
        return None

    def drop_in_structure(value: dict[str, Any], ignored: list[str]) -> None:
        for name, path_of_member in unknown:
            if value.pop(name, None) is not None:
                ignored.append(path_of_member)
        for name, drop in members:
            if name in value:
                try:
                    drop(value[name], ignored)
                except Violation as violation:
                    violation.found_within(name[0].lower() + name[1:])
                    raise

    return drop_in_structure


def _of_list(drop: Dropper | None, shape: Shape) -> Dropper | None:
    if drop is None:
        return None
    drop_in_element, is_scalar = drop, shape.member.type_name != "structure"

    def drop_in_list(value: list[Any], ignored: list[str]) -> None:
        for number, element in enumerate(value, 1):
            try:
                drop_in_element(element, ignored)
            except Violation as violation:
                if not is_scalar:
                    violation.found_within(f"{number}.member")
                raise

    return drop_in_list


def _of_enumeration(unknown: frozenset[str]) -> Dropper | None:
    if not unknown:
        return None

    def refuse_unknown(value: str, ignored: list[str]) -> None:
        if value in unknown:
            raise Violation(newer(value))

    return refuse_unknown


def newer(what: str) -> str:
    """Return the words for something that only botocore knows."""
    return f"botocore {botocore.__version__} has {what}, which moto_ecr_ext {__version__} does not know yet"


def announce_ignored(operation: str, paths: list[str], announce: Announce) -> None:
    """Announce members of a request that are ignored, each once in the life of the process."""
    for path in paths:
        text = f"{newer(f'{path} of {operation}')}: ignored"
        if text not in _announced:
            _announced.add(text)
            announce(text)


def log_newer(text: str) -> None:
    """Announce by a line of the log, as a server does."""
    log.warning("%s", text)


def warn_of_newer(text: str) -> None:
    """Announce by the log and by NewerBotocoreWarning, in a process whose code sends the request itself."""
    log.warning("%s", text)
    warnings.warn(text, NewerBotocoreWarning, stacklevel=2)
