"""Imports: one image that comes from an upstream registry, and all that follows from that."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

from moto_ecr_ext.caller import Caller, calling
from moto_ecr_ext.clock import now
from moto_ecr_ext.exceptions import (
    ECRError,
    ImageNotFoundException,
    ImageTagAlreadyExistsException,
    InvalidParameterException,
    LimitExceededException,
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
from moto_ecr_ext.oci.digest import is_digest
from moto_ecr_ext.oci.manifests import Manifest, parse_manifest
from moto_ecr_ext.oci.media_types import MANIFEST_TYPES
from moto_ecr_ext.oci.reference import Reference, Tag
from moto_ecr_ext.services.eventbridge import send_event
from moto_ecr_ext.services.iam import account_principal
from moto_ecr_ext.storage import rows
from moto_ecr_ext.storage.blobs.errors import UploadCancelled
from moto_ecr_ext.storage.blobs.sessions import UploadSession
from moto_ecr_ext.storage.database.transaction import Transaction, View
from moto_ecr_ext.storage.rows.manifests import ManifestRow
from moto_ecr_ext.upstream.client import UpstreamManifest, UpstreamRegistry
from moto_ecr_ext.upstream.registries import ECR, UPSTREAMS

from .rules import PullThroughCacheRule, mapped_url, upstream_registry_of


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
        if not isinstance(self._reference, Tag) and not is_digest(self._reference):
            raise self._not_found()
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
        url = UPSTREAMS[ECR].match(self._rule.upstream_registry_url)
        assert url is not None
        try:
            upstream = self._registry.registry(self._rule.registry_id, url["region"])
        except KeyError:
            raise UpstreamUnavailable(f"There is no region '{url['region']}'.") from None
        with self._store.database.write() as transaction:
            try:
                image = self._read_as_role(upstream, transaction, url["account"])
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
        # A rule without a role is about an upstream of its own account.
        principal = self._rule.custom_role_arn or account_principal(account_id, self._rule.region)
        with calling(Caller("ecr:GetDownloadUrlForLayer", principal)):
            upstream.repository(view, self._upstream_name, account_id)
        with calling(Caller("ecr:BatchGetImage", principal)):
            _, row = find_manifest(upstream, view, self._upstream_name, self._reference, account_id)
        return row

    def _download(self, upstream: UpstreamRegistry, found: UpstreamManifest) -> None:
        """Have an image with all its blobs stored, in one transaction once they are all here."""
        manifest = self._parse(found)
        blobs = list(dict.fromkeys(blob.digest for blob in manifest.blobs if blob.is_distributed))
        try:
            with ExitStack() as stack:
                downloaded: dict[str, UploadSession] = {}
                # Blobs that the repository held may be gone once the others are here.
                while missing := self._store_if_complete(found, manifest, blobs, downloaded):
                    for digest in missing:
                        session = stack.enter_context(self._upload())
                        self._fill(session, upstream, digest)
                        downloaded[digest] = session
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
        except (InvalidParameterException, LimitExceededException):
            raise UpstreamUnavailable(
                f"What {self._rule.upstream_registry_url} gave for {self._reference} of "
                f"{self._upstream_name} is no manifest that Amazon ECR takes."
            ) from None

    @contextmanager
    def _upload(self) -> Iterator[UploadSession]:
        """Room for the bytes of a blob, which is gone afterwards unless they were committed."""
        upload_id = str(uuid.uuid4())
        try:
            with self._store.blobs.upload(upload_id) as session:
                yield session
        finally:
            self._store.cancel_upload(upload_id)

    def _fill(self, session: UploadSession, upstream: UpstreamRegistry, digest: str) -> None:
        for piece in upstream.blob(self._upstream_name, digest):
            session.append(piece)
        session.flush()
        if not session.has_digest(digest):
            raise UpstreamUnavailable(
                f"The layer {digest} of {self._upstream_name} that "
                f"{self._rule.upstream_registry_url} gave has another digest."
            )

    def _store_if_complete(
        self,
        found: UpstreamManifest,
        manifest: Manifest,
        blobs: list[str],
        downloaded: dict[str, UploadSession],
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
            if missing := [each for each in new if each not in downloaded]:
                return missing
            repository = self._repository_for_import(transaction)
            for digest in new:
                rows.blobs.insert(transaction, repository.id, digest, downloaded[digest].size)
            # After its blobs, which a replication takes along.
            store_manifest(
                self._registry, transaction, repository, manifest, found.digest, self._tag
            )
            self._has_come(transaction, repository, found.digest)
            # Last, since it cannot be undone.
            for digest in new:
                downloaded[digest].commit(digest)
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


def present_image(
    registry: RegistryBackend, view: View, repository_name: str, reference: Reference
) -> ManifestRow | None:
    """Return an image of the registry; None if there is none."""
    try:
        _, row = find_manifest(registry, view, repository_name, reference)
    except (RepositoryNotFoundException, ImageNotFoundException):
        return None
    return row


def note_check(transaction: Transaction, repository: Repository, reference: Reference) -> None:
    """Remember, of a tag, that the upstream was asked for it now, and that the image under it is from there.

    Nothing if the tag was deleted meanwhile.
    """
    tag = None
    if isinstance(reference, Tag):
        tag = rows.tags.by_name(transaction, repository.id, reference)
    if tag is not None:
        rows.pull_through.note_check(transaction, tag.id, tag.image_id, now())
