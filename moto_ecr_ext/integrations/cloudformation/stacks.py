"""Code that all resources of stacks share: calls of operations, errors, and the names of templates."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from moto.core.exceptions import ServiceException

from moto_ecr_ext.exceptions import ECRError, ValidationException
from moto_ecr_ext.exceptions.common import SerializationException
from moto_ecr_ext.json_api.operations import perform
from moto_ecr_ext.json_api.validation import check

if TYPE_CHECKING:
    from moto_ecr_ext.models import ECRBackend


class StackError(ServiceException):
    """The error of an operation that a stack has called."""

    # A disguise: moto looks an error up in CloudFormation's model, and then in that of another service. It takes
    # that service from the second part of the class's module name, if the name begins with "moto", as this
    # package's does.
    __module__ = "moto.ecr.exceptions"


def already_exists(resource_type: str, identifier: str) -> StackError:
    """Return the error for a resource that exists already, outside the stack."""
    return StackError(
        "AlreadyExistsException",
        f"Resource of type '{resource_type}' with identifier '{identifier}' already exists.",
    )


def custom_name_error(name: str) -> StackError:
    """Return the error for an update that would have to create a second resource of the same name."""
    return StackError(
        "ValidationException",
        "CloudFormation cannot update a stack when a custom-named resource requires "
        f"replacing. Rename {name} and update the stack again.",
    )


@contextmanager
def errors_of_stacks() -> Iterator[None]:
    """Raise StackError in place of an error of ECR."""
    try:
        yield
    except SerializationException as error:
        # The models of CloudFormation and ECR both lack this error.
        raise StackError("ValidationException", error.message) from error
    except ECRError as error:
        raise StackError(error.code, error.message) from error


def backend_of(account_id: str, region_name: str) -> ECRBackend:
    """Return the registry of a stack."""
    from moto_ecr_ext.models.lookup import registry_backend

    return registry_backend(account_id, region_name)


def call(backend: ECRBackend, operation: str, parameters: Mapping[str, Any]) -> Any:
    """Call an operation as a client would, and return its answer. Raises ECRError."""
    return perform(backend, operation, check(operation, parameters))


def attribute_of(attributes: Mapping[str, str], name: str) -> str:
    """Return the value of `Fn::GetAtt`. Raises moto's own error for an unknown attribute."""
    from moto.cloudformation.exceptions import UnformattedGetAttTemplateException

    if name not in attributes:
        raise UnformattedGetAttTemplateException()
    return attributes[name]


def members(properties: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return a property that is an object; an empty object by default."""
    value = properties.get(name) or {}
    if not isinstance(value, dict):
        raise ValidationException(f"Value of property {name} must be an object")
    return value


def renamed(value: Any, names: Mapping[str, str]) -> Any:
    """Return an object of a template with the API's names of its members."""
    if not isinstance(value, dict):
        return value
    return {names.get(name, name): item for name, item in value.items()}


def uncapitalized(value: Any) -> Any:
    """Return a value of a template with the API's names, which differ by their first letter only."""
    if isinstance(value, list):
        return [uncapitalized(each) for each in value]
    if isinstance(value, dict):
        return {name[:1].lower() + name[1:]: uncapitalized(item) for name, item in value.items()}
    return value


def exclusion_filters(properties: Mapping[str, Any]) -> Any:
    """Return `ImageTagMutabilityExclusionFilters` as the API has them."""
    filters = properties.get("ImageTagMutabilityExclusionFilters")
    if not isinstance(filters, list):
        return filters
    names = {
        "ImageTagMutabilityExclusionFilterType": "filterType",
        "ImageTagMutabilityExclusionFilterValue": "filter",
    }
    return [renamed(each, names) for each in filters]


def text_of(policy: Any) -> Any:
    """Return a policy as text, for the API; a template may have it as an object."""
    return json.dumps(policy) if isinstance(policy, dict) else policy


def boolean(value: object) -> bool:
    """Return True if a property is true. Templates have booleans as text too."""
    return str(value).lower() == "true"
