"""Invocations of functions of images, in containers of a docker daemon.

What AWS answers is in LocalStack's recordings of it (https://github.com/localstack/localstack,
tests/aws/services/lambda_/test_lambda.snapshot.json) and in its own sandbox,
https://github.com/aws/aws-lambda-runtime-interface-emulator.
"""

from __future__ import annotations

import base64
import json
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from docker import DockerClient

from moto_ecr_ext.integrations.awslambda.removal import remove_containers
from moto_ecr_ext.integrations.awslambda.runtime import pool
from moto_ecr_ext.integrations.docker.daemon import Daemon
from moto_ecr_ext.testing import OCI, Blob, Image, build_image
from moto_ecr_ext.testing.builder import assemble_image
from support.containers import push_image, runtime_image
from support.docker_daemon import running_docker
from support.environments import Environment
from support.refusals import refused
from support.waiting import wait_until

ARN = "arn:aws:lambda:us-east-1:123456789012:function:app"


class Answer(NamedTuple):
    """The answer of Invoke: the payload, and the members that vary."""

    payload: Any
    error: str | None = None
    log: str = ""
    version: str | None = None
    status: int = 200


class Function:
    """A function that a test invokes."""

    def __init__(self, client: Any, uri: str, role: str, **settings: Any):
        self.client = client
        code = {"ImageUri": uri}
        request = {"FunctionName": "app", "Role": role, "PackageType": "Image", "Code": code}
        settings = {"Timeout": 60, **settings}
        client.create_function(**request, **settings)

    def invoke(self, what: str = "", **options: Any) -> Answer:
        """Invoke the handler, and have it do something."""
        payload = json.dumps({"do": what}) if what else ""
        request = {"FunctionName": "app", "LogType": "Tail", "Payload": payload, **options}
        answer = self.client.invoke(**request)
        content = answer["Payload"].read()
        return Answer(
            json.loads(content) if content else None,
            answer.get("FunctionError"),
            base64.b64decode(answer.get("LogResult", "")).decode(),
            answer.get("ExecutedVersion"),
            answer["StatusCode"],
        )


@pytest.fixture
def function(docker: DockerClient, ecr: Any, functions: Any, role: str, image: Image) -> Function:
    """A function of the runtime's image, with a timeout that is long enough for a busy machine."""
    return Function(functions, push_image(ecr, "team/app", image), role, Timeout=300)


def running(docker: DockerClient) -> list[str]:
    """The ids of all containers."""
    return [each["Id"] for each in docker.api.containers(all=True)]


def test_a_function_of_an_image_runs(function: Function) -> None:
    """The container returns the event, with the version that answered.

    https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
    """
    answer = function.invoke("print")

    assert answer[:2] == ({"do": "print"}, None)
    assert answer.version == "$LATEST"
    assert re.fullmatch(
        r"START RequestId: (\S+) Version: \$LATEST\n"
        r"hello from the handler\n"
        r"END RequestId: \1\n"
        r"REPORT RequestId: \1\tDuration: [\d.]+ ms\tBilled Duration: \d+ ms\tMemory Size: 128 MB\t"
        r"Max Memory Used: \d+ MB\tInit Duration: [\d.]+ ms\t\n",
        answer.log,
    )


def test_a_container_stays_warm(function: Function, docker: DockerClient) -> None:
    """Further events are sent to the same container."""
    assert [function.invoke("describe").payload["invocations"] for _ in range(3)] == [1, 2, 3]
    assert len(running(docker)) == 1
    assert "Init Duration" not in function.invoke().log


def test_what_a_container_knows(function: Function) -> None:
    """A container has AWS's variables, moto's for its server, and those of the function.

    https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
    """
    function.client.update_function_configuration(
        FunctionName="app", Environment={"Variables": {"GIVEN": "yes"}}, MemorySize=256
    )
    context = base64.b64encode(b'{"custom": 1}').decode()

    assert function.invoke("describe", ClientContext=context).payload == {
        "handler": "app",
        "invocations": 1,
        "directory": "/",
        "arn": ARN,
        "function": "app",
        "version": "$LATEST",
        "memory": "256",
        "endpoint": "http://127.0.0.1:5000",
        "given": "yes",
        "context": "given",
    }


