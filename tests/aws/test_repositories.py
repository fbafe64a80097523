"""CreateRepository, DescribeRepositories, DeleteRepository."""

from __future__ import annotations

import base64
import json
import re
import time
from typing import Any

import pytest

from moto_ecr_ext import service_model, testing
from support.constants import ACCOUNT
from support.refusals import Refusal, invalid, no_repository, refusal
from support.stored import everything_stored

ARN = "arn:aws:ecr:us-east-1:123456789012:repository/team/app"
URI = "123456789012.dkr.ecr.us-east-1.amazonaws.com/team/app"
IMAGE = testing.build_image(layers=1)
KEYS = "arn:aws:kms:us-east-1:123456789012:key/"
KEY_ID = "1b2c3d4e-0000-4000-8000-000000000000"


def test_a_new_repository_has_ecr_s_defaults(ecr: Any) -> None:
    """A new repository is MUTABLE, not scanned on push, and has AES256; its object omits resource tags."""
    before = time.time()
    created = ecr.create_repository(repositoryName="team/app")["repository"]
    assert before - 1 < created.pop("createdAt").timestamp() < time.time() + 1
    assert created == {
        "repositoryArn": ARN,
        "registryId": ACCOUNT,
        "repositoryName": "team/app",
        "repositoryUri": URI,
        "imageTagMutability": "MUTABLE",
        "imageScanningConfiguration": {"scanOnPush": False},
        "encryptionConfiguration": {"encryptionType": "AES256"},
    }


def test_what_a_repository_is_created_with(ecr: Any) -> None:
    """DescribeRepositories shows everything that was given, and ListTagsForResource the tags."""
    filters = [{"filterType": "WILDCARD", "filter": "dev-*"}]
    created = ecr.create_repository(
        repositoryName="team/app",
        registryId=ACCOUNT,
        tags=[{"Key": "owner", "Value": "team"}],
        imageTagMutability="IMMUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters=filters,
        imageScanningConfiguration={"scanOnPush": True},
        encryptionConfiguration={"encryptionType": "KMS_DSSE", "kmsKey": KEYS + KEY_ID},
    )["repository"]
    assert created["imageTagMutability"] == "IMMUTABLE_WITH_EXCLUSION"
    assert created["imageTagMutabilityExclusionFilters"] == filters
    assert created["imageScanningConfiguration"] == {"scanOnPush": True}
    assert created["encryptionConfiguration"] == {
        "encryptionType": "KMS_DSSE",
        "kmsKey": KEYS + KEY_ID,
    }
    assert ecr.describe_repositories()["repositories"] == [created]
    tags = ecr.list_tags_for_resource(resourceArn=ARN)["tags"]
    assert tags == [{"Key": "owner", "Value": "team"}]


def test_a_name_is_taken_once(ecr: Any, repository_name: str) -> None:
    """A second request with the same name is refused, whatever its settings."""
    before = everything_stored()
    assert refusal(ecr.create_repository, repositoryName=repository_name) == Refusal(
        "RepositoryAlreadyExistsException",
        "The repository with name 'team/app' already exists in the registry with id '123456789012'",
    )
    assert everything_stored() == before


def test_a_deleted_name_may_be_taken_again(ecr: Any, repository_name: str) -> None:
    """A repository under the name of a deleted one has nothing of the old one."""
    testing.push(ecr, repository_name, IMAGE, tag="1")
    ecr.tag_resource(resourceArn=ARN, tags=[{"Key": "owner", "Value": "team"}])
    ecr.delete_repository(repositoryName=repository_name, force=True)
    ecr.create_repository(repositoryName=repository_name)
    assert ecr.list_images(repositoryName=repository_name)["imageIds"] == []
    assert ecr.list_tags_for_resource(resourceArn=ARN)["tags"] == []
    digest = IMAGE.layers[0].digest
    [layer] = ecr.batch_check_layer_availability(
        repositoryName=repository_name, layerDigests=[digest]
    )["layers"]
    assert layer["layerAvailability"] == "UNAVAILABLE"


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        pytest.param(KEY_ID, KEYS + KEY_ID, id="id"),
        pytest.param(KEYS + KEY_ID, KEYS + KEY_ID, id="arn"),
        pytest.param(
            "arn:aws:kms:us-east-1:999999999999:key/mrk-1",
            "arn:aws:kms:us-east-1:999999999999:key/mrk-1",
            id="arn in another account",
        ),
    ],
)
def test_a_kms_key_is_shown_by_its_arn(ecr: Any, given: str, shown: str) -> None:
    """The key is shown by its ARN, in whatever form it was given:
    https://docs.aws.amazon.com/AmazonECR/latest/userguide/encryption-at-rest.html
    """
    repository = ecr.create_repository(
        repositoryName="team/app",
        encryptionConfiguration={"encryptionType": "KMS", "kmsKey": given},
    )["repository"]
    assert repository["encryptionConfiguration"]["kmsKey"] == shown


