"""A model of ECR as a later botocore may have it: today's, with more of everything, and with other limits."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from botocore.loaders import create_loader

MEMBER = "weather"
VALUE = "TOMORROW"
OPERATION = "ForecastWeather"
ERROR = "WeatherException"
# Shapes whose limit is lower tomorrow. All other limits are twice as high.
LOWERED = {"RepositoryName": 200, "MaxResults": 500}
# Characters and bytes. Of layer parts and manifests, whose requests would be tens of MiB.
_TOO_MANY = 1024 * 1024
_WEATHER = "WeatherOfTomorrow"
_KIND = "KindOfWeather"


def make_tomorrows_model() -> dict[str, Any]:
    """Return the model as a document: each structure has a member more, each enumeration a value."""
    model: dict[str, Any] = copy.deepcopy(create_loader().load_service_model("ecr", "service-2"))
    shapes = model["shapes"]
    for name, shape in shapes.items():
        if shape["type"] == "structure":
            shape["members"] = {**shape["members"], MEMBER: {"shape": _WEATHER}}
        if "enum" in shape:
            shape["enum"] = [*shape["enum"], VALUE]
        if name in LOWERED:
            shape["max"] = LOWERED[name]
        elif shape.get("max", _TOO_MANY) < _TOO_MANY:
            shape["max"] *= 2
    shapes[_KIND] = {"type": "string", "min": 3, "max": 20}
    shapes[_WEATHER] = {
        "type": "structure",
        "required": ["kind"],
        "members": {"kind": {"shape": _KIND}},
    }
    shapes[ERROR] = {"type": "structure", "members": {}, "exception": True}
    for operation in model["operations"].values():
        operation["errors"] = [*operation.get("errors", ()), {"shape": ERROR}]
    model["operations"][OPERATION] = {
        "name": OPERATION,
        "http": {"method": "POST", "requestUri": "/"},
        "input": {"shape": _WEATHER},
        "output": {"shape": _WEATHER},
        "errors": [{"shape": ERROR}],
    }
    return model


def write_model(model: dict[str, Any], folder: Path) -> None:
    """Write a model where botocore finds it if AWS_DATA_PATH names the folder."""
    place = folder / "ecr" / model["metadata"]["apiVersion"]
    place.mkdir(parents=True)
    (place / "service-2.json").write_text(json.dumps(model))
