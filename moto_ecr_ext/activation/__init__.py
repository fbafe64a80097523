"""Plugging into moto, and out again. The only module that touches moto's internals.

Each seam says what it relies on. `tests/unit/test_activation.py` has a test for each, whose failure
names the assumption that moved.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

from moto_ecr_ext import settings

_seams: ExitStack | None = None


class Installation:
    """What `install()` gives: a context manager at whose end everything is as it was before.

    The extension is taken out again, unless it was there: then it has the settings that it had.
    """

    def __init__(self, before: settings.Installed | None):
        self._before = before

    def __enter__(self) -> Installation:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._before is None:
            uninstall()
            return
        if settings.store_location() != self._before.location:
            _close_store()
        settings.restore(self._before)
        _forget_backends()


def install(
    *,
    data_dir: str | Path | None = None,
    database: str | None = None,
    blobs: str | None = None,
    server_address: str | None = None,
    **behaviour: object,
) -> Installation:
    """Give moto a whole ECR, until `uninstall()` or the end of a `with` block.

    Without `data_dir` everything is in memory. With it, everything is kept in that directory, and a
    reset of moto (the start of `mock_aws`, POST /moto-api/reset) empties it: it is meant for a
    server. `database` is the URL of a database for what is not bytes
    (`postgresql+psycopg://user@host/name`), `blobs` the place of the bytes: `memory:`, a directory
    or `s3://bucket/prefix`. `server_address` is the `host:port` of that server. `behaviour` are settings by name,
    such as `verify_layers=True`; `mock_aws(config= {"ecr": {...}})` comes before them.

    To be called before `mock_aws` starts. A second call changes the settings of the first. Raises
    SettingError for a setting that does not exist or cannot have that value.
    """
    global _seams
    before = settings.installed() if is_installed() else None
    location = settings.StoreLocation.of(data_dir, database, blobs)
    settings.install(location, server_address, behaviour)
    if _seams is None:
        with ExitStack() as seams:
            for plug in (
                _backend_factory,
                _registry_urls,
                _server_dispatch,
                _server_connections,
                _answers_to_tls,
                _requests_clients,
                _error_classes,
                _cloudformation,
                _moto_api,
            ):
                seams.callback(plug())
            _seams = seams.pop_all()
    _forget_backends()
    return Installation(before)


def uninstall() -> None:
    """Take the extension out: moto's own ECR answers again. What was in memory is gone."""
    global _seams
    if _seams is not None:
        _seams.close()
        _seams = None
    settings.install(settings.StoreLocation(), None, {})
    _forget_backends()
    _close_store()


def _close_store() -> None:
    store = sys.modules.get("moto_ecr_ext.storage.store")
    if store is not None:
        store.close_current_store()


def is_installed() -> bool:
    return _seams is not None


def _forget_backends() -> None:
    from moto.ecr.models import ecr_backends

    ecr_backends.clear()


def _make_backend(region_name: str, account_id: str) -> Any:
    """A backend. Its module brings SQLAlchemy, so it is imported when the first backend is made."""
    from moto_ecr_ext.models import ECRBackend

    return ECRBackend(region_name, account_id)


def _replace(owner: type[Any], name: str, replacement: object) -> Callable[[], None]:
    """Give a class another attribute; what is returned puts back what it had, or inherited."""
    is_its_own = name in vars(owner)
    original = vars(owner).get(name)
    setattr(owner, name, replacement)

    def put_back() -> None:
        if is_its_own:
            setattr(owner, name, original)
        else:
            delattr(owner, name)

    return put_back


def _backend_factory() -> Callable[[], None]:
    """moto makes backends by calling `ecr_backends.backend(region, account_id=...)`.

    Everything that holds a backend holds it through this one dict: decorator, server, proxy,
    Lambda, CloudFormation, moto-api, resets.
    """
    from moto.ecr.models import ecr_backends

    original = ecr_backends.backend
    ecr_backends.backend = _make_backend  # type: ignore[assignment]

    def unplug() -> None:
        ecr_backends.backend = original

    return unplug


def close_connections_of_proxy() -> Callable[[], None]:
    """moto's proxy leaves a TLS connection to the garbage collector once it has answered.

    Its server closes the socket that it has accepted, and `wrap_socket` has moved the connection from that to another,
    the handler's `connection`. A client would wait there for the answer to its next request.
    """
    from moto.moto_proxy.proxy3 import ProxyRequestHandler

    original = ProxyRequestHandler.finish

    def finish(self: Any) -> None:
        original(self)
        self.connection.close()

    return _replace(ProxyRequestHandler, "finish", finish)


def _registry_urls() -> Callable[[], None]:
    """Decorator, proxy and server find a service by the first pattern of this list that a URL
    matches.
    """
    from moto.backend_index import backend_url_patterns

    from moto_ecr_ext.hosts import ADDED_URL_PATTERNS

    added = [("ecr", re.compile(pattern)) for pattern in ADDED_URL_PATTERNS]
    backend_url_patterns[:0] = added

    def unplug() -> None:
        for entry in added:
            backend_url_patterns.remove(entry)

    return unplug


