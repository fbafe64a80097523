"""GetDownloadUrlForLayer, and the bytes behind its URLs."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
import requests
from freezegun import freeze_time
from moto import mock_aws

from moto_ecr_ext.testing import build_image, push, upload_blob
from support.constants import ABSENT_DIGEST
from support.refusals import Refusal, no_repository, refusal

IMAGE = build_image(layers=2, layer_size=100_000)
LAYER = IMAGE.layers[0]


def url_of(ecr: Any, digest: str, repository: str = "team/app") -> str:
    """The URL that downloads a layer."""
    answer = ecr.get_download_url_for_layer(repositoryName=repository, layerDigest=digest)
    assert answer["layerDigest"] == digest
    url: str = answer["downloadUrl"]
    return url


def test_a_url_gives_the_bytes(ecr: Any, repository_name: str) -> None:
    """A URL returns the bytes by a plain GET without credentials, for the config as for every layer."""
    push(ecr, repository_name, IMAGE)
    for blob in (IMAGE.config, *IMAGE.layers):
        response = requests.get(url_of(ecr, blob.digest), timeout=60)
        assert response.status_code == 200
        assert response.content == blob.content
        assert response.headers["Content-Length"] == str(blob.size)


def test_a_url_is_that_of_the_blob_in_the_registry(
    aws: Any, ecr: Any, repository_name: str
) -> None:
    """The URL is the blob's in the registry, with a query that is signed and expires."""
    push(ecr, repository_name, IMAGE)
    url = urlsplit(url_of(ecr, LAYER.digest))
    assert f"{url.scheme}://{url.netloc}" == aws.registry_url()
    assert url.path == f"/v2/{repository_name}/blobs/{LAYER.digest}"
    assert "Signature=" in url.query
    assert "Expires=" in url.query


def test_a_part_of_the_bytes(ecr: Any, repository_name: str) -> None:
    """A URL accepts one range, as clients that resume a download send it."""
    push(ecr, repository_name, IMAGE)
    response = requests.get(
        url_of(ecr, LAYER.digest), headers={"Range": "bytes=100-199"}, timeout=60
    )
    assert response.status_code == 206
    assert response.content == LAYER.content[100:200]


def test_a_url_opens_its_layer_alone(ecr: Any, repository_name: str) -> None:
    """A URL's signature is refused for another layer, another repository or a manifest."""
    push(ecr, repository_name, IMAGE, tag="v1")
    ecr.create_repository(repositoryName="other")
    push(ecr, "other", IMAGE)
    url = url_of(ecr, LAYER.digest)
    for other in (
        url.replace(LAYER.digest, IMAGE.layers[1].digest),
        url.replace("team/app", "other"),
        url.replace("Expires=", "Expires=9"),
        url[:-1] + ("0" if url[-1] != "0" else "1"),
    ):
        response = requests.get(other, timeout=60)
        assert response.status_code == 403, other
        assert response.json()["errors"][0]["code"] == "DENIED"
    manifest = url.replace(f"blobs/{LAYER.digest}", "manifests/v1")
    assert requests.get(manifest, timeout=60).status_code == 401
    assert requests.get(url.partition("?")[0], timeout=60).status_code == 401
    assert requests.delete(url, timeout=60).status_code == 401


def test_a_url_is_good_for_an_hour(ecr: Any, repository_name: str) -> None:
    """A URL expires after an hour of the clock that freezegun sets."""
    push(ecr, repository_name, IMAGE)
    with freeze_time("2026-01-01 12:00:00", ignore=["urllib3"]) as clock:
        url = url_of(ecr, LAYER.digest)
        clock.move_to("2026-01-01 12:59:59")
        assert requests.get(url, timeout=60).status_code == 200
        clock.move_to("2026-01-01 13:00:01")
        response = requests.get(url, timeout=60)
    assert response.status_code == 403
    assert response.json()["errors"] == [{"code": "DENIED", "message": "Request has expired"}]


