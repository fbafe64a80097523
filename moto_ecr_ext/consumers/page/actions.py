"""What the page changes. Each form has carried the token of the page by then."""

from __future__ import annotations

from moto_ecr_ext.oci.digest import Digest
from moto_ecr_ext.oci.reference import Tag

from .context import Context
from .images import image_path
from .messages import Answer, path_of
from .repositories import fingerprint, show_lifecycle


def log_in(context: Context) -> Answer:
    """Return the line that logs docker in to the registry without AWS's command line, for twelve hours."""
    line = (
        f"echo {context.backend.password()} | "
        f"docker login --username AWS --password-stdin {context.request.host}"
    )
    return context.render("login.html", line=line)


def delete_tag(context: Context, name: str, tag: str) -> Answer:
    """Take a tag from its image, which stays, and show the image."""
    view = context.backend.view_image(name, Tag(tag))
    context.backend.delete_manifest(name, Tag(tag))
    return Answer.redirection(f"{image_path(context, name, view.image.digest)}?done=deleted")


def start_scan(context: Context, name: str, digest: str) -> Answer:
    """Begin a scan of an image, and show the image."""
    context.backend.start_image_scan(name, {"imageDigest": Digest(digest)})
    return Answer.redirection(f"{image_path(context, name, digest)}?done=scanned")


def run_lifecycle(context: Context, name: str) -> Answer:
    """Run the lifecycle policy of a repository if it still does what the preview has shown; else show what it does."""
    shown = context.request.form.get("preview", "")
    if fingerprint(context.backend.lifecycle_decisions(name)) != shown:
        return show_lifecycle(context, name, is_outdated=True)
    context.backend.run_lifecycle_policy(name)
    path = path_of("registries", context.account, context.region, "repositories", name)
    return Answer.redirection(f"{path}?done=lifecycle")
