"""TLS of `moto_ecr_server`: a certificate from a local authority for `--ssl`, and how to make clients trust it."""

from __future__ import annotations

import logging
import os
import shlex
import shutil
import ssl
import sys
import threading
from argparse import Namespace
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from pathlib import Path

from moto_ecr_ext.storage.blobs.directory.files import (
    make_directories,
    open_private,
    sync,
    sync_directory,
)

from .certificates import CertificateError, Issuer
from .endpoint import Endpoint
from .flags import Command, places

log = logging.getLogger("moto_ecr_ext")

# The user's directory, for servers without a data directory. Like those of docker and AWS, its name is the
# same on every platform.
_OF_USER = ".moto_ecr_ext"
_TLS = "tls"
# Time between two attempts to renew a certificate.
_RETRY = timedelta(minutes=5)
# Hosts with which a server listens on every address.
_ALL = ("0.0.0.0", "::")  # nosec B104

# Where programs add an authority to the system's, by the program that activates it.
_SYSTEMS = {
    "update-ca-certificates": "sudo cp {} /usr/local/share/ca-certificates/moto_ecr_ext.crt"
    " && sudo update-ca-certificates",
    "update-ca-trust": "sudo cp {} /etc/pki/ca-trust/source/anchors/moto_ecr_ext.crt"
    " && sudo update-ca-trust",
    "trust": "sudo trust anchor {}",
    "security": "sudo security add-trusted-cert -d -k /Library/Keychains/System.keychain {}",
    "certutil.exe": "certutil -addstore -f Root {}",
}


class Certificates:
    """The certificate of a running server, which is renewed before it expires."""

    def __init__(self, issuer: Issuer) -> None:
        self._issuer = issuer
        self._until = issuer.issue()
        self._lock = threading.Lock()
        self._renewed: ssl.SSLContext | None = None

    @property
    def authority(self) -> Path:
        """The certificate that clients have to trust."""
        return self._issuer.authority

    @property
    def arguments(self) -> list[str]:
        """The flags for moto."""
        path = str(self._issuer.certificate)
        return ["--ssl-cert", path, "--ssl-key", path]

    def renew_in(self, context: ssl.SSLContext) -> None:
        """Give each new connection of a server's context the certificate that is valid at its start."""

        def choose(
            connection: ssl.SSLSocket | ssl.SSLObject, name: str | None, _: ssl.SSLContext
        ) -> None:
            renewed = self._current()
            if renewed is not None:
                connection.context = renewed

        # ssl calls this at the beginning of each connection.
        context.sni_callback = choose

    def _current(self) -> ssl.SSLContext | None:
        """Return the context with the certificate that was issued since the start, or None."""
        if datetime.now(timezone.utc) >= self._until:
            with self._lock:
                if datetime.now(timezone.utc) >= self._until:
                    self._renew()
        return self._renewed

    def _renew(self) -> None:
        try:
            self._until = self._issuer.issue()
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self._issuer.certificate)
        except (OSError, CertificateError):
            log.exception("The certificate in %s was not renewed", self._issuer.certificate)
            self._until = datetime.now(timezone.utc) + _RETRY
        else:
            self._renewed = context


def open_certificates(
    command: Command, flags: Namespace, endpoint: Endpoint, names: Iterable[str]
) -> Certificates | None:
    """Return the certificates of a server with `--ssl` and without a certificate of the user; otherwise None.

    They are for the server's host, and for `names`, in the form of `--allowed-hosts`. Ends the process if they cannot
    be created.
    """
    if not endpoint.ssl or endpoint.ssl_cert is not None:
        return None
    hosts = [endpoint.host] if endpoint.host not in _ALL and "/" not in endpoint.host else []
    try:
        directory = _directory(flags)
        return Certificates(Issuer(directory, [*hosts, *(each for each in names if each != "*")]))
    except CertificateError as error:
        command.fail(error)
    except (OSError, RuntimeError) as error:
        command.fail(
            f"--ssl cannot keep a certificate authority: {error}. "
            "Give --data-dir, or --ssl-cert and --ssl-key."
        )


def _directory(flags: Namespace) -> Path:
    data_dir = places(flags)["data_dir"]
    return (Path(data_dir).absolute() if data_dir else Path.home() / _OF_USER) / _TLS


def copy_authority(flags: Namespace, target: Path) -> None:
    """Copy the certificate authority of a data directory to another one, so that clients trust its servers too."""
    data_dir = places(flags)["data_dir"]
    source = Path(data_dir) / _TLS if data_dir else None
    if source is None or not source.is_dir():
        return
    make_directories(str(target / _TLS))
    # A server issues its certificate itself.
    for name, mode in (("authority.pem", 0o600), ("ca.crt", 0o644)):
        if not (source / name).is_file():
            continue
        with open(target / _TLS / name, "xb", opener=open_private) as copy:
            copy.write((source / name).read_bytes())
            os.chmod(copy.name, mode)
            copy.flush()
            sync(copy.fileno())
    sync_directory(str(target / _TLS))


def how_to_trust(authority: Path, address: str) -> str:
    """Return the lines that tell how to make clients trust the server at an address."""
    path = shlex.quote(str(authority))
    lines = [
        "",
        f"Clients have to trust the certificate authority {authority}.",
        "docker and podman, at this address (docker needs it only for names outside loopback):",
        "",
        f"  {_for_containers(path, address)}",
        "",
        f"podman and skopeo without root: --cert-dir {shlex.quote(str(authority.parent))}",
        f"curl: --cacert {path}",
        "Programs in Go, in a shell:",
        "",
        f"  export SSL_CERT_FILE={path}",
        "",
        "boto3, the AWS CLI, requests, and pip (which needs the name localhost), in a shell, in place of",
        "the usual authorities:",
        "",
        f"  export AWS_CA_BUNDLE={path} PIP_CERT={path} REQUESTS_CA_BUNDLE={path}",
        "",
    ]
    system = _for_system(path)
    if system is not None:
        lines += ["All programs of this machine:", "", f"  {system}", ""]
    return "\n".join(lines)


def _for_containers(path: str, address: str) -> str:
    # podman and skopeo read docker's directory, too. Docker Desktop reads the user's.
    if sys.platform == "linux":
        return f"sudo install -D -m 644 {path} /etc/docker/certs.d/{address}/ca.crt"
    directory = f"~/.docker/certs.d/{address}"
    return f"mkdir -p {directory} && cp {path} {directory}/ca.crt"


def _for_system(path: str) -> str | None:
    for program, line in _SYSTEMS.items():
        if shutil.which(program):
            return line.format(path)
    return None
