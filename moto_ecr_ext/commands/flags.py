"""What the two commands share: their flags, and how a registry is opened before they listen."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from moto_ecr_ext import settings
from moto_ecr_ext.activation import install

from .check import check, repair

if TYPE_CHECKING:
    from moto_ecr_ext.models import ECRBackend


@dataclass(frozen=True)
class Place:
    """Where something is kept: a flag of the commands, and an argument of `install()`."""

    name: str
    values: str
    default: str
    meaning: str

    @property
    def variable(self) -> str:
        return f"MOTO_ECR_{self.name.upper()}"

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")

    def get(self, flags: argparse.Namespace) -> str | None:
        """What the flag says, else the environment."""
        given: str | None = getattr(flags, self.name)
        return given or os.environ.get(self.variable)


PLACES = (
    Place(
        "data_dir",
        "a directory",
        "in memory",
        "keep everything in this directory, so that it is there after a restart",
    ),
    Place(
        "database",
        "``postgresql+psycopg://USER@HOST/NAME``",
        "in the data directory",
        "keep all but the bytes of blobs in this database, which several servers may share",
    ),
    Place(
        "blobs",
        "a directory, ``s3://BUCKET/PREFIX``, ``memory:``",
        "in the data directory",
        "keep the bytes of blobs here",
    ),
)


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
        for place in PLACES:
            self._parser.add_argument(
                place.flag,
                help=f"{place.meaning} (environment: {place.variable}; default: {place.default})",
            )
        for setting in settings.ALL:
            default = self._defaults.get(setting.name, setting.default) or "none"
            self._parser.add_argument(
                setting.flag,
                type=str.lower if setting.choices else str,
                choices=setting.choices or None,
                help=f"{setting.meaning} (environment: {setting.variable}; default: {default})",
            )

    def add_flags_to_check(self) -> None:
        """Take the flags that say to look at what is kept instead of serving it."""
        self._parser.add_argument(
            "--check",
            action="store_true",
            help="compare what is kept with its digests, say what is wrong, and end: with 0 when nothing is, with 1 "
            "when something is, with 2 when it cannot be opened",
        )
        self._parser.add_argument(
            "--repair",
            action="store_true",
            help="as --check, and remove what is wrong, which the next push of an image brings again; ends with 0 when "
            "nothing is left",
        )

    def check(self, flags: argparse.Namespace) -> int:
        """Print what is wrong with what is kept, remove it if the flags say so, and give the exit code."""
        from moto_ecr_ext.storage.database.versions import StoreError
        from moto_ecr_ext.storage.store import is_failure_of_storage

        look = repair if flags.repair else check
        try:
            found = look(**{place.name: place.get(flags) for place in PLACES})
        except Exception as error:
            if isinstance(error, StoreError) or is_failure_of_storage(error):
                self.fail(error)
            raise
        for finding in found:
            is_repaired = flags.repair and finding.repair is not None
            print(f"{finding}\n  repaired" if is_repaired else finding)
        left = [finding for finding in found if not (flags.repair and finding.repair)]
        if not found:
            print("Nothing is wrong.")
        return 1 if left else 0

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
            places = {place.name: place.get(flags) for place in PLACES}
            install(**places, **self._behaviour(flags))
            return _default_registry()
        except (settings.SettingError, OSError) as error:
            self.fail(error)

    def _behaviour(self, flags: argparse.Namespace) -> dict[str, str]:
        chosen = dict(self._defaults)
        for setting in settings.ALL:
            given = getattr(flags, setting.name)
            if given is not None:
                chosen[setting.name] = setting.parse(given, setting.flag)
            elif os.environ.get(setting.variable):
                chosen[setting.name] = setting.parse(os.environ[setting.variable], setting.variable)
        return chosen


def _default_registry() -> ECRBackend:
    from moto.core.models import DEFAULT_ACCOUNT_ID

    from moto_ecr_ext.models.lookup import registry_backend
    from moto_ecr_ext.storage.database.versions import StoreError

    account_id = os.environ.get("MOTO_ACCOUNT_ID", DEFAULT_ACCOUNT_ID)
    region = os.environ.get("AWS_DEFAULT_REGION", "us-east-1")
    try:
        return registry_backend(account_id, region)
    except StoreError as error:
        raise settings.SettingError(str(error)) from error
    except KeyError:
        raise settings.SettingError(f"AWS_DEFAULT_REGION is {region!r}, which has no ECR") from None
