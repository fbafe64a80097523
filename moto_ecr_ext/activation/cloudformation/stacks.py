"""What all resources of stacks share: how they call operations, fail, and name what templates name otherwise."""

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
    """An error of an operation that a stack called."""

    # A disguise. moto looks an error up in the model of CloudFormation, and then in that of the service that the second
    # part of the name of its class's module is, if that name begins with "moto", as the name of this package does.
    __module__ = "moto.ecr.exceptions"


def already_exists(resource_type: str, identifier: str) -> StackError:
    """Return the error of a resource that something else has made before."""
    return StackError(
        "AlreadyExistsException",
        f"Resource of type '{resource_type}' with identifier '{identifier}' already exists.",
    )


def custom_name_error(name: str) -> StackError:
    """Return the error of an update that would have to make a second resource of the same name."""
    return StackError(
        "ValidationException",
        "CloudFormation cannot update a stack when a custom-named resource requires "
        f"replacing. Rename {name} and update the stack again.",
    )


@contextmanager
def errors_of_stacks() -> Iterator[None]:
    """Raise StackError for an error of ECR."""
    try:
        yield
    except SerializationException as error:
        # Neither CloudFormation's model nor ECR's has this one.
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
    """Return a property that is an object, or an empty one if it is not given."""
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
    """Return a policy as the API takes it, as text; a template may have it as an object."""
    return json.dumps(policy) if isinstance(policy, dict) else policy


def boolean(value: object) -> bool:
    """Return whether a property is true. Templates carry booleans as text too."""
    return str(value).lower() == "true"
