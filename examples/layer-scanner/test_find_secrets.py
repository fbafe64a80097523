"""The scanner finds only the secrets that are planted in layers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from find_secrets import find_secrets
from moto import mock_aws

import moto_ecr_ext
from moto_ecr_ext.testing import build_image, build_layer, push

KEY = b"aws_access_key_id = AKIA" + b"ABCDEFGH12345678\n"


@pytest.fixture
def ecr() -> Iterator[Any]:
    with moto_ecr_ext.install(), mock_aws():
        ecr = boto3.client("ecr", region_name="us-east-1")
        ecr.create_repository(repositoryName="team/app")
        yield ecr


def test_a_clean_image(ecr: Any) -> None:
    push(ecr, "team/app", build_image(files={"app/main.py": b"print('hello')\n"}), tag="1.0")

    assert list(find_secrets("team/app", "1.0", ecr)) == []


def test_a_key_in_a_file(ecr: Any) -> None:
    image = build_image(files={"root/.aws/credentials": KEY})
    push(ecr, "team/app", image, tag="1.0")

    (layer,) = image.layers
    assert list(find_secrets("team/app", "1.0", ecr)) == [
        ("AWS access key", layer.digest, "root/.aws/credentials")
    ]


def test_a_key_that_a_later_layer_deletes(ecr: Any) -> None:
    first = build_layer({"root/.aws/credentials": KEY})
    # An empty file of this name removes the other: https://github.com/opencontainers/image-spec, "layer.md".
    second = build_layer({"root/.aws/.wh.credentials": b""})
    push(ecr, "team/app", build_image(layers=[first, second]), tag="1.0")

    ((kind, digest, _),) = find_secrets("team/app", "1.0", ecr)
    assert (kind, digest) == ("AWS access key", first.digest)


def test_an_image_that_does_not_exist(ecr: Any) -> None:
    with pytest.raises(SystemExit, match="Requested image not found"):
        list(find_secrets("team/app", "2.0", ecr))
