"""A push to a repository that does not exist: ECR's error, and a log line that helps."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from moto_ecr_ext.server.log import HintsOnceAMinute
from moto_ecr_ext.testing import build_image
from support.constants import ACCOUNT, OTHER_ACCOUNT
from support.environments import Environment
from support.iam import User, enforced
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
    """The client gets ECR's text, and the log says how to create the repository."""
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
        assert line.endswith(
            "To create it: AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test "
            f"{command} --endpoint-url {aws.endpoint_url}"
        )


def test_the_registry_of_the_push(log_in: LogIn, caplog: pytest.LogCaptureFixture) -> None:
    """The log line names the account and the Region of the push."""
    session = log_in(account=OTHER_ACCOUNT, region="eu-west-1")
    response = RepositoryClient(session, "team/none").post("/blobs/uploads/")
    assert "in the registry with id '999999999999'" in response.text
    [line] = warnings(caplog)
    assert "account 999999999999 in eu-west-1" in line
    assert "--region eu-west-1" in line
    assert "AWS_ACCESS_KEY_ID" not in line


def test_a_log_of_a_server_passes_it_once(
    session: RegistrySession, caplog: pytest.LogCaptureFixture
) -> None:
    """The filter of a server's log recognizes the line when a client tries again."""
    for _ in range(2):
        RepositoryClient(session, "team/none").post("/blobs/uploads/")
    hints = HintsOnceAMinute()
    of_package = [each for each in caplog.records if each.name == "moto_ecr_ext"]
    assert [hints.filter(each) for each in of_package] == [True, False]


def test_the_created_repository_takes_the_push(aws: Environment, session: RegistrySession) -> None:
    """The push succeeds once the repository is created."""
    missing = RepositoryClient(session, "team/none")
    assert missing.post("/blobs/uploads/").status_code == 404
    aws.client().create_repository(repositoryName="team/none")
    assert missing.push(IMAGE, "v1").status_code == 201


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
def test_no_push(session: RegistrySession, caplog: pytest.LogCaptureFixture, method: str) -> None:
    """Pulls and deletions write no such line to the log."""
    missing = RepositoryClient(session, "team/none")
    for path in ("/manifests/v1", f"/blobs/{IMAGE.config.digest}"):
        assert missing.request(method, path).status_code == 404
    assert warnings(caplog) == []


def local_host(account: str, region: str) -> str:
    return f"{account}.dkr.ecr.{region}.localhost"


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/blobs/uploads/"), ("GET", "/manifests/v1")]
)
@pytest.mark.parametrize(
    ("account", "region"), [(OTHER_ACCOUNT, "us-east-1"), (ACCOUNT, "eu-west-1")]
)
def test_a_repository_of_another_registry(
    server: Environment,
    caplog: pytest.LogCaptureFixture,
    account: str,
    region: str,
    method: str,
    path: str,
) -> None:
    """A request at the wrong registry is answered with both ways to the right one, also for pulls."""
    server.client(account=account, region=region).create_repository(repositoryName="team/none")
    with server.registry() as session:
        response = RepositoryClient(session, "team/none").request(method, path)
    (error,) = response.json()["errors"]
    assert (response.status_code, error["code"], error["message"]) == (404, "NAME_UNKNOWN", MISSING)
    assert server.endpoint_url
    port = server.endpoint_url.rpartition(":")[2]
    hint = (
        f"team/none is in the registry of account {account} in {region}. "
        f"Log in there with credentials of account {account} "
        f"(aws ecr get-login-password --region {region} --endpoint-url {server.endpoint_url}), "
        f"or name the host {local_host(account, region)}:{port}. If that name does not resolve, "
        f"add this line to /etc/hosts: 127.0.0.1 {local_host(account, region)}"
    )
    assert error["detail"] == {"hint": hint}
    assert warnings(caplog) == [hint]


def test_the_host_of_the_hint(server: Environment) -> None:
    """The host in the hint reaches the repository, by its name and the password of its registry."""
    there = server.client(account=OTHER_ACCOUNT)
    there.create_repository(repositoryName="team/none")
    token = there.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    with RegistrySession(server.registry_url(), token) as session:
        missing = RepositoryClient(session, "team/none")
        assert server.endpoint_url
        port = server.endpoint_url.rpartition(":")[2]
        host = {"Host": f"{local_host(OTHER_ACCOUNT, 'us-east-1')}:{port}"}
        assert missing.get("/tags/list", headers=host).status_code == 200


def test_a_host_of_aws(aws: Environment, ecr: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A client that names a registry by its host gets no hint about others."""
    aws.client(account=OTHER_ACCOUNT).create_repository(repositoryName="team/none")
    host = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com"
    with aws.registry() as session:
        headers = {"Host": host} if aws.endpoint_url else {}
        response = RepositoryClient(session, "team/none").get("/tags/list", headers=headers)
    assert_refused(response, 404, "NAME_UNKNOWN", MISSING)
    assert warnings(caplog) == []


def test_no_hint_while_iam_is_enforced(server: Environment) -> None:
    """If IAM is enforced, repositories of other accounts are not revealed."""
    server.client(account=OTHER_ACCOUNT).create_repository(repositoryName="team/none")
    user = User(server, Action="ecr:*", Resource="*")
    token = enforced(lambda: user.client().get_authorization_token())
    with RegistrySession(
        server.registry_url(), token["authorizationData"][0]["authorizationToken"]
    ) as session:
        missing = RepositoryClient(session, "team/none")
        response = enforced(lambda: missing.get("/tags/list"))
    assert_refused(response, 404, "NAME_UNKNOWN", MISSING)
