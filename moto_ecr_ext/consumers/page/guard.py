"""Protection of the page: against pages of other sites, and against forms without its token.

moto's server lets the pages of every origin read its answers (CORS), and any page may send forms to it. The page
therefore checks the headers of browsers itself, regardless of the server's settings, and a form carries a token that a
foreign page cannot read. https://fetch.spec.whatwg.org/#origin-header, https://www.w3.org/TR/fetch-metadata/
"""

from __future__ import annotations

import hashlib
import hmac

from .messages import PageError, Request

_FOREIGN = "Pages of other sites may not use this one."


def token(secret: bytes) -> str:
    """Return the token of the page's forms, derived from a secret of the store."""
    return hmac.new(secret, b"form", hashlib.sha256).hexdigest()


def check_origin(request: Request) -> None:
    """Raise PageError for a request of a foreign page. Following a link in a window of the user is allowed."""
    origin = request.headers.get("origin")
    site = request.headers.get("sec-fetch-site", "none")
    if origin is not None:
        scheme, _, authority = origin.lower().partition("://")
        # A proxy in front of the server may speak TLS.
        if scheme not in ("http", "https") or authority != request.host.lower():
            raise PageError(403, _FOREIGN)
    if site in ("same-origin", "none"):
        return
    is_link = (
        request.method in ("GET", "HEAD")
        and request.headers.get("sec-fetch-mode") == "navigate"
        and request.headers.get("sec-fetch-dest") == "document"
    )
    if not is_link:
        raise PageError(403, _FOREIGN)


def check_token(request: Request, secret: bytes) -> None:
    """Raise PageError unless the form carries the page's token."""
    given = request.form.get("token", "")
    if not hmac.compare_digest(given.encode("utf-8", "replace"), token(secret).encode()):
        raise PageError(
            403,
            "This form is from another page, or too old. Reload the page, and try again.",
        )
