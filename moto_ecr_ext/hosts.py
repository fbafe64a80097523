"""Host names and ARNs: what a registry is called, and which registry a host name means.

Partitions are those of the installed botocore.
https://docs.aws.amazon.com/general/latest/gr/ecr.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from botocore.loaders import Loader

from . import settings
from .caller import current_caller

# A small file (8 KB): every partition with its regions, and the ends of its host names.
_PARTITIONS: list[dict[str, Any]] = Loader().load_data("partitions")["partitions"]


def _any_of(texts: Iterable[str]) -> str:
    return f"(?:{'|'.join(map(re.escape, sorted(texts)))})"


_DNS_SUFFIXES: dict[str, str] = {each["id"]: each["outputs"]["dnsSuffix"] for each in _PARTITIONS}
_DUAL_STACK_SUFFIXES: set[str] = {each["outputs"]["dualStackDnsSuffix"] for each in _PARTITIONS}
_ANY_DUAL_STACK_SUFFIX = _any_of(_DUAL_STACK_SUFFIXES)
# Dual-stack hosts of registries end in `on.aws`, where those of APIs end in `api.aws`.
_ANY_SUFFIX = _any_of(
    {*_DNS_SUFFIXES.values(), *(re.sub("^api", "on", each) for each in _DUAL_STACK_SUFFIXES)}
)

# `re` compiles a pattern when it is asked first, and remembers it: `install()` needs few of these.

# Every form of a registry's host, in every partition: the two of AWS's endpoints (IPv4, dual-stack), each also FIPS.
_REGISTRY_NAME = (
    r"(?P<account>[0-9]{12})\.dkr[.-]ecr(?:-fips)?\.(?P<region>[a-zA-Z0-9][a-zA-Z0-9_-]*)"
)
_REGISTRY_HOST_PATTERN = rf"{_REGISTRY_NAME}\.{_ANY_SUFFIX}"
_REGISTRY_HOST = f"(?:{_REGISTRY_HOST_PATTERN})(?::443)?"
_ANY_REGISTRY_HOST = rf"(?:{_REGISTRY_HOST_PATTERN})(?::\d+)?"
_LOCAL_HOST = rf"{_REGISTRY_NAME}(?:\.[a-zA-Z0-9-]+)*\.localhost(?::\d+)?"
_AWS_DOMAIN = rf"(?:[a-z0-9_-]+\.)+(?:{_ANY_SUFFIX}|{_ANY_DUAL_STACK_SUFFIX})"
_API_HOST = (
    rf"(?:api\.)?ecr(?:-fips)?\.[a-z0-9-]+\.(?:{_ANY_SUFFIX}|{_ANY_DUAL_STACK_SUFFIX})(?::443)?"
)

# https://docs.aws.amazon.com/vpc/latest/privatelink/privatelink-access-aws-services.html, "DNS hostnames"
_VPC_ENDPOINT_HOST_PATTERN = (
    r"(?P<endpoint>vpce-[0-9a-z]+)-[0-9a-z-]+\.(?:api|dkr)\.ecr\.[a-z0-9-]+\.vpce\."
    + _any_of(_DNS_SUFFIXES.values())
)
_VPC_ENDPOINT_HOST = f"{_VPC_ENDPOINT_HOST_PATTERN}(?::443)?"
_ANY_VPC_ENDPOINT_HOST = rf"{_VPC_ENDPOINT_HOST_PATTERN}(?:\.localhost)?(?::[0-9]+)?"

# Hosts of the API beside the two that moto knows, and those of registries, as URLs without a path. moto itself puts the
# suffixes of other partitions in the place of amazonaws.com.
API_URL_PATTERN = (
    rf"https?://(?:api\.)?ecr(?:-fips)?\.(.+)\.(?:amazonaws\.com|{_ANY_DUAL_STACK_SUFFIX})"
)
REGISTRY_URL_PATTERN = f"https?://{_REGISTRY_HOST_PATTERN}"
VPC_ENDPOINT_URL_PATTERN = f"https?://{_VPC_ENDPOINT_HOST_PATTERN}"
ADDED_URL_PATTERNS = (API_URL_PATTERN, REGISTRY_URL_PATTERN, VPC_ENDPOINT_URL_PATTERN)

_ACCOUNT_ID = "[0-9]{12}"
_REPOSITORY_ARN = (
    r"arn:(?P<partition>[a-z-]+):ecr:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12})"
    r":repository/(?P<name>[a-z0-9._/-]+|\*)"
)


@dataclass(frozen=True, slots=True)
class Registry:
    """One account in one region."""

    account_id: str
    region: str


class RepositoryName(NamedTuple):
    """A repository by its name, which need not be there."""

    account_id: str
    region: str
    name: str


def local_registry_names() -> list[str]:
    """Return the names that registries have on this machine, one for each region, as certificates have them."""
    regions = {region for each in _PARTITIONS for region in each["regions"]}
    return [f"*.dkr.ecr.{region}.localhost" for region in sorted(regions) if "global" not in region]


def is_account_id(text: str) -> bool:
    """Whether a text is the id of an account. https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-identifiers.html"""
    return re.fullmatch(_ACCOUNT_ID, text) is not None


# A request asks for what its host is several times, and clients have few hosts.
_remembering_hosts = lru_cache(maxsize=256)


@_remembering_hosts
def registry_of_host(host: str) -> Registry | None:
    """Return the registry that a `host[:port]` names by its form; None for a host that names none."""
    match = re.fullmatch(_ANY_REGISTRY_HOST, host) or re.fullmatch(_LOCAL_HOST, host)
    return Registry(match["account"], match["region"]) if match else None


@_remembering_hosts
def is_aws_host(host: str) -> bool:
    """Whether `host` is one of AWS's for ECR, rather than an address of the emulator, as with a port of its own."""
    return bool(
        re.fullmatch(_REGISTRY_HOST, host)
        or re.fullmatch(_API_HOST, host)
        or re.fullmatch(_VPC_ENDPOINT_HOST, host)
    )


