"""trivy: its command line and its JSON report.

https://trivy.dev/latest/docs/target/container_image/ and https://trivy.dev/latest/docs/configuration/reporting/#json
"""

from __future__ import annotations

from typing import Any

from .report import Report, Score, Vulnerability, severity_of


def arguments(options: list[str], layout: str) -> list[str]:
    """Return the arguments that make trivy scan an image layout, with the user's `options`."""
    if options[:1] == ["image"]:
        options = options[1:]
    return ["image", "--input", layout, "--format", "json", "--scanners", "vuln", *options]


def read_report(document: Any) -> Report:
    """Read a report. Raises ValueError, TypeError, KeyError or AttributeError for any other JSON."""
    if document["SchemaVersion"] != 2:
        raise ValueError(document["SchemaVersion"])
    metadata = document.get("Metadata") or {}
    system = metadata.get("OS") or {}
    return Report(
        system=system.get("Family") or None,
        version=system.get("Name") or None,
        architecture=(metadata.get("ImageConfig") or {}).get("architecture"),
        vulnerabilities=tuple(
            _vulnerability(result, found)
            for result in document.get("Results") or ()
            for found in result.get("Vulnerabilities") or ()
        ),
    )


def _vulnerability(result: dict[str, Any], found: dict[str, Any]) -> Vulnerability:
    is_of_system = result["Class"] == "os-pkgs"
    severity = found.get("Severity") or "UNKNOWN"
    return Vulnerability(
        name=found["VulnerabilityID"],
        severity=severity_of(severity),
        vendor_severity=severity,
        package_name=found["PkgName"],
        package_version=found["InstalledVersion"],
        # `python-pkg` is PYTHONPKG, `dotnet-core` is DOTNET_CORE:
        # https://docs.aws.amazon.com/inspector/v2/APIReference/API_VulnerablePackage.html
        package_type=(
            "OS"
            if is_of_system
            else result["Type"].replace("-pkg", "pkg").replace("-", "_").upper()
        ),
        file_path=found.get("PkgPath"),
        layer=(found.get("Layer") or {}).get("Digest"),
        fixed_version=found.get("FixedVersion") or None,
        description=found.get("Description") or found.get("Title"),
        uri=found.get("PrimaryURL"),
        source=(found.get("DataSource") or {}).get("ID"),
        references=tuple(found.get("References") or ()),
        scores=tuple(
            Score(_version_of(vector, version), score, vector, source)
            for source, rating in (found.get("CVSS") or {}).items()
            for version, prefix in (("2.0", "V2"), ("3.0", "V3"), ("4.0", "V40"))
            if (vector := rating.get(f"{prefix}Vector")) and (score := rating.get(f"{prefix}Score"))
        ),
        published_at=found.get("PublishedDate"),
        updated_at=found.get("LastModifiedDate"),
    )


def _version_of(vector: str, otherwise: str) -> str:
    """Return the version of CVSS in a vector such as `CVSS:3.1/AV:N/...`. Vectors of version 2 have no version."""
    head, _, version = vector.partition("/")[0].partition(":")
    return version if head == "CVSS" else otherwise
