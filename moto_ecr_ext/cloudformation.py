"""`AWS::ECR::Repository` of CloudFormation, as moto's stacks create, update, read and delete it.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ecr-repository.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from moto.core.exceptions import ServiceException

from .exceptions import ECRError, RepositoryNotFoundException

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
    except ECRError as error:
        raise StackError(error.code, error.message) from error


class RepositoryResource:
    """A repository as a stack holds it."""

    # moto's stacks write these.
    cf_resource_type: str
    logical_resource_id: str

    def __init__(self, repository: Repository, properties: dict[str, Any]):
        self._arn = repository.repository_arn
        self._uri = repository.repository_uri
        self._properties = properties
        self.name = repository.repository_name

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
        # Deleted outside of the stack is what the stack wants.
        with _errors_of_stacks(), suppress(RepositoryNotFoundException):
            _backend(account_id, region_name).delete_repository(
                self.name, force=_boolean(self._properties.get("EmptyOnDelete"))
            )

    def is_created(self) -> bool:
        """A repository is there as soon as it is asked for."""
        return True

    def needs_replacement(self, name: str, properties: dict[str, Any]) -> bool:
        """Whether an update changes what a repository is created with for good."""
        return name != self.name or properties.get("EncryptionConfiguration") != (
            self._properties.get("EncryptionConfiguration")
        )


@_errors_of_stacks()
def create(
    resource_name: str, properties: dict[str, Any], account_id: str, region_name: str
) -> RepositoryResource:
    """Create the repository that `properties` of a template describe. Raises StackError as the operations would."""
    backend = _backend(account_id, region_name)
    repository = backend.create_repository(
        repository_name=resource_name,
        tags=properties.get("Tags"),
        image_tag_mutability=properties.get("ImageTagMutability"),
        image_tag_mutability_exclusion_filters=_exclusion_filters(properties),
        image_scanning_configuration=_scanning(properties),
        encryption_configuration=_encryption(properties),
    )["repository"]
    _put_policies(backend, resource_name, properties)
    return RepositoryResource(repository, properties)


@_errors_of_stacks()
def update(
    resource: RepositoryResource,
    resource_name: str,
    properties: dict[str, Any],
    account_id: str,
    region_name: str,
) -> RepositoryResource:
    """Bring the repository to new properties; replace it where its name or encryption changes."""
    if resource.needs_replacement(resource_name, properties):
        resource.delete(account_id, region_name)
        return create(resource_name, properties, account_id, region_name)
    backend = _backend(account_id, region_name)
    backend.put_image_tag_mutability(
        resource_name,
        properties.get("ImageTagMutability", "MUTABLE"),
        image_tag_mutability_exclusion_filters=_exclusion_filters(properties),
    )
    backend.put_image_scanning_configuration(resource_name, _scanning(properties))
    repository = backend.describe_repositories(repository_names=[resource_name])["repositories"][0]
    wanted = {tag["Key"] for tag in properties.get("Tags", [])}
    backend.untag_resource(
        repository.repository_arn, [key for key in repository.resource_tags if key not in wanted]
    )
    backend.tag_resource(repository.repository_arn, properties.get("Tags", []))
    if repository.policy_text and "RepositoryPolicyText" not in properties:
        backend.delete_repository_policy(resource_name)
    if repository.lifecycle_policy_text and "LifecyclePolicy" not in properties:
        backend.delete_lifecycle_policy(resource_name)
    _put_policies(backend, resource_name, properties)
    return RepositoryResource(repository, properties)


def _put_policies(backend: ECRBackend, name: str, properties: dict[str, Any]) -> None:
    policy = properties.get("RepositoryPolicyText")
    if policy:
        text = policy if isinstance(policy, str) else json.dumps(policy)
        backend.set_repository_policy(name, text)
    lifecycle_policy = properties.get("LifecyclePolicy", {}).get("LifecyclePolicyText")
    if lifecycle_policy:
        backend.put_lifecycle_policy(name, lifecycle_policy)


def _exclusion_filters(properties: dict[str, Any]) -> list[dict[str, str]] | None:
    return [
        {
            "filterType": each["ImageTagMutabilityExclusionFilterType"],
            "filter": each["ImageTagMutabilityExclusionFilterValue"],
        }
        for each in properties.get("ImageTagMutabilityExclusionFilters") or ()
    ] or None


def _scanning(properties: dict[str, Any]) -> dict[str, bool]:
    scan = properties.get("ImageScanningConfiguration", {}).get("ScanOnPush")
    return {"scanOnPush": _boolean(scan)}


def _boolean(value: object) -> bool:
    # Templates carry booleans as text too.
    return str(value).lower() == "true"


def _encryption(properties: dict[str, Any]) -> dict[str, str] | None:
    given = properties.get("EncryptionConfiguration")
    if not given:
        return None
    names = {"EncryptionType": "encryptionType", "KmsKey": "kmsKey"}
    return {names[key]: value for key, value in given.items() if key in names}


def _backend(account_id: str, region_name: str) -> ECRBackend:
    from .models.backends import registry_backend

    return registry_backend(account_id, region_name)
