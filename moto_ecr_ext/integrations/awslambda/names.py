"""Functions in requests: by name, ARN or partial ARN, each with or without a version or alias.

https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html, "FunctionName"
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote, unquote

from .functions import refusal

_PARTIAL_ARN = re.compile(r"(?:[a-z0-9-]+:)?(?:\d{12}:)?function:([^:]+(?::[^:]+)?)")


def name_in_path(response: Any) -> str:
    """Return the function that the path of a request names, as a name or a whole ARN.

    moto does not know partial ARNs: the path that it reads gets the name instead. Raises AWS's error for other names
    that moto cannot read.
    """
    from moto.awslambda.exceptions import ValidationException

    given = response.path.rstrip("/").rsplit("/", 2)[-2]
    name = unquote(given)
    partial = _PARTIAL_ARN.fullmatch(name)
    if partial is not None:
        name = partial[1]
        response.path = response.path.replace(f"/{given}/", f"/{quote(name, safe='')}/")
    elif not name.startswith("arn:") and name.count(":") > 1:
        raise ValidationException(
            name, "functionName", "Member must be a name or an ARN of a function"
        )
    return name


def check_qualifier(name: str, qualifier: str | None) -> None:
    """Raise AWS's error for a version or alias in a name or ARN that contradicts `Qualifier`."""
    given = qualifier_in(name)
    if given and qualifier and given != qualifier:
        raise refusal(
            "InvalidParameterValueException",
            "The derived qualifier from the function name does not match the specified qualifier.",
        )


def qualifier_in(name: str) -> str:
    """Return the version or alias in a name or ARN, or an empty text."""
    return name.split(":function:")[-1].partition(":")[2]
