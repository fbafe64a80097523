"""A function in Python with AWS's runtime interface client, https://pypi.org/project/awslambdaric/, in an image
without anything of AWS.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from docker import DockerClient

from moto_ecr_ext.testing import build_image
from support.containers import push_image, python_tree
from support.environments import Environment

APP = b"""
def handler(event, context):
    print("hello from Python")
    if event.get("fails"):
        raise ValueError("as asked")
    return {
        "event": event,
        "request": context.aws_request_id,
        "function": context.function_name,
        "memory": context.memory_limit_in_mb,
        "has_time": context.get_remaining_time_in_millis() > 0,
        "client": context.client_context and context.client_context.custom,
    }
"""


def test_a_handler_in_python(docker: DockerClient, in_process: Environment, tmp_path: Path) -> None:
    """A handler gets event and context, its errors have a stack trace, and its output is in the log."""
    entry_point = python_tree(
        tmp_path, "awslambdaric", "simplejson", "snapshot_restore_py", "runtime_client"
    )
    image = build_image(
        files=[tmp_path, {"srv/app.py": APP}],
        compression="none",
        config={"Entrypoint": entry_point, "Cmd": ["app.handler"], "WorkingDir": "/srv"},
    )
    uri = push_image(in_process.client(), "team/python", image)
    role = in_process.client("iam").create_role(RoleName="lambda", AssumeRolePolicyDocument="{}")
    functions = in_process.client("lambda")
    functions.create_function(
        FunctionName="app",
        Role=role["Role"]["Arn"],
        PackageType="Image",
        Code={"ImageUri": uri},
        Timeout=30,
        MemorySize=256,
    )

    def invoke(event: dict[str, Any], **options: Any) -> tuple[Any, dict[str, Any]]:
        answer = functions.invoke(
            FunctionName="app", Payload=json.dumps(event), LogType="Tail", **options
        )
        return json.loads(answer["Payload"].read()), answer

    context = base64.b64encode(json.dumps({"custom": {"a": "b"}}).encode()).decode()
    answer, response = invoke({"x": 1}, ClientContext=context)
    assert answer == {
        "event": {"x": 1},
        "request": response["ResponseMetadata"]["RequestId"],
        "function": "app",
        "memory": "256",
        "has_time": True,
        "client": {"a": "b"},
    }
    assert b"hello from Python\n" in base64.b64decode(response["LogResult"])

    error, response = invoke({"fails": True})
    assert response["FunctionError"] == "Unhandled"
    assert (error["errorType"], error["errorMessage"]) == ("ValueError", "as asked")
    assert error["requestId"] == response["ResponseMetadata"]["RequestId"]
    assert "app.py" in error["stackTrace"][0]
    assert b"[ERROR] ValueError: as asked" in base64.b64decode(response["LogResult"])
