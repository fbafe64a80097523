"""The deploy script, as moto lets a team write its tests."""

import pytest
from deploy import deployed_digest, ensure_repository, promote, release

DIGEST = f"sha256:{'a' * 64}"


def manifest(version):
    return {
        "schemaVersion": 2,
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": {"digest": f"config-{version}", "size": 7},
        "layers": [{"digest": f"layer-{version}", "size": 100}],
    }


def test_a_repository_is_made(ecr):
    assert ensure_repository(ecr, "new").endswith("/new")


def test_a_repository_that_is_there_is_taken(ecr):
    assert ensure_repository(ecr, "app") == ensure_repository(ecr, "app")


def test_a_release_has_its_tag(ecr):
    release(ecr, "app", manifest(1), "v1")
    assert ecr.list_images(repositoryName="app")["imageIds"][0]["imageTag"] == "v1"


def test_a_release_keeps_the_digest_of_the_build(ecr):
    assert release(ecr, "app", manifest(1), "v1", imageDigest=DIGEST) == DIGEST


def test_a_promoted_image_is_the_same(ecr):
    release(ecr, "app", manifest(1), "v1", imageDigest=DIGEST)
    assert promote(ecr, "app", "v1", "prod") == DIGEST
    assert deployed_digest(ecr, "app", "prod") == DIGEST


def test_what_is_not_there_is_not_promoted(ecr):
    with pytest.raises(LookupError):
        promote(ecr, "app", "v1", "prod")


def test_a_stage_moves_on(ecr):
    release(ecr, "app", manifest(1), "prod")
    second = release(ecr, "app", manifest(2), "prod")
    assert deployed_digest(ecr, "app", "prod") == second


def test_the_same_release_is_made_once(ecr):
    release(ecr, "app", manifest(1), "v1")
    with pytest.raises(ecr.exceptions.ImageAlreadyExistsException):
        release(ecr, "app", manifest(1), "v1")


def test_an_old_release_is_gone(ecr):
    release(ecr, "app", manifest(1), "latest")
    release(ecr, "app", manifest(2), "latest")
    assert len(ecr.list_images(repositoryName="app")["imageIds"]) == 1


def test_an_immutable_release_stays(ecr):
    ecr.put_image_tag_mutability(repositoryName="app", imageTagMutability="IMMUTABLE")
    release(ecr, "app", manifest(1), "v1")
    with pytest.raises(ecr.exceptions.ImageAlreadyExistsException):
        release(ecr, "app", manifest(2), "v1")