@pytest.mark.parametrize("prefix", ["", "arn:aws:kms:us-east-1:123456789012:"])
def test_an_alias_is_that_of_moto_s_kms(aws: Any, ecr: Any, prefix: str) -> None:
    """The ARN of an alias's key is shown and kept, also if the alias later means another key."""
    kms = aws.client("kms")
    keys = [kms.create_key()["KeyMetadata"] for _ in range(2)]
    kms.create_alias(AliasName="alias/images", TargetKeyId=keys[0]["KeyId"])
    repository = ecr.create_repository(
        repositoryName="team/app",
        encryptionConfiguration={"encryptionType": "KMS", "kmsKey": f"{prefix}alias/images"},
    )["repository"]
    assert repository["encryptionConfiguration"]["kmsKey"] == keys[0]["Arn"]
    kms.update_alias(AliasName="alias/images", TargetKeyId=keys[1]["KeyId"])
    assert ecr.describe_repositories()["repositories"] == [repository]


def test_without_a_key_it_is_the_account_s_managed_one(ecr: Any) -> None:
    """Without a key the repository has the account's managed one, which is also `alias/aws/ecr`; another alias is
    another key.
    """
    keys = [
        ecr.create_repository(
            repositoryName=f"app-{number}",
            encryptionConfiguration={"encryptionType": "KMS", **key},
        )["repository"]["encryptionConfiguration"]["kmsKey"]
        for number, key in enumerate(
            [{}, {}, {"kmsKey": "alias/aws/ecr"}, {"kmsKey": "alias/not-in-kms"}]
        )
    ]
    assert keys[0] == keys[1] == keys[2] != keys[3]
    assert all(key.startswith(KEYS) for key in keys)


def test_a_key_goes_with_kms_alone(ecr: Any) -> None:
    """A key is refused with AES256."""
    encryption = {"encryptionType": "AES256", "kmsKey": KEY_ID}
    assert refusal(
        ecr.create_repository, repositoryName="team/app", encryptionConfiguration=encryption
    ) == invalid(
        "encryptionConfiguration",
        "Invalid encryption configuration: Encryption key should not be set for AES256 encryption.",
    )
    assert ecr.describe_repositories()["repositories"] == []


def _pattern_of_names() -> str:
    """That of botocore's model, which has been widened once."""
    operation = service_model.operation("CreateRepository")
    assert operation is not None
    return str(operation.input_shape.members["repositoryName"].metadata["pattern"])


@pytest.mark.parametrize(
    "name",
    ["Team/app", "team//app", "/team", "team/", "-app", "app-", "a..b", "a.-b", "a___b", "é1"],
)
def test_names_that_ecr_does_not_take(ecr: Any, name: str) -> None:
    """A name that ECR refuses has the pattern in the message."""
    printed = _pattern_of_names().replace(r"\/", "/")
    assert refusal(ecr.create_repository, repositoryName=name) == invalid(
        "repositoryName", f"must satisfy regular expression '{printed}'"
    )


@pytest.mark.parametrize("name", ["ab", "a--b", "a__b/c.d-e_f", "0/1/2", "a" * 256])
def test_names_that_ecr_takes(ecr: Any, name: str) -> None:
    """Valid names are shown unchanged, also in the ARN."""
    if not re.fullmatch(_pattern_of_names(), name):
        pytest.skip("botocore's model is older than these names")
    repository = ecr.create_repository(repositoryName=name)["repository"]
    assert repository["repositoryName"] == name
    assert repository["repositoryArn"] == ARN.replace("team/app", name)


def test_repositories_are_listed_by_name(ecr: Any) -> None:
    """Repositories are listed by name, in pages of the requested size; the last page has no token."""
    names = [f"app-{number:03}" for number in range(7)]
    for name in reversed(names):
        ecr.create_repository(repositoryName=name)
    pages, token = [], {}
    while True:
        answer = ecr.describe_repositories(maxResults=3, **token)
        pages.append([each["repositoryName"] for each in answer["repositories"]])
        if "nextToken" not in answer:
            break
        token = {"nextToken": answer["nextToken"]}
    assert pages == [names[:3], names[3:6], names[6:]]
    assert "failures" not in answer


def test_a_page_has_a_hundred_repositories(ecr: Any) -> None:
    """`maxResults` changes the size of a page; botocore's paginator returns all repositories."""
    for number in range(101):
        ecr.create_repository(repositoryName=f"app-{number:03}")
    answer = ecr.describe_repositories()
    assert len(answer["repositories"]) == 100
    assert len(ecr.describe_repositories(maxResults=1000)["repositories"]) == 101
    pages = ecr.get_paginator("describe_repositories").paginate()
    assert len(pages.build_full_result()["repositories"]) == 101


