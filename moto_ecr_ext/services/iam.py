"""moto's IAM as ECR asks it: the principal behind a key, whether IAM is enforced, and the policies of a caller.

A test or a server's user turns enforcement on with `set_initial_no_auth_action_count`
(https://docs.getmoto.org/en/latest/docs/iam.html). moto decides by a signature, which requests to a registry do not
have, and leaves out much of what policies can say: the texts are moto's, their meaning is that of `policies`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from moto import settings
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
from moto.iam.models import Policy, mark_account_as_visited
from moto.iam.policy_validation import IAMPolicyDocumentValidator
from moto.utilities.utils import get_partition
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


def principal_of(account_id: str, region: str, access_key_id: str, headers: Any) -> str:
    """Return the ARN of the user or session that a key belongs to, or of the account if moto does not know the key."""
    partition = get_partition(region)  # moto's, by which its IAM keeps its backends
    try:
        arn: str = create_access_key(account_id, partition, access_key_id, headers).arn
    except CreateAccessKeyFailure:
        return account_principal(account_id, region)
    return arn


def account_principal(account_id: str, region: str) -> str:
    """Return the ARN of an account as a whole, as moto's IAM writes it."""
    return f"arn:{get_partition(region)}:iam::{account_id}:root"


def is_account_principal(arn: str) -> bool:
    """Return whether a principal is an account as a whole, which needs no IAM."""
    return arn.endswith(":root")


def identity_of(arn: str) -> str:
    """Return the user or the role that a principal is, by account, kind and name; a session of a role is the role.

    The path is no part of it: no two of an account differ in that alone, and the ARN of a session does not have it
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html).
    """
    account_id, resource = arn.split(":", 5)[4:]
    kind, *names = resource.split("/")
    if kind == "assumed-role":
        return f"{account_id}:role/{names[0]}"
    return f"{account_id}:{kind}/{names[-1] if names else ''}"


def record_use_of_key(account_id: str, region: str, access_key_id: str) -> None:
    """Record that a key is used for ECR, for GetAccessKeyLastUsed."""
    mark_account_as_visited(account_id, access_key_id, "ecr", region)


def is_enforced() -> bool:
    """Return whether IAM is enforced for the next request.

    Until it is, each call counts toward moto's INITIAL_NO_AUTH_ACTION_COUNT.
    """
    if ActionAuthenticatorMixin.request_count >= settings.INITIAL_NO_AUTH_ACTION_COUNT:
        return True
    ActionAuthenticatorMixin.request_count += 1
    return False


def authenticate(request: ActionAuthenticatorMixin, headers: Mapping[str, str]) -> bool:
    """Return whether IAM is enforced for a request, which then has a right signature by a key that IAM knows.

    `request` is a response class of moto that has read the request. Raises MissingAuthenticationTokenException,
    IncompleteSignatureException, InvalidSignatureException and UnrecognizedClientException.
    """
    if not is_enforced():
        return False
    try:
        request._authenticate_and_authorize_action(_SignedRequest)
    except SignatureDoesNotMatchError:
        raise InvalidSignatureException from None
    except HTTPException:
        # An access key that is unknown or not active. moto has names of XML for it.
        raise UnrecognizedClientException from None
    except (KeyError, IndexError, AttributeError):
        # moto assumes that a request is signed.
        if "Authorization" not in headers:
            raise MissingAuthenticationTokenException from None
        if not _has_whole_signature(headers):
            raise IncompleteSignatureException from None
        raise
    return True


class _SignedRequest(IAMRequest):
    """A request of which moto checks that the access key is known and the signature right."""

    def check_action_permitted(self, resource: str) -> None:
        """Do nothing: permission is decided elsewhere, for both protocols alike."""


def _has_whole_signature(headers: Mapping[str, str]) -> bool:
    match = _SIGNATURE.fullmatch(headers["Authorization"])
    return (
        match is not None
        and {"host", "x-amz-date"} <= set(match["signed"].split(";"))
        and "X-Amz-Date" in headers
    )


def identity_policies(principal: str) -> Iterator[str]:
    """Yield the texts of the policies of a user and its groups, or of the role of a session.

    Raises UnrecognizedClientException for any other principal: an account as a whole, a user that was deleted.
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
    """A user by its name, where moto has one by its key."""

    def __init__(self, account_id: str, partition: str, name: str):
        self.account_id = account_id
        self.partition = partition
        self._owner_user_name = name


class _Session(AssumedRoleAccessKey):
    """A session by the name of its role, where moto has one by its key."""

    def __init__(self, account_id: str, partition: str, role_name: str):
        self.account_id = account_id
        self.partition = partition
        self._owner_role_name = role_name


def is_policy(text: str) -> bool:
    """Return whether moto takes a text for a policy of a registry, or of an identity."""
    return _is_valid(IAMPolicyDocumentValidator(text))


def is_repository_policy(text: str) -> bool:
    """Return whether moto takes a text for a policy of a repository.

    Such a policy need not name resources, may be of the older version, and two statements may share a `Sid`
    (moto/ecr/models.py, `set_repository_policy`).
    """
    validator: Any = IAMPolicyDocumentValidator(text)
    for check in ("_validate_resource_exist", "_validate_version", "_validate_sid_uniqueness"):
        setattr(validator, check, lambda: None)
    return _is_valid(validator)


def _is_valid(validator: IAMPolicyDocumentValidator) -> bool:
    try:
        validator.validate()
    # What moto raises for texts that it did not expect may be anything.
    except Exception:
        return False
    return True
