"""Services of moto whose packages are not installed: the server names the extra to install.

The extra `server` installs moto's server alone. Some services, such as CloudFormation, import further packages.
"""

from __future__ import annotations

import json
import logging
from html import escape
from typing import Any

from moto_ecr_ext.seams.replacing import Unplug, replace

log = logging.getLogger("moto_ecr_ext")

_CODE = "MissingPackageException"
# botocore retries answers with 500, 502, 503 and 504. A retry would not help here.
_STATUS = 501
_EXTRAS = {"docker": "docker"}
# Services that answer in XML, beside those with form requests.
_OF_XML = {"cloudfront", "route53", "s3"}


def plug() -> Unplug:
    """Answer requests that fail since a module is not installed.

    Each view of moto's server is a `convert_to_flask_response`, which calls the service.
    """
    from moto.core.utils import convert_to_flask_response

    original = convert_to_flask_response.__call__

    def call(self: Any, *arguments: Any, **named: Any) -> Any:
        from flask import request
        from werkzeug.exceptions import HTTPException

        try:
            return original(self, *arguments, **named)
        except HTTPException:
            raise
        except Exception as error:
            missing = _cause(error)
            if missing is None:
                raise
            return answer(missing, request.environ)

    return replace(convert_to_flask_response, "__call__", call)


def _cause(error: BaseException | None) -> ModuleNotFoundError | None:
    """Return the missing module that has led to an error, perhaps by others, or None."""
    while error is not None and not isinstance(error, ModuleNotFoundError):
        context = None if error.__suppress_context__ else error.__context__
        error = error.__cause__ or context
    return error


def answer(error: ModuleNotFoundError, environ: dict[str, Any]) -> Any:
    """Return an answer that says what to install, in the form of the requested service."""
    from werkzeug import Response

    message = message_of(error)
    log.warning("%s", message)
    if _is_of_xml(environ):
        text = (
            f"<ErrorResponse><Error><Type>Receiver</Type><Code>{_CODE}</Code>"
            f"<Message>{escape(message)}</Message></Error></ErrorResponse>"
        )
        return Response(text, _STATUS, content_type="text/xml")
    text = json.dumps({"__type": _CODE, "message": message})
    return Response(text, _STATUS, {"x-amzn-errortype": _CODE}, content_type="application/json")


def message_of(error: ModuleNotFoundError) -> str:
    """Return the sentence that says what to install."""
    package = (error.name or "").partition(".")[0]
    extra = _EXTRAS.get(package, "all")
    return (
        f"moto needs the Python package {package} for this request, which is not installed. "
        f"Install moto_ecr_ext with its extra '{extra}'."
    )


def _is_of_xml(environ: dict[str, Any]) -> bool:
    if environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        return True
    scope = environ.get("HTTP_AUTHORIZATION", "").partition("Credential=")[2].partition(",")[0]
    return bool(_OF_XML & set(scope.lower().split("/")))
