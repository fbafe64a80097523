"""`moto_ecr_server --faults FILE`: faults that are active from the start."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from moto_ecr_ext.fault_rules.documents import read_rules
from moto_ecr_ext.fault_rules.problems import FaultError
from moto_ecr_ext.faults import ActiveFault

from .flags import Command, not_empty


def add_flags(command: Command) -> None:
    """Add the flag that names the file."""
    command.parser.add_argument(
        "--faults",
        metavar="FILE",
        type=not_empty,
        help="let calls fail on purpose, by the rules in a JSON file; /moto-api/ecr/faults changes them",
    )


def read(command: Command, flags: Namespace) -> list[ActiveFault]:
    """Return the faults of the file, which do not strike yet. Ends the process if it is invalid."""
    if flags.faults is None:
        return []
    try:
        return read_rules(Path(flags.faults).read_bytes())
    except OSError as error:
        command.fail(f"--faults {flags.faults} cannot be read: {error.strerror}")
    except FaultError as error:
        command.fail(f"--faults {flags.faults}: {error}")
