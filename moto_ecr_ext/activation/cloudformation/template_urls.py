"""Templates at a URL of this machine.

A client that has S3 at `http://127.0.0.1:5000` names a template there by `http://127.0.0.1:5000/bucket/key`. moto takes
the first part of the host for a bucket, unless the URL has "localhost" in it.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address
from types import ModuleType
from urllib.parse import urlsplit, urlunsplit

from moto_ecr_ext.activation.replacing import Unplug, replace

# A URL of S3 that has the bucket in its path: moto knows those by their host.
_S3 = "s3.amazonaws.com"


def plug_stacks() -> Unplug:
    """Have the templates of nested stacks found."""
    from moto.cloudformation import models

    return _plug(models)


def plug_operations() -> Unplug:
    """Have the templates of operations found."""
    from moto.cloudformation import responses

    return _plug(responses)


def _plug(module: ModuleType) -> Unplug:
    """Have a module read templates at any host whose name has no bucket in it.

    It has a function `get_stack_from_s3_url` among its names, to which it gives the URL first.
    """
    read: Callable[..., str] = vars(module)["get_stack_from_s3_url"]

    def read_template(template_url: str, account_id: str, partition: str) -> str:
        return read(with_known_host(template_url), account_id=account_id, partition=partition)

    return replace(module, "get_stack_from_s3_url", read_template)


def with_known_host(template_url: str) -> str:
    """Return the same URL at S3's own host if its host is an address or a name without dots, as containers have."""
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