def test_image_config_replaces_what_the_image_says(
    docker: DockerClient, ecr: Any, functions: Any, role: str, image: Image
) -> None:
    """ImageConfig replaces command and working directory; the entry point of the image stays, and an entry point
    keeps the image's command.

    https://docs.aws.amazon.com/lambda/latest/dg/images-create.html, "Container image settings"
    """
    config = {"Command": ["other"], "WorkingDirectory": "/proc"}
    function = Function(functions, push_image(ecr, "app", image), role, ImageConfig=config)
    answer = function.invoke("describe").payload
    assert (answer["handler"], answer["directory"]) == ("other", "/proc")

    functions.update_function_configuration(
        FunctionName="app", ImageConfig={"EntryPoint": ["/runtime"]}
    )
    answer = function.invoke("describe").payload
    assert (answer["handler"], answer["directory"], answer["invocations"]) == ("app", "/", 1)
    assert len(running(docker)) == 1, "the container of the old configuration is left"


def test_a_working_directory_that_does_not_exist(
    docker: DockerClient, ecr: Any, functions: Any, role: str, image: Image
) -> None:
    """docker creates a missing working directory, unlike AWS, as docs/how-to/lambda-function.rst says."""
    config = {"WorkingDirectory": "/not/there"}
    function = Function(functions, push_image(ecr, "app", image), role, ImageConfig=config)
    assert function.invoke("describe").payload["directory"] == "/not/there"


ENDINGS = [
    ("exit", "Runtime.ExitError", "Runtime exited without providing a reason"),
    ("exit 7", "Runtime.ExitError", "Runtime exited with error: exit status 7"),
    ("fill", "Runtime.OutOfMemory", "Runtime exited with error: signal: killed"),
    ("hang", "Sandbox.Timedout", "Task timed out after 2.00 seconds"),
]


@pytest.mark.parametrize(("what", "error_type", "text"), ENDINGS, ids=[each[0] for each in ENDINGS])
def test_a_function_that_does_not_answer(
    function: Function, docker: DockerClient, what: str, error_type: str, text: str
) -> None:
    """A function that does not answer has the platform's error; its container is removed, and the next event gets a
    new one.
    """
    function.invoke()
    if what == "hang":
        function.client.update_function_configuration(FunctionName="app", Timeout=2)
    answer = function.invoke(what)
    function.client.update_function_configuration(FunctionName="app", Timeout=60)

    assert answer.error == "Unhandled"
    assert answer.payload["errorType"] == error_type
    request_id = re.search("START RequestId: (\\S+)", answer.log)
    assert request_id is not None
    assert answer.payload["errorMessage"] == f"RequestId: {request_id[1]} Error: {text}"
    report = answer.log.splitlines()[-1]
    status = "timeout" if what == "hang" else f"error\tError Type: {error_type}"
    assert report.endswith(f"\tStatus: {status}\t")
    assert running(docker) == []
    assert function.invoke("describe").payload["invocations"] == 1


def test_the_error_of_a_handler(function: Function) -> None:
    """The error is the one that the runtime has reported, and the container continues."""
    answer = function.invoke("raise")

    assert answer.error == "Unhandled"
    assert answer.payload == {"errorMessage": "Handler fails", "errorType": "Exception"}
    assert function.invoke("describe").payload["invocations"] == 2


def test_a_response_that_is_too_large(function: Function) -> None:
    """A response that is too large is refused:
    https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
    """
    answer = function.invoke("large")

    assert answer.error == "Unhandled"
    assert answer.payload == {
        "errorMessage": "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
        "errorType": "Function.ResponseSizeTooLarge",
    }
    assert function.invoke("describe").payload["invocations"] == 2


STARTS = [
    ({"Command": ["exit"]}, "Runtime.ExitError", "Runtime exited with error: exit status 3"),
    ({"EntryPoint": ["/nothing"]}, "Runtime.InvalidEntrypoint", "fork/exec /nothing: no such file"),
    ({"Command": ["fail"]}, "Runtime.ImportModuleError", "no module"),
]


