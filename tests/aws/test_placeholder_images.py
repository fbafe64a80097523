"""Placeholder images: what moto accepts as an image is there for the JSON API, and for nothing that needs its bytes.

What moto answers is read in its source (moto/ecr/models.py, `put_image` and `Image`).
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from moto_ecr_ext import run_lifecycle, testing
from moto_ecr_ext.storage.integrity import find_damage
from moto_ecr_ext.storage.store import current_store
from support.environments import Environment
from support.listener import Listener
from support.refusals import Refusal, refusal

MADE_UP = f"sha256:{'a' * 64}"
DOCKER_TYPE = "application/vnd.docker.distribution.manifest.v2+json"
OF_APP = {"repositoryName": "app"}


@pytest.fixture(autouse=True)
def _as_moto(aws: Environment, ecr: Any) -> None:
    ecr.create_repository(**OF_APP)
    aws.configure(compatibility="moto")


def sha256(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def layers(*digests: str, **members: Any) -> str:
    """A manifest whose layers have these digests, of an image that was never uploaded."""
    return json.dumps(
        {
            "mediaType": DOCKER_TYPE,
            "config": {"size": 7},
            "layers": [{"digest": digest} for digest in digests],
            **members,
        }
    )


def put(ecr: Any, text: str, **options: Any) -> str:
    """Put a text as an image; return its digest."""
    answer = ecr.put_image(**OF_APP, imageManifest=text, **options)
    return answer["image"]["imageId"]["imageDigest"]


def described(ecr: Any, **options: Any) -> list[dict[str, Any]]:
    return ecr.describe_images(**OF_APP, **options)["imageDetails"]


@pytest.mark.parametrize(
    ("text", "size"),
    [
        pytest.param("manifest1", None, id="no JSON"),
        pytest.param(json.dumps(["a", "list"]), None, id="no object"),
        pytest.param(json.dumps({"mediaType": DOCKER_TYPE}), None, id="no layers"),
        pytest.param(layers(), 7, id="no layers in the list"),
        pytest.param(layers("layer1"), 7, id="a layer without a digest"),
        pytest.param(layers("layer1", config={}), 50 * 1024 * 1024, id="a config without a size"),
        pytest.param(layers("layer1", config="x"), 50 * 1024 * 1024, id="a config of a text"),
        pytest.param(layers("layer1", config={"size": -1}), 50 * 1024 * 1024, id="a wrong size"),
        pytest.param(json.dumps({"mediaType": DOCKER_TYPE, "layers": 1}), 50 * 1024 * 1024, id="1"),
    ],
)
def test_a_text_is_an_image(ecr: Any, text: str, size: int | None) -> None:
    """A placeholder is returned, listed, described and deleted as an image; its size is that of its config, or 50
    MiB.
    """
    digest = put(ecr, text, imageTag="v1")

    image_id = {"imageDigest": digest, "imageTag": "v1"}
    assert ecr.list_images(**OF_APP)["imageIds"] == [image_id]
    (details,) = described(ecr, imageIds=[{"imageDigest": digest}])
    assert details["imageTags"] == ["v1"]
    assert details.get("imageSizeInBytes") == size
    assert details["imageManifestMediaType"] == DOCKER_TYPE
    for asked in ({"imageTag": "v1"}, {"imageDigest": digest}):
        (image,) = ecr.batch_get_image(**OF_APP, imageIds=[asked])["images"]
        assert (image["imageManifest"], image["imageId"]) == (text, image_id)
    accepted = ["application/vnd.oci.image.manifest.v1+json"]
    answer = ecr.batch_get_image(
        **OF_APP, imageIds=[{"imageTag": "v1"}], acceptedMediaTypes=accepted
    )
    assert answer["images"][0]["imageManifest"] == text
    assert ecr.batch_delete_image(**OF_APP, imageIds=[image_id])["imageIds"] == [image_id]
    assert described(ecr) == []


def test_a_text_has_the_digest_of_its_layers(ecr: Any) -> None:
    """moto hashes the layers' digests, joined; a text that lists none has the sha256 of its bytes."""
    assert put(ecr, layers("layer1", "layer2")) == sha256("layer1layer2")
    assert put(ecr, "manifest1") == sha256("manifest1")
    assert put(ecr, layers(1)) == sha256(layers(1))  # type: ignore[arg-type]


