"""Scanner programs: trivy and grype, given an image as an OCI image layout, and what their reports say.

https://trivy.dev/latest/docs/target/container_image/ and https://github.com/anchore/grype#supported-sources
"""

from __future__ import annotations

import json
import os
import signal

# For bandit: the program is the one that a setting names, no argument is a client's, and no shell sees them.
import subprocess  # nosec B404
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moto_ecr_ext.storage.blobs.blob import Blob
from moto_ecr_ext.storage.blobs.errors import BlobNotFound

# Seconds. trivy gives up by itself after five minutes.
TIMEOUT = 600
# What is shown of a program that fails.
_LONGEST_MESSAGE = 300
# trivy locks its cache, and a second one beside it fails.
_turn = threading.Lock()


class ScannerError(Exception):
    """An image could not be scanned; the message says why."""


@dataclass(frozen=True)
class ImageContent:
    """What a layout has of an image: its manifest, and the digests of its configuration and layers."""

    digest: str
    media_type: str
    manifest: bytes
    blobs: Sequence[str]


@dataclass(frozen=True)
class Score:
    """How severe a vulnerability is by one version of CVSS, as `source` rates it."""

    version: str
    score: float
    vector: str
    source: str


@dataclass(frozen=True)
class Vulnerability:
    """One vulnerability of one package of the image.

    `severity` is one of ECR's; `vendor_severity` is what the report has. `package_type` is OS, or else what
    Amazon Inspector calls the package manager.
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
    """What a scanner found. `system` and `version` are the distribution's, None where it knows none."""

    system: str | None
    version: str | None
    architecture: str | None
    vulnerabilities: tuple[Vulnerability, ...]


def examine(
    command: Sequence[str], image: ImageContent, open_blob: Callable[[str], Blob]
) -> Report:
    """Have a scanner look at an image, whose blobs `open_blob` gives. Only one does so at a time.

    `command` are the words of the setting `scanner`. Raises ScannerError.
    """
    program, *options = command
    scanner = next(each for each in _SCANNERS if Path(program).name.startswith(each.name))
    with tempfile.TemporaryDirectory(prefix="moto_ecr_scan_") as place, _turn:
        layout = Path(place, "image")
        try:
            write_layout(image, open_blob, layout)
        except BlobNotFound as error:
            raise ScannerError(f"{error.digest} is not in the repository") from None
        except OSError as error:
            raise ScannerError(f"The image cannot be written: {error.strerror}") from None
        report = Path(place, "report.json")
        _run([program, *scanner.arguments(options, str(layout))], report)
        try:
            return scanner.read(json.loads(report.read_bytes()))
        except (ValueError, RecursionError, TypeError, KeyError, AttributeError):
            raise ScannerError(f"{program} printed no JSON report of {scanner.name}") from None


