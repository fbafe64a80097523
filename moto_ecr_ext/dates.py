"""The header `Date`, of which every answer has exactly one.

AWS's SDKs for JavaScript set their clock by it, and fail on two.
"""

from __future__ import annotations

import time
from typing import Any

from werkzeug.http import http_date


def date_header(request: Any) -> dict[str, str]:
    """Return the header for the answer to `request`, or nothing if a WSGI server adds it.

    A server names itself in the environment (RFC 3875, 4.1.17, SERVER_SOFTWARE). In the process and
    in the proxy, moto makes an environment without that name, or passes a request of botocore.
    """
    if "SERVER_SOFTWARE" in getattr(request, "environ", {}):
        return {}
    return {"Date": http_date(time.time())}
