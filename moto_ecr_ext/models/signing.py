"""Managed signing: pushed images get signatures, by the rules of their registry.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/managed-signing.html
"""

from __future__ import annotations

from typing import Any

from moto_ecr_ext.caller import acting
from moto_ecr_ext.clock import now
from moto_ecr_ext.compatibility.placeholders import Placeholder
from moto_ecr_ext.exceptions import (
    LimitExceededException,
    SigningConfigurationNotFoundException,
    ValidationException,
)
from moto_ecr_ext.exceptions.common import AccessDeniedException
from moto_ecr_ext.models.acts import Push
from moto_ecr_ext.models.background import BackgroundWork
from moto_ecr_ext.models.base import RegistryBackend, repository_by_id
from moto_ecr_ext.models.images.identifiers import ImageId, Selection, image_id_of
from moto_ecr_ext.models.images.push import check_quota, store_manifest
from moto_ecr_ext.models.layers.open_upload import store_blob
from moto_ecr_ext.models.replication.rules import comes_by_replication
from moto_ecr_ext.models.repositories.repository import Repository
from moto_ecr_ext.moto_services.signer import SigningProfile
from moto_ecr_ext.oci.digest import Digest
from moto_ecr_ext.oci.manifests import parse_manifest
from moto_ecr_ext.policies.wildcards import matches_tag_filter
from moto_ecr_ext.storage import rows
from moto_ecr_ext.storage.database.transaction import Transaction, View
from moto_ecr_ext.storage.rows.signings import SigningUnderWay

# The name of the configuration among the registry's settings.
_CONFIGURATION = "signing"


class SigningBackend(RegistryBackend):
    """Operations on the registry's signing configuration, and DescribeImageSigningStatus."""

    def put_signing_configuration(self, signing_configuration: dict[str, Any]) -> dict[str, Any]:
        """Replace the configuration. Images that were pushed before are not signed.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutSigningConfiguration.html
        """
        for rule in signing_configuration["rules"]:
            arn = rule["signingProfileArn"]
            if SigningProfile(arn).region != self.region_name:
                raise ValidationException(f"Signing profile {arn} is not in {self.region_name}.")
        with self.store.database.write() as transaction:
            self.store_setting(transaction, _CONFIGURATION, signing_configuration)
        return {"signingConfiguration": signing_configuration}

    def get_signing_configuration(self) -> dict[str, Any]:
        """Return the signing rules of the registry.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetSigningConfiguration.html
        """
        with self.store.database.read() as view:
            return self._signing_configuration(view)

    def delete_signing_configuration(self) -> dict[str, Any]:
        """Delete the configuration. Signatures stay.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DeleteSigningConfiguration.html
        """
        with self.store.database.write() as transaction:
            deleted = self._signing_configuration(transaction)
            self.delete_setting(transaction, _CONFIGURATION)
        return deleted

    def _signing_configuration(self, view: View) -> dict[str, Any]:
        configuration = self.setting(view, _CONFIGURATION)
        if configuration is None:
            raise SigningConfigurationNotFoundException
        return {"registryId": self.account_id, "signingConfiguration": configuration}

    def describe_image_signing_status(
        self, repository_name: str, image_id: ImageId, registry_id: str | None = None
    ) -> dict[str, Any]:
        """Return one status for each signing profile of the rules that matched when the image was pushed.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImageSigningStatus.html
        """
        with self.store.database.read() as view:
            repository = self.repository(view, repository_name, registry_id)
            image = Selection(view, repository, [image_id]).get(image_id)
        signings = SIGNINGS.described(
            self,
            lambda view: rows.signings.of_image(view, image.id),
            lambda signings: any(row.status == "IN_PROGRESS" for row in signings),
            lambda transaction, _: rows.signings.count_description(transaction, image.id),
        )
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
                for row in signings
            ],
        }


