"""A server with the extra `server` alone: services of moto whose packages are missing name the packages to install."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from support.constants import REGION

# What is in moto's extras and not in this package's extra `server`.
_MISSING = (
    *("aws_xray_sdk", "cfnlint", "docker", "graphql", "joserfc", "openapi_spec_validator"),
    *("py_partiql_parser", "pyparsing"),
)
_SERVER = f"""
    import sys

    for name in {_MISSING}:
        sys.modules[name] = None  # Importing it raises ModuleNotFoundError.
    import moto_ecr_ext
    from moto.server import ThreadedMotoServer

    moto_ecr_ext.install()
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    print(*server.get_host_and_port(), flush=True)
    sys.stdin.read()
    server.stop()
"""


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Makes clients of such a server."""
    log = tmp_path_factory.mktemp("server") / "log"
    with (
        log.open("w") as output,
        subprocess.Popen(
            [sys.executable, "-c", dedent(_SERVER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=output,
            text=True,
        ) as process,
    ):
        assert process.stdout is not None
        host, port = process.stdout.readline().split()

        def client(service: str) -> Any:
            return boto3.Session().client(
                service,
                region_name=REGION,
                endpoint_url=f"http://{host}:{port}",
                aws_access_key_id="test",
                aws_secret_access_key="test",
                config=Config(retries={"total_max_attempts": 1}),
            )

        client.log = log  # type: ignore[attr-defined]
        yield client
        process.communicate()


@pytest.mark.parametrize(
    ("service", "operation", "parameters"),
    [
        ("ecr", "create_repository", {"repositoryName": "team/app"}),
        ("iam", "list_users", {}),
        ("s3", "create_bucket", {"Bucket": "things"}),
        ("sqs", "create_queue", {"QueueName": "queue"}),
        ("events", "put_rule", {"Name": "rule", "EventPattern": '{"source": ["aws.ecr"]}'}),
        ("lambda", "list_functions", {}),
        ("logs", "create_log_group", {"logGroupName": "group"}),
        ("sts", "get_caller_identity", {}),
        ("kms", "create_key", {}),
    ],
)
def test_services_that_go_with_images_answer(clients, service, operation, parameters):
    """Services that are used with ECR need only Flask."""
    assert getattr(clients(service), operation)(**parameters)


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "package", "extra"),
    [
        ("cloudformation", "list_stacks", {}, "openapi_spec_validator", "all"),
        ("apigateway", "get_rest_apis", {}, "openapi_spec_validator", "all"),
        ("cognito-idp", "list_user_pools", {"MaxResults": 1}, "joserfc", "all"),
        ("glue", "get_databases", {}, "pyparsing", "all"),
        ("dynamodb", "execute_statement", {"Statement": "SELECT * FROM t"}, "py_part", "all"),
    ],
)
def test_a_service_names_the_extra_that_it_needs(
    clients, service, operation, parameters, package, extra
):
    """A service answers with one sentence in its form, and logs one line; clients do not retry."""
    with pytest.raises(ClientError) as caught:
        getattr(clients(service), operation)(**parameters)

    error = caught.value.response
    assert error["Error"]["Code"] == "MissingPackageException"
    assert f"moto needs the Python package {package}" in error["Error"]["Message"]
    assert error["Error"]["Message"].endswith(f"Install moto_ecr_ext with its extra '{extra}'.")
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 501
    log = Path(clients.log).read_text()
    assert error["Error"]["Message"] in log
    assert "Traceback" not in log


def test_a_package_that_is_missed_by_the_handling_of_an_error(clients):
    """A package that moto misses again in the handling of its error is reported once, as the missing one."""
    appsync = clients("appsync")
    api = appsync.create_graphql_api(name="api", authenticationType="API_KEY")["graphqlApi"]
    with pytest.raises(ClientError, match=r"package graphql .*extra 'all'"):
        appsync.start_schema_creation(apiId=api["apiId"], definition=b"type Query {a: String}")


def test_lambda_names_the_extra_of_docker(clients):
    """Lambda creates a function without docker, and names the extra when the function is invoked."""
    code = {"ZipFile": b"PK\5\6" + bytes(18)}
    role = "arn:aws:iam::123456789012:role/r"
    clients("iam").create_role(RoleName="r", AssumeRolePolicyDocument="{}")
    functions = clients("lambda")
    functions.create_function(
        FunctionName="f", Runtime="python3.13", Handler="a.b", Role=role, Code=code
    )

    with pytest.raises(ClientError, match=r"package docker .*extra 'docker'"):
        functions.invoke(FunctionName="f")
