"""Calls between moto's other parts and ECR: Lambda, EC2, moto's own API.

CloudFormation has its own file, and so have scan findings, `test_scanning`.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests
from moto.ecr.models import ecr_backends

from moto_ecr_ext.models import ECRBackend
from moto_ecr_ext.testing import build_image, push
from support.constants import ACCOUNT, OTHER_ACCOUNT
from support.refusals import refused
from support.stored import everything_stored

HOST = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
IMAGE = build_image(layers=1)


@pytest.fixture
def function(aws: Any, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The request for a Lambda function whose image moto looks up in ECR."""
    monkeypatch.setenv("MOTO_LAMBDA_STUB_ECR", "false")
    role = aws.client("iam").create_role(
        RoleName="lambda",
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": []}),
    )["Role"]["Arn"]
    return {"FunctionName": "app", "Role": role, "PackageType": "Image"}


@pytest.mark.parametrize("by", ["tag", "digest"])
def test_a_function_of_an_image_that_was_pushed(
    aws: Any, ecr: Any, function: dict[str, Any], by: str
) -> None:
    """The code of a function has the digest of the pushed image."""
    ecr.create_repository(repositoryName="app")
    push(ecr, "app", IMAGE, tag="v1")
    reference = ":v1" if by == "tag" else f"@{IMAGE.digest}"
    created = aws.client("lambda").create_function(
        **function, Code={"ImageUri": f"{HOST}/app{reference}"}
    )
    assert created["CodeSha256"] == IMAGE.digest.removeprefix("sha256:")
    assert created["CodeSize"] == IMAGE.config.size


def test_a_function_follows_a_tag_that_moved(aws: Any, ecr: Any, function: dict[str, Any]) -> None:
    """An update of a function's code follows a tag that moved."""
    ecr.create_repository(repositoryName="app")
    uri = f"{HOST}/app:v1"
    client = aws.client("lambda")
    push(ecr, "app", IMAGE, tag="v1")
    client.create_function(**function, Code={"ImageUri": uri})
    other = build_image(seed=1, layers=1)
    push(ecr, "app", other, tag="v1")
    updated = client.update_function_code(FunctionName="app", ImageUri=uri)
    assert updated["CodeSha256"] == other.digest.removeprefix("sha256:")


def test_a_function_of_an_image_that_is_not_there(
    aws: Any, ecr: Any, function: dict[str, Any]
) -> None:
    """Lambda refuses the function in its own words: https://github.com/hashicorp/terraform/issues/27963."""
    ecr.create_repository(repositoryName="app")
    error = refused(
        aws.client("lambda").create_function, **function, Code={"ImageUri": f"{HOST}/app:v1"}
    )
    assert error.response["Error"]["Code"] == "InvalidParameterValueException"
    assert error.response["Error"]["Message"] == (
        f"Source image {HOST}/app:v1 does not exist. Provide a valid source image."
    )


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1"])
def test_endpoint_services_of_ec2(aws: Any, region: str) -> None:
    """EC2 lists the endpoint services of the API and of the registry:
    https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html
    """
    services = aws.client("ec2", region=region).describe_vpc_endpoint_services(
        ServiceNames=[f"com.amazonaws.{region}.ecr.{name}" for name in ("api", "dkr")]
    )["ServiceDetails"]
    names = {each["ServiceName"]: each["PrivateDnsName"] for each in services}
    assert names == {
        f"com.amazonaws.{region}.ecr.api": f"api.ecr.{region}.amazonaws.com",
        f"com.amazonaws.{region}.ecr.dkr": f"*.dkr.ecr.{region}.amazonaws.com",
    }


def test_a_reset_empties_every_registry(aws: Any) -> None:
    """A reset empties the registries of all accounts and Regions, with bytes and findings; tokens stay valid."""
    for region, account in (("us-east-1", ACCOUNT), ("eu-west-1", OTHER_ACCOUNT)):
        ecr = aws.client(region=region, account=account)
        ecr.create_repository(repositoryName="team/app")
        push(ecr, "team/app", IMAGE, tag="v1")
    registry = aws.registry()
    url = aws.endpoint_url or "https://motoapi.amazonaws.com"
    assert requests.post(f"{url}/moto-api/reset", timeout=60).status_code == 200
    assert [name for name, rows in everything_stored().items() if rows] == ["store"]
    assert aws.client().describe_repositories()["repositories"] == []
    assert registry.get("/v2/").status_code == 200


def test_a_reset_drops_queued_findings(aws: Any, ecr: Any) -> None:
    """A reset drops queued findings, whose images no longer exist."""
    url = aws.endpoint_url or "https://motoapi.amazonaws.com"
    findings = f"{url}/moto-api/static/ecr/scan-finding-results"
    result = {"repositoryName": "team/app", "imageId": {"imageTag": "v1"}}
    assert requests.post(findings, json={"results": [result]}, timeout=60).status_code == 201
    requests.post(f"{url}/moto-api/reset", timeout=60)
    ecr.create_repository(repositoryName="team/app")
    push(ecr, "team/app", IMAGE, tag="v1")
    request = {"repositoryName": "team/app", "imageId": {"imageTag": "v1"}}
    ecr.start_image_scan(**request)
    found = ecr.describe_image_scan_findings(**request)
    assert found["imageScanStatus"]["status"] == "COMPLETE"


def test_the_backend_that_moto_holds(aws: Any, ecr: Any, repository_name: str) -> None:
    """moto's backend is this package's, and has the members that moto uses as plain Python."""
    push(ecr, repository_name, IMAGE, tag="v1")
    backend = ecr_backends[ACCOUNT]["us-east-1"]
    assert type(backend) is ECRBackend
    assert backend.describe_registry()["registryId"] == ACCOUNT
    [image] = backend.batch_get_image(
        repository_name=repository_name, image_ids=[{"imageTag": "v1"}]
    )["images"]
    assert image.image_manifest == IMAGE.manifest.decode()
    assert image.image_id["imageDigest"] == IMAGE.digest
    assert backend.scan_finding_results == []


def test_moto_s_dashboard(aws: Any, ecr: Any, repository_name: str) -> None:
    """The data of moto's dashboard are answered."""
    url = aws.endpoint_url or "https://motoapi.amazonaws.com"
    response = requests.get(f"{url}/moto-api/data.json", timeout=60)
    assert response.status_code == 200
