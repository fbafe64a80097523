"""Resources of ECR that moto does not have: rules and settings of a registry.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_ECR.html

Each has its own class, since moto finds the type of a resource by its class.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar

from moto.core.common_models import CloudFormationModel

from moto_ecr_ext.clock import text_of_time
from moto_ecr_ext.exceptions import (
    ExclusionAlreadyExistsException,
    ExclusionNotFoundException,
    RegistryPolicyNotFoundException,
    SigningConfigurationNotFoundException,
    TemplateAlreadyExistsException,
    TemplateNotFoundException,
    ValidationException,
)
from moto_ecr_ext.exceptions.base import ECRError
from moto_ecr_ext.exceptions.pull_through import (
    PullThroughCacheRuleAlreadyExistsException,
    PullThroughCacheRuleNotFoundException,
)

from .stacks import (
    already_exists,
    attribute_of,
    backend_of,
    boolean,
    call,
    errors_of_stacks,
    exclusion_filters,
    text_of,
    uncapitalized,
)

if TYPE_CHECKING:
    from typing_extensions import Self

    from moto_ecr_ext.models import ECRBackend
    from moto_ecr_ext.models.registry.creation_templates import CreationTemplate

# True while moto's stacks should know these types. moto caches the classes that it has found.
_known = False


class _Resource:
    """A resource of a stack, with the methods that moto's stacks call on its class."""

    TYPE: ClassVar[str]

    # moto's stacks set these.
    cf_resource_type: str
    logical_resource_id: str

    def __init__(self, identifier: str, properties: Mapping[str, Any]):
        self.physical_resource_id = identifier
        self.properties = properties

    @classmethod
    def cloudformation_type(cls) -> str:
        return cls.TYPE if _known else f"{cls.TYPE} of moto_ecr_ext, which is not installed"

    @classmethod
    def cloudformation_name_type(cls) -> str:
        return ""

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:
        # moto asks for attributes after the resource exists; `get_cfn_attribute` decides then.
        return True

    @classmethod
    def create_from_cloudformation_json(
        cls,
        resource_name: str,
        cloudformation_json: Mapping[str, Any],
        account_id: str,
        region_name: str,
        **kwargs: Any,
    ) -> Self:
        """Create the resource that a template describes. Raises StackError for an error of the operations."""
        properties = cloudformation_json.get("Properties", {})
        with errors_of_stacks():
            return cls._created(properties, backend_of(account_id, region_name))

    @classmethod
    def update_from_cloudformation_json(
        cls,
        original_resource: Self,
        new_resource_name: str,
        cloudformation_json: Mapping[str, Any],
        account_id: str,
        region_name: str,
    ) -> Self:
        """Update a resource to its new description in a template. Raises StackError for an error of the operations."""
        properties = cloudformation_json.get("Properties", {})
        with errors_of_stacks():
            return original_resource._updated(properties, backend_of(account_id, region_name))

    def delete(self, account_id: str, region_name: str) -> None:
        """Delete the resource. A missing one is no error."""
        with errors_of_stacks():
            self._delete(backend_of(account_id, region_name))

    def is_created(self) -> bool:
        """Return True: a resource exists at once."""
        return True

    def get_cfn_attribute(self, attribute_name: str) -> str:
        return attribute_of(self._attributes(), attribute_name)

    def _attributes(self) -> Mapping[str, str]:
        return {}

    @classmethod
    def _created(cls, properties: Mapping[str, Any], backend: ECRBackend) -> Self:
        raise NotImplementedError

    def _updated(self, properties: Mapping[str, Any], backend: ECRBackend) -> Self:
        """Replace the resource, which cannot be changed."""
        self._delete(backend)
        return self._created(properties, backend)

    def _delete(self, backend: ECRBackend) -> None:
        raise NotImplementedError


class _Singleton(_Resource):
    """A resource of which a registry has one, with the registry's id as its own."""

    @classmethod
    def _created(cls, properties: Mapping[str, Any], backend: ECRBackend) -> Self:
        cls._put(properties, backend)
        return cls(backend.account_id, properties)

    def _updated(self, properties: Mapping[str, Any], backend: ECRBackend) -> Self:
        self._put(properties, backend)
        return type(self)(backend.account_id, properties)

    def _attributes(self) -> Mapping[str, str]:
        return {"RegistryId": self.physical_resource_id}

    @classmethod
    def _put(cls, properties: Mapping[str, Any], backend: ECRBackend) -> None:
        raise NotImplementedError