def write_layout(image: ImageContent, open_blob: Callable[[str], Blob], layout: Path) -> None:
    """Write an OCI image layout of one image. Raises BlobNotFound.

    OCI Image Specification 1.1, "Image Layout".
    """
    for digest in dict.fromkeys(image.blobs):
        with open_blob(digest) as blob, _create(layout, digest).open("wb") as file:
            for chunk in blob.chunks():
                file.write(chunk)
    _create(layout, image.digest).write_bytes(image.manifest)
    listed = {
        "mediaType": image.media_type,
        "digest": image.digest,
        "size": len(image.manifest),
    }
    index = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [listed],
    }
    (layout / "index.json").write_text(json.dumps(index))
    (layout / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')


def _create(layout: Path, digest: str) -> Path:
    path = layout.joinpath("blobs", *digest.split(":"))
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _run(command: list[str], output: Path) -> None:
    """Run a program. What it prints goes to files, so that nobody waits for a pipe which a child of it keeps."""
    messages = output.with_suffix(".log")
    with output.open("wb") as stdout, messages.open("wb") as stderr:
        try:
            program = subprocess.Popen(  # nosec B603
                command,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )
        except OSError as error:
            raise ScannerError(f"{command[0]} cannot be run: {error.strerror}") from None
        try:
            status = program.wait(TIMEOUT)
        except BaseException as error:
            # What the program has started goes with it.
            os.killpg(program.pid, signal.SIGKILL)
            program.wait()
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            text = f"{command[0]} did not end within {TIMEOUT} seconds"
            raise ScannerError(text) from None
    if status != 0:
        said = messages.read_text(errors="replace").split("\n")
        last = next((line.strip() for line in reversed(said) if line.strip()), "")
        text = f"{command[0]} ended with status {status}"
        raise ScannerError(f"{text}: {last}"[:_LONGEST_MESSAGE] if last else text)


@dataclass(frozen=True)
class _Scanner:
    """How one kind of scanner is called, and how its report is read."""

    name: str
    arguments: Callable[[list[str], str], list[str]]
    read: Callable[[Any], Report]


def _arguments_of_trivy(options: list[str], layout: str) -> list[str]:
    if options[:1] == ["image"]:
        options = options[1:]
    return ["image", "--input", layout, "--format", "json", "--scanners", "vuln", *options]


def _arguments_of_grype(options: list[str], layout: str) -> list[str]:
    return [f"oci-dir:{layout}", "--output", "json", *options]


_SEVERITIES = {
    "critical": "CRITICAL",
    "high": "HIGH",
    "medium": "MEDIUM",
    "low": "LOW",
    "negligible": "INFORMATIONAL",
}


def _severity(text: str) -> str:
    """ECR's word for a severity; one that it does not know is UNDEFINED.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-troubleshooting.html
    """
    return _SEVERITIES.get(text.lower(), "UNDEFINED")


def _read_trivy(report: Any) -> Report:
    """https://trivy.dev/latest/docs/configuration/reporting/#json"""
    if report["SchemaVersion"] != 2:
        raise ValueError(report["SchemaVersion"])
    metadata = report.get("Metadata") or {}
    system = metadata.get("OS") or {}
    return Report(
        system=system.get("Family") or None,
        version=system.get("Name") or None,
        architecture=(metadata.get("ImageConfig") or {}).get("architecture"),
        vulnerabilities=tuple(
            _vulnerability_of_trivy(result, each)
            for result in report.get("Results") or ()
            for each in result.get("Vulnerabilities") or ()
        ),
    )


def _vulnerability_of_trivy(result: dict[str, Any], found: dict[str, Any]) -> Vulnerability:
    is_of_system = result["Class"] == "os-pkgs"
    severity = found.get("Severity") or "UNKNOWN"
    return Vulnerability(
        name=found["VulnerabilityID"],
        severity=_severity(severity),
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
    """The version of CVSS that a vector such as `CVSS:3.1/AV:N/...` names; those of version 2 name none."""
    head, _, version = vector.partition("/")[0].partition(":")
    return version if head == "CVSS" else otherwise


# What grype calls a kind of package, and what Inspector does.
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


def _read_grype(report: Any) -> Report:
    """https://oss.anchore.com/docs/guides/vulnerability/json/"""
    system = report.get("distro") or {}
    target = (report.get("source") or {}).get("target")
    return Report(
        system=system.get("name") or None,
        version=system.get("version") or None,
        architecture=target.get("architecture") if isinstance(target, dict) else None,
        vulnerabilities=tuple(map(_vulnerability_of_grype, report["matches"])),
    )


def _vulnerability_of_grype(match: dict[str, Any]) -> Vulnerability:
    found, package = match["vulnerability"], match["artifact"]
    related = match.get("relatedVulnerabilities") or []
    # Data of a distribution refers to the description and the scores of the national database.
    described = [found, *related]
    severity = found.get("severity") or "Unknown"
    location: dict[str, str] = next(iter(package.get("locations") or ()), {})
    is_of_system = package["type"] in _SYSTEM_PACKAGES
    return Vulnerability(
        name=found["id"],
        severity=_severity(severity),
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


_SCANNERS = (
    _Scanner("trivy", _arguments_of_trivy, _read_trivy),
    _Scanner("grype", _arguments_of_grype, _read_grype),
)
