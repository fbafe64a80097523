"""Host names and ARNs: what a registry is called, and which registry a host name means.

https://docs.aws.amazon.com/general/latest/gr/ecr.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from moto.utilities.utils import get_partition

from . import settings
from .caller import current_caller

_DNS_SUFFIXES = {
    "aws": "amazonaws.com",
    "aws-cn": "amazonaws.com.cn",
    "aws-us-gov": "amazonaws.com",
    "aws-iso": "c2s.ic.gov",
    "aws-iso-b": "sc2s.sgov.gov",
    "aws-iso-e": "cloud.adc-e.uk",
    "aws-iso-f": "csp.hci.ic.gov",
    "aws-eusc": "amazonaws.eu",
}
_ANY_SUFFIX = (
    r"(?:amazonaws\.(?:com(?:\.cn)?|eu)|on\.(?:aws|amazonwebservices\.com\.cn)|c2s\.ic\.gov|sc2s\.sgov\.gov"
    r"|cloud\.adc-e\.uk|csp\.hci\.ic\.gov)"
)

# Every form of a registry's host, in every partition: the two of AWS's endpoints (IPv4, dual-stack), each also FIPS.
REGISTRY_HOST_PATTERN = (
    r"(?P<account>\d{12})\.dkr[.-]ecr(?:-fips)?\.(?P<region>[a-zA-Z0-9][a-zA-Z0-9_-]*)\."
    + _ANY_SUFFIX
)
_LOCAL_HOST_PATTERN = (
    r"(?P<account>\d{12})\.dkr[.-]ecr(?:-fips)?\.(?P<region>[a-zA-Z0-9][a-zA-Z0-9_-]*)"
    r"(?:\.[a-zA-Z0-9-]+)*\.localhost"
)
_REGISTRY_HOST = re.compile(f"(?:{REGISTRY_HOST_PATTERN})(?::443)?")
_ANY_REGISTRY_HOST = re.compile(rf"(?:{REGISTRY_HOST_PATTERN})(?::\d+)?")
_LOCAL_HOST = re.compile(rf"(?:{_LOCAL_HOST_PATTERN})(?::\d+)?")
_API_HOST = re.compile(
    rf"(?:api\.)?ecr(?:-fips)?\.[a-z0-9-]+\.(?:{_ANY_SUFFIX}|api\.(?:aws|amazonwebservices\.com\.cn))(?::443)?"
)


# Hosts of the API beside the two that moto knows, and those of registries, as URLs without a path.
API_URL_PATTERN = (
    r"https?://(?:api\.)?ecr(?:-fips)?\.(.+)\."
    r"(?:amazonaws\.com|api\.aws|api\.amazonwebservices\.com\.cn)"
)
REGISTRY_URL_PATTERN = f"https?://{REGISTRY_HOST_PATTERN}"
ADDED_URL_PATTERNS = (API_URL_PATTERN, REGISTRY_URL_PATTERN)


@dataclass(frozen=True, slots=True)
class Registry:
    """One account in one region."""

    account_id: str
    region: str


def registry_of_host(host: str) -> Registry | None:
    """The registry that a `host[:port]` names by its form; None for a host that names none."""
    match = _ANY_REGISTRY_HOST.fullmatch(host) or _LOCAL_HOST.fullmatch(host)
    return Registry(match["account"], match["region"]) if match else None


def is_aws_host(host: str) -> bool:
    """Whether `host` is one of AWS's for ECR, rather than an address of the emulator, as with a port of its own."""
    return bool(_REGISTRY_HOST.fullmatch(host) or _API_HOST.fullmatch(host))


def aws_registry_host(account_id: str, region: str) -> str:
    return f"{account_id}.dkr.ecr.{region}.{_DNS_SUFFIXES[partition_of(region)]}"


def registry_host(account_id: str, region: str) -> str:
    """The `host[:port]` that `repositoryUri` names."""
    if settings.REPOSITORY_URI.get() == "endpoint":
        caller = current_caller()
        address = caller.address if caller else settings.server_address()
        if address:
            return address
    return aws_registry_host(account_id, region)


def proxy_endpoint(account_id: str, region: str) -> str:
    """The URL that a client logs in to."""
    caller = current_caller()
    host = registry_host(account_id, region)
    if caller and host == caller.address:
        return f"{caller.scheme}://{host}"
    return f"https://{host}"


def download_base(account_id: str, region: str) -> str:
    """The URL below which the caller reaches this registry's `/v2/`, from where it makes the call."""
    caller = current_caller()
    if caller and caller.address:
        return f"{caller.scheme}://{caller.address}"
    return f"https://{aws_registry_host(account_id, region)}"


def repository_arn(account_id: str, region: str, repository_name: str) -> str:
    return f"arn:{partition_of(region)}:ecr:{region}:{account_id}:repository/{repository_name}"


def partition_of(region: str) -> str:
    # moto has the regions of these two, and takes them for the partition aws.
    for part, partition in (("-isoe-", "aws-iso-e"), ("-isof-", "aws-iso-f")):
        if part in region:
            return partition
    return get_partition(region)
