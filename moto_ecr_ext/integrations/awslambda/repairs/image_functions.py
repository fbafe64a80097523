"""Functions of images in stacks: `AWS::Lambda::Function` with `Code.ImageUri`.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-function.html

Needed by moto 5.1.20 to 5.2.6.
"""

from __future__ import annotations

import copy
from typing import Any

from moto_ecr_ext.seams.replacing import Unplug, replace, replace_all

# Properties that are members of CreateFunction too. moto passes on only a few of them.
_MEMBERS = (
    "Architectures",
    "Code",
    "Description",
    "Environment",
    "EphemeralStorage",
    "ImageConfig",
    "KMSKeyArn",
    "Layers",
    "LoggingConfig",
    "MemorySize",
    "Publish",
    "ReservedConcurrentExecutions",
    "Role",
    "Timeout",
    "TracingConfig",
    "VpcConfig",
)


def plug() -> Unplug:
    """Give functions of stacks the properties of functions of images.

    A stack creates and updates a function by two class methods, which receive the template's resource. The first calls
    `LambdaBackend.create_function` with a specification that has few of the properties.
    """
    from moto.awslambda.models import LambdaFunction

    return replace_all(
        replace(
            LambdaFunction,
            "create_from_cloudformation_json",
            classmethod(_create(LambdaFunction.create_from_cloudformation_json.__func__)),  # type: ignore[attr-defined]
        ),
        replace(
            LambdaFunction,
            "update_from_cloudformation_json",
            classmethod(_update(LambdaFunction.update_from_cloudformation_json.__func__)),  # type: ignore[attr-defined]
        ),
    )


def _is_of_image(properties: dict[str, Any]) -> bool:
    return "ImageUri" in (properties.get("Code") or {})


def _create(original: Any) -> Any:
    def create_from_cloudformation_json(
        cls: Any,
        resource_name: str,
        cloudformation_json: dict[str, Any],
        account_id: str,
        region_name: str,
        **options: Any,
    ) -> Any:
        properties = cloudformation_json["Properties"]
        if not _is_of_image(properties):
            return original(
                cls, resource_name, cloudformation_json, account_id, region_name, **options
            )
        from moto.awslambda.utils import get_backend

        given = copy.deepcopy(dict(properties))
        specification = {
            **{name: value for name, value in given.items() if name in _MEMBERS},
            "FunctionName": resource_name,
            "PackageType": "Image",
        }
        for name in ("MemorySize", "Timeout"):
            if name in specification:
                specification[name] = int(specification[name])
        if "Tags" in given:
            specification["Tags"] = {each["Key"]: each["Value"] for each in given["Tags"]}
        return get_backend(account_id, region_name).create_function(specification)

    return create_from_cloudformation_json


def _update(original: Any) -> Any:
    def update_from_cloudformation_json(
        cls: Any,
        original_resource: Any,
        new_resource_name: str,
        cloudformation_json: dict[str, Any],
        account_id: str,
        region_name: str,
    ) -> Any:
        properties = cloudformation_json["Properties"]
        if _is_of_image(properties):
            # A property that a template no longer has returns to its default.
            properties = {"ImageConfig": {}, **properties}
            if "Architectures" in properties:
                original_resource.architectures = properties["Architectures"]
            cloudformation_json = {**cloudformation_json, "Properties": properties}
        return original(
            cls,
            original_resource,
            new_resource_name,
            cloudformation_json,
            account_id,
            region_name,
        )

    return update_from_cloudformation_json
