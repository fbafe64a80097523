"""The settings as type checkers know them: a test compares them with those of `calls`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypedDict

Flag = bool | Literal["true", "false"]


class Settings(TypedDict, total=False):
    """Settings by name: arguments of `install()`, and what `mock_aws` takes as `config={"ecr": ...}`."""

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


if TYPE_CHECKING:
    from moto.core.config import DefaultConfig

    class MockConfig(DefaultConfig, total=False):
        """What `mock_aws` takes as `config`, with ECR's settings. moto's own type knows moto's services alone."""

        ecr: Settings

else:
    # Importing moto takes long.
    class MockConfig(TypedDict, total=False):
        """What `mock_aws` takes as `config`, with ECR's settings."""

        ecr: Settings
