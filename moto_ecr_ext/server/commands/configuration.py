"""The configuration of both commands, read and checked before anything starts."""

from __future__ import annotations

from argparse import Namespace
from typing import NamedTuple

from .endpoint import Endpoint, read_endpoint
from .flags import Command, Limits
from .network import check_network
from .scanner import check_scanner


class Configuration(NamedTuple):
    """The limits of the connections, and the address that moto's flags name."""

    limits: Limits
    endpoint: Endpoint


def read_configuration(command: Command, flags: Namespace, all_flags: Namespace) -> Configuration:
    """Return the configuration. Ends the process if a server cannot run with it."""
    limits = command.read_limits(flags)
    endpoint = read_endpoint(command, all_flags)
    behaviour = command.behaviour(flags)
    check_network(command, behaviour, limits, endpoint)
    check_scanner(command, behaviour)
    return Configuration(limits, endpoint)
