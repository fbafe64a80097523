"""Tasks and services of ECS whose image is in this ECR. moto runs no containers for them.

Texts are those of https://github.com/aws/containers-roadmap/issues/2493 and
https://github.com/aws-samples/bedrock-access-gateway/issues/127.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from moto_ecr_ext.testing import build_image, build_index, push
from support.constants import ACCOUNT, OTHER_ACCOUNT
from support.containers import push_image
from support.environments import Environment
from support.moto_versions import needs_capacity_providers
from support.scanning import debian_image, scanner

HOST = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com"
IMAGE = build_image(layers=1)


class Cluster:
    """A cluster, and what runs in it."""

    def __init__(self, client: Any):
        self.client = client
        client.create_cluster(clusterName="default")

    def define(self, *images: str, **definition: Any) -> str:
        """Register a task definition with a container of each image."""
        containers = [
            {"name": f"c{number}", "image": image, "memory": 128}
            for number, image in enumerate(images)
        ]
        answer = self.client.register_task_definition(
            family="app", containerDefinitions=containers, **definition
        )
        arn: str = answer["taskDefinition"]["taskDefinitionArn"]
        return arn

    def run(
        self,
        *images: str,
        launch_type: str | None = "FARGATE",
        runtime_platform: dict[str, str] | None = None,
        **request: Any,
    ) -> dict[str, Any]:
        """Run a task, and describe it."""
        definition = {"runtimePlatform": runtime_platform} if runtime_platform else {}
        if launch_type is not None:
            request["launchType"] = launch_type
        answer = self.client.run_task(
            cluster="default", taskDefinition=self.define(*images, **definition), **request
        )
        assert answer["failures"] == []
        arns = [answer["tasks"][0]["taskArn"]]
        [task] = self.client.describe_tasks(cluster="default", tasks=arns)["tasks"]
        described: dict[str, Any] = task
        return described


@pytest.fixture
def cluster(aws: Environment) -> Cluster:
    """An empty cluster."""
    return Cluster(aws.client("ecs"))


@pytest.mark.parametrize("by", ["tag", "digest", "index"])
def test_a_task_names_the_digest_of_its_image(cluster: Cluster, ecr: Any, by: str) -> None:
    """A task's container has the digest of the manifest that the reference names, also of an index.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Container.html
    """
    pushed = build_index([IMAGE]) if by == "index" else IMAGE
    uri = push_image(ecr, "app", pushed)
    task = cluster.run(f"{HOST}/app@{pushed.digest}" if by == "digest" else uri)

    [container] = task["containers"]
    assert container["imageDigest"] == pushed.digest
    assert task["desiredStatus"] == "RUNNING"
    details = ecr.describe_images(repositoryName="app", imageIds=[{"imageDigest": pushed.digest}])
    assert "lastRecordedPullTime" in details["imageDetails"][0]


MISSING = [f"{HOST}/app:other", f"{HOST}/nowhere:1", f"{HOST}/app"]


@pytest.mark.parametrize("image", [*MISSING, "nginx:latest", "public.ecr.aws/nginx:1"])
def test_images_that_are_not_there_are_left_to_moto(cluster: Cluster, ecr: Any, image: str) -> None:
    """Missing images are left to moto by default, and those of other registries always."""
    push_image(ecr, "app", IMAGE)
    task = cluster.run(image)
    assert task["desiredStatus"] == "RUNNING"
    assert "imageDigest" not in task["containers"][0]


@pytest.mark.parametrize("launch_type", ["FARGATE", "EC2"])
@pytest.mark.parametrize("image", MISSING)
def test_images_are_verified(
    cluster: Cluster, aws: Environment, ecr: Any, image: str, launch_type: str
) -> None:
    """With `verify_images` the task stops, with AWS's text: on Fargate in the task, else in its container."""
    push_image(ecr, "app", IMAGE)
    aws.configure(verify_images=True)
    if launch_type == "EC2":
        add_instance(aws)
    task = cluster.run(f"{HOST}/app:1.0", image, launch_type=launch_type)

    name = image if ":" in image else f"{image}:latest"
    if launch_type == "FARGATE":
        reason = (
            "CannotPullContainerError: pull image manifest has been retried 1 time(s): "
            f"failed to resolve ref {name}: {name}: not found"
        )
    else:
        missing = (
            "name unknown: The repository with name 'nowhere' does not exist "
            f"in the registry with id '{ACCOUNT}'"
        )
        error = missing if "nowhere" in image else "manifest unknown: Requested image not found"
        reason = f"CannotPullImageManifestError: Error response from daemon: {error}"
    [container] = task["containers"]
    assert (task["lastStatus"], task["desiredStatus"]) == ("STOPPED", "STOPPED")
    assert task["stopCode"] == "TaskFailedToStart"
    assert {"pullStartedAt", "pullStoppedAt", "stoppedAt", "executionStoppedAt"} <= set(task)
    assert container["lastStatus"] == "STOPPED"
    assert "exitCode" not in container
    assert "imageDigest" not in container
    if launch_type == "FARGATE":
        assert task["stoppedReason"] == reason
    else:
        assert task["stoppedReason"] == "Task failed to start"
        assert container["reason"] == reason


