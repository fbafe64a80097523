"""The media types that a client accepts (RFC 9110, 12.5.1)."""

from __future__ import annotations

import re

from moto_ecr_ext.oci.media_types import without_parameters

# A quality of 0 refuses (RFC 9110, 12.4.2). Other qualities make no difference, since the stored form of a
# manifest is the best.
_REFUSED = re.compile(r";\s*q\s*=\s*0(\.0*)?\s*(;|$)", re.IGNORECASE)


class Accept:
    """An Accept header. It contains the media types that the client accepts; an empty header contains all."""

    def __init__(self, header: str) -> None:
        self._is_accepted: dict[str, bool] = {}
        for entry in header.split(","):
            if media_type := without_parameters(entry):
                is_refused = _REFUSED.search(entry) is not None
                self._is_accepted[media_type] = (
                    self._is_accepted.get(media_type, False) or not is_refused
                )

    def __contains__(self, media_type: object) -> bool:
        text = str(media_type)
        # The most specific range decides.
        for form in (text, f"{text.partition('/')[0]}/*", "*/*"):
            if form in self._is_accepted:
                return self._is_accepted[form]
        return not self._is_accepted