class _Named(_Resource):
    """A resource of which a registry has many. One property is its name, and its own id."""

    NAME: ClassVar[str]
    CREATION: ClassVar[str]
    DELETION: ClassVar[str]
    EXISTS: ClassVar[type[ECRError]]
    IS_MISSING: ClassVar[type[ECRError]]

    @classmethod
    def _call_creation(
        cls, backend: ECRBackend, request: Mapping[str, Any], properties: Mapping[str, Any]
    ) -> Any:
        try:
            return call(backend, cls.CREATION, request)
        except cls.EXISTS:
            raise already_exists(cls.TYPE, properties[cls.NAME]) from None

    def _delete(self, backend: ECRBackend) -> None:
        with suppress(self.IS_MISSING):
            call(backend, self.DELETION, uncapitalized({self.NAME: self.physical_resource_id}))


class RegistryPolicy(_Singleton, CloudFormationModel):
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ecr-registrypolicy.html"""

    TYPE = "AWS::ECR::RegistryPolicy"

    @classmethod
    def _created(cls, properties: Mapping[str, Any], backend: ECRBackend) -> Self:
        with suppress(RegistryPolicyNotFoundException):
            call(backend, "GetRegistryPolicy", {})
            raise already_exists(cls.TYPE, backend.account_id)
        return super()._created(properties, backend)

    @classmethod
    def _put(cls, properties: Mapping[str, Any], backend: ECRBackend) -> None:
        call(backend, "PutRegistryPolicy", {"policyText": text_of(properties.get("PolicyText"))})

    def _delete(self, backend: ECRBackend) -> None:
        with suppress(RegistryPolicyNotFoundException):
            call(backend, "DeleteRegistryPolicy", {})


class ReplicationConfiguration(_Singleton, CloudFormationModel):
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ecr-replicationconfiguration.html"""

    TYPE = "AWS::ECR::ReplicationConfiguration"

    @classmethod
    def _put(cls, properties: Mapping[str, Any], backend: ECRBackend) -> None:
        configuration = uncapitalized(properties.get("ReplicationConfiguration"))
        rules = configuration.get("rules") if isinstance(configuration, dict) else None
        for rule in rules if isinstance(rules, list) else ():
            deletion = rule.get("deleteReplication") if isinstance(rule, dict) else None
            if isinstance(deletion, dict) and "enabled" in deletion:
                deletion["enabled"] = boolean(deletion["enabled"])
        request = {"replicationConfiguration": configuration}
        call(backend, "PutReplicationConfiguration", request)

    def _delete(self, backend: ECRBackend) -> None:
        call(backend, "PutReplicationConfiguration", {"replicationConfiguration": {"rules": []}})


class RegistryScanningConfiguration(_Singleton, CloudFormationModel):
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ecr-registryscanningconfiguration.html"""

    TYPE = "AWS::ECR::RegistryScanningConfiguration"

    @classmethod
    def _put(cls, properties: Mapping[str, Any], backend: ECRBackend) -> None:
        # The operation does not require them.
        for name in ("ScanType", "Rules"):
            if name not in properties:
                raise ValidationException(f"Property {name} is required")
        call(backend, "PutRegistryScanningConfiguration", uncapitalized(dict(properties)))

    def _delete(self, backend: ECRBackend) -> None:
        request = {"scanType": "BASIC", "rules": []}
        call(backend, "PutRegistryScanningConfiguration", request)


class SigningConfiguration(_Singleton, CloudFormationModel):
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ecr-signingconfiguration.html"""

    TYPE = "AWS::ECR::SigningConfiguration"

    @classmethod
    def _put(cls, properties: Mapping[str, Any], backend: ECRBackend) -> None:
        request = {"signingConfiguration": uncapitalized(dict(properties))}
        call(backend, "PutSigningConfiguration", request)

    def _delete(self, backend: ECRBackend) -> None:
        with suppress(SigningConfigurationNotFoundException):
            call(backend, "DeleteSigningConfiguration", {})


