"""Change sets by name and stack.

Two stacks may have change sets of the same name; every deployment of the AWS CDK uses one name. moto searches by the
name alone. For a missing change set it answers with the error for a stack, or with an internal error.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeChangeSet.html

Needed by moto 5.1.20 to 5.2.6.
"""

from __future__ import annotations

from typing import Any

from moto_ecr_ext.seams.replacing import Unplug, replace, replace_all


def plug() -> Unplug:
    """Restrict operations on change sets to one stack.

    They are methods of `CloudFormationResponse`, which do not use the parameter `StackName` further. The backend has
    all change sets in a dict, by ARN, in the order of their creation; its methods accept ARNs.
    """
    from moto.cloudformation.responses import CloudFormationResponse
    from moto.core.responses import ActionResult, EmptyResult

    def describe(self: Any) -> Any:
        return ActionResult(self.cloudformation_backend.describe_change_set(_arn_of(self)))

    def execute(self: Any) -> Any:
        self.cloudformation_backend.execute_change_set(_arn_of(self))
        return EmptyResult()

    def delete(self: Any) -> Any:
        for each in _named_change_sets(self):
            self.cloudformation_backend.delete_change_set(each.change_set_id)
        return EmptyResult()

    def list_(self: Any) -> Any:
        return ActionResult({"Summaries": _of_stack(self)})

    return replace_all(
        replace(CloudFormationResponse, "describe_change_set", describe),
        replace(CloudFormationResponse, "execute_change_set", execute),
        replace(CloudFormationResponse, "delete_change_set", delete),
        replace(CloudFormationResponse, "list_change_sets", list_),
    )


def _arn_of(response: Any) -> str:
    """Return the ARN of the change set that a request names. Raises ChangeSetNotFoundException."""
    from moto.cloudformation.exceptions import CloudFormationError

    found = _named_change_sets(response)
    if not found:
        # The AWS CDK waits for this error after it has deleted a change set. The text is from a recording:
        # https://github.com/localstack/localstack/blob/main/tests/aws/services/cloudformation/api/test_changesets.snapshot.json
        name = response._get_param("ChangeSetName")
        raise CloudFormationError(
            "ChangeSetNotFoundException", f"ChangeSet [{name}] does not exist"
        )
    # moto permits several change sets of one name, and uses the last.
    arn: str = found[-1].change_set_id
    return arn


def _named_change_sets(response: Any) -> list[Any]:
    """Return the change sets that a request names: by ARN, or by name, in one stack if the request names it."""
    change_sets = response.cloudformation_backend.change_sets
    name = response._get_param("ChangeSetName")
    if name in change_sets:
        return [change_sets[name]]
    return [each for each in _of_stack(response) if each.change_set_name == name]


def _of_stack(response: Any) -> list[Any]:
    """Return the change sets of the stack in a request, or of all stacks.

    Raises ValidationError for an unknown stack.
    """
    from moto.cloudformation.exceptions import ValidationError

    backend = response.cloudformation_backend
    stack = response._get_param("StackName")
    if not stack:
        return list(backend.change_sets.values())
    ids = {each.stack_id for each in backend.stacks.values() if stack in (each.name, each.stack_id)}
    if not ids:
        # From the same recording.
        raise ValidationError(message=f"Stack [{stack}] does not exist")
    return [each for each in backend.change_sets.values() if each.stack_id in ids]
