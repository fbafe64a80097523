"""Referrers: the manifests that have a given subject."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from moto_ecr_ext.exceptions import InvalidParameterException
from moto_ecr_ext.models.base import RegistryBackend
from moto_ecr_ext.models.images.identifiers import failure_of
from moto_ecr_ext.models.paging import decode_token, encode_token
from moto_ecr_ext.models.pull_through.referrers import import_due_referrers
from moto_ecr_ext.oci.digest import API_DIGEST_PATTERN, Digest
from moto_ecr_ext.storage import rows
from moto_ecr_ext.storage.database.transaction import View
from moto_ecr_ext.storage.rows.manifests import ReferrerRow

# https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ListImageReferrers.html
PAGE_SIZE = 20

PAGE_BYTES = 4 * 1024 * 1024
"""The bytes of manifests after which a page ends."""

# The number of referrers that are read at once. The manifest of each may have 4 MiB.
_BATCH = 10


@dataclass(frozen=True, slots=True)
class Referrer:
    """A manifest that has a subject. The attributes are the members of ECR's `ImageReferrer`; `size` is in bytes."""

    digest: str
    media_type: str
    artifact_type: str | None
    size: int
    annotations: dict[str, str] | None
    artifact_status: str

    @classmethod
    def of(cls, row: ReferrerRow) -> Referrer:
        """Return the referrer of a row."""
        return cls(
            digest=row.digest,
            media_type=row.media_type,
            artifact_type=row.artifact_type,
            size=len(row.manifest),
            annotations=json.loads(row.manifest).get("annotations") or None,
            artifact_status=row.status,
        )


class ReferrersBackend(RegistryBackend):
    """ListImageReferrers, and its counterpart in the registry protocol."""

    def list_image_referrers(
        self,
        repository_name: str,
        subject_id: Mapping[str, str],
        registry_id: str | None = None,
        filter: Mapping[str, Any] | None = None,
        next_token: str | None = None,
        max_results: int | None = None,
    ) -> dict[str, Any]:
        """Return manifests whose subject is the image, in the order of push: by default active ones.

        The image need not exist: a referrer may be pushed before its subject. Referrers of an upstream registry are
        imported first. A page may have fewer entries than `max_results`, since annotations are read from the manifests.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ListImageReferrers.html
        """
        filter = filter or {}
        digest = subject_id["imageDigest"]
        if failure_of(subject_id):
            raise InvalidParameterException.at(
                "subjectId.imageDigest",
                f"Member must satisfy regular expression pattern: {API_DIGEST_PATTERN}",
            )
        subject = Digest.parse_or_none(digest)
        if subject is not None:
            import_due_referrers(self, repository_name, subject, registry_id)
        count = PAGE_SIZE if max_results is None else max_results
        with self.store.database.read() as view:
            repository = self.repository(view, repository_name, registry_id)
            listing = f"ListImageReferrers/{repository.id}/{digest}"
            [after] = decode_token(listing, next_token, (int,)) or [0]
            page, goes_on = _read_page(
                view,
                repository.id,
                digest,
                filter.get("artifactTypes") or None,
                filter.get("artifactStatus", "ACTIVE"),
                after,
                count,
            )
        return {
            "referrers": [Referrer.of(row) for row in page],
            "nextToken": encode_token(listing, [page[-1].id]) if goes_on else None,
        }


def _read_page(
    view: View,
    repository_id: int,
    digest: str,
    artifact_types: Collection[str] | None,
    status: str,
    after: int,
    count: int,
) -> tuple[list[ReferrerRow], bool]:
    """Return at most `count` referrers after the row `after`, and whether others follow them.

    There are fewer if their manifests have more than `PAGE_BYTES`.
    """
    page: list[ReferrerRow] = []
    size = 0
    while count:
        batch = rows.manifests.referrers(
            view,
            repository_id,
            digest,
            artifact_types,
            status,
            after=page[-1].id if page else after,
            count=_BATCH + 1,
        )
        for row in batch[:_BATCH]:
            if len(page) == count or size > PAGE_BYTES:
                return page, True
            page.append(row)
            size += len(row.manifest)
        if len(batch) <= _BATCH:
            break
    return page, False
