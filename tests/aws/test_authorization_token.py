"""GetAuthorizationToken: whose token it is, for which registry, until when."""

from __future__ import annotations

import base64
import re
import time
from typing import Any

import boto3
import pytest
import requests
from freezegun import freeze_time

from support.constants import ACCOUNT, OTHER_ACCOUNT, REGION
from support.refusals import Refusal, invalid, refusal


def tokens(ecr: Any, **request: Any) -> list[dict[str, Any]]:
    """The login that was issued, with the password instead of the token."""
    data = ecr.get_authorization_token(**request)["authorizationData"]
    for each in data:
        user, _, password = base64.b64decode(each.pop("authorizationToken")).decode().partition(":")
        assert user == "AWS"
        each["password"] = password
    result: list[dict[str, Any]] = data
    return result


def ping(url: str, password: str) -> int:
    """The status of the registry's answer to a client that logs in."""
    response = requests.get(f"{url}/v2/", auth=("AWS", password), timeout=60)
    return response.status_code


def test_a_token_for_the_caller_s_registry(aws: Any, ecr: Any) -> None:
    """The token is for user AWS, and valid for twelve hours from now."""
    [token] = tokens(ecr)
    assert token["expiresAt"].timestamp() == pytest.approx(time.time() + 12 * 3600, abs=60)
    assert token["proxyEndpoint"] == "https://123456789012.dkr.ecr.us-east-1.amazonaws.com"
    assert ping(aws.registry_url(), token["password"]) == 200


def test_a_token_expires(aws: Any, ecr: Any) -> None:
    """A token expires after twelve hours of the clock that freezegun sets."""
    with freeze_time("2026-01-01 00:00:00", ignore=["urllib3"]) as clock:
        [token] = tokens(ecr)
        assert token["expiresAt"].timestamp() == 1767225600 + 12 * 3600
        clock.move_to("2026-01-01 11:59:59")
        assert ping(aws.registry_url(), token["password"]) == 200
        clock.move_to("2026-01-01 12:00:00")
        assert ping(aws.registry_url(), token["password"]) == 403


@pytest.mark.parametrize(
    ("region", "suffix"),
    [
        ("eu-west-1", "amazonaws.com"),
        ("cn-north-1", "amazonaws.com.cn"),
        ("us-gov-west-1", "amazonaws.com"),
        ("us-iso-east-1", "c2s.ic.gov"),
    ],
)
def test_the_endpoint_has_the_partition_s_suffix(aws: Any, region: str, suffix: str) -> None:
    """The proxy endpoint and the repository's URI have the suffix of the partition."""
    ecr = aws.client(region=region)
    [token] = tokens(ecr)
    host = f"123456789012.dkr.ecr.{region}.{suffix}"
    assert token["proxyEndpoint"] == f"https://{host}"
    repository = ecr.create_repository(repositoryName="team/app")["repository"]
    assert repository["repositoryUri"] == f"{host}/team/app"


def test_tokens_for_several_registries(aws: Any, ecr: Any) -> None:
    """Each registry has one token, in the order of the request."""
    accounts = [OTHER_ACCOUNT, ACCOUNT]
    data = tokens(ecr, registryIds=accounts)
    assert [each["proxyEndpoint"] for each in data] == [
        f"https://{account}.dkr.ecr.us-east-1.amazonaws.com" for account in accounts
    ]
    for account, each in zip(accounts, data, strict=True):
        assert ping(aws.registry_url(account), each["password"]) == 200


def test_tokens_differ(ecr: Any) -> None:
    """Tokens differ, except two for one registry at the same moment."""
    ids = [ACCOUNT, OTHER_ACCOUNT]
    assert len({each["password"] for each in tokens(ecr, registryIds=ids)}) == 2


@pytest.mark.parametrize("registry_id", ["12345", "1234567890123", "abcdefghijkl", "١٢٣٤٥٦٧٨٩٠١٢"])
def test_identifiers_that_are_no_account(ecr: Any, registry_id: str) -> None:
    """Identifiers that are no account are refused: https://github.com/aws-actions/amazon-ecr-login/issues/225"""
    assert refusal(ecr.get_authorization_token, registryIds=[ACCOUNT, registry_id]) == invalid(
        "registryIds",
        "Member must satisfy constraint: "
        "[Member must satisfy regular expression pattern: [0-9]{12}]",
    )


def test_at_most_ten_registries(ecr: Any) -> None:
    """More than ten registries are refused: the model's limit."""
    assert refusal(ecr.get_authorization_token, registryIds=[ACCOUNT] * 11) == Refusal(
        "InvalidParameterException",
        "Invalid parameter at 'registryIds' failed to satisfy constraint: "
        "'Member must have length less than or equal to 10'",
    )


def test_the_endpoint_may_be_the_server_s(aws: Any, ecr: Any) -> None:
    """With the setting `repository_uri`, the endpoint is an address that clients log in to unchanged."""
    aws.configure(repository_uri="endpoint")
    [token] = tokens(ecr)
    expected = aws.endpoint_url or "https://123456789012.dkr.ecr.us-east-1.amazonaws.com"
    assert token["proxyEndpoint"] == expected
    repository = ecr.create_repository(repositoryName="team/app")["repository"]
    assert repository["repositoryUri"] == f"{expected.partition('://')[2]}/team/app"


def test_the_password_can_be_pasted(ecr: Any) -> None:
    """It is short, and no character of it means anything to a shell. AWS's has several kilobytes.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html promises no form.
    """
    [token] = tokens(ecr)
    assert len(token["password"]) < 60
    assert re.fullmatch(r"[\w.-]+", token["password"], re.ASCII)


def test_the_token_of_a_session_has_one_colon(aws: Any) -> None:
    """The AWS CDK splits a token at each colon: the password of a role's session has none, and logs in."""
    role = aws.client("iam").create_role(RoleName="images", AssumeRolePolicyDocument="{}")["Role"]
    session = aws.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="cdk")
    credentials = session["Credentials"]
    ecr = boto3.client(
        "ecr",
        region_name=REGION,
        endpoint_url=aws.endpoint_url,
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
    )
    [token] = tokens(ecr)
    assert "%" not in token["password"]
    assert ":" not in token["password"]
    assert len(token["password"]) < 80
    assert ping(aws.registry_url(), token["password"]) == 200
