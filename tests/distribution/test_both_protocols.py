"""One image, two protocols: what is pushed over /v2/ appears in the JSON API, and what the API stores in /v2/."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError
from freezegun import freeze_time

from moto_ecr_ext.testing import (
    DOCKER,
    OCI,
    Image,
    Index,
    build_artifact,
    build_image,
    build_index,
    download_blob,
    pull,
    push,
    upload_blob,
)
from support.constants import ACCOUNT
from support.registry_client import RepositoryClient

IMAGE = build_image(seed="both", layers=2)
OTHER = build_image(seed="other", layers=1)
INDEX = build_index([IMAGE, OTHER])
ARTIFACT = build_artifact(artifact_type="application/example", subject=IMAGE, content=b"signed")
EVERYTHING: dict[str, Image | Index] = {
    "image": IMAGE,
    "Docker image": build_image(seed="docker", media_types=DOCKER),
    "index": INDEX,
    "artifact": ARTIFACT,
}


def details(ecr: Any) -> list[dict[str, Any]]:
    described: list[dict[str, Any]] = ecr.describe_images(repositoryName="team/app")["imageDetails"]
    return described


class TestPushedOverTheRegistry:
    """Pushed by HTTP, seen by the API."""

    @pytest.mark.parametrize("name", EVERYTHING)
    def test_pull(self, ecr: Any, repository: RepositoryClient, name: str) -> None:
        """The API returns the same bytes for manifest, configuration and layers."""
        image = EVERYTHING[name]
        repository.push(image, "v1")
        pulled = pull(ecr, "team/app", "v1")
        assert (pulled.manifest, pulled.media_type) == (image.manifest, image.media_type)
        assert {blob.digest: blob.content for blob in pulled.blobs} == {
            blob.digest: blob.content for blob in image.blobs
        }

    def test_describe(self, ecr: Any, repository: RepositoryClient) -> None:
        """DescribeImages describes the image like one that PutImage stored."""
        with freeze_time("2026-06-01 12:00:00"):
            [data] = ecr.get_authorization_token()["authorizationData"]
            repository.session.log_in(data["authorizationToken"])
            repository.push(IMAGE, "v1")
            repository.push(IMAGE, "v2")
        [detail] = details(ecr)
        assert detail == {
            "registryId": ACCOUNT,
            "repositoryName": "team/app",
            "imageDigest": IMAGE.digest,
            "imageTags": ["v1", "v2"],
            "imageSizeInBytes": sum(blob.size for blob in IMAGE.blobs),
            "imagePushedAt": detail["imagePushedAt"],
            "imageManifestMediaType": OCI.manifest,
            "artifactMediaType": OCI.config,
            "imageStatus": "ACTIVE",
        }
        pushed_at: datetime = detail["imagePushedAt"]
        assert pushed_at == datetime(2026, 6, 1, 12, tzinfo=timezone.utc)

    def test_list(self, ecr: Any, repository: RepositoryClient) -> None:
        """ListImages has one entry for each tag, and one for an untagged image."""
        repository.push(INDEX, "all")
        repository.push(IMAGE, "amd64")
        found = ecr.list_images(repositoryName="team/app")["imageIds"]
        assert sorted(found, key=str) == sorted(
            [
                {"imageDigest": IMAGE.digest, "imageTag": "amd64"},
                {"imageDigest": OTHER.digest},
                {"imageDigest": INDEX.digest, "imageTag": "all"},
            ],
            key=str,
        )

    def test_layers(self, ecr: Any, repository: RepositoryClient) -> None:
        """A blob that was pushed over HTTP is an available layer."""
        blob = IMAGE.layers[0]
        repository.push_blob(blob.content)
        [layer] = ecr.batch_check_layer_availability(
            repositoryName="team/app", layerDigests=[blob.digest]
        )["layers"]
        assert (layer["layerAvailability"], layer["layerSize"]) == ("AVAILABLE", blob.size)

    def test_scan_on_push(self, ecr: Any, repository: RepositoryClient) -> None:
        """A push over HTTP starts a scan if the repository is scanned on push."""
        repository.push(IMAGE, "before")
        with pytest.raises(ecr.exceptions.ScanNotFoundException):
            ecr.describe_image_scan_findings(
                repositoryName="team/app", imageId={"imageTag": "before"}
            )
        ecr.put_image_scanning_configuration(
            repositoryName="team/app", imageScanningConfiguration={"scanOnPush": True}
        )
        repository.push(OTHER, "after")
        answer = ecr.describe_image_scan_findings(
            repositoryName="team/app", imageId={"imageTag": "after"}
        )
        assert answer["imageScanStatus"]["status"] == "COMPLETE"
        assert answer["imageId"]["imageDigest"] == OTHER.digest

    def test_referrers(self, ecr: Any, repository: RepositoryClient) -> None:
        """DescribeImages names the subject of an artifact."""
        repository.push(ARTIFACT)
        [detail] = details(ecr)
        assert detail["subjectManifestDigest"] == IMAGE.digest
        assert detail["artifactMediaType"] == "application/example"

    def test_an_upload_goes_on_by_the_api(self, ecr: Any, repository: RepositoryClient) -> None:
        """An upload that HTTP began continues by the API: a session belongs to both protocols."""
        layer = IMAGE.layers[0]
        upload_id = repository.start_upload().rpartition("/")[2]
        ecr.upload_layer_part(
            repositoryName="team/app",
            uploadId=upload_id,
            partFirstByte=0,
            partLastByte=99,
            layerPartBlob=layer.content[:100],
        )
        url = f"/blobs/uploads/{upload_id}"
        assert repository.get(url).headers["Range"] == "0-99"
        response = repository.put(url, params={"digest": layer.digest}, data=layer.content[100:])
        assert response.status_code == 201
        assert repository.get(f"/blobs/{layer.digest}").content == layer.content


class TestPushedByTheAPI:
    """Pushed by the API, seen by HTTP."""

    @pytest.mark.parametrize("name", EVERYTHING)
    def test_pull(self, ecr: Any, repository: RepositoryClient, name: str) -> None:
        """The registry returns the same bytes."""
        image = EVERYTHING[name]
        push(ecr, "team/app", image, "v1")
        response = repository.get("/manifests/v1")
        assert response.content == image.manifest
        assert response.headers["Content-Type"] == image.media_type
        assert response.headers["Docker-Content-Digest"] == image.digest
        for blob in image.blobs:
            assert repository.get(f"/blobs/{blob.digest}").content == blob.content

    def test_tags(self, ecr: Any, repository: RepositoryClient) -> None:
        """The registry lists the tags that the API put."""
        push(ecr, "team/app", IMAGE, "v1")
        push(ecr, "team/app", IMAGE, "latest")
        assert repository.get("/tags/list").json()["tags"] == ["latest", "v1"]

    def test_referrers(self, ecr: Any, repository: RepositoryClient) -> None:
        """An artifact that the API put is a referrer of its subject."""
        push(ecr, "team/app", ARTIFACT)
        [descriptor] = repository.get(f"/referrers/{IMAGE.digest}").json()["manifests"]
        assert descriptor["digest"] == ARTIFACT.digest

    def test_layers_count_for_a_manifest(self, ecr: Any, repository: RepositoryClient) -> None:
        """Layers that the API uploaded exist for a manifest that is pushed over HTTP."""
        for blob in IMAGE.blobs:
            upload_blob(ecr, "team/app", blob)
        assert repository.put_manifest(IMAGE, "v1").status_code == 201

    def test_a_manifest_without_its_layers(self, ecr: Any, repository: RepositoryClient) -> None:
        """PutImage accepts a manifest without its layers, as suites written for moto put it; over HTTP the layers are
        missing.

        The same manifest is refused when it is pushed over HTTP, which clients check.
        """
        ecr.put_image(
            repositoryName="team/app", imageManifest=IMAGE.manifest.decode(), imageTag="v1"
        )
        assert repository.get("/manifests/v1").content == IMAGE.manifest
        assert not repository.holds(IMAGE.layers[0])
        assert repository.put_manifest(IMAGE, "v2").status_code == 404

    def test_a_deleted_image(self, ecr: Any, repository: RepositoryClient) -> None:
        """An image that BatchDeleteImage removed is missing over HTTP."""
        push(ecr, "team/app", IMAGE, "v1")
        ecr.batch_delete_image(repositoryName="team/app", imageIds=[{"imageTag": "v1"}])
        assert repository.get("/manifests/v1").status_code == 404
        assert repository.get(f"/manifests/{IMAGE.digest}").status_code == 404
        assert not repository.holds(IMAGE.layers[0])


def over_http(repository: RepositoryClient, ecr: Any, image: Image, tag: str) -> str | None:
    """Push over HTTP; the code of the error, if any, as the JSON protocol has it."""
    response: requests.Response = repository.put_manifest(image, tag)
    if response.status_code == 201:
        return None
    [error] = response.json()["errors"]
    assert (response.status_code, error["code"]) == (400, "TAG_INVALID")
    return "ImageTagAlreadyExistsException"


def by_put_image(repository: RepositoryClient, ecr: Any, image: Image, tag: str) -> str | None:
    try:
        ecr.put_image(
            repositoryName="team/app", imageManifest=image.manifest.decode(), imageTag=tag
        )
    except ecr.exceptions.ImageTagAlreadyExistsException:
        return "ImageTagAlreadyExistsException"
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return None


@pytest.mark.parametrize(
    ("first", "second"),
    [(over_http, by_put_image), (by_put_image, over_http)],
    ids=["HTTP first", "PutImage first"],
)
class TestMutability:
    """Both protocols keep to the repository's mutability, whoever pushed first."""

    @pytest.fixture(autouse=True)
    def blobs(self, repository: RepositoryClient) -> None:
        for image in (IMAGE, OTHER):
            repository.push_blobs(image)

    def test_mutable(self, ecr: Any, repository: RepositoryClient, first: Any, second: Any) -> None:
        """A mutable tag moves to the image that is pushed last."""
        assert first(repository, ecr, IMAGE, "v1") is None
        assert second(repository, ecr, OTHER, "v1") is None
        assert {each["imageDigest"]: each.get("imageTags") for each in details(ecr)} == {
            IMAGE.digest: None,
            OTHER.digest: ["v1"],
        }

    def test_immutable(
        self, ecr: Any, repository: RepositoryClient, first: Any, second: Any
    ) -> None:
        """A tag of an immutable repository does not move."""
        ecr.put_image_tag_mutability(repositoryName="team/app", imageTagMutability="IMMUTABLE")
        assert first(repository, ecr, IMAGE, "v1") is None
        assert second(repository, ecr, OTHER, "v1") == "ImageTagAlreadyExistsException"
        [detail] = details(ecr)
        assert (detail["imageDigest"], detail["imageTags"]) == (IMAGE.digest, ["v1"])

    def test_excluded(
        self, ecr: Any, repository: RepositoryClient, first: Any, second: Any
    ) -> None:
        """A tag that an exclusion filter names moves."""
        ecr.put_image_tag_mutability(
            repositoryName="team/app",
            imageTagMutability="IMMUTABLE_WITH_EXCLUSION",
            imageTagMutabilityExclusionFilters=[{"filterType": "WILDCARD", "filter": "dev-*"}],
        )
        for tag in ("dev-1", "v1"):
            assert first(repository, ecr, IMAGE, tag) is None
        assert second(repository, ecr, OTHER, "dev-1") is None
        assert second(repository, ecr, OTHER, "v1") == "ImageTagAlreadyExistsException"
        assert repository.get("/manifests/dev-1").content == OTHER.manifest
        assert repository.get("/manifests/v1").content == IMAGE.manifest

    def test_the_same_again(
        self, ecr: Any, repository: RepositoryClient, first: Any, second: Any
    ) -> None:
        """An identical push succeeds over HTTP, and is refused by PutImage; both change nothing."""
        assert first(repository, ecr, IMAGE, "v1") is None
        before = details(ecr)
        expected = "ImageAlreadyExistsException" if second is by_put_image else None
        assert second(repository, ecr, IMAGE, "v1") == expected
        assert details(ecr) == before


def test_download_url_of_what_was_pushed(ecr: Any, repository: RepositoryClient) -> None:
    """GetDownloadUrlForLayer returns a layer that was pushed over HTTP, once an image refers to it."""
    layer = IMAGE.layers[0]
    repository.push_blob(layer.content)
    with pytest.raises(ecr.exceptions.LayerInaccessibleException):
        ecr.get_download_url_for_layer(repositoryName="team/app", layerDigest=layer.digest)
    repository.push(IMAGE, "v1")
    assert b"".join(download_blob(ecr, "team/app", layer.digest)) == layer.content