@pytest.mark.parametrize("digest", [MADE_UP, "sha256:abc", "made up", "x" * 1024])
def test_a_digest_that_is_made_up_is_kept(ecr: Any, digest: str) -> None:
    """A given `imageDigest` is the image's digest, whatever it is."""
    assert put(ecr, layers("layer1"), imageDigest=digest, imageTag="v1") == digest
    assert described(ecr, imageIds=[{"imageDigest": digest}])[0]["imageTags"] == ["v1"]
    asked = [{"imageDigest": digest}]
    assert len(ecr.batch_get_image(**OF_APP, imageIds=asked)["images"]) == 1
    assert ecr.batch_delete_image(**OF_APP, imageIds=asked)["failures"] == []
    assert described(ecr) == []


@pytest.mark.parametrize("digest", ["", "a\0b", "x" * 1025])
def test_a_digest_that_cannot_be_kept_is_refused(ecr: Any, digest: str) -> None:
    """A digest that no database can store is refused."""
    code = refusal(ecr.put_image, **OF_APP, imageManifest=layers("a"), imageDigest=digest).code
    assert code == "ImageDigestDoesNotMatchException"
    assert described(ecr) == []


def test_the_same_text_is_the_same_image(ecr: Any) -> None:
    """An image that is read and put again under another tag keeps its digest, as in a promotion."""
    put(ecr, layers("layer1"), imageDigest=MADE_UP, imageTag="v1")

    assert put(ecr, layers("layer1"), imageTag="prod") == MADE_UP
    (details,) = described(ecr)
    assert details["imageTags"] == ["v1", "prod"]
    code = refusal(ecr.put_image, **OF_APP, imageManifest=layers("layer1"), imageTag="prod").code
    assert code == "ImageAlreadyExistsException"


def test_a_digest_is_that_of_one_image(ecr: Any) -> None:
    """moto lets several texts share a digest; here the second gets the digest of its bytes, and both exist."""
    first, second = layers("layer1"), layers("layer1", annotations={"a": "b"})
    assert put(ecr, first, imageDigest=MADE_UP) == MADE_UP
    assert put(ecr, second, imageDigest=MADE_UP) == sha256("layer1")
    third = layers("layer1", annotations={"c": "d"})
    assert put(ecr, third) == sha256(third)
    assert len(described(ecr)) == 3


def test_the_digest_of_a_real_image_is_its_own(ecr: Any) -> None:
    """A text does not replace a real image with its digest."""
    image = testing.build_image()
    testing.push(ecr, "app", image, tag="real")

    assert put(ecr, "manifest1", imageDigest=image.digest) == sha256("manifest1")
    assert testing.pull(ecr, "app", "real").manifest == image.manifest


def test_real_images_are_real(aws: Environment, ecr: Any) -> None:
    """An uploaded manifest is an image under its own digest, over both protocols."""
    image = testing.build_image(layers=2)
    assert testing.push(ecr, "app", image, tag="v1") == image.digest
    answer = aws.registry().get("/v2/app/manifests/v1")
    assert (answer.status_code, answer.content) == (200, image.manifest)
    assert testing.pull(ecr, "app", "v1").blobs


