"""The deploy script, tested as AWS has it."""

import json

import pytest
from deploy import deployed_digest, ensure_repository, promote, release

from moto_ecr_ext.testing import build_image, push


def manifest(ecr, version):
    image = build_image(seed=version)
    push(ecr, "app", image)
    return json.loads(image.manifest)


def test_a_repository_is_made(ecr):
    assert ensure_repository(ecr, "new").endswith("/new")


def test_a_repository_that_is_there_is_taken(ecr):
    assert ensure_repository(ecr, "app") == ensure_repository(ecr, "app")


def test_a_release_has_its_tag(ecr):
    release(ecr, "app", {**manifest(ecr, 1), "annotations": {"a": "b"}}, "v1")
    listed = ecr.list_images(repositoryName="app", filter={"tagStatus": "TAGGED"})["imageIds"]
    assert listed[0]["imageTag"] == "v1"


def test_a_release_keeps_the_digest_of_the_build(ecr):
    digest = release(ecr, "app", manifest(ecr, 1), "v1")
    assert deployed_digest(ecr, "app", "v1") == digest


def test_a_promoted_image_is_the_same(ecr):
    digest = release(ecr, "app", manifest(ecr, 1), "v1")
    assert promote(ecr, "app", "v1", "prod") == digest
    assert deployed_digest(ecr, "app", "prod") == digest


def test_what_is_not_there_is_not_promoted(ecr):
    with pytest.raises(LookupError):
        promote(ecr, "app", "v1", "prod")


def test_a_stage_moves_on(ecr):
    release(ecr, "app", manifest(ecr, 1), "prod")
    second = release(ecr, "app", manifest(ecr, 2), "prod")
    assert deployed_digest(ecr, "app", "prod") == second


def test_the_same_release_is_made_once(ecr):
    release(ecr, "app", manifest(ecr, 1), "v1")
    with pytest.raises(ecr.exceptions.ImageAlreadyExistsException):
        release(ecr, "app", manifest(ecr, 1), "v1")


def test_an_old_release_is_gone(ecr):
    release(ecr, "app", manifest(ecr, 1), "latest")
    release(ecr, "app", manifest(ecr, 2), "latest")
    tagged = ecr.list_images(repositoryName="app", filter={"tagStatus": "TAGGED"})["imageIds"]
    assert len(tagged) == 1


def test_an_immutable_release_stays(ecr):
    ecr.put_image_tag_mutability(repositoryName="app", imageTagMutability="IMMUTABLE")
    release(ecr, "app", manifest(ecr, 1), "v1")
    with pytest.raises(ecr.exceptions.ImageTagAlreadyExistsException):
        release(ecr, "app", manifest(ecr, 2), "v1")
