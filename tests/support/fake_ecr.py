"""The part of ECR that pushing and pulling use, in memory."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timezone
from typing import Any

import boto3
import requests
from botocore.validate import validate_parameters

from moto_ecr_ext.testing import (
    DOCKER,
    OCI,
    Image,
)

REPOSITORY = "team/app"

CLIENT = boto3.client("ecr", "us-east-1", aws_access_key_id="test", aws_secret_access_key="test")


def sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


class FakeECR:
    """The part of ECR's API that pushing and pulling use, in memory.

    It refuses what ECR refuses, and what boto3 would not send.
    """

    part_size = 1000
    exceptions = CLIENT.exceptions

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.uploads: dict[str, bytearray] = {}
        self.blobs: dict[str, bytes] = {}
        self.images: dict[str, tuple[bytes, str]] = {}
        self.tags: dict[str, str] = {}
        self.immutable = False

    def called(self, operation: str) -> list[dict[str, Any]]:
        return [parameters for name, parameters in self.calls if name == operation]

    def error(self, code: str, operation: str) -> Exception:
        answer = {"Error": {"Code": code, "Message": "refused"}}
        error: Exception = getattr(self.exceptions, code)(answer, operation)
        return error

    def record(self, operation: str, parameters: dict[str, Any]) -> None:
        assert parameters["repositoryName"] == REPOSITORY
        operation_model = CLIENT.meta.service_model.operation_model(operation)
        validate_parameters(parameters, operation_model.input_shape)
        self.calls.append((operation, parameters))

    def create_repository(self, **parameters: Any) -> dict[str, Any]:
        self.record("CreateRepository", parameters)
        return {"repository": {"repositoryUri": f"registry.test/{parameters['repositoryName']}"}}

    def batch_check_layer_availability(self, **parameters: Any) -> dict[str, Any]:
        self.record("BatchCheckLayerAvailability", parameters)
        assert 1 <= len(parameters["layerDigests"]) <= 100
        layers = []
        for digest in parameters["layerDigests"]:
            availability = "AVAILABLE" if digest in self.blobs else "UNAVAILABLE"
            layers.append({"layerDigest": digest, "layerAvailability": availability})
        return {"layers": layers, "failures": []}

    def initiate_layer_upload(self, **parameters: Any) -> dict[str, Any]:
        self.record("InitiateLayerUpload", parameters)
        upload_id = f"upload-{len(self.calls)}"
        self.uploads[upload_id] = bytearray()
        return {"uploadId": upload_id, "partSize": self.part_size}

    def upload_layer_part(self, **parameters: Any) -> dict[str, Any]:
        self.record("UploadLayerPart", parameters)
        content, part = self.uploads[parameters["uploadId"]], parameters["layerPartBlob"]
        assert 0 < len(part) <= self.part_size
        assert parameters["partFirstByte"] == len(content)
        assert parameters["partLastByte"] == len(content) + len(part) - 1
        content += part
        return {"lastByteReceived": parameters["partLastByte"]}

    def complete_layer_upload(self, **parameters: Any) -> dict[str, Any]:
        self.record("CompleteLayerUpload", parameters)
        content = bytes(self.uploads.pop(parameters["uploadId"]))
        digest = sha256(content)
        if not content:
            raise self.error("EmptyUploadException", "CompleteLayerUpload")
        if parameters["layerDigests"] != [digest]:
            raise self.error("InvalidLayerException", "CompleteLayerUpload")
        if digest in self.blobs:
            raise self.error("LayerAlreadyExistsException", "CompleteLayerUpload")
        self.blobs[digest] = content
        return {"layerDigest": digest}

    def put_image(self, **parameters: Any) -> dict[str, Any]:
        self.record("PutImage", parameters)
        manifest, tag = parameters["imageManifest"].encode(), parameters.get("imageTag")
        document, digest = json.loads(manifest), sha256(manifest)
        assert parameters["imageDigest"] == digest
        for blob in [*document.get("layers", []), document.get("config")]:
            if blob and "urls" not in blob and blob["digest"] not in self.blobs:
                raise self.error("LayersNotFoundException", "PutImage")
        for child in document.get("manifests", []):
            if child["digest"] not in self.images:
                raise self.error("ReferencedImagesNotFoundException", "PutImage")
        if digest in self.images and (tag is None or self.tags.get(tag) == digest):
            raise self.error("ImageAlreadyExistsException", "PutImage")
        if self.immutable and tag in self.tags:
            raise self.error("ImageTagAlreadyExistsException", "PutImage")
        self.images[digest] = manifest, parameters["imageManifestMediaType"]
        if tag is not None:
            self.tags[tag] = digest
        return {"image": {"imageId": {"imageDigest": digest}}}

    def describe_images(self, **parameters: Any) -> dict[str, Any]:
        self.record("DescribeImages", parameters)
        ((name, reference),) = parameters["imageIds"][0].items()
        assert name == "imageTag"
        image = {
            "imageDigest": self.tags[reference],
            "imageSizeInBytes": 1,
            "imagePushedAt": datetime.now(timezone.utc),
        }
        return {"imageDetails": [image]}

    def batch_get_image(self, **parameters: Any) -> dict[str, Any]:
        self.record("BatchGetImage", parameters)
        (image_id,) = parameters["imageIds"]
        digest = image_id.get("imageDigest") or self.tags.get(image_id["imageTag"])
        if digest not in self.images:
            reason = "Requested image not found"
            failure = {"imageId": image_id, "failureCode": "ImageNotFound", "failureReason": reason}
            return {"images": [], "failures": [failure]}
        manifest, media_type = self.images[digest]
        assert {OCI.manifest, DOCKER.manifest} < set(parameters["acceptedMediaTypes"])
        assert {OCI.index, DOCKER.index} < set(parameters["acceptedMediaTypes"])
        image = {
            "imageId": {**image_id, "imageDigest": digest},
            "imageManifest": manifest.decode(),
            "imageManifestMediaType": media_type,
        }
        return {"images": [image], "failures": []}

    def get_download_url_for_layer(self, **parameters: Any) -> dict[str, Any]:
        self.record("GetDownloadUrlForLayer", parameters)
        if parameters["layerDigest"] not in self.blobs:
            raise self.error("LayersNotFoundException", "GetDownloadUrlForLayer")
        return {"downloadUrl": f"https://layers.test/{parameters['layerDigest']}"}

    def download(self, request: requests.PreparedRequest) -> tuple[int, dict[str, str], bytes]:
        content = self.blobs.get(str(request.url).rpartition("/")[2])
        return (403, {}, b"Forbidden") if content is None else (200, {}, content)


def damage_a_layer(ecr: FakeECR, image: Image) -> None:
    ecr.blobs[image.layers[1].digest] = b"damaged"
