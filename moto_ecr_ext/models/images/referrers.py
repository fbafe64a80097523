"""Referrers: the manifests whose subject is a given one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from moto_ecr_ext.exceptions import InvalidParameterException
from moto_ecr_ext.models.base import RegistryBackend
from moto_ecr_ext.models.paging import decode_token, encode_token
from moto_ecr_ext.oci.digest import API_DIGEST_PATTERN
from moto_ecr_ext.storage import rows
from moto_ecr_ext.storage.rows.manifests import ReferrerRow

from .identifiers import failure_of

# https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ListImageReferrers.html
PAGE_SIZE = 20


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
    """ListImageReferrers, and the same over the registry protocol."""

    def list_referrers(
        self,
        repository_name: str,
        digest: str,
        artifact_type: str | None = None,
        registry_id: str | None = None,
    ) -> list[Referrer]:
        """Return the active manifests whose subject is `digest`, of one type if it is given, in the order of push."""
        types = None if artifact_type is None else [artifact_type]
        with self.store.database.read() as view:
            repository = self.repository(view, repository_name, registry_id)
            found = rows.manifests.referrers(view, repository.id, digest, types, status="ACTIVE")
        return [Referrer.of(row) for row in found]

    def list_image_referrers(
        self,
        repository_name: str,
        subject_id: Mapping[str, str],
        registry_id: str | None = None,
        filter: Mapping[str, Any] | None = None,
        next_token: str | None = None,
        max_results: int | None = None,
    ) -> dict[str, Any]:
        """Return manifests whose subject is the image, active ones unless the filter says otherwise, in push order.

        The image need not be there: a referrer may be pushed before its subject.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ListImageReferrers.html
        """
        filter = filter or {}
        digest = subject_id["imageDigest"]
        if failure_of(subject_id):
            raise InvalidParameterException.at(
                "subjectId.imageDigest",
                f"Member must satisfy regular expression pattern: {API_DIGEST_PATTERN}",
            )
        count = max_results or PAGE_SIZE
        with self.store.database.read() as view:
            repository = self.repository(view, repository_name, registry_id)
            listing = f"ListImageReferrers/{repository.id}/{digest}"
            [after] = decode_token(listing, next_token, (int,)) or [0]
            found = rows.manifests.referrers(
                view,
                repository.id,
                digest,
                filter.get("artifactTypes") or None,
                status=filter.get("artifactStatus", "ACTIVE"),
                after=after,
                count=count + 1,
            )
        page = found[:count]
        return {
            "referrers": [Referrer.of(row) for row in page],
            "nextToken": encode_token(listing, [page[-1].id]) if len(found) > count else None,
        }