def test_a_layer_that_is_not_there(ecr: Any, repository_name: str) -> None:
    """A missing layer is refused, also if another repository has it."""
    ecr.create_repository(repositoryName="other")
    push(ecr, "other", IMAGE)
    for digest in (ABSENT_DIGEST, LAYER.digest):
        assert refusal(
            ecr.get_download_url_for_layer, repositoryName=repository_name, layerDigest=digest
        ) == Refusal(
            "LayersNotFoundException",
            f"The layer with digest '{digest}' does not exist within the repository "
            "with name 'team/app' in the registry with id '123456789012'",
        )


def test_a_layer_that_was_never_uploaded_as_moto_answers(
    aws: Any, ecr: Any, repository_name: str
) -> None:
    """A manifest may name layers that were never uploaded, by default. They have no bytes, so they have no URL.

    With `compatibility=moto` this is the same: see `test_stock_moto`.
    """
    push_manifest = {"repositoryName": repository_name, "imageManifest": IMAGE.manifest.decode()}
    request = {"repositoryName": repository_name, "layerDigest": LAYER.digest}
    for settings in ({}, {"compatibility": "moto"}):
        aws.configure(**settings)
        ecr.put_image(**push_manifest, imageTag=f"v{len(settings)}")
        refused = refusal(ecr.get_download_url_for_layer, **request)
        assert refused.code == "LayersNotFoundException"


def test_stock_moto(stock_moto: None) -> None:
    """No supported moto has the operation, so that `compatibility=moto` has no answer to repeat.

    If this fails, moto has it: let the setting answer as moto does.
    """
    with mock_aws():
        ecr = boto3.client("ecr", region_name="us-east-1")
        ecr.create_repository(repositoryName="app")
        ecr.put_image(repositoryName="app", imageManifest=IMAGE.manifest.decode(), imageTag="v1")
        for digest in (LAYER.digest, ABSENT_DIGEST):
            with pytest.raises(NotImplementedError):
                ecr.get_download_url_for_layer(repositoryName="app", layerDigest=digest)


def test_a_layer_that_no_image_refers_to(ecr: Any, repository_name: str) -> None:
    """A layer is not accessible before an image refers to it, nor after the last such image was deleted."""
    upload_blob(ecr, repository_name, LAYER)
    request = {"repositoryName": repository_name, "layerDigest": LAYER.digest}
    assert refusal(ecr.get_download_url_for_layer, **request) == Refusal(
        "LayerInaccessibleException",
        f"The layer with digest '{LAYER.digest}' in the repository with name 'team/app' in the "
        "registry with id '123456789012' is not available because it is not associated with an "
        "image. Unassociated image layers may be cleaned up at any time.",
    )
    push(ecr, repository_name, IMAGE, tag="v1")
    url = url_of(ecr, LAYER.digest)
    ecr.batch_delete_image(repositoryName=repository_name, imageIds=[{"imageTag": "v1"}])
    assert refusal(ecr.get_download_url_for_layer, **request).code == "LayersNotFoundException"
    assert requests.get(url, timeout=60).status_code == 404


def test_a_repository_that_is_not_there(ecr: Any) -> None:
    """A repository that does not exist is refused by its name."""
    assert refusal(
        ecr.get_download_url_for_layer, repositoryName="team/app", layerDigest=ABSENT_DIGEST
    ) == no_repository("team/app")


@pytest.mark.parametrize("region", ["eu-west-1", "cn-north-1", "us-gov-west-1"])
def test_a_url_of_another_region(aws: Any, region: str) -> None:
    """The URL reaches the registry of its Region, in every partition."""
    ecr = aws.client(region=region)
    ecr.create_repository(repositoryName="team/app")
    push(ecr, "team/app", IMAGE)
    assert requests.get(url_of(ecr, LAYER.digest), timeout=60).content == LAYER.content
