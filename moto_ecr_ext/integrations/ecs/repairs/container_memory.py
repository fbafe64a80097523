"""Tasks whose memory is that of the task definition, while its containers name none, as is usual on Fargate.

ECS needs no memory of a container then. moto ends RunTask and StartTask with an internal error.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html, "memory"

Needed by moto 5.1.20 to 5.2.6.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from moto_ecr_ext.seams.replacing import Unplug, replace

# As the API names them, and as CloudFormation does.
_MEMORY = ("memory", "memoryReservation", "Memory", "MemoryReservation")


def plug() -> Unplug:
    """Count the memory of such containers as none.

    RunTask and StartTask add up the needs of all containers by a static method of the backend, which reads only the
    `container_definitions` of a task definition.
    """
    from moto.ecs.models import EC2ContainerServiceBackend

    name = "_calculate_task_resource_requirements"
    original = getattr(EC2ContainerServiceBackend, name)

    def requirements(task_definition: Any) -> Any:
        containers = [
            each if any(each.get(member) for member in _MEMORY) else {**each, "memory": 0}
            for each in task_definition.container_definitions
        ]
        return original(SimpleNamespace(container_definitions=containers))

    return replace(EC2ContainerServiceBackend, name, staticmethod(requirements))
