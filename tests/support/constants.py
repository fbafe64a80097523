"""Names that tests of all kinds use."""

from __future__ import annotations

# moto's default account, and the region of every client that asks for no other.
ACCOUNT = "123456789012"
REGION = "us-east-1"

# A well-formed digest of nothing that any test stores.
ABSENT_DIGEST = f"sha256:{'0' * 64}"
