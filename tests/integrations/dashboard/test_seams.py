"""Assumptions of the seam for the dashboard in moto. A failure names the assumption that moved."""

from __future__ import annotations

from typing import Any, ClassVar

import requests
from moto import mock_aws
from moto.core.model_instances import model_data, reset_model_data


def test_the_dashboard_goes_through_a_dict_of_classes(stock_moto: None) -> None:
    """The dashboard shows public attributes of each class's instances; a reset assigns to that attribute."""

    class Instance:
        shown = "yes"

    class Model:
        instances_tracked: ClassVar[list[Any]] = [Instance()]

    before = model_data["ecr"].get("Repository")
    model_data["ecr"]["Repository"] = Model  # type: ignore[assignment]
    try:
        with mock_aws():
            Model.instances_tracked = [Instance()]
            data = requests.get("https://motoapi.amazonaws.com/moto-api/data.json").json()
            reset_model_data()
    finally:
        assert before is not None
        model_data["ecr"]["Repository"] = before
    assert data["ecr"]["Repository"] == [{"shown": "yes"}]
    assert Model.instances_tracked == []
