"""Protection of the page: against pages of other sites, and against forms without its token.

moto's server lets the pages of every origin read its answers (CORS), and any page may send forms to it. The page
therefore checks the headers of browsers itself, regardless of the server's settings, and a form carries a token that a
foreign page cannot read.
"""

from __future__ import annotations

import hashlib
import hmac

from moto_ecr_ext.distribution.carriers.gate import is_foreign

from .messages import PageError, PageRequest


def token(secret: bytes) -> str:
    """Return the token of the page's forms, derived from a secret of the store."""
    return hmac.new(secret, b"form", hashlib.sha256).hexdigest()


def check_origin(request: PageRequest) -> None:
    """Raise PageError for a request of a foreign page. Following a link in a window of the user is allowed."""
    if is_foreign(request.method, request.host, request.headers):
        raise PageError(403, "Pages of other sites may not use this one.")


def check_token(request: PageRequest, secret: bytes) -> None:
    """Raise PageError unless the form carries the page's token."""
    given = request.form.get("token", "")
    if not hmac.compare_digest(given.encode("utf-8", "replace"), token(secret).encode()):
        raise PageError(
            403,
            "This form is from another page, or too old. Reload the page, and try again.",
        )
