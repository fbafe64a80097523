"""The calling account by its access key, for the server's setting `account_from_key`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from moto_ecr_ext.seams.replacing import replace

# Signatures of version 4 and of version 2, in a header.
_SIGNED = re.compile(r"(?:AWS4-HMAC-SHA256 +Credential=|AWS )([0-9]{12})[/:]")
# Those of presigned URLs.
_CREDENTIAL = re.compile(r"([0-9]{12})(?:/|$)")


@contextmanager
def accounts_from_keys() -> Iterator[None]:
    """In this block, use an access key ID of twelve digits as the calling account, in all services of moto.

    Each response class of moto asks this method of its base class. `querystring` are the parameters of the URL. The
    header `x-moto-account-id` takes precedence.
    """
    from moto.core.responses import BaseResponse

    original = BaseResponse.get_current_account

    def get_current_account(self: BaseResponse) -> str:
        if "x-moto-account-id" not in self.headers:
            account_id = _account_in(self)
            if account_id is not None:
                return account_id
        return original(self)

    put_back = replace(BaseResponse, "get_current_account", get_current_account)
    try:
        yield
    finally:
        put_back()


def _account_in(response: Any) -> str | None:
    """Return the account in the credential of a request, or None."""
    match = _SIGNED.match(response.headers.get("Authorization") or "")
    if match is None:
        query = response.querystring or {}
        given = query.get("X-Amz-Credential") or query.get("AWSAccessKeyId") or [""]
        match = _CREDENTIAL.match(str(given[0]))
    return match[1] if match else None


def are_overridden() -> bool:
    """Return True if moto uses one account for all callers."""
    return "MOTO_ACCOUNT_ID" in os.environ
