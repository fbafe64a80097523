"""Assumptions of each seam in moto, botocore and werkzeug. A failure names the assumption that moved."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
import requests
from botocore.handlers import BUILTIN_HANDLERS
from moto import backend_index, mock_aws
from moto.core.config import default_user_config
from moto.core.custom_responses_mock import CallbackResponse
from moto.core.models import MockAWS
from moto.ecr.models import ecr_backends
from moto.moto_proxy import proxy3
from moto.moto_server import werkzeug_app

import moto_ecr_ext
from support.constants import ACCOUNT, REGION

REGISTRY = f"https://{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/v2/"


def test_moto_makes_backends_by_the_attribute_of_one_dict(
    stock_moto: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """moto calls `ecr_backends.backend(region, account_id=...)` for a missing backend."""
    calls = []

    def make(*arguments: object, **options: object) -> str:
        calls.append((arguments, options))
        return "a backend"

    monkeypatch.setattr(ecr_backends, "backend", make)
    ecr_backends.clear()

    assert ecr_backends[ACCOUNT][REGION] == "a backend", "moto does not keep what it is given"
    assert calls == [((REGION,), {"account_id": ACCOUNT})]
    ecr_backends.clear()


def test_every_part_of_moto_reads_one_list_of_url_patterns(stock_moto: None) -> None:
    """Decorator, server and proxy hold the list that `install()` adds to, not a copy."""
    patterns = backend_index.backend_url_patterns

    application = werkzeug_app.DomainDispatcherApplication(werkzeug_app.create_backend_app)
    assert application.backend_url_patterns is patterns
    assert proxy3.backend_url_patterns is patterns
    assert all(len(entry) == 2 and entry[1].pattern for entry in patterns)
    moto_ecr_ext.install()
    with mock_aws():
        assert requests.get(REGISTRY).status_code == 401, "mock_aws did not read the list"


def test_moto_finds_urls_beside_a_module_named_models(stock_moto: None) -> None:
    """The package of the backend is called `models`, so that moto reads `moto_ecr_ext.urls`."""
    moto_ecr_ext.install()

    module = ecr_backends[ACCOUNT][REGION]._url_module

    assert module.__name__ == "moto_ecr_ext.urls"


def test_requests_come_to_moto_by_one_method_of_its_callbacks(
    stock_moto: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`mock_aws` passes each request of the library `requests` to this method unchanged."""
    seen = []
    original = CallbackResponse.get_response

    def record(self: Any, request: Any) -> Any:
        seen.append((type(request), request.url))
        return original(self, request)

    monkeypatch.setattr(CallbackResponse, "get_response", record)
    with mock_aws():
        answer = requests.get("https://sts.us-east-1.amazonaws.com/?Action=GetCallerIdentity")

    assert answer.status_code == 200
    assert seen == [(requests.PreparedRequest, answer.url)]


def test_botocore_registers_builtin_handlers_for_a_new_session(
    stock_moto: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """botocore registers what is in this list when a session is made, as moto has its own."""
    seen = []
    entry = ("after-call.ecr", lambda **options: seen.append(sorted(options)))
    monkeypatch.setattr("botocore.handlers.BUILTIN_HANDLERS", [*BUILTIN_HANDLERS, entry])

    with mock_aws():
        boto3.Session().client("ecr", region_name=REGION).describe_repositories()

    assert len(seen) == 1
    assert {"parsed", "context"} <= {*seen[0]}


def test_botocore_takes_the_class_of_an_error_from_the_override(
    stock_moto: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`error_code_override` in the context of a call names the class of its error."""

    def override(context: dict[str, Any], **options: object) -> None:
        context["error_code_override"] = "LimitExceededException"

    entry = ("after-call.ecr", override)
    monkeypatch.setattr("botocore.handlers.BUILTIN_HANDLERS", [*BUILTIN_HANDLERS, entry])

    with mock_aws():
        ecr = boto3.Session().client("ecr", region_name=REGION)
        with pytest.raises(ecr.exceptions.LimitExceededException):
            ecr.delete_repository(repositoryName="nowhere")


def test_every_mock_begins_by_one_method(stock_moto: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A context manager and a decorator call `MockAWS.start`, after which the configuration applies."""
    seen = []
    start = MockAWS.start

    def watched(self: MockAWS, *arguments: Any, **options: Any) -> None:
        start(self, *arguments, **options)
        seen.append(default_user_config.get("ecr"))

    monkeypatch.setattr(MockAWS, "start", watched)
    mock = mock_aws(config={"ecr": {"quirks": "aws"}})
    with mock:
        pass
    mock(lambda: None)()
    assert seen == [{"quirks": "aws"}] * 2, "moto starts a mock in another way"
    assert "ecr" not in default_user_config, "moto keeps the configuration"
