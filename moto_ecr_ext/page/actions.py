"""The actions of the page. The token of each form has been checked before."""

from __future__ import annotations

from moto_ecr_ext.oci.digest import Digest
from moto_ecr_ext.oci.reference import Tag
from moto_ecr_ext.page.queries.images import view_image
from moto_ecr_ext.page.queries.lifecycle import lifecycle_decisions

from .context import Context
from .images import image_path
from .messages import Answer, path_of
from .repositories import fingerprint, show_lifecycle


def log_in(context: Context) -> Answer:
    """Return the command that logs docker in to the registry without the AWS CLI, for twelve hours."""
    line = (
        f"echo {context.backend.password()} | "
        f"docker login --username AWS --password-stdin {context.request.host}"
    )
    return context.render("login.html", line=line)


def delete_tag(context: Context, name: str, tag: str) -> Answer:
    """Remove a tag from its image, which stays, and show the image."""
    view = view_image(context.backend, name, Tag(tag))
    context.backend.delete_manifest(name, Tag(tag))
    return Answer.redirection(f"{image_path(context, name, view.image.digest)}?done=deleted")


def start_scan(context: Context, name: str, digest: str) -> Answer:
    """Start a scan of an image, and show the image."""
    context.backend.start_image_scan(name, {"imageDigest": Digest(digest)})
    return Answer.redirection(f"{image_path(context, name, digest)}?done=scanned")


def run_lifecycle(context: Context, name: str) -> Answer:
    """Run the lifecycle policy of a repository if its preview is still correct; otherwise show the new preview."""
    shown = context.request.form.get("preview", "")
    if fingerprint(lifecycle_decisions(context.backend, name)) != shown:
        return show_lifecycle(context, name, is_outdated=True)
    context.backend.run_lifecycle_policy(name)
    path = path_of("registries", context.account, context.region, "repositories", name)
    return Answer.redirection(f"{path}?done=lifecycle")
