"""Kinds of artifacts that belong to an image, by their type or tag: signatures, SBOMs, attestations."""

from __future__ import annotations

# Parts of artifact types, in the order of the search.
_BY_TYPE = (
    ("spdx", "SBOM (SPDX)"),
    ("cyclonedx", "SBOM (CycloneDX)"),
    ("syft", "SBOM (Syft)"),
    ("sbom", "SBOM"),
    ("notary.signature", "Signature (Notation)"),
    ("sigstore.bundle", "Signature (Sigstore)"),
    ("cosign.artifact.sig", "Signature (cosign)"),
    ("simplesigning", "Signature (cosign)"),
    ("signature", "Signature"),
    ("in-toto", "Attestation (in-toto)"),
    ("attestation", "Attestation"),
    ("sarif", "Scan report (SARIF)"),
)
_BY_SUFFIX = {
    "sig": "Signature (cosign)",
    "att": "Attestation (cosign)",
    "sbom": "SBOM (cosign)",
}


def kind_of_type(artifact_type: str | None) -> str:
    """Return the kind of an artifact with this type."""
    name = (artifact_type or "").lower()
    return next((kind for part, kind in _BY_TYPE if part in name), "Artifact")


def kind_of_tag(tag: str) -> str:
    """Return the kind of an artifact with this tag, which cosign derives from the digest of the artifact's image."""
    return _BY_SUFFIX.get(tag.rpartition(".")[2], "Artifact")
