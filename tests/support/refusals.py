"""The contents of a refusal, in all the forms in which boto3 shows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from botocore.exceptions import ClientError

from support.constants import ACCOUNT


class Refusal(NamedTuple):
    """An error of AWS: its code, and its message."""

    code: str
    message: str


def refusal(call: Callable[..., Any], **request: Any) -> Refusal:
    """The refusal of a call, which must have status 400 and the class of its code.

    The code is `Error.Code`. The class is that of AWS's code, where `Error.QueryErrorCode` has it.
    """
    error = refused(call, **request)
    response = error.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 400
    code, message = response["Error"]["Code"], response["Error"]["Message"]
    name = response["Error"].get("QueryErrorCode", code)
    if name in call.__self__.meta.service_model.shape_names:  # type: ignore[attr-defined]
        assert type(error).__name__ == name
    return Refusal(code, message)


def refused(call: Callable[..., Any], **request: Any) -> ClientError:
    """The exception of a call that is refused."""
    with pytest.raises(ClientError) as raised:
        call(**request)
    return raised.value


def invalid(field: str, constraint: str) -> Refusal:
    """ECR's refusal of a parameter."""
    return Refusal(
        "InvalidParameterException",
        f"Invalid parameter at '{field}' failed to satisfy constraint: '{constraint}'",
    )


def no_repository(name: str, registry_id: str = ACCOUNT) -> Refusal:
    """ECR's refusal of a missing repository."""
    return Refusal(
        "RepositoryNotFoundException",
        f"The repository with name '{name}' does not exist in the registry with id '{registry_id}'",
    )


def no_image(repository: str, digest: str = "null", tag: str = "null") -> Refusal:
    """ECR's refusal of a missing image."""
    return Refusal(
        "ImageNotFoundException",
        f"The image with imageId {{imageDigest:'{digest}', imageTag:'{tag}'}} does not exist "
        f"within the repository with name '{repository}' "
        "in the registry with id '123456789012'",
    )
