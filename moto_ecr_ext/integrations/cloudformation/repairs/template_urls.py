"""Templates at a URL of this machine.

A client with S3 at `http://127.0.0.1:5000` names a template there as `http://127.0.0.1:5000/bucket/key`. moto takes the
first part of the host for the bucket, unless the URL contains "localhost".

Needed by moto 5.1.20 to 5.2.6.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address
from types import ModuleType
from urllib.parse import urlsplit, urlunsplit

from moto_ecr_ext.seams.replacing import Unplug, replace

# A URL of S3 with the bucket in its path: moto recognizes those by their host.
_S3 = "s3.amazonaws.com"


def plug_stacks() -> Unplug:
    """Find the templates of nested stacks."""
    from moto.cloudformation import models

    return _plug(models)


def plug_operations() -> Unplug:
    """Find the templates of operations."""
    from moto.cloudformation import responses

    return _plug(responses)


def _plug(module: ModuleType) -> Unplug:
    """Make a module read templates at any host without a bucket in its name.

    The module passes the URL to a function that has `get_stack_from_s3_url` among its names.
    """
    read: Callable[..., str] = vars(module)["get_stack_from_s3_url"]

    def read_template(template_url: str, account_id: str, partition: str) -> str:
        return read(with_known_host(template_url), account_id=account_id, partition=partition)

    return replace(module, "get_stack_from_s3_url", read_template)


def with_known_host(template_url: str) -> str:
    """Return the URL with S3's own host, if its host is an address or a name without dots, as containers have."""
    parts = urlsplit(template_url)
    host = parts.hostname or ""
    has_bucket_in_path = "/" in parts.path.lstrip("/") and (
        "." not in host or host == "host.docker.internal" or _is_address(host)
    )
    return urlunsplit(parts._replace(netloc=_S3)) if has_bucket_in_path else template_url


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
