"""Names that tests of all kinds use."""

from __future__ import annotations

from datetime import datetime, timezone

# moto's default account, and the region of every client that asks for no other.
ACCOUNT = "123456789012"
REGION = "us-east-1"
# An account that tests have for a stranger, a guest or the other side.
OTHER_ACCOUNT = "999999999999"

# A well-formed digest of nothing that any test stores.
ABSENT_DIGEST = f"sha256:{'0' * 64}"

# When the clock that a test stops begins.
BEGINNING = datetime(2026, 1, 1, tzinfo=timezone.utc)

# What only looks like a signed request's Authorization, which is all that moto asks for.
SIGNED = (
    "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/ecr/aws4_request, "
    "SignedHeaders=host, Signature=0"
)
