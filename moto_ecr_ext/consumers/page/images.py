"""Views of an image, and of a layer."""

from __future__ import annotations

from collections.abc import Iterator

from moto_ecr_ext.exceptions import LayersNotFoundException
from moto_ecr_ext.hosts import Registry
from moto_ecr_ext.models.images.overview import ImageView
from moto_ecr_ext.oci.configuration import LARGEST_CONFIG, has_config
from moto_ecr_ext.oci.digest import Digest
from moto_ecr_ext.oci.manifests import Manifest
from moto_ecr_ext.oci.reference import Tag
from moto_ecr_ext.services.image_uses import users_of

from . import contents, findings
from .context import Context
from .files import list_files
from .messages import Answer, PageError, path_of


def show_tag(context: Context, name: str, tag: str) -> Answer:
    """Redirect to the image that a tag names."""
    view = context.backend.view_image(name, Tag(tag))
    return Answer.redirection(image_path(context, name, view.image.digest))


def image_path(context: Context, name: str, digest: str) -> str:
    """Return the path of an image of the registry, below the page's root."""
    return path_of(
        "registries", context.account, context.region, "repositories", name, "-", "images", digest
    )


def show_image(context: Context, name: str, digest: str) -> Answer:
    """Return the view of an image."""
    # The digest of a placeholder may be any text.
    view = context.backend.view_image(name, Digest(digest))
    manifest = contents.read_manifest(view.content.manifest, view.content.media_type)
    config_text = _config(context, view, manifest)
    config = contents.read_object(config_text)
    registry = Registry(context.account, context.region)
    return context.render(
        "image.html",
        view=view,
        image=view.image,
        repository=view.repository,
        manifest=manifest,
        manifest_text=contents.pretty(view.content.manifest),
        annotations=contents.texts_of(manifest.annotations) if manifest else [],
        platforms=contents.platforms_of(manifest) if manifest and manifest.is_index else [],
        steps=contents.steps_of(manifest, config, view.held) if manifest else [],
        facts=contents.facts_of(config),
        labels=contents.labels_of(config),
        environment=contents.environment_of(config),
        config_text=contents.pretty(config_text) if config_text else None,
        scan=view.scan,
        findings=findings.in_order(view.scan.findings) if view.scan else [],
        severities=findings.counts(view.scan.findings) if view.scan else [],
        users=users_of(registry, name, view.image.digest),
        uri=view.repository.repository_uri,
    )


def _config(context: Context, view: ImageView, manifest: Manifest | None) -> bytes:
    """Return the configuration of an image; empty if it is missing or too large to be shown."""
    if manifest is None or not has_config(manifest):
        return b""
    digest = manifest.blobs[0].digest
    if not 0 < view.held.get(digest, 0) <= LARGEST_CONFIG:
        return b""
    try:
        blob, _ = context.backend.view_blob(view.repository.repository_name, Digest(digest))
    except LayersNotFoundException:
        return b""
    with blob:
        return b"".join(blob.chunks())


def show_layer(context: Context, name: str, digest: str) -> Answer:
    """Return the files of a layer, within limits, and the images that contain it."""
    parsed = Digest.parse_or_none(digest)
    if parsed is None:
        raise PageError(404, "There is no such layer.")
    blob, users = context.backend.view_blob(name, parsed)
    with blob:
        chunks: Iterator[bytes] = blob.chunks()
        listing = list_files(chunks, context.search)
        size = blob.size
    usage = context.backend.repository_usage(name)
    return context.render(
        "layer.html",
        repository=usage.repository,
        digest=digest,
        listing=listing,
        size=size,
        users=users,
    )
