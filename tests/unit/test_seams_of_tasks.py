"""Assumptions of the seams for Batch and ECS in moto. A failure names the assumption that moved."""

from __future__ import annotations

import inspect
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.batch.models import Job, JobDefinition, batch_backends
from moto.ecs.models import EC2ContainerServiceBackend, Task, ecs_backends
from moto.utilities.docker_utilities import DockerModel

ACCOUNT = "123456789012"
REGION = "us-east-1"


def test_a_job_of_batch_runs_by_its_client(stock_moto: None) -> None:
    """Its client is a property that it inherits; it runs containers by keyword, and an error fails the job."""
    assert isinstance(DockerModel.docker_client, property)
    assert Job.docker_client is DockerModel.docker_client
    source = inspect.getsource(Job.run)
    assert "self.docker_client.containers.run(" in source
    assert '"image": self.job_definition.container_properties.get(' in source
    assert "self._mark_stopped(success=False)" in source
    assert "job_stopped_reason" in inspect.getsource(Job.describe_short)
    assert list(inspect.signature(Job._mark_stopped).parameters) == ["self", "success"]
    with mock_aws():
        assert isinstance(batch_backends[ACCOUNT][REGION]._jobs, dict)


def test_stacks_make_job_definitions_by_a_class_method(stock_moto: None) -> None:
    """It reads the properties of the template's resource, and fails without `RetryStrategy`."""
    made = JobDefinition.__dict__["create_from_cloudformation_json"]
    assert isinstance(made, classmethod)
    container = {"Image": "nginx:1", "Vcpus": 1, "Memory": 128}
    properties: dict[str, Any] = {"ContainerProperties": container}
    with mock_aws():
        with pytest.raises(KeyError, match="RetryStrategy"):
            made.__func__(JobDefinition, "job", {"Properties": properties}, ACCOUNT, REGION)
        properties["RetryStrategy"] = {}
        job = made.__func__(JobDefinition, "job", {"Properties": properties}, ACCOUNT, REGION)
        assert job.container_properties["image"] == "nginx:1"


def test_a_task_of_ecs_is_answered_by_its_attributes(stock_moto: None) -> None:
    """Each task, of RunTask and the rest, is a `Task`, which has one container; what is set on them is in the
    answer."""
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
    """Both operations return it, with its events and deployments."""
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
