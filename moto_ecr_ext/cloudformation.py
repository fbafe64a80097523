"""`AWS::ECR::Repository` of CloudFormation, as moto's stacks create, update, read and delete it.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ecr-repository.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from moto.core.exceptions import ServiceException

from .exceptions import (
    ECRError,
    RepositoryAlreadyExistsException,
    RepositoryNotFoundException,
    SerializationException,
    ValidationException,
)
from .operations import perform
from .validation import check

if TYPE_CHECKING:
    from .models import ECRBackend
    from .models.repository import Repository


class StackError(ServiceException):
    """An error of an operation that a stack called."""

    # moto renders the error of a stack by the service whose package its class is in.
    __module__ = "moto.ecr.exceptions"


@contextmanager
def _errors_of_stacks() -> Iterator[None]:
    try:
        yield
    except SerializationException as error:
        # Neither CloudFormation's model nor ECR's has this one.
        raise StackError("ValidationException", error.message) from error
    except ECRError as error:
        raise StackError(error.code, error.message) from error


class RepositoryResource:
    """A repository as a stack holds it."""

    # moto's stacks write these.
    cf_resource_type: str
    logical_resource_id: str

    def __init__(self, repository: Repository, properties: Mapping[str, Any]):
        self.name = repository.repository_name
        self.properties = properties
        self._arn = repository.repository_arn
        self._uri = repository.repository_uri

    @property
    def physical_resource_id(self) -> str:
        return self.name

    def get_cfn_attribute(self, attribute_name: str) -> str:
        from moto.cloudformation.exceptions import UnformattedGetAttTemplateException

        attributes = {"Arn": self._arn, "RepositoryUri": self._uri}
        if attribute_name not in attributes:
            raise UnformattedGetAttTemplateException()
        return attributes[attribute_name]

    def delete(self, account_id: str, region_name: str) -> None:
        """Delete the repository; a non-empty one only if the template says EmptyOnDelete."""
        request = {
            "repositoryName": self.name,
            "force": _boolean(self.properties.get("EmptyOnDelete")),
        }
        # Deleted outside of the stack is what the stack wants.
        with _errors_of_stacks(), suppress(RepositoryNotFoundException):
            _call(_backend(account_id, region_name), "DeleteRepository", request)

    def is_created(self) -> bool:
        """A repository is there as soon as it is asked for."""
        return True


def create(
    resource_name: str, properties: Mapping[str, Any], account_id: str, region_name: str
) -> RepositoryResource:
    """Create the repository that `properties` of a template describe.

    `resource_name` is the name if the template has none. Raises StackError as the operations would.
    """
    backend = _backend(account_id, region_name)
    name = properties.get("RepositoryName") or resource_name.lower()
    with _errors_of_stacks():
        try:
            repository = _call(
                backend,
                "CreateRepository",
                {
                    "repositoryName": name,
                    "tags": properties.get("Tags"),
                    "imageTagMutability": properties.get("ImageTagMutability"),
                    "imageTagMutabilityExclusionFilters": _exclusion_filters(properties),
                    "imageScanningConfiguration": _scanning(properties),
                    "encryptionConfiguration": _encryption(properties),
                },
            )["repository"]
        except RepositoryAlreadyExistsException:
            raise StackError(
                "AlreadyExistsException",
                f"Resource of type 'AWS::ECR::Repository' with identifier '{name}' already exists.",
            ) from None
        try:
            _put_policies(backend, name, properties)
        except ECRError:
            _call(backend, "DeleteRepository", {"repositoryName": name})
            raise
    return RepositoryResource(repository, properties)


def update(
    resource: RepositoryResource,
    resource_name: str,
    properties: Mapping[str, Any],
    account_id: str,
    region_name: str,
) -> RepositoryResource:
    """Bring the repository to new properties; replace it where its name or encryption changes.

    Raises StackError as the operations would.
    """
    if _needs_replacement(resource, properties):
        if properties.get("RepositoryName") == resource.name:
            raise StackError(
                "ValidationException",
                "CloudFormation cannot update a stack when a custom-named resource requires "
                f"replacing. Rename {resource.name} and update the stack again.",
            )
        replacement = create(resource_name, properties, account_id, region_name)
        resource.delete(account_id, region_name)
        return replacement
    with _errors_of_stacks():
        return _updated(resource, properties, _backend(account_id, region_name))


def _needs_replacement(resource: RepositoryResource, properties: Mapping[str, Any]) -> bool:
    """Whether an update changes what a repository is created with for good."""
    return any(
        properties.get(name) != resource.properties.get(name)
        for name in ("RepositoryName", "EncryptionConfiguration")
    )


def _updated(
    resource: RepositoryResource, properties: Mapping[str, Any], backend: ECRBackend
) -> RepositoryResource:
    named = {"repositoryName": resource.name}
    _call(
        backend,
        "PutImageTagMutability",
        {
            **named,
            "imageTagMutability": properties.get("ImageTagMutability", "MUTABLE"),
            "imageTagMutabilityExclusionFilters": _exclusion_filters(properties),
        },
    )
    if _scanning(properties) != _scanning(resource.properties):
        _call(
            backend,
            "PutImageScanningConfiguration",
            {**named, "imageScanningConfiguration": _scanning(properties)},
        )
    repository: Repository = _call(
        backend, "DescribeRepositories", {"repositoryNames": [resource.name]}
    )["repositories"][0]
    tags = properties.get("Tags", [])
    about = {"resourceArn": repository.repository_arn}
    _call(backend, "TagResource", {**about, "tags": tags})
    kept = {tag["Key"] for tag in tags}
    gone = [key for key in repository.resource_tags if key not in kept]
    _call(backend, "UntagResource", {**about, "tagKeys": gone})
    if repository.policy_text and "RepositoryPolicyText" not in properties:
        _call(backend, "DeleteRepositoryPolicy", named)
    if repository.lifecycle_policy_text and "LifecyclePolicy" not in properties:
        _call(backend, "DeleteLifecyclePolicy", named)
    _put_policies(backend, resource.name, properties)
    return RepositoryResource(repository, properties)


def _put_policies(backend: ECRBackend, name: str, properties: Mapping[str, Any]) -> None:
    policy = properties.get("RepositoryPolicyText")
    if policy:
        text = json.dumps(policy) if isinstance(policy, dict) else policy
        _call(backend, "SetRepositoryPolicy", {"repositoryName": name, "policyText": text})
    lifecycle_policy = _members(properties, "LifecyclePolicy").get("LifecyclePolicyText")
    if lifecycle_policy:
        _call(
            backend,
            "PutLifecyclePolicy",
            {"repositoryName": name, "lifecyclePolicyText": lifecycle_policy},
        )


def _exclusion_filters(properties: Mapping[str, Any]) -> Any:
    filters = properties.get("ImageTagMutabilityExclusionFilters")
    if not isinstance(filters, list):
        return filters
    names = {
        "ImageTagMutabilityExclusionFilterType": "filterType",
        "ImageTagMutabilityExclusionFilterValue": "filter",
    }
    return [_renamed(each, names) for each in filters]


def _scanning(properties: Mapping[str, Any]) -> dict[str, bool]:
    scan = _members(properties, "ImageScanningConfiguration").get("ScanOnPush")
    return {"scanOnPush": _boolean(scan)}


def _encryption(properties: Mapping[str, Any]) -> Any:
    given = properties.get("EncryptionConfiguration")
    return _renamed(given, {"EncryptionType": "encryptionType", "KmsKey": "kmsKey"})


def _members(properties: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = properties.get(name) or {}
    if not isinstance(value, dict):
        raise ValidationException(f"Value of property {name} must be an object")
    return value


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    """An object of a template with the names that the API has for its members."""
    if not isinstance(value, dict):
        return value
    return {names.get(name, name): item for name, item in value.items()}


def _boolean(value: object) -> bool:
    # Templates carry booleans as text too.
    return str(value).lower() == "true"


def _call(backend: ECRBackend, operation: str, parameters: Mapping[str, Any]) -> Any:
    return perform(backend, operation, check(operation, parameters))


def _backend(account_id: str, region_name: str) -> ECRBackend:
    from .models.backends import registry_backend

    return registry_backend(account_id, region_name)
