"""Rules of requests: values of parameters that only moto accepts, and codes of errors."""

from __future__ import annotations

import re

from moto_ecr_ext.exceptions import PROJECT_CODES
from moto_ecr_ext.exceptions.base import ECRError
from moto_ecr_ext.settings import leniencies
from moto_ecr_ext.settings.leniencies import Leniency

from .answers import Answers
from .notices import report

# What moto accepts, by shape of botocore's model: https://github.com/getmoto/moto, moto/ecr.
_SHAPES: dict[str, tuple[Leniency, re.Pattern[str]]] = {
    # PostgreSQL does not accept the character NUL.
    "ImageTag": (leniencies.ANY_TAGS, re.compile(r"[^\0]+")),
    "RegistryId": (leniencies.SHORT_REGISTRY_IDS, re.compile("[0-9]{1,64}")),
    "UploadId": (leniencies.ANY_UPLOAD_IDS, re.compile(".*", re.DOTALL)),
}


def may_have_other_values(shape_name: str) -> bool:
    """Return True if `ParameterRules.accept` may accept a value that violates the pattern of a shape."""
    return shape_name in _SHAPES


class ParameterRules(Answers):
    """Which values of parameters are accepted beyond the patterns of the model."""

    __slots__ = ()

    def accept(self, shape_name: str, value: str) -> bool:
        """Return True if a value that violates the pattern of its shape is accepted."""
        leniency, pattern = _SHAPES[shape_name]
        member = shape_name[0].lower() + shape_name[1:]
        return bool(pattern.fullmatch(value)) and self._applies(leniency, f"{member} {value}")


class ErrorRules(Answers):
    """Which codes errors have."""

    __slots__ = ()

    def other_code(self, error: ECRError) -> str | None:
        """Return the code that a client reads instead of AWS's, if there is one."""
        code = PROJECT_CODES.get(type(error))
        if code is None or not self._is_on(leniencies.PROJECT_ERROR_CODES):
            return None
        report(leniencies.PROJECT_ERROR_CODES, f"{code}, on AWS {error.code}", applied=False)
        return code


class ConsumerRules(Answers):
    """What the services that run images demand of them."""

    __slots__ = ()

    @property
    def need_images(self) -> bool:
        """True if functions, jobs and tasks must have an image that exists and that the service may pull."""
        return not self._is_on(leniencies.UNVERIFIED_IMAGES)

    def pass_on_errors(self, uri: str) -> bool:
        """Return True if Lambda returns ECR's own error for the missing image of a function."""
        return self._applies(leniencies.ECR_ERRORS_OF_FUNCTIONS, uri)
