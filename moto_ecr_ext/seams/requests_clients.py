"""Clients in the process that use the library `requests`, under `mock_aws`."""

from __future__ import annotations

from typing import Any

from .replacing import Unplug, replace


def plug() -> Unplug:
    """Support bodies in pieces and HEAD requests to the registry.

    This method of the decorator's callbacks answers a request of `requests`. It receives the prepared request. moto
    builds its own request from it, which rejects an iterator as the body. It returns urllib3's response, which does not
    know that it answers a HEAD, and misses the body.
    """
    from moto.core.custom_responses_mock import CallbackResponse

    original = CallbackResponse.get_response

    def get_response(self: Any, request: Any) -> Any:
        from moto_ecr_ext.distribution.carriers.in_process import is_for_registry, with_whole_body

        if not is_for_registry(request):
            return original(self, request)
        response = original(self, with_whole_body(request))
        if request.method == "HEAD":
            response.length_remaining = 0
        return response

    return replace(CallbackResponse, "get_response", get_response)
