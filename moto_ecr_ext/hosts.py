"""Host names of registries, and the registries of host names.

https://docs.aws.amazon.com/general/latest/gr/ecr.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from . import settings
from .arns import PARTITIONS, Registry, partition_of
from .caller import current_caller


def _any_of(texts: Iterable[str]) -> str:
    return f"(?:{'|'.join(map(re.escape, sorted(texts)))})"


_DNS_SUFFIXES: dict[str, str] = {each["id"]: each["outputs"]["dnsSuffix"] for each in PARTITIONS}
_DUAL_STACK_SUFFIXES: set[str] = {each["outputs"]["dualStackDnsSuffix"] for each in PARTITIONS}
_ANY_DUAL_STACK_SUFFIX = _any_of(_DUAL_STACK_SUFFIXES)
# Dual-stack hosts of registries end in `on.aws`, those of APIs in `api.aws`.
_ANY_SUFFIX = _any_of(
    {*_DNS_SUFFIXES.values(), *(re.sub("^api", "on", each) for each in _DUAL_STACK_SUFFIXES)}
)

# Patterns are compiled at their first use, since `install()` needs few of them.

# Every form of a registry's host, in every partition: AWS's two endpoints (IPv4, dual-stack), each also for FIPS.
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

# Hosts of the API that moto does not know, and those of registries, as URLs without a path. moto itself replaces
# amazonaws.com by the suffixes of other partitions.
API_URL_PATTERN = (
    rf"https?://(?:api\.)?ecr(?:-fips)?\.(.+)\.(?:amazonaws\.com|{_ANY_DUAL_STACK_SUFFIX})"
)
REGISTRY_URL_PATTERN = f"https?://{_REGISTRY_HOST_PATTERN}"
VPC_ENDPOINT_URL_PATTERN = f"https?://{_VPC_ENDPOINT_HOST_PATTERN}"
ADDED_URL_PATTERNS = (API_URL_PATTERN, REGISTRY_URL_PATTERN, VPC_ENDPOINT_URL_PATTERN)


def local_registry_names() -> list[str]:
    """Return the local host names of registries, one for each Region, in the form of certificates."""
    regions = {region for each in PARTITIONS for region in each["regions"]}
    return [f"*.dkr.ecr.{region}.localhost" for region in sorted(regions) if "global" not in region]


# A request looks its host up several times, and clients use few hosts.
_remembering_hosts = lru_cache(maxsize=256)


@_remembering_hosts
def registry_of_host(host: str) -> Registry | None:
    """Return the registry in a `host[:port]` by its form; None for a host without a registry."""
    match = re.fullmatch(_ANY_REGISTRY_HOST, host) or re.fullmatch(_LOCAL_HOST, host)
    return Registry(match["account"], match["region"]) if match else None


@_remembering_hosts
def is_aws_host(host: str) -> bool:
    """Return True if `host` is one of AWS's for ECR. Addresses of the emulator, such as those with a port, are not."""
    return bool(
        re.fullmatch(_REGISTRY_HOST, host)
        or re.fullmatch(_API_HOST, host)
        or re.fullmatch(_VPC_ENDPOINT_HOST, host)
    )


@_remembering_hosts
def vpc_endpoint_of_host(host: str) -> str | None:
    """Return the id of the VPC endpoint in a `host[:port]`; None for any other host."""
    match = re.fullmatch(_ANY_VPC_ENDPOINT_HOST, host)
    return match["endpoint"] if match else None


def is_in_aws_domain(name: str) -> bool:
    """Return True if a host name, in lower case, is in a domain of AWS, of any service or bucket."""
    return re.fullmatch(_AWS_DOMAIN, name) is not None


def aws_registry_host(account_id: str, region: str) -> str:
    return f"{account_id}.dkr.ecr.{region}.{_DNS_SUFFIXES[partition_of(region)]}"


def registry_host(account_id: str, region: str) -> str:
    """Return the `host[:port]` in `repositoryUri`."""
    if settings.REPOSITORY_URI.get() == "endpoint":
        caller = current_caller()
        address = caller.address if caller else settings.server_address()
        if address:
            return address
    return aws_registry_host(account_id, region)


def proxy_endpoint(account_id: str, region: str) -> str:
    """Return the URL at which clients log in."""
    caller = current_caller()
    host = registry_host(account_id, region)
    if caller and host == caller.address:
        return f"{caller.scheme}://{host}"
    return f"https://{host}"


def download_base(account_id: str, region: str) -> str:
    """Return the URL of this registry's `/v2/` that the caller can reach."""
    caller = current_caller()
    if caller and caller.address:
        return f"{caller.scheme}://{caller.address}"
    return f"https://{aws_registry_host(account_id, region)}"
