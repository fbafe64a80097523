"""Who may use a registry without credentials, and from where: checked and said when a command starts."""

from __future__ import annotations

from collections.abc import Mapping

from moto_ecr_ext import settings
from moto_ecr_ext.activation import accounts

from .endpoint import Endpoint
from .flags import Command, Limits

# The settings that ask for less than AWS, with the value that does.
_OPEN = ((settings.LOGIN, "optional"), (settings.CREATE_ON_PUSH, "always"))


def check_network(
    command: Command, behaviour: Mapping[str, str], limits: Limits, endpoint: Endpoint
) -> None:
    """End the process if what the settings leave open would be open to other machines, unless a flag says so."""
    opened = [
        f"{setting.flag} {value}"
        for setting, value in _OPEN
        if behaviour.get(setting.name) == value
    ]
    if opened and not limits.anonymous_network and not endpoint.is_private:
        command.fail(
            f"--host {endpoint.host} can be reached from other machines. "
            f"Give --anonymous-network too if they may push and pull as {' and '.join(opened)} has it."
        )
    if limits.account_from_key and accounts.are_overridden():
        command.fail(
            "--account-from-key has no effect while MOTO_ACCOUNT_ID says which account calls. Unset one of the two."
        )


def notices(limits: Limits) -> list[str]:
    """Return a line for each setting in force that asks for less than AWS does."""
    from moto_ecr_ext.models.lookup import default_registry

    default = default_registry()
    lines = []
    if settings.LOGIN.get() == "optional":
        lines.append(
            f"Login is optional: a request without credentials is account {default.account_id} in {default.region}."
        )
    if settings.CREATE_ON_PUSH.get() == "always":
        lines.append("A push creates its repository.")
    if limits.account_from_key:
        lines.append("An access key of twelve digits is the account that calls.")
    return lines