@pytest.mark.parametrize(("config", "error_type", "text"), STARTS, ids=["exit", "missing", "error"])
def test_a_function_that_does_not_start(
    docker: DockerClient,
    ecr: Any,
    functions: Any,
    role: str,
    image: Image,
    config: dict[str, Any],
    error_type: str,
    text: str,
) -> None:
    """The invocation has the error of the start, and no container is left running."""
    uri = push_image(ecr, "app", image)
    answer = Function(functions, uri, role, ImageConfig=config).invoke()

    assert answer.error == "Unhandled"
    assert answer.payload["errorType"] == error_type
    assert text in answer.payload["errorMessage"]
    assert running(docker) == []


def test_an_image_for_another_architecture(
    docker: DockerClient, ecr: Any, functions: Any, role: str, tmp_path: Path
) -> None:
    """The function is created, and fails when it is invoked:
    https://github.com/aws/aws-lambda-base-images/issues/34.
    """
    program = tmp_path / "runtime"
    # The head of a program for a machine that none of this is.
    program.write_bytes(b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\x00\xf3\x00" + bytes(44))
    program.chmod(0o755)
    uri = push_image(ecr, "app", runtime_image(tmp_path))
    answer = Function(functions, uri, role).invoke()

    assert answer.error == "Unhandled"
    assert answer.payload["errorType"] == "Runtime.InvalidEntrypoint"
    assert answer.payload["errorMessage"].endswith("fork/exec /runtime: exec format error")


def test_a_corrupt_layer(
    docker: DockerClient, ecr: Any, functions: Any, role: str, image: Image
) -> None:
    """The answer has the daemon's reason, and the function works once its code is a valid image."""
    layer = Blob(b"no archive", OCI.layer_gzip)
    corrupt = assemble_image(OCI, config=build_image(layers=1).config, layers=[layer])
    function = Function(functions, push_image(ecr, "app", corrupt), role)
    error = refused(function.invoke)
    assert error.response["Error"]["Code"] == "CodeArtifactUserFailedException"
    assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 409
    assert error.response["Error"]["Message"].startswith("docker cannot load the image: ")

    functions.update_function_code(
        FunctionName="app", ImageUri=push_image(ecr, "app", image, tag="2.0")
    )
    assert function.invoke("describe").payload["invocations"] == 1


def test_versions_keep_their_image(function: Function, ecr: Any, image: Image) -> None:
    """A published version runs the image of its time, by number, alias or ARN.

    https://docs.aws.amazon.com/lambda/latest/dg/configuration-versions.html
    """
    function.client.publish_version(FunctionName="app")
    function.client.create_alias(FunctionName="app", Name="live", FunctionVersion="1")
    other = build_image(layers=image.layers, config={"Entrypoint": ["/runtime"], "Cmd": ["second"]})
    uri = push_image(ecr, "team/app", other, tag="2.0")
    function.client.update_function_code(FunctionName="app", ImageUri=uri)

    answers = {
        qualifier: function.invoke("describe", Qualifier=qualifier)
        for qualifier in ("1", "live", "$LATEST")
    }
    assert {name: answer.payload["handler"] for name, answer in answers.items()} == {
        "1": "app",
        "live": "app",
        "$LATEST": "second",
    }
    assert {name: answer.payload["arn"] for name, answer in answers.items()} == {
        name: f"{ARN}:{name}" for name in answers
    }
    assert answers["live"].version == "1"
    assert refused(function.invoke, Qualifier="2").response["Error"]["Code"] == (
        "ResourceNotFoundException"
    )


def test_dry_run_runs_nothing(function: Function, docker: DockerClient) -> None:
    """A dry run starts no container: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html"""
    assert function.invoke(InvocationType="DryRun", LogType="None") == Answer(None, status=204)
    assert running(docker) == []


def test_events_are_asynchronous(function: Function, aws: Environment) -> None:
    """The answer of an asynchronous event is empty, and the record of a failure follows two retries, with the same
    id.

    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
    """
    sqs = aws.client("sqs")
    queue = sqs.create_queue(QueueName="records")["QueueUrl"]
    function.client.put_function_event_invoke_config(
        FunctionName="app",
        DestinationConfig={
            "OnFailure": {"Destination": "arn:aws:sqs:us-east-1:123456789012:records"}
        },
    )
    accepted = function.client.invoke(
        FunctionName="app", InvocationType="Event", Payload=b'{"do": "raise"}'
    )
    assert (accepted["StatusCode"], accepted["Payload"].read()) == (202, b"")
    assert "ExecutedVersion" not in accepted

    [message] = wait_until(lambda: sqs.receive_message(QueueUrl=queue).get("Messages"))
    record = json.loads(message["Body"])
    context = record["requestContext"]
    assert context["requestId"] == accepted["ResponseMetadata"]["RequestId"]
    assert context["condition"] == "RetriesExhausted"
    assert context["approximateInvokeCount"] == 3
    assert context["functionArn"] == f"{ARN}:$LATEST"
    assert record["requestPayload"] == {"do": "raise"}
    assert record["responsePayload"] == {"errorMessage": "Handler fails", "errorType": "Exception"}
    assert record["responseContext"]["functionError"] == "Unhandled"


def test_logs(function: Function, aws: Environment) -> None:
    """Each container has a stream in the group of the function."""
    function.invoke("print")
    logs = aws.client("logs")
    [stream] = logs.describe_log_streams(logGroupName="/aws/lambda/app")["logStreams"]
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}", stream["logStreamName"])
    events = logs.filter_log_events(logGroupName="/aws/lambda/app")["events"]
    messages = [event["message"].split(" RequestId")[0] for event in events]
    assert messages == [
        *("started app", "START", "hello from the handler", "END", "REPORT"),
    ]


