"""Replication rules, and what they have done in other registries."""

from __future__ import annotations

import json
from typing import Any

from moto_ecr_ext import testing
from support.constants import ACCOUNT, OTHER_ACCOUNT

NAME = "team/app"
IMAGE, SECOND = testing.build_image(seed="one", layers=2), testing.build_image(seed="two")
INDEX = testing.build_index([testing.build_image(seed="amd64"), testing.build_image(seed="arm64")])
WEST = {"region": "eu-west-1", "registryId": ACCOUNT}
ABROAD = {"region": "us-east-1", "registryId": OTHER_ACCOUNT}


def rule(*destinations: dict[str, str], prefixes: tuple[str, ...] = (), **more: Any) -> Any:
    """A rule for repositories of these prefixes, or for all."""
    filters = [{"filter": prefix, "filterType": "PREFIX_MATCH"} for prefix in prefixes]
    return {
        "destinations": list(destinations),
        **({"repositoryFilters": filters} if filters else {}),
        **more,
    }


def replicate(ecr: Any, *rules: dict[str, Any]) -> None:
    """Put the rules of a registry."""
    ecr.put_replication_configuration(replicationConfiguration={"rules": list(rules)})


def let_in(ecr: Any, *actions: str) -> None:
    """Let account 123456789012 call these actions in a registry."""
    statement = {
        "Sid": "replication",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
        "Action": list(actions),
        "Resource": f"arn:aws:ecr:us-east-1:{OTHER_ACCOUNT}:repository/*",
    }
    ecr.put_registry_policy(
        policyText=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    )


def images(ecr: Any, name: str = NAME) -> dict[str, list[str]]:
    """The tags of the images of a repository, by digest; empty if the repository is missing."""
    try:
        details = ecr.describe_images(repositoryName=name)["imageDetails"]
    except ecr.exceptions.RepositoryNotFoundException:
        return {}
    return {each["imageDigest"]: each.get("imageTags", []) for each in details}


def statuses(ecr: Any, image: Any, name: str = NAME) -> list[dict[str, str]]:
    """Return the status of an image in DescribeImageReplicationStatus."""
    answer = ecr.describe_image_replication_status(
        repositoryName=name, imageId={"imageDigest": image.digest}
    )
    assert answer["imageId"] == {"imageDigest": image.digest}
    return list(answer["replicationStatuses"])