def test_the_registry_protocol_has_no_placeholders(
    aws: Environment, ecr: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """GET, HEAD and DELETE answer 404 with the reason in `detail` and in the log; tags of placeholders are not
    listed.
    """
    put(ecr, layers("layer1"), imageDigest=MADE_UP, imageTag="v1")
    testing.push(ecr, "app", testing.build_image(), tag="real")
    registry = aws.registry()

    for reference in ("v1", MADE_UP):
        caplog.clear()
        answer = registry.get(f"/v2/app/manifests/{reference}")
        assert answer.status_code == 404
        (error,) = answer.json()["errors"]
        assert (error["code"], error["message"]) == (
            "MANIFEST_UNKNOWN",
            "Requested image not found",
        )
        reason = error["detail"]["reason"]
        assert reason.startswith(f"{reference} is a placeholder image: PutImage accepted")
        assert reason in caplog.text
        assert registry.head(f"/v2/app/manifests/{reference}").status_code == 404
        assert registry.delete(f"/v2/app/manifests/{reference}").status_code == 404
    assert registry.get("/v2/app/tags/list").json()["tags"] == ["real"]
    assert len(described(ecr)) == 2


def test_another_missing_image_has_no_detail(aws: Environment) -> None:
    """The body of other errors is ECR's, without a detail."""
    answer = aws.registry().get("/v2/app/manifests/gone")
    assert answer.json()["errors"] == [
        {"code": "MANIFEST_UNKNOWN", "message": "Requested image not found"}
    ]


def test_a_push_takes_the_place_of_a_placeholder(
    aws: Environment, ecr: Any, listener: Listener
) -> None:
    """A manifest that is pushed under a placeholder's digest replaces it, and keeps the tags."""
    image = testing.build_image()
    put(ecr, layers("layer1"), imageDigest=image.digest, imageTag="v1")
    for blob in image.blobs:
        testing.upload_blob(ecr, "app", blob)
    listener.heard()

    registry = aws.registry()
    answer = registry.put(
        f"/v2/app/manifests/{image.digest}",
        data=image.manifest,
        headers={"Content-Type": image.media_type},
    )

    assert answer.status_code == 201
    assert registry.get("/v2/app/manifests/v1").content == image.manifest
    assert registry.get("/v2/app/tags/list").json()["tags"] == ["v1"]
    (details,) = described(ecr)
    assert details["imageSizeInBytes"] == sum(blob.size for blob in image.blobs)
    assert [each["detail"]["image-digest"] for each in listener.heard()] == [image.digest]
    assert list(find_damage(current_store())) == []


def test_an_index_does_not_list_placeholders(aws: Environment, ecr: Any) -> None:
    """A push of an index needs its images: a placeholder does not count as one."""
    image = testing.build_image()
    put(ecr, layers("layer1"), imageDigest=image.digest)
    index = testing.build_index([image])

    answer = aws.registry().put(
        "/v2/app/manifests/v1", data=index.manifest, headers={"Content-Type": index.media_type}
    )

    assert answer.status_code == 404
    assert answer.json()["errors"][0]["code"] == "MANIFEST_BLOB_UNKNOWN"


@pytest.fixture
def listener(aws: Environment) -> Listener:
    return Listener(aws)


def test_a_placeholder_is_announced(ecr: Any, listener: Listener) -> None:
    """A push and a deletion of a placeholder send events."""
    put(ecr, layers("layer1"), imageDigest=MADE_UP, imageTag="v1")
    ecr.batch_delete_image(**OF_APP, imageIds=[{"imageTag": "v1"}])

    events = [each["detail"] for each in listener.heard()]
    assert [(each["action-type"], each["image-digest"]) for each in events] == [
        ("PUSH", MADE_UP),
        ("DELETE", MADE_UP),
    ]


def test_a_placeholder_expires(ecr: Any, aws: Environment) -> None:
    """A lifecycle policy counts and deletes placeholders."""
    for number in range(3):
        put(ecr, layers(f"layer{number}"), imageTag=f"v{number}")
    selection = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 1}
    rule = {"rulePriority": 1, "selection": selection, "action": {"type": "expire"}}
    ecr.put_lifecycle_policy(**OF_APP, lifecyclePolicyText=json.dumps({"rules": [rule]}))

    run_lifecycle()

    assert [each["imageTags"] for each in described(ecr)] == [["v2"]]


def test_a_placeholder_is_archived_and_comes_back(ecr: Any) -> None:
    """The storage class of a placeholder changes like that of an image."""
    put(ecr, "manifest1", imageTag="v1")
    for target, status in (("ARCHIVE", "ARCHIVED"), ("STANDARD", "ACTIVE")):
        answer = ecr.update_image_storage_class(
            **OF_APP, imageId={"imageTag": "v1"}, targetStorageClass=target
        )
        assert answer["imageStatus"] == status


def test_a_copy_is_a_placeholder_too(aws: Environment, ecr: Any) -> None:
    """Replication copies the row, and no bytes; the registry does not serve the copy."""
    destination = {"region": "eu-west-1", "registryId": "123456789012"}
    ecr.put_replication_configuration(
        replicationConfiguration={"rules": [{"destinations": [destination]}]}
    )
    put(ecr, layers("layer1"), imageDigest=MADE_UP, imageTag="v1")

    copied = aws.client(region="eu-west-1")
    (image,) = copied.batch_get_image(**OF_APP, imageIds=[{"imageTag": "v1"}])["images"]
    assert image["imageId"]["imageDigest"] == MADE_UP
    registry = aws.registry(region="eu-west-1")
    assert registry.get("/v2/app/manifests/v1").status_code == 404


