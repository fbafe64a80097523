"""moto's server: the seams that serve the registry, keep its connections, and answer clients that try TLS first."""

from __future__ import annotations

import ipaddress
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from moto_ecr_ext.calls import Recorder
from moto_ecr_ext.distribution.carriers.sockets import IDLE_TIMEOUT
from moto_ecr_ext.platforms.sockets import AF_UNIX
from moto_ecr_ext.seams.replacing import Unplug, replace, replace_all

from . import missing_packages
from .access_log import noted, plug_server
from .heads import refuse_ambiguous_head
from .metrics import count_requests_by
from .request_log import log_request
from .tally import Tally

if TYPE_CHECKING:
    from werkzeug.serving import BaseWSGIServer

log = logging.getLogger("moto_ecr_ext")

# Seconds for requests to finish. `docker stop` kills after ten.
_LAST_REQUESTS = 8


def plug() -> Unplug:
    """Plug in all seams of the server, once its module is imported, which imports Flask and is slow."""
    return replace_all(
        plug_dispatch(),
        plug_connections(),
        plug_limits(),
        plug_patience(),
        plug_heads(),
        plug_answers_to_tls(),
        plug_access_log(),
        missing_packages.plug(),
    )


def _nothing() -> None:
    """Do nothing, since nothing was plugged in."""


def plug_dispatch() -> Unplug:
    """Serve the registry before moto sees a request.

    The server's WSGI application is this class; every request goes through its `__call__`.
    """
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication

    original = DomainDispatcherApplication.__call__

    def call(self: Any, environ: dict[str, Any], start_response: Any) -> Any:
        application = noted(partial(dispatch, self))
        return application(environ, start_response)

    def dispatch(self: Any, environ: dict[str, Any], start_response: Any) -> Any:
        from moto_ecr_ext.distribution.carriers.wsgi import (
            is_registry_request,
            registry_application,
        )

        from . import browsers, connections

        gate = getattr(self, "gate", None)
        if is_registry_request(environ):
            return registry_application(environ, start_response, gate)
        connections.read_form(environ)
        if gate is not None:
            refusal = browsers.refusal(gate, environ, lambda: _service(self, environ))
            if refusal is not None:
                return refusal(environ, start_response)
        try:
            answer = original(self, environ, start_response)
        except ModuleNotFoundError as error:
            # The first request for a service imports it.
            return missing_packages.answer(error, environ)(environ, start_response)
        workers = getattr(self, "workers", None)
        if workers is not None:
            workers.publish()
        return answer

    return replace(DomainDispatcherApplication, "__call__", call)


def _service(application: Any, environ: dict[str, Any]) -> str | None:
    """Return moto's service for a request, if the path does not determine it."""
    host = application.infer_service_region_host(environ, environ.get("PATH_INFO", ""))
    service: str | None = application.get_backend_for_host(host)
    return service


def plug_connections() -> Unplug:
    """Serve the registry on connections that are kept alive.

    The server's request handler is this class. It takes one request after the other from its connection by
    `handle_one_request`, until `close_connection` is true. moto has the class since 5.2; with earlier versions,
    `plug_dispatch` serves the registry without kept-alive connections.
    """
    from moto.moto_server import werkzeug_app

    handler_class = getattr(werkzeug_app, "MotoRequestHandler", None)
    if handler_class is None:
        return _nothing
    original = handler_class.handle_one_request

    def handle_one_request(self: Any) -> None:
        from moto_ecr_ext.distribution.carriers.connection import serve

        workers = getattr(self.server, "workers", None)
        if workers is not None and workers.hand_back(self):
            self.close_connection = True
        elif not serve(self):
            # A previous request may have left the limit of waits to the system, which ends them without an error for
            # readers.
            self.connection.settimeout(getattr(self.server, "idle_timeout", IDLE_TIMEOUT))
            original(self)

    return replace(handler_class, "handle_one_request", handle_one_request)


def plug_limits() -> Unplug:
    """Limit the connections of the server, and close silent ones.

    `make_server` looks up the class of a threaded server in its module.
    """
    from werkzeug import serving

    from .connections import CountedWSGIServer

    return replace(serving, "ThreadedWSGIServer", CountedWSGIServer)


