"""moto's server: it serves the registry, keeps its connections, and answers clients that try TLS first.

Without moto's extra `server` there is none, and nothing is changed.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .replacing import Unplug, replace

if TYPE_CHECKING:
    from werkzeug.serving import BaseWSGIServer


def _has_server() -> bool:
    """Return whether everything that moto's server imports is installed."""
    return all(importlib.util.find_spec(name) for name in ("flask", "flask_cors"))


def _nothing() -> None:
    """Take nothing out, since nothing was plugged in."""


def plug_dispatch() -> Unplug:
    """Serve the registry before moto sees a request.

    The server's WSGI application is this class; every request goes through its `__call__`.
    """
    if not _has_server():
        return _nothing
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication

    original = DomainDispatcherApplication.__call__

    def dispatch(self: Any, environ: dict[str, Any], start_response: Any) -> Any:
        from moto_ecr_ext.distribution.carriers.wsgi import (
            is_registry_request,
            registry_application,
        )

        if is_registry_request(environ):
            return registry_application(environ, start_response)
        return original(self, environ, start_response)

    return replace(DomainDispatcherApplication, "__call__", dispatch)


def plug_connections() -> Unplug:
    """Serve the registry on connections that are kept.

    The server's request handler is this class, which takes one request after the other from its connection by
    `handle_one_request`, until `close_connection` says that it was the last. moto has the class since 5.2; before, the
    registry is served through `plug_dispatch` alone, without kept-alive connections.
    """
    if not _has_server():
        return _nothing
    from moto.moto_server import werkzeug_app

    handler_class = getattr(werkzeug_app, "MotoRequestHandler", None)
    if handler_class is None:
        return _nothing
    original = handler_class.handle_one_request

    def handle_one_request(self: Any) -> None:
        from moto_ecr_ext.distribution.carriers.connection import serve

        if not serve(self):
            original(self)

    return replace(handler_class, "handle_one_request", handle_one_request)


def plug_answers_to_tls() -> Unplug:
    """Answer the start of TLS with a status line.

    The server answers what is not a request in the version of HTTP that this attribute of its request handler names.
    By default that is HTTP/0.9, which has no status line.

    Docker with containerd's image store, and all else that resolves names as containerd does, asks a registry of this
    machine by TLS first, and again in plain HTTP only if the answer begins with "HTTP/"
    (https://github.com/containerd/containerd, core/remotes/docker/registry.go, isTLSError).
    """
    if not _has_server():
        return _nothing
    from moto.moto_server import werkzeug_app
    from werkzeug.serving import WSGIRequestHandler

    handler_class = getattr(werkzeug_app, "MotoRequestHandler", WSGIRequestHandler)
    return replace(handler_class, "default_request_version", "HTTP/1.1")


@contextmanager
def when_listening(announce: Callable[[BaseWSGIServer], None]) -> Iterator[None]:
    """Call `announce` with the server that moto starts in this block, once it listens.

    moto ends in werkzeug's `run_simple`, which makes the server and has it `serve_forever`: in the process that
    serves, also where `--reload` has another one watch over it. Only then is it known which port 0 stands for.
    """
    from werkzeug.serving import BaseWSGIServer

    original = BaseWSGIServer.serve_forever

    def serve_forever(self: BaseWSGIServer, *arguments: Any, **options: Any) -> None:
        announce(self)
        original(self, *arguments, **options)

    put_back = replace(BaseWSGIServer, "serve_forever", serve_forever)
    try:
        yield
    finally:
        put_back()
