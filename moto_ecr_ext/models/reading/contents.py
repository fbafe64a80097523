"""The contents of stored images: manifests, configurations, platforms. Reading them is no pull, and changes nothing."""

from __future__ import annotations

from moto_ecr_ext.exceptions import ECRError, ImageNotFoundException
from moto_ecr_ext.models.base import RegistryBackend
from moto_ecr_ext.models.images.by_reference import find_manifest, find_original
from moto_ecr_ext.oci.configuration import LARGEST_CONFIG, has_config
from moto_ecr_ext.oci.digest import Digest
from moto_ecr_ext.oci.manifests import Manifest, parse_manifest
from moto_ecr_ext.oci.members import read_object
from moto_ecr_ext.oci.platforms import platform_name, platforms_in_index
from moto_ecr_ext.oci.reference import Reference
from moto_ecr_ext.storage import rows
from moto_ecr_ext.storage.blobs.errors import BlobNotFound
from moto_ecr_ext.storage.rows.manifests import ManifestRow


class ContentsBackend(RegistryBackend):
    """Contents of the images of this registry."""

    def manifest_of(self, repository_name: str, reference: Reference) -> ManifestRow:
        """Return the manifest of a tag or a digest, also of an archived image.

        Raises RepositoryNotFoundException and ImageNotFoundException.
        """
        return _find(self, repository_name, reference)

    def config_of(self, repository_name: str, manifest: Manifest) -> bytes:
        """Return the configuration of a container's image; empty if it has none, or one that is too large."""
        return _config(self, repository_name, manifest)


def platforms_of_image(
    registry: RegistryBackend, repository_name: str, digest: str
) -> dict[str, str]:
    """Return the platforms of an image, and the digest for each: its own, or that of an image of the index.

    An image that the registry does not have, or that names no platform, has none.
    """
    parsed = Digest.parse_or_none(digest)
    if parsed is None:
        return {}
    try:
        row = _find(registry, repository_name, parsed)
        manifest = parse_manifest(row.manifest, row.media_type)
    except ECRError:  # It was deleted, or is a placeholder.
        return {}
    if manifest.is_index:
        return dict(platforms_in_index(row.manifest))
    name = platform_name(read_object(_config(registry, repository_name, manifest)))
    return {name: digest} if name else {}


def _find(registry: RegistryBackend, repository_name: str, reference: Reference) -> ManifestRow:
    with registry.store.database.read() as view:
        try:
            return find_manifest(registry, view, repository_name, reference)[1]
        except ImageNotFoundException:
            if not isinstance(reference, Digest):
                raise
            # A client may have pulled a translation.
            return find_original(registry, view, repository_name, reference)[1]


def _config(registry: RegistryBackend, repository_name: str, manifest: Manifest) -> bytes:
    if not has_config(manifest):
        return b""
    digest = Digest(manifest.blobs[0].digest)
    with registry.store.database.read() as view:
        repository = registry.repository(view, repository_name)
        held = rows.blobs.by_digest(view, repository.id, digest)
    if held is None or not 0 < held.size <= LARGEST_CONFIG:
        return b""
    try:
        with registry.store.open_blob(digest, held.size) as blob:
            return b"".join(blob.chunks())
    except BlobNotFound:
        return b""
