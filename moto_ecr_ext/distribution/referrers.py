"""Referrers: the manifests that name a subject."""

from __future__ import annotations

from typing import Any

from moto_ecr_ext.exceptions import InvalidParameterException, UnknownPage
from moto_ecr_ext.models.reading.referrers import Referrer
from moto_ecr_ext.oci.digest import Digest
from moto_ecr_ext.oci.media_types import OCI_INDEX

from .authentication import Access
from .messages import Request, Response
from .pages import page_of


def list_referrers(request: Request, access: Access, name: str, digest: Digest) -> Response:
    """List referrers: OCI Distribution Specification 1.1, "Listing Referrers". An unknown digest has none.

    In pages, as tags are, and as the specification allows: Link names the next page.
    """
    wanted = request.query.get("artifactType")
    page = page_of(request)
    try:
        found = access.backend.list_image_referrers(
            name,
            {"imageDigest": digest},
            access.registry_id,
            filter={} if wanted is None else {"artifactTypes": [wanted]},
            next_token=page.last or None,
            max_results=page.size,
        )
    except UnknownPage:
        raise InvalidParameterException.at("last", "Member must be that of a Link") from None
    return Response.json(
        200,
        {
            "schemaVersion": 2,
            "mediaType": OCI_INDEX,
            "manifests": [_descriptor(each) for each in found["referrers"]],
        },
        {
            "Content-Type": OCI_INDEX,
            **page.link_to(found["nextToken"]),
            **({"OCI-Filters-Applied": "artifactType"} if wanted is not None else {}),
        },
    )


def _descriptor(referrer: Referrer) -> dict[str, Any]:
    descriptor = {
        "mediaType": referrer.media_type,
        "digest": referrer.digest,
        "size": referrer.size,
        "artifactType": referrer.artifact_type,
        "annotations": referrer.annotations,
    }
    return {name: value for name, value in descriptor.items() if value is not None}
