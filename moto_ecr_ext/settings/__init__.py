"""The settings: their names, sources and values.

Settings of calls are read at each call, from the first of these sources that has one: `mock_aws(config={"ecr":
{...}})`, the arguments of `install()`, the environment. The location of state is fixed by `install()`, so that no
variable in the environment of a test process can point its resets at somebody's data.
"""

from __future__ import annotations

from .calls import (
    ALL,
    CREATE_ON_PUSH,
    ERROR_CODES,
    JOURNAL,
    LOGIN,
    QUIRKS,
    QUOTAS,
    REDIRECT,
    REPOSITORY_URI,
    SCANNER,
    UPSTREAMS,
    VERIFY_IMAGES,
    VERIFY_LAYERS,
    quota,
)
from .installing import (
    Installed,
    check_environment,
    check_mock_config,
    defaults,
    install,
    installed,
    listen_at,
    restore,
    server_address,
    store_location,
)
from .leniencies import parse_compatibility
from .parsing import (
    DEFAULT_QUOTAS,
    parse_count,
    parse_host_names,
    parse_origins,
    parse_quotas,
    parse_scanner,
    parse_seconds,
    parse_upstreams,
)
from .places import PLACES, StoreLocation, bucket_and_prefix
from .servers import (
    ACCOUNT_FROM_KEY,
    ALLOWED_HOSTS,
    ALLOWED_ORIGINS,
    ANONYMOUS_NETWORK,
    IDLE_TIMEOUT,
    LOG_FORMAT,
    LOG_LEVEL,
    MAX_CONNECTIONS,
    OF_SERVERS,
    OF_WORKERS,
    WORKER_TIMEOUT,
    WORKERS,
)
from .setting import COMPATIBILITY, STRICT, Option, Setting, SettingError
from .typed import MockConfig, Settings

__all__ = [
    "ACCOUNT_FROM_KEY",
    "ALL",
    "ALLOWED_HOSTS",
    "ALLOWED_ORIGINS",
    "ANONYMOUS_NETWORK",
    "COMPATIBILITY",
    "CREATE_ON_PUSH",
    "DEFAULT_QUOTAS",
    "ERROR_CODES",
    "IDLE_TIMEOUT",
    "JOURNAL",
    "LOGIN",
    "LOG_FORMAT",
    "LOG_LEVEL",
    "MAX_CONNECTIONS",
    "OF_SERVERS",
    "OF_WORKERS",
    "PLACES",
    "QUIRKS",
    "QUOTAS",
    "REDIRECT",
    "REPOSITORY_URI",
    "SCANNER",
    "STRICT",
    "UPSTREAMS",
    "VERIFY_IMAGES",
    "VERIFY_LAYERS",
    "WORKERS",
    "WORKER_TIMEOUT",
    "Installed",
    "MockConfig",
    "Option",
    "Setting",
    "SettingError",
    "Settings",
    "StoreLocation",
    "bucket_and_prefix",
    "check_environment",
    "check_mock_config",
    "defaults",
    "install",
    "installed",
    "listen_at",
    "parse_compatibility",
    "parse_count",
    "parse_host_names",
    "parse_origins",
    "parse_quotas",
    "parse_scanner",
    "parse_seconds",
    "parse_upstreams",
    "quota",
    "restore",
    "server_address",
    "store_location",
]
