"""AWS Config: repositories as resources.

https://docs.aws.amazon.com/config/latest/developerguide/resource-config-reference.html
"""

from __future__ import annotations

import json
from typing import Any

from moto_ecr_ext.seams.replacing import Unplug

_TYPE = "AWS::ECR::Repository"


def plug() -> Unplug:
    """Add repositories to the resource types of Config, which are in this dict with an object for each."""
    from moto.config.models import RESOURCE_MAP
    from moto.ecr.models import ecr_backends

    RESOURCE_MAP[_TYPE] = _Repositories(ecr_backends)  # type: ignore[assignment]

    def unplug() -> None:
        del RESOURCE_MAP[_TYPE]

    return unplug


class _Repositories:
    """Repositories in the form of moto's `ConfigQueryModel`. The id of a repository is its name."""

    def __init__(self, backends: Any):
        self.backends = backends

    def list_config_service_resources(
        self,
        account_id: str,
        partition: str,
        resource_ids: list[str] | None,
        resource_name: str | None,
        limit: int,
        next_token: str | None,
        backend_region: str | None = None,
        resource_region: str | None = None,
        aggregator: dict[str, Any] | None = None,
    ) -> tuple[list[dict[str, Any]], str | None]:
        """Return a page of repositories of one Region, or of all for an aggregator.

        The token is the last repository's name.
        """
        regions = [backend_region] if backend_region else self._regions(account_id)
        found = [
            {
                "type": _TYPE,
                "id": each.repository_name,
                "name": each.repository_name,
                "region": each.region,
            }
            for region in regions
            if resource_region in (None, region)
            for each in self.backends[account_id][region].all_repositories()
        ]
        wanted = [
            each
            for each in found
            if (not resource_ids or each["id"] in resource_ids)
            and resource_name in (None, each["name"])
        ]
        first = int(next_token) if next_token and next_token.isdigit() else 0
        end = first + limit
        return wanted[first:end], str(end) if end < len(wanted) else None

    def _regions(self, account_id: str) -> list[str]:
        backend = self.backends[account_id]["us-east-1"]
        return sorted({region for account, region in backend.registries() if account == account_id})

    def get_config_resource(
        self,
        account_id: str,
        partition: str,
        resource_id: str,
        resource_name: str | None = None,
        backend_region: str | None = None,
        resource_region: str | None = None,
    ) -> dict[str, Any] | None:
        """Return the configuration item of a repository, or None if it does not exist."""
        region = str(backend_region or resource_region)
        for each in self.backends[account_id][region].all_repositories():
            if each.repository_name == resource_id and resource_name in (None, resource_id):
                return _item(each)
        return None


def _item(repository: Any) -> dict[str, Any]:
    from moto_ecr_ext.clock import text_of_time

    created = text_of_time(repository.created_at)
    tags = [{"Key": key, "Value": value} for key, value in repository.resource_tags.items()]
    return {
        "version": "1.3",
        "configurationItemCaptureTime": created,
        "configurationItemStatus": "ResourceDiscovered",
        "configurationStateId": str(int(repository.created_at)),
        "resourceType": _TYPE,
        "resourceId": repository.repository_name,
        "resourceName": repository.repository_name,
        "arn": repository.repository_arn,
        "awsRegion": repository.region,
        "availabilityZone": "Regional",
        "resourceCreationTime": created,
        "tags": repository.resource_tags,
        # The properties of the resource in CloudFormation.
        "configuration": json.dumps(
            {
                "RepositoryName": repository.repository_name,
                "Arn": repository.repository_arn,
                "RepositoryUri": repository.repository_uri,
                "ImageTagMutability": repository.image_tag_mutability,
                "ImageScanningConfiguration": {"ScanOnPush": repository.scan_on_push},
                "RepositoryPolicyText": json.loads(repository.policy_text or "{}"),
                "Tags": tags,
            }
        ),
        "supplementaryConfiguration": {},
    }
