"""The context of a view: the request, the backend, the registry, and the token of forms."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import Any

from moto_ecr_ext import arns, hosts
from moto_ecr_ext.caller import Caller
from moto_ecr_ext.models import ECRBackend
from moto_ecr_ext.models.lookup import registry_backend
from moto_ecr_ext.moto_services.iam import account_principal

from . import guard
from .messages import Answer, PageError, PageRequest
from .templates import render

# The longest text to search for.
_LONGEST_SEARCH = 300

# Notices after an action, by the word in the URL.
NOTICES = {
    "deleted": "The tag was deleted. Its image stays.",
    "scanned": "The scan has begun.",
    "lifecycle": "The lifecycle policy has run.",
}


@dataclass(frozen=True)
class Context:
    """A request, and the registry of its path, or the default one."""

    request: PageRequest
    backend: ECRBackend

    @property
    def secret(self) -> bytes:
        """The secret from which the token of forms is made. Servers of one database share it, and a reset keeps it."""
        return hmac.digest(self.backend.store.signing_key, b"page", hashlib.sha256)

    @property
    def account(self) -> str:
        """The account of the registry."""
        return self.backend.account_id

    @property
    def region(self) -> str:
        """The Region of the registry."""
        return self.backend.region_name

    @property
    def caller(self) -> Caller:
        """The caller of the page's operations: the account itself, at the address that the client has used."""
        host = self.request.host
        name = host.partition(":")[0].lower()
        return Caller(
            action="ecr:DescribeImages",
            principal=account_principal(self.account, self.region),
            scheme=self.request.scheme,
            address=None if hosts.is_in_aws_domain(name) else host,
            user_agent=self.request.headers.get("user-agent", ""),
        )

    @property
    def search(self) -> str:
        """The text that the query searches for."""
        return self.request.query.get("q", "").strip()[:_LONGEST_SEARCH]

    def render(self, template: str, status: int = 200, **values: Any) -> Answer:
        """Return the page that a template renders from values."""
        notice = NOTICES.get(self.request.query.get("done", ""))
        return render(
            self.request,
            template,
            guard.token(self.secret),
            status,
            account=self.account,
            region=self.region,
            notice=notice,
            search=self.search,
            **values,
        )


def context_of(request: PageRequest, account_id: str, region: str) -> Context:
    """Return the context of a request for a registry, after the work that is due.

    Raises PageError for an unknown registry.
    """
    if not arns.is_account_id(account_id):
        raise PageError(404, "An account has twelve digits.")
    try:
        return Context(request, registry_backend(account_id, region))
    except KeyError:
        raise PageError(404, f"There is no Region {region}.") from None
