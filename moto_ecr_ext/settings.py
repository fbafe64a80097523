"""Every setting: its name, where it is read from, what it may be.

How calls behave is asked at each call: `mock_aws(config={"ecr": {...}})` first, then what
`install()` was given, then the environment. Where state is kept is fixed by `install()`, so that
nothing in the environment of a test process can point its resets at somebody's data.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
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
        config = _mock_config()
        if self.name in config:
            return self.parse(config[self.name], f"mock_aws config ecr.{self.name}")
        if self.name in _installed:
            return _installed[self.name]
        if os.environ.get(self.variable):
            return self.parse(os.environ[self.variable], self.variable)
        return None


def parse_compatibility(text: str) -> object:
    """Return the leniencies that `text` names. Raises ValueError."""
    # It reads the settings.
    from . import compatibility

    return compatibility.parse_compatibility(text)


def parse_upstreams(text: str) -> dict[str, str]:
    """Return the addresses of upstream registries by their names in ECR, of `name=url,name=url`.

    Raises ValueError.
    """
    # Importing botocore takes a while, too.
    from .service_model import values_of

    names = values_of("UpstreamRegistry")
    addresses = {}
    for entry in filter(None, map(str.strip, text.split(","))):
        name, _, address = (each.strip() for each in entry.partition("="))
        if not name or not re.fullmatch(r"https?://[^/?#\s]+/?", address):
            raise ValueError(
                f"{entry!r} is not of the form NAME=URL, such as docker-hub=http://127.0.0.1:5001"
            )
        if name not in names:
            raise ValueError(
                f"{name} is not the name of an upstream registry in ECR; "
                f"those are {', '.join(names)}"
            )
        addresses[name] = address.rstrip("/")
    return addresses


def parse_scanner(text: str) -> list[str]:
    """Return the words of the command line of a scanner; none if there is no scanner.

    Raises ValueError where the program is neither of those whose reports are understood.
    """
    words = shlex.split(text)
    if words and not re.match("trivy|grype", os.path.basename(words[0])):
        raise ValueError("it must begin with trivy or grype, or with a path to one of them")
    return words


DEFAULT_QUOTAS = {
    "images_per_repository": 100_000,
    "layer_parts": 4_200,
    "pull_through_cache_rules": 50,
    "pull_time_update_exclusions": 100,
    "replication_backfills_in_progress": 10,
    "repositories": 100_000,
    "tags_per_image": 1_000,
}
"""What ECR answers LimitExceededException beyond, by the names of `quotas`.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html has all but those of exclusions and
backfills, which are on the pages of RegisterPullTimeUpdateExclusion and StartReplicationBackfill.
"""


@lru_cache
def parse_quotas(text: str) -> Mapping[str, int]:
    """Return every quota by its name, of `name=number,name=number` and the defaults. Raises ValueError."""
    quotas = dict(DEFAULT_QUOTAS)
    for entry in filter(None, map(str.strip, text.split(","))):
        name, _, number = (each.strip() for each in entry.partition("="))
        if not re.fullmatch(r"[0-9]{1,9}", number):
            raise ValueError(
                f"{entry!r} is not of the form NAME=NUMBER, such as images_per_repository=2"
            )
        if name not in quotas:
            raise ValueError(f"{name} is not a quota; those are {', '.join(DEFAULT_QUOTAS)}")
        quotas[name] = int(number)
    return quotas


def quota(name: str) -> int:
    """Return a quota as it is now. Raises SettingError if the source of `quotas` has a value that it cannot have."""
    return parse_quotas(QUOTAS.get())[name]


def parse_seconds(text: str) -> float:
    """Return a number of seconds above zero. Raises ValueError."""
    if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,3})?", text) or not float(text):
        raise ValueError("it must be a number of seconds above 0")
    return float(text)


def parse_count(text: str) -> int:
    """Return a number above zero. Raises ValueError."""
    if not re.fullmatch(r"[0-9]{1,6}", text) or not int(text):
        raise ValueError("it must be a number above 0")
    return int(text)


def parse_origins(text: str) -> list[str]:
    """Return the origins of web pages in a list with commas, as browsers write them. Raises ValueError."""
    origins = [each.strip().lower() for each in text.split(",") if each.strip()]
    for origin in origins:
        if origin not in ("*", "null") and not re.fullmatch(
            r"[a-z][a-z0-9+.-]*://[^\s/?#@]+", origin
        ):
            raise ValueError(
                f"{origin!r} is not an origin of web pages, such as http://localhost:3000, or *"
            )
    return origins


def parse_host_names(text: str) -> list[str]:
    """Return the host names in a list with commas. Raises ValueError."""
    names = [each.strip().lower().removesuffix(".") for each in text.split(",") if each.strip()]
    for name in names:
        if not re.fullmatch(r"\*|(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*", name):
            raise ValueError(
                f"{name!r} is not a host name without a port, such as registry.test, *.test, or *"
            )
    return names


def _mock_config() -> Mapping[str, Any]:
    """Return what `mock_aws(config={"ecr": ...})` was given."""
    # Importing moto takes a third of a second, which a run that does not use it should not pay.
    from moto.core.config import default_user_config

    config: Mapping[str, Any] = default_user_config.get("ecr") or {}  # type: ignore[assignment]
    for name in config:
        if name not in _NAMES:
            raise SettingError(f"mock_aws config ecr.{name}: there is no such setting")
    return config


# The compatibility that has AWS's way for every other default too.
STRICT = "strict"

COMPATIBILITY = Setting(
    "compatibility",
    "aws",
    "whether what stock moto accepts and AWS refuses is accepted; ``strict`` is AWS to the letter",
    "``aws``, ``moto``, ``strict``; ``moto: NAME, NAME`` for single leniencies, ``moto: -NAME`` for all but these",
    check=parse_compatibility,
)
VERIFY_LAYERS = Setting(
    "verify_layers",
    "false",
    "PutImage refuses a manifest whose layers or images the repository does not hold, as AWS does",
    choices=("true", "false"),
    strict="true",
)
VERIFY_IMAGES = Setting(
    "verify_images",
    "false",
    "Lambda functions, Batch jobs and ECS tasks of images that this ECR does not have are refused, as AWS does",
    choices=("true", "false"),
    strict="true",
)
ERROR_CODES = Setting(
    "error_codes",
    "project",
    "whether Error.Code names this project's codes or AWS's where the two differ",
    choices=("project", "aws"),
    strict="aws",
)
REPOSITORY_URI = Setting(
    "repository_uri",
    "aws",
    "whether repositoryUri and proxyEndpoint name AWS's host or the address of the request",
    choices=("aws", "endpoint"),
)
QUIRKS = Setting(
    "quirks",
    "none",
    "whether the registry departs from the OCI specification where ECR does",
    choices=("none", "aws"),
    strict="aws",
)
REDIRECT = Setting(
    "redirect",
    "false",
    "whether the registry answers a pull of a blob that is in S3 with a redirect to it, as ECR does",
    choices=("true", "false"),
)
UPSTREAMS = Setting(
    "upstreams",
    "",
    "where the upstream registries of pull-through cache rules are; others cannot be reached",
    "``NAME=URL``, several with commas",
    check=parse_upstreams,
)
SCANNER = Setting(
    "scanner",
    "",
    "the program that scans images, given an OCI image layout",
    "a command line that begins with ``trivy`` or ``grype``",
    check=parse_scanner,
)
QUOTAS = Setting(
    "quotas",
    "",
    "service quotas other than AWS's, so that a test can exceed them",
    "``NAME=NUMBER``, several with commas",
    check=parse_quotas,
)
ALL = (
    COMPATIBILITY,
    VERIFY_LAYERS,
    VERIFY_IMAGES,
    ERROR_CODES,
    REPOSITORY_URI,
    QUIRKS,
    REDIRECT,
    UPSTREAMS,
    SCANNER,
    QUOTAS,
)
_NAMES = frozenset(setting.name for setting in ALL)

# How a server treats its connections: flags and variables of the commands alone.
IDLE_TIMEOUT = Setting(
    "idle_timeout",
    "60",
    "close a connection after so many seconds without a byte, in either direction",
    "seconds",
    check=parse_seconds,
)
MAX_CONNECTIONS = Setting(
    "max_connections",
    "512",
    "answer further connections with 503",
    "a number",
    check=parse_count,
)
ALLOWED_ORIGINS = Setting(
    "allowed_origins",
    "",
    "web pages that may use ECR, the registry and moto's own API, beside those of the server",
    "``http://localhost:3000``, several with commas, ``*``",
    check=parse_origins,
)
ALLOWED_HOSTS = Setting(
    "allowed_hosts",
    "",
    "further names by which clients may reach a server on a loopback address",
    "``registry.test``, ``*.test``, several with commas, ``*``",
    check=parse_host_names,
)
OF_SERVERS = (IDLE_TIMEOUT, MAX_CONNECTIONS, ALLOWED_ORIGINS, ALLOWED_HOSTS)

# Where state is kept: see StoreLocation.
PLACES = (
    Option(
        "data_dir",
        "in memory",
        "keep everything in this directory, so that it is there after a restart",
        "a directory",
    ),
    Option(
        "database",
        "in the data directory",
        "keep all but the bytes of blobs in this database, which several servers may share",
        "``postgresql+psycopg://USER@HOST/NAME``",
    ),
    Option(
        "blobs",
        "in the data directory",
        "keep the bytes of blobs here",
        "a directory, ``s3://BUCKET/PREFIX``, ``memory:``",
    ),
)


@dataclass(frozen=True)
class StoreLocation:
    """Where state is kept: in memory, or in the directory `data_dir`.

    Rows may be in the database at the URL `database` instead, bytes at the URL `blobs`.
    """

    data_dir: Path | None = None
    database: str | None = None
    blobs: str | None = None

    @classmethod
    def of(
        cls, data_dir: str | Path | None, database: str | None, blobs: str | None
    ) -> StoreLocation:
        """Return the location that these values, which come from outside, say; empty ones say nothing."""
        return cls(Path(data_dir).resolve() if data_dir else None, database or None, blobs or None)


_installed: dict[str, str] = {}
_location = StoreLocation()
_server_address: str | None = None


def install(
    location: StoreLocation, server_address: str | None, behaviour: Mapping[str, object]
) -> None:
    """Take over what `install()` was given.

    Raises SettingError and changes nothing when a value cannot be.
    """
    global _location, _server_address
    by_name = {setting.name: setting for setting in ALL}
    unknown = sorted(set(behaviour) - set(by_name))
    if unknown:
        raise SettingError(f"no such setting: {', '.join(unknown)}")
    parsed = {
        name: by_name[name].parse(value, f"install({name}=...)")
        for name, value in behaviour.items()
    }
    _installed.clear()
    _installed.update(parsed)
    _location = location
    _server_address = server_address


@dataclass(frozen=True)
class Installed:
    """What `install` took over."""

    behaviour: Mapping[str, str]
    location: StoreLocation
    server_address: str | None


def installed() -> Installed:
    """Return what is installed now, for `restore`."""
    return Installed(dict(_installed), _location, _server_address)


def restore(before: Installed) -> None:
    """Have everything as it was when `installed` was asked."""
    install(before.location, before.server_address, before.behaviour)


@contextmanager
def defaults(**behaviour: str) -> Iterator[None]:
    """Use other defaults in this block; what `install()` or the environment says comes before them."""
    mine = {
        setting.name: behaviour[setting.name]
        for setting in ALL
        if setting.name in behaviour
        and setting.name not in _installed
        and not os.environ.get(setting.variable)
    }
    _installed.update(mine)
    try:
        yield
    finally:
        for name in mine:
            _installed.pop(name, None)


def listen_at(address: str | None) -> None:
    """Take over the `host:port` of a server of this process, which is known once it listens."""
    global _server_address
    _server_address = address


def store_location() -> StoreLocation:
    return _location


def server_address() -> str | None:
    """Return the `host:port` of this process's server; None if it has no server."""
    return _server_address
