"""Stacks from change sets.

moto creates and changes the resources of such a stack, and ignores the rest of its template: outputs, exports and the
description. The AWS CDK and SAM deploy only by change sets.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ExecuteChangeSet.html

Needed by moto 5.1.20 to 5.2.6.
"""

from __future__ import annotations

import logging
from typing import Any

from moto_ecr_ext.seams.replacing import Unplug, replace

_log = logging.getLogger(__name__)


def plug() -> Unplug:
    """Make an executed change set change the whole stack.

    moto executes a change set through `ChangeSet.apply`, and makes its stack from an empty template, without the
    exports of other stacks. A stack keeps its state in `template_dict`, `description`, `parameters`, `tags` and
    `output_map`; the exports of all stacks are in a dict of the backend.
    """
    from moto.cloudformation.models import ChangeSet

    apply = ChangeSet.apply

    def apply_whole(self: Any) -> None:
        stack = self.stack
        backend = _backend_of(stack)
        stack.cross_stack_resources = backend.exports
        stack.resource_map.cross_stack_resources = backend.exports
        apply(self)
        stack.template = self.template
        stack.template_dict = self.template_dict
        stack.description = stack.template_description
        # moto compares the next change set with them.
        stack.parameters = self.parameters
        if self.tags:
            stack.tags = self.tags
        stack.output_map = _outputs_of(stack)
        _export(backend, stack)

    return replace(ChangeSet, "apply", apply_whole)


def _backend_of(stack: Any) -> Any:
    from moto.cloudformation.models import cloudformation_backends

    return cloudformation_backends[stack.account_id][stack.region_name]


def _outputs_of(stack: Any) -> Any:
    """Return the outputs of a stack that moto can resolve: it does not have all attributes of all resources.

    Any other output would make each later DescribeStacks fail.
    """
    from moto.cloudformation.exceptions import CloudFormationError
    from moto.cloudformation.parsing import OutputMap

    outputs = {}
    for name, output in (stack.template_dict.get("Outputs") or {}).items():
        alone = OutputMap(stack.resource_map, {"Outputs": {name: output}}, stack.stack_id)
        try:
            resolved, _ = alone[name], alone.exports
        except (CloudFormationError, LookupError) as error:
            _log.warning("Output %s of stack %s is left out: %r", name, stack.name, error)
        else:
            # An output with a false condition resolves to None, and exports nothing.
            if resolved is not None:
                outputs[name] = output
    return OutputMap(stack.resource_map, {"Outputs": outputs}, stack.stack_id)


def _export(backend: Any, stack: Any) -> None:
    """Replace the exports of a stack. Raises moto's error for the name of another stack's export."""
    for name in [
        name for name, each in backend.exports.items() if each.exporting_stack_id == stack.stack_id
    ]:
        del backend.exports[name]
    backend._validate_export_uniqueness(stack)
    backend.exports.update({each.name: each for each in stack.exports})
