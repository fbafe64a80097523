"""A scanner for tests: it reads an OCI image layout, and reports as trivy or as grype, whichever it is called.

Tests write it to a file of one of these names. It accepts the real program's arguments, checks every digest of the
layout, and knows vulnerabilities of the packages that it finds in Debian's list of them. Fields that no test of ours
looks at are left out of the reports.

https://trivy.dev/latest/docs/configuration/reporting/#json
https://oss.anchore.com/docs/guides/vulnerability/json/
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import json
import sys
import tarfile
from pathlib import Path
from typing import Any

# By package: the vulnerability, its severity, the version without it, its CVSS.
KNOWN = {
    "libxml2": (
        "CVE-2022-49043",
        "High",
        None,
        ("3.1", 8.1, "CVSS:3.1/AV:L/AC:H/PR:N/UI:N/S:C/C:H/I:H/A:H"),
    ),
    "zlib1g": ("CVE-2023-45853", "Critical", "1:1.3-2", None),
    "e2fsprogs": (
        "CVE-2019-5188",
        "Negligible",
        None,
        ("2.0", 4.6, "AV:L/AC:L/Au:N/C:P/I:P/A:P"),
    ),
    "requests": ("CVE-2024-35195", "Medium", "2.32.0", None),
}


class Layout:
    """An OCI image layout of one image. Bytes that have another digest end the program."""

    def __init__(self, root: Path):
        self._root = root
        assert json.loads((root / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
        [listed] = json.loads((root / "index.json").read_text())["manifests"]
        manifest = self._document(listed)
        self.config = self._document(manifest["config"])
        self.layers = [self._bytes(each) for each in manifest["layers"]]
        held = sorted(path.name for path in root.joinpath("blobs", "sha256").iterdir())
        named = {each["digest"] for each in (listed, manifest["config"], *manifest["layers"])}
        assert held == sorted(digest.partition(":")[2] for digest in named)

    def _bytes(self, descriptor: dict[str, Any]) -> tuple[str, bytes]:
        digest = descriptor["digest"]
        content = self._root.joinpath("blobs", *digest.split(":")).read_bytes()
        assert f"sha256:{hashlib.sha256(content).hexdigest()}" == digest
        assert len(content) == descriptor["size"]
        return digest, content

    def _document(self, descriptor: dict[str, Any]) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self._bytes(descriptor)[1])
        return document

    def file(self, path: str) -> tuple[str, str] | None:
        """The digest of the last layer that has a file, and its text."""
        for digest, content in reversed(self.layers):
            tar = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
            with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
                if path in archive.getnames():
                    member = archive.extractfile(path)
                    assert member is not None
                    return digest, member.read().decode()
        return None


def packages(layout: Layout) -> list[tuple[str, str, str, str]]:
    """Name, version, kind, layer of what is installed."""
    found = []
    for path, kind in (
        ("var/lib/dpkg/status", "deb"),
        ("app/requests-2.31.0.dist-info/METADATA", "python"),
    ):
        listed = layout.file(path)
        if listed:
            layer, text = listed
            for paragraph in text.strip().split("\n\n"):
                fields = dict(line.split(": ", 1) for line in paragraph.splitlines())
                name = fields.get("Package") or fields["Name"]
                found.append((name, fields["Version"], kind, layer))
    return found


def system_of(layout: Layout) -> dict[str, str]:
    """Return the contents of /etc/os-release."""
    release = layout.file("etc/os-release")
    return dict(line.split("=", 1) for line in release[1].splitlines()) if release else {}


def trivy(layout: Layout) -> dict[str, Any]:
    system = system_of(layout)
    metadata: dict[str, Any] = {"ImageConfig": layout.config}
    if system:
        metadata["OS"] = {"Family": system["ID"], "Name": system["VERSION_ID"]}
    results: dict[str, Any] = {
        "deb": {"Class": "os-pkgs", "Type": "debian", "Vulnerabilities": []},
        "python": {"Class": "lang-pkgs", "Type": "python-pkg", "Vulnerabilities": []},
    }
    for name, version, kind, layer in packages(layout):
        if name not in KNOWN:
            continue
        identifier, severity, fixed, cvss = KNOWN[name]
        found: dict[str, Any] = {
            "VulnerabilityID": identifier,
            "PkgName": name,
            "InstalledVersion": version,
            "Layer": {"Digest": layer},
            "PrimaryURL": f"https://avd.aquasec.com/nvd/{identifier.lower()}",
            "DataSource": {"ID": "debian" if kind == "deb" else "ghsa"},
            "Description": f"A fault of {name}.",
            # trivy has no word for less than low.
            "Severity": "UNKNOWN" if severity == "Negligible" else severity.upper(),
            "References": [f"https://nvd.nist.gov/vuln/detail/{identifier}"],
            "PublishedDate": "2025-01-26T06:15:21Z",
        }
        if fixed:
            found["FixedVersion"] = fixed
        if cvss:
            prefix = f"V{cvss[0][0]}"
            found["CVSS"] = {"nvd": {f"{prefix}Score": cvss[1], f"{prefix}Vector": cvss[2]}}
        results[kind]["Vulnerabilities"].append(found)
    return {
        "SchemaVersion": 2,
        "ArtifactType": "container_image",
        "Metadata": metadata,
        "Results": [each for each in results.values() if each["Vulnerabilities"]],
    }


def grype(layout: Layout) -> dict[str, Any]:
    system = system_of(layout)
    matches = []
    for name, version, kind, layer in packages(layout):
        if name not in KNOWN:
            continue
        identifier, severity, fixed, cvss = KNOWN[name]
        scores = []
        if cvss:
            metrics = {"baseScore": cvss[1], "exploitabilityScore": 1.4, "impactScore": 6}
            scores = [
                {
                    "source": "nvd@nist.gov",
                    "type": "Primary",
                    "version": cvss[0],
                    "vector": cvss[2],
                    "metrics": metrics,
                    "vendorMetadata": {},
                }
            ]
        matches.append(
            {
                "vulnerability": {
                    "id": identifier,
                    "dataSource": f"https://security-tracker.debian.org/tracker/{identifier}",
                    "namespace": "debian:distro:debian:12",
                    "severity": severity,
                    "urls": [],
                    "fix": {"versions": [fixed] if fixed else [], "state": "unknown"},
                    "advisories": [],
                    **({"knownExploited": [{"cve": identifier}]} if severity == "Critical" else {}),
                },
                "relatedVulnerabilities": [
                    {
                        "id": identifier,
                        "dataSource": f"https://nvd.nist.gov/vuln/detail/{identifier}",
                        "namespace": "nvd:cpe",
                        "severity": severity,
                        "urls": [f"https://nvd.nist.gov/vuln/detail/{identifier}"],
                        "description": f"A fault of {name}.",
                        "cvss": scores,
                    }
                ],
                "matchDetails": [{"type": "exact-direct-match", "matcher": "dpkg-matcher"}],
                "artifact": {
                    "name": name,
                    "version": version,
                    "type": kind,
                    "locations": [{"path": f"/var/lib/{name}", "layerID": layer}],
                },
            }
        )
    return {
        "matches": matches,
        "source": {
            "type": "image",
            "target": {"architecture": layout.config["architecture"], "os": "linux"},
        },
        "distro": {"name": system.get("ID", ""), "version": system.get("VERSION_ID", "")},
        "descriptor": {"name": "grype"},
    }


def main(name: str, arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(name)
    if name == "trivy":
        parser.add_argument("command", choices=["image"])
        parser.add_argument("--input", required=True)
        parser.add_argument("--format", choices=["json"], required=True)
        parser.add_argument("--scanners", choices=["vuln"])
        parser.add_argument("--skip-db-update", action="store_true")
        place = Path(parser.parse_args(arguments).input)
    else:
        parser.add_argument("image")
        parser.add_argument("-o", "--output", choices=["json"], required=True)
        parser.add_argument("--only-fixed", action="store_true")
        scheme, _, path = parser.parse_args(arguments).image.partition(":")
        assert scheme == "oci-dir"
        place = Path(path)
    print("a line of the log", file=sys.stderr)
    print(json.dumps((trivy if name == "trivy" else grype)(Layout(place)), indent=2))


if __name__ == "__main__":
    main(Path(sys.argv[0]).name[:5], sys.argv[1:])
