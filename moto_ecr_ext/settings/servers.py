"""The settings of servers, their connections and their log. Only the commands have them, as flags and variables."""

from __future__ import annotations

from .parsing import parse_count, parse_host_names, parse_origins, parse_seconds
from .setting import Setting

IDLE_TIMEOUT = Setting(
    "idle_timeout",
    "60",
    "close a connection after this many seconds without a byte in either direction",
    "seconds",
    check=parse_seconds,
)
MAX_CONNECTIONS = Setting(
    "max_connections",
    "512",
    "serve at most this many connections at once, and answer further ones with 503",
    "a number",
    check=parse_count,
)
ALLOWED_ORIGINS = Setting(
    "allowed_origins",
    "",
    "allow web pages of these origins to use ECR, the registry and moto's own API",
    "``http://localhost:3000``, separated by commas, or ``*``",
    check=parse_origins,
)
ALLOWED_HOSTS = Setting(
    "allowed_hosts",
    "",
    "accept these further host names at a loopback address",
    "``registry.test``, ``*.test``, separated by commas, or ``*``",
    check=parse_host_names,
)
LOG_LEVEL = Setting(
    "log_level",
    "info",
    "log messages of at least this severity; that of a request follows from the status of its response",
    "``debug``, ``info``, ``warning``, ``error``",
    choices=("debug", "info", "warning", "error"),
)
LOG_FORMAT = Setting(
    "log_format",
    "text",
    "format of the lines of the log",
    "``text``, ``json``",
    choices=("text", "json"),
)
ACCOUNT_FROM_KEY = Setting(
    "account_from_key",
    "false",
    "use an access key ID of twelve digits as the caller's account, in every service",
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
    "serve the registry by this many processes; several need a data directory or a database (``moto_ecr_server`` only)",
    "a number",
    check=parse_count,
)
WORKER_TIMEOUT = Setting(
    "worker_timeout",
    "5",
    "answer with 503 if a worker does not answer another process for this many seconds, and replace it if it hangs",
    "seconds",
    check=parse_seconds,
)
OF_WORKERS = (WORKERS, WORKER_TIMEOUT)
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