def plug_patience() -> Unplug:
    """Limit the server's waits for each byte of a request or an answer.

    The request handler sets its connection up by `setup`, and then reads `rfile` and writes `wfile`.
    """
    from .connections import wait_patiently

    handler_class = _handler_class()
    original = handler_class.setup

    def setup(self: Any) -> None:
        original(self)
        wait_patiently(self)

    return replace(handler_class, "setup", setup)


def plug_heads() -> Unplug:
    """Refuse ambiguous heads before the server handles a request.

    `parse_request` reads the head; a request for which it returns False has been answered.
    """

    handler_class = _handler_class()
    original = handler_class.parse_request

    def parse_request(self: Any) -> bool:
        return original(self) and not refuse_ambiguous_head(self)

    return replace(handler_class, "parse_request", parse_request)


def plug_access_log() -> Unplug:
    """Write this package's access log for a server that records its requests."""
    return plug_server(_handler_class())


def _handler_class() -> Any:
    """Return the class of the server's request handler: moto's own since 5.2."""
    from moto.moto_server import werkzeug_app
    from werkzeug.serving import WSGIRequestHandler

    return getattr(werkzeug_app, "MotoRequestHandler", WSGIRequestHandler)


def plug_answers_to_tls() -> Unplug:
    """Answer the start of TLS with a status line.

    The server answers an invalid request in the version of HTTP in this attribute of its request handler. The default
    is HTTP/0.9, which has no status line.

    Docker with containerd's image store, and other clients that resolve names as containerd does, connect to a registry
    of this machine by TLS first, and by plain HTTP only if the answer begins with "HTTP/"
    (https://github.com/containerd/containerd, core/remotes/docker/registry.go, isTLSError).
    """
    return replace(_handler_class(), "default_request_version", "HTTP/1.1")


@contextmanager
def when_listening(announce: Callable[[Any], None]) -> Iterator[None]:
    """Call `announce` with the server that moto starts in this block, once it listens.

    Its requests finish at the end of the block. moto calls werkzeug's `run_simple` last, which makes the server and
    calls its `serve_forever`, in the process that serves, even if `--reload` has another process watch it. Only then is
    the number of port 0 known.
    """
    from .connections import CountedWSGIServer

    original = CountedWSGIServer.serve_forever
    started = []

    def serve_forever(self: CountedWSGIServer) -> None:
        started.append(self)
        announce(self)
        original(self)

    put_back = replace(CountedWSGIServer, "serve_forever", serve_forever)
    try:
        yield
    finally:
        put_back()
        for server in started:
            finish_requests(server)


def finish_requests(server: Any) -> None:
    """Let the requests of a server finish after it has stopped accepting, so that they do not miss the extension."""
    until = time.monotonic() + _LAST_REQUESTS
    workers = getattr(server, "workers", None)
    if workers is not None:
        server.connections.finish(0)
        workers.finish(until)
    left = server.connections.finish(max(0.0, until - time.monotonic()))
    if left:
        log.warning("Open connections that are cut off after %d s: %d", _LAST_REQUESTS, left)


def set_limits(server: Any, idle_timeout: float, connections: int) -> None:
    """Set the longest wait of a server for its clients, and the number of connections that it serves at once."""
    from .connections import within_limit

    server.idle_timeout = idle_timeout
    server.connections.limit = within_limit(connections)


def record_requests(server: BaseWSGIServer) -> None:
    """Make a server record its requests, for its log and its metrics."""

    tally = Tally()
    server.tally, server.recorder = tally, Recorder(tally.add, log_request)  # type: ignore[attr-defined]
    count_requests_by(tally.counts)


def guard(server: BaseWSGIServer, origins: list[str], hosts: list[str]) -> None:
    """Refuse pages of other origins, and unknown host names if the server listens on a loopback address."""
    from moto.settings import get_s3_custom_endpoints

    from moto_ecr_ext.distribution.carriers.gate import Gate

    names = None
    if server.address_family != AF_UNIX:
        address = str(server.server_address[0]).partition("%")[0]
        if ipaddress.ip_address(address).is_loopback:
            endpoints = (urlsplit(each).hostname for each in get_s3_custom_endpoints())
            names = [server.host.lower(), *hosts, *filter(None, endpoints)]
    gate = Gate(origins, names)
    # For the connections, and for moto's application.
    server.gate = server.app.gate = gate  # type: ignore[attr-defined]
