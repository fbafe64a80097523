"""grype: its command line and its JSON report.

https://github.com/anchore/grype#supported-sources and https://oss.anchore.com/docs/guides/vulnerability/json/
"""

from __future__ import annotations

from typing import Any

from .report import Report, Score, Vulnerability, severity_of

# grype's name for a kind of package, with Amazon Inspector's name.
_SYSTEM_PACKAGES = frozenset(("apk", "alpm", "deb", "rpm", "portage"))
_PACKAGE_TYPES = {
    "python": "PYTHONPKG",
    "npm": "NODEPKG",
    "go-module": "GOBINARY",
    "java-archive": "JAR",
    "gem": "GEMSPEC",
    "rust-crate": "CARGO",
    "php-composer": "COMPOSER",
    "dotnet": "DOTNET_CORE",
}


def arguments(options: list[str], layout: str) -> list[str]:
    """Return the arguments that make grype scan an image layout, with the user's `options`."""
    return [f"oci-dir:{layout}", "--output", "json", *options]


def read_report(document: Any) -> Report:
    """Read a report. Raises ValueError, TypeError, KeyError or AttributeError for any other JSON."""
    system = document.get("distro") or {}
    target = (document.get("source") or {}).get("target")
    return Report(
        system=system.get("name") or None,
        version=system.get("version") or None,
        architecture=target.get("architecture") if isinstance(target, dict) else None,
        vulnerabilities=tuple(map(_vulnerability, document["matches"])),
    )


def _vulnerability(match: dict[str, Any]) -> Vulnerability:
    found, package = match["vulnerability"], match["artifact"]
    related = match.get("relatedVulnerabilities") or []
    # A distribution's data refers to the description and the scores of the national database.
    described = [found, *related]
    severity = found.get("severity") or "Unknown"
    location: dict[str, str] = next(iter(package.get("locations") or ()), {})
    is_of_system = package["type"] in _SYSTEM_PACKAGES
    return Vulnerability(
        name=found["id"],
        severity=severity_of(severity),
        vendor_severity=severity,
        package_name=package["name"],
        package_version=package["version"],
        package_type=(
            "OS" if is_of_system else _PACKAGE_TYPES.get(package["type"], package["type"].upper())
        ),
        file_path=None if is_of_system else location.get("path"),
        layer=location.get("layerID"),
        fixed_version=next(iter((found.get("fix") or {}).get("versions") or ()), None),
        is_exploited=bool(found.get("knownExploited")),
        description=next(filter(None, (each.get("description") for each in described)), None),
        uri=found.get("dataSource"),
        source=found.get("namespace"),
        references=tuple(
            dict.fromkeys(url for each in described for url in each.get("urls") or ())
        ),
        related=tuple(each["id"] for each in related if each["id"] != found["id"]),
        scores=tuple(
            Score(
                score["version"],
                score["metrics"]["baseScore"],
                score["vector"],
                score.get("source") or each.get("namespace") or "",
            )
            for each in described
            for score in each.get("cvss") or ()
        ),
    )
