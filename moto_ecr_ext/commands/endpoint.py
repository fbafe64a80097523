"""Where a command listens, checked before anything is opened: what moto's own flags say of it."""

from __future__ import annotations

import argparse
import errno
import ipaddress
import os
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass

from .flags import Command
from .help import Parser

_MAX_PORT = 65535
_UNIX = "unix://"


@dataclass(frozen=True)
class Endpoint:
    """The flags of moto's server, or of its proxy, that say where it listens and how."""

    host: str
    port: int
    ssl: bool = False
    ssl_cert: str | None = None
    ssl_key: str | None = None

    @property
    def is_private(self) -> bool:
        """Whether programs of this machine alone can connect to it."""
        if self.host.startswith(_UNIX):
            return True
        with_port = _resolved(self.host, self.port)
        return bool(with_port) and all(
            ipaddress.ip_address(str(each[0]).partition("%")[0]).is_loopback for each in with_port
        )


def default_port(command: Command, variable: str, port: int) -> int:
    """Return the port that a variable of moto's names, else `port`. Ends the process when there is no such port."""
    given = os.environ.get(variable, str(port))
    try:
        return _port(given)
    except argparse.ArgumentTypeError as error:
        command.fail(f"{variable} is {given!r}; {error}")


def read_endpoint(command: Command, arguments: Sequence[str], port: int) -> Endpoint:
    """Return what flags of moto say, which has `port` if no flag names another.

    Ends the process when something of it cannot be.
    """
    # Abbreviations are flags too, since they are moto's.
    parser = Parser(command.parser.prog, add_help=False)
    parser.add_argument("-H", "--host", default="127.0.0.1")
    parser.add_argument("-p", "--port", type=_port, default=port)
    parser.add_argument("-s", "--ssl", action="store_true")
    parser.add_argument("-c", "--ssl-cert")
    parser.add_argument("-k", "--ssl-key")
    parser.add_argument("-r", "--reload", action="store_true")
    flags, _ = parser.parse_known_args(arguments)
    endpoint = Endpoint(flags.host, flags.port, flags.ssl, flags.ssl_cert, flags.ssl_key)
    problem = _problem_of_certificate(endpoint) or _problem_of_address(endpoint)
    if problem is not None:
        command.fail(problem)
    return endpoint


def _port(text: str) -> int:
    try:
        port = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"invalid int value: {text!r}") from None
    if not 0 <= port <= _MAX_PORT:
        raise argparse.ArgumentTypeError(
            f"{port} is not a port: ports are 1 to {_MAX_PORT}, and 0 for any that is free"
        )
    return port


def _problem_of_certificate(endpoint: Endpoint) -> str | None:
    """Return what is wrong with --ssl-cert and --ssl-key; None if nothing is."""
    certificate, key = endpoint.ssl_cert, endpoint.ssl_key
    if certificate is None and key is None:
        return None
    if key is None:
        return "--ssl-cert needs --ssl-key too, the file with the private key of the certificate."
    if certificate is None:
        return "--ssl-key needs --ssl-cert too, the file with the certificate of the key."
    for flag, path in (("--ssl-cert", certificate), ("--ssl-key", key)):
        try:
            with open(path, "rb"):
                pass
        except OSError as error:
            return f"{flag} {path} cannot be read: {error.strerror}."
    return _problem_of_pair(certificate, key)


class _Encrypted(Exception):
    """A key for which the server will ask for a password."""


def _problem_of_pair(certificate: str, key: str) -> str | None:
    def ask() -> str:
        raise _Encrypted

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, ask)
    except _Encrypted:
        return None
    except ssl.SSLError as error:
        reason = error.reason.replace("_", " ").lower() if error.reason else "not PEM"
        return f"--ssl-cert {certificate} and --ssl-key {key} are no certificate and its key: {reason}."
    return None


def _problem_of_address(endpoint: Endpoint) -> str | None:
    """Return why nothing can listen there; None if something can."""
    # With --reload this is the process that serves, and its parent has bound the port already.
    if endpoint.host.startswith(_UNIX) or "WERKZEUG_SERVER_FD" in os.environ:
        return None
    addresses = _resolved(endpoint.host, endpoint.port)
    if not addresses:
        return f"--host {endpoint.host} is not an address, and no host of this name is known."
    try:
        with socket.socket(_family(endpoint.host)) as probe:
            # As the server does, where this does not mean that a port may be taken from another program.
            if not hasattr(socket, "SO_EXCLUSIVEADDRUSE"):
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(addresses[0])
    except OSError as error:
        return _reason(error, endpoint)
    return None


def _reason(error: OSError, endpoint: Endpoint) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {endpoint.port} of {endpoint.host} is in use by another program. "
            "Choose another with --port, or --port 0 for any that is free."
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return f"--host {endpoint.host} is not an address of this machine."
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"Port {endpoint.port} is for privileged users. Choose one above 1023 with --port."
    return f"Cannot listen on port {endpoint.port} of {endpoint.host}: {error.strerror}."


def _family(host: str) -> socket.AddressFamily:
    """Return the family that the server chooses."""
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _resolved(host: str, port: int) -> list[tuple[str, int]]:
    try:
        found = socket.getaddrinfo(host, port, _family(host), socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return [address for *_, address in found]  # type: ignore[misc]
