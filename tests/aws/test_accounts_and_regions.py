"""Registries of accounts and regions: what keeps them apart, and what a policy lets in."""

from __future__ import annotations

import json
from typing import Any

import boto3
import moto
import pytest
from botocore.config import Config

from moto_ecr_ext import service_model
from moto_ecr_ext.testing import build_image, pull, push
from support.constants import ACCOUNT, OTHER_ACCOUNT
from support.model_variants import baseline
from support.refusals import Refusal, no_repository, refusal
from support.stored import everything_stored

OLD_MOTO = tuple(int(part) for part in moto.__version__.split(".")[:2]) < (5, 2)
ARN = f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/"
IMAGE = build_image(layers=1)


@pytest.fixture
def guest(aws: Any) -> Any:
    """A client of another account in the same region."""
    return aws.client(account=OTHER_ACCOUNT)


def policy(
    *actions: str, effect: str = "Allow", resource: str | None = None, **members: Any
) -> str:
    """A policy about the guest: of a repository, or with a resource of the registry."""
    statement = {
        "Effect": effect,
        "Principal": {"AWS": f"arn:aws:iam::{OTHER_ACCOUNT}:root"},
        "Action": list(actions),
        **({"Resource": resource} if resource else {}),
        **members,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def denied(action: str, name: str = "team/app", registry_id: str = ACCOUNT) -> Refusal:
    """The refusal of a call by the guest."""
    return Refusal(
        "AccessDeniedException",
        f"User: arn:aws:iam::{OTHER_ACCOUNT}:root is not authorized to perform: ecr:{action} "
        f"on resource: arn:aws:ecr:us-east-1:{registry_id}:repository/{name} "
        f"because no resource-based policy allows the ecr:{action} action",
    )


def denied_explicitly(action: str) -> Refusal:
    """The refusal of a call by the guest that a policy denies."""
    return Refusal(
        "AccessDeniedException",
        f"User: arn:aws:iam::{OTHER_ACCOUNT}:root is not authorized to perform: ecr:{action} "
        f"on resource: {ARN}team/app with an explicit deny in a resource-based policy",
    )


def test_repositories_of_one_name(aws: Any) -> None:
    """Two accounts and two Regions can each have a repository of one name, with separate images."""
    clients = [
        aws.client(region=region, account=account)
        for region in ("us-east-1", "eu-west-1")
        for account in (ACCOUNT, OTHER_ACCOUNT)
    ]
    images = [build_image(seed=number, layers=1) for number in range(4)]
    for client, image in zip(clients, images, strict=True):
        client.create_repository(repositoryName="team/app")
        push(client, "team/app", image, tag="v1")
    arns = set()
    for client, image in zip(clients, images, strict=True):
        [repository] = client.describe_repositories()["repositories"]
        arns.add(repository["repositoryArn"])
        assert pull(client, "team/app", "v1").digest == image.digest
    assert arns == {
        f"arn:aws:ecr:{region}:{account}:repository/team/app"
        for region in ("us-east-1", "eu-west-1")
        for account in (ACCOUNT, OTHER_ACCOUNT)
    }


def test_registry_wide_settings_of_accounts_and_regions(aws: Any, ecr: Any, guest: Any) -> None:
    """Settings of a registry apply to that registry only."""
    text = policy("ecr:*", resource="*")
    ecr.put_registry_policy(policyText=text)
    ecr.put_registry_scanning_configuration(scanType="ENHANCED")
    ecr.put_replication_configuration(
        replicationConfiguration={
            "rules": [{"destinations": [{"region": "eu-west-1", "registryId": ACCOUNT}]}]
        }
    )
    for other in (guest, aws.client(region="eu-west-1")):
        assert refusal(other.get_registry_policy).code == "RegistryPolicyNotFoundException"
        scanning = other.get_registry_scanning_configuration()["scanningConfiguration"]
        assert scanning["scanType"] == "BASIC"
        assert other.describe_registry()["replicationConfiguration"] == {"rules": []}


def test_the_own_registry_may_be_named(ecr: Any, repository_name: str) -> None:
    """A `registryId` of the caller's own account changes nothing."""
    push(ecr, repository_name, IMAGE, tag="v1", registry_id=ACCOUNT)
    assert ecr.describe_repositories(registryId=ACCOUNT)["repositories"]
    assert ecr.list_images(registryId=ACCOUNT, repositoryName=repository_name)["imageIds"]


def test_another_account_needs_a_policy(ecr: Any, guest: Any, repository_name: str) -> None:
    """An existing repository denies access; a repository that does not exist is reported as not found."""
    before = everything_stored()
    assert refusal(
        guest.describe_images, registryId=ACCOUNT, repositoryName=repository_name
    ) == denied("DescribeImages")
    assert refusal(
        guest.initiate_layer_upload, registryId=ACCOUNT, repositoryName=repository_name
    ) == denied("InitiateLayerUpload")
    assert refusal(
        guest.list_images, registryId=ACCOUNT, repositoryName="not-here"
    ) == no_repository("not-here", ACCOUNT)
    assert refusal(guest.list_images, repositoryName=repository_name) == no_repository(
        repository_name, OTHER_ACCOUNT
    )
    assert everything_stored() == before


PULL = ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
PUSH = (
    "ecr:BatchCheckLayerAvailability",
    "ecr:InitiateLayerUpload",
    "ecr:UploadLayerPart",
    "ecr:CompleteLayerUpload",
    "ecr:PutImage",
)


def test_a_repository_policy_lets_in(ecr: Any, guest: Any, repository_name: str) -> None:
    """The policy allows its actions, on its repository only."""
    push(ecr, repository_name, IMAGE, tag="v1")
    ecr.create_repository(repositoryName="other")
    ecr.set_repository_policy(repositoryName=repository_name, policyText=policy(*PULL))
    assert pull(guest, repository_name, "v1", registry_id=ACCOUNT).digest == IMAGE.digest
    assert refusal(
        guest.describe_images, registryId=ACCOUNT, repositoryName=repository_name
    ) == denied("DescribeImages")
    assert refusal(
        guest.batch_get_image,
        registryId=ACCOUNT,
        repositoryName="other",
        imageIds=[{"imageTag": "v1"}],
    ) == denied("BatchGetImage", "other")


def test_another_account_pushes(ecr: Any, guest: Any, repository_name: str) -> None:
    """The image is in the owner's repository, not in the other account's registry."""
    ecr.set_repository_policy(repositoryName=repository_name, policyText=policy(*PUSH))
    push(guest, repository_name, IMAGE, tag="v1", registry_id=ACCOUNT)
    assert pull(ecr, repository_name, "v1").digest == IMAGE.digest
    assert guest.describe_repositories()["repositories"] == []


def test_a_registry_policy_lets_in(ecr: Any, guest: Any, repository_name: str) -> None:
    """The policy applies to the repositories that its resources name."""
    ecr.create_repository(repositoryName="other")
    ecr.put_registry_policy(policyText=policy("ecr:ListImages", resource=f"{ARN}team/*"))
    guest.list_images(registryId=ACCOUNT, repositoryName=repository_name)
    assert refusal(guest.list_images, registryId=ACCOUNT, repositoryName="other") == denied(
        "ListImages", "other"
    )


def test_a_denial_outweighs(ecr: Any, guest: Any, repository_name: str) -> None:
    """A denial in either policy overrides permissions of both."""
    allow, deny = policy("ecr:*"), policy("ecr:ListImages", effect="Deny")
    request = {"registryId": ACCOUNT, "repositoryName": repository_name}
    ecr.put_registry_policy(policyText=policy("ecr:*", resource="*"))
    ecr.set_repository_policy(repositoryName=repository_name, policyText=deny)
    assert refusal(guest.list_images, **request) == denied_explicitly("ListImages")
    guest.describe_images(**request)
    ecr.set_repository_policy(repositoryName=repository_name, policyText=allow)
    guest.list_images(**request)
    ecr.put_registry_policy(policyText=policy("ecr:ListImages", effect="Deny", resource="*"))
    assert refusal(guest.list_images, **request) == denied_explicitly("ListImages")


def test_the_owner_s_own_policy_does_not_shut_it_out(ecr: Any, repository_name: str) -> None:
    """A policy that allows others says nothing of the owner."""
    ecr.set_repository_policy(repositoryName=repository_name, policyText=policy(*PULL))
    assert ecr.list_images(repositoryName=repository_name)["imageIds"] == []


def test_all_repositories_are_shown_to_whom_the_registry_s_policy_lets_in(
    ecr: Any, guest: Any, repository_name: str
) -> None:
    """A registry policy shows all repositories; a repository's own policy shows that repository by its name."""
    request = {"registryId": ACCOUNT, "repositoryNames": [repository_name]}
    assert refusal(guest.describe_repositories, registryId=ACCOUNT) == denied(
        "DescribeRepositories", "*"
    )
    ecr.set_repository_policy(
        repositoryName=repository_name, policyText=policy("ecr:DescribeRepositories")
    )
    [shown] = guest.describe_repositories(**request)["repositories"]
    assert shown["repositoryArn"] == ARN + repository_name
    assert refusal(guest.describe_repositories, registryId=ACCOUNT) == denied(
        "DescribeRepositories", "*"
    )
    ecr.put_registry_policy(policyText=policy("ecr:DescribeRepositories", resource=f"{ARN}*"))
    assert guest.describe_repositories(registryId=ACCOUNT)["repositories"] == [shown]


def test_a_repository_is_created_for_another_account(ecr: Any, guest: Any) -> None:
    """A policy can allow another account to create repositories; they belong to the registry."""
    request = {"registryId": ACCOUNT, "repositoryName": "team/app"}
    before = everything_stored()
    assert refusal(guest.create_repository, **request) == denied("CreateRepository")
    assert everything_stored() == before
    ecr.put_registry_policy(policyText=policy("ecr:CreateRepository", resource=f"{ARN}team/*"))
    created = guest.create_repository(**request)["repository"]
    assert created["repositoryArn"] == f"{ARN}team/app"
    assert ecr.describe_repositories()["repositories"] == [created]
    assert guest.describe_repositories()["repositories"] == []
    assert refusal(guest.create_repository, **request) == Refusal(
        "RepositoryAlreadyExistsException",
        f"The repository with name 'team/app' already exists in the registry with id '{ACCOUNT}'",
    )


def test_another_account_changes_a_repository_s_policy(
    ecr: Any, guest: Any, repository_name: str
) -> None:
    """Another account can remove its own rights from the policy only with `force`."""
    actions = ("ecr:SetRepositoryPolicy", "ecr:DeleteRepositoryPolicy")
    request = {"registryId": ACCOUNT, "repositoryName": repository_name}
    ecr.set_repository_policy(repositoryName=repository_name, policyText=policy(*actions))
    without = policy("ecr:ListImages")
    error = refusal(guest.set_repository_policy, policyText=without, **request)
    assert error.code == "InvalidParameterException"
    guest.set_repository_policy(policyText=without, force=True, **request)
    assert refusal(guest.delete_repository_policy, **request) == denied("DeleteRepositoryPolicy")
    ecr.set_repository_policy(repositoryName=repository_name, policyText=policy(*actions))
    deleted = guest.delete_repository_policy(**request)["policyText"]
    assert json.loads(deleted) == json.loads(policy(*actions))
    assert (
        refusal(ecr.get_repository_policy, repositoryName=repository_name).code
        == "RepositoryPolicyNotFoundException"
    )


def test_tags_of_another_account_s_repository(ecr: Any, guest: Any, repository_name: str) -> None:
    """A call on the tags of another account's repository finds it by the account in its ARN."""
    arn = ARN + repository_name
    assert refusal(guest.list_tags_for_resource, resourceArn=arn) == denied("ListTagsForResource")
    ecr.set_repository_policy(
        repositoryName=repository_name,
        policyText=policy("ecr:TagResource", "ecr:ListTagsForResource"),
    )
    guest.tag_resource(resourceArn=arn, tags=[{"Key": "a", "Value": "b"}])
    assert guest.list_tags_for_resource(resourceArn=arn)["tags"] == [{"Key": "a", "Value": "b"}]
    assert refusal(guest.untag_resource, resourceArn=arn, tagKeys=["a"]) == denied("UntagResource")


def test_a_condition_of_a_policy(aws: Any, ecr: Any, repository_name: str) -> None:
    """The condition is evaluated with the account of the caller."""
    condition = {"StringEquals": {"aws:PrincipalAccount": "888888888888"}}
    ecr.set_repository_policy(
        repositoryName=repository_name,
        policyText=policy("ecr:ListImages", Principal="*", Condition=condition),
    )
    request = {"registryId": ACCOUNT, "repositoryName": repository_name}
    aws.client(account="888888888888").list_images(**request)
    assert refusal(aws.client(account=OTHER_ACCOUNT).list_images, **request) == denied("ListImages")


def test_the_account_of_an_access_key(aws: Any, ecr: Any, repository_name: str) -> None:
    """A call belongs to the account whose IAM issued its access key, or to the account of an assumed role."""
    iam = aws.client("iam", account=OTHER_ACCOUNT)
    iam.create_user(UserName="reader")
    key = iam.create_access_key(UserName="reader")["AccessKey"]
    reader = boto3.client(
        "ecr",
        region_name="us-east-1",
        endpoint_url=aws.endpoint_url,
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
    assert reader.describe_registry()["registryId"] == OTHER_ACCOUNT
    request = {"registryId": ACCOUNT, "repositoryName": repository_name}
    user = f"arn:aws:iam::{OTHER_ACCOUNT}:user/reader"
    assert refusal(reader.list_images, **request).message.startswith(f"User: {user} is not")
    ecr.set_repository_policy(
        repositoryName=repository_name, policyText=policy("ecr:ListImages", Principal={"AWS": user})
    )
    reader.list_images(**request)
    assert refusal(aws.client(account=OTHER_ACCOUNT).list_images, **request) == denied("ListImages")


@pytest.mark.parametrize(
    "url",
    [
        "https://api.ecr.us-west-2.amazonaws.com/",
        "https://ecr.us-west-2.amazonaws.com/",
        "https://api.ecr-fips.us-west-2.amazonaws.com/",
        "https://ecr-fips.us-west-2.amazonaws.com/",
        "https://ecr.us-west-2.api.aws/",
        "https://ecr-fips.us-west-2.api.aws/",
    ],
)
def test_every_endpoint_of_the_api(in_process: Any, url: str) -> None:
    """Every documented endpoint of the API is answered: https://docs.aws.amazon.com/general/latest/gr/ecr.html"""
    client = boto3.client(
        "ecr",
        region_name="us-west-2",
        endpoint_url=url,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    created = client.create_repository(repositoryName="team/app")["repository"]
    assert created["repositoryArn"].startswith("arn:aws:ecr:us-west-2:")
    assert created["repositoryUri"].startswith("123456789012.dkr.ecr.us-west-2.amazonaws.com/")


@pytest.mark.parametrize("variant", ["dualstack", "fips", "both"])
def test_endpoints_that_boto3_chooses(in_process: Any, variant: str) -> None:
    """Endpoints that boto3 chooses by its settings for FIPS and IPv6 are answered."""
    client = boto3.client(
        "ecr",
        region_name="us-west-2",
        config=Config(
            use_dualstack_endpoint=variant != "fips", use_fips_endpoint=variant != "dualstack"
        ),
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    assert client.describe_registry()["registryId"] == ACCOUNT


@pytest.mark.parametrize(
    ("region", "partition"),
    [("us-east-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")],
)
def test_partitions(aws: Any, region: str, partition: str) -> None:
    """ARNs, keys and tags by ARN have the region's partition."""
    ecr = aws.client(region=region)
    repository = ecr.create_repository(
        repositoryName="team/app", encryptionConfiguration={"encryptionType": "KMS"}
    )["repository"]
    arn = f"arn:{partition}:ecr:{region}:123456789012:repository/team/app"
    assert repository["repositoryArn"] == arn
    key = repository["encryptionConfiguration"]["kmsKey"]
    assert key.startswith(f"arn:{partition}:kms:{region}:123456789012:key/")
    assert ecr.list_tags_for_resource(resourceArn=arn)["tags"] == []


def test_every_region_of_ecr(in_process: Any) -> None:
    """Every Region of ECR has a registry."""
    session = boto3.session.Session()
    for partition in session.get_available_partitions():
        if partition == "aws-eusc" and OLD_MOTO:
            continue  # Its hosts are not moto's before 5.2.
        for region in session.get_available_regions("ecr", partition_name=partition):
            registry = in_process.client(region=region).describe_registry()
            assert registry["registryId"] == ACCOUNT


def test_operations_that_name_a_registry_check_access(ecr: Any, guest: Any, raw: Any) -> None:
    """No operation that names a registry reaches another account's repository without a permission."""
    checked = []
    ecr.create_repository(repositoryName="team/app")
    before = everything_stored()
    for operation in service_model.operation_names():
        model = service_model.operation(operation)
        assert model is not None
        if {"registryId", "repositoryName"} <= set(model.input_shape.members):
            valid = baseline(operation)
            request = {name: valid[name] for name in model.input_shape.required_members}
            request |= {"registryId": ACCOUNT, "repositoryName": "team/app"}
            action = operation
            if operation == "ListImageReferrers":
                # It has no separate action, and a digest that its model does not check.
                action, request["subjectId"] = "BatchGetImage", {"imageDigest": IMAGE.digest}
            answer = raw.send(operation, request, x_moto_account_id=OTHER_ACCOUNT)
            if answer.document["__type"] != "UnknownOperationException":
                assert answer.refusal == denied(action), operation
                checked.append(operation)
    assert len(checked) >= 20
    assert everything_stored() == before
