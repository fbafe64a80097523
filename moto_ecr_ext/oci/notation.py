"""Signatures of Notation: an envelope for the descriptor of an image, and its manifest.

Notary Project signature specification and its JWS envelope,
https://github.com/notaryproject/specifications/tree/main/specs
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from cryptography.x509.verification import PolicyBuilder

from moto_ecr_ext._version import __version__

from .descriptors import Descriptor
from .media_types import JOSE_JSON, NOTATION_PAYLOAD, NOTATION_SIGNATURE, OCI_MANIFEST
from .x509 import certificate_builder, private_pem

CONFIG = b"{}"
"""The content of a signature's config, which has no meaning."""

# Certificates must be valid at signing and at verification, and a test may set its clock to any time.
_VALID_FROM = datetime(1970, 1, 1, tzinfo=timezone.utc)
_VALID_UNTIL = datetime(9999, 12, 31, 23, 59, 59, tzinfo=timezone.utc)
# cryptography caches the class `datetime.datetime` at its first use and refuses objects of another class. freezegun
# replaces that class. Without this call, a first use in a frozen test would make the two times above invalid.
PolicyBuilder().time(_VALID_FROM)
# The bytes of each of the two numbers of an ECDSA signature on the curve P-384.
_NUMBER_SIZE = 48


@dataclass(frozen=True, slots=True)
class SigningIdentity:
    """A private key and its self-signed certificate, both in PEM.

    The key is on P-384, like those of AWS Signer's platform for images, Notation-OCI-SHA384-ECDSA.
    """

    private_key: str
    certificate: str

    @classmethod
    def generate(cls, name: str) -> SigningIdentity:
        """Return a new identity with the common name `name`, cut to 64 characters.

        The certificate has the country, state and organization that Notation's trust policies require.
        """
        key = ec.generate_private_key(ec.SECP384R1())
        subject = x509.Name(
            [
                x509.NameAttribute(NameOID.COUNTRY_NAME, "US"),
                x509.NameAttribute(NameOID.STATE_OR_PROVINCE_NAME, "WA"),
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "moto_ecr_ext"),
                # RFC 5280, appendix A.1, ub-common-name.
                x509.NameAttribute(NameOID.COMMON_NAME, name[:64]),
            ]
        )
        # A chain of one certificate meets the requirements of a leaf (signature specification, "Certificate
        # Requirements").
        certificate = (
            certificate_builder(subject, subject, key, (_VALID_FROM, _VALID_UNTIL))
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False
            )
            .sign(key, hashes.SHA384())
        )
        return cls(
            private_pem(key).decode(),
            certificate.public_bytes(serialization.Encoding.PEM).decode(),
        )

    def sign(self, target: Mapping[str, Any], at: float) -> Signature:
        """Return the signature of the manifest of the descriptor `target`.

        `at` is the time of signing, in seconds since the epoch. The scheme is `notary.x509.signingAuthority`, which AWS
        Signer uses; verification needs no plugin.
        """
        time = datetime.fromtimestamp(at, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        certificate = x509.load_pem_x509_certificate(self.certificate.encode())
        protected = {
            "alg": "ES384",
            "cty": NOTATION_PAYLOAD,
            "crit": ["io.cncf.notary.signingScheme", "io.cncf.notary.authenticSigningTime"],
            "io.cncf.notary.signingScheme": "notary.x509.signingAuthority",
            "io.cncf.notary.authenticSigningTime": time,
        }
        payload = {"targetArtifact": dict(target)}
        parts = [_base64url(_json(protected)), _base64url(_json(payload))]
        der = certificate.public_bytes(serialization.Encoding.DER)
        envelope = {
            "payload": parts[1],
            "protected": parts[0],
            "header": {
                "x5c": [base64.b64encode(der).decode()],
                "io.cncf.notary.signingAgent": f"moto_ecr_ext/{__version__}",
            },
            "signature": _base64url(self._sign_bytes(".".join(parts).encode())),
        }
        thumbprints = [certificate.fingerprint(hashes.SHA256()).hex()]
        return Signature(_json(envelope), dict(target), json.dumps(thumbprints), time)

    def _sign_bytes(self, content: bytes) -> bytes:
        key = serialization.load_pem_private_key(self.private_key.encode(), password=None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        # The two numbers are concatenated (RFC 7518, section 3.4).
        numbers = decode_dss_signature(key.sign(content, ec.ECDSA(hashes.SHA384())))
        return b"".join(number.to_bytes(_NUMBER_SIZE, "big") for number in numbers)


@dataclass(frozen=True, slots=True)
class Signature:
    """An envelope, and its facts in the manifest."""

    envelope: bytes
    target: Mapping[str, Any]
    thumbprints: str
    created: str

    @property
    def manifest(self) -> bytes:
        """The manifest. Its layer is the envelope, and its subject is the signed manifest."""
        return _json(
            {
                "schemaVersion": 2,
                "mediaType": OCI_MANIFEST,
                "artifactType": NOTATION_SIGNATURE,
                # The signature specification requires this media type.
                "config": Descriptor.of(CONFIG, NOTATION_SIGNATURE).document,
                "layers": [Descriptor.of(self.envelope, JOSE_JSON).document],
                "subject": dict(self.target),
                "annotations": {
                    "io.cncf.notary.x509chain.thumbprint#S256": self.thumbprints,
                    "org.opencontainers.image.created": self.created,
                },
            }
        )


def _json(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
