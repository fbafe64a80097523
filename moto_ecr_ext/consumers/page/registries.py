"""Views of all registries: the list of them, the storage, and the results of a search."""

from __future__ import annotations

import re

from moto_ecr_ext import hosts, settings
from moto_ecr_ext.models.repositories.overview import Found

from .context import Context
from .messages import Answer

# Results of each kind.
_MOST_RESULTS = 50
_DIGEST = re.compile("sha[0-9]+:")


def show_registries(context: Context) -> Answer:
    """Return the list of registries. The default registry is included, even without a repository."""
    counts = context.backend.registry_counts()
    has_default = any(
        (each.account_id, each.region) == (context.account, context.region) for each in counts
    )
    return context.render("registries.html", counts=counts, has_default=has_default)


def show_storage(context: Context) -> Answer:
    """Return the contents and the location of the store."""
    return context.render("storage.html", usage=context.backend.store_usage(), places=_places())


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
    of_arn = hosts.repository_of_arn(text)
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
        return context.backend.search(text, _MOST_RESULTS)
    return context.backend.search(wanted, _MOST_RESULTS, repository.partition(":")[0])