REFUSED = [
    ({"Payload": b"{"}, "InvalidRequestContentException", 400),
    ({"Payload": b"NaN"}, "InvalidRequestContentException", 400),
    ({"Payload": b'"' + b"x" * 6_291_456 + b'"'}, "RequestTooLargeException", 413),
    ({"ClientContext": "{}"}, "InvalidRequestContentException", 400),
]


@pytest.mark.parametrize(
    ("options", "code", "status"), REFUSED, ids=["json", "nan", "size", "context"]
)
def test_requests_that_are_refused(
    function: Function, docker: DockerClient, options: dict[str, Any], code: str, status: int
) -> None:
    """Invalid requests are refused with documented errors:
    https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html#API_Invoke_Errors
    """
    error = refused(function.invoke, **options).response
    assert error["Error"]["Code"] == code
    assert error["ResponseMetadata"]["HTTPStatusCode"] == status
    assert running(docker) == []


def test_reserved_concurrency(function: Function, docker: DockerClient) -> None:
    """A function without any concurrency is throttled."""
    function.client.put_function_concurrency(FunctionName="app", ReservedConcurrentExecutions=0)
    error = refused(function.invoke).response
    assert error["Error"]["Code"] == "TooManyRequestsException"
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 429
    assert running(docker) == []


def test_a_function_that_is_deleted(function: Function, docker: DockerClient) -> None:
    """The containers of a deleted function are removed."""
    function.invoke()
    function.client.delete_function(FunctionName="app")
    assert running(docker) == []


