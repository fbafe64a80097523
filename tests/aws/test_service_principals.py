"""Services of AWS that pull an image in their own name, on behalf of a resource.

Lambda does so for a function (https://docs.aws.amazon.com/lambda/latest/dg/images-create.html), CodeBuild for a project
(https://github.com/aws/aws-cdk/issues/3583). No request over HTTP is theirs: they call the backend.
"""

from __future__ import annotations

from typing import Any

import pytest

from moto_ecr_ext.caller import Caller, calling
from moto_ecr_ext.exceptions.common import AccessDeniedException
from moto_ecr_ext.models.lookup import registry_backend
from moto_ecr_ext.testing import build_image, push
from support.constants import ACCOUNT, OTHER_ACCOUNT, REGION
from support.environments import Environment
from support.iam import document

NAME = "team/app"
ARN = f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/{NAME}"
IMAGE = build_image(layers=1)
LAMBDA, CODEBUILD = "lambda.amazonaws.com", "codebuild.amazonaws.com"
ACTIONS = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]


def function(account: str = ACCOUNT) -> str:
    return f"arn:aws:lambda:us-east-1:{account}:function:resize"


@pytest.fixture
def ecr(in_process: Environment) -> Any:
    """A client, and a repository with an image."""
    ecr = in_process.client()
    ecr.create_repository(repositoryName=NAME)
    push(ecr, NAME, IMAGE, tag="v1")
    return ecr


def let_in(ecr: Any, service: str, **statement: Any) -> None:
    """Let a service pull."""
    ecr.set_repository_policy(
        repositoryName=NAME,
        policyText=document({"Principal": {"Service": service}, "Action": ACTIONS, **statement}),
    )


def pull(service: str = LAMBDA, source_arn: str | None = None, account: str = ACCOUNT) -> str:
    """Return the digest of `v1` that a service of an account pulls. Raises AccessDeniedException."""
    registry = registry_backend(account, REGION)
    with calling(Caller("ecr:BatchGetImage", service, source_arn=source_arn)):
        [image] = registry.batch_get_image(
            repository_name=NAME, image_ids=[{"imageTag": "v1"}], registry_id=ACCOUNT
        )["images"]
    with calling(Caller("ecr:GetDownloadUrlForLayer", service, source_arn=source_arn)):
        registry.get_download_url_for_layer(
            repository_name=NAME, layer_digest=IMAGE.layers[0].digest, registry_id=ACCOUNT
        )
    return str(image.image_id["imageDigest"])


def is_refused(*arguments: Any, **options: Any) -> str:
    with pytest.raises(AccessDeniedException) as refused:
        pull(*arguments, **options)
    return str(refused.value.message)


@pytest.mark.parametrize("account", [ACCOUNT, OTHER_ACCOUNT])
def test_a_service_needs_to_be_let_in(ecr: Any, account: str) -> None:
    """A service needs a permission by its own name, also in the repository's account, whose policies do not apply to
    it.
    """
    assert is_refused(account=account) == (
        f"User: {LAMBDA} is not authorized to perform: ecr:BatchGetImage on resource: {ARN} "
        "because no resource-based policy allows the ecr:BatchGetImage action"
    )
    let_in(ecr, CODEBUILD)
    assert pull(CODEBUILD, account=account) == IMAGE.digest
    is_refused(LAMBDA, account=account)
    let_in(ecr, CODEBUILD, Principal={"AWS": [ACCOUNT, OTHER_ACCOUNT]})
    is_refused(CODEBUILD, account=account)


@pytest.mark.parametrize(
    ("condition", "accounts"),
    [
        ({"StringEquals": {"aws:SourceAccount": ACCOUNT}}, {ACCOUNT}),
        # As Lambda writes it (cloud-custodian, tests/data/placebo/test_ecr_cross_account_filter_config).
        (
            {"StringLike": {"aws:sourceArn": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:*"}},
            {ACCOUNT},
        ),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:lambda:*:*:function:res*"}}, {ACCOUNT, "other"}),
        ({"Bool": {"aws:PrincipalIsAWSService": "true"}}, {ACCOUNT, "other"}),
        ({"StringEquals": {"aws:PrincipalServiceName": LAMBDA}}, {ACCOUNT, "other"}),
        (
            {"ForAnyValue:StringEquals": {"aws:PrincipalServiceNamesList": [LAMBDA]}},
            {ACCOUNT, "other"},
        ),
        *(
            ({"Null": {key: "false"}}, set())
            for key in (
                *("aws:PrincipalAccount", "aws:PrincipalArn", "aws:PrincipalType", "aws:SourceIp"),
                *("aws:SourceVpce", "aws:PrincipalOrgID", "aws:SourceOrgID", "aws:userid"),
            )
        ),
    ],
)
def test_keys_of_a_service(ecr: Any, condition: Any, accounts: set[str]) -> None:
    """A service's conditions have the resource that it acts for and its account, and no keys of a user or an
    address.
    """
    let_in(ecr, LAMBDA, Condition=condition)
    for account in (ACCOUNT, OTHER_ACCOUNT):
        if account in accounts or "other" in accounts:
            assert pull(LAMBDA, function(account), account) == IMAGE.digest
        else:
            is_refused(LAMBDA, function(account), account)


def test_the_organization_that_a_service_acts_for(in_process: Environment, ecr: Any) -> None:
    """`aws:SourceOrgID` is the organization of the resource's account."""
    organizations = in_process.client("organizations")
    organization = organizations.create_organization(FeatureSet="ALL")["Organization"]["Id"]
    let_in(ecr, LAMBDA, Condition={"StringEquals": {"aws:SourceOrgID": organization}})
    assert pull(LAMBDA, function()) == IMAGE.digest
    is_refused(LAMBDA, function(OTHER_ACCOUNT))


def test_pulls_of_services_count(ecr: Any) -> None:
    """Pulls of services count: exclusions apply to users and roles only."""
    let_in(ecr, LAMBDA)
    [image] = ecr.describe_images(repositoryName=NAME)["imageDetails"]
    assert "lastRecordedPullTime" not in image
    pull()
    [image] = ecr.describe_images(repositoryName=NAME)["imageDetails"]
    assert image["lastRecordedPullTime"]
