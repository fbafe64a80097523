"""A check of the setting `scanner`, before a command starts."""

from __future__ import annotations

import shutil
from collections.abc import Mapping

from moto_ecr_ext import settings

from .flags import Command


def check_scanner(command: Command, behaviour: Mapping[str, str]) -> None:
    """End the process if the scanner's program does not exist: every scan would fail."""
    words = settings.parse_scanner(behaviour.get(settings.SCANNER.name, ""))
    if words and shutil.which(words[0]) is None:
        where = "cannot be run" if "/" in words[0] else "is not installed, or not on the PATH"
        command.fail(f"The setting scanner names {words[0]}, which {where}.")
