"""moto's change sets and templates at URLs, as the AWS CDK and the SAM CLI use them.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-changesets.html
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from moto_ecr_ext.activation.replacing import Unplug, replace, replace_all


def plug() -> Unplug:
    """Find a change set by its stack, give stacks of change sets outputs and exports, and read templates from this
    machine.

    Operations are methods of the response class, which reads members by `_get_param` and passes the name of a change
    set, or its ARN, to the backend. The backend has change sets by ARN in `change_sets`. It makes the stack of a
    change set without the exports of others, and updates its resources alone.
    """
    from moto.cloudformation.models import CloudFormationBackend, Stack
    from moto.cloudformation.responses import CloudFormationResponse

    response = CloudFormationResponse
    return replace_all(
        replace(Stack, "__init__", _with_exports(Stack.__init__)),
        replace(
            CloudFormationBackend,
            "execute_change_set",
            _with_outputs(CloudFormationBackend.execute_change_set),
        ),
        replace(response, "describe_change_set", _named(response.describe_change_set)),
        replace(response, "execute_change_set", _named(response.execute_change_set)),
        replace(response, "delete_change_set", _deletion(response.delete_change_set)),
        replace(response, "list_change_sets", _of_stack(response.list_change_sets)),
        replace(response, "_get_stack_from_s3_url", _by_path(response._get_stack_from_s3_url)),
    )


def _with_exports(original: Any) -> Any:
    def __init__(self: Any, *arguments: Any, **options: Any) -> None:
        from moto.cloudformation.models import cloudformation_backends

        if not arguments and options.get("cross_stack_resources") is None:
            backend = cloudformation_backends[options["account_id"]][options["region_name"]]
            options["cross_stack_resources"] = backend.exports
        original(self, *arguments, **options)

    return __init__


def _with_outputs(original: Any) -> Any:
    def execute_change_set(self: Any, change_set_name: str, stack_name: str | None = None) -> None:
        original(self, change_set_name, stack_name)
        change_set = _find(self, change_set_name, stack_name)
        if change_set is None:
            return
        stack = change_set.stack
        stack._parse_template()
        stack.description = stack.template_dict.get("Description")
        stack.parameters = change_set.parameters
        stack.output_map = stack._create_output_map()
        for export in stack.exports:
            self.exports[export.name] = export

    return execute_change_set


def _find(backend: Any, name: str, stack: str | None) -> Any | None:
    """Return the last change set of a name, or ARN, of a stack if one is named."""
    if name in backend.change_sets:
        return backend.change_sets[name]
    found = [
        each
        for each in backend.change_sets.values()
        if each.change_set_name == name and stack in (None, each.stack_name, each.stack_id)
    ]
    return found[-1] if found else None


def _asked(response: Any) -> Any | None:
    """Return the change set that a request names, and have the request name it by its ARN."""
    backend = response.cloudformation_backend
    found = _find(backend, response._get_param("ChangeSetName"), response._get_param("StackName"))
    if found is not None:
        response._get_param = _with("ChangeSetName", found.change_set_id, response._get_param)
    return found


def _with(name: str, value: str, original: Any) -> Any:
    """Have one member of a request say something else."""

    def _get_param(param_name: str, *default: Any, **options: Any) -> Any:
        return value if param_name == name else original(param_name, *default, **options)

    return _get_param


def _named(original: Any) -> Any:
    def operation(self: Any) -> Any:
        from moto.cloudformation.exceptions import CloudFormationError

        if _asked(self) is None:
            # The CDK waits for this error: https://github.com/aws/aws-cdk-cli, change-set-describer.ts, waitForGone.
            name = self._get_param("ChangeSetName")
            raise CloudFormationError("ChangeSetNotFound", f"ChangeSet [{name}] does not exist")
        return original(self)

    return operation


def _deletion(original: Any) -> Any:
    def delete_change_set(self: Any) -> Any:
        from moto.core.responses import EmptyResult

        # One that is gone is what the caller wants.
        return original(self) if _asked(self) is not None else EmptyResult()

    return delete_change_set


def _of_stack(original: Any) -> Any:
    def list_change_sets(self: Any) -> Any:
        answer = original(self)
        stack = self._get_param("StackName")
        summaries = answer.result["Summaries"]
        answer.result["Summaries"] = [
            each for each in summaries if stack in (each.stack_name, each.stack_id)
        ]
        return answer

    return list_change_sets


def _by_path(original: Any) -> Any:
    """Take the bucket from the path of a URL whose host is this machine or a container, as moto does for
    `localhost`."""

    def _get_stack_from_s3_url(self: Any, template_url: str) -> str:
        parts = urlsplit(template_url)
        has_bucket_and_key = "/" in parts.path.lstrip("/")
        if has_bucket_and_key and _is_no_bucket(parts.hostname or ""):
            template_url = f"http://localhost{parts.path}"
        text: str = original(self, template_url)
        return text

    return _get_stack_from_s3_url


def _is_no_bucket(host: str) -> bool:
    if "." not in host or host == "host.docker.internal":
        return True
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
