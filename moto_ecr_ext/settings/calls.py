"""The settings that change the behaviour of calls."""

from __future__ import annotations

from .parsing import parse_count, parse_quotas, parse_scanner, parse_upstreams
from .setting import COMPATIBILITY, Setting, of_calls

VERIFY_LAYERS = Setting(
    "verify_layers",
    "false",
    "refuse an image in PutImage if the repository lacks one of its layers or images, as AWS does",
    choices=("true", "false"),
    strict="true",
)
VERIFY_IMAGES = Setting(
    "verify_images",
    "false",
    "refuse Lambda functions, Batch jobs and ECS tasks whose image is not in this ECR, as AWS does",
    choices=("true", "false"),
    strict="true",
)
ERROR_CODES = Setting(
    "error_codes",
    "project",
    "values of Error.Code for the errors that have two: this project's or AWS's",
    choices=("project", "aws"),
    strict="aws",
)
REPOSITORY_URI = Setting(
    "repository_uri",
    "aws",
    "host in repositoryUri and proxyEndpoint: AWS's, or the address of the request",
    choices=("aws", "endpoint"),
)
QUIRKS = Setting(
    "quirks",
    "none",
    "imitate ECR's deviations from the OCI specification",
    choices=("none", "aws"),
    strict="aws",
)
REDIRECT = Setting(
    "redirect",
    "false",
    "redirect pulls of blobs to S3 if the blobs are kept there, as ECR does",
    choices=("true", "false"),
)
UPSTREAMS = Setting(
    "upstreams",
    "",
    "addresses of the upstream registries of pull-through cache rules; others cannot be reached",
    "``NAME=URL``, separated by commas",
    check=parse_upstreams,
)
SCANNER = Setting(
    "scanner",
    "",
    "scan images with this program, which reads an OCI image layout",
    "a command line that begins with ``trivy`` or ``grype``",
    check=parse_scanner,
)
LOGIN = Setting(
    "login",
    "required",
    "require credentials; if optional, a request without them is the default account's in the default Region",
    choices=("required", "optional"),
)
CREATE_ON_PUSH = Setting(
    "create_on_push",
    "templates",
    "create a missing repository at a push: if a creation template matches, as AWS does, or always",
    choices=("templates", "always"),
)
QUOTAS = Setting(
    "quotas",
    "",
    "replace AWS's service quotas, so that a test can exceed them",
    "``NAME=NUMBER``, separated by commas",
    check=parse_quotas,
)
JOURNAL = Setting(
    "journal",
    "10000",
    "keep the records of this many calls; a change takes effect at the next start or reset",
    "a number",
    check=parse_count,
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
    JOURNAL,
)


def quota(name: str) -> int:
    """Return the current value of a quota. Raises SettingError if the source of `quotas` is invalid."""
    return parse_quotas(QUOTAS.get())[name]
