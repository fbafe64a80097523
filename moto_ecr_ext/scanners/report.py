"""Reports of scanners: the vulnerabilities of the packages in an image, in ECR's terms."""

from __future__ import annotations

from dataclasses import dataclass

_SEVERITIES = {
    "critical": "CRITICAL",
    "high": "HIGH",
    "medium": "MEDIUM",
    "low": "LOW",
    "negligible": "INFORMATIONAL",
}


@dataclass(frozen=True)
class Score:
    """The severity of a vulnerability by one version of CVSS, as rated by `source`."""

    version: str
    score: float
    vector: str
    source: str


@dataclass(frozen=True)
class Vulnerability:
    """One vulnerability of one package of the image.

    `severity` is one of ECR's; `vendor_severity` is the scanner's word for it. `package_type` is OS, or else Amazon
    Inspector's name of the package manager.
    """

    name: str
    severity: str
    vendor_severity: str
    package_name: str
    package_version: str
    package_type: str
    architecture: str | None = None
    file_path: str | None = None
    layer: str | None = None
    fixed_version: str | None = None
    is_exploited: bool = False
    description: str | None = None
    uri: str | None = None
    source: str | None = None
    references: tuple[str, ...] = ()
    related: tuple[str, ...] = ()
    scores: tuple[Score, ...] = ()
    published_at: str | None = None
    updated_at: str | None = None


@dataclass(frozen=True)
class Report:
    """The findings of a scanner.

    `system` and `version` are the distribution's; an image without a distribution has None. `architecture` may be
    missing in a scanner's report.
    """

    system: str | None
    version: str | None
    architecture: str | None
    vulnerabilities: tuple[Vulnerability, ...]


def severity_of(text: str) -> str:
    """Return ECR's severity for a scanner's, or UNDEFINED if ECR has no equivalent.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-troubleshooting.html
    """
    return _SEVERITIES.get(text.lower(), "UNDEFINED")
