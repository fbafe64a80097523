"""`AWS::ECR::Repository`.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ecr-repository.html
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from moto_ecr_ext.exceptions import (
    ECRError,
    RepositoryAlreadyExistsException,
    RepositoryNotFoundException,
)

from .repairs.deletions import NotDeleted, replacing
from .stacks import (
    already_exists,
    attribute_of,
    backend_of,
    boolean,
    call,
    custom_name_error,
    errors_of_stacks,
    exclusion_filters,
    members,
    renamed,
    text_of,
)

if TYPE_CHECKING:
    from moto_ecr_ext.models import ECRBackend
    from moto_ecr_ext.models.repositories.repository import Repository


class RepositoryResource:
    """A repository of a stack."""

    # moto's stacks set these.
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
        return attribute_of({"Arn": self._arn, "RepositoryUri": self._uri}, attribute_name)

    def delete(self, account_id: str, region_name: str) -> None:
        """Delete the repository; a non-empty one only if the template says EmptyOnDelete.

        A missing repository is no error. Raises NotDeleted if ECR refuses.
        """
        request = {
            "repositoryName": self.name,
            "force": boolean(self.properties.get("EmptyOnDelete")),
        }
        try:
            with suppress(RepositoryNotFoundException):
                call(backend_of(account_id, region_name), "DeleteRepository", request)
        except ECRError as error:
            raise NotDeleted.by(error) from error

    def is_created(self) -> bool:
        """Return True: a repository exists at once."""
        return True


def create(
    resource_name: str, properties: Mapping[str, Any], account_id: str, region_name: str
) -> RepositoryResource:
    """Create the repository that `properties` of a template describe.

    `resource_name` is the name if the template has none. Raises StackError for an error of the operations.
    """
    backend = backend_of(account_id, region_name)
    name = properties.get("RepositoryName") or resource_name.lower()
    with errors_of_stacks():
        try:
            repository = call(
                backend,
                "CreateRepository",
                {
                    "repositoryName": name,
                    "tags": properties.get("Tags"),
                    "imageTagMutability": properties.get("ImageTagMutability"),
                    "imageTagMutabilityExclusionFilters": exclusion_filters(properties),
                    "imageScanningConfiguration": _scanning(properties),
                    "encryptionConfiguration": _encryption(properties),
                },
            )["repository"]
        except RepositoryAlreadyExistsException:
            raise already_exists("AWS::ECR::Repository", name) from None
        try:
            _put_policies(backend, name, properties)
        except ECRError:
            call(backend, "DeleteRepository", {"repositoryName": name})
            raise
    return RepositoryResource(repository, properties)


def update(
    resource: RepositoryResource,
    resource_name: str,
    properties: Mapping[str, Any],
    account_id: str,
    region_name: str,
) -> RepositoryResource:
    """Update the repository to new properties. Replace it if its name or encryption changes.

    Raises StackError for an error of the operations.
    """
    if _needs_replacement(resource, properties):
        if properties.get("RepositoryName") == resource.name:
            raise custom_name_error(resource.name)
        replacement = create(resource_name, properties, account_id, region_name)
        with replacing(resource):
            resource.delete(account_id, region_name)
        return replacement
    with errors_of_stacks():
        return _updated(resource, properties, backend_of(account_id, region_name))


def _needs_replacement(resource: RepositoryResource, properties: Mapping[str, Any]) -> bool:
    """Return True if an update changes a property that is fixed at creation."""
    return any(
        properties.get(name) != resource.properties.get(name)
        for name in ("RepositoryName", "EncryptionConfiguration")
    )


def _updated(
    resource: RepositoryResource, properties: Mapping[str, Any], backend: ECRBackend
) -> RepositoryResource:
    named = {"repositoryName": resource.name}
    call(
        backend,
        "PutImageTagMutability",
        {
            **named,
            "imageTagMutability": properties.get("ImageTagMutability", "MUTABLE"),
            "imageTagMutabilityExclusionFilters": exclusion_filters(properties),
        },
    )
    if _scanning(properties) != _scanning(resource.properties):
        call(
            backend,
            "PutImageScanningConfiguration",
            {**named, "imageScanningConfiguration": _scanning(properties)},
        )
    repository: Repository = call(
        backend, "DescribeRepositories", {"repositoryNames": [resource.name]}
    )["repositories"][0]
    tags = properties.get("Tags", [])
    about = {"resourceArn": repository.repository_arn}
    call(backend, "TagResource", {**about, "tags": tags})
    kept = {tag["Key"] for tag in tags}
    gone = [key for key in repository.resource_tags if key not in kept]
    call(backend, "UntagResource", {**about, "tagKeys": gone})
    if repository.policy_text and "RepositoryPolicyText" not in properties:
        call(backend, "DeleteRepositoryPolicy", named)
    if repository.lifecycle_policy_text and "LifecyclePolicy" not in properties:
        call(backend, "DeleteLifecyclePolicy", named)
    _put_policies(backend, resource.name, properties)
    return RepositoryResource(repository, properties)


def _put_policies(backend: ECRBackend, name: str, properties: Mapping[str, Any]) -> None:
    policy = properties.get("RepositoryPolicyText")
    if policy:
        request = {"repositoryName": name, "policyText": text_of(policy)}
        call(backend, "SetRepositoryPolicy", request)
    lifecycle_policy = members(properties, "LifecyclePolicy").get("LifecyclePolicyText")
    if lifecycle_policy:
        call(
            backend,
            "PutLifecyclePolicy",
            {"repositoryName": name, "lifecyclePolicyText": lifecycle_policy},
        )


def _scanning(properties: Mapping[str, Any]) -> dict[str, bool]:
    scan = members(properties, "ImageScanningConfiguration").get("ScanOnPush")
    return {"scanOnPush": boolean(scan)}


def _encryption(properties: Mapping[str, Any]) -> Any:
    given = properties.get("EncryptionConfiguration")
    return renamed(given, {"EncryptionType": "encryptionType", "KmsKey": "kmsKey"})
