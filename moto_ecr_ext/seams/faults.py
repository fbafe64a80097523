"""Faults in moto: their path below /moto-api/, and their end by moto's reset and by the end of `mock_aws`."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from moto_ecr_ext.fault_rules.problems import FaultError

from .replacing import Unplug, replace

_Answer = tuple[int, dict[str, str], str]
_PATH = "{0}/moto-api/ecr/faults"
_RESET = "{0}/moto-api/reset"
_JSON = {"Content-Type": "application/json"}
_METHODS = "GET, POST, PATCH, DELETE"
# Bytes of the rules of one request.
_LONGEST = 1024 * 1024


def plug() -> Unplug:
    """End all faults with the last mock.

    The start of a mock resets moto, too. It leaves faults alone that were begun before. `stop` ends every mock; it
    keeps the data of a class between `setUp` and its tests.
    """
    from moto.core.models import MockAWS

    stop = MockAWS.stop

    def stop_with_faults(self: MockAWS, remove_data: bool = True) -> None:
        stop(self, remove_data)
        if remove_data and not MockAWS._mocks_active:
            _clear()

    put_back = replace(MockAWS, "stop", stop_with_faults)

    def unplug() -> None:
        put_back()
        _clear()

    return unplug


def plug_paths() -> Unplug:
    """Add the path to moto's own API, and end all faults with a reset by that API."""
    from moto.moto_api._internal.urls import url_paths

    reset = url_paths[_RESET]
    url_paths[_PATH] = _answer
    url_paths[_RESET] = _with_end_of_faults(reset)

    def unplug() -> None:
        del url_paths[_PATH]
        url_paths[_RESET] = reset

    return unplug


def _clear() -> None:
    # It imports werkzeug.
    from moto_ecr_ext import faults

    faults.clear()


def _with_end_of_faults(reset: Callable[..., Any]) -> Callable[..., Any]:
    def reset_all(request: Any, full_url: str, headers: Any) -> Any:
        answer = reset(request, full_url, headers)
        if request.method == "POST":
            _clear()
        return answer

    return reset_all


def _answer(request: Any, full_url: str, headers: Any) -> _Answer:
    """Answer as LocalStack's Chaos API does: POST replaces the rules, PATCH adds some, DELETE removes some, or all."""
    # They import SQLAlchemy.
    from moto_ecr_ext import faults
    from moto_ecr_ext.distribution.carriers.gate import is_foreign
    from moto_ecr_ext.fault_rules.documents import shown

    given = {str(name).lower(): str(value) for name, value in request.headers.items()}
    host = given.get("host") or urlsplit(full_url).netloc
    if is_foreign(request.method, host, given):
        return 403, _JSON, json.dumps({"Error": "Pages of other sites may not change faults."})
    if request.method not in ("GET", "HEAD", "POST", "PATCH", "DELETE"):
        return 405, {**_JSON, "Allow": _METHODS}, json.dumps({"Error": f"Need one of {_METHODS}"})
    try:
        if request.method not in ("GET", "HEAD"):
            _change(request.method, _body_of(request, given))
    except FaultError as error:
        return 400, _JSON, json.dumps({"Error": f"{error}."})
    rules = [shown(each) for each in tuple(faults.active)]
    return 200, _JSON, json.dumps(rules, indent=2) + "\n"


def _change(method: str, body: bytes) -> None:
    """Change the active faults. Raises FaultError, and then changes nothing."""
    from moto_ecr_ext import faults
    from moto_ecr_ext.fault_rules.documents import read_list, read_rules

    if method == "DELETE":
        rules = read_list(body) if body.strip() else None
        there = tuple(faults.active)
        ended = there if rules is None else [each for each in there if each.rule in rules]
        missing = [each for each in rules or () if each not in [fault.rule for fault in there]]
        if missing:
            raise FaultError(f"There is no active fault {json.dumps(missing[0])}")
        for fault in ended:
            faults.end(fault)
        return
    found = read_rules(body)
    if method == "POST":
        faults.clear()
    faults.begin(*found)


def _body_of(request: Any, headers: dict[str, str]) -> bytes:
    """Return the body of a request, in the server and in the test process. Raises FaultError if it is too long."""
    from moto_ecr_ext.distribution.carriers.bodies import read_body

    environ = getattr(request, "environ", None)
    if environ is None:
        body = request.body or b""
        return body.encode() if isinstance(body, str) else bytes(body)
    length = headers.get("content-length", "0")
    if "transfer-encoding" in headers or not length.isdecimal() or int(length) > _LONGEST:
        raise FaultError(f"The rules must have a Content-Length of at most {_LONGEST}")
    return read_body(environ, int(length))
