"""A benchmark of Lambda functions of images: invocations beside `docker run`, and memory while an image is loaded.

Images are loaded into docker's daemon at DOCKER_HOST, and removed at the end. If its containers have no network, set
MOTO_DOCKER_NETWORK_MODE=host.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import docker
from common import (
    REGION,
    Figures,
    MemoryWatch,
    Rest,
    Target,
    ecr_client,
    free_port,
    moto_ecr_server_command,
    number,
    parse_arguments,
    print_machine,
    print_table,
    print_targets,
    scratch_directory,
    serving,
)
from moto import mock_aws

import moto_ecr_ext
from moto_ecr_ext.testing import Image, build_image, build_layer, push

_RUNTIME = Path(__file__).parent.parent / "tests" / "support" / "runtime.c"
_HOST = f"123456789012.dkr.ecr.{REGION}.amazonaws.com"

_LARGE = f"{_HOST}/team/large:1.0"
# The argument that makes the script load an image.
_LOAD = "--load"

_FIRST = "first invocation, image not in the daemon"
_NEW = "first invocation, image in the daemon"
_WARM = "hundredth invocation"
_RUN = "docker run"
_GROWTH = "growth of this process, MiB"


def main() -> None:
    arguments = parse_arguments(__doc__)
    size, large = (5, 50) if arguments.quick else (50, 500)
    client = docker.from_env()
    figures = Figures()
    rest = Rest(arguments.patience)
    with scratch_directory(arguments.directory) as directory:
        print_machine(directory, ["moto-ecr-ext", "moto", "docker"], ["docker"])
        program = _compiled(directory)
        for each in range(1 if arguments.quick else arguments.rounds):
            rest.wait()
            _measure_invocations(client, figures, _image(program, size, each))
        rest.wait()
        figures.add(_GROWTH, "", _growth(client, directory, _image(program, large, -1)))
    rows = [
        [
            what,
            number(figures.median(what, "")),
            number(figures.ratio_between((what, ""), (_RUN, ""))),
        ]
        for what in (_RUN, _FIRST, _NEW, _WARM)
    ]
    print_table(
        f"An image of {size} MB, a function of 128 MB", ["", "ms", "times docker run"], rows
    )
    print_table(
        f"An image of {large} MB is loaded",
        ["", "MiB"],
        [[_GROWTH, number(figures.median(_GROWTH, ""))]],
    )
    print_targets([Target(_GROWTH, figures.median(_GROWTH, ""), "at most", 32)])
    rest.print_summary()


def _compiled(directory: Path) -> Path:
    """Return a directory with the tests' static program, which is a Lambda runtime."""
    tree = directory / "tree"
    tree.mkdir()
    command = [shutil.which("cc") or "cc", "-static", "-O1", "-w", "-o", "runtime", str(_RUNTIME)]
    subprocess.run(command, cwd=tree, check=True, capture_output=True)
    return tree


def _image(program: Path, megabytes: int, seed: int) -> Image:
    """Return an image of that program, in layers of at most 50 MB that gzip cannot compress."""
    content = random.Random(seed)
    parts = [
        {f"filling-{start}": content.randbytes(min(50, megabytes - start) * 1_000_000)}
        for start in range(0, megabytes, 50)
    ]
    layers = [build_layer(part, compression="none") for part in parts]
    config = {"Entrypoint": ["/runtime"], "Cmd": ["app"], "Labels": {"seed": str(seed)}}
    return build_image(layers=layers, files=program, config=config)


def _measure_invocations(client: Any, figures: Figures, image: Image) -> None:
    moto_ecr_ext.install()
    with mock_aws():
        ecr = boto3.client("ecr", region_name=REGION)
        ecr.create_repository(repositoryName="team/app")
        push(ecr, "team/app", image, tag="1.0")
        role = boto3.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument="{}")
        functions = boto3.client("lambda", region_name=REGION)
        uri = f"{_HOST}/team/app:1.0"
        functions.create_function(
            FunctionName="app",
            Role=role["Role"]["Arn"],
            PackageType="Image",
            Code={"ImageUri": uri},
        )

        def invoke() -> None:
            answer = functions.invoke(FunctionName="app", Payload=b'{"a": 1}')
            assert json.loads(answer["Payload"].read()) == {"a": 1}

        figures.add(_FIRST, "", _milliseconds(invoke))
        for _ in range(98):
            invoke()
        figures.add(_WARM, "", _milliseconds(invoke))
        # Another configuration needs another container.
        functions.update_function_configuration(FunctionName="app", MemorySize=129)
        figures.add(_NEW, "", _milliseconds(invoke))
        network = os.environ.get("MOTO_DOCKER_NETWORK_MODE", "bridge")
        command = ["docker", "run", "--rm", "--network", network, uri, "exit"]
        figures.add(_RUN, "", _milliseconds(lambda: subprocess.run(command, capture_output=True)))
    client.images.remove(uri)


def _growth(client: Any, directory: Path, image: Image) -> float:
    """Return the growth in MiB of a process that loads an image from a data directory."""
    data = directory / "data"
    port = free_port()
    with serving(moto_ecr_server_command(port, data), port, directory / "server.log"):
        ecr = ecr_client(f"http://127.0.0.1:{port}")
        ecr.create_repository(repositoryName="team/large")
        push(ecr, "team/large", image, tag="1.0")
    # A process that does not hold the image itself.
    command = [sys.executable, __file__, _LOAD, str(data)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    client.images.remove(_LARGE)
    return float(said)


def _load(data: str) -> float:
    """Load the image of a data directory, and return the growth of this process in MiB."""
    from moto_ecr_ext.arns import Registry
    from moto_ecr_ext.integrations.docker import daemon
    from moto_ecr_ext.integrations.docker.image_names import ImageName
    from moto_ecr_ext.integrations.docker.images import find_image

    with moto_ecr_ext.install(data_dir=data):
        name = ImageName.parse(_LARGE)
        assert name is not None
        found = find_image(name, Registry("123456789012", REGION), "")
        assert found is not None
        here = daemon.connect()
        watch = MemoryWatch(os.getpid())
        here.load(found, found.config(), name)
        return watch.growth


def _milliseconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return (time.perf_counter() - start) * 1000


if __name__ == "__main__":
    if sys.argv[1:2] == [_LOAD]:
        print(_load(sys.argv[2]))
    else:
        main()
