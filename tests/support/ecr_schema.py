"""Manifests that Amazon ECR's own schema refuses and the OCI Image Specification allows, and some that both take."""

from __future__ import annotations

import json
from typing import Any

from moto_ecr_ext.testing import OCI, build_image

IMAGE = build_image(layers=1)
CONFIG = IMAGE.document["config"]
LAYER = IMAGE.document["layers"][0]
CHILD = {**IMAGE.descriptor(), "platform": {"architecture": "amd64", "os": "linux"}}
UNKNOWN = "is a member that Amazon ECR does not accept there"
PARAMETERS = "must not have parameters"


def index_of(*children: dict[str, Any], **members: Any) -> bytes:
    """An OCI index."""
    document = {"schemaVersion": 2, "mediaType": OCI.index, "manifests": children, **members}
    return json.dumps(document).encode()


def image_with(**members: Any) -> bytes:
    """The manifest of IMAGE with other members."""
    return json.dumps({**IMAGE.document, **members}).encode()


# What ECR refuses and the image specification allows: the manifest, and the member at fault.
REFUSED_BY_ECR = {
    # https://github.com/regclient/regclient/issues/709
    "platform of a config": (
        image_with(config={**CONFIG, "platform": {"architecture": "amd64", "os": "linux"}}),
        "config.platform",
        UNKNOWN,
    ),
    # https://github.com/goharbor/acceleration-service/pull/353
    "annotations of a config": (
        image_with(config={**CONFIG, "annotations": {"a": "b"}}),
        "config.annotations",
        UNKNOWN,
    ),
    # https://github.com/dragonflyoss/nydus/issues/1691
    "platform of a subject": (
        image_with(subject={**IMAGE.descriptor(), "platform": {"architecture": "a", "os": "l"}}),
        "subject.platform",
        UNKNOWN,
    ),
    # https://github.com/aws/containers-roadmap/issues/2439
    "features of a platform": (
        index_of({**CHILD, "platform": {**CHILD["platform"], "features": ["sse4"]}}),
        "manifests[0].platform.features",
        UNKNOWN,
    ),
    "a member of a descriptor that nobody knows": (
        image_with(layers=[{**LAYER, "a b\n": 1}]),
        "layers[0]['a b\\n']",
        UNKNOWN,
    ),
    # https://github.com/aws/containers-roadmap/issues/2306
    "parameters of a layer": (
        image_with(layers=[LAYER, {**LAYER, "mediaType": "application/json;version=0.2"}]),
        "layers[1].mediaType",
        PARAMETERS,
    ),
    "parameters of an artifact": (
        image_with(artifactType="application/json;version=0.2"),
        "artifactType",
        PARAMETERS,
    ),
    # https://github.com/aws/containers-roadmap/issues/876
    "an index of blobs": (
        index_of(LAYER),
        "manifests[0].mediaType",
        "must be the media type of a manifest (BuildKit: image-manifest=true)",
    ),
}
TAKEN_BY_ECR = {
    "image": image_with(),
    "index": index_of(CHILD),
    "annotations": image_with(
        layers=[{**LAYER, "annotations": {"a": "b"}}], annotations={"a": "b"}
    ),
    "artifact": image_with(artifactType="application/spdx+json", subject=IMAGE.descriptor()),
    "unknown types": image_with(layers=[{**LAYER, "mediaType": "application/x.unknown"}]),
    "platform": index_of(
        {**CHILD, "platform": {**CHILD["platform"], "variant": "v8", "os.version": "1"}}
    ),
    "no media type": index_of({"digest": IMAGE.digest, "size": IMAGE.size}),
}
