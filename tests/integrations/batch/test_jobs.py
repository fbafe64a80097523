"""Jobs of Batch whose image is in this ECR."""

from __future__ import annotations

from typing import Any

import pytest
from docker import DockerClient

from moto_ecr_ext.integrations.docker.images import own_architecture
from moto_ecr_ext.testing import Image, build_image, build_index
from support.constants import ACCOUNT
from support.containers import push_image
from support.environments import Environment
from support.waiting import wait_until

HOST = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com"


class Jobs:
    """Jobs of one queue."""

    def __init__(self, aws: Environment, role: str, kind: str = "FARGATE"):
        self.client = aws.client("batch")
        ec2 = aws.client("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
        group = ec2.create_security_group(GroupName="g", Description="g", VpcId=vpc)["GroupId"]
        profile = aws.client("iam").create_instance_profile(InstanceProfileName="p")
        instances = {
            "instanceTypes": ["optimal"],
            "instanceRole": profile["InstanceProfile"]["Arn"],
            "minvCpus": 0,
        }
        environment = self.client.create_compute_environment(
            computeEnvironmentName="environment",
            type="MANAGED",
            serviceRole=role,
            computeResources={
                "type": kind,
                "maxvCpus": 1,
                **(instances if kind == "EC2" else {}),
                "subnets": [subnet],
                "securityGroupIds": [group],
            },
        )["computeEnvironmentArn"]
        order = [{"order": 1, "computeEnvironment": environment}]
        self.client.create_job_queue(
            jobQueueName="queue", state="ENABLED", priority=1, computeEnvironmentOrder=order
        )

    def run(self, image: str, command: list[str]) -> dict[str, Any]:
        """Run a job to its end, and describe it."""
        properties = {"image": image, "vcpus": 1, "memory": 128, "command": command}
        definition = self.client.register_job_definition(
            jobDefinitionName="d", type="container", containerProperties=properties
        )["jobDefinitionArn"]
        submitted = self.client.submit_job(
            jobName="job-of-test", jobQueue="queue", jobDefinition=definition
        )

        def ended() -> dict[str, Any] | None:
            [job] = self.client.describe_jobs(jobs=[submitted["jobId"]])["jobs"]
            return job if job["status"] in ("SUCCEEDED", "FAILED") else None

        job = wait_until(ended)
        assert job is not None
        return job


@pytest.fixture
def jobs(docker: DockerClient, aws: Environment, role: str) -> Jobs:
    """A queue for jobs."""
    return Jobs(aws, role)


@pytest.mark.parametrize("by", ["tag", "digest", "server"])
def test_a_job_runs_its_image(jobs: Jobs, ecr: Any, image: Image, by: str) -> None:
    """A job runs its image by AWS's host with a tag or digest, and by the address of a server on this machine."""
    uri = push_image(ecr, "team/job", image, tag="latest")
    given = {
        "tag": uri,
        "digest": f"{HOST}/team/job@{image.digest}",
        "server": "127.0.0.1:5000/team/job",
    }[by]
    job = jobs.run(given, ["exit"])

    # The program ends with this status if its arguments ask for it.
    assert (job["status"], job["container"]["exitCode"]) == ("FAILED", 3)
    assert job["statusReason"] == "Essential container in task exited"
    [details] = ecr.describe_images(repositoryName="team/job")["imageDetails"]
    assert "lastRecordedPullTime" in details


def test_an_index_without_an_image_for_the_platform(jobs: Jobs, ecr: Any) -> None:
    """The job fails with AWS's message:
    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_cannot_pull_image.html.
    """
    index = build_index([build_image(architecture="riscv64")])
    job = jobs.run(push_image(ecr, "team/job", index), ["exit"])
    assert job["container"]["reason"] == (
        "CannotPullContainerError: pull image manifest has been retried 7 time(s): image Manifest "
        f"does not contain descriptor matching platform 'linux/{own_architecture()}'"
    )


@pytest.mark.parametrize("missing", ["image", "platform"])
def test_errors_on_ec2(
    docker: DockerClient, aws: Environment, role: str, ecr: Any, missing: str
) -> None:
    """They are those of the instance's docker daemon."""
    jobs = Jobs(aws, role, "EC2")
    uri = push_image(ecr, "team/job", build_index([build_image(architecture="riscv64")]))
    aws.configure(verify_images=True)
    if missing == "image":
        uri = f"{HOST}/team/job:other"
        reason = (
            "CannotPullImageManifestError: Error response from daemon: "
            "manifest unknown: Requested image not found"
        )
    else:
        reason = (
            "CannotPullContainerError: Error response from daemon: no matching manifest for "
            f"linux/{own_architecture()} in the manifest list entries"
        )
    assert jobs.run(uri, ["exit"])["container"]["reason"] == reason


def test_an_image_that_is_not_there(jobs: Jobs, aws: Environment, docker: DockerClient) -> None:
    """With `verify_images` the job fails as on AWS: https://github.com/awslabs/aws-batch-helpers/issues/4."""
    aws.configure(verify_images=True)
    job = jobs.run(f"{HOST}/nowhere:1", ["exit"])

    name = f"{HOST}/nowhere:1"
    reason = (
        "CannotPullContainerError: pull image manifest has been retried 1 time(s): "
        f"failed to resolve ref {name}: {name}: not found"
    )
    assert (job["status"], job["statusReason"]) == ("FAILED", "Task failed to start")
    assert job["container"]["reason"] == reason
    assert "exitCode" not in job["container"]
    [attempt] = job["attempts"]
    assert attempt["statusReason"] == "Task failed to start"
    assert attempt["container"]["reason"] == reason
    assert docker.api.images(all=True) == [] or all(
        "nowhere" not in str(each["RepoTags"]) for each in docker.api.images()
    )
