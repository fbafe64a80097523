"""moto's IAM for ECR: the principal of a key, the enforcement of IAM, and the policies of a caller.

A test or a user of a server turns enforcement on with `set_initial_no_auth_action_count`
(https://docs.getmoto.org/en/latest/docs/iam.html). moto decides by a signature, which requests to a registry do not
have, and ignores many elements of policies. Therefore the policy texts come from moto, and `policies` evaluates them.

`access_control` has the parts that are needed only once a user or role exists, since its import is slow.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from moto import settings
from moto.core.authorization import ActionAuthenticatorMixin
from moto.iam.models import mark_account_as_visited
from moto.iam.policy_validation import IAMPolicyDocumentValidator
from moto.utilities.utils import get_partition

from .backends import backend_in_use


def principal_of(account_id: str, region: str, access_key_id: str, headers: Any) -> str:
    """Return the ARN of the user or session of a key, or of the account if moto does not know the key."""
    partition = get_partition(region)  # moto's, by which its IAM keeps its backends
    if not _has_keys(account_id, partition):
        return account_principal(account_id, region)
    from . import access_control

    arn = access_control.owner_of_key(account_id, partition, access_key_id, headers)
    return arn or account_principal(account_id, region)


def _has_keys(account_id: str, partition: str) -> bool:
    """Return True if moto knows users or sessions of an account."""
    users = getattr(backend_in_use("iam", account_id, partition), "users", None)
    sessions = getattr(backend_in_use("sts", account_id, partition), "assumed_roles", None)
    return bool(users or sessions)


def account_principal(account_id: str, region: str) -> str:
    """Return the ARN of an account as a whole, in the form of moto's IAM."""
    return f"arn:{get_partition(region)}:iam::{account_id}:root"


def is_account_principal(arn: str) -> bool:
    """Return True if a principal is an account as a whole, for which IAM need not be asked."""
    return arn.endswith(":root")


def identity_of(arn: str) -> str:
    """Return the account, kind and name of a user or role. For a session, they are those of its role.

    The path is left out: names are unique in an account without it, and the ARN of a session does not have it
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html).
    """
    account_id, resource = arn.split(":", 5)[4:]
    kind, *names = resource.split("/")
    if kind == "assumed-role":
        return f"{account_id}:role/{names[0]}"
    return f"{account_id}:{kind}/{names[-1] if names else ''}"


def record_use_of_key(account_id: str, region: str, access_key_id: str) -> None:
    """Record the use of a key for ECR, for GetAccessKeyLastUsed."""
    mark_account_as_visited(account_id, access_key_id, "ecr", region)


def is_enforced() -> bool:
    """Return True if IAM is enforced for the next request.

    Until IAM is enforced, the call counts toward moto's INITIAL_NO_AUTH_ACTION_COUNT.
    """
    if ActionAuthenticatorMixin.request_count >= settings.INITIAL_NO_AUTH_ACTION_COUNT:
        return True
    ActionAuthenticatorMixin.request_count += 1
    return False


def authenticate(request: ActionAuthenticatorMixin, headers: Mapping[str, str]) -> bool:
    """Return True if IAM is enforced for a request, after a check of its signature and key.

    `request` is a response class of moto that has read the request. Raises MissingAuthenticationTokenException,
    IncompleteSignatureException, InvalidSignatureException and UnrecognizedClientException.
    """
    if not is_enforced():
        return False
    from . import access_control

    access_control.check_signature(request, headers)
    return True


def identity_policies(principal: str) -> Iterator[str]:
    """Return the texts of the policies of a user and its groups, or of the role of a session.

    Raises UnrecognizedClientException for any other principal: an account as a whole, a deleted user.
    """
    from . import access_control

    return access_control.identity_policies(principal)


def is_policy(text: str) -> bool:
    """Return True if moto accepts a text as a policy of a registry, or of an identity."""
    return _is_valid(IAMPolicyDocumentValidator(text))


def is_repository_policy(text: str) -> bool:
    """Return True if moto accepts a text as a policy of a repository.

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
    # moto may raise any exception for unexpected texts.
    except Exception:
        return False
    return True
