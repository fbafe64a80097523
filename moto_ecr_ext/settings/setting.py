"""What a setting is: its name, the places that it is read from, and its value at a call."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any


class SettingError(ValueError):
    """A setting has a value that it cannot have."""


@dataclass(frozen=True)
class Option:
    """Something that users choose: an argument of `install()`, a flag of the commands, an environment variable.

    `values` says in the documentation what it can be.
    """

    name: str
    default: str
    meaning: str
    values: str = ""

    @property
    def variable(self) -> str:
        """Its environment variable."""
        return f"MOTO_ECR_{self.name.upper()}"

    @property
    def flag(self) -> str:
        """Its flag of the commands."""
        return "--" + self.name.replace("_", "-")


@dataclass(frozen=True)
class Setting(Option):
    """One setting of how calls behave. It is one of `choices`, or any text if there are none.

    `check` raises ValueError for text that it cannot be. `strict` is the default where the setting `compatibility` is
    `strict`, if it is another one there.
    """

    choices: tuple[str, ...] = ()
    check: Callable[[str], object] = str
    strict: str | None = None

    @property
    def is_switch(self) -> bool:
        """Whether it is on or off."""
        return self.choices == ("true", "false")

    def parse(self, value: object, source: str) -> str:
        """Return what `value` means. Raises SettingError, naming the source and what it may be."""
        text = str(value).strip()
        if not self.choices:
            return self._checked(text, source)
        text = text.lower()
        if text not in self.choices:
            raise SettingError(
                f"{source} is {value!r}; it must be one of {', '.join(self.choices)}"
            )
        return text

    def _checked(self, text: str, source: str) -> str:
        try:
            self.check(text)
        except ValueError as error:
            raise SettingError(f"{source} is {text!r}; {error}") from None
        return text

    def get(self) -> str:
        """Return the value that is in force. Raises SettingError when its source has a value that it cannot have."""
        given = self.given()
        if given is not None:
            return given
        if self.strict is not None and COMPATIBILITY.get().lower() == STRICT:
            return self.strict
        return self.default

    def given(self) -> str | None:
        """Return what it was set to; None if it was not. Raises as `get`."""
        config = mock_config()
        if self.name in config:
            return self.parse(config[self.name], f"mock_aws config ecr.{self.name}")
        if self.name in given_to_install:
            return given_to_install[self.name]
        if os.environ.get(self.variable):
            return self.parse(os.environ[self.variable], self.variable)
        return None


def parse_compatibility(text: str) -> object:
    """Return the leniencies that `text` names. Raises ValueError."""
    # It reads the settings.
    from moto_ecr_ext import compatibility

    return compatibility.parse_compatibility(text)


# The compatibility that has AWS's way for every other default too.
STRICT = "strict"

COMPATIBILITY = Setting(
    "compatibility",
    "aws",
    "whether what stock moto accepts and AWS refuses is accepted; ``strict`` is AWS to the letter",
    "``aws``, ``moto``, ``strict``; ``moto: NAME, NAME`` for single leniencies, ``moto: -NAME`` for all but these",
    check=parse_compatibility,
)

# By name: the settings that `mock_aws(config={"ecr": ...})` may have, and what `install()` was given.
_of_calls: set[str] = set()
given_to_install: dict[str, str] = {}


def of_calls(*settings: Setting) -> tuple[Setting, ...]:
    """Let each of the settings be given to `mock_aws` too. Return them."""
    _of_calls.update(setting.name for setting in settings)
    return settings


def nearest(name: str, names: Iterable[str]) -> str:
    """Return the end of a sentence about a name that does not exist: the one that is probably meant, if any is."""
    found = get_close_matches(name, names, 1)
    return f"; did you mean {found[0]}?" if found else ""


def mock_config() -> Mapping[str, Any]:
    """Return what `mock_aws(config={"ecr": ...})` was given."""
    # Importing moto takes a third of a second, which a run that does not use it should not pay.
    from moto.core.config import default_user_config

    config: Mapping[str, Any] = default_user_config.get("ecr") or {}  # type: ignore[assignment]
    for name in config:
        if name not in _of_calls:
            hint = nearest(name, _of_calls)
            raise SettingError(f"mock_aws config ecr.{name}: there is no such setting{hint}")
    return config
