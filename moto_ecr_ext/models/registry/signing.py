"""Managed signing: images that are pushed get signatures, by the rules of their registry.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/managed-signing.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from moto.ecr.models import ecr_backends
from sqlalchemy import Connection, Row, bindparam, func, select

from moto_ecr_ext.caller import acting
from moto_ecr_ext.clock import now
from moto_ecr_ext.exceptions import (
    AccessDeniedException,
    SigningConfigurationNotFoundException,
    ValidationException,
)
from moto_ecr_ext.models.images.identifiers import ImageId, Selection, image_id_of
from moto_ecr_ext.models.images.images import ImagesBackend, StoredImage
from moto_ecr_ext.models.layers.uploads import UploadsBackend
from moto_ecr_ext.models.replication.replication import comes_by_replication
from moto_ecr_ext.models.repositories.repository import Repository
from moto_ecr_ext.oci.digest import digest_of
from moto_ecr_ext.oci.manifests import Manifest, parse_manifest
from moto_ecr_ext.policies.tag_filters import matches_tag_filter
from moto_ecr_ext.services.signer import SigningProfile
from moto_ecr_ext.services.state_manager import has_ended
from moto_ecr_ext.storage.due import AT_ONCE
from moto_ecr_ext.storage.rows import tables

# The name under which moto's state manager knows how long signing takes.
SIGNING = "ecr::image_signing"

# In this registry's settings.
_CONFIGURATION = "signing"

images, signings, profiles = tables.images, tables.image_signings, tables.signing_profiles

_IS_OF_IMAGE = signings.c.image_id == bindparam("image")
_IS_UNDER_WAY = signings.c.status == "IN_PROGRESS"
_SIGNINGS_OF = select(signings).where(_IS_OF_IMAGE).order_by(signings.c.id)
_SEE_AGAIN = (
    signings.update()
    .where(_IS_OF_IMAGE, _IS_UNDER_WAY)
    .values(times_seen=signings.c.times_seen + 1)
)
_UNDER_WAY = (
    select(
        signings.c.id,
        signings.c.profile_arn,
        signings.c.failure_code,
        signings.c.started_at,
        signings.c.times_seen,
        images.c.digest,
        images.c.media_type,
        func.length(images.c.manifest).label("size"),
        images.c.repository_id,
    )
    .join(images, images.c.id == signings.c.image_id)
    .where(_IS_UNDER_WAY)
    .order_by(signings.c.id)
)
_END = signings.update().where(signings.c.id == bindparam("signing"), _IS_UNDER_WAY)
_PROFILE = select(profiles).where(profiles.c.arn == bindparam("profile"))


class SigningBackend(ImagesBackend, UploadsBackend):
    """Operations on the registry's signing configuration, and the signing."""

    def put_signing_configuration(self, signing_configuration: dict[str, Any]) -> dict[str, Any]:
        """Replace the configuration. Images that are there already are not signed.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutSigningConfiguration.html
        """
        for rule in signing_configuration["rules"]:
            arn = rule["signingProfileArn"]
            if SigningProfile(arn).region != self.region_name:
                raise ValidationException(f"Signing profile {arn} is not in {self.region_name}.")
        with self.store.database.write() as transaction:
            self._store_setting(transaction, _CONFIGURATION, signing_configuration)
        return {"signingConfiguration": signing_configuration}

    def get_signing_configuration(self) -> dict[str, Any]:
        """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetSigningConfiguration.html"""
        with self.store.database.read() as transaction:
            return self._signing_configuration(transaction)

    def delete_signing_configuration(self) -> dict[str, Any]:
        """Forget the configuration. Signatures stay.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DeleteSigningConfiguration.html
        """
        with self.store.database.write() as transaction:
            deleted = self._signing_configuration(transaction)
            self._delete_setting(transaction, _CONFIGURATION)
        return deleted

    def _signing_configuration(self, transaction: Connection) -> dict[str, Any]:
        configuration = self._setting(transaction, _CONFIGURATION)
        if configuration is None:
            raise SigningConfigurationNotFoundException
        return {"registryId": self.account_id, "signingConfiguration": configuration}

    def describe_image_signing_status(
        self, repository_name: str, image_id: ImageId, registry_id: str | None = None
    ) -> dict[str, Any]:
        """One status for each signing profile of the rules that matched when the image was pushed.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImageSigningStatus.html
        """
        with self.store.database.read() as transaction:
            repository = self._repository(transaction, repository_name, registry_id)
            image = Selection(transaction, repository, [image_id]).get(image_id)
            rows = transaction.execute(_SIGNINGS_OF, {"image": image.id}).all()
        if any(row.status == "IN_PROGRESS" for row in rows):
            rows = self._look_at_signings(image)
        return {
            "registryId": repository.registry_id,
            "repositoryName": repository.repository_name,
            "imageId": image_id_of(image.digest, image_id.get("imageTag")),
            "signingStatuses": [
                {
                    "signingProfileArn": row.profile_arn,
                    "status": row.status,
                    **(
                        {"failureCode": row.failure_code, "failureReason": row.failure_reason}
                        if row.status == "FAILED"
                        else {}
                    ),
                }
                for row in rows
            ],
        }

    def _look_at_signings(self, image: Any) -> Sequence[Row[Any]]:
        """The signings of an image, which have been seen once more then."""
        key = {"image": image.id}
        with self.store.database.write() as transaction:
            transaction.execute(_SEE_AGAIN, key)
        self.end_signings()
        with self.store.database.read() as transaction:
            return transaction.execute(_SIGNINGS_OF, key).all()

    def image_was_pushed(
        self,
        transaction: Connection,
        repository: Repository,
        image: StoredImage,
        manifest: Manifest,
    ) -> None:
        """Begin to sign the image, once with each signing profile.

        What belongs to another image is not signed. Neither is what comes by replication: its signatures come after it,
        and the role that replicates may not sign (https://docs.aws.amazon.com/AmazonECR/latest/userguide/slr-rp.html).
        """
        super().image_was_pushed(transaction, repository, image, manifest)
        if manifest.subject is not None or comes_by_replication():
            return
        configuration = self._setting(transaction, _CONFIGURATION, repository.registry_id)
        arns = _matching_profiles(configuration, repository) if configuration else []
        if not arns:
            return
        # An image that comes back from the archive has its signatures.
        signed = transaction.execute(_SIGNINGS_OF, {"image": image.id}).all()
        before = {row.profile_arn for row in signed}
        rows = []
        for arn in arns:
            if arn not in before:
                code, reason = self._failure(transaction, arn) or (None, None)
                rows.append(
                    {
                        "image_id": image.id,
                        "profile_arn": arn,
                        "status": "IN_PROGRESS",
                        "failure_code": code,
                        "failure_reason": reason,
                        "started_at": now(),
                        "times_seen": 0,
                    }
                )
        if rows:
            transaction.execute(signings.insert(), rows)
            self.store.database.after_commit(self._sign_or_expect)

    def _failure(self, transaction: Connection, profile_arn: str) -> tuple[str, str] | None:
        """The code and the reason why a profile will not sign; None if it will.

        Who pushes needs the permission to sign with it, where moto's IAM is enforced. The profile has to be there and
        active, where moto's Signer has any in its account and region; where it has none, nobody has told about
        profiles, and every one signs. AWS does not document its failure codes; these are those of Signer's SignPayload.
        """
        try:
            with acting("signer:SignPayload"):
                self.authorize(transaction, profile_arn)
        except AccessDeniedException as error:
            return error.code, error.message
        profile = SigningProfile(profile_arn)
        if not profile.is_known:
            return "ResourceNotFoundException", f"Signing profile {profile_arn} was not found."
        if not profile.is_active:
            return "ValidationException", f"Signing profile {profile_arn} is not active."
        return None

    def _sign_or_expect(self) -> None:
        if self.end_signings():
            self.store.schedule.expect(AT_ONCE)

    def _do_what_is_due(self) -> float:
        """Signings that go on are looked at again with every request."""
        next_due = super()._do_what_is_due()
        return AT_ONCE if self.end_signings() else next_due

    def end_signings(self) -> bool:
        """Sign those images, of all registries, whose signing has gone on for long enough.

        Gives whether others still go on.
        """
        with self.store.database.read() as transaction:
            under_way = transaction.execute(_UNDER_WAY).all()
        ended = [each for each in under_way if has_ended(SIGNING, each.started_at, each.times_seen)]
        for signing in ended:
            with self.store.database.write() as transaction:
                self._end_signing(transaction, signing)
        return len(ended) < len(under_way)

    def _end_signing(self, transaction: Connection, signing: Any) -> None:
        status = "FAILED" if signing.failure_code else "COMPLETE"
        # Another process may have been faster, or the image is gone.
        ended = transaction.execute(_END, {"signing": signing.id, "status": status}).rowcount
        if ended and status == "COMPLETE":
            repository = self._repository_by_id(transaction, signing.repository_id)
            owner = cast(SigningBackend, ecr_backends[repository.registry_id][repository.region])
            owner._store_signature(transaction, repository, signing)

    def _store_signature(
        self, transaction: Connection, repository: Repository, signing: Any
    ) -> None:
        from moto_ecr_ext.oci import notation  # cryptography takes a while to import.

        target = {
            "mediaType": signing.media_type,
            "digest": signing.digest,
            "size": signing.size,
        }
        key = {"profile": signing.profile_arn}
        found = transaction.execute(_PROFILE, key).one_or_none()
        if found is not None:
            identity = notation.SigningIdentity(found.private_key, found.certificate)
        else:
            identity = notation.SigningIdentity.generate(SigningProfile(signing.profile_arn).name)
            transaction.execute(
                profiles.insert(),
                {
                    "arn": signing.profile_arn,
                    "private_key": identity.private_key,
                    "certificate": identity.certificate,
                },
            )
        signature = identity.sign(target, now())
        for content in (notation.CONFIG, signature.envelope):
            self.store_blob(transaction, repository, content)
        manifest = parse_manifest(signature.manifest, None)
        self.store_manifest(transaction, repository, manifest, digest_of(manifest.content), None)


def _matching_profiles(configuration: dict[str, Any], repository: Repository) -> list[str]:
    """The ARNs of the signing profiles that sign the images of a repository, each once."""
    return list(
        dict.fromkeys(
            rule["signingProfileArn"]
            for rule in configuration["rules"]
            if "repositoryFilters" not in rule
            or any(
                matches_tag_filter(each["filter"], repository.repository_name)
                for each in rule["repositoryFilters"]
            )
        )
    )
