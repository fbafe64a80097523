"""Parsers of the settings' texts. Each raises ValueError with the reason."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from functools import lru_cache


def parse_upstreams(text: str) -> dict[str, str]:
    """Return the addresses in `name=url,name=url` by the upstream registries' names in ECR.

    Raises ValueError for an unknown name or a malformed entry.
    """
    # Importing botocore is slow.
    from moto_ecr_ext.service_model import values_of

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
                f"{name} is not an upstream registry of ECR; the names are {', '.join(names)}"
            )
        addresses[name] = address.rstrip("/")
    return addresses


def parse_scanner(text: str) -> list[str]:
    """Return the words of a scanner's command line; an empty list for no scanner.

    Raises ValueError for a program other than trivy and grype.
    """
    from moto_ecr_ext.platforms.processes import words_of_command  # It is slow to import.

    words = words_of_command(text)
    if words and not re.match("trivy|grype", os.path.basename(words[0])):
        raise ValueError("it must begin with trivy or grype, or with a path to one of them")
    return words


DEFAULT_QUOTAS = {
    "basic_scans_per_day": 100_000,
    "images_per_repository": 100_000,
    "layer_parts": 4_200,
    "layers_per_image": 500,
    "pull_through_cache_rules": 50,
    "pull_time_update_exclusions": 100,
    "replication_backfills_in_progress": 10,
    "repositories": 100_000,
    "tags_per_image": 1_000,
}
"""The default quotas by name. ECR answers LimitExceededException beyond them, and a push of too many layers fails.

The number of layers was measured in August 2026; the page of quotas says 4,200.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html has all but those of exclusions and
backfills, which are on the pages of RegisterPullTimeUpdateExclusion and StartReplicationBackfill.
"""


@lru_cache
def parse_quotas(text: str) -> Mapping[str, int]:
    """Return every quota by name: the defaults, overridden by `name=number,name=number`.

    Raises ValueError for an unknown name or a malformed entry.
    """
    quotas = dict(DEFAULT_QUOTAS)
    for entry in filter(None, map(str.strip, text.split(","))):
        name, _, number = (each.strip() for each in entry.partition("="))
        if not re.fullmatch(r"[0-9]{1,9}", number):
            raise ValueError(
                f"{entry!r} is not of the form NAME=NUMBER, such as images_per_repository=2"
            )
        if name not in quotas:
            raise ValueError(f"{name} is not a quota; the quotas are {', '.join(DEFAULT_QUOTAS)}")
        quotas[name] = int(number)
    return quotas


def parse_seconds(text: str) -> float:
    """Return a number of seconds above zero. Raises ValueError for any other text."""
    if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,3})?", text) or not float(text):
        raise ValueError("it must be a number of seconds above 0")
    return float(text)


def parse_count(text: str) -> int:
    """Return a whole number above zero. Raises ValueError for any other text."""
    if not re.fullmatch(r"[0-9]{1,6}", text) or not int(text):
        raise ValueError("it must be a number above 0")
    return int(text)


def parse_origins(text: str) -> list[str]:
    """Return the origins of web pages in a comma-separated list, as browsers write them.

    Raises ValueError for a malformed origin.
    """
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
    """Return the host names in a comma-separated list. Raises ValueError for a malformed name."""
    names = [each.strip().lower().removesuffix(".") for each in text.split(",") if each.strip()]
    for name in names:
        if not re.fullmatch(r"\*|(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*", name):
            raise ValueError(
                f"{name!r} is not a host name without a port, such as registry.test, *.test, or *"
            )
    return names
