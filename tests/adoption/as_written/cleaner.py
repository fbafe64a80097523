"""The cleaner, as moto lets a team write its tests."""

import json

import pytest
from cleaner import delete_tags, delete_untagged, keep_newest


@pytest.fixture
def put(ecr):
    def put(name, **options):
        manifest = {
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "layers": [{"digest": name}],
        }
        return ecr.put_image(repositoryName="app", imageManifest=json.dumps(manifest), **options)[
            "image"
        ]["imageId"]["imageDigest"]

    return put


def count(ecr):
    return len(ecr.describe_images(repositoryName="app")["imageDetails"])


def test_untagged_images_go(ecr, put):
    put("one")
    put("two", imageTag="v2")
    delete_untagged(ecr, "app")
    assert count(ecr) == 1


def test_an_empty_repository_stays_empty(ecr):
    assert delete_untagged(ecr, "app") == []


def test_the_newest_stay(ecr, put):
    for number in range(5):
        put(f"layer {number}", imageTag=f"v{number}")
    assert len(keep_newest(ecr, "app", 2)) == 3
    assert count(ecr) == 2


def test_few_images_stay(ecr, put):
    put("one", imageTag="v1")
    assert keep_newest(ecr, "app", 2) == []


def test_a_tag_goes(ecr, put):
    put("one", imageTag="v1")
    put("one", imageTag="v2")
    assert delete_tags(ecr, "app", ["v1"]) == 1
    assert count(ecr) == 1


def test_tags_of_another_account_go(ecr, put):
    put("one", imageTag="v1")
    assert delete_tags(ecr, "app", ["v1"], registryId="012345678910") == 1


def test_all_tagged_images_stay(ecr, put):
    for number in range(120):
        put(f"layer {number}", imageTag=f"v{number}")
    delete_untagged(ecr, "app")
    assert count(ecr) == 120


def test_an_image_goes_by_its_digest_and_a_tag(ecr, put):
    digest = put("one", imageTag="v1")
    put("one", imageTag="v2")
    ecr.batch_delete_image(
        repositoryName="app", imageIds=[{"imageDigest": digest, "imageTag": "v1"}]
    )
    assert count(ecr) == 0
