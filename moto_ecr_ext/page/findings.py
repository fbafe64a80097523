"""Findings of basic and enhanced scans, in one form for the page. Those that a test queues may have any shape."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .formats import web_address

SEVERITIES = ("CRITICAL", "HIGH", "MEDIUM", "LOW", "INFORMATIONAL", "UNTRIAGED", "UNDEFINED")
"""ECR's severities, worst first."""


@dataclass(frozen=True)
class Finding:
    """A finding. `link` is a web address or None; `fixed_in` is empty if no version with a fix is known."""

    name: str
    severity: str
    package: str
    version: str
    fixed_in: str
    description: str
    link: str | None


def in_order(findings: Sequence[Mapping[str, Any]]) -> list[Finding]:
    """Return findings, worst first."""
    return sorted(map(_finding, findings), key=lambda each: (_rank(each.severity), each.name))


def counts(findings: Sequence[Mapping[str, Any]]) -> list[tuple[str, int]]:
    """Return the number of findings of each severity, worst first."""
    numbers = Counter(_text(each.get("severity")) or "UNDEFINED" for each in findings)
    return sorted(numbers.items(), key=lambda item: _rank(item[0]))


def _rank(severity: str) -> int:
    return SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)


def _finding(found: Mapping[str, Any]) -> Finding:
    details = _object(found.get("packageVulnerabilityDetails"))
    packages = details.get("vulnerablePackages")
    package = _object(packages[0]) if isinstance(packages, list) and packages else {}
    attributes = _attributes(found)
    fixed_in = _text(package.get("fixedInVersion"))
    return Finding(
        name=_text(details.get("vulnerabilityId")) or _text(found.get("name")) or "unnamed",
        severity=_text(found.get("severity")) or "UNDEFINED",
        package=_text(package.get("name")) or attributes.get("package_name", ""),
        version=_text(package.get("version")) or attributes.get("package_version", ""),
        fixed_in="" if fixed_in == "NotAvailable" else fixed_in,
        description=_text(found.get("description")),
        link=web_address(details.get("sourceUrl")) or web_address(found.get("uri")),
    )


def _attributes(found: Mapping[str, Any]) -> dict[str, str]:
    listed = found.get("attributes")
    entries = map(_object, listed) if isinstance(listed, list) else ()
    return {_text(each.get("key")): _text(each.get("value")) for each in entries}


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str:
    return "" if value is None else str(value)
