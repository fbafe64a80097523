"""CreateFunction without code: `Code={}`.

Lambda refuses it; moto ends with an internal error, and keeps half a function.

https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html, "Code"

Needed by moto 5.1.20 to 5.2.6.
"""

from __future__ import annotations

from typing import Any

from moto_ecr_ext.integrations.awslambda.functions import refusal
from moto_ecr_ext.seams.replacing import Unplug, replace

# Each is a way to name code.
_SOURCES = ("ZipFile", "ImageUri", "S3Bucket", "S3Key")


def plug() -> Unplug:
    """Refuse a function without code.

    `LambdaFunction.__init__` sets the code by `_set_function_code`, with the dict that is its `code`, before the
    function is known to the backend.
    """
    from moto.awslambda.models import LambdaFunction

    original = LambdaFunction._set_function_code

    def _set_function_code(self: Any, updated_spec: dict[str, Any]) -> None:
        if updated_spec is self.code and not any(name in updated_spec for name in _SOURCES):
            raise refusal(
                "InvalidParameterValueException",
                "ImageUri is required."
                if self.package_type == "Image"
                else "Please provide a source for function code.",
            )
        original(self, updated_spec)

    return replace(LambdaFunction, "_set_function_code", _set_function_code)
