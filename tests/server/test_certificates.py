"""The certificate authority of `--ssl`: its names, and how clients verify it."""

from __future__ import annotations

import ssl
import stat
import subprocess
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from cryptography import x509
from freezegun import freeze_time

from moto_ecr_ext.server.commands.certificates import CertificateError, Issuer
from moto_ecr_ext.server.commands.tls import Certificates
from support.programs import find

DAY = timedelta(days=1)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "registry" / "tls"


def certificate(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def server_context(issuer: Issuer) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issuer.certificate, issuer.certificate)
    return context


def shake_hands(server: ssl.SSLContext, authority: Path, name: str) -> x509.Certificate:
    """The certificate that a client gets which trusts the authority. Raises SSLError where it refuses it."""
    client = ssl.create_default_context(cafile=authority)
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    caller = client.wrap_bio(back, there, server_hostname=name)
    called = server.wrap_bio(there, back, server_side=True)
    for end in (caller, called, caller, called):
        try:
            end.do_handshake()
        except ssl.SSLWantReadError:
            continue
    presented = caller.getpeercert(binary_form=True)
    assert presented is not None
    return x509.load_der_x509_certificate(presented)


@pytest.mark.parametrize(
    "name",
    [
        "localhost",
        "127.0.0.1",
        "::1",
        "123456789012.dkr.ecr.us-east-1.localhost",
        "111122223333.dkr.ecr.eu-central-1.localhost",
        "123456789012.dkr.ecr.cn-north-1.localhost",
    ],
)
def test_names_of_this_machine(directory: Path, name: str) -> None:
    """Clients that trust the authority accept every name of a registry on this machine, strictly."""
    issuer = Issuer(directory)
    issuer.issue()
    assert shake_hands(server_context(issuer), issuer.authority, name)


@pytest.mark.parametrize("name", ["example.com", "localhost.example.com", "10.0.0.1"])
def test_other_names(directory: Path, name: str) -> None:
    """A name that the certificate lacks is refused."""
    issuer = Issuer(directory)
    issuer.issue()
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(server_context(issuer), issuer.authority, name)


def test_a_stolen_key_signs_for_no_other_host(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A certificate of the authority for a foreign host is refused because of its constraints."""
    issuer = Issuer(directory)
    issuer.issue()
    forger = Issuer(directory, ["example.com"])
    # Private, since a thief has the key and not this check.
    monkeypatch.setattr(forger, "_check_permitted", lambda authority: None)
    forger.issue()
    with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree violation"):
        shake_hands(server_context(forger), forger.authority, "example.com")


def test_openssl_verifies_it(directory: Path) -> None:
    """The program openssl verifies the certificate strictly."""
    issuer = Issuer(directory)
    issuer.issue()
    for check in (["-verify_ip", "127.0.0.1"], ["-verify_hostname", "localhost"]):
        trusted = ["-x509_strict", "-CAfile", issuer.authority, *check, issuer.certificate]
        ended = subprocess.run(
            [find("openssl"), "verify", *map(str, trusted)], capture_output=True, text=True
        )
        assert ended.stdout == f"{issuer.certificate}: OK\n", ended.stderr


def test_names_that_were_asked_for(directory: Path) -> None:
    """The certificate has the host of a server, and further names of the flag."""
    issuer = Issuer(directory, ["192.0.2.7", "registry", "*.ecr.test"])
    issuer.issue()
    context = server_context(issuer)
    for name in ("192.0.2.7", "registry", "a.ecr.test", "localhost"):
        assert shake_hands(context, issuer.authority, name)


def test_names_that_are_added(directory: Path) -> None:
    """A name that the authority's constraints exclude is refused with a hint, and nothing changes."""
    Issuer(directory, ["registry"]).issue()
    before = {each: each.read_bytes() for each in directory.iterdir()}
    with pytest.raises(CertificateError) as refused:
        Issuer(directory, ["registry", "other.test", "192.0.2.7"]).issue()
    assert str(refused.value) == (
        f"The certificate authority in {directory} is not for other.test, 192.0.2.7. "
        "Remove that directory to have a new one made, which clients have to trust anew."
    )
    assert {each: each.read_bytes() for each in directory.iterdir()} == before


def test_it_is_made_once(directory: Path) -> None:
    """Every server gets the certificate of the first."""
    first = Issuer(directory)
    first.issue()
    before = {each: each.read_bytes() for each in directory.iterdir()}
    Issuer(directory).issue()
    assert {each: each.read_bytes() for each in directory.iterdir()} == before


def test_keys_are_private(directory: Path) -> None:
    """Keys are readable by their owner only; the authority's certificate by everyone."""
    Issuer(directory).issue()
    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in directory.iterdir()}
    assert modes == {"authority.pem": 0o600, "server.pem": 0o600, "ca.crt": 0o644}
    assert b"PRIVATE" not in (directory / "ca.crt").read_bytes()


