"""A certificate authority for `--ssl`, and the server certificate that it issues.

The authority is created once, in its directory. It is limited to names of this machine, so that a stolen key cannot
impersonate other hosts. The certificate is replaced when it is about to expire, or when a name is added.
"""

from __future__ import annotations

import ipaddress
import os
import secrets
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from moto_ecr_ext import hosts
from moto_ecr_ext.oci.x509 import certificate_builder, private_pem
from moto_ecr_ext.storage.blobs.directory.files import give_name, make_directories, open_private

_OF_AUTHORITY = timedelta(days=3650)
# Apple's systems accept at most 825 days: https://support.apple.com/en-us/103769
_OF_CERTIFICATE = timedelta(days=397)
# A certificate that expires sooner is replaced.
_SOON = timedelta(days=30)
# Clocks of virtual machines may be behind.
_BEFORE = timedelta(days=1)

_LOOPBACK_NETWORKS = ("127.0.0.0/8", "::1/128")


class CertificateError(Exception):
    """An authority that cannot be used. The message says how to go on."""


@dataclass(frozen=True)
class _Pair:
    """A certificate with its private key, in one file."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def read(cls, path: Path) -> _Pair | None:
        """Return the pair in a file, or None if there is no such file. Raises ValueError for any other content."""
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        key = serialization.load_pem_private_key(content, None)
        certificate = x509.load_pem_x509_certificate(content)
        if not isinstance(key, ec.EllipticCurvePrivateKey) or (
            certificate.public_key() != key.public_key()
        ):
            raise ValueError("the key is that of another certificate")
        return cls(certificate, key)

    @property
    def pem(self) -> bytes:
        """The content of its file: the certificate, then the key."""
        return self.certificate.public_bytes(serialization.Encoding.PEM) + private_pem(self.key)

    def is_valid_at(self, now: datetime) -> bool:
        """Return True if it is valid, and will be for some time."""
        validity = self.certificate
        return validity.not_valid_before_utc <= now < validity.not_valid_after_utc - _SOON


class Issuer:
    """The authority in a directory, and its certificate for `names` and the names of this machine.

    A name is a host name, `*.` and a domain, or an IP address.
    """

    def __init__(self, directory: Path, names: Iterable[str] = ()) -> None:
        self._directory = directory
        self._names = [*local_names(), *(each for each in names if not _is_local(each))]
        self.authority = directory / "ca.crt"
        """The path of the authority's certificate, which clients have to trust."""
        self.certificate = directory / "server.pem"
        """The path of the server's certificate, with its key."""

    def issue(self) -> datetime:
        """Make sure that the certificate is valid, and return the time at which to call this again.

        Raises CertificateError, and OSError if the directory is not writable.
        """
        now = datetime.now(timezone.utc)
        make_directories(str(self._directory))
        authority = self._valid_authority(now)
        certificate = authority.certificate.public_bytes(serialization.Encoding.PEM)
        if not self.authority.is_file() or self.authority.read_bytes() != certificate:
            self._write(self.authority, certificate, 0o644)
        try:
            pair = _Pair.read(self.certificate)
        except ValueError:
            pair = None
        if pair is None or not self._is_good(pair, authority, now):
            pair = _issued(authority, self._names, now)
            self._write(self.certificate, pair.pem, 0o600)
        return pair.certificate.not_valid_after_utc - _SOON

    def _valid_authority(self, now: datetime) -> _Pair:
        path = self._directory / "authority.pem"
        try:
            pair = _Pair.read(path)
        except ValueError as error:
            raise CertificateError(
                f"{path} is not the key and the certificate of an authority ({error}). "
                "Remove it to have a new one made."
            ) from None
        if pair is not None and pair.is_valid_at(now):
            self._check_permitted(pair)
            return pair
        made = self._spare(_authority(self._names, now).pem, 0o600)
        try:
            if pair is None:
                # Another server may be doing the same.
                with suppress(FileExistsError):
                    give_name(made, str(path))
            else:
                os.replace(made, path)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(made)
        return self._valid_authority(now)

    def _check_permitted(self, authority: _Pair) -> None:
        """Raise CertificateError if the authority may not issue for a name: clients would refuse the certificate."""
        permitted = set(_subtrees(authority.certificate))
        missing = [
            each for each in self._names if not _is_local(each) and _subtree(each) not in permitted
        ]
        if missing:
            raise CertificateError(
                f"The certificate authority in {self._directory} is not for {', '.join(missing)}. "
                "Remove that directory to have a new one made, which clients have to trust anew."
            )

    def _is_good(self, pair: _Pair, authority: _Pair, now: datetime) -> bool:
        try:
            pair.certificate.verify_directly_issued_by(authority.certificate)
        except (InvalidSignature, TypeError, ValueError):
            return False
        names = pair.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        return pair.is_valid_at(now) and {*names.value} == {*map(_general_name, self._names)}

    def _write(self, path: Path, content: bytes, mode: int) -> None:
        os.replace(self._spare(content, mode), path)

    def _spare(self, content: bytes, mode: int) -> str:
        """Write `content` to a new file in the directory, to be renamed, and return its path."""
        path = str(self._directory / f".{secrets.token_hex(8)}")
        with open(path, "xb", opener=open_private) as file:
            file.write(content)
            os.chmod(path, mode)
        return path


