"""Settings that require less than AWS does: they are reported at the start, and refused if other machines could use
them.
"""

from __future__ import annotations

import re
from typing import Any

import boto3
import pytest
import requests

from support.commands import PATIENCE, Command, Server, running_server
from support.constants import ACCOUNT

OTHER = "111122223333"
LOGIN = f"Login is optional: a request without credentials is account {ACCOUNT} in us-east-1."
CREATION = "A push creates its repository."
KEYS = "An access key ID of twelve digits is the account that calls."


def test_nothing_is_said_by_default() -> None:
    """/v2/ asks for credentials by default, as on AWS, and no warning is printed."""
    with running_server() as server:
        assert requests.get(f"{server.url}/v2/", timeout=PATIENCE).status_code == 401
    for line in (LOGIN, CREATION, KEYS):
        assert line not in server.command.output


@pytest.mark.parametrize(
    ("arguments", "variables"),
    [
        (["--login", "optional", "--create-on-push", "always", "--account-from-key"], {}),
        (
            ["--account-from-key=true"],
            {"MOTO_ECR_LOGIN": "optional", "MOTO_ECR_CREATE_ON_PUSH": "always"},
        ),
    ],
)
def test_what_is_on_is_said(arguments: list[str], variables: dict[str, str]) -> None:
    """The start reports the settings of flags and variables; a push works at once."""
    with running_server(*arguments, **variables) as server:
        answer = requests.post(f"{server.url}/v2/app/blobs/uploads/", timeout=PATIENCE)
        assert answer.status_code == 202
    lines = server.command.output.splitlines()
    assert {LOGIN, CREATION, KEYS} <= set(lines)


@pytest.mark.parametrize("name", ["moto_ecr_server", "moto_ecr_proxy"])
def test_it_is_said_with_quiet_too(name: str) -> None:
    """`--quiet` keeps the warnings."""
    flags = ["--port", "0", "--quiet", "--login", "optional", "--create-on-push", "always"]
    with Command(name, *flags) as command:
        for line in (LOGIN, CREATION):
            command.wait_for(f" WARNING {re.escape(line)}$")


@pytest.mark.parametrize(
    ("command", "arguments", "named"),
    [
        ("moto_ecr_server", ["--login", "optional"], "--login optional"),
        ("moto_ecr_server", ["--create-on-push", "always"], "--create-on-push always"),
        (
            "moto_ecr_proxy",
            ["--login", "optional", "--create-on-push", "always"],
            "--login optional and --create-on-push always",
        ),
    ],
)
@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_other_machines(
    command: str, arguments: list[str], named: str, host: str, tmp_path: Any
) -> None:
    """An address that other machines reach is refused, before anything is created."""
    data = tmp_path / "registry"
    with Command(
        command, "--port", "0", "--host", host, "--data-dir", str(data), *arguments
    ) as refused:
        assert refused.wait() == 2
    assert refused.output == (
        f"{command}: --host {host} can be reached from other machines. "
        f"To let them push and pull with {named}, give --anonymous-network too.\n"
    )
    assert not data.exists()


@pytest.mark.parametrize(
    ("arguments", "variables"),
    [(["--anonymous-network"], {}), ([], {"MOTO_ECR_ANONYMOUS_NETWORK": "true"})],
)
def test_other_machines_that_may(arguments: list[str], variables: dict[str, str]) -> None:
    """With the flag or the variable the server starts on that address, and accepts requests without credentials."""
    with running_server("--host", "0.0.0.0", "--login", "optional", *arguments, **variables) as it:
        assert requests.get(f"{it.url}/v2/", timeout=PATIENCE).status_code == 200


def client(server: Server, service: str, key: str) -> Any:
    return boto3.client(
        service,
        region_name="us-east-1",
        endpoint_url=server.url,
        aws_access_key_id=key,
        aws_secret_access_key="test",
    )


def test_an_account_from_a_key() -> None:
    """A key selects the account in every service; other keys, and presigned URLs, work as before."""
    with running_server("--account-from-key") as server:
        for key, account in ((OTHER, OTHER), ("test", ACCOUNT), ("1111222233334", ACCOUNT)):
            assert client(server, "sts", key).get_caller_identity()["Account"] == account
        client(server, "sqs", OTHER).create_queue(QueueName="theirs")
        assert "QueueUrls" not in client(server, "sqs", "test").list_queues()
        assert OTHER in client(server, "sqs", OTHER).list_queues()["QueueUrls"][0]
        ecr = client(server, "ecr", OTHER)
        repository = ecr.create_repository(repositoryName="app")["repository"]
        assert repository["registryId"] == OTHER
        (login,) = ecr.get_authorization_token()["authorizationData"]
        headers = {"Authorization": f"Basic {login['authorizationToken']}"}
        listed = requests.get(f"{server.url}/v2/_catalog", headers=headers, timeout=PATIENCE)
        assert listed.json() == {"repositories": ["app"]}
        s3 = client(server, "s3", OTHER)
        s3.create_bucket(Bucket="theirs")
        s3.put_object(Bucket="theirs", Key="key", Body=b"content")
        url = s3.generate_presigned_url("get_object", {"Bucket": "theirs", "Key": "key"})
        assert requests.get(url, timeout=PATIENCE).content == b"content"


def test_keys_are_keys_by_default() -> None:
    """A key selects no account by default, as in stock moto."""
    with running_server() as server:
        assert client(server, "sts", OTHER).get_caller_identity()["Account"] == ACCOUNT


def test_one_account_for_all() -> None:
    """MOTO_ACCOUNT_ID overrides every key in moto, and the start says so."""
    with Command(
        *("moto_ecr_server", "--port", "0", "--account-from-key"), MOTO_ACCOUNT_ID=OTHER
    ) as command:
        assert command.wait() == 2
    assert command.output == (
        "moto_ecr_server: --account-from-key has no effect while MOTO_ACCOUNT_ID says which account calls. "
        "Unset one of the two.\n"
    )
