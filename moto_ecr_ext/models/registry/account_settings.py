"""Account settings: named values of a registry.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry-settings.html
"""

from __future__ import annotations

from typing import Any

from moto_ecr_ext.exceptions import InvalidParameterException
from moto_ecr_ext.models.base import RegistryBackend
from moto_ecr_ext.storage.database.transaction import View

# Every setting with its values. The first value is the default.
SETTINGS = {
    "BASIC_SCAN_TYPE_VERSION": ("AWS_NATIVE",),
    "BLOB_MOUNTING": ("DISABLED", "ENABLED"),
    "REGISTRY_POLICY_SCOPE": ("V2",),
}


class AccountSettingsBackend(RegistryBackend):
    """Operations on account settings."""

    def get_account_setting(self, name: str) -> dict[str, Any]:
        """Return the value of an account setting, or AWS's default.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAccountSetting.html
        """
        _check("name", name, tuple(SETTINGS))
        with self.store.database.read() as view:
            return {"name": name, "value": account_setting(self, view, name)}

    def put_account_setting(self, name: str, value: str) -> dict[str, Any]:
        """Set an account setting.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutAccountSetting.html
        """
        _check("name", name, tuple(SETTINGS))
        _check("value", value, SETTINGS[name])
        with self.store.database.write() as transaction:
            self.store_setting(transaction, f"account/{name}", value)
        return {"name": name, "value": value}


def account_setting(
    registry: RegistryBackend, view: View, name: str, account_id: str | None = None
) -> str:
    """Return the value of an account setting of this registry, or of another account's registry in the Region."""
    return stored_account_setting(registry, view, name, account_id) or SETTINGS[name][0]


def stored_account_setting(
    registry: RegistryBackend, view: View, name: str, account_id: str | None = None
) -> str | None:
    """Return the value of a setting, or None if PutAccountSetting was never called for it."""
    value: str | None = registry.setting(view, f"account/{name}", account_id)
    return value


def _check(field: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise InvalidParameterException.at(
            field, f"Member must satisfy enum value set: [{', '.join(allowed)}]"
        )
