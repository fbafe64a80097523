"""Resources of ECR that a stack cannot delete.

A stack that is to be deleted stays, with those resources and the status DELETE_FAILED. An update leaves them behind and
succeeds: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/troubleshooting.html, "Resource removed from
stack but not deleted". A second deletion of the stack may leave them behind:
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DeleteStack.html

moto instead raises the resource's error: for a deletion after it has dropped the stack, for an update halfway.

Needed by moto 5.1.20 to 5.2.6.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from moto_ecr_ext.exceptions import ECRError
from moto_ecr_ext.integrations.cloudformation.stacks import StackError
from moto_ecr_ext.seams.replacing import Unplug, replace, replace_all

# https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/744
_UPDATED = "Update successful. One or more resources could not be deleted."


class NotDeleted(StackError):
    """A resource that could not be deleted, and the reason in CloudFormation's words."""

    @classmethod
    def by(cls, error: ECRError) -> NotDeleted:
        """Return the error of a resource whose deletion ECR has refused.

        The words and the two codes are those of a stack of 2022. Its ids are random.
        """
        return cls(
            error.code,
            f'Resource handler returned message: "{error.message} (Service: Ecr, Status Code: 400, '
            f'Request ID: {uuid.uuid4()}, Extended Request ID: null)" '
            f"(RequestToken: {uuid.uuid4()}, HandlerErrorCode: GeneralServiceException)",
        )


class _Failure(NamedTuple):
    resource: Any
    resource_type: str
    reason: str


# The resources that an update or a deletion of a stack could not delete so far, by logical id.
_Failures = dict[str, _Failure]


class _Request(NamedTuple):
    """What a request of DeleteStack says of a stack in the state DELETE_FAILED."""

    retained: frozenset[str] = frozenset()
    is_forced: bool = False

    @classmethod
    def of(cls, parameters: dict[str, list[str]]) -> _Request:
        """Return what the parameters of a query say. moto's own functions for them differ between its versions."""
        return cls(
            frozenset(
                value
                for name, values in parameters.items()
                for value in values
                if name.startswith("RetainResources.member.")
            ),
            parameters.get("DeletionMode") == ["FORCE_DELETE_STACK"],
        )


@dataclass
class _Deletion:
    """The deletion of one stack."""

    request: _Request
    failures: _Failures = field(default_factory=dict)


_NOTHING_SAID = _Request()
_request: ContextVar[_Request] = ContextVar("request", default=_NOTHING_SAID)
_of_update: ContextVar[_Failures | None] = ContextVar("of_update", default=None)
_of_deletion: ContextVar[_Deletion | None] = ContextVar("of_deletion", default=None)


@contextmanager
def replacing(resource: Any) -> Iterator[None]:
    """Leave a resource behind if the update that replaces it cannot delete it. Raises NotDeleted outside updates."""
    try:
        yield
    except NotDeleted as error:
        failures = _of_update.get()
        if failures is None:
            raise
        failures[resource.logical_resource_id] = _Failure(
            resource, resource.cf_resource_type, error.message
        )


_lock = threading.Lock()
_unplug: Unplug | None = None


def plug_once() -> None:
    """Plug the seam in once.

    A stack calls this when it creates its first repository: moto's CloudFormation takes seconds to import, and is
    imported by then.
    """
    global _unplug
    with _lock:
        if _unplug is None:
            _unplug = _plug()


def unplug() -> None:
    """Remove the seam, if it is plugged in."""
    global _unplug
    with _lock:
        if _unplug is not None:
            _unplug()
        _unplug = None


def _plug() -> Unplug:
    """Keep stacks whose resources cannot be deleted."""
    return replace_all(
        _plug_requests(), _plug_resources(), _plug_updates(), _plug_deletions_of_stacks()
    )


def _plug_requests() -> Unplug:
    """Note what DeleteStack says of a stack: moto does not pass the parameters on."""
    from moto.cloudformation.responses import CloudFormationResponse

    original = CloudFormationResponse.delete_stack

    def read_request(self: Any) -> Any:
        token = _request.set(_Request.of(self.querystring))
        try:
            return original(self)
        finally:
            _request.reset(token)

    return replace(CloudFormationResponse, "delete_stack", read_request)


