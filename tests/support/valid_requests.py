"""A valid request of every operation, and ways into the values that it has."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

from moto_ecr_ext import service_model
from moto_ecr_ext.models import ECRBackend
from moto_ecr_ext.testing import build_image
from support.model_variants import SAMPLES, baseline
from support.populated import (
    ARN,
    IMAGE,
    IMAGE_ID,
    LIFECYCLE_POLICY,
    POLICY,
    REGISTRY_POLICY,
)

# The operations that the backend has.
SERVED = [
    operation
    for operation in service_model.operation_names()
    if hasattr(ECRBackend, service_model.method_name(operation))
]
_OTHER = build_image(seed=1, layers=1)
# Members with which a valid request reaches further than with those that the model gives.
_MEMBERS: dict[str, Any] = {
    "imageId": IMAGE_ID,
    "imageIds": [IMAGE_ID, {"imageTag": "index"}],
    "imageManifest": _OTHER.manifest.decode(),
    "imageManifestMediaType": "application/vnd.oci.image.manifest.v1+json",
    "imageDigest": _OTHER.digest,
    "layerDigest": IMAGE.layers[0].digest,
    "layerDigests": [IMAGE.layers[0].digest],
    "lifecyclePolicy": json.dumps(LIFECYCLE_POLICY),
    "lifecyclePolicyText": json.dumps(LIFECYCLE_POLICY),
    "partFirstByte": 3,
    "partLastByte": 6,
    "policyText": json.dumps(POLICY),
    "repositoryPolicy": json.dumps(POLICY),
    "resourceArn": ARN,
    "subjectId": {"imageDigest": IMAGE.digest},
    "customRoleArn": SAMPLES["PrincipalArn"],
    "upstreamRegistryUrl": "999999999999.dkr.ecr.us-east-1.amazonaws.com",
    "name": "BLOB_MOUNTING",
    "value": "ENABLED",
}
_REGISTRY_POLICY = json.dumps(REGISTRY_POLICY)
_ABSENT = {
    "CreateRepository": ["imageTagMutabilityExclusionFilters"],
    "CreateRepositoryCreationTemplate": [
        "imageTagMutabilityExclusionFilters",
        "encryptionConfiguration",
    ],
    "CreatePullThroughCacheRule": ["upstreamRegistry", "credentialArn", "upstreamRoleArn"],
    "DescribeImages": ["imageIds", "nextToken"],
    "DescribePullThroughCacheRules": ["ecrRepositoryPrefixes", "nextToken"],
    "DescribeRepositoryCreationTemplates": ["nextToken"],
    "GetLifecyclePolicyPreview": ["imageIds", "nextToken"],
    "DescribeImageScanFindings": ["nextToken"],
    "DescribeReplicationBackfillResults": ["nextToken"],
    "DescribeRepositories": ["repositoryNames", "nextToken"],
    "ListImageReferrers": ["nextToken"],
    "ListImages": ["nextToken"],
    "ListPullTimeUpdateExclusions": ["nextToken"],
    "ListReplicationBackfills": ["nextToken"],
    "PutImageTagMutability": ["imageTagMutabilityExclusionFilters"],
    "UpdatePullThroughCacheRule": ["credentialArn", "upstreamRoleArn"],
    "UpdateRepositoryCreationTemplate": [
        "imageTagMutabilityExclusionFilters",
        "encryptionConfiguration",
    ],
}


def valid_request(operation: str) -> dict[str, Any]:
    """A request that does what the operation is for, or nearly so."""
    request = baseline(operation)
    request |= {name: value for name, value in _MEMBERS.items() if name in request}
    for name in _ABSENT.get(operation, ()):
        request.pop(name, None)  # An older botocore may lack it.
    if operation == "CreateRepository":
        request["repositoryName"] = "new"
        request["encryptionConfiguration"] = {"encryptionType": "KMS", "kmsKey": "alias/images"}
    if operation == "CreatePullThroughCacheRule":
        request["ecrRepositoryPrefix"] = "new"
    if operation == "CreateRepositoryCreationTemplate":
        request["prefix"] = "new"
    if operation == "PutRegistryPolicy":
        request["policyText"] = _REGISTRY_POLICY
    if operation == "RegisterPullTimeUpdateExclusion":
        request["principalArn"] += "s"
    return copy.deepcopy(request)


# Texts of the valid requests that have an inside: what was mutated once is a text like any other.
_DOCUMENTS = [
    *(_MEMBERS[name] for name in ("imageManifest", "lifecyclePolicyText", "policyText")),
    _REGISTRY_POLICY,
]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path to every value inside a JSON value, and inside the documents that it has as text."""
    yield path
    if value in _DOCUMENTS:
        yield from places(json.loads(value), (*path, "JSON"))
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from places(item, (*path, name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from places(item, (*path, index))


def changed(value: Any, path: tuple[Any, ...], change: Callable[[Any], Any]) -> Any:
    """The value with what is at a path changed."""
    if not path:
        return change(value)
    first, rest = path[0], path[1:]
    if isinstance(value, str):
        return json.dumps(changed(json.loads(value), rest, change))
    value[first] = changed(value[first], rest, change)
    return value
