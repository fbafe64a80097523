"""This project's codes of errors."""

from __future__ import annotations

from .base import ECRError
from .images import ImageTagAlreadyExistsException
from .layers import InvalidLayerException
from .parameters import InvalidContinuationToken

# Codes in `Error.Code` that replace AWS's modelled codes, unless `error_codes` is `aws`. The header
# `x-amzn-query-error` has them; `__type` and the exception class that clients catch have AWS's code.
PROJECT_CODES: dict[type[ECRError], str] = {
    InvalidLayerException: "LayerDigestMismatchException",
    InvalidContinuationToken: "InvalidContinuationTokenException",
    ImageTagAlreadyExistsException: "ImageAlreadyExistsException",
}