class PullThroughCacheRuleResource(_Named, CloudFormationModel):
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ecr-pullthroughcacherule.html"""

    TYPE = "AWS::ECR::PullThroughCacheRule"
    NAME = "EcrRepositoryPrefix"
    CREATION = "CreatePullThroughCacheRule"
    DELETION = "DeletePullThroughCacheRule"
    EXISTS = PullThroughCacheRuleAlreadyExistsException
    IS_MISSING = PullThroughCacheRuleNotFoundException

    @classmethod
    def _created(cls, properties: Mapping[str, Any], backend: ECRBackend) -> Self:
        rule = cls._call_creation(backend, uncapitalized(dict(properties)), properties)
        return cls(rule.ecr_repository_prefix, properties)


class RepositoryCreationTemplate(_Named, CloudFormationModel):
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ecr-repositorycreationtemplate.html"""

    TYPE = "AWS::ECR::RepositoryCreationTemplate"
    NAME = "Prefix"
    CREATION = "CreateRepositoryCreationTemplate"
    DELETION = "DeleteRepositoryCreationTemplate"
    EXISTS = TemplateAlreadyExistsException
    IS_MISSING = TemplateNotFoundException

    def __init__(self, template: CreationTemplate, properties: Mapping[str, Any]):
        super().__init__(template.prefix, properties)
        self._template = template

    @classmethod
    def _created(cls, properties: Mapping[str, Any], backend: ECRBackend) -> Self:
        answer = cls._call_creation(backend, _template_request(properties), properties)
        return cls(answer["repositoryCreationTemplate"], properties)

    def _updated(self, properties: Mapping[str, Any], backend: ECRBackend) -> Self:
        if properties.get("Prefix") != self.physical_resource_id:
            return super()._updated(properties, backend)
        # The operation keeps the members that it is not given; a property that a template leaves out returns to its
        # default.
        request = {**_NO_TEMPLATE_SETTINGS, **_template_request(properties)}
        answer = call(backend, "UpdateRepositoryCreationTemplate", request)
        return type(self)(answer["repositoryCreationTemplate"], properties)

    def _attributes(self) -> Mapping[str, str]:
        return {
            "CreatedAt": text_of_time(self._template.created_at),
            "UpdatedAt": text_of_time(self._template.updated_at),
        }


class PullTimeUpdateExclusion(_Named, CloudFormationModel):
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ecr-pulltimeupdateexclusion.html"""

    TYPE = "AWS::ECR::PullTimeUpdateExclusion"
    NAME = "PrincipalArn"
    CREATION = "RegisterPullTimeUpdateExclusion"
    DELETION = "DeregisterPullTimeUpdateExclusion"
    EXISTS = ExclusionAlreadyExistsException
    IS_MISSING = ExclusionNotFoundException

    @classmethod
    def _created(cls, properties: Mapping[str, Any], backend: ECRBackend) -> Self:
        request = {"principalArn": properties.get("PrincipalArn")}
        exclusion = cls._call_creation(backend, request, properties)
        return cls(exclusion["principalArn"], properties)


_CLASSES = (
    RegistryPolicy,
    ReplicationConfiguration,
    RegistryScanningConfiguration,
    SigningConfiguration,
    PullThroughCacheRuleResource,
    RepositoryCreationTemplate,
    PullTimeUpdateExclusion,
)
_NO_TEMPLATE_SETTINGS = {
    "description": "",
    "encryptionConfiguration": {"encryptionType": "AES256"},
    "resourceTags": [],
    "imageTagMutability": "MUTABLE",
    "repositoryPolicy": "",
    "lifecyclePolicy": "",
    "customRoleArn": "",
}


def _template_request(properties: Mapping[str, Any]) -> dict[str, Any]:
    request: dict[str, Any] = uncapitalized(
        {
            name: value
            for name, value in properties.items()
            if name not in ("ImageTagMutabilityExclusionFilters", "ResourceTags")
        }
    )
    request["imageTagMutabilityExclusionFilters"] = exclusion_filters(properties)
    if "ResourceTags" in properties:
        request["resourceTags"] = properties["ResourceTags"]
    if "repositoryPolicy" in request:
        request["repositoryPolicy"] = text_of(properties["RepositoryPolicy"])
    return request


def make_known() -> None:
    """Make these resources known to moto's stacks.

    moto collects the classes of all resource types once, when the first stack is created, into a dict by type. Later
    classes are added to that dict.
    """
    _set_known(True)


def make_unknown() -> None:
    """Make these resources unknown to moto's stacks."""
    _set_known(False)


def _set_known(known: bool) -> None:
    global _known
    parsing = sys.modules.get("moto.cloudformation.parsing")
    types = parsing.get_model_map() if parsing else {}
    for each in _CLASSES:
        types.pop(each.cloudformation_type(), None)
    _known = known
    types.update({each.cloudformation_type(): each for each in _CLASSES})
