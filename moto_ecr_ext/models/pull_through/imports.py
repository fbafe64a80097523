"""Imports of single images from an upstream registry, with their consequences."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, closing

from moto_ecr_ext import arns
from moto_ecr_ext.caller import Caller, calling
from moto_ecr_ext.clock import now
from moto_ecr_ext.exceptions import (
    ECRError,
    ImageNotFoundException,
    ImageTagAlreadyExistsException,
    InvalidParameterException,
    RepositoryNotFoundException,
    UncheckedRepository,
)
from moto_ecr_ext.exceptions.common import AccessDeniedException
from moto_ecr_ext.exceptions.pull_through import UpstreamAccessDenied, UpstreamUnavailable
from moto_ecr_ext.models.base import RegistryBackend
from moto_ecr_ext.models.images.by_reference import find_manifest, image_not_found
from moto_ecr_ext.models.images.copies import copy_alone
from moto_ecr_ext.models.images.push import store_manifest
from moto_ecr_ext.models.registry.creation_templates import create_from_template, template_for
from moto_ecr_ext.models.repositories.repository import Repository
from moto_ecr_ext.moto_services.eventbridge import EcrEvent, send_event
from moto_ecr_ext.moto_services.iam import account_principal
from moto_ecr_ext.oci.manifests import Manifest, parse_manifest
from moto_ecr_ext.oci.media_types import MANIFEST_TYPES, SCHEMA_1_TYPES
from moto_ecr_ext.oci.reference import Reference, Tag
from moto_ecr_ext.storage import rows
from moto_ecr_ext.storage.blobs.errors import UploadCancelled
from moto_ecr_ext.storage.database.transaction import Transaction, View
from moto_ecr_ext.storage.rows.manifests import ManifestRow
from moto_ecr_ext.upstream.client import UpstreamManifest, UpstreamRegistry
from moto_ecr_ext.upstream.registries import ECR, UPSTREAMS

from .downloads import Downloads, WrongDigest
from .rules import PullThroughCacheRule, check_upstream, mapped_url, upstream_registry_of

# Bytes. https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html, "Maximum layer size"
_LARGEST_LAYER = 52_000 * 1024 * 1024
# The occasion of creation templates.
_OCCASION = "PULL_THROUGH_CACHE"


class NotWanted(Exception):
    """The reason of an import does not exist any more."""


class Import:
    """One import of an image, by tag or digest: the question to the upstream, the download, and the consequences.

    `is_wanted` returns False once the reason of the import is gone. It is called in the transaction that stores the
    image.
    """

    def __init__(
        self,
        registry: RegistryBackend,
        rule: PullThroughCacheRule,
        repository_name: str,
        reference: Reference,
        is_wanted: Callable[[View], bool] = lambda _: True,
    ):
        self.registry = registry
        self.rule = rule
        self.repository_name = repository_name
        self.reference = reference
        self._is_wanted = is_wanted
        self._store = registry.store
        self._tag = reference if isinstance(reference, Tag) else None
        self._upstream_name = rule.upstream_name(repository_name)

    def run(self) -> None:
        """Store the upstream's image in the repository.

        Raises UpstreamError, UnableToGetUpstreamImageException, ImageNotFoundException, TemplateNeedsRole, NotWanted,
        and ImageTagAlreadyExistsException for an immutable tag of another image. An error leaves everything unchanged.
        """
        if self.rule.upstream_registry == ECR and mapped_url(ECR) is None:
            self._copy_from_ecr()
            return
        with closing(upstream_registry_of(self.rule)) as upstream:
            found = upstream.manifest(self._upstream_name, self.reference, sorted(MANIFEST_TYPES))
            if found is None:
                raise self._not_found()
            self._download(upstream, found)

    def announce_failure(self, error: ECRError) -> None:
        """Send the event of a failed import to EventBridge. Raises NotWanted."""
        with self._store.database.read() as view:
            self._check_wanted(view)
        self._send(None if self._tag else self.reference, error)

    def _check_wanted(self, view: View) -> None:
        if not self._is_wanted(view):
            raise NotWanted

    def _send(self, digest: str | None, error: ECRError | None) -> None:
        event = _event(self.rule, self.repository_name, self._tag, digest, error)
        send_event(self.rule.registry_id, self.rule.region, event)

    def _not_found(self) -> ImageNotFoundException:
        return image_not_found(
            self.reference, UncheckedRepository(self.repository_name, self.rule.registry_id)
        )

    def _copy_from_ecr(self) -> None:
        """Copy from a registry of the same store; from another account's registry, act as the rule's role."""
        upstream, account_id = upstream_ecr(self.registry, self.rule)
        with self._store.database.write() as transaction:
            self._check_wanted(transaction)
            try:
                image = self._read_as_role(upstream, transaction, account_id)
            except (RepositoryNotFoundException, ImageNotFoundException):
                raise self._not_found() from None
            except AccessDeniedException:
                raise UpstreamAccessDenied(self.rule.upstream_registry_url) from None
            if image.status != "ACTIVE":
                raise self._not_found()
            repository = self._repository_for_import(transaction)
            copy_alone(self.registry, transaction, image, repository, self._tag)
            self._has_come(transaction, repository, image.digest)

    def _read_as_role(self, upstream: RegistryBackend, view: View, account_id: str) -> ManifestRow:
        """Return the upstream's image, if the role may get it and its layers."""
        with reading_as_role(self.rule, "ecr:GetDownloadUrlForLayer"):
            upstream.repository(view, self._upstream_name, account_id)
        with reading_as_role(self.rule, "ecr:BatchGetImage"):
            _, row = find_manifest(upstream, view, self._upstream_name, self.reference, account_id)
        return row

    def _download(self, upstream: UpstreamRegistry, found: UpstreamManifest) -> None:
        """Download an image with all its blobs, then store it in one transaction."""
        manifest = self._parse(found)
        sizes = _sizes(manifest)
        try:
            with Downloads(self._store) as downloads:
                # The repository may lose blobs while others are downloaded.
                while missing := self._store_if_complete(found, manifest, list(sizes), downloads):
                    for digest in missing:
                        pieces = upstream.blob(self._upstream_name, digest, sizes[digest])
                        downloads.add(digest, pieces)
        except WrongDigest as error:
            raise UpstreamUnavailable(
                f"The layer {error} of {self._upstream_name} from "
                f"{self.rule.upstream_registry_url} has another digest."
            ) from None
        except UploadCancelled:
            # A reset did it, or another server, which started and took the download for the rest of a killed process.
            raise UpstreamUnavailable(
                f"The download of {self._upstream_name} was discarded. Pull it again."
            ) from None

    def _parse(self, found: UpstreamManifest) -> Manifest:
        # Some registries send one content type for all manifests.
        media_type = found.media_type if found.media_type in MANIFEST_TYPES else None
        try:
            return parse_manifest(found.content, media_type)
        except InvalidParameterException:
            raise UpstreamUnavailable(
                f"Amazon ECR does not accept the manifest of {self.reference} of "
                f"{self._upstream_name} from {self.rule.upstream_registry_url}."
            ) from None

    def _store_if_complete(
        self,
        found: UpstreamManifest,
        manifest: Manifest,
        blobs: list[str],
        downloads: Downloads,
    ) -> list[str]:
        """Store the image if all its blobs are held or downloaded. Otherwise, return the missing blobs."""
        with self._store.database.write() as transaction:
            self._check_wanted(transaction)
            present = present_image(
                self.registry, transaction, self.repository_name, self.reference
            )
            if present is not None and present.digest == found.digest:
                repository = self.registry.repository(transaction, self.repository_name)
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
            # The manifest follows its blobs, since a replication copies them with it.
            store_manifest(
                self.registry, transaction, repository, manifest, found.digest, self._tag
            )
            self._has_come(transaction, repository, found.digest)
            # This is the last step, since it cannot be undone.
            for digest in new:
                downloads.commit(digest)
        return []

    def _repository_for_import(self, transaction: Transaction) -> Repository:
        """Return the repository of the image. If it is missing, create it from its template."""
        try:
            return self.registry.repository(transaction, self.repository_name)
        except RepositoryNotFoundException:
            return create_from_template(self.registry, transaction, self.repository_name, _OCCASION)

    def _check_tag(self, view: View, present: ManifestRow | None) -> None:
        """Raise ImageTagAlreadyExistsException before layers are downloaded in vain."""
        if present is None or self._tag is None:
            return
        repository = self.registry.repository(view, self.repository_name)
        if repository.is_immutable(self._tag):
            raise ImageTagAlreadyExistsException(self._tag, self.repository_name)

    def _held(self, view: View, blobs: list[str]) -> set[str]:
        """Return those of the blobs that the repository holds, if it exists.

        Raises TemplateNeedsRole for one that cannot be created, before layers are downloaded in vain.
        """
        try:
            repository = self.registry.repository(view, self.repository_name)
        except RepositoryNotFoundException:
            template_for(self.registry, view, self.repository_name, _OCCASION)
            return set()
        return rows.blobs.held(view, repository.id, blobs)

    def _has_come(self, transaction: Transaction, repository: Repository, digest: str) -> None:
        """Note the result of the import, and send it to EventBridge once the transaction is committed."""
        note_check(transaction, repository, self.reference)
        transaction.after_commit(lambda: self._send(digest, None))


