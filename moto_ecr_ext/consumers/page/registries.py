"""Views of all registries: the list of them, the storage, and the results of a search."""

from __future__ import annotations

import re

from moto_ecr_ext import hosts, settings

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
    repository, text = _terms(context.search)
    found = context.backend.search(text, _MOST_RESULTS, repository)
    return context.render("search.html", found=found, most=_MOST_RESULTS)


def _terms(text: str) -> tuple[str, str]:
    """Return a repository, or nothing, and the text to search for there.

    People search for the URIs and the ARNs that the page lets them copy, too.
    """
    of_arn = hosts.repository_of_arn(text)
    if of_arn is not None:
        return "", of_arn.name
    host, slash, rest = text.partition("/")
    if slash and (":" in host or "." in host or host == "localhost"):
        text = rest
    repository, mark, digest = text.partition("@")
    if mark:
        return repository, digest
    repository, mark, tag = text.rpartition(":")
    return (repository, tag) if mark and not _DIGEST.match(text) else ("", text)
