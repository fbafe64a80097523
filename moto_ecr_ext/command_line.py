"""What the two commands share: their flags, and how a registry is opened before they listen."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from . import settings
from .activation import install

if TYPE_CHECKING:
    from .models import ECRBackend

DATA_DIR_VARIABLE = "MOTO_ECR_DATA_DIR"
DATA_DIR_MEANING = "keep everything in this directory, so that it is there after a restart"


class Command:
    """A command of moto's with flags of this package added.

    `defaults` are values of settings that this command has where neither a flag nor the environment
    gives one.
    """

    def __init__(self, name: str, description: str, defaults: Mapping[str, str]):
        self._defaults = defaults
        self._parser = argparse.ArgumentParser(
            name,
            description=description,
            add_help=False,
            allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        self._add_flags()

    def _add_flags(self) -> None:
        self._parser.add_argument(
            "--data-dir",
            type=Path,
            help=f"{DATA_DIR_MEANING} (environment: {DATA_DIR_VARIABLE}; default: in memory)",
        )
        for setting in settings.ALL:
            default = self._defaults.get(setting.name, setting.default)
            self._parser.add_argument(
                setting.flag,
                type=str.lower,
                choices=setting.choices,
                help=f"{setting.meaning} (environment: {setting.variable}; default: {default})",
            )

    def parse(self, arguments: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
        """The flags of this package, and all that is left, which is moto's."""
        return self._parser.parse_known_args(arguments)

    def print_help(self) -> None:
        self._parser.print_help()

    def fail(self, error: object) -> NoReturn:
        """End the process with one line that says what is wrong."""
        self._parser.exit(2, f"{self._parser.prog}: {error}\n")

    def open_registry(self, flags: argparse.Namespace) -> ECRBackend:
        """Install the extension as the flags and the environment say, and open the store.

        It is opened now so that one that cannot be is reported before anything listens, and so that
        moto's reset empties it although nothing has asked for it yet. The registry is the one that
        clients get who name no other. Ends the process when a setting, or what is in the data
        directory, is wrong.
        """
        try:
            install(data_dir=self._data_dir(flags), **self._behaviour(flags))
            return _default_registry()
        except (settings.SettingError, OSError) as error:
            self.fail(error)

    def _data_dir(self, flags: argparse.Namespace) -> Path | str | None:
        return flags.data_dir or os.environ.get(DATA_DIR_VARIABLE)

    def _behaviour(self, flags: argparse.Namespace) -> dict[str, str]:
        chosen = dict(self._defaults)
        for setting in settings.ALL:
            given = getattr(flags, setting.name)
            if given is not None:
                chosen[setting.name] = given
            elif os.environ.get(setting.variable):
                chosen[setting.name] = setting.parse(os.environ[setting.variable], setting.variable)
        return chosen


def _default_registry() -> ECRBackend:
    from moto.core.models import DEFAULT_ACCOUNT_ID

    from .models.backends import registry_backend
    from .storage.database import StoreError

    account_id = os.environ.get("MOTO_ACCOUNT_ID", DEFAULT_ACCOUNT_ID)
    region = os.environ.get("AWS_DEFAULT_REGION", "us-east-1")
    try:
        return registry_backend(account_id, region)
    except StoreError as error:
        raise settings.SettingError(str(error)) from error
    except KeyError:
        raise settings.SettingError(f"AWS_DEFAULT_REGION is {region!r}, which has no ECR") from None
