"""ECR's service model, as botocore finds it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from moto_ecr_ext import service_model


def test_a_model_below_the_data_path_replaces_the_installed_one(tmp_path: Path) -> None:
    """AWS_DATA_PATH names folders of models, as for botocore. They precede the installed ones."""
    known = service_model.operation("GetRegistryPolicy")
    assert known is not None
    metadata = known.service_model.metadata
    folder = tmp_path / "ecr" / metadata["apiVersion"]
    folder.mkdir(parents=True)
    name = "GetWeatherForecast"
    model = {
        "version": "2.0",
        "metadata": metadata,
        "operations": {name: {"name": name, "http": {"method": "POST", "requestUri": "/"}}},
        "shapes": {},
    }
    (folder / "service-2.json").write_text(json.dumps(model))

    printed = subprocess.run(
        [
            sys.executable,
            *("-c", "from moto_ecr_ext import service_model as m; print(*m.operation_names())"),
        ],
        env={**os.environ, "AWS_DATA_PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert printed.stdout.split() == [name]
