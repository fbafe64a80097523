"""Digests and tags as requests write them: parsed here, or refused in the registry's terms."""

from __future__ import annotations

from moto_ecr_ext.exceptions import InvalidParameterException
from moto_ecr_ext.oci.digest import Digest, InvalidDigest
from moto_ecr_ext.oci.reference import (
    LONGEST_TAG,
    TAG_PATTERN,
    InvalidTag,
    Reference,
    Tag,
    parse_reference,
)

from .errors import RegistryError, digest_invalid


def read_digest(text: str) -> Digest:
    """Return the digest that a request names. Raises RegistryError."""
    try:
        return Digest.parse(text)
    except InvalidDigest:
        raise digest_invalid(text) from None


def read_reference(text: str) -> Reference:
    """Return the reference of a manifest that is asked for. Raises RegistryError."""
    try:
        return parse_reference(text)
    except InvalidDigest:
        raise digest_invalid(text) from None
    except InvalidTag:
        raise RegistryError(
            "MANIFEST_INVALID", f"'{text}' is neither a tag nor a digest", 400
        ) from None


def read_new_reference(text: str) -> Reference:
    """Return the reference of a manifest that is pushed.

    Raises RegistryError for a malformed digest, and what PutImage raises for a malformed tag.
    """
    try:
        reference = parse_reference(text)
    except InvalidDigest:
        raise digest_invalid(text) from None
    except InvalidTag:
        raise InvalidParameterException.at(
            "imageTag", f"must satisfy regular expression '{TAG_PATTERN}'"
        ) from None
    if isinstance(reference, Tag) and len(reference) > LONGEST_TAG:
        raise InvalidParameterException.at(
            "imageTag", f"must have length less than or equal to {LONGEST_TAG}"
        )
    return reference