def upstream_ecr(
    registry: RegistryBackend, rule: PullThroughCacheRule
) -> tuple[RegistryBackend, str]:
    """Return this account's registry in the Region of a rule's upstream ECR, and the account of the upstream registry.

    Raises UpstreamUnavailable for an unknown Region, and the errors of `check_upstream`.
    """
    check_upstream(rule)
    url = UPSTREAMS[ECR].match(rule.upstream_registry_url)
    assert url is not None
    try:
        return registry.registry(rule.registry_id, url["region"]), url["account"]
    except KeyError:
        raise UpstreamUnavailable(f"There is no Region '{url['region']}'.") from None


def reading_as_role(rule: PullThroughCacheRule, action: str) -> AbstractContextManager[None]:
    """Act as the role with which a rule reads from another account's ECR; for its own account's ECR, as the account."""
    principal = rule.custom_role_arn or account_principal(rule.registry_id, rule.region)
    return calling(Caller(action, principal))


def present_image(
    registry: RegistryBackend, view: View, repository_name: str, reference: Reference
) -> ManifestRow | None:
    """Return an image of the registry; None if it does not exist."""
    try:
        _, row = find_manifest(registry, view, repository_name, reference)
    except (RepositoryNotFoundException, ImageNotFoundException):
        return None
    return row


