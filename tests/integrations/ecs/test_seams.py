"""Assumptions of the seam for ECS in moto. A failure names the assumption that moved."""

from __future__ import annotations

from typing import Any

import boto3
from moto import mock_aws
from moto.ecs.models import EC2ContainerServiceBackend, Task, ecs_backends

ACCOUNT = "123456789012"
REGION = "us-east-1"


def test_a_task_of_ecs_is_answered_by_its_attributes(stock_moto: None) -> None:
    """Each task, of RunTask and the other operations, is a `Task` with one container; attributes set on them are in
    the answer.
    """
    with mock_aws():
        client = boto3.client("ecs", region_name=REGION)
        client.create_cluster(clusterName="default")
        containers = [{"name": name, "image": name, "memory": 1} for name in ("a", "b")]
        client.register_task_definition(family="app", containerDefinitions=containers)
        request = {"cluster": "default", "taskDefinition": "app", "launchType": "FARGATE"}
        arn = client.run_task(**request)["tasks"][0]["taskArn"]
        backend = ecs_backends[ACCOUNT][REGION]
        task: Any = backend.tasks["default"][arn]
        assert type(task) is Task
        assert len(task.containers) == 1
        definition = task._backend.describe_task_definition(task.task_definition_arn)
        assert [each["image"] for each in definition.container_definitions] == ["a", "b"]
        task.stop_code, task.containers[0].image_digest = "TaskFailedToStart", "sha256:1"
        [shown] = client.describe_tasks(cluster="default", tasks=[arn])["tasks"]
        assert shown["stopCode"] == "TaskFailedToStart"
        assert shown["containers"][0]["imageDigest"] == "sha256:1"
        assert backend.stop_task("default", arn, "") is task
        assert task.desired_status == "STOPPED"


def test_a_service_of_ecs_is_answered_by_its_attributes(stock_moto: None) -> None:
    """Both operations return the service, with its events and deployments."""
    for name in ("create_service", "update_service"):
        assert callable(getattr(EC2ContainerServiceBackend, name))
    with mock_aws():
        client = boto3.client("ecs", region_name=REGION)
        client.create_cluster(clusterName="default")
        containers = [{"name": "a", "image": "a", "memory": 1}]
        client.register_task_definition(family="app", containerDefinitions=containers)
        client.create_service(serviceName="web", taskDefinition="app", desiredCount=1)
        [service] = ecs_backends[ACCOUNT][REGION].services.values()
        service.events.insert(0, {"message": "hello"})
        service.deployments[0]["failedTasks"] = 7
        [shown] = client.describe_services(services=["web"])["services"]
        assert shown["events"] == [{"message": "hello"}]
        assert shown["deployments"][0]["failedTasks"] == 7
