"""The arguments of `install()`, and the address of this process's server."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from .calls import ALL
from .places import PLACES, StoreLocation
from .servers import OF_SERVERS, OF_WORKERS
from .setting import SettingError, given_to_install, mock_config, nearest

_PREFIX = "MOTO_ECR_"
# Prefix of the variables that this package's own tests read.
_OF_TESTS = "MOTO_ECR_TEST_"

_location = StoreLocation()
_server_address: str | None = None


def install(
    location: StoreLocation, server_address: str | None, behaviour: Mapping[str, object]
) -> None:
    """Store the arguments of `install()`.

    Raises SettingError and changes nothing when a value is invalid.
    """
    global _location, _server_address
    by_name = {setting.name: setting for setting in ALL}
    unknown = sorted(set(behaviour) - set(by_name))
    if unknown:
        raise SettingError(f"unknown setting: {', '.join(unknown)}{nearest(unknown[0], by_name)}")
    parsed = {
        name: by_name[name].parse(value, f"install({name}=...)")
        for name, value in behaviour.items()
    }
    given_to_install.clear()
    given_to_install.update(parsed)
    _location = location
    _server_address = server_address


def check_environment() -> None:
    """Check the environment.

    Raises SettingError when a variable has an invalid value, or when no setting has its name. The commands alone read
    the settings of servers, and check their values.
    """
    known = {option.variable for option in (*PLACES, *ALL, *OF_SERVERS, *OF_WORKERS)}
    for name in sorted(os.environ):
        if name.startswith(_PREFIX) and name not in known and not name.startswith(_OF_TESTS):
            raise SettingError(f"{name} is not a variable of moto_ecr_ext{nearest(name, known)}")
    for setting in ALL:
        if os.environ.get(setting.variable):
            setting.parse(os.environ[setting.variable], setting.variable)


def check_mock_config() -> None:
    """Check `mock_aws(config={"ecr": ...})`. Raises SettingError for an unknown setting or an invalid value."""
    config = mock_config()
    for setting in ALL:
        if setting.name in config:
            setting.parse(config[setting.name], f"mock_aws config ecr.{setting.name}")


@dataclass(frozen=True)
class Installed:
    """The settings that are installed."""

    behaviour: Mapping[str, str]
    location: StoreLocation
    server_address: str | None


def installed() -> Installed:
    """Return the installed settings, for `restore`."""
    return Installed(dict(given_to_install), _location, _server_address)


def restore(before: Installed) -> None:
    """Restore the settings that `installed` returned."""
    install(before.location, before.server_address, before.behaviour)


@contextmanager
def defaults(**behaviour: str) -> Iterator[None]:
    """Replace defaults in this block. Arguments of `install()` and the environment take precedence."""
    mine = {
        setting.name: behaviour[setting.name]
        for setting in ALL
        if setting.name in behaviour
        and setting.name not in given_to_install
        and not os.environ.get(setting.variable)
    }
    given_to_install.update(mine)
    try:
        yield
    finally:
        for name in mine:
            given_to_install.pop(name, None)


def listen_at(address: str | None) -> None:
    """Set the `host:port` of this process's server, which is known once it listens."""
    global _server_address
    _server_address = address


def store_location() -> StoreLocation:
    return _location


def server_address() -> str | None:
    """Return the `host:port` of this process's server; None if it has no server."""
    return _server_address
