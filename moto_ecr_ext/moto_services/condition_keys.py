"""The condition keys of a request, and their values. All other keys are missing.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html and
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html. A client
with a password of GetAuthorizationToken has the keys of the principal that asked for it. `aws:TokenIssueTime` and the
tags of sessions are missing, since moto does not keep them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone

from moto_ecr_ext import arns
from moto_ecr_ext.caller import Caller
from moto_ecr_ext.clock import now

from . import ec2, organizations, principals

Values = dict[str, str | Sequence[str]]


def condition_values(
    caller: Caller, region: str, account_id: str, resource_tags: Mapping[str, str]
) -> Values:
    """Return the values of the condition keys of a call about a resource of an account, by name.

    `PolicyDocument.decision` adds `aws:PrincipalArn` and `aws:PrincipalAccount`, which follow from the principal.
    """
    partition = arns.partition_of(region)
    return {
        **_of_request(caller, region),
        **_of_network(caller, region),
        **_of_principal(caller, partition),
        **_of_parameters(caller),
        "aws:ResourceAccount": account_id,
        **_of_organization("Resource", account_id, partition),
        **{f"aws:ResourceTag/{key}": value for key, value in resource_tags.items()},
        **{f"ecr:ResourceTag/{key}": value for key, value in resource_tags.items()},
    }


def _of_request(caller: Caller, region: str) -> Values:
    at = now()
    values: Values = {
        "aws:CurrentTime": datetime.fromtimestamp(at, timezone.utc).isoformat(),
        "aws:EpochTime": str(int(at)),
        "aws:RequestedRegion": region,
        "aws:SecureTransport": "true" if caller.scheme == "https" else "false",
        "aws:ViaAWSService": "false",
    }
    if caller.user_agent:
        values["aws:UserAgent"] = caller.user_agent
    return values


def _of_network(caller: Caller, region: str) -> Values:
    if caller.client is None:
        return {}
    if caller.vpc_endpoint is None:
        return {"aws:SourceIp": caller.client}
    values: Values = {"aws:SourceVpce": caller.vpc_endpoint, "aws:VpcSourceIp": caller.client}
    account_id = caller.principal.split(":")[4]
    vpc = ec2.vpc_of_endpoint(caller.vpc_endpoint, account_id, region)
    return {**values, "aws:SourceVpc": vpc} if vpc else values


def _of_principal(caller: Caller, partition: str) -> Values:
    if not caller.is_service:
        return {
            "aws:PrincipalIsAWSService": "false",
            **principals.condition_values_of(caller.principal),
            **_of_organization("Principal", caller.principal.split(":")[4], partition),
        }
    values: Values = {
        "aws:PrincipalIsAWSService": "true",
        "aws:PrincipalServiceName": caller.principal,
        "aws:PrincipalServiceNamesList": [caller.principal],
    }
    if caller.source_arn is None:
        return values
    source_account = caller.source_arn.split(":")[4]
    return {
        **values,
        "aws:SourceArn": caller.source_arn,
        "aws:SourceAccount": source_account,
        **_of_organization("Source", source_account, partition),
    }


def _of_organization(whose: str, account_id: str, partition: str) -> Values:
    membership = organizations.membership_of(account_id, partition)
    if membership is None:
        return {}
    return {
        f"aws:{whose}OrgID": membership.organization_id,
        f"aws:{whose}OrgPaths": [membership.path],
    }


def _of_parameters(caller: Caller) -> Values:
    """Return the keys that only some actions have."""
    if caller.action in ("ecr:CreateRepository", "ecr:TagResource"):
        tags = {tag["Key"]: tag["Value"] for tag in caller.parameters.get("tags", ())}
        values: Values = {f"aws:RequestTag/{key}": value for key, value in tags.items()}
        return {**values, "aws:TagKeys": list(tags)} if tags else {}
    if caller.action == "ecr:UntagResource":
        return {"aws:TagKeys": caller.parameters.get("tagKeys", [])}
    if caller.action in ("ecr:GetAccountSetting", "ecr:PutAccountSetting"):
        return {"ecr:AccountSetting": caller.parameters.get("name", "")}
    return {}