def _has_server() -> bool:
    """Whether what moto's server imports is there, which its extra `server` installs."""
    return all(importlib.util.find_spec(name) for name in ("flask", "flask_cors"))


def _server_dispatch() -> Callable[[], None]:
    """The server's WSGI application is this class; every request goes through its `__call__`."""
    if not _has_server():
        return lambda: None
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

    return _replace(DomainDispatcherApplication, "__call__", dispatch)


def _server_connections() -> Callable[[], None]:
    """The server's request handler is this class, which takes one request after the other from its
    connection.

    It does so by `handle_one_request`, until `close_connection` says that it was the last. moto has
    the class since 5.2; before, the registry is served through `_server_dispatch` alone, without
    kept-alive connections.
    """
    if not _has_server():
        return lambda: None
    from moto.moto_server import werkzeug_app

    handler_class = getattr(werkzeug_app, "MotoRequestHandler", None)
    if handler_class is None:
        return lambda: None
    original = handler_class.handle_one_request

    def handle_one_request(self: Any) -> None:
        from moto_ecr_ext.distribution.carriers.connection import serve

        if not serve(self):
            original(self)

    return _replace(handler_class, "handle_one_request", handle_one_request)


def _answers_to_tls() -> Callable[[], None]:
    """The server answers what is no request as this attribute of its request handler says.

    The start of TLS is none. By default the answer is of HTTP/0.9, without a status line.

    Docker with containerd's image store, and all else that resolves names as containerd does, asks
    a registry of this machine by TLS first, and again in plain HTTP only where the answer begins
    with "HTTP/" (https://github.com/containerd/containerd, core/remotes/docker/registry.go,
    isTLSError).
    """
    if not _has_server():
        return lambda: None
    from moto.moto_server import werkzeug_app
    from werkzeug.serving import WSGIRequestHandler

    handler_class = getattr(werkzeug_app, "MotoRequestHandler", WSGIRequestHandler)
    return _replace(handler_class, "default_request_version", "HTTP/1.1")


def _requests_clients() -> Callable[[], None]:
    """A request of the library `requests` is answered by this method of the decorator's callbacks.

    It gets the prepared request, of which moto makes one of its own, which takes no iterator for a
    body, as clients of registries send. It gives urllib3's response, which is not told when it is
    that of a HEAD, and misses the body then.
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

    return _replace(CallbackResponse, "get_response", get_response)


def _error_classes() -> Callable[[], None]:
    """botocore's sessions register these handlers when they are made, as moto has its own
    registered.

    botocore finds the class of an error by `Error.Code`, which may name this project's code (see
    `exceptions.PROJECT_CODES`), unless a handler overrides it, as botocore's own does for SQS.
    """
    from botocore.handlers import BUILTIN_HANDLERS

    entry = ("after-call.ecr", _use_the_class_of_aws)
    BUILTIN_HANDLERS.append(entry)

    def unplug() -> None:
        BUILTIN_HANDLERS.remove(entry)

    return unplug


def _use_the_class_of_aws(parsed: dict[str, Any], context: dict[str, Any], **kwargs: Any) -> None:
    code = parsed.get("Error", {}).get("QueryErrorCode")
    if code:
        context["error_code_override"] = code


def _cloudformation() -> Callable[[], None]:
    """CloudFormation creates and updates `AWS::ECR::Repository` through these two methods of moto's
    `Repository`.

    moto collects the classes of all resource types once, from the classes that there are, into a
    dict by their types: those of the resources that it does not have are put there, and out of it.
    """
    from moto.ecr.models import Repository

    from .cloudformation import repository, resources

    def create(
        cls: type[Any],
        /,
        resource_name: str,
        cloudformation_json: Any,
        account_id: str,
        region_name: str,
        **kwargs: Any,
    ) -> Any:
        return repository.create(
            resource_name, cloudformation_json.get("Properties", {}), account_id, region_name
        )

    def update(
        cls: type[Any],
        /,
        original_resource: Any,
        new_resource_name: str,
        cloudformation_json: Any,
        account_id: str,
        region_name: str,
    ) -> Any:
        return repository.update(
            original_resource,
            new_resource_name,
            cloudformation_json.get("Properties", {}),
            account_id,
            region_name,
        )

    resources.install()
    unplug_create = _replace(Repository, "create_from_cloudformation_json", classmethod(create))
    unplug_update = _replace(Repository, "update_from_cloudformation_json", classmethod(update))

    def unplug() -> None:
        unplug_create()
        unplug_update()
        resources.uninstall()

    return unplug


def _moto_api() -> Callable[[], None]:
    """The paths of moto's own API are in this dict.

    Decorator and proxy look them up with each request; the server does once, with the first request
    below /moto-api/.
    """
    from moto.moto_api._internal.urls import url_paths

    path = "{0}/moto-api/ecr/run-lifecycle"

    def run_lifecycle(request: Any, full_url: str, headers: Any) -> Any:
        from .moto_api import answer_run_lifecycle

        return answer_run_lifecycle(request, full_url, headers)

    url_paths[path] = run_lifecycle

    def unplug() -> None:
        del url_paths[path]

    return unplug
