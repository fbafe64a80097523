"""The endpoint of a command, from moto's own flags, checked before anything is opened."""

from __future__ import annotations

import argparse
import errno
import ipaddress
import os
import socket
import ssl
import stat
import sys
from dataclasses import dataclass, fields

from moto_ecr_ext.platforms.sockets import AF_UNIX

from .flags import Command

_UNIX = "unix://"
# Seconds in which a program that listens accepts a connection.
_ANSWER = 1.0


@dataclass(frozen=True)
class Endpoint:
    """The flags of moto's server or proxy that set the address and TLS."""

    host: str
    port: int
    ssl: bool = False
    ssl_cert: str | None = None
    ssl_key: str | None = None
    reload: bool = False

    @property
    def is_private(self) -> bool:
        """True if only programs of this machine can connect."""
        if self.host.startswith(_UNIX):
            return True
        with_port = _resolved(self.host, self.port)
        return bool(with_port) and all(
            ipaddress.ip_address(str(each[0]).partition("%")[0]).is_loopback for each in with_port
        )


def read_endpoint(command: Command, flags: argparse.Namespace) -> Endpoint:
    """Return the endpoint that moto's flags set. Ends the process if a flag is invalid."""
    # moto's proxy knows only some of them.
    known = {field.name for field in fields(Endpoint)} & vars(flags).keys()
    endpoint = Endpoint(**{name: getattr(flags, name) for name in known})
    problem = _problem_of_certificate(endpoint) or _problem_of_address(endpoint)
    if problem is not None:
        command.fail(problem)
    return endpoint


def _problem_of_certificate(endpoint: Endpoint) -> str | None:
    """Return the problem with --ssl-cert and --ssl-key, or None."""
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
    """A key that needs a password, for which the server would ask."""


def _problem_of_pair(certificate: str, key: str) -> str | None:
    def ask() -> str:
        raise _Encrypted

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, ask)
    except _Encrypted:
        # OpenSSL asks for the pass phrase on the terminal when the server starts.
        if sys.stdin is not None and sys.stdin.isatty():
            return None
        return (
            f"--ssl-key {key} has a pass phrase, and there is no terminal to ask for it. "
            "Start the server on one, or remove the pass phrase with openssl pkey."
        )
    except ssl.SSLError as error:
        reason = error.reason.replace("_", " ").lower() if error.reason else "not PEM"
        return f"--ssl-cert {certificate} and --ssl-key {key} are not a certificate and its key: {reason}."
    return None


def _problem_of_address(endpoint: Endpoint) -> str | None:
    """Return the reason why nothing can listen at the endpoint, or None."""
    # With --reload this is the process that serves. Its parent has bound the port already.
    if os.environ.get("WERKZEUG_RUN_MAIN") == "true":
        return None
    if endpoint.host.startswith(_UNIX):
        return _problem_of_unix_socket(endpoint.host.removeprefix(_UNIX))
    addresses = _resolved(endpoint.host, endpoint.port)
    if not addresses:
        return f"--host {endpoint.host or repr('')} is not an address or a known host name."
    try:
        with socket.socket(_family(endpoint.host)) as probe:
            # As the server does, except on a system on which the option takes the port from another program.
            if not hasattr(socket, "SO_EXCLUSIVEADDRUSE"):
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(addresses[0])
    except OSError as error:
        return _reason(error, endpoint)
    return None


def _problem_of_unix_socket(path: str) -> str | None:
    """Return the reason why nothing can listen at a path, or None. The server removes what is there."""
    if AF_UNIX is None:
        return "Unix sockets are not supported on this system."
    if not path:
        return f"{_UNIX} needs the path of a socket."
    directory = os.path.dirname(os.path.abspath(path))
    if not os.path.isdir(directory):
        return f"{directory}, the directory of the Unix socket, does not exist."
    try:
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            return f"{path} is not a Unix socket. Give a path at which there is nothing."
    except FileNotFoundError:
        pass
    in_use = f"The Unix socket {path} is in use by another program."
    with socket.socket(AF_UNIX) as client:
        client.settimeout(_ANSWER)
        try:
            client.connect(path)
        except (FileNotFoundError, ConnectionRefusedError):
            return None  # Nothing is there, or nobody listens there any more.
        except TimeoutError:
            return in_use
        except OSError as error:
            # Python itself compares the length, which is another one on each system.
            is_too_long = error.errno is None
            return f"{path} is too long for the path of a Unix socket." if is_too_long else in_use
    return in_use


def _reason(error: OSError, endpoint: Endpoint) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {endpoint.port} of {endpoint.host} is in use by another program. "
            "Choose another with --port, or --port 0 for any that is free."
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return f"--host {endpoint.host or repr('')} is not an address of this machine."
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"Port {endpoint.port} needs privileges. Choose one above 1023 with --port."
    return f"Cannot listen on port {endpoint.port} of {endpoint.host}: {error.strerror}."


def _family(host: str) -> socket.AddressFamily:
    """Return the address family that the server chooses."""
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _resolved(host: str, port: int) -> list[tuple[str, int]]:
    try:
        found = socket.getaddrinfo(host, port, _family(host), socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return [address for *_, address in found]  # type: ignore[misc]
