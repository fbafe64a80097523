"""Assumptions of the seam for Batch in moto. A failure names the assumption that moved."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from moto import mock_aws
from moto.batch.models import Job, JobDefinition, batch_backends
from moto.utilities.docker_utilities import DockerModel

ACCOUNT = "123456789012"
REGION = "us-east-1"


def test_a_job_of_batch_runs_by_its_client(stock_moto: None) -> None:
    """The client of a job is a property that it inherits; it runs containers by keyword, and an error fails the job."""
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
    """The class method reads the properties of the template's resource, and fails without `RetryStrategy`."""
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
