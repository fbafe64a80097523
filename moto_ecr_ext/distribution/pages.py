"""Pages of a listing: the parameters `n` and `last`, and the Link to the next page.

OCI Distribution Specification 1.1, "Listing Tags".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from moto_ecr_ext.exceptions import InvalidParameterException

from .dialects import MAX_PAGE_SIZE
from .messages import Request


@dataclass(frozen=True, slots=True)
class Page:
    """The requested page: at most `size` names after `last`, which is empty for the first page."""

    request: Request
    size: int
    last: str

    def cut(
        self, names: Sequence[str], last_of: Callable[[str], str] = str
    ) -> tuple[list[str], dict[str, str]]:
        """Return the names of this page, given up to one more, and the Link header if there are more.

        `last_of` returns the `last` of the page behind a name: the name, unless the dialect has others.
        """
        shown = list(names[: self.size])
        goes_on = len(names) > self.size and shown
        return shown, self.link_to(last_of(shown[-1]) if goes_on else None)

    def link_to(self, last: str | None) -> dict[str, str]:
        """Return the Link header of the page after `last`; an empty dict for None."""
        if last is None:
            return {}
        query = {**self.request.query.to_dict(), "last": last}
        if self.request.dialect.names_size_in_link or "n" in query:
            query["n"] = str(self.size)
        url = f"{self.request.base_url}{self.request.path}?{urlencode(query)}"
        return {"Link": f'<{url}>; rel="next"'}


def page_of(request: Request, size: int = MAX_PAGE_SIZE) -> Page:
    """Return the page that a request asks for; `size` is that of a page if the request names none.

    Raises InvalidParameterException for an `n` that is not a number or that the dialect refuses, and for a `last` that
    cannot be a name.
    """
    asked = request.query.get("n")
    last = request.query.get("last", "")
    if "\0" in last:
        # No name has this character, and PostgreSQL cannot compare with it.
        raise InvalidParameterException.at("last", "Member must not have the character U+0000")
    if asked is None:
        return Page(request, size, last)
    if not (asked.isascii() and asked.isdigit()) or len(asked) > 18:
        raise InvalidParameterException.at("n", "Member must be a number of results")
    return Page(request, request.dialect.page_size(int(asked)), last)
