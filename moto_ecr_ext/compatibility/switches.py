"""The four settings that choose between AWS's answers and moto's: they are turned into the rules of a call.

`compatibility` selects leniencies. `verify_layers`, `verify_images` and `error_codes` each decide about one of them.
`quirks`, which stands beside them in the settings, decides about the registry protocol alone: `current_dialect` in
`distribution.dialects`.
"""

from __future__ import annotations

from functools import lru_cache

from moto_ecr_ext import settings
from moto_ecr_ext.settings.leniencies import (
    MISSING_LAYERS,
    PROJECT_ERROR_CODES,
    UNVERIFIED_IMAGES,
    parse_compatibility,
)
from moto_ecr_ext.settings.setting import mock_config

from .rules import Rules


def current_rules() -> Rules:
    """Return the rules that the settings choose now. Raises SettingError if one has an invalid value."""
    config = mock_config()
    return _rules(*[each.given_in(config) for each in _SWITCHES])


_SWITCHES = (
    settings.COMPATIBILITY,
    settings.VERIFY_LAYERS,
    settings.VERIFY_IMAGES,
    settings.ERROR_CODES,
)


@lru_cache
def _rules(
    compatibility: str | None,
    verify_layers: str | None,
    verify_images: str | None,
    error_codes: str | None,
) -> Rules:
    """Return the rules of the given values of the four settings; None is for one that is not given."""
    compatibility = compatibility or settings.COMPATIBILITY.default
    error_codes = error_codes or settings.ERROR_CODES.default_with(compatibility)
    leniencies = set(parse_compatibility(compatibility))
    if error_codes == "project":
        leniencies.add(PROJECT_ERROR_CODES)
    # What they imply by default is part of the values of `compatibility`.
    for verifies, leniency in (
        (verify_layers, MISSING_LAYERS),
        (verify_images, UNVERIFIED_IMAGES),
    ):
        if verifies == "false":
            leniencies.add(leniency)
        elif verifies == "true":
            leniencies.discard(leniency)
    return Rules(frozenset(leniencies))
