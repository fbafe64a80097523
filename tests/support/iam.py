"""Users and sessions of moto's IAM, and its enforcement."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

import boto3
from moto.core import set_initial_no_auth_action_count

from support.constants import ACCOUNT
from support.environments import Environment

T = TypeVar("T")


def enforced(call: Callable[[], T], after: int = 0) -> T:
    """Make calls while IAM is enforced, from the request after the first `after` on."""
    result: T = set_initial_no_auth_action_count(after)(call)()
    return result


def document(*statements: dict[str, Any]) -> str:
    """A policy; a statement allows unless it says otherwise."""
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", **each} for each in statements],
        }
    )


def client_of(aws: Environment, key_id: str, secret: str, token: str | None = None) -> Any:
    """A client of ECR with such a key."""
    return boto3.client(
        "ecr",
        region_name="us-east-1",
        endpoint_url=aws.endpoint_url,
        aws_access_key_id=key_id,
        aws_secret_access_key=secret,
        aws_session_token=token,
    )


class User:
    """A user of moto's IAM with a policy of one statement."""

    arn = f"arn:aws:iam::{ACCOUNT}:user/builder"

    def __init__(self, aws: Environment, account: str = ACCOUNT, **statement: Any):
        self._aws = aws
        self.arn = f"arn:aws:iam::{account}:user/builder"
        self.iam = aws.client("iam", account=account)
        self.iam.create_user(UserName="builder")
        if statement:
            self.allow(statement)
        self.key = self.iam.create_access_key(UserName="builder")["AccessKey"]

    def allow(self, *statements: dict[str, Any]) -> None:
        """Have these statements in place of those before."""
        self.iam.put_user_policy(
            UserName="builder", PolicyName="policy", PolicyDocument=document(*statements)
        )

    def client(self, secret: str | None = None, key_id: str | None = None) -> Any:
        """A client with the user's key, or with another key or secret."""
        return client_of(
            self._aws, key_id or self.key["AccessKeyId"], secret or self.key["SecretAccessKey"]
        )


class Role:
    """A role of moto's IAM with a policy of one statement, and a session of it."""

    def __init__(self, aws: Environment, account: str = ACCOUNT, **statement: Any):
        self._aws = aws
        self.session_arn = f"arn:aws:sts::{account}:assumed-role/builder/session"
        iam = aws.client("iam", account=account)
        role = iam.create_role(
            RoleName="builder",
            Path="/ci/",
            AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": []}),
        )["Role"]
        self.arn = role["Arn"]
        if statement:
            iam.put_role_policy(
                RoleName="builder", PolicyName="policy", PolicyDocument=document(statement)
            )
        self._credentials = aws.client("sts", account=account).assume_role(
            RoleArn=role["Arn"], RoleSessionName="session"
        )["Credentials"]

    def client(self) -> Any:
        """A client with the session's key."""
        return client_of(
            self._aws,
            self._credentials["AccessKeyId"],
            self._credentials["SecretAccessKey"],
            self._credentials["SessionToken"],
        )
