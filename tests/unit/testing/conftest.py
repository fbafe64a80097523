"""An ECR in memory for `moto_ecr_ext.testing`."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import responses

from support.fake_ecr import FakeECR


@pytest.fixture(name="ecr")
def fixture_ecr() -> Iterator[FakeECR]:
    ecr = FakeECR()
    with responses.RequestsMock(assert_all_requests_are_fired=False) as http:
        http.add_callback("GET", re.compile("https://layers.test/.*"), ecr.download)
        yield ecr
