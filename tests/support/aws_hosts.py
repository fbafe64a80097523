"""AWS's own host names in these tests, and moto's certificates for them."""

from __future__ import annotations

from moto.moto_proxy.certificate_creator import CertificateCreator

from moto_ecr_ext.platforms.files import directory_turn
from support.programs import find

REGISTRY = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
API = "api.ecr.us-east-1.amazonaws.com"

CA = CertificateCreator.cacert


def make_certificates() -> None:
    """Have moto's certificates for both hosts made, by one process at a time.

    A proxy makes one when a host is first asked for. Two that do so at once, as pytest-xdist's workers would, read
    each other's unfinished files.
    """
    find("openssl")
    with directory_turn(CertificateCreator.certdir):
        for host in (REGISTRY, API):
            CertificateCreator().create(f"{host}:443")