def test_a_certificate_is_renewed_before_it_expires(directory: Path) -> None:
    """The same authority renews a certificate before it expires."""
    issuer = Issuer(directory)
    due = issuer.issue()
    first, authority = certificate(issuer.certificate), issuer.authority.read_bytes()
    assert first.not_valid_after_utc - first.not_valid_before_utc <= 825 * DAY
    with freeze_time(due - DAY):
        issuer.issue()
        assert certificate(issuer.certificate) == first
    with freeze_time(due):
        issuer.issue()
    renewed = certificate(issuer.certificate)
    assert renewed.not_valid_after_utc > first.not_valid_after_utc
    assert issuer.authority.read_bytes() == authority


def test_an_authority_that_expires_is_replaced(directory: Path) -> None:
    """An authority that expires is replaced with its certificate; both expire together."""
    issuer = Issuer(directory)
    issuer.issue()
    first = certificate(issuer.authority)
    with freeze_time(first.not_valid_after_utc - 40 * DAY):
        issuer.issue()
        assert certificate(issuer.certificate).not_valid_after_utc == first.not_valid_after_utc
    with freeze_time(first.not_valid_after_utc - 30 * DAY):
        issuer.issue()
    second = certificate(issuer.authority)
    assert second.not_valid_after_utc > first.not_valid_after_utc
    certificate(issuer.certificate).verify_directly_issued_by(second)


@pytest.mark.parametrize("name", ["server.pem", "ca.crt"])
def test_what_can_be_made_again_is(directory: Path, name: str) -> None:
    """A missing or damaged file is made again from the authority."""
    issuer = Issuer(directory)
    issuer.issue()
    (directory / name).write_bytes(b"nothing")
    issuer.issue()
    assert shake_hands(server_context(issuer), issuer.authority, "localhost")
    (directory / name).unlink()
    issuer.issue()
    assert shake_hands(server_context(issuer), issuer.authority, "localhost")


def test_a_damaged_authority_is_left_alone(directory: Path) -> None:
    """A damaged authority stays, since clients may trust it: the message says what to do."""
    issuer = Issuer(directory)
    issuer.issue()
    (directory / "authority.pem").write_bytes(b"nothing")
    with pytest.raises(CertificateError, match=r"is not the key and the certificate.* Remove it"):
        issuer.issue()
    assert (directory / "authority.pem").read_bytes() == b"nothing"


@pytest.fixture
def expiring(directory: Path) -> Certificates:
    """Certificates of a server that has run for more than a year: its own is valid for a few more days."""
    with freeze_time(datetime.now(timezone.utc) - 390 * DAY):
        certificates = Certificates(Issuer(directory))
    return certificates


def test_a_running_server_renews_its_certificate(expiring: Certificates, directory: Path) -> None:
    """A connection gets the new certificate without a restart of the server."""
    path = directory / "server.pem"
    old = certificate(path)
    context = server_context(Issuer(directory))
    assert shake_hands(context, expiring.authority, "localhost") == old

    expiring.renew_in(context)
    presented = shake_hands(context, expiring.authority, "localhost")
    assert presented == certificate(path)
    assert presented.not_valid_after_utc > old.not_valid_after_utc + 300 * DAY
    assert shake_hands(context, expiring.authority, "127.0.0.1") == presented


def test_a_renewal_that_fails_is_logged(
    expiring: Certificates, directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Clients get the old certificate, as long as it is valid."""
    context = server_context(Issuer(directory))
    expiring.renew_in(context)
    (directory / "authority.pem").write_bytes(b"nothing")
    assert shake_hands(context, expiring.authority, "localhost")
    assert "was not renewed" in caplog.text
