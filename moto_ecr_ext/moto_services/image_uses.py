"""Users of images: ECS tasks, Batch jobs and Lambda functions.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_AwsEcrContainerImageDetails.html
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from moto_ecr_ext.arns import Registry
from moto_ecr_ext.clock import now

# The attribute of moto's tasks and jobs that holds their images.
_ATTRIBUTE = "moto_ecr_ext_images"

SOURCE_OF_FUNCTION = "moto_ecr_ext_source"
"""The attribute of moto's LambdaFunction that holds the image of its code.

moto copies it to each version that it publishes.
"""


@dataclass
class ImageUse:
    """The use of one image by one task. Times are in seconds since the epoch; a running task has no `ended_at`."""

    registry: Registry
    repository_name: str
    digest: str
    ended_at: float | None = None


@dataclass(frozen=True)
class Usage:
    """The number of tasks that run an image now, and the time of its last use, or None."""

    in_use_count: int = 0
    last_in_use_at: float | None = None


class User(NamedTuple):
    """A user of an image: its kind, in AWS's words, its name or ARN, and True if it uses the image now."""

    kind: str
    name: str
    is_active: bool


def add_use(user: Any, registry: Registry, repository_name: str, digest: str) -> None:
    """Record that a task or job of moto runs an image."""
    setattr(user, _ATTRIBUTE, [*uses_of(user), ImageUse(registry, repository_name, digest)])


def uses_of(user: Any) -> list[ImageUse]:
    """Return the images that a task or job of moto runs, or has run."""
    uses: list[ImageUse] = getattr(user, _ATTRIBUTE, [])
    return uses


def end_uses(user: Any) -> None:
    """Record that a task or job of moto has ended."""
    for use in uses_of(user):
        use.ended_at = use.ended_at or now()


def usage_of(registry: Registry, repository_name: str, digest: str) -> Usage:
    """Return the usage of an image by moto's tasks of all accounts and Regions."""
    count = 0
    last: float | None = None
    for use, is_running in _uses():
        if (use.registry, use.repository_name, use.digest) == (registry, repository_name, digest):
            count += is_running
            last = max(last or 0.0, now() if is_running else use.ended_at or 0.0)
    return Usage(count, last)


def users_of(registry: Registry, repository_name: str, digest: str) -> list[User]:
    """Return the present and past users of an image, of all accounts and Regions."""
    image = (registry, repository_name, digest)
    found = [
        User(kind, _name_of(user), is_running)
        for kind, users in (("ECS task", _tasks()), ("Batch job", _jobs()))
        for user, is_running in users
        if any((use.registry, use.repository_name, use.digest) == image for use in uses_of(user))
    ]
    for function in _functions():
        source = vars(function).get(SOURCE_OF_FUNCTION)
        if source and (source.registry, source.name.repository, source.digest) == image:
            found.append(User("Lambda function", function.function_arn, True))
    return found


def _name_of(user: Any) -> str:
    """Return the ARN of a task, or the name and the id of a job."""
    arn = getattr(user, "task_arn", None)
    return str(arn) if arn else f"{user.job_name} ({user.job_id})"


def _uses() -> Iterator[tuple[ImageUse, bool]]:
    for user, is_running in (*_tasks(), *_jobs()):
        for use in uses_of(user):
            yield use, is_running


def _tasks() -> Iterator[tuple[Any, bool]]:
    for backend in _backends("ecs"):
        for tasks in list(backend.tasks.values()):
            for task in list(tasks.values()):
                # Reading `last_status` might advance the task.
                yield task, "STOPPED" not in (task.desired_status, task._status)


def _jobs() -> Iterator[tuple[Any, bool]]:
    for backend in _backends("batch"):
        for job in list(backend._jobs.values()):
            yield job, not job.job_stopped


def _functions() -> Iterator[Any]:
    for backend in _backends("lambda", "awslambda"):
        for versions in list(backend._lambdas._functions.values()):
            yield from filter(None, [versions["latest"], *versions["versions"]])


def _backends(service: str, package: str | None = None) -> Iterator[Any]:
    """Yield the backends of a service in all accounts and Regions, if the service is in use."""
    models = sys.modules.get(f"moto.{package or service}.models")
    for account in list(getattr(models, f"{service}_backends", {}).values()):
        yield from list(account.values())
