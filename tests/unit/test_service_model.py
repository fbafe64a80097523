"""ECR's service model, as botocore finds it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

from moto_ecr_ext import service_model


def printed_with(model: dict[str, Any], tmp_path: Path, program: str) -> str:
    """What a program prints if botocore finds this model of ECR before the installed one."""
    folder = tmp_path / "ecr" / model["metadata"]["apiVersion"]
    folder.mkdir(parents=True)
    (folder / "service-2.json").write_text(json.dumps(model))
    return subprocess.run(
        [sys.executable, "-c", dedent(program)],
        env={**os.environ, "AWS_DATA_PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_a_model_below_the_data_path_replaces_the_installed_one(tmp_path: Path) -> None:
    """AWS_DATA_PATH names folders of models, as for botocore. They precede the installed ones."""
    known = service_model.operation("GetRegistryPolicy")
    assert known is not None
    name = "GetWeatherForecast"
    model = {
        "version": "2.0",
        "metadata": known.service_model.metadata,
        "operations": {name: {"name": name, "http": {"method": "POST", "requestUri": "/"}}},
        "shapes": {},
    }
    program = "from moto_ecr_ext import service_model as m; print(*m.operation_names())"
    assert printed_with(model, tmp_path, program).split() == [name]
