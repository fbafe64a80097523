"""The example script: a real image through ECR's API, in the process and against a server."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import pytest
from moto import mock_aws

import moto_ecr_ext
from support.commands import PATIENCE, Server, environment, running_server

SCRIPT = Path(__file__).parents[2] / "examples" / "push_and_pull.py"


@pytest.fixture(scope="module")
def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("push_and_pull", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(server: Server, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The script as a user runs it."""
    return subprocess.run(
        [sys.executable, str(SCRIPT), "--endpoint-url", server.url, *arguments],
        env=environment(
            AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test", AWS_DEFAULT_REGION="us-east-1"
        ),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def test_in_the_process(example: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    """Under `mock_aws`, some 20 MB in three layers, the first in several parts, are pushed and pulled."""
    with moto_ecr_ext.install(), mock_aws():
        ecr = boto3.client("ecr", region_name="us-east-1")
        parts: list[dict[str, Any]] = []
        ecr.meta.events.register(
            "provide-client-params.ecr.UploadLayerPart",
            lambda params, **options: parts.append(params),
        )

        assert example.main(client=ecr) == 0

        (details,) = ecr.describe_images(repositoryName="examples/python")["imageDetails"]
        manifest = ecr.batch_get_image(
            repositoryName="examples/python", imageIds=[{"imageTag": example.TAG}]
        )["images"][0]["imageManifest"]

    image = example.build()
    assert manifest.encode() == image.manifest
    assert details["imageDigest"] == image.digest
    assert details["imageSizeInBytes"] == sum(blob.size for blob in image.blobs)
    assert sum(len(part["layerPartBlob"]) for part in parts) == details["imageSizeInBytes"]
    parts_of_uploads = Counter(part["uploadId"] for part in parts)
    assert sorted(parts_of_uploads.values()) == [1, 1, 1, 2]
    output = capsys.readouterr()
    assert "Everything came back as it was pushed" in output.out
    assert output.out.count("is the same") == len(image.blobs)
    assert output.err == ""


def test_the_image_is_real(example: ModuleType) -> None:
    """The pushed image has about 20 MB of many files of this machine, in three layers."""
    files = example.python_files()
    layers = example.build().layers

    assert len(files) > 100
    assert all(path.is_file() for path in files.values())
    assert sum(layer.size for layer in layers) == pytest.approx(20_000_000, rel=0.15)
    assert [layer.size > 1_500_000 for layer in layers] == [True] * 3


def test_against_a_server_before_and_after_a_restart(tmp_path: Path) -> None:
    """The next server on a data directory has every byte of the previous one."""
    directory = tmp_path / "registry"
    with running_server("--data-dir", str(directory)) as server:
        pushed = run(server)
        assert (pushed.returncode, pushed.stderr) == (0, "")
        assert f"Created repository {server.address}/examples/python" in pushed.stdout
        assert "Everything came back as it was pushed" in pushed.stdout

    with running_server("--data-dir", str(directory)) as again:
        pulled = run(again, "--verify-only")
        assert (pulled.returncode, pulled.stderr) == (0, "")
        assert "Created repository" not in pulled.stdout
        assert "Everything came back as it was pushed" in pulled.stdout

        # Were a byte another one, the script would say so.
        largest = max(directory.rglob("blobs/*/*/*"), key=lambda path: path.stat().st_size)
        content = bytearray(largest.read_bytes())
        content[-1] ^= 1
        largest.write_bytes(content)
        damaged = run(again, "--verify-only")
        assert damaged.returncode == 1
        assert largest.name in damaged.stderr
        assert "Everything came back" not in damaged.stdout
