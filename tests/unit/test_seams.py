"""Assumptions of each seam in moto, botocore and werkzeug. A failure names the assumption that moved."""

from __future__ import annotations

import inspect
import json
import socket
from http.server import BaseHTTPRequestHandler
from typing import Any

import boto3
import pytest
import requests
from botocore.exceptions import ClientError, UnknownServiceError
from botocore.handlers import BUILTIN_HANDLERS
from moto import backend_index, mock_aws
from moto import proxy as moto_proxy
from moto import server as moto_server
from moto.cloudformation.models import CloudFormationBackend
from moto.cloudformation.parsing import ResourceMap, get_model_map, resource_class_from_type
from moto.cloudformation.responses import CloudFormationResponse
from moto.core.config import default_user_config
from moto.core.custom_responses_mock import CallbackResponse
from moto.core.exceptions import ServiceException
from moto.core.models import MockAWS
from moto.core.responses import BaseResponse
from moto.ecr.models import Repository, ecr_backends
from moto.moto_proxy import proxy3
from moto.moto_server import werkzeug_app
from werkzeug import serving
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler

import moto_ecr_ext
from moto_ecr_ext.activation import proxy
from moto_ecr_ext.activation.cloudformation.stacks import StackError
from moto_ecr_ext.activation.moto_flags import parser_of
from support.constants import ACCOUNT, REGION

REGISTRY = f"https://{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/v2/"
HANDLER = getattr(werkzeug_app, "MotoRequestHandler", None)


