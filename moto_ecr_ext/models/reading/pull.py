"""Pulling images: manifests by reference, for both protocols."""

from __future__ import annotations

from collections.abc import Container, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from moto_ecr_ext.caller import current_caller
from moto_ecr_ext.clock import timestamp
from moto_ecr_ext.exceptions import (
    ECRError,
    ImageNotFoundException,
    NamedRepository,
    RepositoryNotFoundException,
    UncheckedRepository,
)
from moto_ecr_ext.exceptions.pull_through import UpstreamError
from moto_ecr_ext.exceptions.registry_protocol import PlaceholderImage
from moto_ecr_ext.models.base import RegistryBackend
from moto_ecr_ext.models.images.by_reference import find_manifest, find_original, image_not_found
from moto_ecr_ext.models.images.identifiers import (
    NO_TAG,
    ImageId,
    Selection,
    failure_entry,
    failure_of,
    image_id_of,
)
from moto_ecr_ext.models.images.push import ImageResult
from moto_ecr_ext.models.pull_through.cache import import_if_due, is_due
from moto_ecr_ext.models.pull_through.rules import rule_for
from moto_ecr_ext.models.repositories.repository import Repository
from moto_ecr_ext.moto_services.iam import identity_of
from moto_ecr_ext.oci.digest import Digest
from moto_ecr_ext.oci.manifests import in_other_form, translate
from moto_ecr_ext.oci.media_types import MANIFEST_TYPES
from moto_ecr_ext.oci.reference import Reference, Tag
from moto_ecr_ext.storage import rows
from moto_ecr_ext.storage.database.transaction import RowRefused
from moto_ecr_ext.storage.rows.images import StoredImage
from moto_ecr_ext.storage.rows.manifests import ManifestRow


@dataclass(frozen=True, slots=True)
class PulledManifest:
    """A manifest as a client receives it. `image` is an argument for `record_pull`."""

    content: bytes
    media_type: str
    digest: Digest
    image: ManifestRow