def test_no_program_scans_a_placeholder(aws: Environment, ecr: Any) -> None:
    """The scan of a placeholder ends at once, without the program, which would fail."""
    aws.configure(compatibility="moto: -made-up-finding", scanner="trivy-that-is-not-there")
    put(ecr, "manifest1", imageTag="v1")

    ecr.start_image_scan(**OF_APP, imageId={"imageTag": "v1"})

    answer = ecr.describe_image_scan_findings(**OF_APP, imageId={"imageTag": "v1"})
    assert answer["imageScanStatus"]["status"] == "COMPLETE"
    assert answer["imageScanFindings"]["findings"] == []


def test_a_placeholder_is_not_signed(ecr: Any) -> None:
    """A placeholder is not signed, whatever the rules of the registry."""
    arn = "arn:aws:signer:us-east-1:123456789012:/signing-profiles/all"
    ecr.put_signing_configuration(signingConfiguration={"rules": [{"signingProfileArn": arn}]})
    put(ecr, "manifest1", imageTag="v1")
    put(ecr, layers("layer1"), imageDigest=MADE_UP, imageTag="v2")

    for tag in ("v1", "v2"):
        answer = ecr.describe_image_signing_status(**OF_APP, imageId={"imageTag": tag})
        assert answer["signingStatuses"] == []
    assert len(described(ecr)) == 2


def test_there_is_no_damage(ecr: Any) -> None:
    """The check for damage accepts a placeholder, whose digest is not that of its text."""
    put(ecr, layers("layer1"), imageDigest=MADE_UP)
    put(ecr, "manifest1", imageDigest="made up")
    assert list(find_damage(current_store())) == []


def test_back_to_aws(aws: Environment, ecr: Any) -> None:
    """With `aws`, existing placeholders stay listed and can be deleted; new ones are refused."""
    put(ecr, "manifest1", imageTag="v1")
    aws.configure(compatibility="aws")

    assert refusal(ecr.put_image, **OF_APP, imageManifest="manifest1", imageTag="v2") == Refusal(
        "InvalidParameterException",
        "Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'",
    )
    assert [each["imageTags"] for each in described(ecr)] == [["v1"]]
    assert aws.registry().get("/v2/app/manifests/v1").status_code == 404
    ecr.batch_delete_image(**OF_APP, imageIds=[{"imageTag": "v1"}])
    assert described(ecr) == []


def test_explicit_verification_comes_first(aws: Environment, ecr: Any) -> None:
    """With `verify_layers` a manifest needs its layers, also with `moto`."""
    aws.configure(compatibility="moto", verify_layers=True)
    image = testing.build_image()
    code = refusal(ecr.put_image, **OF_APP, imageManifest=image.manifest.decode()).code
    assert code == "LayersNotFoundException"
    assert described(ecr) == []


def test_moto_s_password_logs_in(aws: Environment, ecr: Any) -> None:
    """The constant password logs in to the account's registry, in the region of the host; with `aws` it does not."""
    image = testing.build_image()
    testing.push(ecr, "app", image, tag="v1")
    registry = aws.registry()
    assert registry.get("/v2/app/manifests/v1").content == image.manifest

    aws.configure(compatibility="aws")
    assert registry.get("/v2/app/manifests/v1").status_code == 400


def test_lenient_policies_are_read(aws: Environment, ecr: Any) -> None:
    """A lifecycle policy that contradicts itself runs by its likely meaning, also after the setting has changed."""
    selection = {
        "tagStatus": "tagged",
        "tagPrefixList": ["v"],
        "tagPatternList": [],
        "countType": "imageCountMoreThan",
        "countNumber": 1,
        "countUnit": "days",
    }
    rule = {"rulePriority": 1, "selection": selection, "action": {"type": "expire"}}
    text = json.dumps({"rules": [rule, rule]})
    ecr.put_lifecycle_policy(**OF_APP, lifecyclePolicyText=text)
    for tag in ("v1", "v2", "other"):
        put(ecr, layers(tag), imageTag=tag)
    aws.configure(compatibility="aws")

    run_lifecycle()

    assert [each["imageTags"] for each in described(ecr)] == [["v2"], ["other"]]
    assert ecr.get_lifecycle_policy(**OF_APP)["lifecyclePolicyText"] == text
