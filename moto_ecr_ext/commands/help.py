"""Parsers of flags whose errors are one sentence, and whose help includes moto's flags."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from difflib import get_close_matches
from importlib.metadata import version
from platform import python_version
from typing import NoReturn

from moto_ecr_ext._version import __version__

_FLAG = re.compile(r"(?<![\w-])--[a-z][a-z-]*")


class Parser(argparse.ArgumentParser):
    """A parser of flags that accepts no abbreviations, and whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        """End the process with one line that states the error."""
        self.exit(2, f"{self.prog}: {message}\n")


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Help that shows defaults, also those of moto's flags."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        text = action.help
        if text and "default" not in text and not isinstance(action.default, bool | None):
            return text if action.default == argparse.SUPPRESS else f"{text} (default: %(default)s)"
        return text


def own_parser(name: str) -> Parser:
    """Return a parser without flags, for the flags of this package."""
    parser = Parser(name, add_help=False, allow_abbrev=False)
    parser.add_argument(
        "--version",
        action="version",
        version=f"{name} {__version__} (moto {version('moto')}, Python {python_version()})",
        help="print the version, and exit",
    )
    return parser


def whole_parser(description: str, own: Parser, of_moto: argparse.ArgumentParser) -> Parser:
    """Return a parser for the flags of moto's command and of this package."""
    return Parser(
        own.prog,
        usage="%(prog)s [flags]",
        description=description,
        parents=[of_moto, own],
        add_help=False,
        allow_abbrev=False,
        conflict_handler="resolve",
        formatter_class=_Formatter,
    )


def name_variable(parser: argparse.ArgumentParser, flag: str, variable: str) -> None:
    """Have the help of a flag name its environment variable."""
    for action in parser._actions:
        if flag in action.option_strings:
            action.help = f"{action.help} (environment: {variable}; default: %(default)s)"


def describe(parser: argparse.ArgumentParser, flag: str, text: str) -> None:
    """Replace the help of a flag of moto that means more here."""
    for action in parser._actions:
        if flag in action.option_strings:
            action.help = text


def refuse_unknown(parser: Parser, arguments: Sequence[str]) -> None:
    """End the process if an argument is unknown, with the nearest known flag.

    `--help` prints the help text and ends the process here.
    """
    _, unknown = parser.parse_known_args(arguments)
    if not unknown:
        return
    known = _FLAG.findall(parser.format_help())
    wrong = next((each for each in unknown if each.startswith("-")), unknown[0])
    nearest = get_close_matches(wrong.partition("=")[0], known, 1)
    hint = f". Did you mean {nearest[0]}?" if nearest else ""
    parser.error(f"unrecognized arguments: {' '.join(unknown)}{hint}")