def sign(registry: RegistryBackend, transaction: Transaction, push: Push) -> None:
    """Begin to sign a new image, once with each signing profile of the matching rules.

    Referrers and placeholders are not signed. A replicated image is not signed either: its signatures follow it, and
    the role that replicates may not sign (https://docs.aws.amazon.com/AmazonECR/latest/userguide/slr-rp.html).
    """
    if push.new_tag is not None or push.manifest.subject is not None or comes_by_replication():
        return
    if isinstance(push.manifest, Placeholder):
        return
    configuration = registry.setting(transaction, _CONFIGURATION, push.repository.registry_id)
    arns = _matching_profiles(configuration, push.repository) if configuration else []
    # A restored image has its signatures.
    before = (
        {row.profile_arn for row in rows.signings.of_image(transaction, push.image.id)}
        if arns
        else set()
    )
    begun = []
    for arn in arns:
        if arn not in before:
            code, reason = _failure(registry, transaction, arn) or (None, None)
            begun.append(
                {
                    "image_id": push.image.id,
                    "profile_arn": arn,
                    "status": "IN_PROGRESS",
                    "failure_code": code,
                    "failure_reason": reason,
                    "started_at": now(),
                    "times_seen": 0,
                }
            )
    if begun:
        rows.signings.insert_all(transaction, begun)
        # Each signature is an image, and is pushed in a separate transaction.
        SIGNINGS.begin_after_commit(registry, transaction)


def _failure(registry: RegistryBackend, view: View, profile_arn: str) -> tuple[str, str] | None:
    """Return the code and the reason of a profile's failure to sign; None if it signs.

    If moto's IAM is enforced, the caller needs the permission to sign with the profile. If moto's Signer has any
    profile in the account and Region, the profile must exist and be active; otherwise every profile signs. AWS does not
    document its failure codes; these are those of Signer's SignPayload.
    """
    try:
        with acting("signer:SignPayload"):
            registry.authorize(view, profile_arn)
    except AccessDeniedException as error:
        return error.code, error.message
    profile = SigningProfile(profile_arn)
    if not profile.is_known:
        return "ResourceNotFoundException", f"Signing profile {profile_arn} was not found."
    if not profile.is_active:
        return "ValidationException", f"Signing profile {profile_arn} is not active."
    return None


def _end_signing(
    registry: RegistryBackend, transaction: Transaction, signing: SigningUnderWay
) -> None:
    if signing.failure_code:
        rows.signings.end(transaction, signing.id, "FAILED")
        return
    repository = repository_by_id(transaction, signing.repository_id)
    try:
        # The signature counts as an image.
        check_quota(transaction, repository)
    except LimitExceededException as error:
        rows.signings.fail(transaction, signing.id, error.code, error.message)
        return
    rows.signings.end(transaction, signing.id, "COMPLETE")
    owner = registry.registry(repository.registry_id, repository.region)
    _store_signature(owner, transaction, repository, signing)


SIGNINGS = BackgroundWork(
    "ecr::image_signing",
    under_way=rows.signings.under_way,
    again=rows.signings.still_under_way,
    end=_end_signing,
)


def _store_signature(
    registry: RegistryBackend,
    transaction: Transaction,
    repository: Repository,
    signing: SigningUnderWay,
) -> None:
    from moto_ecr_ext.oci import notation  # cryptography takes a while to import.

    target = {
        "mediaType": signing.media_type,
        "digest": signing.digest,
        "size": signing.size,
    }
    profile = rows.signings.profile(transaction, signing.profile_arn)
    if profile is not None:
        identity = notation.SigningIdentity(profile.private_key, profile.certificate)
    else:
        identity = notation.SigningIdentity.generate(SigningProfile(signing.profile_arn).name)
        rows.signings.insert_profile(
            transaction, signing.profile_arn, identity.private_key, identity.certificate
        )
    signature = identity.sign(target, now())
    for content in (notation.CONFIG, signature.envelope):
        store_blob(registry, transaction, repository, content)
    manifest = parse_manifest(signature.manifest, None)
    digest = Digest.of(manifest.content)
    store_manifest(registry, transaction, repository, manifest, digest, None)


def _matching_profiles(configuration: dict[str, Any], repository: Repository) -> list[str]:
    """Return the ARNs of the signing profiles that sign the images of a repository, each once."""
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
