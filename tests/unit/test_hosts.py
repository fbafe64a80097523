"""Host names and ARNs of registries, and of their clients."""

from __future__ import annotations

import pytest

from moto_ecr_ext import arns, hosts
from moto_ecr_ext.distribution.app import is_for_registry
from support.constants import ACCOUNT

VPCE = "vpce-0a1b2c3d4e5f60718"


@pytest.mark.parametrize(
    "host", ["1.dkr.ecr.us-east-1.amazonaws.com", "١٢٣٤٥٦٧٨٩٠١٢.dkr.ecr.us-east-1.amazonaws.com"]
)
def test_an_account_has_twelve_digits(host: str) -> None:
    """An account has twelve ASCII digits; other hosts name no registry."""
    assert hosts.registry_of_host(host) is None
    assert not arns.is_account_id(host.partition(".")[0])


@pytest.mark.parametrize(
    ("host", "endpoint"),
    [
        (f"{VPCE}-x1y2z3.api.ecr.us-east-1.vpce.amazonaws.com", VPCE),
        (f"{VPCE}-x1y2z3-us-east-1a.dkr.ecr.us-east-1.vpce.amazonaws.com:443", VPCE),
        (f"{VPCE}-x1y2z3.api.ecr.cn-north-1.vpce.amazonaws.com.cn", VPCE),
        (f"{VPCE}-x1y2z3.api.ecr.us-east-1.vpce.amazonaws.com.localhost:5000", VPCE),
        (f"{VPCE}-x1y2z3.s3.us-east-1.vpce.amazonaws.com", None),
        (f"{VPCE}-x1y2z3.api.ecr.us-east-1.vpce.amazonaws.com.evil.example", None),
        (f"{VPCE}.api.ecr.us-east-1.vpce.amazonaws.com", None),
        ("api.ecr.us-east-1.amazonaws.com", None),
        ("127.0.0.1:5000", None),
    ],
)
def test_the_endpoint_of_a_host(host: str, endpoint: str | None) -> None:
    """A host of a VPC endpoint names its endpoint:
    https://docs.aws.amazon.com/vpc/latest/privatelink/privatelink-access-aws-services.html
    """
    assert hosts.vpc_endpoint_of_host(host) == endpoint


@pytest.mark.parametrize(
    ("arn", "name"),
    [
        (
            f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/team/app",
            (ACCOUNT, "us-east-1", "team/app"),
        ),
        (
            f"arn:aws-cn:ecr:cn-north-1:{ACCOUNT}:repository/app",
            (ACCOUNT, "cn-north-1", "app"),
        ),
        (f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/*", (ACCOUNT, "us-east-1", "*")),
        (f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/team/*", None),
        (f"arn:aws:ecr:cn-north-1:{ACCOUNT}:repository/app", None),
        ("arn:aws:ecr:us-east-1:12:repository/app", None),
        ("*", None),
    ],
)
def test_the_repository_of_an_arn(arn: str, name: tuple[str, str, str] | None) -> None:
    """An ARN names a repository only if its partition is that of its Region."""
    assert arns.repository_of_arn(arn) == name


BASIC = "Basic QVdTOnBhc3N3b3Jk"
SIGNED = "AWS4-HMAC-SHA256 Credential=test"


@pytest.mark.parametrize(
    ("host", "path", "authorization", "query", "is_it"),
    [
        ("127.0.0.1:5000", "/v2/", "", "", True),
        ("127.0.0.1:5000", "/v2", "", "", True),
        ("127.0.0.1:5000", "/v2/app/tags/list", BASIC, "", True),
        ("127.0.0.1:5000", "/v1/", "", "", False),
        ("127.0.0.1:5000", "/v2x", "", "", False),
        ("127.0.0.1:5000", "/v2/apis", SIGNED, "", False),
        ("127.0.0.1:5000", "/v2/apis", "AWS test:signature", "", False),
        ("127.0.0.1:5000", "/v2/apis", "", "X-Amz-Algorithm=AWS4-HMAC-SHA256", False),
        ("127.0.0.1:5000", "/v2/apis", "", "AWSAccessKeyId=test", False),
        (f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com", "/v2/app/tags/list", "", "", True),
        (f"{ACCOUNT}.dkr.ecr.us-east-1.localhost:5000", "/v2/app/tags/list", "", "", True),
        ("api.ecr.us-east-1.amazonaws.com", "/v2/app/tags/list", "", "", True),
        (f"{VPCE}-x1.dkr.ecr.us-east-1.vpce.amazonaws.com:443", "/v2/app/tags/list", "", "", True),
        ("apigateway.us-east-1.amazonaws.com", "/v2/apis", "", "", False),
        ("bucket.s3.localhost:5000", "/v2/key", "", "", False),
        ("bucket.localhost:5000", "/v2/key", "", "", False),
        ("bucket.localhost:5000", "/v2/", "", "", True),
        ("bucket.localhost:5000", "/v2/app/tags/list", BASIC, "", True),
        ("bucket.localhost:5000", "/v2/app/blobs/x", "", "X-Ecr-Signature=1", True),
    ],
)
def test_a_request_for_the_registry(
    host: str, path: str, authorization: str, query: str, is_it: bool
) -> None:
    """Other services of moto have paths below /v2/ too; their requests are signed, or have a host of the service."""
    assert is_for_registry(path, authorization, query, host) is is_it