class PullBackend(RegistryBackend):
    """BatchGetImage, and its counterpart in the registry protocol.

    Images that a pull-through cache rule covers come from upstream, if they are missing or due for a check.
    """

    def get_manifest(
        self,
        repository_name: str,
        reference: Reference,
        accepted: Container[str],
        registry_id: str | None = None,
    ) -> PulledManifest:
        """Return the manifest of a tag or digest. For a tag, ECR may translate it into a form that is `accepted`.

        Raises RepositoryNotFoundException, and ImageNotFoundException for an archived image too; UpstreamError and
        UnableToGetUpstreamImageException if a rule covers the repository.
        """
        try:
            pulled = self._read_manifest(repository_name, reference, accepted, registry_id)
            if not is_due(pulled.image):
                return pulled
        except (RepositoryNotFoundException, ImageNotFoundException):
            if not import_if_due(self, repository_name, reference, registry_id):
                raise
        else:
            import_if_due(self, repository_name, reference, registry_id)
        return self._read_manifest(repository_name, reference, accepted, registry_id)

    def _read_manifest(
        self,
        repository_name: str,
        reference: Reference,
        accepted: Container[str],
        registry_id: str | None,
    ) -> PulledManifest:
        try:
            with self.view(registry_id) as view:
                repository, row = find_manifest(self, view, repository_name, reference, registry_id)
        except ImageNotFoundException as error:
            if isinstance(reference, Tag) or isinstance(error, PlaceholderImage):
                raise
            return self._read_translation(repository_name, reference, registry_id)
        if row.status != "ACTIVE":
            raise image_not_found(reference, repository)
        content, media_type, digest = row.manifest, row.media_type, Digest(row.digest)
        if isinstance(reference, Tag):
            content, media_type = translate(content, media_type, accepted)
            if content is not row.manifest:
                digest = Digest.of(content)
                self._remember_translation(repository, digest, row)
        return PulledManifest(content, media_type, digest, row)

    def _read_translation(
        self, repository_name: str, digest: Digest, registry_id: str | None
    ) -> PulledManifest:
        """Return a translation of a manifest by the digest of the translation.

        Raises the errors of `find_manifest`.
        """
        with self.view(registry_id) as view:
            repository, row = find_original(self, view, repository_name, digest, registry_id)
        form = in_other_form(row.manifest, row.media_type)
        # Another version of this package may translate into other bytes.
        if row.status != "ACTIVE" or form is None or Digest.of(form[0]) != digest:
            raise image_not_found(digest, repository)
        return PulledManifest(*form, digest, row)

    def _remember_translation(
        self, repository: Repository, digest: Digest, image: ManifestRow
    ) -> None:
        """Store the digest of a translation: a client that received it may ask for it."""
        with self.store.database.read_one() as view:
            if rows.translations.is_known(view, repository.id, digest):
                return
        # Another client was faster, or the image was deleted.
        with suppress(RowRefused), self.store.database.write() as transaction:
            rows.translations.insert(transaction, repository.id, digest, image.id)

    def batch_get_image(
        self,
        repository_name: str,
        image_ids: Sequence[ImageId],
        registry_id: str | None = None,
        accepted_media_types: list[str] | None = None,
    ) -> dict[str, Any]:
        """Return manifests, one entry for each tag of an image that is asked for by digest.

        If a manifest is asked for by tag and its type is not accepted, it is translated if ECR can do that.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchGetImage.html
        """
        refused = self._bring_in_all(repository_name, image_ids, registry_id)
        try:
            answer = self._read_images(
                repository_name, image_ids, registry_id, accepted_media_types or MANIFEST_TYPES
            )
        except RepositoryNotFoundException:
            if not refused:
                raise
            # An import would have created the repository.
            failures = [
                failure_entry(each, failure_of(each) or "ImageNotFound") for each in image_ids
            ]
            answer = {"images": [], "failures": failures}
        for entry in answer["failures"]:
            reason = refused.get(_reference_of(entry["imageId"]))
            if isinstance(reason, UpstreamError):
                entry.update(failureCode=reason.code, failureReason=reason.message)
        return answer

    def _bring_in_all(
        self, repository_name: str, image_ids: Sequence[ImageId], registry_id: str | None
    ) -> dict[Reference | None, ECRError]:
        """Import images that a rule covers. Return the errors of failed imports, by reference."""
        refused: dict[Reference | None, ECRError] = {}
        account_id = registry_id or self.account_id
        with self.store.database.read() as view:
            rule = rule_for(view, account_id, self.region_name, repository_name)
        if rule is not None:
            wanted = [_reference_of(each) for each in image_ids if not failure_of(each)]
            for reference in dict.fromkeys(wanted):
                if reference is None:
                    # The identifier has no valid digest, so no upstream is asked.
                    name = UncheckedRepository(repository_name, account_id)
                    refused[None] = ImageNotFoundException(None, None, name)
                    continue
                try:
                    import_if_due(self, repository_name, reference, registry_id)
                except (UpstreamError, ImageNotFoundException) as error:
                    refused[reference] = error
        return refused

    def _read_images(
        self,
        repository_name: str,
        image_ids: Sequence[ImageId],
        registry_id: str | None,
        accepted: Container[str],
    ) -> dict[str, Any]:
        found: dict[tuple[str, str | None], ImageResult] = {}
        failures = []
        pulled = []
        with self.store.database.read() as view:
            repository = self.repository_anywhere(view, repository_name, registry_id)
            selection = Selection(view, repository, image_ids)
            for image_id in image_ids:
                row = selection.match(image_id)
                if isinstance(row, str):
                    failures.append(failure_entry(image_id, row))
                    continue
                stored = rows.images.content(view, row.id) if row.status == "ACTIVE" else None
                if stored is None:
                    failures.append(failure_entry(image_id, "ImageInaccessible"))
                    continue
                pulled.append(row)
                asked_tag = image_id.get("imageTag")
                for tag in [asked_tag] if asked_tag else selection.tags_of(row.id) or NO_TAG:
                    content, media_type, digest = stored.manifest, stored.media_type, row.digest
                    if "imageDigest" not in image_id and not stored.is_placeholder:
                        content, media_type = translate(content, media_type, accepted)
                        if content is not stored.manifest:
                            digest = Digest.of(content)
                    found[digest, tag] = ImageResult(
                        registry_id=repository.registry_id,
                        repository_name=repository.repository_name,
                        image_id=image_id_of(digest, tag),
                        image_manifest=content.decode("utf-8"),
                        image_manifest_media_type=media_type,
                    )
        self.record_pull(repository, pulled)
        return {"images": list(found.values()), "failures": failures}

    def record_pull(self, repository: NamedRepository, images: Sequence[StoredImage]) -> None:
        """Record that these images of a repository were pulled now, unless the caller has a pull-time update exclusion.

        Users and roles can be excluded, services cannot.
        """
        caller = current_caller()
        for _ in images:
            # https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-repository-metrics.html
            self.store.counts.add(
                repository.registry_id,
                self.region_name,
                "RepositoryPullCount",
                repository.repository_name,
                timestamp(),
            )
        self.store.pulls.add(
            [image.id for image in images],
            timestamp(),
            identity_of(caller.principal) if caller and not caller.is_service else None,
        )


def _reference_of(image_id: ImageId) -> Reference | None:
    """Return the tag, or else the digest, of an image identifier; None if its digest is malformed."""
    tag = image_id.get("imageTag")
    return Tag(tag) if tag else Digest.parse_or_none(image_id.get("imageDigest", ""))
