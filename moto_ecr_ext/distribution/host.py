"""The host that a request names, over any carrier. Answers repeat it in Location and WWW-Authenticate."""

from __future__ import annotations

import re
from functools import lru_cache

from .errors import malformed

# RFC 3986, 3.2.2 and 3.2.3, without `sub-delims` and percent-encodings: real hosts have none, and WSGI joins
# two Host headers with a comma.
_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z._~-]+)(?::[0-9]*)?")


def check_host(text: str) -> None:
    """Raise RegistryError if `text` is not `host[:port]`. Answers repeat it in Location and WWW-Authenticate."""
    if not is_host(text):
        raise malformed(f"{text!r} is not a host")


@lru_cache(maxsize=256)
def is_host(text: str) -> bool:
    """Return True if `text` is `host[:port]`."""
    return _HOST.fullmatch(text) is not None
