"""Digests, tags, media types and descriptors, as they are parsed once at the edge."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from contextlib import closing

import pytest

from moto_ecr_ext.oci.descriptors import Descriptor
from moto_ecr_ext.oci.digest import Digest, InvalidDigest, is_api_digest, is_digest
from moto_ecr_ext.oci.media_types import OCI_LAYER_GZIP, MediaType, without_parameters
from moto_ecr_ext.oci.reference import InvalidTag, Tag, parse_reference

SHA256 = f"sha256:{hashlib.sha256(b'abc').hexdigest()}"
SHA512 = f"sha512:{hashlib.sha512(b'abc').hexdigest()}"


@pytest.mark.parametrize("text", [SHA256, SHA512])
def test_a_digest_knows_its_two_halves(text: str) -> None:
    """A parsed digest is the text, with its algorithm and its hash beside it."""
    digest = Digest.parse(text)
    assert digest == text
    assert isinstance(Digest.parse_or_none(text), Digest)
    assert [digest.algorithm, digest.encoded] == text.split(":")
    assert Digest.of(b"abc", digest.algorithm) == digest


NO_DIGESTS = {
    "empty": "",
    "tag": "latest",
    "no hash": "sha256:",
    "short": SHA256[:-1],
    "long": SHA256 + "0",
    "upper case": SHA256.upper(),
    "hash of the other length": SHA512.replace("sha512", "sha256"),
    "another algorithm": f"md5:{hashlib.md5(b'abc', usedforsecurity=False).hexdigest()}",
    "line feed at the end": f"{SHA256}\n",
}


@pytest.mark.parametrize("text", NO_DIGESTS.values(), ids=NO_DIGESTS)
def test_text_that_is_no_whole_digest_is_refused(text: str) -> None:
    """Texts that are not whole digests of sha256 or sha512 raise InvalidDigest, which is a ValueError."""
    assert not is_digest(text)
    assert Digest.parse_or_none(text) is None
    with pytest.raises(InvalidDigest):
        Digest.parse(text)


def test_the_api_accepts_more_than_digests() -> None:
    """ECR's operations accept the form of a digest, of any algorithm and length."""
    assert all(is_api_digest(text) for text in (SHA256, "md5:0", "sha256:ABC", "a+b.c-_:1"))
    assert not any(
        is_api_digest(text) for text in ("", "sha256:", "sha256:xyz", ":0", SHA256 + "\n")
    )


def test_a_digest_is_text_to_json_and_to_a_database() -> None:
    """A digest needs no conversion on its way out."""
    digest = Digest.of(b"abc")
    assert json.dumps({digest: digest}) == f'{{"{SHA256}": "{SHA256}"}}'
    with closing(sqlite3.connect(":memory:")) as connection:
        assert connection.execute("SELECT ?", [digest]).fetchone() == (SHA256,)


def test_a_reference_is_a_tag_or_a_digest() -> None:
    """A reference with a colon is a digest, and one without is a tag."""
    assert isinstance(parse_reference("1.0-rc_1"), Tag)
    assert isinstance(parse_reference(SHA512), Digest)


@pytest.mark.parametrize("text", ["", "a/b", "é", "latest\n"])
def test_text_that_is_no_tag_is_refused(text: str) -> None:
    """A malformed text without a colon raises InvalidTag."""
    with pytest.raises(InvalidTag):
        parse_reference(text)


def test_a_reference_with_a_colon_must_be_a_digest() -> None:
    """A malformed text with a colon raises InvalidDigest."""
    with pytest.raises(InvalidDigest):
        parse_reference("sha256:abc")


@pytest.mark.parametrize(
    "text", ["", "text", "text/plain;\n", "text/plain\n", "/", f"a/{'b' * 128}"]
)
def test_text_that_is_no_media_type_is_refused(text: str) -> None:
    """A text outside RFC 6838 raises ValueError."""
    with pytest.raises(ValueError, match="not a media type"):
        MediaType.parse(text)


@pytest.mark.parametrize("text", ["application/json;version=0.2", 'a/b ; c="d"', "text/plain;"])
def test_a_media_type_may_have_parameters(text: str) -> None:
    """A media type can have parameters, as those of artifacts have:
    https://github.com/aws/containers-roadmap/issues/2306
    """
    assert MediaType.parse(text) == text


def test_parameters_of_a_header_are_dropped() -> None:
    """Parameters of a media type are ignored for manifests."""
    assert without_parameters(" Text/Plain ; charset=utf-8") == "text/plain"


def test_a_descriptor_describes_its_content() -> None:
    """A written value is parsed to the same value."""
    descriptor = Descriptor.of(b"abc", OCI_LAYER_GZIP)
    assert descriptor.document == {"mediaType": OCI_LAYER_GZIP, "digest": SHA256, "size": 3}
    assert Descriptor.parse(descriptor.document, "config") == descriptor
