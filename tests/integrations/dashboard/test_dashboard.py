"""ECR's data in moto's dashboard."""

from __future__ import annotations

from typing import Any

import requests

from moto_ecr_ext.testing import build_image, push
from support.constants import ACCOUNT
from support.environments import Environment

ARN = f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository"
IMAGE = build_image(layers=1)


def test_data_of_moto_s_dashboard(aws: Environment, ecr: Any, repositories: None) -> None:
    """The dashboard shows repositories and images under the names of moto's own; after a reset it shows none."""
    push(ecr, "aa", IMAGE, tag="1.0")
    url = aws.endpoint_url or "https://motoapi.amazonaws.com"

    def shown() -> dict[str, list[dict[str, Any]]]:
        answer: dict[str, Any] = requests.get(f"{url}/moto-api/data.json", timeout=60).json()
        return answer["ecr"]

    data = shown()
    assert [each["name"] for each in data["Repository"]] == ["aa", "bb", "cc"]
    assert data["Repository"][0]["arn"] == f"{ARN}/aa"
    [image] = data["Image"]
    assert (image["image_digest"], image["image_tags"]) == (IMAGE.digest, ["1.0"])
    assert (image["repository"], image["registry_id"]) == ("aa", ACCOUNT)
    requests.post(f"{url}/moto-api/reset", timeout=60)
    assert shown()["Repository"] == []
