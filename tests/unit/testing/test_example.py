"""The example that pushes and pulls."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from moto_ecr_ext.testing import (
    build_image,
    push,
)
from support.fake_ecr import REPOSITORY, FakeECR, damage_a_layer


@pytest.fixture(name="example", scope="module")
def fixture_example() -> ModuleType:
    path = Path(__file__).parents[3] / "examples" / "push_and_pull.py"
    spec = importlib.util.spec_from_file_location("push_and_pull", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_example_pushes_and_verifies(
    ecr: FakeECR, example: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    """The example pushes in several parts, finds all bytes again, and so does a later run."""
    ecr.part_size = 10 << 20
    assert example.main(["--repository", REPOSITORY], client=ecr) == 0
    assert len(ecr.called("UploadLayerPart")) > len(ecr.blobs)
    output = capsys.readouterr().out
    assert f"Created repository registry.test/{REPOSITORY}" in output
    assert all(f"  {digest} is the same" in output for digest in ecr.blobs)
    ecr.calls.clear()
    assert example.main(["--repository", REPOSITORY, "--verify-only"], client=ecr) == 0
    assert {name for name, _ in ecr.calls} == {"BatchGetImage", "GetDownloadUrlForLayer"}


def test_the_example_notices_a_difference(
    ecr: FakeECR, example: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    """A damaged layer and another image under the tag each end with status 1 and a sentence."""
    ecr.part_size = 10 << 20
    arguments = ["--repository", REPOSITORY, "--verify-only"]
    assert example.main(arguments, client=ecr) == 1
    assert "error: There is no image latest" in capsys.readouterr().err

    image = example.build()
    push(ecr, REPOSITORY, image, "latest")
    damage_a_layer(ecr, image)
    assert example.main(arguments, client=ecr) == 1
    assert f"instead of {image.layers[1].digest}" in capsys.readouterr().err

    other = build_image()
    push(ecr, REPOSITORY, other, "latest")
    assert example.main(arguments, client=ecr) == 1
    assert f"manifest {other.digest} came back instead of {image.digest}" in capsys.readouterr().err