def _plug_resources() -> Unplug:
    """Note the resources that could not be deleted.

    moto deletes each resource through `ResourceMap._delete_resource`.
    """
    from moto.cloudformation.parsing import ResourceMap

    original = ResourceMap._delete_resource

    def note_failure(self: Any, parsed_resource: Any, resource_json: dict[str, Any]) -> None:
        updating, deleting = _of_update.get(), _of_deletion.get()
        logical_id = parsed_resource.logical_resource_id
        if deleting is not None and logical_id in deleting.request.retained:
            return
        try:
            original(self, parsed_resource, resource_json)
        except NotDeleted as error:
            failure = _Failure(parsed_resource, resource_json["Type"], error.message)
            if updating is not None:
                updating[logical_id] = failure
            elif deleting is None:
                raise
            elif not deleting.request.is_forced:
                deleting.failures[logical_id] = failure
                raise
        except Exception:
            if deleting is None or not deleting.request.is_forced:
                raise

    return replace(ResourceMap, "_delete_resource", note_failure)


def _plug_updates() -> Unplug:
    """Leave such resources behind in an update.

    moto removes resources in `ResourceMap.update`, for updates and change sets alike.
    """
    from moto.cloudformation.parsing import ResourceMap

    original = ResourceMap.update

    def update_with_leftovers(self: Any, *arguments: Any, **named: Any) -> None:
        failures: _Failures = {}
        stack = _stack_of(self)
        stack.status_reason = None
        token = _of_update.set(failures)
        try:
            original(self, *arguments, **named)
        finally:
            _of_update.reset(token)
        if failures:
            _add_events(stack, failures)
            stack.status_reason = _UPDATED

    return replace(ResourceMap, "update", update_with_leftovers)


def _plug_deletions_of_stacks() -> Unplug:
    """Keep a stack with such resources: moto removes a stack from its list before it deletes it."""
    from moto.cloudformation.models import CloudFormationBackend

    original = CloudFormationBackend.delete_stack

    def keep_undeleted(self: Any, name_or_stack_id: str) -> None:
        stack = self.stacks.get(name_or_stack_id)
        if stack is None:  # The name of a stack that is to be deleted by its id.
            return original(self, name_or_stack_id)
        stack.status_reason = None
        is_nested = _of_deletion.get() is not None or _of_update.get() is not None
        has_failed = not is_nested and stack.status == "DELETE_FAILED"
        deletion = _Deletion(_request.get() if has_failed else _NOTHING_SAID)
        tokens = _of_update.set(None), _of_deletion.set(deletion)
        outputs = _resolved_outputs(stack)
        try:
            original(self, name_or_stack_id)
        except Exception:
            self.stacks[stack.stack_id] = stack
            if not deletion.failures:
                raise
            stack.output_map._output_json_map = outputs
            reason = _keep(stack, deletion.failures)
            if is_nested:
                raise NotDeleted(
                    "ValidationError",
                    f"Embedded stack {stack.stack_id} was not successfully deleted: {reason}",
                ) from None
        finally:
            _of_update.reset(tokens[0])
            _of_deletion.reset(tokens[1])

    return replace(CloudFormationBackend, "delete_stack", keep_undeleted)


def _stack_of(resources: Any) -> Any:
    from moto.cloudformation.models import cloudformation_backends

    backend = cloudformation_backends[resources._account_id][resources._region_name]
    return backend.stacks[resources.stack_id]


def _resolved_outputs(stack: Any) -> dict[str, Any]:
    """Return the outputs of a stack with values in place of references, since their resources may go."""
    from moto.cloudformation.parsing import clean_json

    resolved = {}
    for name, output in (stack.output_map._output_json_map or {}).items():
        with suppress(Exception):  # moto could not describe this output before either.
            if stack.output_map[name] is not None:
                resolved[name] = clean_json(output, stack.resource_map)
    return resolved


def _keep(stack: Any, failures: _Failures) -> str:
    """Give a stack the status of a failed deletion. Return the reason."""
    resources = stack.resource_map
    # Otherwise the next description would create the deleted resources again.
    resources._resource_json_map = {
        name: description
        for name, description in resources._resource_json_map.items()
        if name in resources._parsed_resources
    }
    _add_events(stack, failures)
    reason = f"The following resource(s) failed to delete: [{', '.join(failures)}]. "
    stack._add_stack_event("DELETE_FAILED", resource_status_reason=reason)
    stack.status, stack.status_reason = "DELETE_FAILED", reason
    return reason


def _add_events(stack: Any, failures: _Failures) -> None:
    from moto.cloudformation.models import Event

    for logical_id, failure in failures.items():
        event = Event(
            stack_id=stack.stack_id,
            stack_name=stack.name,
            logical_resource_id=logical_id,
            physical_resource_id=failure.resource.physical_resource_id,
            resource_type=failure.resource_type,
            resource_status="DELETE_FAILED",
            resource_status_reason=failure.reason,
            resource_properties=None,
        )
        event.sendToSns(stack.account_id, stack.region_name, stack.notification_arns)
        stack.events.append(event)
