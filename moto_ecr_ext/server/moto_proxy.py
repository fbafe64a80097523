"""moto's proxy: the seams of its command.

The proxy needs moto's extra `proxy`, and runs only by the command.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from moto_ecr_ext.calls import Recorder
from moto_ecr_ext.seams.replacing import Unplug, replace

from .access_log import plug_proxy
from .heads import read_chunks, refuse_ambiguous_head, refuse_bad_host
from .moto_server import finish_requests
from .request_log import log_request


@contextmanager
def plugged(configure: Callable[[Any], None]) -> Iterator[None]:
    """Plug in the proxy's seams for this block. Call `configure` with its server. Let requests finish at the end."""
    started: list[Any] = []
    recorder = Recorder(log_request)

    def begin(server: Any) -> None:
        started.append(server)
        server.recorder = recorder
        configure(server)

    plugs = (plug, plug_patience, plug_heads, plug_chunks, plug_bodies)
    with ExitStack() as seams:
        for unplug in (plug_limits(begin), plug_proxy(recorder), *(each() for each in plugs)):
            seams.callback(unplug)
        try:
            yield
        finally:
            for server in started:
                server.server_close()
                finish_requests(server)


def plug() -> Unplug:
    """Close a TLS connection after the proxy's answer, instead of leaving it to the garbage collector.

    The proxy's server closes the socket that it has accepted, but `wrap_socket` has moved the connection to another
    one, the handler's `connection`. A client would wait there for the answer to its next request. The handler calls
    `finish` at the end of a connection.
    """
    from moto.moto_proxy.proxy3 import ProxyRequestHandler

    original = ProxyRequestHandler.finish

    def finish(self: Any) -> None:
        original(self)
        self.connection.close()

    return replace(ProxyRequestHandler, "finish", finish)


def plug_limits(begin: Callable[[Any], None]) -> Unplug:
    """Limit the proxy's connections. Its command makes its server from the class with this name in its module."""
    from moto import proxy

    from .connections import CountedProxyServer

    def make(*arguments: Any, **options: Any) -> CountedProxyServer:
        server = CountedProxyServer(*arguments, **options)
        begin(server)
        return server

    return replace(proxy, "ThreadingHTTPServer", make)


def plug_patience() -> Unplug:
    """Limit the proxy's waits for each byte of a request or an answer.

    moto's own limit is five seconds, even for a whole answer. The handler sets its connection up by `setup`, and
    replaces it, for TLS, by `do_CONNECT`.
    """
    from moto.moto_proxy.proxy3 import ProxyRequestHandler

    from .connections import wait_patiently

    with ExitStack() as seams:
        for name in ("setup", "do_CONNECT"):
            seams.callback(replace(ProxyRequestHandler, name, _then(name, wait_patiently)))
        return seams.pop_all().close


def _then(name: str, act: Callable[[Any], None]) -> Callable[[Any], None]:
    from moto.moto_proxy.proxy3 import ProxyRequestHandler

    original = getattr(ProxyRequestHandler, name)

    def method(self: Any) -> None:
        original(self)
        act(self)

    return method


def plug_heads() -> Unplug:
    """Refuse ambiguous heads and foreign pages before the proxy handles a request.

    `parse_request` reads the head; a request for which it returns False has been answered.
    """
    from moto.moto_proxy.proxy3 import ProxyRequestHandler

    from . import browsers

    original = ProxyRequestHandler.parse_request

    def parse_request(self: Any) -> bool:
        return (
            original(self)
            and not refuse_ambiguous_head(self)
            and not refuse_bad_host(self)
            and not browsers.refuse_page(self, _service)
        )

    return replace(ProxyRequestHandler, "parse_request", parse_request)


def plug_chunks() -> Unplug:
    """Read bodies in chunks as the registry does. The handler reads them by `read_chunked_body`."""
    from moto.moto_proxy.proxy3 import ProxyRequestHandler

    return replace(ProxyRequestHandler, "read_chunked_body", lambda self, reader: read_chunks(self))


def plug_bodies() -> Unplug:
    """Refuse a body that has broken off. moto would pass on to the service what has come."""
    from moto.moto_proxy.proxy3 import MotoRequestHandler

    from moto_ecr_ext.distribution.errors import malformed, render_error

    original = MotoRequestHandler.parse_request

    def parse_request(self: Any, *, headers: Any, body: bytes, **request: Any) -> Any:
        if len(body) < int(headers.get("Content-Length", 0)):
            refusal = render_error(malformed("the body ends early"))
            return refusal.status, refusal.headers, refusal.body
        return original(self, headers=headers, body=body, **request)

    return replace(MotoRequestHandler, "parse_request", parse_request)


def _service(handler: Any) -> str | None:
    """Return moto's service for a request; `moto_api` for moto's own API."""
    scheme = "https" if isinstance(handler.connection, ssl.SSLSocket) else "http"
    service: str | None = handler.moto_request_handler.get_backend_for_host(
        f"{scheme}://{handler.headers['Host']}"
    )
    return service
