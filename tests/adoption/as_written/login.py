"""The login, as moto lets a team write its tests."""

import base64

import pytest
from login import command, logins, needs_login

HOST = "123456789012.dkr.ecr.us-east-1.amazonaws.com"


def test_the_command(ecr):
    assert command(ecr)[-2:] == ["123456789012-auth-token", HOST]


def test_another_account(ecr):
    assert [password for _, password in logins(ecr, "999")] == ["999-auth-token"]


def test_several_accounts(ecr):
    accounts = ["111111111111", "222222222222"]
    assert [host.partition(".")[0] for host, _ in logins(ecr, *accounts)] == accounts


def test_an_old_token_is_renewed(ecr):
    assert needs_login(ecr)


def test_the_user_is_aws(ecr):
    [data] = ecr.get_authorization_token()["authorizationData"]
    assert base64.b64decode(data["authorizationToken"]).startswith(b"AWS:")


def test_a_registry_without_the_repository(ecr):
    with pytest.raises(ecr.exceptions.RepositoryNotFoundException):
        ecr.list_images(repositoryName="app", registryId="123")
