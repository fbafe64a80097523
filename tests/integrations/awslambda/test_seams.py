"""Assumptions of the seams for Lambda in moto and in Python. A failure names the assumption that moved."""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import boto3
import pytest
import responses
from moto import mock_aws
from moto.awslambda.models import LambdaFunction
from moto.awslambda.responses import LambdaResponse
from moto.core import errors
from moto.core.base_backend import BackendDict
from moto.events.models import Rule
from requests.adapters import HTTPAdapter

import moto_ecr_ext
from moto_ecr_ext.exceptions import RepositoryNotFoundException
from moto_ecr_ext.seams.imports import LateSeams

REGION = "us-east-1"


@pytest.fixture
def function(stock_moto: None) -> Any:
    """The request for a function, under `mock_aws`."""
    with mock_aws():
        role = boto3.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument="{}")
        yield {
            "FunctionName": "app",
            "Role": role["Role"]["Arn"],
            "PackageType": "Image",
            "Code": {"ImageUri": "host/app:1"},
        }


def test_the_code_of_a_function_is_set_by_one_method(
    function: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """CreateFunction gives the method the function's `code`, UpdateFunctionCode another dict."""
    seen = []
    original = LambdaFunction._set_function_code

    def record(self: Any, spec: dict[str, Any]) -> None:
        seen.append((spec["ImageUri"], spec is self.code, self.package_type, self.layers))
        original(self, spec)

    monkeypatch.setattr(LambdaFunction, "_set_function_code", record)
    client = boto3.client("lambda", region_name=REGION)
    client.create_function(**function)
    client.update_function_code(FunctionName="app", ImageUri="host/app:2")
    assert seen[0] == ("host/app:1", True, "Image", [])
    assert {each[:3] for each in seen[1:]} == {("host/app:2", False, "Image")}


def test_a_function_is_shown_by_three_methods(
    function: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The three methods' results are answered unchanged."""
    client = boto3.client("lambda", region_name=REGION)
    client.create_function(**function)
    monkeypatch.setattr(LambdaFunction, "get_configuration", lambda *given, **more: {"Role": "x"})
    assert client.get_function_configuration(FunctionName="app")["Role"] == "x"
    assert client.update_function_configuration(FunctionName="app", ImageConfig={})["Role"] == "x"
    answer = {"Configuration": {}, "Code": {"ResolvedImageUri": "y"}}
    monkeypatch.setattr(LambdaFunction, "get_code", lambda self: answer)
    assert client.get_function(FunctionName="app")["Code"]["ResolvedImageUri"] == "y"


def test_invoke_arrives_at_a_method_of_the_response_class(
    function: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The method has the request, and returns status, headers and body; the request id is added after it."""
    seen = []

    def record(self: Any) -> Any:
        headers = self.headers
        seen.append((self.path, self.querystring, self.body, headers["X-Amz-Invocation-Type"]))
        return 200, {"status": "200", "x-amzn-requestid": "mine"}, b"{}"

    monkeypatch.setattr(LambdaResponse, "invoke", record)
    client = boto3.client("lambda", region_name=REGION)
    client.create_function(**function)
    request = {"FunctionName": "app", "Qualifier": "1", "Payload": b'{"a": 1}'}
    answer = client.invoke(**request, InvocationType="DryRun")
    [(path, query, body, kind)] = seen
    assert path.endswith("/functions/app/invocations")
    assert (query, body, kind) == ({"Qualifier": ["1"]}, '{"a": 1}', "DryRun")
    assert answer["ResponseMetadata"]["RequestId"] != "mine", (
        "moto keeps a request id that is there"
    )

    original = LambdaResponse._enrich_response
    ours = staticmethod(
        lambda headers, body: ({**original(headers, body)[0], "x-amzn-requestid": "mine"}, body)
    )
    monkeypatch.setattr(LambdaResponse, "_enrich_response", ours)
    answer = client.invoke(**request, InvocationType="DryRun")
    assert answer["ResponseMetadata"]["RequestId"] == "mine"


def test_bodies_are_decoded_by_a_method_of_the_response_class(
    function: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The method raises UnicodeDecodeError, unless `use_raw_body` leaves the bytes unchanged."""
    client = boto3.client("lambda", region_name=REGION)
    client.create_function(**function)
    with pytest.raises(UnicodeDecodeError):
        client.invoke(FunctionName="app", Payload=b"\xff\xfe")
    seen = []
    original = LambdaResponse.setup_class

    def read_raw(self: Any, *arguments: Any, **options: Any) -> None:
        original(self, *arguments, **{**options, "use_raw_body": True})
        seen.append(self.body)

    monkeypatch.setattr(LambdaResponse, "setup_class", read_raw)
    monkeypatch.setattr(LambdaResponse, "invoke", lambda self: (200, {}, b"{}"))
    client.invoke(FunctionName="app", Payload=b"\xff\xfe")
    assert seen == [b"\xff\xfe"]


def test_other_services_invoke_by_a_method_of_the_function(
    function: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other services, SNS among them, invoke by a method with a JSON body and a dict for headers of the answer."""
    seen = []

    def record(self: Any, body: str, request_headers: Any, response_headers: Any) -> bytes:
        seen.append((self.function_name, json.loads(body), request_headers, response_headers))
        return b"{}"

    monkeypatch.setattr(LambdaFunction, "invoke", record)
    client = boto3.client("lambda", region_name=REGION)
    arn = client.create_function(**function)["FunctionArn"]
    sns = boto3.client("sns", region_name=REGION)
    topic = sns.create_topic(Name="topic")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn)
    sns.publish(TopicArn=topic, Message="hello")
    [(name, event, request_headers, response_headers)] = seen
    assert (name, event["Records"][0]["Sns"]["Message"]) == ("app", "hello")
    assert (request_headers, response_headers) == ({}, {})


def test_a_version_is_a_copy_with_the_attributes_of_its_function(function: dict[str, Any]) -> None:
    """PublishVersion copies the object with the attributes that the extension keeps on it."""
    from moto.awslambda.models import lambda_backends

    client = boto3.client("lambda", region_name=REGION)
    client.create_function(**function)
    backend = lambda_backends["123456789012"][REGION]
    backend.get_function("app").of_the_extension = "kept"
    client.publish_version(FunctionName="app")
    assert backend.get_function("app", "1").of_the_extension == "kept"


def test_stacks_make_functions_by_two_class_methods(stock_moto: None) -> None:
    """moto's stacks make `AWS::Lambda::Function` through class methods, of which one leaves out what makes an image."""
    for name in ("create_from_cloudformation_json", "update_from_cloudformation_json"):
        assert isinstance(LambdaFunction.__dict__[name], classmethod)
    with mock_aws():
        role = boto3.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument="{}")
        properties = {"Code": {"ImageUri": "host/app:1"}, "Role": role["Role"]["Arn"]}
        template = {"Resources": {"F": {"Type": "AWS::Lambda::Function", "Properties": properties}}}
        stacks = boto3.client("cloudformation", region_name=REGION)
        stacks.create_stack(StackName="stack", TemplateBody=json.dumps(template))
        [made] = boto3.client("lambda", region_name=REGION).list_functions()["Functions"]
    assert made["PackageType"] == "Zip", "moto knows functions of images in stacks now"


def test_events_of_a_bus_come_to_a_method_of_the_rule(stock_moto: None) -> None:
    """moto raises NotImplementedError there for a function."""
    events = boto3.client("events", region_name=REGION)
    entry = {"Source": "test", "DetailType": "Test", "Detail": "{}"}
    with mock_aws():
        events = boto3.client("events", region_name=REGION)
        events.put_rule(Name="rule", EventPattern='{"source": ["test"]}')
        target = {"Id": "1", "Arn": f"arn:aws:lambda:{REGION}:123456789012:function:app"}
        events.put_targets(Rule="rule", Targets=[target])
        with pytest.raises(NotImplementedError):
            events.put_events(Entries=[entry])
        seen = []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                Rule,
                "send_to_targets",
                lambda self, event, transform_input=True: seen.append((self.targets, event)),
            )
            events.put_events(Entries=[entry])
    [(targets, event)] = seen
    assert targets == [target]
    assert (event["source"], event["detail"]) == ("test", {})


def test_moto_forgets_its_backends_by_one_class_method(
    stock_moto: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`mock_aws` calls it at its start and at its end."""
    calls = []
    original = BackendDict.reset.__func__  # type: ignore[attr-defined]

    def record(cls: Any) -> None:
        calls.append(cls)
        original(cls)

    monkeypatch.setattr(BackendDict, "reset", classmethod(record))
    with mock_aws():
        assert len(calls) == 1
    assert len(calls) == 2


def test_moto_looks_for_the_service_of_an_error_by_the_name_of_its_module(stock_moto: None) -> None:
    """An error of this package would belong to a service `exceptions`, which does not exist; the extension makes it
    ECR's.
    """
    error = RepositoryNotFoundException("app", "123456789012")
    with pytest.raises(Exception, match="exceptions"):
        errors.get_exception_service_model(error)

    with moto_ecr_ext.install():
        for module, service in (("moto_ecr_ext.exceptions", "ecr"), ("moto.sqs.exceptions", "sqs")):
            raised = type("AnError", (Exception,), {"__module__": module})()
            model = errors.get_exception_service_model(raised)
            assert model is not None
            assert model.service_name == service


@pytest.mark.skipif(
    importlib.util.find_spec("moto.core.resource_tagging") is None,
    reason="moto's Lambda renders no error of another service before 5.2",
)
def test_an_error_of_ecr_in_another_service_keeps_its_code(
    function: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lambda would look the image up in this ECR; stock moto answers RepositoryNotFoundException there."""
    from botocore.exceptions import ClientError

    def refuse(self: Any, spec: dict[str, Any]) -> None:
        raise RepositoryNotFoundException("app", "123456789012")

    monkeypatch.setattr(LambdaFunction, "_set_function_code", refuse)
    with moto_ecr_ext.install():
        monkeypatch.setattr(LambdaFunction, "_set_function_code", refuse)
        client = boto3.client("lambda", region_name=REGION)
        with pytest.raises(ClientError) as raised:
            client.create_function(**function)
    assert raised.value.response["Error"]["Code"] == "RepositoryNotFoundException"


def test_the_way_past_responses() -> None:
    """The library `responses` replaces one method of all clients, and keeps what was there."""
    assert responses._real_send is HTTPAdapter.send
    with responses.RequestsMock():
        assert HTTPAdapter.send is not responses._real_send


def test_a_seam_waits_for_its_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python asks the finders of `sys.meta_path`, and a module has its own loader afterwards."""
    (tmp_path / "late_module.py").write_text("value = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    calls = []

    def plug() -> Any:
        calls.append(sys.modules["late_module"].value)
        return lambda: calls.append("out")

    finders = list(sys.meta_path)
    unplug = LateSeams(("late_module", plug)).plug()
    assert calls == []
    module = importlib.import_module("late_module")
    assert calls == [1]
    assert type(module.__loader__).__name__ == "SourceFileLoader"
    assert module.__spec__.loader is module.__loader__
    unplug()
    assert calls == [1, "out"]
    assert sys.meta_path == finders
    # It is there now.
    LateSeams(("late_module", plug)).plug()()
    assert calls == [1, "out", 1, "out"]
    del sys.modules["late_module"]


def test_installing_imports_no_lambda() -> None:
    """Installing imports no Lambda, since most suites do not use it."""
    import subprocess

    code = (
        "import sys, moto_ecr_ext; moto_ecr_ext.install();"
        "assert 'moto.awslambda.models' not in sys.modules;"
        "assert 'moto_ecr_ext.integrations.awslambda.invoking' not in sys.modules;"
        "assert 'docker' not in sys.modules;"
        "import moto.awslambda.models as m;"
        "assert m.LambdaFunction._set_function_code.__module__.startswith('moto_ecr_ext')"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
