"""Views of all registries: the beginning, the list of them, the storage, and the results of a search."""

from __future__ import annotations

import re

from moto_ecr_ext import arns, settings
from moto_ecr_ext.page.queries.repositories import Found, registry_counts, search_all, store_usage

from .context import Context
from .messages import Answer, path_of

# Results of each kind.
_MOST_RESULTS = 50
_DIGEST = re.compile("sha[0-9]+:")


def begin(context: Context) -> Answer:
    """Lead to the registry that has repositories, or to the list of registries if several have.

    Without a repository, it is the default registry, which says how to begin.
    """
    counts = registry_counts(context.backend)
    if len(counts) > 1:
        return Answer.redirection("registries")
    account, region = context.account, context.region
    for each in counts:
        account, region = each.account_id, each.region
    return Answer.redirection(path_of("registries", account, region))


def show_registries(context: Context) -> Answer:
    """Return the list of registries. The default registry is included, even without a repository."""
    counts = registry_counts(context.backend)
    has_default = any(
        (each.account_id, each.region) == (context.account, context.region) for each in counts
    )
    return context.render("registries.html", counts=counts, has_default=has_default)


def show_storage(context: Context) -> Answer:
    """Return the contents and the location of the store."""
    return context.render("storage.html", usage=store_usage(context.backend), places=_places())


def _places() -> list[tuple[str, str]]:
    location = settings.store_location()
    if location.data_dir is None and location.database is None:
        return [("Kept in", "memory, until the server ends")]
    directory = str(location.data_dir or "")
    found = [
        ("Directory", directory),
        ("Database", _without_password(location.database or "")),
        ("Blobs", _without_password(location.blobs or "")),
    ]
    return [(name, place) for name, place in found if place]


def _without_password(url: str) -> str:
    """Return a URL without the credentials before its host."""
    scheme, mark, rest = url.partition("://")
    if not mark:
        return url
    authority, slash, path = rest.partition("/")
    return f"{scheme}://{authority.rpartition('@')[2]}{slash}{path.partition('?')[0]}"


def show_results(context: Context) -> Answer:
    """Return the search results in all registries."""
    if not context.search:
        return Answer.redirection("")
    text = context.search
    of_arn = arns.repository_of_arn(text)
    if of_arn is not None:
        text = of_arn.name
    found = _search(context, text)
    # A URI begins with a host, and so may the name of a repository.
    if not found.repositories and not found.images and "/" in text:
        found = _search(context, text.partition("/")[2])
    return context.render("search.html", found=found, most=_MOST_RESULTS)


def _search(context: Context, text: str) -> Found:
    """Return the results for a text, or for `REPOSITORY:TAG`, `REPOSITORY@DIGEST` or both."""
    repository, mark, wanted = text.partition("@")
    if not mark and not _DIGEST.match(text):
        repository, mark, wanted = text.rpartition(":")
    if not mark:
        return search_all(context.backend, text, _MOST_RESULTS)
    return search_all(context.backend, wanted, _MOST_RESULTS, repository.partition(":")[0])
