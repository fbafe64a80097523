"""The flags of a command: those of this package, and those of moto's own command, in one parser.

Its errors are one sentence.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from importlib.metadata import version
from platform import python_version
from typing import Any, NoReturn

from moto_ecr_ext._version import __version__
from moto_ecr_ext.seams.replacing import replace

_MAX_PORT = 65535
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


def own_parser(name: str) -> Parser:
    """Return a parser without flags, for the flags of this package."""
    parser = Parser(name, add_help=False, allow_abbrev=False)
    parser.add_argument(
        "--version",
        action="version",
        version=(
            f"{name} {__version__} (moto {version('moto')}, botocore {version('botocore')}, "
            f"Python {python_version()})"
        ),
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


def describe_port(parser: argparse.ArgumentParser, variable: str) -> None:
    """Have the help of moto's flag for the port name its environment variable, and its errors say what a port is."""
    for action in parser._actions:
        if "--port" in action.option_strings:
            action.type = port_number
            action.help = f"{action.help} (environment: {variable}; default: %(default)s)"


def describe(parser: argparse.ArgumentParser, flag: str, text: str) -> None:
    """Replace the help of a flag of moto that means more here."""
    for action in parser._actions:
        if flag in action.option_strings:
            action.help = text


def port_number(text: str) -> int:
    """Return the value of a flag for a port. Raises ArgumentTypeError for any other text."""
    try:
        port = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port, which is a number") from None
    if not 0 <= port <= _MAX_PORT:
        raise argparse.ArgumentTypeError(
            f"{port} is not a port: ports are 1 to {_MAX_PORT}, and 0 for any that is free"
        )
    return port


def parse_known(parser: Parser, arguments: Sequence[str]) -> argparse.Namespace:
    """Return the flags. If an argument is unknown, end the process with the nearest known flag.

    `--help` prints the help text and ends the process here.
    """
    flags, unknown = parser.parse_known_args(arguments)
    if not unknown:
        return flags
    known = _FLAG.findall(parser.format_help())
    wrong = next((each for each in unknown if each.startswith("-")), unknown[0])
    nearest = get_close_matches(wrong.partition("=")[0], known, 1)
    hint = f". Did you mean {nearest[0]}?" if nearest else ""
    parser.error(f"unrecognized arguments: {' '.join(unknown)}{hint}")
