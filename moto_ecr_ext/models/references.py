"""Images by reference, a tag or a digest, as the registry protocol asks for them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, func, select

from moto_ecr_ext.digest import digest_of
from moto_ecr_ext.exceptions import (
    ImageDigestDoesNotMatchException,
    ImageNotFoundException,
)
from moto_ecr_ext.storage import tables
from moto_ecr_ext.storage.queries import Query

from .manifests import parse_manifest, translate
from .repository import Repository
from .scanning import ScanningBackend

images, tags = tables.images, tables.tags

_CONTENT = (
    images.c.id,
    images.c.digest,
    images.c.media_type,
    images.c.artifact_type,
    images.c.subject,
    images.c.status,
    images.c.manifest,
)
_BY_DIGEST = Query(
    select(*_CONTENT).where(
        images.c.repository_id == bindparam("repository"),
        images.c.digest == bindparam("reference"),
    )
)
_BY_TAG = Query(
    select(*_CONTENT)
    .join(tags, tags.c.image_id == images.c.id)
    .where(tags.c.repository_id == bindparam("repository"), tags.c.name == bindparam("reference"))
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
    select(images.c.digest, images.c.media_type, images.c.artifact_type, images.c.manifest)
    .where(
        images.c.repository_id == bindparam("repository"),
        images.c.subject == bindparam("subject_digest"),
        images.c.status == "ACTIVE",
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
        with self.store.database.read() as transaction:
            repository = self._repository(transaction, repository_name, registry_id)
            row = self._find(transaction, repository, reference)
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
                    raise ImageDigestDoesNotMatchException(
                        reference, repository.repository_name, repository.registry_id
                    )
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
            repository = self._repository(transaction, repository_name, registry_id)
            row = self._find(transaction, repository, digest)
            self.remove_image(transaction, repository, row)

    def delete_tag(self, repository_name: str, tag: str, registry_id: str | None = None) -> None:
        """Take a tag from its image, which stays without tags if it was the last. Raises ImageNotFoundException."""
        with self.store.database.write() as transaction:
            repository = self._repository(transaction, repository_name, registry_id)
            row = self._find(transaction, repository, tag)
            self.remove_tag(transaction, repository, row, tag)

    def delete_tag_and_last_image(
        self, repository_name: str, tag: str, registry_id: str | None = None
    ) -> None:
        """Take a tag from its image, which goes with its last tag, as in BatchDeleteImage."""
        with self.store.database.write() as transaction:
            repository = self._repository(transaction, repository_name, registry_id)
            row = self._find(transaction, repository, tag)
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
        self, repository_name: str, digest: str, registry_id: str | None = None
    ) -> list[dict[str, Any]]:
        """Descriptors of the manifests whose subject is `digest`, in the order of push."""
        with self.store.database.read() as transaction:
            repository = self._repository(transaction, repository_name, registry_id)
            rows = transaction.execute(
                _REFERRERS, {"repository": repository.id, "subject_digest": digest}
            ).all()
        return [
            {
                "mediaType": row.media_type,
                "digest": row.digest,
                "size": len(row.manifest),
                "artifactType": row.artifact_type,
                "annotations": json.loads(row.manifest).get("annotations"),
            }
            for row in rows
        ]

    def _find(self, transaction: Connection, repository: Repository, reference: str) -> Any:
        query = _BY_DIGEST if _is_digest(reference) else _BY_TAG
        row = query.first(transaction, {"repository": repository.id, "reference": reference})
        if row is None:
            raise _not_found(repository, reference)
        return row


def _is_digest(reference: str) -> bool:
    # A tag has no colon.
    return ":" in reference


def _not_found(repository: Repository, reference: str) -> ImageNotFoundException:
    digest, tag = (reference, None) if _is_digest(reference) else (None, reference)
    return ImageNotFoundException(digest, tag, repository.repository_name, repository.registry_id)
