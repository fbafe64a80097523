"""The pull-through cache: images that come from an upstream registry when they are pulled.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-working.html
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from threading import Lock
from typing import Any, cast
from weakref import WeakValueDictionary

from moto.ecr.models import ecr_backends
from sqlalchemy import Connection, bindparam, select

from moto_ecr_ext.caller import Caller, acting, calling
from moto_ecr_ext.exceptions import (
    AccessDeniedException,
    ECRError,
    ImageNotFoundException,
    ImageTagAlreadyExistsException,
    InvalidParameterException,
    LimitExceededException,
    RepositoryNotFoundException,
    UnableToGetUpstreamImageException,
    UpstreamAccessDenied,
    UpstreamError,
    UpstreamUnavailable,
)
from moto_ecr_ext.hosts import repository_arn
from moto_ecr_ext.models.base import now
from moto_ecr_ext.models.events import pull_through_event, send_event
from moto_ecr_ext.models.images.by_reference import ReferencesBackend, StoredManifest
from moto_ecr_ext.models.images.copies import copy_image
from moto_ecr_ext.models.images.identifiers import ImageId, failure_entry, failure_of
from moto_ecr_ext.models.registry.creation_templates import CreationTemplatesBackend
from moto_ecr_ext.models.repositories.repository import Repository
from moto_ecr_ext.oci.digest import InvalidDigest, is_digest
from moto_ecr_ext.oci.manifests import Manifest, parse_manifest
from moto_ecr_ext.oci.media_types import MANIFEST_TYPES
from moto_ecr_ext.oci.reference import parse_reference
from moto_ecr_ext.storage.blobs.store import UploadDiscarded, UploadSession
from moto_ecr_ext.storage.rows import tables
from moto_ecr_ext.upstream.client import UpstreamManifest, UpstreamRegistry
from moto_ecr_ext.upstream.registries import ECR, UPSTREAMS

from .rules import (
    PullThroughCacheRule,
    PullThroughRulesBackend,
    mapped_url,
    upstream_registry_of,
)

# Seconds between two questions for the same tag.
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-working.html
CHECK_INTERVAL = 24 * 60 * 60

tags, upstream_tags, held = tables.tags, tables.upstream_tags, tables.repository_blobs

_TAG = select(tags.c.id, tags.c.image_id).where(
    tags.c.repository_id == bindparam("repository"), tags.c.name == bindparam("tag")
)
_FORGET = upstream_tags.delete().where(upstream_tags.c.tag_id == bindparam("of_tag"))
_HELD = select(held.c.digest).where(
    held.c.repository_id == bindparam("repository"),
    held.c.digest.in_(bindparam("digests", expanding=True)),
)

# Whoever brings in an image holds the lock of its registry, repository and reference, so that others who want it at the
# same time find it there.
_turns: WeakValueDictionary[tuple[str, ...], Lock] = WeakValueDictionary()
_turns_lock = Lock()


class PullThroughCacheBackend(PullThroughRulesBackend, ReferencesBackend, CreationTemplatesBackend):
    """Pulls from repositories that a pull-through cache rule covers.

    An upstream that cannot be asked is an error only where there is no image that was pulled before.
    """

    def get_manifest(
        self,
        repository_name: str,
        reference: str,
        accepted: list[str],
        registry_id: str | None = None,
    ) -> StoredManifest:
        """As of any repository; where a rule covers it, what is missing comes from upstream.

        Also raises UpstreamError and UnableToGetUpstreamImageException.
        """
        try:
            stored = super().get_manifest(repository_name, reference, accepted, registry_id)
            if not _is_due(stored.pull):
                return stored
        except (RepositoryNotFoundException, ImageNotFoundException):
            if not self._bring_in(repository_name, reference, registry_id):
                raise
        else:
            self._bring_in(repository_name, reference, registry_id)
        return super().get_manifest(repository_name, reference, accepted, registry_id)

    def batch_get_image(
        self,
        repository_name: str,
        image_ids: Sequence[ImageId],
        registry_id: str | None = None,
        accepted_media_types: list[str] | None = None,
    ) -> dict[str, Any]:
        """As of any repository; where a rule covers it, what is missing comes from upstream.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchGetImage.html
        """
        with self.store.database.read() as transaction:
            rule = self._rule_for(transaction, repository_name, registry_id or self.account_id)
        refused: dict[str, ECRError] = {}
        if rule is not None:
            wanted = [_reference_of(each) for each in image_ids if not failure_of(each)]
            for reference in dict.fromkeys(wanted):
                try:
                    self._bring_in(repository_name, reference, registry_id)
                except (UpstreamError, ImageNotFoundException) as error:
                    refused[reference] = error
        try:
            answer = super().batch_get_image(
                repository_name, image_ids, registry_id, accepted_media_types
            )
        except RepositoryNotFoundException:
            if not refused:
                raise
            # It would have been made for the first image.
            failures = [
                failure_entry(each, failure_of(each) or "ImageNotFound") for each in image_ids
            ]
            answer = {"images": [], "failures": failures}
        for entry in answer["failures"]:
            reason = refused.get(_reference_of(entry["imageId"]))
            if isinstance(reason, UpstreamError):
                entry.update(failureCode=reason.code, failureReason=reason.message)
        return answer

    def _bring_in(self, repository_name: str, reference: str, registry_id: str | None) -> bool:
        """Have an image that a rule covers, if it is missing or to be checked again, come from upstream.

        False where no rule does, or the caller may not import. Raises ImageNotFoundException, UpstreamError and
        UnableToGetUpstreamImageException where there is no such image then.
        """
        account_id = registry_id or self.account_id
        with self.store.database.read() as transaction:
            rule = self._rule_for(transaction, repository_name, account_id)
            if rule is None or not self._may_import(transaction, repository_name, account_id):
                return False
        registry = cast(PullThroughCacheBackend, ecr_backends[account_id][self.region_name])
        with _turn(account_id, self.region_name, repository_name, reference):
            return registry._synchronize(rule, repository_name, reference)

    def _may_import(self, transaction: Connection, repository_name: str, registry_id: str) -> bool:
        """Whether the caller may import into a repository, and make it where it is not there.

        https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-iam.html
        """
        actions, policy = ["ecr:BatchImportUpstreamImage"], None
        try:
            policy = self._repository(transaction, repository_name, registry_id).policy_text
        except RepositoryNotFoundException:
            actions.append("ecr:CreateRepository")
        for action in actions:
            try:
                with acting(action):
                    self.authorize(
                        transaction, repository_arn(registry_id, self.region_name, repository_name)
                    )
                    self._check_access(transaction, registry_id, repository_name, policy)
            except AccessDeniedException:
                return False
        return True

    def _synchronize(
        self, rule: PullThroughCacheRule, repository_name: str, reference: str
    ) -> bool:
        """Ask the upstream of a rule for an image of this registry, unless it is there and not due.

        False for an archived one, which stays where it is.
        """
        with self.store.database.read() as transaction:
            present = self._present(transaction, repository_name, reference)
        if present is not None and not _is_due(present):
            return bool(present.status == "ACTIVE")
        pull = _Import(self, rule, repository_name, reference)
        try:
            pull.run()
        except (UpstreamError, UnableToGetUpstreamImageException, ImageNotFoundException) as error:
            pull.announce_failure(error)
            if present is None:
                raise
        except ImageTagAlreadyExistsException as error:
            # The image that was pulled first stays where tags are immutable.
            pull.announce_failure(error)
            with self.store.database.write() as transaction:
                self.note_check(
                    transaction, self._repository(transaction, repository_name), reference
                )
        return True

    def _present(self, transaction: Connection, repository_name: str, reference: str) -> Any | None:
        """The row of an image of this registry, by a tag or a digest; None where there is none."""
        try:
            _, row = self._find(transaction, repository_name, reference)
        except (RepositoryNotFoundException, ImageNotFoundException):
            return None
        return row

    def repository_for_import(self, transaction: Connection, repository_name: str) -> Repository:
        """The repository of this registry, made from its template if it is not there."""
        try:
            return self._repository(transaction, repository_name)
        except RepositoryNotFoundException:
            return self.create_from_template(transaction, repository_name, "PULL_THROUGH_CACHE")

    def note_check(self, transaction: Connection, repository: Repository, tag: str) -> None:
        """Remember that the upstream was asked for a tag now, and that the image under it is from there.

        Nothing where the tag was deleted meanwhile.
        """
        row = transaction.execute(_TAG, {"repository": repository.id, "tag": tag}).one_or_none()
        if row is None:
            return
        transaction.execute(_FORGET, {"of_tag": row.id})
        transaction.execute(
            upstream_tags.insert(),
            {"tag_id": row.id, "image_id": row.image_id, "checked_at": now()},
        )


class _Import:
    """One question for an image of a registry, by its tag or digest, and all that follows from the answer."""

    def __init__(
        self,
        backend: PullThroughCacheBackend,
        rule: PullThroughCacheRule,
        repository_name: str,
        reference: str,
    ):
        self._backend = backend
        self._store = backend.store
        self._rule = rule
        self._repository_name = repository_name
        self._reference = reference
        self._tag = None if ":" in reference else reference
        self._upstream_name = rule.upstream_name(repository_name)

    def run(self) -> None:
        """Make the image that the upstream has the one of the repository.

        Raises UpstreamError, UnableToGetUpstreamImageException, ImageNotFoundException, and
        ImageTagAlreadyExistsException for an immutable tag of another image; nothing has changed then.
        """
        if self._rule.upstream_registry == ECR and mapped_url(ECR) is None:
            self._copy_from_ecr()
            return
        try:
            reference = parse_reference(self._reference)
        except InvalidDigest:
            raise self._not_found() from None
        with closing(upstream_registry_of(self._rule)) as upstream:
            found = upstream.manifest(self._upstream_name, reference, sorted(MANIFEST_TYPES))
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
        digest = self._reference if self._tag is None else None
        return ImageNotFoundException(
            digest, self._tag, self._repository_name, self._rule.registry_id
        )

    def _copy_from_ecr(self) -> None:
        """Copy from a registry of the same store, as the rule's role where it is of another account."""
        url = UPSTREAMS[ECR].match(self._rule.upstream_registry_url)
        assert url is not None
        try:
            upstream = cast(
                PullThroughCacheBackend, ecr_backends[self._rule.registry_id][url["region"]]
            )
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
            repository = self._backend.repository_for_import(transaction, self._repository_name)
            copy_image(self._backend, transaction, image, repository, self._tag)
            self._has_come(transaction, repository, image.digest)

    def _read_as_role(
        self, upstream: PullThroughCacheBackend, transaction: Connection, account_id: str
    ) -> Any:
        """The row of the upstream's image, if the role may get it and its layers."""
        role = self._rule.custom_role_arn or ""
        with calling(Caller("ecr:GetDownloadUrlForLayer", role)):
            upstream._repository(transaction, self._upstream_name, account_id)
        with calling(Caller("ecr:BatchGetImage", role)):
            _, row = upstream._find(transaction, self._upstream_name, self._reference, account_id)
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
        except UploadDiscarded:
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
        """Room for the bytes of a blob, which is gone afterwards unless they were published."""
        upload_id = str(uuid.uuid4())
        try:
            with self._store.blobs.upload(upload_id) as session:
                yield session
        finally:
            self._store.discard_upload(upload_id)

    def _fill(self, session: UploadSession, upstream: UpstreamRegistry, digest: str) -> None:
        for piece in upstream.blob(self._upstream_name, digest):
            session.write(piece)
        session.flush()
        if not is_digest(digest) or session.digest(digest.partition(":")[0]) != digest:
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
        backend = self._backend
        with self._store.database.write() as transaction:
            present = backend._present(transaction, self._repository_name, self._reference)
            if present is None or present.digest != found.digest:
                held_blobs = self._held(transaction, blobs)
                self._check_tag(transaction, present)
                if missing := [
                    each for each in blobs if each not in held_blobs and each not in downloaded
                ]:
                    return missing
                repository = backend.repository_for_import(transaction, self._repository_name)
                new = [each for each in blobs if each not in held_blobs]
                if new:
                    transaction.execute(
                        held.insert(),
                        [
                            {
                                "repository_id": repository.id,
                                "digest": digest,
                                "size": downloaded[digest].size,
                            }
                            for digest in new
                        ],
                    )
                # After its blobs, which a replication takes along.
                backend.store_manifest(transaction, repository, manifest, found.digest, self._tag)
            else:
                repository, new = backend._repository(transaction, self._repository_name), []
            self._has_come(transaction, repository, found.digest)
            # Last, since it cannot be undone.
            for digest in new:
                downloaded[digest].publish(digest)
        return []

    def _check_tag(self, transaction: Connection, present: Any | None) -> None:
        """Raise ImageTagAlreadyExistsException before layers are downloaded in vain."""
        if present is None or self._tag is None:
            return
        repository = self._backend._repository(transaction, self._repository_name)
        if repository.is_immutable(self._tag):
            raise ImageTagAlreadyExistsException(self._tag, self._repository_name)

    def _held(self, transaction: Connection, blobs: list[str]) -> set[str]:
        """Those of the blobs that the repository holds, if it is there."""
        try:
            repository = self._backend._repository(transaction, self._repository_name)
        except RepositoryNotFoundException:
            return set()
        key = {"repository": repository.id, "digests": blobs}
        return set(transaction.execute(_HELD, key).scalars())

    def _has_come(self, transaction: Connection, repository: Repository, digest: str) -> None:
        """Note what the upstream has answered, and tell EventBridge of it once that is committed."""
        if self._tag is not None:
            self._backend.note_check(transaction, repository, self._tag)
        self._store.database.after_commit(lambda: self._send(digest, None))


def _is_due(image: Any) -> bool:
    """Whether the upstream is to be asked again for the tag under which an image, a row, was found."""
    return image.checked_at is not None and image.checked_at <= now() - CHECK_INTERVAL


def _reference_of(image_id: ImageId) -> str:
    """The tag or the digest by which an image identifier is looked up."""
    return image_id.get("imageTag") or image_id.get("imageDigest", "")


@contextmanager
def _turn(*key: str) -> Iterator[None]:
    """Run the block when nobody else has the same turn."""
    with _turns_lock:
        lock = _turns.get(key)
        if lock is None:
            lock = _turns[key] = Lock()
    with lock:
        yield
