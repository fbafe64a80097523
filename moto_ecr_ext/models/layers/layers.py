"""Layers in the JSON protocol: their availability, and URLs to download them."""

from __future__ import annotations

from typing import Any

from moto_ecr_ext.arns import Registry
from moto_ecr_ext.exceptions import LayerInaccessibleException, LayersNotFoundException
from moto_ecr_ext.models.base import RegistryBackend
from moto_ecr_ext.models.registry.tokens import download_url
from moto_ecr_ext.oci.digest import API_DIGEST_PATTERN, Digest, is_api_digest
from moto_ecr_ext.oci.media_types import DOCKER_LAYER_GZIP
from moto_ecr_ext.storage import rows

# The media type of a blob that no manifest has named yet.
_UNNAMED_MEDIA_TYPE = DOCKER_LAYER_GZIP


class LayersBackend(RegistryBackend):
    """Operations on layers that a repository holds."""

    def batch_check_layer_availability(
        self, repository_name: str, layer_digests: list[str], registry_id: str | None = None
    ) -> dict[str, Any]:
        """Return an entry for each digest: in `layers` if it is well-formed, held or not, otherwise in `failures`.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchCheckLayerAvailability.html
        """
        layers, failures = [], []
        digests = list(filter(None, map(Digest.parse_or_none, layer_digests)))
        with self.store.database.read() as view:
            repository = self.repository(view, repository_name, registry_id)
            held = {row.digest: row for row in rows.blobs.by_digests(view, repository.id, digests)}
        rules = self.rules.layers
        for digest in dict.fromkeys(layer_digests):
            if digest in held:
                is_archived = held[digest].is_referenced and not held[digest].is_in_active_image
                layers.append(
                    {
                        "layerDigest": digest,
                        "layerAvailability": "ARCHIVED" if is_archived else "AVAILABLE",
                        "layerSize": held[digest].size,
                        "mediaType": held[digest].media_type or _UNNAMED_MEDIA_TYPE,
                    }
                )
            elif is_api_digest(digest) and not rules.fail_if_missing(digest):
                layers.append({"layerDigest": digest, "layerAvailability": "UNAVAILABLE"})
            else:
                failures.append(_layer_failure(digest))
        return {"layers": layers, "failures": failures}

    def get_download_url_for_layer(
        self, repository_name: str, layer_digest: str, registry_id: str | None = None
    ) -> dict[str, Any]:
        """Return a URL that downloads the layer without credentials. It is valid for an hour.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetDownloadUrlForLayer.html
        """
        with self.store.database.read() as view:
            repository = self.repository(view, repository_name, registry_id)
            digest = Digest.parse_or_none(layer_digest)
            row = rows.blobs.by_digest(view, repository.id, digest) if digest else None
        if digest is None or row is None:
            raise LayersNotFoundException(layer_digest, repository)
        if not row.is_in_active_image:
            raise LayerInaccessibleException(digest, repository)
        registry = Registry(repository.registry_id, repository.region)
        return {
            "downloadUrl": download_url(
                self.store.signing_key, registry, repository.repository_name, digest
            ),
            "layerDigest": digest,
        }


def _layer_failure(digest: str) -> dict[str, str]:
    if is_api_digest(digest):
        return {
            "layerDigest": digest,
            "failureCode": "MissingLayerDigest",
            "failureReason": f"Layer digest '{digest}' could not be found",
        }
    if not digest:
        code, reason = "MissingLayerDigest", "layer digest cannot be null"
    else:
        code = "InvalidLayerDigest"
        reason = f"layer digest should satisfy the regex '{API_DIGEST_PATTERN}'"
    return {
        "layerDigest": digest,
        "failureCode": code,
        "failureReason": f"Invalid request parameters: {reason}",
    }
