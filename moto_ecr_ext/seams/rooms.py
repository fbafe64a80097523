"""The rooms: parts of the package that the rest does without.

A room is a folder with a tuple `SEAMS`: each seam is a module of moto, and the function of the room that changes this
module once it is imported. Without its folder and its line here, everything else works.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator

from .replacing import Unplug

_PACKAGE = "moto_ecr_ext"
ROOMS = (
    "integrations.awslambda",
    "integrations.batch",
    "integrations.cloudformation",
    "integrations.cloudwatch",
    "integrations.config",
    "integrations.dashboard",
    "integrations.ecs",
    "integrations.eventbridge",
    "integrations.inspector",
    "integrations.tagging",
    "page",
    "server",
)


def seams_of_rooms() -> Iterator[tuple[str, Callable[[], Unplug]]]:
    """Yield the seams of all rooms, each with the module of moto that it changes."""
    for room in ROOMS:
        for module, name in importlib.import_module(f"{_PACKAGE}.{room}").SEAMS:
            yield module, _seam(room, name)


def _seam(room: str, name: str) -> Callable[[], Unplug]:
    """Return a seam of a room, whose module is imported when the seam is plugged in."""

    def plug() -> Unplug:
        module, _, function = name.rpartition(".")
        unplug: Unplug = getattr(importlib.import_module(f"{_PACKAGE}.{room}.{module}"), function)()
        return unplug

    return plug
