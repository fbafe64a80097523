"""Job definitions of stacks without `RetryStrategy`, which is optional. moto ends with an internal error.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-batch-jobdefinition.html

Needed by moto 5.1.20 to 5.2.6.
"""

from __future__ import annotations

from typing import Any

from moto_ecr_ext.seams.replacing import Unplug, replace


def plug() -> Unplug:
    """Accept a template without it: a stack creates a job definition by a class method, which reads it."""
    from moto.batch.models import JobDefinition

    original = JobDefinition.create_from_cloudformation_json.__func__  # type: ignore[attr-defined]

    def create_from_cloudformation_json(
        cls: Any,
        /,
        resource_name: str,
        cloudformation_json: dict[str, Any],
        account_id: str,
        region_name: str,
        **options: Any,
    ) -> Any:
        properties = {"RetryStrategy": {}, **cloudformation_json["Properties"]}
        resource = {**cloudformation_json, "Properties": properties}
        return original(cls, resource_name, resource, account_id, region_name, **options)

    return replace(
        JobDefinition,
        "create_from_cloudformation_json",
        classmethod(create_from_cloudformation_json),
    )
