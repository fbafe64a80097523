"""moto's proxy: it closes its TLS connections."""

from __future__ import annotations

from typing import Any

from .replacing import Unplug, replace


def plug() -> Unplug:
    """Close a TLS connection once the proxy has answered, instead of leaving it to the garbage collector.

    The proxy's server closes the socket that it has accepted, and `wrap_socket` has moved the connection from that to
    another, the handler's `connection`. A client would wait there for the answer to its next request. The handler
    calls `finish` when it is done with a connection.

    The command alone has this seam: the proxy needs moto's extra `proxy`, and runs in no other way.
    """
    from moto.moto_proxy.proxy3 import ProxyRequestHandler

    original = ProxyRequestHandler.finish

    def finish(self: Any) -> None:
        original(self)
        self.connection.close()

    return replace(ProxyRequestHandler, "finish", finish)