@pytest.mark.parametrize("cpu", ["X86_64", "ARM64"])
def test_an_index_without_an_image_for_the_platform(
    cluster: Cluster, aws: Environment, ecr: Any, cpu: str
) -> None:
    """On Fargate the task stops, if images are verified."""
    architecture = {"X86_64": "amd64", "ARM64": "arm64"}[cpu]
    has, lacks = (build_image(architecture=each) for each in (architecture, "riscv64"))
    found = push_image(ecr, "found", build_index([has]))
    missing = push_image(ecr, "missing", build_index([lacks]))
    platform = {} if cpu == "X86_64" else {"runtime_platform": {"cpuArchitecture": cpu}}
    assert cluster.run(missing, **platform)["desiredStatus"] == "RUNNING"
    aws.configure(verify_images=True)
    assert cluster.run(found, **platform)["desiredStatus"] == "RUNNING"
    task = cluster.run(missing, **platform)
    assert (task["lastStatus"], task["stoppedReason"]) == (
        "STOPPED",
        "CannotPullContainerError: pull image manifest has been retried 7 time(s): image Manifest "
        f"does not contain descriptor matching platform 'linux/{architecture}'",
    )


@needs_capacity_providers
def test_a_capacity_provider_of_fargate(cluster: Cluster, aws: Environment) -> None:
    """It is Fargate, without a launch type."""
    aws.configure(verify_images=True)
    task = cluster.run(
        f"{HOST}/nowhere:1",
        launch_type=None,
        capacityProviderStrategy=[{"capacityProvider": "FARGATE_SPOT"}],
    )
    assert "retried 1 time(s)" in task["stoppedReason"]


def add_instance(aws: Environment) -> None:
    """Give the cluster an instance, by the document that tells moto which."""
    ec2 = aws.client("ec2")
    image = ec2.describe_images(MaxResults=5)["Images"][0]["ImageId"]
    instance = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1)["Instances"][0]
    document = json.dumps({"instanceId": instance["InstanceId"]})
    aws.client("ecs").register_container_instance(
        cluster="default", instanceIdentityDocument=document
    )


def test_an_image_of_another_account(cluster: Cluster, aws: Environment) -> None:
    """The task stops if no policy allows its account to pull."""
    other = aws.client(account=OTHER_ACCOUNT)
    other.create_repository(repositoryName="app")
    push(other, "app", IMAGE, tag="1.0")
    host = f"{OTHER_ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com"
    aws.configure(verify_images=True)
    assert cluster.run(f"{host}/app:1.0")["stoppedReason"] == (
        "CannotPullContainerError: pull image manifest has been retried 1 time(s): "
        f"failed to resolve ref {host}/app:1.0: unexpected status from HEAD request to "
        f"https://{host}/v2/app/manifests/1.0: 403 Forbidden"
    )


