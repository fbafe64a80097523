"""Settings for users of other registries: requests without credentials, and pushes that create."""

from __future__ import annotations

import json
from typing import Any

import pytest

import moto_ecr_ext
from moto_ecr_ext.settings import SettingError
from moto_ecr_ext.testing import build_image, pull
from support.constants import ACCOUNT, OTHER_ACCOUNT
from support.environments import Environment
from support.iam import enforced
from support.registry_client import (
    LogIn,
    RegistrySession,
    RepositoryClient,
    assert_token_refused,
    basic,
)
from support.stored import everything_stored

IMAGE = build_image(seed="without login", layers=1)


@pytest.fixture
def anonymous(aws: Environment) -> RegistrySession:
    """A session without credentials, which the server does not require."""
    aws.configure(login="optional")
    return RegistrySession(aws.registry_url())


def test_the_default_registry(aws: Environment, ecr: Any, anonymous: RegistrySession) -> None:
    """Without credentials a client pushes to the default account in the default Region, and pulls from it."""
    ecr.create_repository(repositoryName="app")
    assert anonymous.get("/v2/").status_code == 200
    app = RepositoryClient(anonymous, "app")
    assert app.push(IMAGE, "v1").status_code == 201
    assert app.get("/manifests/v1").content == IMAGE.manifest
    assert anonymous.get("/v2/_catalog").json() == {"repositories": ["app"]}
    assert pull(ecr, "app", "v1").digest == IMAGE.digest


def test_the_default_region(
    aws: Environment, anonymous: RegistrySession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requests without credentials go to the Region of AWS_DEFAULT_REGION."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    aws.client(region="eu-west-1").create_repository(repositoryName="app")
    session = RegistrySession(aws.registry_url(region="eu-west-1"))
    assert session.get("/v2/_catalog").json() == {"repositories": ["app"]}


def test_passwords_are_checked(anonymous: RegistrySession) -> None:
    """A password that is no token is refused."""
    headers = {"Authorization": f"Basic {basic('wrong')}"}
    assert_token_refused(anonymous.get("/v2/", headers=headers))


@pytest.mark.parametrize("authorization", ["Basic", "Bearer token", "Basic !"])
def test_credentials_are_checked(anonymous: RegistrySession, authorization: str) -> None:
    """Wrong credentials are refused."""
    answer = anonymous.get("/v2/", headers={"Authorization": authorization})
    assert (answer.status_code, answer.text) == (401, "Not Authorized\n")


def test_who_is_logged_in(aws: Environment, anonymous: RegistrySession, log_in: LogIn) -> None:
    """Credentials select their own registry, as without the setting."""
    aws.client(account=OTHER_ACCOUNT).create_repository(repositoryName="theirs")
    assert log_in(account=OTHER_ACCOUNT).get("/v2/_catalog").json() == {"repositories": ["theirs"]}
    assert anonymous.get("/v2/_catalog").json() == {"repositories": []}


@pytest.mark.parametrize(
    ("account", "region"), [(OTHER_ACCOUNT, "us-east-1"), (ACCOUNT, "eu-west-1")]
)
def test_the_host_of_another_registry(
    aws: Environment, anonymous: RegistrySession, account: str, region: str
) -> None:
    """The host of another registry asks for credentials, so that clients send them."""
    host = f"{account}.dkr.ecr.{region}.amazonaws.com"
    url = aws.endpoint_url or f"https://{host}"
    answer = anonymous.get(f"{url}/v2/", headers={"Host": host})
    assert (answer.status_code, answer.text) == (401, "Not Authorized\n")


def test_where_iam_is_enforced(anonymous: RegistrySession) -> None:
    """A request without credentials is refused while IAM is enforced."""
    answer = enforced(lambda: anonymous.get("/v2/_catalog"))
    assert (answer.status_code, answer.text) == (401, "Not Authorized\n")


def test_it_is_required_by_default(aws: Environment) -> None:
    """A login is required by default, as on AWS."""
    assert RegistrySession(aws.registry_url()).get("/v2/").status_code == 401


@pytest.fixture
def app(aws: Environment, session: RegistrySession) -> RepositoryClient:
    """A repository that does not exist, and is created when it is pushed to, without a template."""
    aws.configure(create_on_push="always")
    return RepositoryClient(session, "team/app")


@pytest.mark.parametrize("value", ["never", ""])
@pytest.mark.parametrize("name", ["login", "create_on_push"])
def test_other_values(name: str, value: str) -> None:
    """Other values are refused when they are set."""
    with pytest.raises(
        SettingError, match=rf"install\({name}=\.\.\.\) is '{value}'; it must be one of"
    ):
        moto_ecr_ext.install(**{name: value})


def repositories(ecr: Any) -> list[str]:
    return [each["repositoryName"] for each in ecr.describe_repositories()["repositories"]]


def test_a_push_creates(ecr: Any, app: RepositoryClient) -> None:
    """The repository of a push has the settings of CreateRepository without parameters."""
    app.push(IMAGE, "v1")
    [made] = ecr.describe_repositories()["repositories"]
    other = ecr.create_repository(repositoryName="other")["repository"]
    differ = ("createdAt", "repositoryArn", "repositoryName", "repositoryUri")
    assert {name: value for name, value in made.items() if name not in differ} == {
        name: value for name, value in other.items() if name not in differ
    }
    assert pull(ecr, "team/app", "v1").digest == IMAGE.digest


def test_a_template_counts(ecr: Any, app: RepositoryClient) -> None:
    """A template for pushes sets the properties of the repository."""
    ecr.create_repository_creation_template(
        prefix="team", appliedFor=["CREATE_ON_PUSH"], imageTagMutability="IMMUTABLE"
    )
    app.push(IMAGE, "v1")
    [made] = ecr.describe_repositories()["repositories"]
    assert made["imageTagMutability"] == "IMMUTABLE"


def test_a_pull_creates_nothing(ecr: Any, app: RepositoryClient) -> None:
    """A GET of a manifest and a HEAD of a blob create no repository."""
    before = everything_stored()
    for method, path in (("GET", "/manifests/v1"), ("HEAD", f"/blobs/{IMAGE.digest}")):
        assert app.request(method, path).status_code == 404
    assert everything_stored() == before


def test_another_account_needs_permission(
    aws: Environment, ecr: Any, app: RepositoryClient
) -> None:
    """The registry's policy must allow another account to create the repository."""
    token = aws.client(account=OTHER_ACCOUNT).get_authorization_token(registryIds=[ACCOUNT])
    guest = RepositoryClient(
        RegistrySession(aws.registry_url(), token["authorizationData"][0]["authorizationToken"]),
        "team/app",
    )
    assert guest.post("/blobs/uploads/").status_code == 403
    assert repositories(ecr) == []
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{OTHER_ACCOUNT}:root"},
        "Action": "ecr:*",
        "Resource": "*",
    }
    ecr.put_registry_policy(
        policyText=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    )
    assert guest.post("/blobs/uploads/").status_code == 202


def test_a_push_without_repository_and_login(aws: Environment, ecr: Any) -> None:
    """A push without a repository and without a login works at once."""
    aws.configure(login="optional", create_on_push="always")
    app = RepositoryClient(RegistrySession(aws.registry_url()), "app")
    assert app.push(IMAGE, "v1").status_code == 201
    assert repositories(ecr) == ["app"]
