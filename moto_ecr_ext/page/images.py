"""Views of an image, and of a layer."""

from __future__ import annotations

from collections.abc import Iterator

from moto_ecr_ext.arns import Registry
from moto_ecr_ext.moto_services.image_uses import users_of
from moto_ecr_ext.oci.digest import Digest
from moto_ecr_ext.oci.members import read_object
from moto_ecr_ext.oci.reference import Tag
from moto_ecr_ext.page.queries.images import view_blob, view_image
from moto_ecr_ext.page.queries.repositories import repository_usage

from . import contents, findings
from .context import Context
from .files import list_files
from .messages import Answer, PageError, path_of


def show_tag(context: Context, name: str, tag: str) -> Answer:
    """Redirect to the image that a tag names."""
    view = view_image(context.backend, name, Tag(tag))
    return Answer.redirection(image_path(context, name, view.image.digest))


def image_path(context: Context, name: str, digest: str) -> str:
    """Return the path of an image of the registry, below the page's root."""
    return path_of(
        "registries", context.account, context.region, "repositories", name, "-", "images", digest
    )


def show_image(context: Context, name: str, digest: str) -> Answer:
    """Return the view of an image."""
    # The digest of a placeholder may be any text.
    view = view_image(context.backend, name, Digest(digest))
    manifest = contents.read_manifest(view.content.manifest, view.content.media_type)
    config_text = context.backend.config_of(name, manifest) if manifest else b""
    config = read_object(config_text)
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


def show_layer(context: Context, name: str, digest: str) -> Answer:
    """Return the files of a layer, within limits, and the images that contain it."""
    parsed = Digest.parse_or_none(digest)
    if parsed is None:
        raise PageError(404, "There is no such layer.")
    blob, users = view_blob(context.backend, name, parsed)
    with blob:
        chunks: Iterator[bytes] = blob.chunks()
        listing = list_files(chunks, context.search)
        size = blob.size
    usage = repository_usage(context.backend, name)
    return context.render(
        "layer.html",
        repository=usage.repository,
        digest=digest,
        listing=listing,
        size=size,
        users=users,
    )
