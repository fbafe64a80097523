"""Signing profiles of moto's Signer."""

from __future__ import annotations

from typing import Any

from .backends import backend_in_use


class SigningProfile:
    """A signing profile, by its ARN."""

    def __init__(self, arn: str):
        *_, self.region, self._account_id, resource = arn.split(":")
        self.name = resource.rpartition("/")[2]

    @property
    def is_known(self) -> bool:
        """True if Signer has the profile, or has no profiles at all in its account and Region."""
        known = self._known_profiles()
        return not known or self.name in known

    @property
    def is_active(self) -> bool:
        """True unless the profile was cancelled."""
        profile = self._known_profiles().get(self.name)
        return profile is None or profile.status == "Active"

    def _known_profiles(self) -> dict[str, Any]:
        backend = backend_in_use("signer", self._account_id, self.region)
        return backend.signing_profiles if backend is not None else {}
