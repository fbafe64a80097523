"""What did `deploy.promote` call, and what is in the images that it pushed?"""

from __future__ import annotations

import pytest
from deploy import promote

from moto_ecr_ext.testing import MotoECR
from moto_ecr_ext.testing.journal import CallFilter, Journal


@pytest.fixture
def calls(moto_ecr: MotoECR) -> Journal:
    """The calls of a promotion, without those of its preparation."""
    images, registry = moto_ecr.images, moto_ecr.registry
    index = images.build_index(
        [
            images.build(files={"etc/app.conf": b"mode = live"}, architecture=architecture)
            for architecture in ("amd64", "arm64")
        ]
    )
    registry.push(index, "staging/app:1.0")
    registry.push(images.build(files={"etc/app.conf": b"mode = test"}), "live/app:0.9")
    calls = moto_ecr.journal.from_now()
    promote("staging/app", "live/app", "1.0")
    return calls


@pytest.mark.parametrize("platform", ["linux/amd64", "linux/arm64"])
@pytest.mark.parametrize("tag", ["1.0", "stable"])
def test_each_tag_has_each_platform(calls: Journal, tag: str, platform: str) -> None:
    calls.assert_pulled("staging/app:1.0", platform=platform)
    calls.assert_pushed(f"live/app:{tag}", platform=platform)


def test_stable_moves_last(calls: Journal) -> None:
    calls.assert_calls_in_order(
        CallFilter("BatchGetImage", repository="staging/app"),
        CallFilter("CompleteLayerUpload", repository="live/app"),
        CallFilter("PutImage", repository="live/app", reference="1.0"),
        CallFilter("PutImage", repository="live/app", reference="stable"),
    )


def test_layers_are_sent_once(calls: Journal) -> None:
    # Two configurations, and a layer that both images have.
    calls.assert_called("CompleteLayerUpload", times=3)


def test_staging_does_not_change(calls: Journal) -> None:
    for operation in ("PutImage", "InitiateLayerUpload", "BatchDeleteImage"):
        calls.assert_not_called(operation, repository="staging/*")


def test_the_release_changes_the_configuration_alone(calls: Journal, moto_ecr: MotoECR) -> None:
    images = moto_ecr.images
    difference = images.diff("live/app:0.9", moto_ecr.registry.pull("live/app:stable").images[0])
    assert not difference.added
    assert not difference.removed
    assert [*difference.changed] == ["etc/app.conf"]
    conf = images.read_file("live/app:stable", "etc/app.conf", platform="linux/arm64")
    assert conf == b"mode = live"