def _sizes(manifest: Manifest) -> dict[str, int]:
    """Return the greatest size of each blob of an image, by digest. Manifests of schema 1 do not have sizes."""
    sizes: dict[str, int] = {}
    for blob in manifest.blobs:
        if blob.is_distributed:
            said = _LARGEST_LAYER if manifest.media_type in SCHEMA_1_TYPES else blob.size
            sizes[blob.digest] = max(said, sizes.get(blob.digest, 0))
    return sizes


def note_check(transaction: Transaction, repository: Repository, reference: Reference) -> None:
    """Record that the upstream was asked for a tag now, and that the tagged image is from there.

    Does nothing if the tag was deleted meanwhile.
    """
    tag = None
    if isinstance(reference, Tag):
        tag = rows.tags.by_name(transaction, repository.id, reference)
    if tag is not None:
        rows.pull_through.note_check(transaction, tag.id, tag.image_id, now())


def _event(
    rule: PullThroughCacheRule,
    repository_name: str,
    tag: str | None,
    digest: str | None,
    failure: ECRError | None,
) -> EcrEvent:
    """Return the event of a pull from an upstream registry. It reports a failure if there is one, otherwise success."""
    detail = {
        "rule-version": "1",
        "sync-status": "FAILURE" if failure else "SUCCESS",
        "ecr-repository-prefix": rule.ecr_repository_prefix,
        "repository-name": repository_name,
        "upstream-registry-url": rule.upstream_registry_url,
        "image-tag": tag,
        "image-digest": digest,
        "failure-code": failure.code if failure else None,
        "failure-reason": failure.message if failure else None,
    }
    arn = arns.repository_arn(rule.registry_id, rule.region, repository_name)
    return EcrEvent("ECR Pull Through Cache Action", detail, [arn])
