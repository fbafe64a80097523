"""The table of what `quirks=aws` breaks of the specification, compared with what the dialect does."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from moto_ecr_ext.distribution.dialects import Dialect, ECRDialect
from moto_ecr_ext.oci.digest import Digest
from moto_ecr_ext.testing import OCI, build_image
from support.environments import Environment
from support.registry_client import RepositoryClient

PAGE = Path(__file__).parents[2] / "docs/reference/specification.rst"
PART = bytes(5 * 1024 * 1024)
IMAGES = sorted(
    (build_image(seed=f"tag {number}", layers=1, layer_size=10) for number in range(3)),
    key=lambda image: image.digest,
)


def _names_digest(repository: RepositoryClient) -> bool:
    answer = repository.get("/manifests/c")
    return answer.headers.get("Docker-Content-Digest") == IMAGES[0].digest


def _names_unknown_blob(repository: RepositoryClient) -> bool:
    document = json.loads(IMAGES[0].manifest)
    document["layers"][0]["digest"] = Digest.of(b"not there")
    answer = repository.put_manifest(json.dumps(document).encode(), "v1", OCI.manifest)
    assert answer.status_code == 404
    return answer.json()["errors"][0]["code"] == "MANIFEST_BLOB_UNKNOWN"


def _accepts_chunk(repository: RepositoryClient) -> bool:
    answer = repository.patch(repository.start_upload(), data=b"bytes")
    assert answer.ok
    return answer.status_code == 202


def _moves_range(repository: RepositoryClient) -> bool:
    upload = repository.start_upload()
    repository.patch(upload, data=PART)
    sent = repository.patch(upload, data=b"last")
    ranges = {sent.headers["Range"], repository.get(upload).headers["Range"]}
    return ranges == {f"0-{len(PART) + 3}"}


def _locates_manifest(repository: RepositoryClient) -> bool:
    answer = repository.put_manifest(IMAGES[0], "c")
    return answer.headers.get("Location", "").endswith(f"/manifests/{IMAGES[0].digest}")


def _sorts_tags(repository: RepositoryClient) -> bool:
    tags: list[str] = repository.get("/tags/list").json()["tags"]
    assert sorted(tags) == ["a", "b", "c"]
    return tags == ["a", "b", "c"]


def _continues_after_tag(repository: RepositoryClient) -> bool:
    answer = repository.get("/tags/list", params={"last": "b"})
    return answer.status_code == 200 and answer.json()["tags"] == ["c"]


def _lists_none(repository: RepositoryClient) -> bool:
    answer = repository.get("/tags/list", params={"n": "0"})
    return answer.status_code == 200 and answer.json()["tags"] == []


def _accepts_large_n(repository: RepositoryClient) -> bool:
    return repository.get("/tags/list", params={"n": "1001"}).status_code == 200


REQUIREMENTS: dict[str, Callable[[RepositoryClient], bool]] = {
    "The answer to a GET has ``Docker-Content-Digest``.": _names_digest,
    "A manifest with an unknown blob is refused with ``MANIFEST_BLOB_UNKNOWN``.": _names_unknown_blob,
    "An accepted chunk is answered with 202.": _accepts_chunk,
    "``Range`` ends with the last byte that was received.": _moves_range,
    "The answer to a push has ``Location``.": _locates_manifest,
    "Tags are in lexical order.": _sorts_tags,
    "``last`` is a tag.": _continues_after_tag,
    "``n=0`` is answered with an empty list.": _lists_none,
    "A larger ``n`` than the registry allows is answered with 200.": _accepts_large_n,
}
# The members of the dialect that break a MUST, and those that break none.
BREAKING = {
    "change_manifest_headers",
    "error_codes",
    "chunk_status",
    "last_byte",
    "locates_manifests",
    "list_tags",
    "page_size",
}
ALLOWED = {
    "answers_with_namespace",
    "blob_type_of_head",
    "check_manifest",
    "check_repeated_push",
    "check_upload",
    "delete_tag",
    "is_chunked",
    "knows_digest_algorithms",
    "mount",
    "names_size_in_link",
    "not_found_page",
    "tag_list_headers",
    "tags_of_a_page",
    "upload_header",
}


@pytest.fixture
def tagged(repository: RepositoryClient) -> RepositoryClient:
    """A repository with three images, whose digests are in another order than their tags."""
    for image, tag in zip(IMAGES, "cab", strict=True):
        repository.push(image, tag)
    return repository


@pytest.mark.parametrize("requirement", REQUIREMENTS)
def test_what_is_broken(aws: Environment, tagged: RepositoryClient, requirement: str) -> None:
    """Each requirement of the table is kept by default, and broken with `quirks=aws`."""
    is_kept = REQUIREMENTS[requirement]
    assert is_kept(tagged)
    aws.configure(quirks="aws")
    assert not is_kept(tagged)


def test_the_table_is_complete() -> None:
    """It has a row for each requirement here, and each member of the dialect is one of them or breaks none."""
    rows = re.findall(r"^   \* - (.+)\n     - (.+)\n     - (.+)$", PAGE.read_text(), re.MULTILINE)
    assert [requirement for _, requirement, _ in rows[1:]] == [*REQUIREMENTS]
    changed = {name for name in vars(ECRDialect) if not name.startswith("_")}
    assert changed <= set(vars(Dialect))
    assert changed == BREAKING | ALLOWED
