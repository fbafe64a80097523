"""BatchDeleteImage: tags, images, and what stays. Failures of identifiers are in `test_batch_get_image`."""

from __future__ import annotations

from typing import Any

from moto_ecr_ext.testing import (
    build_image,
    build_index,
    build_layer,
    pull,
    push,
)
from support.constants import ABSENT_DIGEST
from support.refusals import no_repository, refusal
from support.stored import everything_stored

IMAGE = build_image(layers=1)
OTHER = build_image(seed=1, layers=1)


def delete(ecr: Any, *image_ids: dict[str, str]) -> list[dict[str, str]]:
    """Return the deleted image IDs. Fails if the call has failures."""
    answer = ecr.batch_delete_image(repositoryName="team/app", imageIds=list(image_ids))
    assert answer["failures"] == []
    deleted: list[dict[str, str]] = answer["imageIds"]
    return deleted


def listed(ecr: Any) -> list[dict[str, str]]:
    """Return the remaining image IDs."""
    left: list[dict[str, str]] = ecr.list_images(repositoryName="team/app")["imageIds"]
    return left


def by_tag(image: Any, tag: str) -> dict[str, str]:
    """An identifier of both halves."""
    return {"imageDigest": image.digest, "imageTag": tag}


def test_by_tag_the_tag_goes_while_others_remain(ecr: Any, repository_name: str) -> None:
    """Deleting one of several tags by its name keeps the image; the last tag deletes it."""
    for tag in ("v1", "v2"):
        push(ecr, repository_name, IMAGE, tag=tag)
    assert delete(ecr, {"imageTag": "v1"}) == [by_tag(IMAGE, "v1")]
    assert listed(ecr) == [by_tag(IMAGE, "v2")]
    assert pull(ecr, repository_name, "v2").digest == IMAGE.digest
    assert delete(ecr, {"imageTag": "v2"}) == [by_tag(IMAGE, "v2")]
    assert ecr.describe_images(repositoryName=repository_name)["imageDetails"] == []


def test_by_digest_the_image_goes_with_all_its_tags(ecr: Any, repository_name: str) -> None:
    """Deleting by digest removes the image with all its tags; the answer lists each."""
    for tag in ("v1", "v2"):
        push(ecr, repository_name, IMAGE, tag=tag)
    push(ecr, repository_name, OTHER)
    deleted = delete(ecr, {"imageDigest": IMAGE.digest}, {"imageDigest": OTHER.digest})
    assert deleted == [
        by_tag(IMAGE, "v1"),
        by_tag(IMAGE, "v2"),
        {"imageDigest": OTHER.digest},
    ]
    assert listed(ecr) == []


def test_by_both_the_tag_goes(ecr: Any, repository_name: str) -> None:
    """An identifier with tag and digest removes the tag, as the tag alone does."""
    for tag in ("v1", "v2"):
        push(ecr, repository_name, IMAGE, tag=tag)
    assert delete(ecr, by_tag(IMAGE, "v1")) == [by_tag(IMAGE, "v1")]
    assert listed(ecr) == [by_tag(IMAGE, "v2")]


def test_all_tags_of_an_image_in_one_call(ecr: Any, repository_name: str) -> None:
    """All tags of an image in one call delete the image with the last of them."""
    for tag in ("v1", "v2"):
        push(ecr, repository_name, IMAGE, tag=tag)
    assert len(delete(ecr, {"imageTag": "v2"}, {"imageTag": "v1"})) == 2
    assert ecr.describe_images(repositoryName=repository_name)["imageDetails"] == []


def test_an_image_that_is_named_twice(ecr: Any, repository_name: str) -> None:
    """An image that is named by tag and by digest, in either order, is deleted once; the answer lists each tag once."""
    for image_ids in (
        [{"imageTag": "v1"}, {"imageDigest": IMAGE.digest}, {"imageTag": "v1"}],
        [{"imageDigest": IMAGE.digest}, {"imageTag": "v1"}, {"imageDigest": IMAGE.digest}],
    ):
        for tag in ("v1", "v2"):
            push(ecr, repository_name, IMAGE, tag=tag)
        assert delete(ecr, *image_ids) == [by_tag(IMAGE, "v1"), by_tag(IMAGE, "v2")]
        assert listed(ecr) == []


def test_an_untagged_image_stays_when_a_tag_moves_away(ecr: Any, repository_name: str) -> None:
    """Deleting the tag deletes the image that has it now."""
    push(ecr, repository_name, IMAGE, tag="v1")
    push(ecr, repository_name, OTHER, tag="v1")
    delete(ecr, {"imageTag": "v1"})
    assert listed(ecr) == [{"imageDigest": IMAGE.digest}]


