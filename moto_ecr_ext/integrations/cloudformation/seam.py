"""The seams between moto's stacks and the resources of ECR."""

from __future__ import annotations

import sys
from typing import Any

from moto_ecr_ext.seams.replacing import Unplug, replace


def plug_repositories() -> Unplug:
    """Create and update repositories of this package in stacks.

    CloudFormation creates and updates `AWS::ECR::Repository` through these two methods of moto's `Repository`.
    """
    from moto.ecr.models import Repository

    def create(
        cls: type[Any],
        /,
        resource_name: str,
        cloudformation_json: Any,
        account_id: str,
        region_name: str,
        **kwargs: Any,
    ) -> Any:
        from . import repository
        from .repairs import deletions

        deletions.plug_once()
        return repository.create(
            resource_name, cloudformation_json.get("Properties", {}), account_id, region_name
        )

    def update(
        cls: type[Any],
        /,
        original_resource: Any,
        new_resource_name: str,
        cloudformation_json: Any,
        account_id: str,
        region_name: str,
    ) -> Any:
        from . import repository

        return repository.update(
            original_resource,
            new_resource_name,
            cloudformation_json.get("Properties", {}),
            account_id,
            region_name,
        )

    unplug_create = replace(Repository, "create_from_cloudformation_json", classmethod(create))
    unplug_update = replace(Repository, "update_from_cloudformation_json", classmethod(update))

    def unplug() -> None:
        unplug_create()
        unplug_update()
        deletions = sys.modules.get(f"{__package__}.repairs.deletions")
        if deletions is not None:
            deletions.unplug()

    return unplug


def plug_other_resources() -> Unplug:
    """Add the resources of ECR that moto does not have."""
    from . import resources

    resources.make_known()
    return resources.make_unknown
