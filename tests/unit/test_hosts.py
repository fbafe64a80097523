"""Host names and ARNs of registries, and of what reaches them."""

from __future__ import annotations

import pytest

from moto_ecr_ext import hosts
from support.constants import ACCOUNT

VPCE = "vpce-0a1b2c3d4e5f60718"


@pytest.mark.parametrize(
    "host", ["1.dkr.ecr.us-east-1.amazonaws.com", "١٢٣٤٥٦٧٨٩٠١٢.dkr.ecr.us-east-1.amazonaws.com"]
)
def test_an_account_has_twelve_digits(host: str) -> None:
    """Those of ASCII: other hosts name no registry."""
    assert hosts.registry_of_host(host) is None
    assert not hosts.is_account_id(host.partition(".")[0])


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
    """https://docs.aws.amazon.com/vpc/latest/privatelink/privatelink-access-aws-services.html"""
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
    """Of the partition that its region is in."""
    assert hosts.repository_of_arn(arn) == name
