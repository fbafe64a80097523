"""Referrers: the manifests whose subject is a given one."""

from __future__ import annotations

from moto_ecr_ext.models.manifests import OCI_INDEX

from .access import Access
from .messages import Request, Response


def list_referrers(request: Request, access: Access, name: str, digest: str) -> Response:
    """OCI Distribution Specification 1.1, "Listing Referrers"; an unknown digest has none."""
    wanted = request.query.get("artifactType")
    manifests = [
        {key: value for key, value in descriptor.items() if value is not None}
        for descriptor in access.backend.list_referrers(name, digest, access.registry_id)
        if wanted is None or descriptor["artifactType"] == wanted
    ]
    return Response.json(
        200,
        {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests},
        {
            "Content-Type": OCI_INDEX,
            **({"OCI-Filters-Applied": "artifactType"} if wanted is not None else {}),
        },
    )
