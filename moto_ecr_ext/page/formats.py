"""Formats of sizes, times, digests and numbers on the page."""

from __future__ import annotations

from datetime import datetime, timezone
from urllib.parse import urlsplit

from moto_ecr_ext.clock import now

_UNITS = ("KB", "MB", "GB", "TB", "PB")
# Units of time, with their seconds.
_SPANS = (
    (365 * 86400, "year"),
    (30 * 86400, "month"),
    (86400, "day"),
    (3600, "hour"),
    (60, "minute"),
)
# A dash.
_NONE = "\u2013"
# The earliest and the latest time of `datetime`.
_TIMES = (-62135596800, 253402300799)


def size(number: float | None) -> str:
    """Return a number of bytes in a readable unit, in powers of 1000: `12.3 MB`."""
    if number is None:
        return _NONE
    if number < 1000:
        return f"{number:.0f} B"
    for unit in _UNITS:
        number /= 1000
        if number < 999.5 or unit == _UNITS[-1]:
            break
    return f"{number:.{0 if number >= 100 else 1}f} {unit}"


def count(number: int) -> str:
    """Return a number with thin spaces between thousands."""
    return f"{number:,}".replace(",", "\u2009")


def plural(number: int, noun: str, several: str | None = None) -> str:
    """Return a number and its noun: `1 image`, `2 images`."""
    return f"{count(number)} {noun if number == 1 else several or noun + 's'}"


def exact_time(at: float | None) -> str:
    """Return a time in UTC, in seconds: `2026-01-31 12:00:00 UTC`."""
    if at is None or not _TIMES[0] <= at <= _TIMES[1]:
        return _NONE
    return datetime.fromtimestamp(at, timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")


def time_ago(at: float | None) -> str:
    """Return the time since then: `3 minutes ago`."""
    if at is None:
        return "never"
    seconds = now() - at
    if seconds < -60:
        return exact_time(at)
    for length, name in _SPANS:
        number = int(seconds // length)
        if number:
            return f"{number} {name}{'' if number == 1 else 's'} ago"
    return "just now"


def short_digest(digest: str) -> str:
    """Return the beginning of a digest, without the name of its algorithm."""
    return digest.rpartition(":")[2][:12]


def web_address(text: object) -> str | None:
    """Return a URL if it is safe as a link, with http or https, and None for others, such as `javascript:`."""
    if not isinstance(text, str):
        return None
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    return text if parts.scheme in ("http", "https") and parts.netloc else None


def short_type(media_type: str | None) -> str:
    """Return the common name of a media type, such as `OCI image` or `Docker list`; an unknown type unchanged."""
    return _TYPES.get(media_type or "", media_type or "unknown")


_TYPES = {
    "application/vnd.oci.image.manifest.v1+json": "OCI manifest",
    "application/vnd.oci.image.index.v1+json": "OCI index",
    "application/vnd.docker.distribution.manifest.v2+json": "Docker manifest",
    "application/vnd.docker.distribution.manifest.list.v2+json": "Docker list",
    "application/vnd.docker.distribution.manifest.v1+json": "Docker schema 1",
    "application/vnd.docker.distribution.manifest.v1+prettyjws": "Docker schema 1",
}
