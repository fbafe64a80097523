"""moto's Batch: jobs run their images from this ECR."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto_ecr_ext.arns import Registry
from moto_ecr_ext.compatibility.switches import current_rules
from moto_ecr_ext.integrations.docker.errors import ConsumerError
from moto_ecr_ext.moto_services.image_uses import add_use, end_uses, uses_of
from moto_ecr_ext.seams.replacing import Unplug, replace, replace_all

if TYPE_CHECKING:
    from moto_ecr_ext.integrations.docker.pulls import Puller

# The attribute of a job for the reason why its image could not be pulled.
_REASON = "moto_ecr_ext_reason"


def plug() -> Unplug:
    """Run the images of this ECR.

    A job starts its containers by `docker_client.containers.run`, with the image's name among the arguments, and fails
    if that raises. `describe` shows `job_stopped_reason`, and `_mark_stopped` is called at a job's end.
    """
    from moto.batch.models import Job

    client = Job.docker_client.fget  # type: ignore[attr-defined]
    return replace_all(
        replace(Job, "docker_client", property(lambda job: _Client(client(job), job))),
        replace(Job, "describe", _with_reason(Job.describe)),
        replace(Job, "_mark_stopped", _with_exit_reason(Job._mark_stopped)),
    )


class _Client:
    """A docker client for one job. It delegates all except running containers."""

    def __init__(self, client: Any, job: Any):
        self._client = client
        self._job = job

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    @property
    def containers(self) -> _Containers:
        return _Containers(self._client.containers, self._job)


class _Containers:
    """The containers of a client for one job."""

    def __init__(self, containers: Any, job: Any):
        self._containers = containers
        self._job = job

    def __getattr__(self, name: str) -> Any:
        return getattr(self._containers, name)

    def run(self, **arguments: Any) -> Any:
        """Run a container, of the image in this ECR if it exists. Raises CannotPull, with the reason in the job."""

        try:
            changed = _with_loaded_image(self._job, arguments)
        except ConsumerError as error:
            self._job.job_stopped_reason = "Task failed to start"
            setattr(self._job, _REASON, str(error))
            raise
        return self._containers.run(**changed)


def _with_loaded_image(job: Any, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of a container with an image that the daemon has; unchanged for other registries' images."""
    from moto_ecr_ext.integrations.docker.daemon import connect, labels
    from moto_ecr_ext.integrations.docker.pulls import CannotPull, for_platform, image_of_task

    backend = job.job_definition.backend
    home = Registry(backend.account_id, job.job_definition._region)
    puller = _puller(job)
    try:
        found = image_of_task(arguments["image"], home, puller)
    except CannotPull:
        if current_rules().consumers.need_images:
            raise
        found = None
    if found is None:
        return arguments
    name, image = found
    daemon = connect()
    image = for_platform(image, daemon.architecture, puller)
    loaded = daemon.load(image, image.config(), name)
    image.record_pull()
    add_use(job, image.registry, image.repository_name, image.digest)
    changed = {**arguments, "image": loaded, "labels": labels("batch")}
    if arguments.get("network_mode") == "host":
        # There is no other network whose gateway docker could use.
        changed["extra_hosts"] = None
        changed["environment"] = _at_home(arguments["environment"])
    return changed


def _puller(job: Any) -> Puller:
    """Return the program that pulls a job's image, by the first compute environment of its queue."""
    from moto_ecr_ext.integrations.docker.pulls import DAEMON, FARGATE

    resources = [each.compute_resources for each in job.job_queue.environments[:1]]
    types = [str((each or {}).get("type", "")) for each in resources]
    return FARGATE if any(each.startswith("FARGATE") for each in types) else DAEMON


def _at_home(environment: dict[str, str]) -> dict[str, str]:
    """Return the variables of a container that shares this machine's network, on which moto's server listens."""
    return {
        **environment,
        "MOTO_HOST": "http://127.0.0.1",
        "MOTO_HTTP_ENDPOINT": f"http://127.0.0.1:{environment['MOTO_PORT']}",
    }


def _with_reason(original: Any) -> Any:
    def describe(self: Any) -> dict[str, Any]:
        answer: dict[str, Any] = original(self)
        if uses_of(self) and self.exit_code is not None:
            # moto stores the exit code, and overwrites it here.
            answer.setdefault("container", {})["exitCode"] = self.exit_code
        reason = vars(self).get(_REASON)
        if reason is not None:
            answer.setdefault("container", {})["reason"] = reason
            for attempt in answer["attempts"]:
                attempt["statusReason"] = answer["statusReason"]
                attempt["container"]["reason"] = reason
        return answer

    return describe


def _with_exit_reason(original: Any) -> Any:
    def _mark_stopped(self: Any, success: bool = True) -> None:
        if not success and self.exit_code and self.job_stopped_reason is None:
            # https://github.com/RafalWilinski/deploy-with-serverless/issues/11
            self.job_stopped_reason = "Essential container in task exited"
        end_uses(self)
        original(self, success=success)

    return _mark_stopped