def test_a_function_that_is_deleted_while_it_starts(
    function: Function, docker: DockerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The container of a function that is deleted during its start is removed, and the invocation ends."""
    loads, may_go_on = threading.Event(), threading.Event()

    def load(self: Daemon, *arguments: Any) -> str:
        image_id = original(self, *arguments)
        loads.set()
        assert may_go_on.wait(60)
        return image_id

    original = Daemon.load
    monkeypatch.setattr(Daemon, "load", load)
    function.client.update_function_configuration(FunctionName="app", Timeout=600)
    with ThreadPoolExecutor() as threads:
        answer = threads.submit(function.invoke, "hang")
        assert loads.wait(60)
        function.client.delete_function(FunctionName="app")
        may_go_on.set()
        assert answer.result(60).payload["errorType"] == "Runtime.ExitError"
    assert running(docker) == []


def test_idle_containers_are_removed(
    function: Function, docker: DockerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Idle containers are removed after a while."""
    monkeypatch.setattr(pool, "IDLE_SECONDS", 0.0)
    function.invoke()
    wait_until(lambda: running(docker) == [])


def test_an_image_that_was_deleted(
    function: Function, ecr: Any, docker: DockerClient, image: Image
) -> None:
    """A function whose image was deleted fails with that reason; its running containers continue."""
    function.invoke()
    ecr.delete_repository(repositoryName="team/app", force=True)
    assert function.invoke("describe").payload["invocations"] == 2

    assert function.invoke("exit").error == "Unhandled"
    error = refused(function.invoke).response
    assert error["Error"]["Code"] == "CodeArtifactUserDeletedException"
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 409


def test_a_daemon_that_goes_away(
    ecr: Any,
    functions: Any,
    role: str,
    image: Image,
    docker: DockerClient,
    docker_address: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The event of a lost container fails, and so does the next one; both work with a daemon that answers."""
    function = Function(functions, push_image(ecr, "app", image), role, Timeout=60)
    with ThreadPoolExecutor() as threads:
        with running_docker(tmp_path) as address:
            monkeypatch.setenv("DOCKER_HOST", address)
            assert function.invoke("describe").payload["invocations"] == 1
            waiting = threads.submit(function.invoke, "hang", LogType="None")
            wait_until(lambda: pool.pool.concurrency(ARN))
        # It takes its containers along.
        answer = waiting.result()
    assert answer.error == "Unhandled"
    assert answer.payload["errorType"] == "Runtime.ExitError"
    error = refused(function.invoke).response["Error"]
    assert error["Code"] == "CodeArtifactUserFailedException"
    assert "docker" in error["Message"]

    monkeypatch.setenv("DOCKER_HOST", docker_address)
    assert function.invoke("describe").payload["invocations"] == 1
    assert len(running(docker)) == 1


def test_the_old_operation(function: Function, aws: Environment) -> None:
    """InvokeAsync answers at once: https://docs.aws.amazon.com/lambda/latest/api/API_InvokeAsync.html."""
    sqs = aws.client("sqs")
    queue = sqs.create_queue(QueueName="records")["QueueUrl"]
    destination = {"Destination": "arn:aws:sqs:us-east-1:123456789012:records"}
    function.client.put_function_event_invoke_config(
        FunctionName="app", DestinationConfig={"OnSuccess": destination}
    )
    assert function.client.invoke_async(FunctionName="app", InvokeArgs=b'{"x": 1}')["Status"] == 202
    [message] = wait_until(lambda: sqs.receive_message(QueueUrl=queue).get("Messages"))
    assert json.loads(message["Body"])["responsePayload"] == {"x": 1}


def test_several_events_at_once(function: Function, docker: DockerClient) -> None:
    """A container handles one event at a time, so that two events have two; a reset removes both, and their events
    fail.
    """
    with ThreadPoolExecutor() as threads:
        waiting = [threads.submit(function.invoke, "hang", LogType="None") for _ in range(2)]
        wait_until(lambda: len(running(docker)) == 2)
        wait_until(lambda: pool.pool.concurrency(ARN) == 2)
        remove_containers()
        answers = [each.result() for each in waiting]
    assert {answer.error for answer in answers} == {"Unhandled"}
    assert running(docker) == []


def test_a_reset_while_a_container_is_made(
    function: Function, docker: DockerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A container that the daemon makes during a reset is removed, too."""
    create = Daemon.create

    def create_and_reset(self: Daemon, *arguments: Any, **options: Any) -> Any:
        container = create(self, *arguments, **options)
        remove_containers()
        return container

    monkeypatch.setattr(Daemon, "create", create_and_reset)
    assert function.invoke().error == "Unhandled"
    assert docker.api.containers(all=True) == []
