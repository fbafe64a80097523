"""The access log of moto's server and proxy, in place of their logs: one line for each request.

`distribution.carriers.connection` notes the registry's answers on its connections.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from moto_ecr_ext.calls import CallRecord, Recorder, carrying, current_call
from moto_ecr_ext.seams.replacing import Unplug, replace, replace_all

log = logging.getLogger("moto_ecr_ext")

# RFC 8446, 5.1: the type of a handshake record, and the first digit of its version.
_TLS = b"\x16\x03"
# AWS Signature Version 4: the Region and the service of a credential.
_CREDENTIAL = re.compile(r"Credential=[^/,\s]+/[0-9]{8}/([a-z0-9-]{1,40})/([A-Za-z0-9_.-]{1,60})/")
_TARGET = re.compile(r"(?:[\w.-]+\.)?(\w{1,100})")
_REQUEST_IDS = frozenset(("x-amzn-requestid", "x-amz-request-id"))


def plug_server(handler_class: Any) -> Unplug:
    """Log the requests of a server with the attribute `recorder`, in place of werkzeug's access log.

    werkzeug's handler calls `run_wsgi` for each request whose head it has read, `log_request` when it begins to answer,
    and `log_error` for a problem with the connection.
    """
    run_wsgi, log_request, log_error = (
        getattr(handler_class, name) for name in ("run_wsgi", "log_request", "log_error")
    )

    def run_noted(self: Any) -> None:
        recorder: Recorder | None = getattr(self.server, "recorder", None)
        if recorder is None:
            run_wsgi(self)
            return
        call = CallRecord(self.command, self.path.partition("?")[0])
        with carrying(call):
            try:
                run_wsgi(self)
            finally:
                # Even if the client has gone, or the application has failed.
                recorder.record(call)

    def note_status(self: Any, code: int | str = "-", size: int | str = "-") -> None:
        recorder: Recorder | None = getattr(self.server, "recorder", None)
        if recorder is None:
            log_request(self, code, size)
            return
        call = current_call()
        if call is not None:
            call.status = int(code)
        elif self.raw_requestline.startswith(_TLS):
            log.debug("A client tried TLS at a port without TLS")
        else:
            recorder.record(CallRecord("-", "-", operation="malformed", status=int(code)))

    def note_error(self: Any, text: str, *arguments: Any) -> None:
        if getattr(self.server, "recorder", None) is None:
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


def noted(application: Callable[..., Iterable[bytes]]) -> Any:
    """Return a WSGI application that notes its answer in the record of the current request."""
    call = current_call()
    if call is None:
        return application

    def answer(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        name_request(call, environ)

        def begin(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            call.status = int(status[:3])
            note_headers(call, headers)
            return start_response(status, headers, *rest)

        return _counted(application(environ, begin), call)

    return answer


def _counted(body: Iterable[bytes], call: CallRecord) -> Iterator[bytes]:
    sent = 0
    try:
        for piece in body:
            yield piece
            sent += len(piece)
    finally:
        call.sent = sent
        if hasattr(body, "close"):
            body.close()


def name_request(call: CallRecord, environ: Mapping[str, Any]) -> None:
    """Note the service and the operation of a request, as far as its head names them."""
    length = environ.get("CONTENT_LENGTH", "")
    call.received = int(length) if length.isdecimal() else 0
    credential = _CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
    if credential is None:
        return
    call.region, call.service = credential.groups()
    target = _TARGET.fullmatch(environ.get("HTTP_X_AMZ_TARGET", ""))
    call.operation = target[1] if target else ""


def note_headers(call: CallRecord, headers: Iterable[tuple[str, str]]) -> None:
    """Note the request id and the digest in the headers of an answer."""
    for name, value in headers:
        name = name.lower()
        if name in _REQUEST_IDS:
            call.request_id = value
        elif name == "docker-content-digest":
            call.digest = value


def plug_proxy(recorder: Recorder) -> Unplug:
    """Log the answers of moto's proxy itself, which calls `parse_request` for them and logs by `info`."""
    from moto.moto_proxy import proxy3
    from werkzeug.exceptions import HTTPException

    original = proxy3.MotoRequestHandler.parse_request

    def parse_request(self: Any, method: str, host: str, path: str, *rest: Any, **more: Any) -> Any:
        call = CallRecord(method, path.partition("?")[0], status=502)
        headers = more.get("headers", {})
        name_request(
            call,
            {
                "CONTENT_LENGTH": headers.get("Content-Length", ""),
                "HTTP_AUTHORIZATION": headers.get("Authorization", ""),
                "HTTP_X_AMZ_TARGET": headers.get("X-Amz-Target", ""),
            },
        )
        try:
            with carrying(call):
                answer = original(self, method, host, path, *rest, **more)
            status, answered, body = answer if isinstance(answer, tuple) else (200, {}, answer)
            call.status, call.sent = int(status), len(body or b"")
            note_headers(call, answered.items())
        except HTTPException as error:
            call.status = error.code or 500
            raise
        finally:
            recorder.record(call)
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