def test_layers_go_with_their_last_image(ecr: Any, repository_name: str) -> None:
    """Layers that another image shares stay; the others are removed with their last image."""
    shared = build_layer(seed="shared")
    first, second = (build_image(layers=[shared, build_layer(seed=number)]) for number in range(2))
    push(ecr, repository_name, first, tag="v1")
    push(ecr, repository_name, second, tag="v2")
    delete(ecr, {"imageTag": "v1"})
    assert pull(ecr, repository_name, "v2").digest == second.digest
    stored = everything_stored()
    assert set(stored["bytes of blobs"]) == {blob.digest for blob in second.blobs}
    assert {row.digest for row in stored["repository_blobs"]} == set(stored["bytes of blobs"])
    delete(ecr, {"imageTag": "v2"})
    stored = everything_stored()
    assert stored["bytes of blobs"] == stored["repository_blobs"] == []
    assert stored["image_references"] == stored["tags"] == []


def test_layers_that_another_repository_holds_stay(ecr: Any, repository_name: str) -> None:
    """Deleting an image keeps layers that another repository holds."""
    ecr.create_repository(repositoryName="other")
    push(ecr, repository_name, IMAGE, tag="v1")
    push(ecr, "other", IMAGE, tag="v1")
    delete(ecr, {"imageTag": "v1"})
    assert pull(ecr, "other", "v1").digest == IMAGE.digest


def test_a_child_of_an_index_stays(ecr: Any, repository_name: str) -> None:
    """A child of an index cannot be deleted by its digest or its last tag; the reason names every index."""
    indexes = [
        build_index([IMAGE, OTHER], annotations={"number": str(number)}) for number in range(2)
    ]
    for number, index in enumerate(indexes):
        push(ecr, repository_name, index, tag=f"index-{number}")
    push(ecr, repository_name, IMAGE, tag="v1")
    before = everything_stored()
    image_ids = [{"imageDigest": IMAGE.digest}, {"imageTag": "v1"}]
    answer = ecr.batch_delete_image(repositoryName=repository_name, imageIds=image_ids)
    listing = ", ".join(sorted(index.digest for index in indexes))
    assert answer["imageIds"] == []
    assert answer["failures"] == [
        {
            "imageId": image_id,
            "failureCode": "ImageReferencedByManifestList",
            "failureReason": f"Requested image referenced by manifest list: [{listing}]",
        }
        for image_id in image_ids
    ]
    assert everything_stored() == before


def test_a_tag_of_a_child_that_has_another_goes(ecr: Any, repository_name: str) -> None:
    """A child's further tag can be deleted: the image stays, as the index needs it."""
    push(ecr, repository_name, build_index([IMAGE]), tag="index")
    for tag in ("v1", "v2"):
        push(ecr, repository_name, IMAGE, tag=tag)
    assert delete(ecr, {"imageTag": "v1"}) == [by_tag(IMAGE, "v1")]


def test_an_index_and_its_children_in_one_call(ecr: Any, repository_name: str) -> None:
    """An index and its children are deleted in one call, in any order, also an index of indexes."""
    inner = build_index([IMAGE, OTHER])
    outer = build_index([inner])
    push(ecr, repository_name, outer, tag="v1")
    deleted = delete(
        ecr,
        {"imageDigest": IMAGE.digest},
        {"imageDigest": inner.digest},
        {"imageDigest": outer.digest},
        {"imageDigest": OTHER.digest},
    )
    assert {each["imageDigest"] for each in deleted} == {
        IMAGE.digest,
        OTHER.digest,
        inner.digest,
        outer.digest,
    }
    assert listed(ecr) == []
    assert everything_stored()["bytes of blobs"] == []


def test_children_stay_when_their_index_goes(ecr: Any, repository_name: str) -> None:
    """Children of a deleted index stay as untagged images, and can then be deleted."""
    push(ecr, repository_name, build_index([IMAGE, OTHER]), tag="v1")
    delete(ecr, {"imageTag": "v1"})
    children = [{"imageDigest": IMAGE.digest}, {"imageDigest": OTHER.digest}]
    assert listed(ecr) == children
    assert delete(ecr, *children) == children


def test_what_succeeds_stays_done_where_something_fails(ecr: Any, repository_name: str) -> None:
    """Images that can be deleted are deleted, and the answer lists the failures of the others."""
    push(ecr, repository_name, IMAGE, tag="v1")
    answer = ecr.batch_delete_image(
        repositoryName=repository_name,
        imageIds=[{"imageDigest": ABSENT_DIGEST}, {"imageTag": "v1"}],
    )
    assert answer["imageIds"] == [by_tag(IMAGE, "v1")]
    assert [each["failureCode"] for each in answer["failures"]] == ["ImageNotFound"]


def test_a_repository_that_is_not_there(ecr: Any) -> None:
    """A repository that does not exist is refused by its name."""
    request = {"repositoryName": "team/app", "imageIds": [{"imageTag": "v1"}]}
    assert refusal(ecr.batch_delete_image, **request) == no_repository("team/app")
