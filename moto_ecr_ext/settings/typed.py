"""The settings as type checkers know them. A test compares them with those in `calls`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypedDict

Flag = bool | Literal["true", "false"]


class Settings(TypedDict, total=False):
    """The settings by name: arguments of `install()`, and ECR's configuration in `mock_aws(config={"ecr": ...})`."""

    compatibility: str
    verify_layers: Flag
    verify_images: Flag
    error_codes: Literal["project", "aws"]
    repository_uri: Literal["aws", "endpoint"]
    quirks: Literal["none", "aws"]
    redirect: Flag
    upstreams: str
    scanner: str
    login: Literal["required", "optional"]
    create_on_push: Literal["templates", "always"]
    quotas: str
    journal: int


if TYPE_CHECKING:
    from moto.core.config import DefaultConfig

    class MockConfig(DefaultConfig, total=False):
        """The argument `config` of `mock_aws`, with ECR's settings. moto's own type has moto's services alone."""

        ecr: Settings

else:
    # Importing moto is slow.
    class MockConfig(TypedDict, total=False):
        """The argument `config` of `mock_aws`, with ECR's settings."""

        ecr: Settings
