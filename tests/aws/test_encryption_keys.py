"""Keys of repositories where moto's KMS has keys: which are taken, and how the others are refused.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_EncryptionConfiguration.html and
https://docs.aws.amazon.com/AmazonECR/latest/userguide/encryption-at-rest.html. AWS's messages of KmsException are not
known; these are KMS's own, with its codes.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.constants import ACCOUNT, OTHER_ACCOUNT
from support.stored import everything_stored

KEY_ID = "1b2c3d4e-0000-4000-8000-000000000000"
ARN = f"arn:aws:kms:us-east-1:{ACCOUNT}:"


@pytest.fixture
def key(aws: Any) -> dict[str, Any]:
    """A key that a user has made, with the alias `alias/images`."""
    kms = aws.client("kms")
    key: dict[str, Any] = kms.create_key()["KeyMetadata"]
    kms.create_alias(AliasName="alias/images", TargetKeyId=key["KeyId"])
    return key


def create(ecr: Any, key: str | None) -> Any:
    given = {} if key is None else {"kmsKey": key}
    return ecr.create_repository(
        repositoryName="team/app", encryptionConfiguration={"encryptionType": "KMS", **given}
    )["repository"]["encryptionConfiguration"]["kmsKey"]


def refused(call: Callable[[], Any]) -> tuple[str, str]:
    """KMS's code and message, in the exception of ECR that its model has. Nothing changes."""
    before = everything_stored()
    with pytest.raises(ClientError) as caught:
        call()
    response: Any = caught.value.response
    assert type(caught.value).__name__ == response["Error"]["Code"] == "KmsException"
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert everything_stored() == before
    return response["kmsError"], response["Error"]["Message"]


@pytest.mark.parametrize("form", ["{KeyId}", "{Arn}", "alias/images", ARN + "alias/images"])
def test_a_key_that_exists_is_answered_by_its_arn(aws: Any, ecr: Any, key: Any, form: str) -> None:
    """The answer has the ARN of the key, in whatever form the key is given."""
    assert create(ecr, form.format(**key)) == key["Arn"]


@pytest.mark.parametrize(
    ("given", "code", "message"),
    [
        (KEY_ID, "NotFoundException", f"Key '{ARN}key/{KEY_ID}' does not exist"),
        (f"{ARN}key/{KEY_ID}", "NotFoundException", f"Key '{ARN}key/{KEY_ID}' does not exist"),
        ("alias/image", "NotFoundException", f"Alias {ARN}alias/image is not found."),
        (f"{ARN}alias/none", "NotFoundException", f"Alias {ARN}alias/none is not found."),
        (
            f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/{KEY_ID}",
            "InvalidArnException",
            "Invalid arn eu-west-1",
        ),
        ("arn:aws:s3:::bucket", "InvalidArnException", "Invalid arn arn:aws:s3:::bucket"),
    ],
)
def test_a_key_that_does_not_exist(
    aws: Any, ecr: Any, key: Any, given: str, code: str, message: str
) -> None:
    """The text for a missing key is KMS's: https://github.com/boto/botocore/issues/2107."""
    assert refused(lambda: create(ecr, given)) == (code, message)


def test_a_key_of_another_region(aws: Any, ecr: Any) -> None:
    """A key of another Region is refused, also if this Region has no keys."""
    key = aws.client("kms", region="eu-west-1").create_key()["KeyMetadata"]["Arn"]
    assert refused(lambda: create(ecr, key)) == ("InvalidArnException", "Invalid arn eu-west-1")
    assert create(aws.client(region="eu-west-1"), key) == key


def test_a_key_of_another_account(aws: Any, ecr: Any, key: Any) -> None:
    """The key is looked up in its own account."""
    made_up = f"arn:aws:kms:us-east-1:{OTHER_ACCOUNT}:key/{KEY_ID}"
    assert create(ecr, made_up) == made_up
    ecr.delete_repository(repositoryName="team/app")
    other = aws.client("kms", account=OTHER_ACCOUNT).create_key()["KeyMetadata"]["Arn"]
    assert refused(lambda: create(ecr, made_up)) == (
        "NotFoundException",
        f"Key '{made_up}' does not exist",
    )
    assert create(ecr, other) == other


def test_a_key_that_cannot_be_used(aws: Any, ecr: Any, key: Any) -> None:
    """A key that is disabled, or scheduled for deletion, is refused. Repositories that have the key stay."""
    kms = aws.client("kms")
    ecr.create_repository(
        repositoryName="before",
        encryptionConfiguration={"encryptionType": "KMS", "kmsKey": key["KeyId"]},
    )
    kms.disable_key(KeyId=key["KeyId"])
    assert refused(lambda: create(ecr, "alias/images")) == (
        "DisabledException",
        f"{key['Arn']} is disabled.",
    )
    kms.schedule_key_deletion(KeyId=key["KeyId"], PendingWindowInDays=7)
    assert refused(lambda: create(ecr, key["Arn"])) == (
        "KMSInvalidStateException",
        f"{key['Arn']} is pending deletion.",
    )
    [repository] = ecr.describe_repositories()["repositories"]
    assert repository["encryptionConfiguration"]["kmsKey"] == key["Arn"]
    ecr.delete_repository(repositoryName="before")


@pytest.mark.parametrize("given", [None, "alias/aws/ecr", ARN + "alias/aws/ecr"])
def test_the_key_that_aws_manages_is_always_there(
    aws: Any, ecr: Any, key: Any, given: str | None
) -> None:
    """The key that AWS manages exists without being created."""
    assert create(ecr, given).startswith(f"{ARN}key/")


def test_keys_that_aws_manages_say_nothing_of_others(aws: Any, ecr: Any) -> None:
    """moto creates AWS's managed keys when they are asked for; they do not count as keys of a user."""
    aws.client("kms").describe_key(KeyId="alias/aws/s3")
    assert create(ecr, KEY_ID) == f"{ARN}key/{KEY_ID}"


def test_a_template_with_a_key_that_does_not_exist(aws: Any, ecr: Any, key: Any) -> None:
    """The template is accepted: its key is needed only when a repository is created."""
    ecr.create_repository_creation_template(
        prefix="team",
        appliedFor=["PULL_THROUGH_CACHE"],
        encryptionConfiguration={"encryptionType": "KMS", "kmsKey": f"{ARN}key/{KEY_ID}"},
    )


def test_a_stack_with_a_key_that_does_not_exist(aws: Any, ecr: Any, key: Any) -> None:
    """A stack is refused as CreateRepository is if its key does not exist."""
    template = {
        "Resources": {
            "Repository": {
                "Type": "AWS::ECR::Repository",
                "Properties": {
                    "EncryptionConfiguration": {"EncryptionType": "KMS", "KmsKey": KEY_ID}
                },
            }
        }
    }
    with pytest.raises(ClientError) as caught:
        aws.client("cloudformation").create_stack(
            StackName="images", TemplateBody=json.dumps(template)
        )
    assert "does not exist" in caught.value.response["Error"]["Message"]
    assert ecr.describe_repositories()["repositories"] == []
