"""Images by reference, a tag or a digest, as the registry protocol asks for them."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, func, null, select

from moto_ecr_ext.exceptions import (
    ImageDigestDoesNotMatchException,
    ImageNotFoundException,
    InvalidParameterException,
)
from moto_ecr_ext.models.base import repository_with
from moto_ecr_ext.models.paging import decode_token, encode_token
from moto_ecr_ext.models.repositories.repository import Repository
from moto_ecr_ext.models.scanning.scans import ScanningBackend
from moto_ecr_ext.oci.digest import API_DIGEST_PATTERN, digest_of
from moto_ecr_ext.oci.manifests import parse_manifest, translate
from moto_ecr_ext.storage.rows import tables

from .identifiers import failure_of

# https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ListImageReferrers.html
REFERRERS_PAGE_SIZE = 20

repositories, images = tables.repositories, tables.images
tags, upstream_tags = tables.tags, tables.upstream_tags

_CONTENT = (
    images.c.id,
    images.c.digest,
    images.c.media_type,
    images.c.artifact_type,
    images.c.subject,
    images.c.status,
    images.c.manifest,
)
# `checked_at` is of tags that came through the pull-through cache alone.
_BY_DIGEST = repository_with(
    *_CONTENT,
    null().label("checked_at"),
    joined=repositories.outerjoin(
        images,
        (images.c.repository_id == repositories.c.id) & (images.c.digest == bindparam("reference")),
    ),
)
_BY_TAG = repository_with(
    *_CONTENT,
    upstream_tags.c.checked_at,
    joined=repositories.outerjoin(
        tags, (tags.c.repository_id == repositories.c.id) & (tags.c.name == bindparam("reference"))
    )
    .outerjoin(images, images.c.id == tags.c.image_id)
    .outerjoin(
        upstream_tags,
        (upstream_tags.c.tag_id == tags.c.id) & (upstream_tags.c.image_id == images.c.id),
    ),
)
_TAG_PAGE = (
    select(tags.c.name)
    .join(images, images.c.id == tags.c.image_id)
    .where(
        tags.c.repository_id == bindparam("repository"),
        tags.c.name > bindparam("after"),
        images.c.status == "ACTIVE",
    )
    .order_by(tags.c.name)
    .limit(bindparam("count"))
)
_TAG_COUNT = select(func.count()).where(tags.c.image_id == bindparam("image_id"))
_REFERRERS = (
    select(*_CONTENT)
    .where(
        images.c.repository_id == bindparam("repository"),
        images.c.subject == bindparam("subject_digest"),
        images.c.id > bindparam("after"),
    )
    .order_by(images.c.id)
)


@dataclass(frozen=True, slots=True)
class StoredManifest:
    """A manifest as it is given to a client. `pull` is what `record_pull` takes."""

    content: bytes
    media_type: str
    digest: str
    pull: Any


@dataclass(frozen=True, slots=True)
class PushedManifest:
    """A manifest that a client pushed: its digest, and the digest of its subject if it has one."""

    digest: str
    subject: str | None


@dataclass(frozen=True, slots=True)
class Referrer:
    """A manifest that has a subject. The attributes but `id` are the members of ECR's `ImageReferrer`."""

    id: int
    digest: str
    media_type: str
    artifact_type: str | None
    size: int
    annotations: dict[str, str] | None
    artifact_status: str


