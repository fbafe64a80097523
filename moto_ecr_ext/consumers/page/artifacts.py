"""What an artifact that belongs to an image is: a signature, an SBOM, an attestation, by its type or its tag."""

from __future__ import annotations

# Parts of artifact types, in the order in which they are looked for.
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
    """Return what an artifact of a type is."""
    name = (artifact_type or "").lower()
    return next((kind for part, kind in _BY_TYPE if part in name), "Artifact")


def kind_of_tag(tag: str) -> str:
    """Return what an artifact is whose tag cosign makes of the digest that it belongs to."""
    return _BY_SUFFIX.get(tag.rpartition(".")[2], "Artifact")
