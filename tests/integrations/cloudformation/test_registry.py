"""The resources of ECR that belong to a registry, in a stack: what the template says is what the API shows.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_ECR.html
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.constants import ACCOUNT
from support.refusals import refused
from support.stored import everything_stored

ROLE = f"arn:aws:iam::{ACCOUNT}:role/scanner"
PROFILE = f"arn:aws:signer:us-east-1:{ACCOUNT}:/signing-profiles/release"
UPSTREAM = {"UpstreamRegistryUrl": "registry.k8s.io", "UpstreamRegistry": "k8s"}


def policy_of(action: str) -> dict[str, Any]:
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Others",
                "Effect": "Allow",
                "Principal": {"AWS": "arn:aws:iam::210987654321:root"},
                "Action": action,
                "Resource": f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/*",
            }
        ],
    }


def replication_to(region: str) -> dict[str, Any]:
    return {"Rules": [{"Destinations": [{"Region": region, "RegistryId": ACCOUNT}]}]}


def scans(frequency: str) -> dict[str, Any]:
    filters = [{"Filter": "team/*", "FilterType": "WILDCARD"}]
    rule = {"ScanFrequency": frequency, "RepositoryFilters": filters}
    return {"ScanType": "ENHANCED", "Rules": [rule]}


def signing(pattern: str) -> dict[str, Any]:
    filters = [{"Filter": pattern, "FilterType": "WILDCARD_MATCH"}]
    return {"Rules": [{"SigningProfileArn": PROFILE, "RepositoryFilters": filters}]}


def registry_policy(ecr: Any) -> Any:
    return json.loads(ecr.get_registry_policy()["policyText"])["Statement"][0]["Action"]


def replication(ecr: Any) -> Any:
    [rule] = ecr.describe_registry()["replicationConfiguration"]["rules"]
    return rule["destinations"]


def scanning(ecr: Any) -> Any:
    configuration = ecr.get_registry_scanning_configuration()["scanningConfiguration"]
    [rule] = configuration["rules"]
    return configuration["scanType"], rule["scanFrequency"], rule["repositoryFilters"]


def signed(ecr: Any) -> Any:
    [rule] = ecr.get_signing_configuration()["signingConfiguration"]["rules"]
    return rule


def cache_rule(ecr: Any) -> Any:
    [rule] = ecr.describe_pull_through_cache_rules()["pullThroughCacheRules"]
    return rule["ecrRepositoryPrefix"], rule["upstreamRegistryUrl"], rule["upstreamRegistry"]


def template(ecr: Any) -> Any:
    [found] = ecr.describe_repository_creation_templates()["repositoryCreationTemplates"]
    return {
        name: found.get(name)
        for name in (
            "prefix",
            "appliedFor",
            "description",
            "imageTagMutability",
            "imageTagMutabilityExclusionFilters",
            "resourceTags",
            "repositoryPolicy",
        )
    }


def exclusions(ecr: Any) -> Any:
    return ecr.list_pull_time_update_exclusions()["pullTimeUpdateExclusions"]


# Type, properties at first and after an update, how to see it, what is seen then.
RESOURCES = [
    (
        "RegistryPolicy",
        {"PolicyText": policy_of("ecr:CreateRepository")},
        {"PolicyText": json.dumps(policy_of("ecr:ReplicateImage"))},
        registry_policy,
        ("ecr:CreateRepository", "ecr:ReplicateImage"),
    ),
    (
        "ReplicationConfiguration",
        {"ReplicationConfiguration": replication_to("eu-west-1")},
        {"ReplicationConfiguration": replication_to("eu-north-1")},
        replication,
        (
            [{"region": "eu-west-1", "registryId": ACCOUNT}],
            [{"region": "eu-north-1", "registryId": ACCOUNT}],
        ),
    ),
    (
        "RegistryScanningConfiguration",
        scans("SCAN_ON_PUSH"),
        scans("CONTINUOUS_SCAN"),
        scanning,
        tuple(
            ("ENHANCED", frequency, [{"filter": "team/*", "filterType": "WILDCARD"}])
            for frequency in ("SCAN_ON_PUSH", "CONTINUOUS_SCAN")
        ),
    ),
    (
        "SigningConfiguration",
        signing("team/*"),
        signing("*"),
        signed,
        tuple(
            {
                "signingProfileArn": PROFILE,
                "repositoryFilters": [{"filter": pattern, "filterType": "WILDCARD_MATCH"}],
            }
            for pattern in ("team/*", "*")
        ),
    ),
    (
        "PullThroughCacheRule",
        {"EcrRepositoryPrefix": "kubernetes", **UPSTREAM},
        {"EcrRepositoryPrefix": "k8s", **UPSTREAM},
        cache_rule,
        (("kubernetes", "registry.k8s.io", "k8s"), ("k8s", "registry.k8s.io", "k8s")),
    ),
    (
        "RepositoryCreationTemplate",
        {
            "Prefix": "team",
            "AppliedFor": ["CREATE_ON_PUSH"],
            "Description": "Of the team",
            "ImageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
            "ImageTagMutabilityExclusionFilters": [
                {
                    "ImageTagMutabilityExclusionFilterType": "WILDCARD",
                    "ImageTagMutabilityExclusionFilterValue": "dev-*",
                }
            ],
            "ResourceTags": [{"Key": "owner", "Value": "team"}],
            "CustomRoleArn": f"arn:aws:iam::{ACCOUNT}:role/templates",
            "RepositoryPolicy": "",
        },
        {"Prefix": "team", "AppliedFor": ["REPLICATION"]},
        template,
        (
            {
                "prefix": "team",
                "appliedFor": ["CREATE_ON_PUSH"],
                "description": "Of the team",
                "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
                "imageTagMutabilityExclusionFilters": [
                    {"filterType": "WILDCARD", "filter": "dev-*"}
                ],
                "resourceTags": [{"Key": "owner", "Value": "team"}],
                "repositoryPolicy": "",
            },
            {
                "prefix": "team",
                "appliedFor": ["REPLICATION"],
                "description": "",
                "imageTagMutability": "MUTABLE",
                "imageTagMutabilityExclusionFilters": None,
                "resourceTags": [],
                "repositoryPolicy": "",
            },
        ),
    ),
    (
        "PullTimeUpdateExclusion",
        {"PrincipalArn": ROLE},
        {"PrincipalArn": ROLE + "-2"},
        exclusions,
        ([ROLE], [ROLE + "-2"]),
    ),
]
each_resource = pytest.mark.parametrize(
    ("kind", "before", "after", "seen", "expected"),
    RESOURCES,
    ids=[kind for kind, *_ in RESOURCES],
)
IDENTIFIERS = {
    "PullThroughCacheRule": ("kubernetes", "k8s"),
    "RepositoryCreationTemplate": ("team", "team"),
    "PullTimeUpdateExclusion": (ROLE, ROLE + "-2"),
}


class Stack:
    """A stack of one resource of ECR."""

    def __init__(self, aws: Any, kind: str):
        self._client = aws.client("cloudformation")
        self._kind = kind

    def create(self, properties: dict[str, Any]) -> None:
        self._client.create_stack(StackName="Rules", TemplateBody=self.template(properties))

    def update(self, properties: dict[str, Any]) -> None:
        self._client.update_stack(StackName="Rules", TemplateBody=self.template(properties))

    def delete(self) -> None:
        self._client.delete_stack(StackName="Rules")

    @property
    def identifier(self) -> str:
        """The value of `Ref`."""
        [stack] = self._client.describe_stacks(StackName="Rules")["Stacks"]
        assert stack["StackStatus"].endswith("_COMPLETE")
        [output] = stack["Outputs"]
        return str(output["OutputValue"])

    def template(self, properties: dict[str, Any]) -> str:
        return json.dumps(
            {
                "Resources": {"It": {"Type": f"AWS::ECR::{self._kind}", "Properties": properties}},
                "Outputs": {"Id": {"Value": {"Ref": "It"}}},
            }
        )


@each_resource
def test_the_life_of_a_resource(
    aws: Any,
    ecr: Any,
    kind: str,
    before: dict[str, Any],
    after: dict[str, Any],
    seen: Callable[[Any], Any],
    expected: tuple[Any, Any],
) -> None:
    """A resource is created, updated and deleted with its stack, which leaves nothing behind."""
    # What a stack that is deleted leaves of these two is what they are without rules.
    ecr.put_replication_configuration(replicationConfiguration={"rules": []})
    ecr.put_registry_scanning_configuration(scanType="BASIC", rules=[])
    empty = everything_stored()
    stack = Stack(aws, kind)

    stack.create(before)
    assert seen(ecr) == expected[0]
    assert stack.identifier == IDENTIFIERS.get(kind, (ACCOUNT, ACCOUNT))[0]

    stack.update(after)
    assert seen(ecr) == expected[1]
    assert stack.identifier == IDENTIFIERS.get(kind, (ACCOUNT, ACCOUNT))[1]

    stack.delete()
    assert everything_stored() == empty


@each_resource
def test_invalid_properties(
    aws: Any,
    ecr: Any,
    kind: str,
    before: dict[str, Any],
    after: dict[str, Any],
    seen: Callable[[Any], Any],
    expected: tuple[Any, Any],
) -> None:
    """Invalid properties are refused as the operation refuses them, and change nothing."""
    empty = everything_stored()
    for wrong in ({}, {name: ["none"] for name in before}):
        with pytest.raises(ClientError) as caught:
            Stack(aws, kind).create(wrong)
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert everything_stored() == empty


@pytest.mark.parametrize(
    ("kind", "properties"),
    [(kind, before) for kind, before, *_ in RESOURCES if kind in IDENTIFIERS]
    + [("RegistryPolicy", RESOURCES[0][1])],
)
def test_what_is_there_already(aws: Any, kind: str, properties: dict[str, Any]) -> None:
    """A second resource of the same identifier is refused."""
    stack = Stack(aws, kind)
    stack.create(properties)
    client = aws.client("cloudformation")
    body = stack.template(properties)
    error = refused(client.create_stack, StackName="Again", TemplateBody=body)
    identifier = IDENTIFIERS.get(kind, (ACCOUNT,))[0]
    assert (
        f"Resource of type 'AWS::ECR::{kind}' with identifier '{identifier}' already exists."
        in str(error)
    )


def test_times_of_a_template(aws: Any) -> None:
    """CreatedAt and UpdatedAt are attributes, as text."""
    client = aws.client("cloudformation")
    outputs = {name: {"Value": {"Fn::GetAtt": ["It", name]}} for name in ("CreatedAt", "UpdatedAt")}
    resource = {
        "Type": "AWS::ECR::RepositoryCreationTemplate",
        "Properties": {"Prefix": "team", "AppliedFor": ["REPLICATION"]},
    }
    client.create_stack(
        StackName="Rules",
        TemplateBody=json.dumps({"Resources": {"It": resource}, "Outputs": outputs}),
    )
    [stack] = client.describe_stacks(StackName="Rules")["Stacks"]
    values = {each["OutputValue"] for each in stack["Outputs"]}
    assert len(stack["Outputs"]) == 2
    assert all(value.endswith("Z") and "T" in value for value in values)
