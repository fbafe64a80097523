"""Digests and tags in requests: parsed, or refused with the registry's errors."""

from __future__ import annotations

from moto_ecr_ext.exceptions import InvalidParameterException
from moto_ecr_ext.oci.digest import HASHERS, Digest, InvalidDigest
from moto_ecr_ext.oci.reference import (
    LONGEST_TAG,
    TAG_PATTERN,
    InvalidTag,
    Reference,
    Tag,
    parse_reference,
)

from .errors import RegistryError, algorithm_invalid, digest_invalid


def read_digest(text: str) -> Digest:
    """Return the digest in a request. Raises RegistryError if it is malformed."""
    try:
        return Digest.parse(text)
    except InvalidDigest:
        raise digest_invalid(text) from None


def check_algorithm(text: str | None) -> None:
    """Raise RegistryError if a request announces an algorithm of digests that is not supported."""
    if text is not None and text not in HASHERS:
        raise algorithm_invalid(text)


def read_reference(text: str) -> Reference:
    """Return the reference of a requested manifest. Raises RegistryError if it is malformed."""
    try:
        return parse_reference(text)
    except InvalidDigest:
        raise digest_invalid(text) from None
    except InvalidTag:
        raise RegistryError("MANIFEST_INVALID", f"'{text}' is not a tag or a digest", 400) from None


def read_new_reference(text: str) -> Reference:
    """Return the reference of a pushed manifest.

    Raises RegistryError for a malformed digest, and the error of PutImage for a malformed tag.
    """
    try:
        reference = parse_reference(text)
    except InvalidDigest:
        raise digest_invalid(text) from None
    except InvalidTag:
        raise _malformed_tag() from None
    if isinstance(reference, Tag):
        _check_length(reference)
    return reference


def read_new_tag(text: str) -> Tag:
    """Return the tag for a pushed image. Raises the error of PutImage if it is malformed."""
    try:
        tag = Tag.parse(text)
    except InvalidTag:
        raise _malformed_tag() from None
    _check_length(tag)
    return tag


def _malformed_tag() -> InvalidParameterException:
    return InvalidParameterException.at(
        "imageTag", f"must satisfy regular expression '{TAG_PATTERN}'"
    )


def _check_length(tag: Tag) -> None:
    if len(tag) > LONGEST_TAG:
        raise InvalidParameterException.at(
            "imageTag", f"must have length less than or equal to {LONGEST_TAG}"
        )
