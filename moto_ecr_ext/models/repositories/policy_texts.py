"""Policies of repositories and registries as they are accepted: validated, and converted to ECR's form.

Operations, CloudFormation stacks and repository creation templates all use this.
"""

from __future__ import annotations

from dataclasses import dataclass

from moto_ecr_ext.arns import partition_of
from moto_ecr_ext.caller import current_caller
from moto_ecr_ext.compatibility.switches import current_rules
from moto_ecr_ext.exceptions import InvalidParameterException
from moto_ecr_ext.moto_services.principals import is_known_principal
from moto_ecr_ext.policies.documents import (
    PolicyDocument,
    parse_registry_policy,
    parse_repository_policy,
    read_resource_policy,
)
from moto_ecr_ext.policies.normal_form import normal_form


@dataclass(frozen=True, slots=True)
class AcceptedPolicy:
    """A policy that ECR accepts: its text in ECR's form, and the parsed document."""

    text: str
    document: PolicyDocument


def accept_repository_policy(text: str, region: str) -> AcceptedPolicy:
    """Return a policy for a repository in a Region. Raises InvalidParameterException for one that ECR would refuse."""
    try:
        document = parse_repository_policy(text)
    except InvalidParameterException as error:
        if not current_rules().policies.accept_repository_policy(text, str(error.__cause__)):
            raise
        return AcceptedPolicy(text, read_resource_policy(text))
    if _names_unknown_principals(document):
        # https://github.com/hashicorp/terraform-provider-aws/issues/39064
        raise InvalidParameterException.at("PolicyText", "Principal not found")
    return AcceptedPolicy(stored_text(text, region), document)


def accept_registry_policy(text: str, region: str) -> AcceptedPolicy:
    """Return a policy for a registry in a Region. Raises InvalidParameterException for one that ECR would refuse."""
    try:
        document = parse_registry_policy(text)
    except InvalidParameterException as error:
        if not current_rules().policies.accept_registry_policy(text, str(error.__cause__)):
            raise
        return AcceptedPolicy(text, read_resource_policy(text))
    if _names_unknown_principals(document):
        # All faults of such a policy have this one text: https://github.com/pulumi/pulumi-aws/issues/2326
        raise InvalidParameterException.at("PolicyText", "Invalid registry policy provided")
    return AcceptedPolicy(stored_text(text, region), document)


def stored_text(text: str, region: str) -> str:
    """Return the text of a policy that a registry stores: in ECR's form, or as the rules say."""
    normal = normal_form(text, partition_of(region))
    return current_rules().policies.stored_text(text, normal, "a policy")


def _names_unknown_principals(document: PolicyDocument) -> bool:
    """Return True if the policy names an unknown user or role. While IAM is not enforced, it need not have any."""
    caller = current_caller()
    if caller is None or not caller.is_enforced:
        return False
    return not all(map(is_known_principal, document.identities()))
