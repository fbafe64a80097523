"""The access log of moto's server and proxy, in place of their logs: one line for each request.

`distribution.carriers.connection` notes the registry's answers on its connections.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from moto_ecr_ext.caller import Exchange, current_exchange, exchanging

from .replacing import Unplug, replace, replace_all

if TYPE_CHECKING:
    from moto_ecr_ext.distribution.carriers.watch import Watch

log = logging.getLogger("moto_ecr_ext")

# RFC 8446, 5.1: the type of a handshake record, and the first digit of its version.
_TLS = b"\x16\x03"
# AWS Signature Version 4: the Region and the service of a credential.
_CREDENTIAL = re.compile(r"Credential=[^/,\s]+/[0-9]{8}/([a-z0-9-]{1,40})/([A-Za-z0-9_.-]{1,60})/")
_TARGET = re.compile(r"(?:[\w.-]+\.)?(\w{1,100})")
_REQUEST_IDS = frozenset(("x-amzn-requestid", "x-amz-request-id"))


def plug_server(handler_class: Any) -> Unplug:
    """Log the requests of a server with the attribute `watch`, in place of werkzeug's access log.

    werkzeug's handler calls `run_wsgi` for each request whose head it has read, `log_request` when it begins to answer,
    and `log_error` for a problem with the connection.
    """
    run_wsgi, log_request, log_error = (
        getattr(handler_class, name) for name in ("run_wsgi", "log_request", "log_error")
    )

    def run_noted(self: Any) -> None:
        watch: Watch | None = getattr(self.server, "watch", None)
        if watch is None:
            run_wsgi(self)
            return
        exchange = Exchange(self.command, self.path.partition("?")[0])
        with exchanging(exchange):
            try:
                run_wsgi(self)
            finally:
                if (
                    not exchange.seconds
                ):  # The client has closed the connection, or the application has failed.
                    watch.record(exchange)

    def note_status(self: Any, code: int | str = "-", size: int | str = "-") -> None:
        watch: Watch | None = getattr(self.server, "watch", None)
        if watch is None:
            log_request(self, code, size)
            return
        exchange = current_exchange()
        if exchange is not None:
            exchange.status = int(code)
        elif self.raw_requestline.startswith(_TLS):
            log.debug("A client tried TLS at a port without TLS")
        else:
            watch.record(Exchange("-", "-", name="malformed", status=int(code)))

    def note_error(self: Any, text: str, *arguments: Any) -> None:
        if getattr(self.server, "watch", None) is None:
            log_error(self, text, *arguments)
        else:
            _log_failure(self, text, arguments)

    return replace_all(
        replace(handler_class, "run_wsgi", run_noted),
        replace(handler_class, "log_request", note_status),
        replace(handler_class, "log_error", note_error),
    )


def _log_failure(handler: Any, text: str, arguments: tuple[Any, ...]) -> None:
    """Log a problem with a connection in printable characters. A TLS probe has been logged already."""
    if not getattr(handler, "raw_requestline", b"").startswith(_TLS):
        log.debug("A connection failed: %s", repr(text % arguments)[1:-1])


def noted(application: Callable[..., Iterable[bytes]], watch: Watch | None) -> Any:
    """Return a WSGI application that notes its answer in the current exchange, and records the exchange at the end."""
    exchange = current_exchange()
    if exchange is None or watch is None:
        return application

    def answer(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        name_request(exchange, environ)

        def begin(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            exchange.status = int(status[:3])
            note_headers(exchange, headers)
            return start_response(status, headers, *rest)

        return _counted(application(environ, begin), exchange, watch)

    return answer


def _counted(body: Iterable[bytes], exchange: Exchange, watch: Watch) -> Iterator[bytes]:
    try:
        for piece in body:
            yield piece
            exchange.sent += len(piece)
        watch.record(exchange)
    finally:
        if hasattr(body, "close"):
            body.close()


def name_request(exchange: Exchange, environ: Mapping[str, Any]) -> None:
    """Note the service and the operation of a request, as far as its head names them."""
    length = environ.get("CONTENT_LENGTH", "")
    exchange.received = int(length) if length.isdecimal() else 0
    credential = _CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
    if credential is None:
        return
    exchange.region, exchange.service = credential.groups()
    target = _TARGET.fullmatch(environ.get("HTTP_X_AMZ_TARGET", ""))
    exchange.name = target[1] if target else ""


def note_headers(exchange: Exchange, headers: Iterable[tuple[str, str]]) -> None:
    """Note the request id and the digest in the headers of an answer."""
    for name, value in headers:
        name = name.lower()
        if name in _REQUEST_IDS:
            exchange.request_id = value
        elif name == "docker-content-digest":
            exchange.digest = value


def plug_proxy(watch: Watch) -> Unplug:
    """Log the answers of moto's proxy itself, which calls `parse_request` for them and logs by `info`."""
    from moto.moto_proxy import proxy3
    from werkzeug.exceptions import HTTPException

    original = proxy3.MotoRequestHandler.parse_request

    def parse_request(self: Any, method: str, host: str, path: str, *rest: Any, **more: Any) -> Any:
        exchange = Exchange(method, path.partition("?")[0], status=502)
        headers = more.get("headers", {})
        name_request(
            exchange,
            {
                "CONTENT_LENGTH": headers.get("Content-Length", ""),
                "HTTP_AUTHORIZATION": headers.get("Authorization", ""),
                "HTTP_X_AMZ_TARGET": headers.get("X-Amz-Target", ""),
            },
        )
        try:
            with exchanging(exchange):
                answer = original(self, method, host, path, *rest, **more)
            status, answered, body = answer if isinstance(answer, tuple) else (200, {}, answer)
            exchange.status, exchange.sent = int(status), len(body or b"")
            note_headers(exchange, answered.items())
        except HTTPException as error:
            exchange.status = error.code or 500
            raise
        finally:
            watch.record(exchange)
        return answer

    def note_message(self: Any, text: str, *arguments: Any) -> None:
        if getattr(self, "raw_requestline", b"").startswith(_TLS):
            log.debug("A client tried TLS at the proxy's own port")
        else:
            log.debug("A connection failed: %s", repr(text % arguments)[1:-1])

    return replace_all(
        replace(proxy3.MotoRequestHandler, "parse_request", parse_request),
        replace(proxy3.ProxyRequestHandler, "log_message", note_message),
        replace(proxy3, "info", lambda message: None),
    )
