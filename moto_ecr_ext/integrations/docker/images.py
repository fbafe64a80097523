"""Images in the store, looked up by name, with the details that container runtimes need."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from moto_ecr_ext.arns import Registry
from moto_ecr_ext.caller import Caller, calling
from moto_ecr_ext.exceptions import (
    ImageNotFoundException,
    LayersNotFoundException,
    RepositoryNotFoundException,
    UncheckedRepository,
)
from moto_ecr_ext.exceptions.pull_through import UpstreamError
from moto_ecr_ext.models.lookup import registry_backend
from moto_ecr_ext.oci.configuration import LARGEST_CONFIG, ImageConfig
from moto_ecr_ext.oci.digest import Digest
from moto_ecr_ext.oci.manifests import Manifest, parse_manifest
from moto_ecr_ext.oci.media_types import SCHEMA_1_TYPES
from moto_ecr_ext.oci.reference import Reference

from .errors import ImageGone, ImageUnusable
from .image_names import ImageName

if TYPE_CHECKING:
    from moto_ecr_ext.models import ECRBackend

# The errors for an image that does not exist, or not for the caller.
NOT_FOUND = (RepositoryNotFoundException, ImageNotFoundException, UpstreamError)

# Go's names of architectures, by their names in `uname`.
_ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


def architecture_of(machine: str) -> str:
    """Return the architecture of images for a machine, from its name in `uname`."""
    return _ARCHITECTURES.get(machine.lower(), machine.lower())


def own_architecture() -> str:
    """Return the architecture of this process's machine."""
    return architecture_of(platform.machine())


class BlobContent(Protocol):
    """The bytes of an open blob, in chunks of at most a mebibyte."""

    size: int

    def chunks(self) -> Iterator[bytes]: ...


@dataclass(frozen=True)
class RegistryImage:
    """A manifest in a repository of this ECR."""

    registry: Registry
    repository_name: str
    digest: str
    manifest: Manifest

    @property
    def _backend(self) -> ECRBackend:
        return registry_backend(self.registry.account_id, self.registry.region)

    def open_blob(self, digest: str) -> AbstractContextManager[BlobContent]:
        """Open a layer or the config. Raises ImageGone."""
        try:
            return self._backend.open_blob(self.repository_name, Digest(digest))
        except (RepositoryNotFoundException, LayersNotFoundException) as error:
            raise ImageGone(
                f"The image {self.digest} in the repository {self.repository_name} cannot be read: {error.message}"
            ) from error

    def child(self, digest: str) -> RegistryImage:
        """Return an image of this index. Raises ImageGone."""
        try:
            return _read(self._backend, self.registry, self.repository_name, Digest(digest))
        except NOT_FOUND as error:
            raise ImageGone(
                f"The image {digest} of the index {self.digest} cannot be read: {error.message}"
            ) from error

    def for_architecture(self, architecture: str) -> RegistryImage:
        """Return this image, or, for an index, its image for Linux on this architecture.

        Raises ImageUnusable if the index has no such image, and ImageGone.
        """
        if not self.manifest.is_index:
            return self
        for entry in json.loads(self.manifest.content)["manifests"]:
            wanted = {"os": "linux", "architecture": architecture}
            given = entry.get("platform") or {}
            if all(given.get(key) == value for key, value in wanted.items()):
                return self.child(entry["digest"]).for_architecture(architecture)
        raise ImageUnusable(f"The index {self.digest} has no image for linux/{architecture}.")

    @property
    def layers(self) -> list[str]:
        """The digests of the layers, the lowest first; a layer may occur twice."""
        return [each.digest for each in self.manifest.blobs[1:]]

    @property
    def config_digest(self) -> str:
        """The digest of the config."""
        return self.manifest.blobs[0].digest

    def config(self) -> ImageConfig:
        """Read the config. Raises ImageUnusable if it is not a container image's, and ImageGone."""
        if self.manifest.is_index or self.manifest.media_type in SCHEMA_1_TYPES:
            raise ImageUnusable(f"{self.digest} is not a container image.")
        with self.open_blob(self.config_digest) as blob:
            if blob.size > LARGEST_CONFIG:
                raise ImageUnusable(f"The config {self.config_digest} is too large.")
            content = b"".join(blob.chunks())
        try:
            config = ImageConfig.parse(json.loads(content))
        except (ValueError, RecursionError, TypeError, KeyError, AttributeError):
            raise ImageUnusable(f"{self.config_digest} is not the config of an image.") from None
        if len(config.diff_ids) != len(self.layers):
            raise ImageUnusable(
                f"The config {self.config_digest} lists {len(config.diff_ids)} layers; "
                f"the manifest {self.digest} has {len(self.layers)}."
            )
        return config

    def record_pull(self) -> None:
        """Record a pull, for `lastRecordedPullTime`."""
        backend = self._backend
        try:
            pulled = backend.get_manifest(self.repository_name, Digest(self.digest), [])
        except NOT_FOUND:
            return
        repository = UncheckedRepository(self.repository_name, self.registry.account_id)
        backend.record_pull(repository, [pulled.image])


def find_image(name: ImageName, home: Registry, principal: str) -> RegistryImage | None:
    """Return the image of a name, for a service of the registry `home` that acts for `principal`.

    Return None for a name of another registry, or without tag and digest. Raises RepositoryNotFoundException,
    ImageNotFoundException and UpstreamError, and AccessDeniedException if another account's policies deny the principal
    the pull.
    """
    registry = name.registry(home)
    if registry is None or name.reference is None:
        return None
    try:
        backend = registry_backend(registry.account_id, registry.region)
    except KeyError:
        raise RepositoryNotFoundException(name.repository, registry.account_id) from None
    if registry.account_id != home.account_id:
        _check_access(home, registry, name.repository, principal)
    return _read(backend, registry, name.repository, name.reference)


def _check_access(home: Registry, registry: Registry, repository_name: str, principal: str) -> None:
    """Raise AccessDeniedException unless both actions of a pull are allowed from another account."""
    for action in ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"):
        own = registry_backend(home.account_id, registry.region)
        with calling(Caller(action, principal)), own.view(registry.account_id) as view:
            own.repository(view, repository_name, registry.account_id)


def _read(
    backend: ECRBackend, registry: Registry, repository_name: str, reference: Reference
) -> RegistryImage:
    pulled = backend.get_manifest(repository_name, reference, [])
    manifest = parse_manifest(pulled.content, pulled.media_type)
    return RegistryImage(registry, repository_name, pulled.digest, manifest)


def stored_image(registry: Registry, repository_name: str, digest: str) -> RegistryImage:
    """Return an image by its digest. Raises ImageGone."""
    backend = registry_backend(registry.account_id, registry.region)
    try:
        return _read(backend, registry, repository_name, Digest(digest))
    except NOT_FOUND as error:
        raise ImageGone(error.message) from error
