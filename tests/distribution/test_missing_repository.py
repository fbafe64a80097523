"""A push to a repository that does not exist: ECR's error, and a log line that helps."""

from __future__ import annotations

import logging

import pytest

from moto_ecr_ext.testing import build_image
from support.constants import ACCOUNT, OTHER_ACCOUNT
from support.environments import Environment
from support.registry_client import LogIn, RegistrySession, RepositoryClient, assert_refused

IMAGE = build_image(layers=0)
MISSING = f"The repository with name 'team/none' does not exist in the registry with id '{ACCOUNT}'"


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [
        record.getMessage()
        for record in caplog.records
        if (record.name, record.levelno) == ("moto_ecr_ext", logging.WARNING)
    ]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/blobs/uploads/"),
        ("POST", f"/blobs/uploads/?digest={IMAGE.digest}"),
        ("POST", f"/blobs/uploads/?mount={IMAGE.digest}&from=team/base"),
        ("PUT", "/manifests/v1"),
    ],
)
def test_push(
    aws: Environment,
    session: RegistrySession,
    caplog: pytest.LogCaptureFixture,
    method: str,
    path: str,
) -> None:
    """The client reads ECR's text, whoever reads the log how to create the repository."""
    response = RepositoryClient(session, "team/none").request(
        method, path, data=IMAGE.manifest, headers={"Content-Type": IMAGE.media_type}
    )
    assert_refused(response, 404, "NAME_UNKNOWN", MISSING)
    [line] = warnings(caplog)
    assert "\n" not in line
    command = "aws ecr create-repository --repository-name team/none --region us-east-1"
    assert command in line
    assert ACCOUNT in line
    if aws.endpoint_url:
        assert line.endswith(f"{command} --endpoint-url {aws.endpoint_url}")


def test_the_registry_of_the_push(log_in: LogIn, caplog: pytest.LogCaptureFixture) -> None:
    """The line names the account and the region that were pushed to."""
    session = log_in(account=OTHER_ACCOUNT, region="eu-west-1")
    response = RepositoryClient(session, "team/none").post("/blobs/uploads/")
    assert "in the registry with id '999999999999'" in response.text
    [line] = warnings(caplog)
    assert "account 999999999999 in eu-west-1" in line
    assert "--region eu-west-1" in line


def test_the_created_repository_takes_the_push(aws: Environment, session: RegistrySession) -> None:
    """Creating it is all there is to do."""
    missing = RepositoryClient(session, "team/none")
    assert missing.post("/blobs/uploads/").status_code == 404
    aws.client().create_repository(repositoryName="team/none")
    assert missing.push(IMAGE, "v1").status_code == 201


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
def test_no_push(session: RegistrySession, caplog: pytest.LogCaptureFixture, method: str) -> None:
    """Pulling and deleting say nothing to the log."""
    missing = RepositoryClient(session, "team/none")
    for path in ("/manifests/v1", f"/blobs/{IMAGE.config.digest}"):
        assert missing.request(method, path).status_code == 404
    assert warnings(caplog) == []
