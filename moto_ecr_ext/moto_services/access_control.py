"""moto's access control: keys of users and sessions, signatures, and policies of principals.

It imports moto's S3, EventBridge and STS, so `iam` imports it only when needed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from moto.core.authorization import ActionAuthenticatorMixin
from moto.core.exceptions import SignatureDoesNotMatchError
from moto.iam.access_control import (
    AssumedRoleAccessKey,
    CreateAccessKeyFailure,
    IAMRequest,
    IAMUserAccessKey,
    create_access_key,
)
from moto.iam.exceptions import NoSuchEntity, NotFoundException
from moto.iam.models import Policy
from werkzeug.exceptions import HTTPException

from moto_ecr_ext.exceptions.common import (
    IncompleteSignatureException,
    InvalidSignatureException,
    MissingAuthenticationTokenException,
    UnrecognizedClientException,
)

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
_SIGNATURE = re.compile(
    r"AWS4-HMAC-SHA256 Credential=[^/,]+/[0-9]{8}/[^/,]+/[^/,]+/aws4_request, *"
    r"SignedHeaders=(?P<signed>[^,]+), *Signature=[0-9a-f]+"
)


def owner_of_key(account_id: str, partition: str, access_key_id: str, headers: Any) -> str | None:
    """Return the ARN of the user or session of a key; None if moto does not know the key."""
    try:
        arn: str = create_access_key(account_id, partition, access_key_id, headers).arn
    except CreateAccessKeyFailure:
        return None
    return arn


def check_signature(request: ActionAuthenticatorMixin, headers: Mapping[str, str]) -> None:
    """Raise an error unless a request has a valid signature by a key that IAM knows; see `iam.authenticate`."""
    try:
        request._authenticate_and_authorize_action(_SignedRequest)
    except SignatureDoesNotMatchError:
        raise InvalidSignatureException from None
    except HTTPException:
        # The access key is unknown or inactive. moto raises errors with names of the XML protocols.
        raise UnrecognizedClientException from None
    except (KeyError, IndexError, AttributeError):
        # moto's check expects a signed request.
        if "Authorization" not in headers:
            raise MissingAuthenticationTokenException from None
        if not _has_whole_signature(headers):
            raise IncompleteSignatureException from None
        raise


class _SignedRequest(IAMRequest):
    """A request whose access key and signature moto checks."""

    def check_action_permitted(self, resource: str) -> None:
        """Do nothing: permissions are checked elsewhere, for both protocols."""


def _has_whole_signature(headers: Mapping[str, str]) -> bool:
    match = _SIGNATURE.fullmatch(headers["Authorization"])
    return (
        match is not None
        and {"host", "x-amz-date"} <= set(match["signed"].split(";"))
        and "X-Amz-Date" in headers
    )


def identity_policies(principal: str) -> Iterator[str]:
    """Yield the texts of the policies of a user and its groups, or of the role of a session.

    Raises UnrecognizedClientException for any other principal: an account as a whole, a deleted user.
    """
    partition, _, _, account_id, name = principal.split(":", 5)[1:]
    kind, *names = name.split("/")
    try:
        if kind == "user":
            policies: list[Any] = _User(account_id, partition, names[-1]).collect_policies()
        elif kind == "assumed-role":
            policies = _Session(account_id, partition, names[0]).collect_policies()
        else:
            raise UnrecognizedClientException
    except (NoSuchEntity, NotFoundException):
        raise UnrecognizedClientException from None
    for policy in policies:
        if isinstance(policy, Policy):
            yield next(each.document for each in policy.versions if each.is_default)
        else:
            yield policy if isinstance(policy, str) else policy["policy_document"]


class _User(IAMUserAccessKey):
    """A user that is looked up by its name. moto looks it up by its key."""

    def __init__(self, account_id: str, partition: str, name: str):
        self.account_id = account_id
        self.partition = partition
        self._owner_user_name = name


class _Session(AssumedRoleAccessKey):
    """A session that is looked up by the name of its role. moto looks it up by its key."""

    def __init__(self, account_id: str, partition: str, role_name: str):
        self.account_id = account_id
        self.partition = partition
        self._owner_role_name = role_name