class ReferencesBackend(ScanningBackend):
    """Manifests by tag or digest."""

    def get_manifest(
        self,
        repository_name: str,
        reference: str,
        accepted: list[str],
        registry_id: str | None = None,
    ) -> StoredManifest:
        """The manifest under a tag or digest; under a tag in a form that is `accepted`, where ECR translates.

        Raises RepositoryNotFoundException and ImageNotFoundException, an archived image being as good as missing.
        """
        with self._view(registry_id) as connection:
            repository, row = self._find(connection, repository_name, reference, registry_id)
        if row.status != "ACTIVE":
            raise _not_found(repository, reference)
        content, media_type, digest = row.manifest, row.media_type, row.digest
        if not _is_digest(reference):
            content, media_type = translate(content, media_type, accepted)
            if content is not row.manifest:
                digest = digest_of(content)
        return StoredManifest(content, media_type, digest, row)

    def put_manifest(
        self,
        repository_name: str,
        reference: str,
        content: bytes,
        media_type: str | None,
        registry_id: str | None = None,
    ) -> PushedManifest:
        """Store a manifest under a tag or under its digest. The same again changes nothing.

        All that it refers to must be there. Raises what PutImage raises, but ImageAlreadyExistsException.
        """
        with self.store.database.write() as transaction:
            repository = self._repository(transaction, repository_name, registry_id)
            manifest = parse_manifest(content, media_type)
            if _is_digest(reference):
                tag, digest = None, digest_of(content, reference.partition(":")[0])
                if digest != reference:
                    raise ImageDigestDoesNotMatchException(reference, repository)
            else:
                tag, digest = reference, digest_of(content)
            self.check_references(transaction, repository, manifest)
            self.store_manifest(transaction, repository, manifest, digest, tag)
        return PushedManifest(digest, manifest.subject)

    def delete_manifest(
        self, repository_name: str, digest: str, registry_id: str | None = None
    ) -> None:
        """Delete an image and its tags. Raises ImageNotFoundException and ImageReferencedByManifestList."""
        with self.store.database.write() as transaction:
            repository, row = self._find(transaction, repository_name, digest, registry_id)
            self.remove_image(transaction, repository, row)

    def delete_tag(self, repository_name: str, tag: str, registry_id: str | None = None) -> None:
        """Take a tag from its image, which stays without tags if it was the last. Raises ImageNotFoundException."""
        with self.store.database.write() as transaction:
            repository, row = self._find(transaction, repository_name, tag, registry_id)
            self.remove_tag(transaction, repository, row, tag)

    def delete_tag_and_last_image(
        self, repository_name: str, tag: str, registry_id: str | None = None
    ) -> None:
        """Take a tag from its image, which goes with its last tag, as in BatchDeleteImage."""
        with self.store.database.write() as transaction:
            repository, row = self._find(transaction, repository_name, tag, registry_id)
            if transaction.execute(_TAG_COUNT, {"image_id": row.id}).scalar_one() == 1:
                self.remove_image(transaction, repository, row)
            else:
                self.remove_tag(transaction, repository, row, tag)

    def list_tags(
        self, repository_name: str, after: str, count: int, registry_id: str | None = None
    ) -> list[str]:
        """At most `count` tags behind `after`, in lexical order."""
        with self.store.database.read() as transaction:
            repository = self._repository(transaction, repository_name, registry_id)
            return list(
                transaction.execute(
                    _TAG_PAGE, {"repository": repository.id, "after": after, "count": count}
                ).scalars()
            )

    def list_referrers(
        self,
        repository_name: str,
        digest: str,
        artifact_type: str | None = None,
        registry_id: str | None = None,
    ) -> list[Referrer]:
        """The active manifests whose subject is `digest`, of one type if it is given, in the order of push."""
        types = [] if artifact_type is None else [artifact_type]
        with self.store.database.read() as transaction:
            repository = self._repository(transaction, repository_name, registry_id)
            return _referrers(transaction, repository, digest, types, "ACTIVE")

    def list_image_referrers(
        self,
        repository_name: str,
        subject_id: Mapping[str, str],
        registry_id: str | None = None,
        filter: Mapping[str, Any] | None = None,
        next_token: str | None = None,
        max_results: int | None = None,
    ) -> dict[str, Any]:
        """Manifests whose subject is the image, active ones unless the filter says otherwise, in the order of push.

        Of an image that is not there, too: a referrer may be pushed before its subject.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ListImageReferrers.html
        """
        filter = filter or {}
        digest = subject_id["imageDigest"]
        if failure_of(subject_id):
            raise InvalidParameterException.at(
                "subjectId.imageDigest",
                f"Member must satisfy regular expression pattern: {API_DIGEST_PATTERN}",
            )
        count = max_results or REFERRERS_PAGE_SIZE
        with self.store.database.read() as transaction:
            repository = self._repository(transaction, repository_name, registry_id)
            listing = f"ListImageReferrers/{repository.id}/{digest}"
            [after] = decode_token(listing, next_token, (int,)) or [0]
            found = _referrers(
                transaction,
                repository,
                digest,
                filter.get("artifactTypes", ()),
                filter.get("artifactStatus", "ACTIVE"),
                after,
                count + 1,
            )
        page = found[:count]
        return {
            "referrers": page,
            "nextToken": encode_token(listing, [page[-1].id]) if len(found) > count else None,
        }

    def _find(
        self,
        transaction: Connection,
        repository_name: str,
        reference: str,
        registry_id: str | None = None,
    ) -> tuple[Repository, Any]:
        """A repository and the row of an image in it. Raises RepositoryNotFoundException and ImageNotFoundException."""
        query = _BY_DIGEST if _is_digest(reference) else _BY_TAG
        repository, row = self._repository_with(
            query, transaction, repository_name, registry_id, reference=reference
        )
        if row.id is None:
            raise _not_found(repository, reference)
        return repository, row


def _referrers(
    transaction: Connection,
    repository: Repository,
    digest: str,
    artifact_types: Collection[str],
    status: str,
    after: int = 0,
    count: int | None = None,
) -> list[Referrer]:
    """Manifests with a subject: of any type where none is named, at most `count` of them behind the row `after`."""
    statement = _REFERRERS.limit(count)
    if artifact_types:
        # No type has a NUL, and PostgreSQL takes no text that has one.
        types = [each for each in artifact_types if "\0" not in each]
        statement = statement.where(images.c.artifact_type.in_(types))
    if status != "ANY":
        statement = statement.where(images.c.status == status)
    key = {"repository": repository.id, "subject_digest": digest, "after": after}
    return [
        Referrer(
            id=row.id,
            digest=row.digest,
            media_type=row.media_type,
            artifact_type=row.artifact_type,
            size=len(row.manifest),
            annotations=json.loads(row.manifest).get("annotations") or None,
            artifact_status=row.status,
        )
        for row in transaction.execute(statement, key)
    ]


def _is_digest(reference: str) -> bool:
    # A tag has no colon.
    return ":" in reference


def _not_found(repository: Repository, reference: str) -> ImageNotFoundException:
    digest, tag = (reference, None) if _is_digest(reference) else (None, reference)
    return ImageNotFoundException(digest, tag, repository)
