"""Parameters of templates that name a missing parameter of Systems Manager.

CloudFormation refuses the operation; moto ends with an internal error, halfway through an update. The AWS CDK's
templates have such a parameter for the version of the bootstrap stack.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-supplied-parameter-types.html

Needed by moto 5.1.20 to 5.2.6.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from moto_ecr_ext.seams.replacing import Unplug, replace, replace_all

_TYPE = "AWS::SSM::Parameter::"


def plug() -> Unplug:
    """Refuse operations whose template has such a parameter, before they change anything.

    They are methods of the backend, with the template's text and the request's parameters: a dict, or for an update a
    list. A change set that is executed reads the values again, by `ResourceMap.parse_ssm_parameter`.
    """
    from moto.cloudformation.models import CloudFormationBackend
    from moto.cloudformation.parsing import ResourceMap

    names = ("create_stack", "update_stack", "create_change_set")
    resolve = ResourceMap.parse_ssm_parameter

    def parse_ssm_parameter(self: Any, value: str, value_type: str) -> Any:
        _check(self._account_id, self._region_name, [value])
        return resolve(self, value, value_type)

    return replace_all(
        replace(ResourceMap, "parse_ssm_parameter", parse_ssm_parameter),
        *(
            replace(CloudFormationBackend, name, _checked(getattr(CloudFormationBackend, name)))
            for name in names
        ),
    )


def _checked(original: Any) -> Any:
    def operation(self: Any, *arguments: Any, **named: Any) -> Any:
        template = named.get("template")
        if isinstance(template, str) and _TYPE in template:
            paths = list(_paths(template, named.get("parameters") or {}))
            _check(self.account_id, self.region_name, paths)
        return original(self, *arguments, **named)

    return operation


def _paths(template: str, parameters: Any) -> Iterator[str]:
    """Yield the names of parameters in Systems Manager. moto reads the default of a parameter with a value, too."""
    from moto.cloudformation.models import Stack

    if not isinstance(parameters, dict):
        parameters = {each["ParameterKey"]: each.get("ParameterValue") for each in parameters}
    slots = Stack.parse_template(template).get("Parameters") or {}
    for name, slot in slots.items():
        if str(slot.get("Type")).startswith(_TYPE):
            yield from (each for each in (slot.get("Default"), parameters.get(name)) if each)


def _check(account_id: str, region: str, paths: list[str]) -> None:
    """Raise AWS's error if Systems Manager lacks a parameter."""
    from moto.cloudformation.exceptions import ValidationError
    from moto.ssm.models import ssm_backends

    backend = ssm_backends[account_id][region]
    missing = sorted({path for path in paths if backend.get_parameter(path) is None})
    if missing:
        raise ValidationError(
            message=f"Unable to fetch parameters [{','.join(missing)}] from parameter store for this account."
        )
