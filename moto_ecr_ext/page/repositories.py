"""Views of a registry's repositories, of a repository with its images, and of a lifecycle policy's preview."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence

from moto_ecr_ext.page.queries.images import LAST_ROW, ImageFilter, images_after, images_before
from moto_ecr_ext.page.queries.lifecycle import lifecycle_decisions
from moto_ecr_ext.page.queries.repositories import (
    RepositoryUsage,
    repositories_after,
    repositories_before,
    repository_usage,
)
from moto_ecr_ext.policies.lifecycle_evaluation import LifecycleDecision

from .context import Context
from .messages import Answer, PageError

REPOSITORIES_OF_PAGE = 50
IMAGES_OF_PAGE = 100

# The most images that a preview names.
_MOST_DECISIONS = 500

_STATUSES = {
    "": ("ANY", "ANY"),
    "tagged": ("TAGGED", "ANY"),
    "untagged": ("UNTAGGED", "ANY"),
    "archived": ("ANY", "ARCHIVED"),
}


def show_repositories(context: Context) -> Answer:
    """Return a page of the repositories of a registry, by name."""
    query, search = context.request.query, context.search
    most = REPOSITORIES_OF_PAGE
    if query.get("before"):
        found = repositories_before(context.backend, query["before"], most + 1, search)
        page, has_more_before, has_more_after = found[-most:], len(found) > most, True
    else:
        after = query.get("after", "")
        found = repositories_after(context.backend, after, most + 1, search)
        page, has_more_before, has_more_after = found[:most], bool(after), len(found) > most
    return context.render(
        "repositories.html",
        page=page,
        before=_name(page[0]) if page and has_more_before else None,
        after=_name(page[-1]) if page and has_more_after else None,
        is_beyond=not page and bool(query.get("before") or query.get("after")),
    )


def _name(usage: RepositoryUsage) -> str:
    return usage.repository.repository_name


def show_repository(context: Context, name: str) -> Answer:
    """Return a repository and a page of its images, in reverse order of their push."""
    query, backend = context.request.query, context.backend
    usage = repository_usage(backend, name)
    status = query.get("show", "")
    if status not in _STATUSES:
        raise PageError(400, f"Supported values of show: {', '.join(filter(None, _STATUSES))}.")
    wanted = ImageFilter(*_STATUSES[status], context.search)
    if "after" in query:
        page = images_after(backend, name, _row(query["after"]), IMAGES_OF_PAGE, wanted)
    else:
        before = _row(query["before"]) if "before" in query else LAST_ROW
        page = images_before(backend, name, before, IMAGES_OF_PAGE, wanted)
    return context.render(
        "repository.html",
        usage=usage,
        repository=usage.repository,
        page=page,
        is_beyond=not page.images and ("before" in query or "after" in query),
        show=status,
        policies=_policies(usage),
    )


def _policies(usage: RepositoryUsage) -> list[tuple[str, str]]:
    repository = usage.repository
    texts = [
        ("Repository policy", repository.policy_text),
        ("Lifecycle policy", repository.lifecycle_policy_text),
    ]
    return [(title, text) for title, text in texts if text]


def _row(text: str) -> int:
    """Return the number of a row. Raises PageError for any other text."""
    if not (text.isascii() and text.isdecimal()) or len(text) > 18:
        raise PageError(400, "before and after must be numbers from the page.")
    return int(text)


def show_lifecycle(context: Context, name: str, *, is_outdated: bool = False) -> Answer:
    """Return a preview of the lifecycle policy of a repository."""
    decisions = lifecycle_decisions(context.backend, name)
    usage = repository_usage(context.backend, name)
    return context.render(
        "lifecycle.html",
        409 if is_outdated else 200,
        repository=usage.repository,
        counts=Counter(each.action.name for each in decisions),
        decisions=decisions[:_MOST_DECISIONS],
        left_out=max(len(decisions) - _MOST_DECISIONS, 0),
        preview=fingerprint(decisions),
        is_outdated=is_outdated,
    )


def fingerprint(decisions: Sequence[LifecycleDecision]) -> str:
    """Return a fingerprint of a preview's actions and images."""
    acts = [(each.image.digest, each.action.name) for each in decisions]
    return hashlib.sha256(json.dumps(acts).encode()).hexdigest()
