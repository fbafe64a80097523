"""Logging docker in to registries."""

from __future__ import annotations

import base64
from datetime import datetime, timezone
from typing import Any


def logins(ecr: Any, *accounts: str) -> list[tuple[str, str]]:
    """Return the host and the password of the registries of accounts."""
    options = {"registryIds": list(accounts)} if accounts else {}
    data = ecr.get_authorization_token(**options)["authorizationData"]
    return [
        (
            each["proxyEndpoint"].removeprefix("https://"),
            base64.b64decode(each["authorizationToken"]).decode().removeprefix("AWS:"),
        )
        for each in data
    ]


def command(ecr: Any) -> list[str]:
    """Return the command that logs docker in."""
    [(host, password)] = logins(ecr)
    return ["docker", "login", "--username", "AWS", "--password", password, host]


def needs_login(ecr: Any) -> bool:
    """Return whether a token that is asked for now is of no use."""
    [data] = ecr.get_authorization_token()["authorizationData"]
    return data["expiresAt"] < datetime.now(timezone.utc)
