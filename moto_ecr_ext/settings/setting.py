"""Settings: their names, their sources, and their values during a call."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import Any

from .leniencies import parse_compatibility


class SettingError(ValueError):
    """An invalid value of a setting."""


# What pytest's configuration and other tools call on and off.
_SWITCHES = {"yes": "true", "on": "true", "1": "true", "no": "false", "off": "false", "0": "false"}


@dataclass(frozen=True)
class Option:
    """A choice of the user: an argument of `install()`, a flag of the commands, an environment variable.

    `values` describes the possible values.
    """

    name: str
    default: str
    meaning: str
    values: str = ""

    @cached_property
    def variable(self) -> str:
        """The environment variable."""
        return f"MOTO_ECR_{self.name.upper()}"

    @property
    def flag(self) -> str:
        """The flag of the commands."""
        return "--" + self.name.replace("_", "-")

    @property
    def possible_values(self) -> str:
        """The possible values, for plain text."""
        return self.values.replace("``", "")


@dataclass(frozen=True)
class Setting(Option):
    """A setting that changes the behaviour of calls. Its value is one of `choices`, or any text if there are none.

    `check` raises ValueError for invalid text. `strict`, if given, is the default while the setting `compatibility` is
    `strict`.
    """

    choices: tuple[str, ...] = ()
    check: Callable[[str], object] = str
    strict: str | None = None

    @property
    def possible_values(self) -> str:
        return ", ".join(self.choices) or super().possible_values

    @property
    def is_switch(self) -> bool:
        """True if the values are `true` and `false`."""
        return self.choices == ("true", "false")

    def parse(self, value: object, source: str) -> str:
        """Return the value of the text `value`.

        Raises SettingError, with the source and the possible values, if it is invalid.
        """
        text = str(value).strip()
        if not self.choices:
            return self._checked(text, source)
        text = text.lower()
        if self.is_switch:
            text = _SWITCHES.get(text, text)
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
        """Return the value in force. Raises SettingError if its source has an invalid value."""
        given = self.given()
        if given is not None:
            return given
        return self.default if self.strict is None else self.default_with(COMPATIBILITY.get())

    def default_with(self, compatibility: str) -> str:
        """Return the default with a value of the setting `compatibility`."""
        if self.strict is not None and compatibility.lower() == STRICT:
            return self.strict
        return self.default

    def given(self) -> str | None:
        """Return the value that the user has set, or None. Raises SettingError as `get` does."""
        return self.given_in(mock_config())

    def given_in(self, config: Mapping[str, Any]) -> str | None:
        """Do as `given` with the result of `mock_config`."""
        if self.name in config:
            return self.parse(config[self.name], f"mock_aws config ecr.{self.name}")
        if self.name in given_to_install:
            return given_to_install[self.name]
        text = os.environ.get(self.variable)
        return self.parse(text, self.variable) if text else None


# The value of `compatibility` with which every other setting follows AWS by default, too.
STRICT = "strict"

COMPATIBILITY = Setting(
    "compatibility",
    "aws",
    "handling of requests that stock moto accepts and AWS refuses; ``strict`` follows AWS to the letter",
    "``aws``, ``moto``, ``strict``; ``moto: NAME, NAME`` for single leniencies, ``moto: -NAME`` for all others",
    check=parse_compatibility,
)

# The names of settings that `mock_aws(config={"ecr": ...})` accepts, and the arguments of `install()` by
# name.
_of_calls: set[str] = set()
given_to_install: dict[str, str] = {}


def of_calls(*settings: Setting) -> tuple[Setting, ...]:
    """Register settings that `mock_aws` accepts too, and return them."""
    _of_calls.update(setting.name for setting in settings)
    return settings


def nearest(name: str, names: Iterable[str]) -> str:
    """Return the suggestion that ends an error about an unknown name; an empty text if no name is similar.

    A prefix that all names have makes none of them similar.
    """
    names = list(names)
    common = len(os.path.commonprefix([name, *names]))  # noqa: RUF071
    found = get_close_matches(name[common:], [each[common:] for each in names], 1)
    return f"; did you mean {name[:common]}{found[0]}?" if found else ""


def mock_config() -> Mapping[str, Any]:
    """Return the configuration of ECR in `mock_aws(config={"ecr": ...})`. Raises SettingError for an unknown name."""
    # Importing moto takes a third of a second. A run that does not use moto should not wait for it.
    from moto.core.config import default_user_config

    config: Mapping[str, Any] = default_user_config.get("ecr") or {}  # type: ignore[assignment]
    for name in config:
        if name not in _of_calls:
            hint = nearest(name, _of_calls)
            raise SettingError(f"mock_aws config ecr.{name}: unknown setting{hint}")
    return config