def test_moto_makes_backends_by_the_attribute_of_one_dict(
    stock_moto: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """moto calls `ecr_backends.backend(region, account_id=...)` for a backend that is not there."""
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
    """Decorator, server and proxy hold the list that `install()` adds to, not a copy of it."""
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


def test_the_server_calls_the_class_for_each_request(
    stock_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """moto's server looks `__call__` of its application up on the class, for each request."""
    paths = []
    original = werkzeug_app.DomainDispatcherApplication.__call__

    def record(self: Any, environ: Any, start_response: Any) -> Any:
        paths.append(environ["PATH_INFO"])
        return original(self, environ, start_response)

    monkeypatch.setattr(werkzeug_app.DomainDispatcherApplication, "__call__", record)
    requests.get(f"http://{stock_server}/moto-api/data.json")

    assert paths == ["/moto-api/data.json"]


@pytest.mark.skipif(HANDLER is None, reason="moto has no handler of its own before 5.2")
def test_the_server_takes_each_request_by_handle_one_request(
    stock_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """moto's server makes its handler of this class, whose `handle_one_request` finds the request unread."""
    heads_seen = []
    original = HANDLER.handle_one_request

    def record(self: Any) -> None:
        heads_seen.append(self.rfile.peek())
        original(self)

    monkeypatch.setattr(HANDLER, "handle_one_request", record)
    requests.get(f"http://{stock_server}/moto-api/data.json", headers={"X-Seen": "yes"})

    [head] = heads_seen
    assert head.startswith(b"GET /moto-api/data.json HTTP/1.1\r\n")
    assert b"\r\nX-Seen: yes\r\n" in head


def test_the_server_answers_garbage_by_the_default_version_of_its_handler(
    stock_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bytes that are not HTTP are answered in the HTTP version of this attribute."""
    handler = HANDLER or WSGIRequestHandler
    assert not answer_to_garbage(stock_server).startswith(b"HTTP/")

    monkeypatch.setattr(handler, "default_request_version", "HTTP/1.1")

    assert answer_to_garbage(stock_server).startswith(b"HTTP/1.1 400")


def answer_to_garbage(address: str) -> bytes:
    """The server's answer to the beginning of TLS."""
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        answer = connection.makefile("rb").read()
    return answer


def test_the_command_of_moto_ends_in_serve_forever(
    stock_moto: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`moto_server` has a server of werkzeug's `serve_forever`, which knows by then where it listens."""
    listening = []

    def record(self: BaseWSGIServer, *arguments: object, **options: object) -> None:
        listening.append((self.host, self.port, self.socket.getsockname()))
        self.server_close()

    monkeypatch.setattr(BaseWSGIServer, "serve_forever", record)
    # What the command changes in its process.
    monkeypatch.setenv("MOTO_PORT", "5000")
    monkeypatch.setattr("signal.signal", lambda *arguments: None)
    moto_server.main(["--port", "0"])

    [(host, port, address)] = listening
    assert (host, port) == address
    assert port != 0


@pytest.mark.parametrize("name", ["setup", "parse_request"])
def test_the_server_sets_up_and_reads_by_methods_of_its_handler(stock_server, monkeypatch, name):
    """moto's server prepares a connection by `setup`, reads a head by `parse_request`, on the class of its handler."""
    seen = []
    handler = HANDLER or WSGIRequestHandler
    original = getattr(handler, name)

    def record(self: Any) -> Any:
        result = original(self)
        seen.append((type(self.connection), hasattr(self, "wfile")))
        return result

    monkeypatch.setattr(handler, name, record)
    requests.get(f"http://{stock_server}/moto-api/data.json")

    assert seen == [(socket.socket, True)]


def test_the_server_does_not_answer_what_was_not_parsed(stock_server, monkeypatch):
    """`parse_request` of the handler may answer itself, and return False."""

    def refuse(self: Any) -> bool:
        self.wfile.write(b"HTTP/1.1 418 Refused\r\nContent-Length: 0\r\n\r\n")
        self.close_connection = True
        return False

    monkeypatch.setattr(HANDLER or WSGIRequestHandler, "parse_request", refuse)

    assert requests.get(f"http://{stock_server}/moto-api/data.json").status_code == 418


def test_moto_makes_its_servers_of_a_name_in_werkzeug(stock_moto, monkeypatch):
    """The command and `ThreadedMotoServer` end in `make_server`, which looks the class up in its module."""

    class Made(Exception):
        """The server was made of this class."""

    def make(*arguments: object, **options: object) -> None:
        raise Made

    monkeypatch.setattr(serving, "ThreadedWSGIServer", make)
    monkeypatch.setenv("MOTO_PORT", "5000")
    monkeypatch.setattr("signal.signal", lambda *arguments: None)

    with pytest.raises(Made):
        moto_server.main(["--port", "0"])
    with pytest.raises(Made):
        moto_server.ThreadedMotoServer(port=0)._server_entry()


def test_the_proxy_is_made_of_a_name_in_its_module(stock_moto, monkeypatch):
    """The command of the proxy makes its server of this name, with its handler."""

    class Made(Exception):
        """The server was made."""

    def make(address: object, handler: object) -> None:
        assert handler is proxy3.ProxyRequestHandler
        raise Made

    monkeypatch.setattr(moto_proxy, "ThreadingHTTPServer", make)
    monkeypatch.setenv("MOTO_PORT", "5005")
    monkeypatch.setenv("TEST_PROXY_MODE", "")
    monkeypatch.setattr("signal.signal", lambda *arguments: None)

    with pytest.raises(Made):
        moto_proxy.main(["--port", "0"])


def test_the_application_of_the_server_finds_the_service_of_a_request(stock_moto):
    """The service that a foreign page requests is found as moto finds it."""
    application = werkzeug_app.DomainDispatcherApplication(werkzeug_app.create_backend_app)
    environ = {
        "HTTP_AUTHORIZATION": "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/ECR/aws4_request",
        "PATH_INFO": "/",
    }

    host = application.infer_service_region_host(environ, "/")

    assert application.get_backend_for_host(host) == "ecr"


def test_the_proxy_leaves_its_connection_open_when_it_has_finished(stock_moto):
    """Its handler calls `finish`, and its `connection` is what is left open."""
    connection, client = socket.socketpair()

    class Handler(proxy3.ProxyRequestHandler):
        def __init__(self) -> None:
            BaseHTTPRequestHandler.__init__(self, connection, ("127.0.0.1", 0), None)

        def handle(self) -> None:
            """Answer nothing."""

    Handler()
    assert connection.fileno() != -1
    unplug = proxy.plug()
    try:
        Handler()
    finally:
        unplug()
    assert connection.fileno() == -1
    client.close()


def test_requests_come_to_moto_by_one_method_of_its_callbacks(
    stock_moto: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`mock_aws` has each request of the library `requests` answered by this method, as it is."""
    seen = []
    original = CallbackResponse.get_response

    def record(self: Any, request: Any) -> Any:
        seen.append((type(request), request.url))
        return original(self, request)

    monkeypatch.setattr(CallbackResponse, "get_response", record)
    with mock_aws():
        answer = requests.get("https://sqs.us-east-1.amazonaws.com/?Action=ListQueues")

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


def test_stacks_create_and_update_by_two_class_methods(stock_moto: None) -> None:
    """moto's stacks make `AWS::ECR::Repository` through class methods of moto's `Repository`."""
    assert resource_class_from_type("AWS::ECR::Repository") is Repository
    for name in ("create_from_cloudformation_json", "update_from_cloudformation_json"):
        assert isinstance(Repository.__dict__[name], classmethod)


def test_stacks_delete_resources_by_one_method(stock_moto, monkeypatch):
    """Stacks, updates and change sets go through `ResourceMap._delete_resource`; a stack is deleted by its id."""
    resources, stacks = [], []
    delete_resource, delete_stack = ResourceMap._delete_resource, CloudFormationBackend.delete_stack

    def note_resource(self: Any, resource: Any, description: dict[str, Any]) -> None:
        resources.append(resource.logical_resource_id)
        delete_resource(self, resource, description)

    def note_stack(self: Any, name_or_stack_id: str) -> None:
        stacks.append(name_or_stack_id)
        delete_stack(self, name_or_stack_id)

    monkeypatch.setattr(ResourceMap, "_delete_resource", note_resource)
    monkeypatch.setattr(CloudFormationBackend, "delete_stack", note_stack)

    def template(*names: str) -> str:
        return json.dumps({"Resources": {name: {"Type": "AWS::SQS::Queue"} for name in names}})

    with mock_aws():
        client = boto3.client("cloudformation", region_name=REGION)
        created = client.create_stack(StackName="s", TemplateBody=template("A", "B", "C"))
        client.update_stack(StackName="s", TemplateBody=template("A", "B"))
        about = {"StackName": "s", "ChangeSetName": "c"}
        client.create_change_set(**about, TemplateBody=template("A"), ChangeSetType="UPDATE")
        client.execute_change_set(**about)
        client.delete_stack(StackName="s")
    assert resources == ["C", "B", "A"]
    assert stacks == ["s", created["StackId"]]


def test_uninstalling_gives_stacks_their_methods_back(stock_moto):
    """The seam of deletions is plugged in by the first repository of a stack."""
    methods = (
        ResourceMap._delete_resource,
        ResourceMap.update,
        CloudFormationBackend.delete_stack,
        CloudFormationResponse.delete_stack,
    )
    template = json.dumps({"Resources": {"App": {"Type": "AWS::ECR::Repository"}}})
    with moto_ecr_ext.install(), mock_aws():
        stacks = boto3.client("cloudformation", region_name=REGION)
        stacks.create_stack(StackName="stack", TemplateBody=template)
        assert ResourceMap.update is not methods[1]
        assert CloudFormationResponse.delete_stack is not methods[3]
    assert methods == (
        ResourceMap._delete_resource,
        ResourceMap.update,
        CloudFormationBackend.delete_stack,
        CloudFormationResponse.delete_stack,
    )


def test_stacks_find_the_class_of_a_resource_in_one_dict(stock_moto):
    """moto's stacks look up the class of a type in a dict that is made once, and made available."""
    types = get_model_map()
    assert types is get_model_map()
    assert types["AWS::ECR::Repository"] is Repository
    assert resource_class_from_type("AWS::ECR::RegistryPolicy") is None

    with moto_ecr_ext.install():
        found = resource_class_from_type("AWS::ECR::RegistryPolicy")
        assert found.cloudformation_type() == "AWS::ECR::RegistryPolicy"

    assert resource_class_from_type("AWS::ECR::RegistryPolicy") is None


def test_stacks_answer_an_error_by_the_model_of_the_package_of_its_class(
    stock_moto: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """moto looks an error up in the model of CloudFormation, then in that of `moto.<service>`, where its class is from.

    A class of `moto_ecr_ext` would be of a service that there is not.
    """

    class Refusal(ServiceException):
        __module__ = StackError.__module__

    def refuse(cls: type, *arguments: object, **options: object) -> None:
        raise Refusal("RepositoryPolicyNotFoundException", "There is none")

    monkeypatch.setattr(Repository, "create_from_cloudformation_json", classmethod(refuse))
    template = '{"Resources": {"App": {"Type": "AWS::ECR::Repository", "Properties": {}}}}'
    with mock_aws():
        stacks = boto3.client("cloudformation", region_name=REGION)
        with pytest.raises(ClientError, match="There is none") as caught:
            stacks.create_stack(StackName="stack", TemplateBody=template)
        assert caught.value.response["Error"]["Code"] == "RepositoryPolicyNotFoundException"

        Refusal.__module__ = "moto_ecr_ext.exceptions"
        with pytest.raises(UnknownServiceError, match="exceptions"):
            stacks.create_stack(StackName="another", TemplateBody=template)


def test_the_server_names_what_is_noted_of_a_request() -> None:
    """werkzeug's handler runs the application in `run_wsgi`, and logs by `log_request` and `log_error`."""
    handler: Any = HANDLER or WSGIRequestHandler
    for name in ("run_wsgi", "log_request", "log_error"):
        assert callable(getattr(handler, name, None)), f"the handler has no {name}"


def test_the_proxy_names_what_is_noted_of_a_request() -> None:
    """moto's proxy answers by `parse_request` with the path and the headers, and logs by `info`."""
    parameters = inspect.signature(proxy3.MotoRequestHandler.parse_request).parameters
    # Earlier moto has `form_data` behind them.
    assert list(parameters)[:6] == ["self", "method", "host", "path", "headers", "body"]
    assert callable(proxy3.info)


@pytest.mark.parametrize("command", [moto_server, moto_proxy])
def test_commands_of_moto_begin_with_a_parser(command: Any) -> None:
    """A command has an `ArgumentParser` parse its arguments before it does anything."""
    flags = parser_of(command.main).format_help()
    assert "--port" in flags
    assert "--host" in flags


def test_every_mock_begins_by_one_method(stock_moto: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A context manager and a decorator call `MockAWS.start`, behind which the configuration is in force."""
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


@pytest.mark.parametrize("service", ["sqs", "s3", "iam", "dynamodb"])
def test_services_ask_one_method_for_the_account(
    stock_server: str, monkeypatch: pytest.MonkeyPatch, service: str
) -> None:
    """They ask `BaseResponse.get_current_account`, when the headers and the parameters of the URL are there."""
    seen = []
    original = BaseResponse.get_current_account

    def watched(self: BaseResponse) -> str:
        seen.append((self.headers["Authorization"].partition("/")[0], self.querystring))
        return original(self)

    monkeypatch.setattr(BaseResponse, "get_current_account", watched)
    client = boto3.client(
        service,
        region_name=REGION,
        endpoint_url=f"http://{stock_server}",
        aws_access_key_id="111122223333",
        aws_secret_access_key="test",
    )
    calls = {
        "sqs": "list_queues",
        "s3": "list_buckets",
        "iam": "list_users",
        "dynamodb": "list_tables",
    }
    getattr(client, calls[service])()
    assert seen, "moto finds the account in another way"
    assert seen[0][0] == "AWS4-HMAC-SHA256 Credential=111122223333"