@lru_cache
def local_names() -> tuple[str, ...]:
    """Return the names of this machine for which a certificate is issued."""
    return ("localhost", *hosts.local_registry_names(), "127.0.0.1", "::1")


def _is_local(name: str) -> bool:
    address = _address(name)
    if address is None:
        return name in local_names()
    return str(address) in local_names()


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None


def _general_name(name: str) -> x509.GeneralName:
    address = _address(name)
    return x509.DNSName(name) if address is None else x509.IPAddress(address)


def _subtree(name: str) -> x509.GeneralName:
    """Return the subtree that permits a name: a domain with all names below it, or a network."""
    address = _address(name)
    if address is None:
        return x509.DNSName(name.removeprefix("*."))
    return x509.IPAddress(ipaddress.ip_network(address))


def _subtrees(authority: x509.Certificate) -> Sequence[x509.GeneralName]:
    constraints = authority.extensions.get_extension_for_class(x509.NameConstraints)
    return constraints.value.permitted_subtrees or ()


def _authority(names: Sequence[str], now: datetime) -> _Pair:
    """Return a new authority for these names and for all names below `localhost`."""
    key = ec.generate_private_key(ec.SECP256R1())
    # Programs that look up the issuer by name must be able to tell the authorities of several directories apart.
    subject = _common_name(f"moto_ecr_ext local authority {secrets.token_hex(4)}")
    validity = (now - _BEFORE, now + _OF_AUTHORITY)
    permitted = [
        x509.DNSName("localhost"),
        *(x509.IPAddress(ipaddress.ip_network(each)) for each in _LOOPBACK_NETWORKS),
        *(_subtree(each) for each in names if not _is_local(each)),
    ]
    builder = (
        certificate_builder(subject, subject, key, validity, is_authority=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.NameConstraints(permitted, None), critical=True)
    )
    return _Pair(builder.sign(key, hashes.SHA256()), key)


def _issued(authority: _Pair, names: Sequence[str], now: datetime) -> _Pair:
    """Return a new server certificate for these names."""
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = authority.certificate
    validity = (now - _BEFORE, min(now + _OF_CERTIFICATE, issuer.not_valid_after_utc))
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    builder = (
        certificate_builder(_common_name("moto_ecr_server"), issuer.subject, key, validity)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(identifier, critical=False)
        .add_extension(x509.SubjectAlternativeName(map(_general_name, names)), critical=False)
    )
    return _Pair(builder.sign(authority.key, hashes.SHA256()), key)


def _common_name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
