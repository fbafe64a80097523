"""Imports: one image that comes from an upstream registry, and all that follows from that."""

from __future__ import annotations

from contextlib import AbstractContextManager, closing

from moto_ecr_ext.caller import Caller, calling
from moto_ecr_ext.clock import now
from moto_ecr_ext.exceptions import (
    ECRError,
    ImageNotFoundException,
    ImageTagAlreadyExistsException,
    InvalidParameterException,
    RepositoryName,
    RepositoryNotFoundException,
)
from moto_ecr_ext.exceptions.common import AccessDeniedException
from moto_ecr_ext.exceptions.pull_through import UpstreamAccessDenied, UpstreamUnavailable
from moto_ecr_ext.models.base import RegistryBackend
from moto_ecr_ext.models.events import pull_through_event
from moto_ecr_ext.models.images.by_reference import find_manifest, image_not_found
from moto_ecr_ext.models.images.copies import copy_image
from moto_ecr_ext.models.images.push import store_manifest
from moto_ecr_ext.models.registry.creation_templates import create_from_template
from moto_ecr_ext.models.repositories.repository import Repository
from moto_ecr_ext.oci.manifests import Manifest, parse_manifest
from moto_ecr_ext.oci.media_types import MANIFEST_TYPES, SCHEMA_1_TYPES
from moto_ecr_ext.oci.reference import Reference, Tag
from moto_ecr_ext.services.eventbridge import send_event
from moto_ecr_ext.services.iam import account_principal
from moto_ecr_ext.storage import rows
from moto_ecr_ext.storage.blobs.errors import UploadCancelled
from moto_ecr_ext.storage.database.transaction import Transaction, View
from moto_ecr_ext.storage.rows.manifests import ManifestRow
from moto_ecr_ext.upstream.client import UpstreamManifest, UpstreamRegistry
from moto_ecr_ext.upstream.registries import ECR, UPSTREAMS

from .downloads import Downloads, WrongDigest
from .rules import PullThroughCacheRule, mapped_url, upstream_registry_of

# Bytes. https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html, "Maximum layer size"
_LARGEST_LAYER = 52_000 * 1024 * 1024


class Import:
    """One question for an image of a registry, by its tag or digest, and all that follows from the answer."""

    def __init__(
        self,
        registry: RegistryBackend,
        rule: PullThroughCacheRule,
        repository_name: str,
        reference: Reference,
    ):
        self._registry = registry
        self._store = registry.store
        self._rule = rule
        self._repository_name = repository_name
        self._reference = reference
        self._tag = reference if isinstance(reference, Tag) else None
        self._upstream_name = rule.upstream_name(repository_name)

    def run(self) -> None:
        """Make the image that the upstream has the one of the repository.

        Raises UpstreamError, UnableToGetUpstreamImageException, ImageNotFoundException, and
        ImageTagAlreadyExistsException for an immutable tag of another image; nothing has changed then.
        """
        if self._rule.upstream_registry == ECR and mapped_url(ECR) is None:
            self._copy_from_ecr()
            return
        with closing(upstream_registry_of(self._rule)) as upstream:
            found = upstream.manifest(self._upstream_name, self._reference, sorted(MANIFEST_TYPES))
            if found is None:
                raise self._not_found()
            self._download(upstream, found)

    def announce_failure(self, error: ECRError) -> None:
        """Tell EventBridge that there was no image to be had."""
        self._send(None, error)

    def _send(self, digest: str | None, error: ECRError | None) -> None:
        event = pull_through_event(self._rule, self._repository_name, self._tag, digest, error)
        send_event(self._rule.registry_id, self._rule.region, event)

    def _not_found(self) -> ImageNotFoundException:
        return image_not_found(
            self._reference, RepositoryName(self._repository_name, self._rule.registry_id)
        )

    def _copy_from_ecr(self) -> None:
        """Copy from a registry of the same store, as the rule's role where it is of another account."""
        upstream, account_id = upstream_ecr(self._registry, self._rule)
        with self._store.database.write() as transaction:
            try:
                image = self._read_as_role(upstream, transaction, account_id)
            except (RepositoryNotFoundException, ImageNotFoundException):
                raise self._not_found() from None
            except AccessDeniedException:
                raise UpstreamAccessDenied(self._rule.upstream_registry_url) from None
            if image.status != "ACTIVE":
                raise self._not_found()
            repository = self._repository_for_import(transaction)
            copy_image(self._registry, transaction, image, repository, self._tag)
            self._has_come(transaction, repository, image.digest)

    def _read_as_role(self, upstream: RegistryBackend, view: View, account_id: str) -> ManifestRow:
        """Return the upstream's image, if the role may get it and its layers."""
        with reading_as_role(self._rule, "ecr:GetDownloadUrlForLayer"):
            upstream.repository(view, self._upstream_name, account_id)
        with reading_as_role(self._rule, "ecr:BatchGetImage"):
            _, row = find_manifest(upstream, view, self._upstream_name, self._reference, account_id)
        return row

    def _download(self, upstream: UpstreamRegistry, found: UpstreamManifest) -> None:
        """Have an image with all its blobs stored, in one transaction once they are all here."""
        manifest = self._parse(found)
        sizes = _sizes(manifest)
        try:
            with Downloads(self._store) as downloads:
                # Blobs that the repository held may be gone once the others are here.
                while missing := self._store_if_complete(found, manifest, list(sizes), downloads):
                    for digest in missing:
                        pieces = upstream.blob(self._upstream_name, digest, sizes[digest])
                        downloads.add(digest, pieces)
        except WrongDigest as error:
            raise UpstreamUnavailable(
                f"The layer {error} of {self._upstream_name} that "
                f"{self._rule.upstream_registry_url} gave has another digest."
            ) from None
        except UploadCancelled:
            # A reset, or the start of another server, which takes it for what a killed process has left.
            raise UpstreamUnavailable(
                f"What had come of {self._upstream_name} was discarded meanwhile. Pull it again."
            ) from None

    def _parse(self, found: UpstreamManifest) -> Manifest:
        # Some registries send one type with whatever they have.
        media_type = found.media_type if found.media_type in MANIFEST_TYPES else None
        try:
            return parse_manifest(found.content, media_type)
        except InvalidParameterException:
            raise UpstreamUnavailable(
                f"What {self._rule.upstream_registry_url} gave for {self._reference} of "
                f"{self._upstream_name} is no manifest that Amazon ECR takes."
            ) from None

    def _store_if_complete(
        self,
        found: UpstreamManifest,
        manifest: Manifest,
        blobs: list[str],
        downloads: Downloads,
    ) -> list[str]:
        """Store the image if the repository holds its blobs or they are downloaded; else those that are missing."""
        with self._store.database.write() as transaction:
            present = present_image(
                self._registry, transaction, self._repository_name, self._reference
            )
            if present is not None and present.digest == found.digest:
                repository = self._registry.repository(transaction, self._repository_name)
                self._has_come(transaction, repository, found.digest)
                return []
            held = self._held(transaction, blobs)
            self._check_tag(transaction, present)
            new = [each for each in blobs if each not in held]
            if missing := [each for each in new if each not in downloads]:
                return missing
            repository = self._repository_for_import(transaction)
            for digest in new:
                rows.blobs.insert(transaction, repository.id, digest, downloads.size(digest))
            # After its blobs, which a replication takes along.
            store_manifest(
                self._registry, transaction, repository, manifest, found.digest, self._tag
            )
            self._has_come(transaction, repository, found.digest)
            # Last, since it cannot be undone.
            for digest in new:
                downloads.commit(digest)
        return []

    def _repository_for_import(self, transaction: Transaction) -> Repository:
        """Return the repository of the image, made from its template if it is not there."""
        try:
            return self._registry.repository(transaction, self._repository_name)
        except RepositoryNotFoundException:
            return create_from_template(
                self._registry, transaction, self._repository_name, "PULL_THROUGH_CACHE"
            )

    def _check_tag(self, view: View, present: ManifestRow | None) -> None:
        """Raise ImageTagAlreadyExistsException before layers are downloaded in vain."""
        if present is None or self._tag is None:
            return
        repository = self._registry.repository(view, self._repository_name)
        if repository.is_immutable(self._tag):
            raise ImageTagAlreadyExistsException(self._tag, self._repository_name)

    def _held(self, view: View, blobs: list[str]) -> set[str]:
        """Return those of the blobs that the repository holds, if it is there."""
        try:
            repository = self._registry.repository(view, self._repository_name)
        except RepositoryNotFoundException:
            return set()
        return rows.blobs.held(view, repository.id, blobs)

    def _has_come(self, transaction: Transaction, repository: Repository, digest: str) -> None:
        """Note what the upstream has answered, and tell EventBridge of it once that is committed."""
        note_check(transaction, repository, self._reference)
        transaction.after_commit(lambda: self._send(digest, None))


