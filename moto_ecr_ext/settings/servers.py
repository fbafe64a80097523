"""The settings of servers, their connections and their log: flags and variables of the commands alone."""

from __future__ import annotations

from .parsing import parse_count, parse_host_names, parse_origins, parse_seconds
from .setting import Setting

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
LOG_LEVEL = Setting(
    "log_level",
    "info",
    "the least severe messages of the log; each request is one, by the status of its answer",
    "``debug``, ``info``, ``warning``, ``error``",
    choices=("debug", "info", "warning", "error"),
)
LOG_FORMAT = Setting(
    "log_format",
    "text",
    "how a line of the log is written",
    "``text``, ``json``",
    choices=("text", "json"),
)
ACCOUNT_FROM_KEY = Setting(
    "account_from_key",
    "false",
    "take an access key of twelve digits for the account that calls, in every service",
    "``true``, ``false``",
    choices=("true", "false"),
)
ANONYMOUS_NETWORK = Setting(
    "anonymous_network",
    "false",
    "allow ``--login optional`` and ``--create-on-push always`` at an address that other machines can reach",
    "``true``, ``false``",
    choices=("true", "false"),
)
WORKERS = Setting(
    "workers",
    "1",
    "how many processes serve the registry; several need a data directory or a database (``moto_ecr_server`` only)",
    "a number",
    check=parse_count,
)
OF_SERVERS = (
    IDLE_TIMEOUT,
    MAX_CONNECTIONS,
    ALLOWED_ORIGINS,
    ALLOWED_HOSTS,
    LOG_LEVEL,
    LOG_FORMAT,
    ACCOUNT_FROM_KEY,
    ANONYMOUS_NETWORK,
)
