"""Code that the two commands share: flags, and opening a registry before they listen."""

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
from moto_ecr_ext.arns import is_account_id
from moto_ecr_ext.compatibility.placeholders import warn_of_placeholders
from moto_ecr_ext.models.lookup import default_registry, registry_backend
from moto_ecr_ext.seams.installation import install
from moto_ecr_ext.server.log import logging_as
from moto_ecr_ext.storage.database.versions import StoreError

from .help import (
    describe,
    describe_port,
    own_parser,
    parse_known,
    parser_of,
    port_number,
    whole_parser,
)

if TYPE_CHECKING:
    from moto_ecr_ext.models import ECRBackend


_SSL = (
    "serve TLS with a certificate for localhost, 127.0.0.1 and ECR's host names, from a certificate authority "
    "that is made once: in the data directory, or in .moto_ecr_ext of the home directory"
)


@dataclass(frozen=True)
class Limits:
    """The server's limits and rules for connections."""

    idle_timeout: float
    connections: int
    origins: list[str]
    hosts: list[str]
    account_from_key: bool
    anonymous_network: bool


class Command:
    """A command of moto with the flags of this package.

    `defaults` are values of settings for this command, without a flag or a variable. `further` are settings of this
    command alone.
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
                place.flag, type=not_empty, help=_help_of(place, place.default)
            )
        for setting in (*settings.ALL, *settings.OF_SERVERS, *self._settings):
            default = self._defaults.get(setting.name, setting.default) or "none"
            # A switch is on by its flag alone.
            alone: dict[str, Any] = {"nargs": "?", "const": "true"} if setting.is_switch else {}
            self.parser.add_argument(
                setting.flag,
                type=str.lower if setting.choices else str,
                **alone,
                choices=setting.choices or None,
                help=_help_of(setting, default),
            )
        self.parser.add_argument(
            "--quiet",
            action="store_true",
            help="print nothing at the start, and log only warnings and errors, unless --log-level is given",
        )

    def parse(self, arguments: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
        """Parse the flags of this package. Return them, and the remaining arguments, which are moto's.

        Ends the process if a flag of this package is invalid.
        """
        return self.parser.parse_known_args(arguments)

    def moto_module(
        self, name: str, arguments: Sequence[str], port_variable: str
    ) -> tuple[Any, argparse.Namespace]:
        """Return the module of moto's own command, and all flags: moto's, and those of this package.

        `port_variable` is the environment variable of its port, which moto's help does not name.
        Ends the process if the module cannot be imported, if a flag or the variable is invalid, and for `--help`.
        """
        self._check_port(port_variable)
        try:
            with warnings.catch_warnings():
                # moto warns about missing packages, which the error below names.
                warnings.simplefilter("ignore")
                module = import_module(f"moto.{name}")
        except ImportError as error:
            self.fail(f"{error}. Install moto_ecr_ext with its extra '{name}'.")
        of_moto = parser_of(module.main)
        describe_port(of_moto, port_variable)
        describe(of_moto, "--ssl", _SSL)
        return module, parse_known(whole_parser(self._description, self.parser, of_moto), arguments)

    def _check_port(self, variable: str) -> None:
        """End the process if moto's variable is not a port: moto would raise an error while it makes its parser."""
        given = os.environ.get(variable)
        if given is None:
            return
        try:
            port_number(given)
        except argparse.ArgumentTypeError as error:
            self.fail(f"{variable} is {given!r}; {error}")

    def fail(self, error: object) -> NoReturn:
        """End the process with one line that states the error."""
        self.parser.error(str(error))

    def check_environment(self) -> None:
        """End the process if a variable of this package is unknown, or that of a setting of calls invalid."""
        try:
            settings.check_environment()
        except settings.SettingError as error:
            self.fail(error)

    @contextmanager
    def logging(self, flags: argparse.Namespace) -> Iterator[None]:
        """Write the log in this block, as set by the flags and the environment.

        Ends the process if a value is invalid.
        """
        with logging_as(*self.read_log(flags)):
            yield

    def read_log(self, flags: argparse.Namespace) -> tuple[str, str]:
        """Return the level and the format of the log. Ends the process if a value is invalid."""
        try:
            level = self._chosen(flags, settings.LOG_LEVEL)
            log_format = self._chosen(flags, settings.LOG_FORMAT)
        except settings.SettingError as error:
            self.fail(error)
        is_lower = flags.quiet and flags.log_level is None and level in ("debug", "info")
        return "warning" if is_lower else level, log_format

    def open_registry(self, flags: argparse.Namespace) -> ECRBackend:
        """Install the extension with the settings of the flags and the environment, and open the store.

        It is opened now, so that a failure is reported before anything listens, and so that moto's reset empties the
        store even before its first request. The returned registry is the default one. Ends the process if a setting or
        the data directory is invalid.
        """
        try:
            given: dict[str, Any] = {**places(flags), **self._behaviour(flags)}
            install(**given)
            registry = _default_registry()
        except (settings.SettingError, OSError, ImportError) as error:
            self.fail(error)

        if not registry.rules.images.may_be_placeholders:
            warn_of_placeholders(registry.store)
        return registry

    def read_limits(self, flags: argparse.Namespace) -> Limits:
        """Return the limits of connections from the flags and the environment.

        Ends the process if a value is invalid.
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

    def read_workers(self, flags: argparse.Namespace) -> tuple[int, float]:
        """Return the number of processes that serve the registry, and the seconds within which they have to answer.

        Ends the process if a value is invalid.
        """
        try:
            return (
                settings.parse_count(self._chosen(flags, settings.WORKERS)),
                settings.parse_seconds(self._chosen(flags, settings.WORKER_TIMEOUT)),
            )
        except settings.SettingError as error:
            self.fail(error)

    def behaviour(self, flags: argparse.Namespace) -> dict[str, str]:
        """Return the settings of calls, by name, that differ from the defaults of a test process.

        Ends the process if a value is invalid.
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
        """Return the value of a setting's flag, or else of its variable, or None."""
        value = getattr(flags, setting.name)
        if value is not None:
            return setting.parse(value, setting.flag)
        value = os.environ.get(setting.variable)
        return setting.parse(value, setting.variable) if value else None


def _help_of(option: settings.Option, default: str) -> str:
    # argparse itself shows choices.
    is_described = option.values and not getattr(option, "choices", ())
    values = f"; values: {option.possible_values}" if is_described else ""
    meaning = option.meaning.replace("``", "")
    return f"{meaning}{values} (environment: {option.variable}; default: {default})"


def not_empty(text: str) -> str:
    """Return the value of a flag. Raises ArgumentTypeError for an empty one: a shell makes it of an unset variable."""
    if not text:
        raise argparse.ArgumentTypeError("the value is empty")
    return text


def places(flags: argparse.Namespace) -> dict[str, str | None]:
    """Return the location of state, as arguments of `install()`, from the flags or else the environment."""
    return {
        place.name: getattr(flags, place.name) or os.environ.get(place.variable)
        for place in settings.PLACES
    }


def _default_registry() -> ECRBackend:

    registry = default_registry()
    if not is_account_id(registry.account_id):
        raise settings.SettingError(
            f"MOTO_ACCOUNT_ID is {registry.account_id!r}; an account ID is twelve digits"
        )
    try:
        return registry_backend(registry.account_id, registry.region)
    except StoreError as error:
        raise settings.SettingError(str(error)) from error
    except KeyError:
        raise settings.SettingError(
            f"AWS_DEFAULT_REGION is {registry.region!r}, which has no ECR"
        ) from None
