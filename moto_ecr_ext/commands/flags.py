"""What the two commands share: their flags, and how a registry is opened before they listen."""

from __future__ import annotations

import argparse
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn

from moto_ecr_ext import settings
from moto_ecr_ext.activation.installation import install
from moto_ecr_ext.activation.moto_flags import parser_of

from .help import own_parser, refuse_unknown, whole_parser
from .log import logging_as

if TYPE_CHECKING:
    from moto_ecr_ext.models import ECRBackend


@dataclass(frozen=True)
class Limits:
    """What a server does with its connections."""

    idle_timeout: float
    connections: int
    origins: list[str]
    hosts: list[str]
    account_from_key: bool
    anonymous_network: bool


class Command:
    """A command of moto's with flags of this package added.

    `defaults` are values of settings that this command has if neither a flag nor the environment gives one. `further`
    are settings of this command alone.
    """

    def __init__(
        self,
        name: str,
        description: str,
        defaults: Mapping[str, str],
        further: Sequence[settings.Setting] = (),
    ):
        self._description = description
        self._defaults = defaults
        self._settings = further
        self.parser = own_parser(name)
        self._add_flags()

    def _add_flags(self) -> None:
        for place in settings.PLACES:
            self.parser.add_argument(
                place.flag,
                help=f"{place.meaning} (environment: {place.variable}; default: {place.default})",
            )
        for setting in (*settings.ALL, *settings.OF_SERVERS, *self._settings):
            default = self._defaults.get(setting.name, setting.default) or "none"
            meaning = setting.meaning.replace("``", "")
            # What can be on or off is on by its flag alone.
            alone: dict[str, Any] = {"nargs": "?", "const": "true"} if setting.is_switch else {}
            self.parser.add_argument(
                setting.flag,
                type=str.lower if setting.choices else str,
                **alone,
                choices=setting.choices or None,
                help=f"{meaning} (environment: {setting.variable}; default: {default})",
            )
        self.parser.add_argument(
            "--quiet",
            action="store_true",
            help="write nothing at the start, and of the log warnings and errors alone",
        )

    def parse(self, arguments: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
        """Return the flags of this package, and all that is left, which is moto's.

        Ends the process when a flag of this package is wrong.
        """
        return self.parser.parse_known_args(arguments)

    def moto_module(self, name: str, arguments: Sequence[str]) -> Any:
        """Return the module of moto's own command, which takes what is left of the arguments.

        Ends the process when the module cannot be imported, when a flag is one of neither, and when help is asked for.
        """
        try:
            with warnings.catch_warnings():
                # moto warns of packages that the sentence below names.
                warnings.simplefilter("ignore")
                module = import_module(f"moto.{name}")
        except ImportError as error:
            self.fail(f"{error}. To install what it takes: pip install 'moto-ecr-ext[{name}]'")
        of_moto = parser_of(module.main)
        refuse_unknown(whole_parser(self._description, self.parser, of_moto), arguments)
        return module

    def fail(self, error: object) -> NoReturn:
        """End the process with one line that says what is wrong."""
        self.parser.error(str(error))

    @contextmanager
    def logging(self, flags: argparse.Namespace) -> Iterator[None]:
        """Write the log in this block as the flags and the environment say. Ends the process when they are wrong."""
        with logging_as(*self.read_log(flags)):
            yield

    def read_log(self, flags: argparse.Namespace) -> tuple[str, str]:
        """Return the level and the format of the log. Ends the process when one is wrong."""
        try:
            level = self._chosen(flags, settings.LOG_LEVEL)
            log_format = self._chosen(flags, settings.LOG_FORMAT)
        except settings.SettingError as error:
            self.fail(error)
        return "warning" if flags.quiet and level in ("debug", "info") else level, log_format

    def open_registry(self, flags: argparse.Namespace) -> ECRBackend:
        """Install the extension as the flags and the environment say, and open the store.

        It is opened now so that one that cannot be is reported before anything listens, and so that
        moto's reset empties it although nothing has asked for it yet. The registry is the one that
        clients get who name no other. Ends the process when a setting, or what is in the data
        directory, is wrong.
        """
        try:
            given: dict[str, Any] = {**places(flags), **self._behaviour(flags)}
            install(**given)
            registry = _default_registry()
        except (settings.SettingError, OSError, ImportError) as error:
            self.fail(error)
        from moto_ecr_ext.models.images.placeholders import warn_of_placeholders

        warn_of_placeholders(registry)
        return registry

    def read_limits(self, flags: argparse.Namespace) -> Limits:
        """Return what the flags and the environment say about connections.

        Ends the process when one is wrong.
        """
        try:
            chosen = {setting.name: self._chosen(flags, setting) for setting in settings.OF_SERVERS}
        except settings.SettingError as error:
            self.fail(error)
        return Limits(
            idle_timeout=settings.parse_seconds(chosen["idle_timeout"]),
            connections=settings.parse_count(chosen["max_connections"]),
            origins=settings.parse_origins(chosen["allowed_origins"]),
            hosts=settings.parse_host_names(chosen["allowed_hosts"]),
            account_from_key=chosen["account_from_key"] == "true",
            anonymous_network=chosen["anonymous_network"] == "true",
        )

    def read_workers(self, flags: argparse.Namespace) -> int:
        """Return by how many processes the registry is to be served. Ends the process when that is wrong."""
        try:
            return settings.parse_count(self._chosen(flags, settings.WORKERS))
        except settings.SettingError as error:
            self.fail(error)

    def behaviour(self, flags: argparse.Namespace) -> dict[str, str]:
        """Return the settings of calls, by name, that are not as they are by default in a test process.

        Ends the process when one is wrong.
        """
        try:
            return self._behaviour(flags)
        except settings.SettingError as error:
            self.fail(error)

    def _behaviour(self, flags: argparse.Namespace) -> dict[str, str]:
        given = {setting.name: self._given(flags, setting) for setting in settings.ALL}
        return {
            **self._defaults,
            **{name: text for name, text in given.items() if text is not None},
        }

    def _chosen(self, flags: argparse.Namespace, setting: settings.Setting) -> str:
        return self._given(flags, setting) or setting.default

    def _given(self, flags: argparse.Namespace, setting: settings.Setting) -> str | None:
        """Return what the flag of a setting says, else its variable; None if neither does."""
        value = getattr(flags, setting.name)
        if value is not None:
            return setting.parse(value, setting.flag)
        value = os.environ.get(setting.variable)
        return setting.parse(value, setting.variable) if value else None


def places(flags: argparse.Namespace) -> dict[str, str | None]:
    """Return where state is kept, as arguments of `install()`: what the flags say, else the environment."""
    return {
        place.name: getattr(flags, place.name) or os.environ.get(place.variable)
        for place in settings.PLACES
    }


def _default_registry() -> ECRBackend:
    from moto_ecr_ext.models.lookup import default_registry, registry_backend
    from moto_ecr_ext.storage.database.versions import StoreError

    registry = default_registry()
    try:
        return registry_backend(registry.account_id, registry.region)
    except StoreError as error:
        raise settings.SettingError(str(error)) from error
    except KeyError:
        raise settings.SettingError(
            f"AWS_DEFAULT_REGION is {registry.region!r}, which has no ECR"
        ) from None