def upstream_ecr(
    registry: RegistryBackend, rule: PullThroughCacheRule
) -> tuple[RegistryBackend, str]:
    """Return the own account's registry in the Region of a rule's upstream ECR, and the account whose registry that is.

    Raises UpstreamUnavailable for a Region that there is not.
    """
    url = UPSTREAMS[ECR].match(rule.upstream_registry_url)
    assert url is not None
    try:
        return registry.registry(rule.registry_id, url["region"]), url["account"]
    except KeyError:
        raise UpstreamUnavailable(f"There is no region '{url['region']}'.") from None


def reading_as_role(rule: PullThroughCacheRule, action: str) -> AbstractContextManager[None]:
    """Act as the role with which a rule reads from an ECR of another account; from its own, as the account."""
    principal = rule.custom_role_arn or account_principal(rule.registry_id, rule.region)
    return calling(Caller(action, principal))


def present_image(
    registry: RegistryBackend, view: View, repository_name: str, reference: Reference
) -> ManifestRow | None:
    """Return an image of the registry; None if there is none."""
    try:
        _, row = find_manifest(registry, view, repository_name, reference)
    except (RepositoryNotFoundException, ImageNotFoundException):
        return None
    return row


def _sizes(manifest: Manifest) -> dict[str, int]:
    """Return the most bytes that each blob of an image may have, by its digest. Manifests of schema 1 do not say it."""
    sizes: dict[str, int] = {}
    for blob in manifest.blobs:
        if blob.is_distributed:
            said = _LARGEST_LAYER if manifest.media_type in SCHEMA_1_TYPES else blob.size
            sizes[blob.digest] = max(said, sizes.get(blob.digest, 0))
    return sizes


def note_check(transaction: Transaction, repository: Repository, reference: Reference) -> None:
    """Remember, of a tag, that the upstream was asked for it now, and that the image under it is from there.

    Nothing if the tag was deleted meanwhile.
    """
    tag = None
    if isinstance(reference, Tag):
        tag = rows.tags.by_name(transaction, repository.id, reference)
    if tag is not None:
        rows.pull_through.note_check(transaction, tag.id, tag.image_id, now())
