"""Rows of signings of images, and of the identities of signing profiles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import bindparam, func, select

from moto_ecr_ext.storage.database.queries import Query
from moto_ecr_ext.storage.database.transaction import Transaction, View

from .tables import image_signings, images, signing_profiles


class SigningRow(NamedTuple):
    """The signing of an image with a profile."""

    profile_arn: str
    status: str
    failure_code: str | None
    failure_reason: str | None


class SigningUnderWay(NamedTuple):
    """A signing under way, and the descriptor of its image; `size` is that of the manifest in bytes."""

    id: int
    profile_arn: str
    failure_code: str | None
    started_at: float
    times_seen: int
    digest: str
    media_type: str
    size: int
    repository_id: int


class ProfileRow(NamedTuple):
    """The private key and the certificate of a signing profile, in PEM."""

    private_key: str
    certificate: str


_IS_OF_IMAGE = image_signings.c.image_id == bindparam("image")
_IS_UNDER_WAY = image_signings.c.status == "IN_PROGRESS"
_OF_IMAGE = Query(
    SigningRow, select(image_signings).where(_IS_OF_IMAGE).order_by(image_signings.c.id)
)
_UNDER_WAY_SELECT = (
    select(
        image_signings.c.id,
        image_signings.c.profile_arn,
        image_signings.c.failure_code,
        image_signings.c.started_at,
        image_signings.c.times_seen,
        images.c.digest,
        images.c.media_type,
        func.length(images.c.manifest).label("size"),
        images.c.repository_id,
    )
    .join(images, images.c.id == image_signings.c.image_id)
    .where(_IS_UNDER_WAY)
    .order_by(image_signings.c.id)
)
_UNDER_WAY = Query(SigningUnderWay, _UNDER_WAY_SELECT)
_STILL_UNDER_WAY = Query(
    SigningUnderWay, _UNDER_WAY_SELECT.where(image_signings.c.id == bindparam("signing"))
)
_PROFILE = Query(
    ProfileRow, select(signing_profiles).where(signing_profiles.c.arn == bindparam("profile"))
)
_SEE_AGAIN = (
    image_signings.update()
    .where(_IS_OF_IMAGE, _IS_UNDER_WAY)
    .values(times_seen=image_signings.c.times_seen + 1)
)
_END = image_signings.update().where(image_signings.c.id == bindparam("signing"))


def of_image(view: View, image_id: int) -> list[SigningRow]:
    """Return the signings of an image, one for each profile, in the order of the signing rules."""
    return _OF_IMAGE.all(view, image=image_id)


def under_way(view: View) -> Sequence[SigningUnderWay]:
    """Return all signings under way, in all registries."""
    return _UNDER_WAY.all(view)


def still_under_way(view: View, signing: SigningUnderWay) -> SigningUnderWay | None:
    """Read a signing again. Return None if it has ended or its image is gone."""
    return _STILL_UNDER_WAY.first(view, signing=signing.id)


def insert_all(transaction: Transaction, signings: Sequence[Mapping[str, Any]]) -> None:
    """Add signings that begin."""
    transaction.insert_all(image_signings, signings)


def count_description(transaction: Transaction, image_id: int) -> None:
    """Count one more description of the signings of an image."""
    transaction.change(_SEE_AGAIN, image=image_id)


def end(transaction: Transaction, signing_id: int, status: str) -> None:
    """Store the status with which a signing has ended."""
    transaction.change(_END, signing=signing_id, status=status)


def fail(transaction: Transaction, signing_id: int, code: str, reason: str) -> None:
    """Store the code and the reason with which a signing has failed."""
    transaction.change(
        _END, signing=signing_id, status="FAILED", failure_code=code, failure_reason=reason
    )


def profile(view: View, arn: str) -> ProfileRow | None:
    """Return the key and the certificate of a signing profile, or None if it has not signed yet."""
    return _PROFILE.first(view, profile=arn)


def insert_profile(transaction: Transaction, arn: str, private_key: str, certificate: str) -> None:
    """Store the key and the certificate of a signing profile, in PEM."""
    transaction.insert(
        signing_profiles,
        {"arn": arn, "private_key": private_key, "certificate": certificate},
    )
