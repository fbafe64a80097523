"""Tasks and services with `awsvpcConfiguration` that lack security groups, which are optional.

moto ends with an internal error, as it does without subnets, which are required.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_AwsVpcConfiguration.html

Needed by moto 5.1.20 to 5.2.6.
"""

from __future__ import annotations

from typing import Any

from moto_ecr_ext.seams.replacing import Unplug, replace, replace_all


def plug() -> Unplug:
    """Complete the network configuration of tasks and services.

    `run_task`, `start_task`, `create_service` and `update_service` of the backend have it among their arguments, as a
    dict with the key `awsvpcConfiguration`. An empty list of groups is the default group of the VPC.
    """
    from moto.ecs.models import EC2ContainerServiceBackend

    backend = EC2ContainerServiceBackend
    names = ("run_task", "start_task", "create_service", "update_service")
    return replace_all(
        *(replace(backend, name, _completed(getattr(backend, name))) for name in names)
    )


def _completed(original: Any) -> Any:
    def operation(self: Any, *arguments: Any, **named: Any) -> Any:
        return original(
            self,
            *map(_with_groups, arguments),
            **{name: _with_groups(value) for name, value in named.items()},
        )

    return operation


def _with_groups(argument: Any) -> Any:
    """Return a network configuration with security groups; any other argument as it is.

    Raises InvalidParameterException if it lacks subnets.
    """
    from moto.ecs.exceptions import InvalidParameterException

    network = argument.get("awsvpcConfiguration") if isinstance(argument, dict) else None
    if not isinstance(network, dict):
        return argument
    if not network.get("subnets"):
        raise InvalidParameterException("subnets can not be empty.")
    return {**argument, "awsvpcConfiguration": {"securityGroups": [], **network}}
