"""The flags of moto's own commands, for one help text and for suggestions."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from .replacing import replace


class _Made(Exception):
    """A parser that is about to parse its arguments."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        super().__init__()
        self.parser = parser


def parser_of(main: Callable[[list[str]], Any]) -> argparse.ArgumentParser:
    """Return the parser of a moto command, which begins by making it and calling its `parse_args`."""

    def stop(self: argparse.ArgumentParser, *arguments: Any, **options: Any) -> Any:
        raise _Made(self)

    put_back = replace(argparse.ArgumentParser, "parse_args", stop)
    try:
        # A command that parses differently ends with its own help, before it serves.
        main(["--help"])
    except _Made as made:
        return made.parser
    finally:
        put_back()
    raise AssertionError("moto's command has parsed its flags differently")
