"""moto's ECS: tasks show the digests of their images, and stop if a verified image is missing."""

from __future__ import annotations

import uuid
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from moto_ecr_ext.arns import Registry
from moto_ecr_ext.compatibility.switches import current_rules
from moto_ecr_ext.moto_services.image_uses import add_use, end_uses
from moto_ecr_ext.seams.replacing import Unplug, replace, replace_all

if TYPE_CHECKING:
    from moto_ecr_ext.integrations.docker.images import RegistryImage


def plug() -> Unplug:
    """Look up the images of tasks and services.

    RunTask, StartTask and other operations make `Task`, with a task definition and a backend among its arguments. Its
    attributes are the members of the answer in snake case. `stop_task` stops a task.
    """
    from moto.ecs.models import EC2ContainerServiceBackend, Task

    backend = EC2ContainerServiceBackend
    return replace_all(
        replace(Task, "__init__", _with_images(Task.__init__)),
        replace(backend, "stop_task", _with_end(backend.stop_task)),
        replace(backend, "create_service", _with_check(backend.create_service)),
        replace(backend, "update_service", _with_check(backend.update_service)),
    )


def _with_images(original: Any) -> Any:
    def __init__(self: Any, *arguments: Any, **options: Any) -> None:
        from moto_ecr_ext.integrations.docker.pulls import CannotPull

        original(self, *arguments, **options)
        definition = self._backend.describe_task_definition(self.task_definition_arn)
        try:
            images = _images_of(self._backend, definition, _runs_on_fargate(self))
        except CannotPull as error:
            _stop(self, str(error))
            return
        for image in images:
            if image is not None:
                image.record_pull()
                add_use(self, image.registry, image.repository_name, image.digest)
        # moto's tasks have only the container of the first definition.
        if images and images[0] is not None:
            self.containers[0].image_digest = images[0].digest

    return __init__


def _runs_on_fargate(what: Any) -> bool:
    """Return True if a task, or the tasks of a service, need no instances."""
    provider = getattr(what, "capacity_provider_name", None) or ""
    return what.launch_type == "FARGATE" or provider in ("FARGATE", "FARGATE_SPOT")


def _images_of(backend: Any, definition: Any, on_fargate: bool) -> list[RegistryImage | None]:
    """Return the image of each container of a definition, or None for an image of another registry.

    Raises CannotPull for a missing image of this ECR, if images are verified; on Fargate for an index without an image
    for the platform of the task, too. The platform of an instance is not known.
    """
    from moto_ecr_ext.integrations.docker.pulls import (
        DAEMON,
        FARGATE,
        CannotPull,
        for_platform,
        image_of_task,
    )

    home = Registry(backend.account_id, backend.region_name)
    architecture = _architecture(definition) if on_fargate else None
    images: list[RegistryImage | None] = []
    for container in definition.container_definitions:
        try:
            text = str(container.get("image", ""))
            found = image_of_task(text, home, FARGATE if on_fargate else DAEMON)
            if (
                found is not None
                and architecture is not None
                and current_rules().consumers.need_images
            ):
                for_platform(found[1], architecture, FARGATE)
        except CannotPull:
            if current_rules().consumers.need_images:
                raise
            found = None
        images.append(found[1] if found else None)
    return images


def _architecture(definition: Any) -> str | None:
    """Return the architecture of a definition's tasks on Fargate, by its name in indexes; None for Windows.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RuntimePlatform.html
    """
    platform = getattr(definition, "runtime_platform", None) or {}
    if platform.get("operatingSystemFamily", "LINUX") != "LINUX":
        return None
    return "arm64" if platform.get("cpuArchitecture") == "ARM64" else "amd64"


def _stop(task: Any, reason: str) -> None:
    """Stop a task as an agent that cannot pull does: on Fargate the task has the reason, elsewhere its container."""
    at = datetime.now(timezone.utc)
    task.last_status = task.desired_status = "STOPPED"
    task.stop_code = "TaskFailedToStart"
    for name in (
        "pull_started_at",
        "pull_stopped_at",
        "stopping_at",
        "stopped_at",
        "execution_stopped_at",
    ):
        setattr(task, name, at)
    container = task.containers[0]
    container.last_status = "STOPPED"
    del container.exitCode
    if _runs_on_fargate(task):
        task.stopped_reason = reason
    else:
        task.stopped_reason = "Task failed to start"
        container.reason = reason


def _with_end(original: Any) -> Any:
    def stop_task(self: Any, *arguments: Any, **options: Any) -> Any:
        task = original(self, *arguments, **options)
        end_uses(task)
        return task

    return stop_task


def _with_check(original: Any) -> Any:
    """Make a service report why it has no tasks. moto's services start none."""

    def make(self: Any, *arguments: Any, **options: Any) -> Any:
        from moto_ecr_ext.integrations.docker.pulls import CannotPull

        service = original(self, *arguments, **options)
        if service.task_definition and _wants_tasks(service):
            try:
                definition = self.describe_task_definition(service.task_definition)
                _images_of(self, definition, _runs_on_fargate(service))
            except CannotPull as error:
                _fail(service, str(error))
        return service

    return make


def _wants_tasks(service: Any) -> bool:
    """Return True if a service should have tasks. A daemon has one on each instance, and no count."""
    return bool(service.desired_count) or service.scheduling_strategy == "DAEMON"


def _fail(service: Any, reason: str) -> None:
    service.events.insert(
        0,
        {
            "id": str(uuid.uuid4()),
            "createdAt": datetime.now(timezone.utc),
            "message": f"(service {service.name}) was unable to place a task. Reason: {reason}.",
        },
    )
    service.running_count, service.pending_count = 0, service.desired_count
    for deployment in service.deployments[:1]:
        deployment["failedTasks"] = max(1, service.desired_count)
        deployment["runningCount"], deployment["pendingCount"] = 0, service.desired_count