@_remembering_hosts
def vpc_endpoint_of_host(host: str) -> str | None:
    """Return the id of the VPC endpoint whose own name a `host[:port]` is; None for any other host."""
    match = re.fullmatch(_ANY_VPC_ENDPOINT_HOST, host)
    return match["endpoint"] if match else None


def is_in_aws_domain(name: str) -> bool:
    """Whether a host name, in lower case, is below a domain of AWS's: any service's, a bucket's."""
    return re.fullmatch(_AWS_DOMAIN, name) is not None


def aws_registry_host(account_id: str, region: str) -> str:
    return f"{account_id}.dkr.ecr.{region}.{_DNS_SUFFIXES[partition_of(region)]}"


def registry_host(account_id: str, region: str) -> str:
    """Return the `host[:port]` that `repositoryUri` names."""
    if settings.REPOSITORY_URI.get() == "endpoint":
        caller = current_caller()
        address = caller.address if caller else settings.server_address()
        if address:
            return address
    return aws_registry_host(account_id, region)


def proxy_endpoint(account_id: str, region: str) -> str:
    """Return the URL that a client logs in to."""
    caller = current_caller()
    host = registry_host(account_id, region)
    if caller and host == caller.address:
        return f"{caller.scheme}://{host}"
    return f"https://{host}"


def download_base(account_id: str, region: str) -> str:
    """Return the URL below which the caller reaches this registry's `/v2/`, from where it makes the call."""
    caller = current_caller()
    if caller and caller.address:
        return f"{caller.scheme}://{caller.address}"
    return f"https://{aws_registry_host(account_id, region)}"


def repository_arn(account_id: str, region: str, repository_name: str) -> str:
    return f"arn:{partition_of(region)}:ecr:{region}:{account_id}:repository/{repository_name}"


def repository_of_arn(arn: str) -> RepositoryName | None:
    """Return the repository that an ARN names; None for any other text. Its name may be `*`, which is all of them."""
    match = re.fullmatch(_REPOSITORY_ARN, arn)
    if match is None or match["partition"] != partition_of(match["region"]):
        return None
    return RepositoryName(match["account"], match["region"], match["name"])


@lru_cache
def partition_of(region: str) -> str:
    """Return the partition of a region, such as `aws-cn`; `aws` for a region that none knows by its name."""
    for partition in _PARTITIONS:
        if region in partition["regions"] or re.match(partition["regionRegex"], region):
            return str(partition["id"])
    return "aws"