def test_a_service(cluster: Cluster, aws: Environment) -> None:
    """The events of a service give the reason why it has no tasks."""
    aws.configure(verify_images=True)
    service = cluster.client.create_service(
        cluster="default",
        serviceName="web",
        taskDefinition=cluster.define(f"{HOST}/nowhere:1"),
        desiredCount=2,
        launchType="FARGATE",
    )["service"]

    [event] = service["events"]
    assert event["message"] == (
        "(service web) was unable to place a task. Reason: CannotPullContainerError: "
        "pull image manifest has been retried 1 time(s): "
        f"failed to resolve ref {HOST}/nowhere:1: {HOST}/nowhere:1: not found."
    )
    assert (service["runningCount"], service["pendingCount"]) == (0, 2)
    assert service["deployments"][0]["failedTasks"] == 2


def test_a_service_without_tasks(cluster: Cluster, aws: Environment) -> None:
    """A service without tasks pulls no image, and reports nothing until it should have tasks."""
    aws.configure(verify_images=True)
    request = {"cluster": "default", "taskDefinition": cluster.define(f"{HOST}/nowhere:1")}
    service = cluster.client.create_service(
        serviceName="web", desiredCount=0, launchType="FARGATE", **request
    )["service"]
    assert service["events"] == []
    # Earlier versions of moto leave the number out.
    assert service["deployments"][0].get("failedTasks", 0) == 0

    service = cluster.client.update_service(service="web", desiredCount=1, **request)["service"]
    assert len(service["events"]) == 1
    assert service["deployments"][0]["failedTasks"] == 1
    service = cluster.client.update_service(service="web", desiredCount=0, **request)["service"]
    assert len(service["events"]) == 1
    assert service["pendingCount"] == 0


def test_a_service_on_each_instance(cluster: Cluster, aws: Environment) -> None:
    """A daemon has no count of tasks, and reports why it has none."""
    aws.configure(verify_images=True)
    service = cluster.client.create_service(
        cluster="default",
        serviceName="agent",
        taskDefinition=cluster.define(f"{HOST}/nowhere:1"),
        schedulingStrategy="DAEMON",
    )["service"]
    assert "CannotPullImageManifestError" in service["events"][0]["message"]
    assert service["deployments"][0]["failedTasks"] == 1


def test_findings_count_the_tasks_that_use_an_image(
    cluster: Cluster, aws: Environment, ecr: Any, tmp_path: Path
) -> None:
    """Findings count the tasks that run now, and have the time of the last one.

    https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_AwsEcrContainerImageDetails.html
    """
    aws.configure(scanner=str(scanner(tmp_path)))
    rule = {
        "scanFrequency": "SCAN_ON_PUSH",
        "repositoryFilters": [{"filter": "*", "filterType": "WILDCARD"}],
    }
    ecr.put_registry_scanning_configuration(scanType="ENHANCED", rules=[rule])
    uri = push_image(ecr, "app", debian_image())

    def usage() -> tuple[int, Any]:
        answer = ecr.describe_image_scan_findings(repositoryName="app", imageId={"imageTag": "1.0"})
        details = [
            each["resources"][0]["details"]["awsEcrContainerImage"]
            for each in answer["imageScanFindings"]["enhancedFindings"]
        ]
        [found] = {(each["inUseCount"], each.get("lastInUseAt")) for each in details}
        return found

    assert usage() == (0, None)
    tasks = [cluster.run(uri), cluster.run(uri)]
    count, last = usage()
    assert count == 2
    for task in tasks:
        cluster.client.stop_task(cluster="default", task=task["taskArn"])
    assert usage()[0] == 0
    assert usage()[1] >= last
