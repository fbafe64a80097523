"""botocore's classes of errors."""

from __future__ import annotations

from typing import Any

from .replacing import Unplug


def plug() -> Unplug:
    """Raise AWS's exception class for an error in botocore.

    botocore finds the class of an error by `Error.Code`, which may be this project's code (see
    `exceptions.PROJECT_CODES`), unless a handler overrides it, as botocore's own does for SQS. New sessions register
    the handlers of this list; moto registers its own in the same way.
    """
    from botocore.handlers import BUILTIN_HANDLERS

    entry = ("after-call.ecr", _use_the_class_of_aws)
    BUILTIN_HANDLERS.append(entry)

    def unplug() -> None:
        BUILTIN_HANDLERS.remove(entry)

    return unplug


def _use_the_class_of_aws(parsed: dict[str, Any], context: dict[str, Any], **kwargs: Any) -> None:
    code = parsed.get("Error", {}).get("QueryErrorCode")
    if code:
        context["error_code_override"] = code
