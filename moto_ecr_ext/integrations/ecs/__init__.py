"""Amazon ECS: tasks and services look up their images."""

SEAMS = (
    ("moto.ecs.models", "seam.plug"),
    ("moto.ecs.models", "repairs.security_groups.plug"),
    ("moto.ecs.models", "repairs.container_memory.plug"),
)