def test_a_page_that_is_just_full_is_the_last(ecr: Any) -> None:
    """No token leads to an empty page."""
    for name in ("app-1", "app-2"):
        ecr.create_repository(repositoryName=name)
    assert "nextToken" not in ecr.describe_repositories(maxResults=2)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("garbage", id="garbage"),
        pytest.param(["repositories", [1]], id="position is a number"),
        pytest.param(["repositories", ["\ud800"]], id="half of a surrogate pair"),
        pytest.param(["repositories", ["a\0"]], id="NUL"),
        pytest.param(["DescribeImages/1", ["app"]], id="another listing"),
    ],
)
def test_tokens_that_were_never_returned(ecr: Any, repository_name: str, content: object) -> None:
    """Tokens that ECR did not return are refused, also well-formed ones."""
    token = base64.urlsafe_b64encode(json.dumps(content).encode()).decode()
    assert refusal(ecr.describe_repositories, nextToken=token) == invalid(
        "nextToken", "Invalid continuation token"
    )


def test_named_repositories_come_in_the_order_asked_for(ecr: Any) -> None:
    """Named repositories are returned in the order of the request, each once."""
    for name in ("app-1", "app-2", "app-3"):
        ecr.create_repository(repositoryName=name)
    answer = ecr.describe_repositories(repositoryNames=["app-3", "app-1", "app-3"])
    assert [each["repositoryName"] for each in answer["repositories"]] == ["app-3", "app-1"]
    assert "nextToken" not in answer


def test_one_missing_name_fails_the_call(ecr: Any, repository_name: str) -> None:
    """A call fails with the first missing name."""
    names = [repository_name, "not-here", "nor-here"]
    assert refusal(ecr.describe_repositories, repositoryNames=names) == no_repository("not-here")


@pytest.mark.parametrize(
    "paging", [{"maxResults": 1}, {"nextToken": "x"}], ids=["maxResults", "nextToken"]
)
def test_names_and_pages_exclude_each_other(
    ecr: Any, repository_name: str, paging: dict[str, Any]
) -> None:
    """Names and parameters of pages are refused together:
    https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeRepositories.html
    """
    error = refusal(ecr.describe_repositories, repositoryNames=[repository_name], **paging)
    assert error == invalid(
        next(iter(paging)), "Must not be specified together with repositoryNames"
    )


def test_a_repository_with_images_is_not_deleted(ecr: Any, repository_name: str) -> None:
    """A repository with images is not deleted, also if they are untagged."""
    testing.push(ecr, repository_name, IMAGE)
    before = everything_stored()
    assert refusal(ecr.delete_repository, repositoryName=repository_name) == Refusal(
        "RepositoryNotEmptyException",
        "The repository with name 'team/app' in registry with id '123456789012' "
        "cannot be deleted because it still contains images",
    )
    assert everything_stored() == before


def test_force_deletes_images_too(ecr: Any, repository_name: str) -> None:
    """`force` deletes images and their bytes."""
    testing.push(ecr, repository_name, IMAGE, tag="1")
    before = ecr.describe_repositories()["repositories"]
    deleted = ecr.delete_repository(repositoryName=repository_name, force=True)["repository"]
    assert [deleted] == before
    assert ecr.describe_repositories()["repositories"] == []
    stored = everything_stored()
    assert [name for name, rows in stored.items() if rows] == ["store"]


def test_layers_and_uploads_alone_do_not_keep_a_repository(ecr: Any, repository_name: str) -> None:
    """Layers and uploads do not keep a repository from deletion, and are removed with it."""
    testing.upload_blob(ecr, repository_name, IMAGE.layers[0])
    upload = ecr.initiate_layer_upload(repositoryName=repository_name)
    ecr.upload_layer_part(
        repositoryName=repository_name,
        uploadId=upload["uploadId"],
        partFirstByte=0,
        partLastByte=2,
        layerPartBlob=b"abc",
    )
    ecr.delete_repository(repositoryName=repository_name)
    stored = everything_stored()
    assert stored["bytes of blobs"] == stored["bytes of uploads"] == []
    assert stored["uploads"] == stored["repository_blobs"] == []


def test_bytes_that_another_repository_holds_stay(ecr: Any) -> None:
    """Bytes stay as long as another repository holds them: a blob is stored once for all."""
    for name in ("app-1", "app-2"):
        ecr.create_repository(repositoryName=name)
        testing.push(ecr, name, IMAGE, tag="1")
    ecr.delete_repository(repositoryName="app-1", force=True)
    assert testing.pull(ecr, "app-2", "1").digest == IMAGE.digest


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("delete_repository", {}),
        ("put_image_tag_mutability", {"imageTagMutability": "IMMUTABLE"}),
        ("put_image_scanning_configuration", {"imageScanningConfiguration": {}}),
    ],
)
def test_a_repository_that_is_not_there(ecr: Any, operation: str, request_: dict[str, Any]) -> None:
    """RepositoryNotFoundException names it and its registry."""
    call = getattr(ecr, operation)
    assert refusal(call, repositoryName="team/app", **request_) == no_repository("team/app")
