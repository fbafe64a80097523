"""The settings of how calls behave."""

from __future__ import annotations

from .parsing import parse_quotas, parse_scanner, parse_upstreams
from .setting import COMPATIBILITY, Setting, of_calls

VERIFY_LAYERS = Setting(
    "verify_layers",
    "false",
    "PutImage refuses a manifest whose layers or images the repository does not hold, as AWS does",
    choices=("true", "false"),
    strict="true",
)
VERIFY_IMAGES = Setting(
    "verify_images",
    "false",
    "Lambda functions, Batch jobs and ECS tasks of images that this ECR does not have are refused, as AWS does",
    choices=("true", "false"),
    strict="true",
)
ERROR_CODES = Setting(
    "error_codes",
    "project",
    "whether Error.Code names this project's codes or AWS's where the two differ",
    choices=("project", "aws"),
    strict="aws",
)
REPOSITORY_URI = Setting(
    "repository_uri",
    "aws",
    "whether repositoryUri and proxyEndpoint name AWS's host or the address of the request",
    choices=("aws", "endpoint"),
)
QUIRKS = Setting(
    "quirks",
    "none",
    "whether the registry departs from the OCI specification where ECR does",
    choices=("none", "aws"),
    strict="aws",
)
REDIRECT = Setting(
    "redirect",
    "false",
    "whether the registry answers a pull of a blob that is in S3 with a redirect to it, as ECR does",
    choices=("true", "false"),
)
UPSTREAMS = Setting(
    "upstreams",
    "",
    "where the upstream registries of pull-through cache rules are; others cannot be reached",
    "``NAME=URL``, several with commas",
    check=parse_upstreams,
)
SCANNER = Setting(
    "scanner",
    "",
    "the program that scans images, given an OCI image layout",
    "a command line that begins with ``trivy`` or ``grype``",
    check=parse_scanner,
)
LOGIN = Setting(
    "login",
    "required",
    "whether a request without credentials is one of the default account in the default region, or is refused",
    choices=("required", "optional"),
)
CREATE_ON_PUSH = Setting(
    "create_on_push",
    "templates",
    "whether a push creates its repository as creation templates say, as on AWS, or without one too",
    choices=("templates", "always"),
)
QUOTAS = Setting(
    "quotas",
    "",
    "service quotas other than AWS's, so that a test can exceed them",
    "``NAME=NUMBER``, several with commas",
    check=parse_quotas,
)
ALL = of_calls(
    COMPATIBILITY,
    VERIFY_LAYERS,
    VERIFY_IMAGES,
    ERROR_CODES,
    REPOSITORY_URI,
    QUIRKS,
    REDIRECT,
    UPSTREAMS,
    SCANNER,
    LOGIN,
    CREATE_ON_PUSH,
    QUOTAS,
)


def quota(name: str) -> int:
    """Return a quota as it is now. Raises SettingError if the source of `quotas` has a value that it cannot have."""
    return parse_quotas(QUOTAS.get())[name]
