"""Access without credentials and from other machines: checked, and announced, when a command starts."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from moto_ecr_ext import faults, settings
from moto_ecr_ext.models.lookup import default_registry
from moto_ecr_ext.server import accounts

from .endpoint import Endpoint
from .flags import Command, Limits

log = logging.getLogger("moto_ecr_ext")

# The settings that can be less strict than AWS, each with the value that is.
_OPEN = ((settings.LOGIN, "optional"), (settings.CREATE_ON_PUSH, "always"))


def check_network(
    command: Command, behaviour: Mapping[str, str], limits: Limits, endpoint: Endpoint
) -> None:
    """End the process if settings leave access open and other machines can connect, unless a flag allows that."""
    opened = [
        f"{setting.flag} {value}"
        for setting, value in _OPEN
        if behaviour.get(setting.name) == value
    ]
    if opened and not limits.anonymous_network and not endpoint.is_private:
        command.fail(
            f"--host {endpoint.host} can be reached from other machines. "
            f"To let them push and pull with {' and '.join(opened)}, give --anonymous-network too."
        )
    if limits.account_from_key and accounts.are_overridden():
        command.fail(
            "--account-from-key has no effect while MOTO_ACCOUNT_ID says which account calls. Unset one of the two."
        )


def notices(limits: Limits) -> list[str]:
    """Return a line for each setting in force with which the server differs from AWS."""

    default = default_registry()
    lines = []
    if settings.LOGIN.get() == "optional":
        lines.append(
            f"Login is optional: a request without credentials is account {default.account_id} in {default.region}."
        )
    if settings.CREATE_ON_PUSH.get() == "always":
        lines.append("A push creates its repository.")
    if limits.account_from_key:
        lines.append("An access key ID of twelve digits is the account that calls.")
    if faults.active:
        lines.append(f"Rules of --faults, by which calls fail on purpose: {len(faults.active)}.")
    return lines


def log_notices(limits: Limits) -> None:
    """Log the notices as warnings, where nothing is printed."""
    for line in notices(limits):
        log.warning(line)
