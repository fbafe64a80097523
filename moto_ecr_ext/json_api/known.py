"""What this version of the package knows of ECR's requests. The installed botocore may know more.

The members of a request are the parameters of its operation's method. Here is what is inside of them: the members of
structures, and the values of enumerations. Lists are left out: a list of structures is described as one structure.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from botocore.model import OperationModel

from moto_ecr_ext.models import ECRBackend
from moto_ecr_ext.service_model import method_name

# The members of a structure, the values of an enumeration, or ANY value of the member's type.
Known = Mapping[str, Any] | frozenset[str] | None
ANY: Known = None

_TAGS = {"Key": ANY, "Value": ANY}
_IMAGE_IDS = {"imageDigest": ANY, "imageTag": ANY}
_REGISTRY = {"region": ANY, "registryId": ANY}
_TAG_STATUS = frozenset({"TAGGED", "UNTAGGED", "ANY"})
_STATUS_FILTER = frozenset({"ACTIVE", "ARCHIVED", "ACTIVATING", "ANY"})


def _repository_filters(kind: str) -> Mapping[str, Known]:
    return {"filter": ANY, "filterType": frozenset({kind})}


# By the member's name, or by the operation's and the member's name if operations differ.
_INSIDE: dict[str, Known] = {
    "appliedFor": frozenset({"REPLICATION", "PULL_THROUGH_CACHE", "CREATE_ON_PUSH"}),
    "destination": _REGISTRY,
    "encryptionConfiguration": {
        "encryptionType": frozenset({"AES256", "KMS", "KMS_DSSE"}),
        "kmsKey": ANY,
    },
    "filter": {"imageStatus": _STATUS_FILTER, "tagStatus": _TAG_STATUS},
    "GetLifecyclePolicyPreview.filter": {"tagStatus": _TAG_STATUS},
    "ListImageReferrers.filter": {"artifactStatus": _STATUS_FILTER, "artifactTypes": ANY},
    "imageId": _IMAGE_IDS,
    "imageIds": _IMAGE_IDS,
    "imageScanningConfiguration": {"scanOnPush": ANY},
    "imageTagMutability": frozenset(
        {"MUTABLE", "IMMUTABLE", "MUTABLE_WITH_EXCLUSION", "IMMUTABLE_WITH_EXCLUSION"}
    ),
    "imageTagMutabilityExclusionFilters": _repository_filters("WILDCARD"),
    "replicationConfiguration": {
        "rules": {
            "deleteReplication": {"enabled": ANY},
            "destinations": _REGISTRY,
            "repositoryFilters": _repository_filters("PREFIX_MATCH"),
        }
    },
    "resourceTags": _TAGS,
    "resultStatusFilter": frozenset({"COMPLETE", "FAILED"}),
    # Of PutRegistryScanningConfiguration.
    "rules": {
        "repositoryFilters": _repository_filters("WILDCARD"),
        "scanFrequency": frozenset({"SCAN_ON_PUSH", "CONTINUOUS_SCAN", "MANUAL"}),
    },
    "scanType": frozenset({"BASIC", "ENHANCED"}),
    "signingConfiguration": {
        "rules": {
            "repositoryFilters": _repository_filters("WILDCARD_MATCH"),
            "signingProfileArn": ANY,
        }
    },
    "subjectId": {"imageDigest": ANY},
    "tags": _TAGS,
    "targetStorageClass": frozenset({"ARCHIVE", "STANDARD"}),
    "upstreamRegistry": frozenset(
        {
            "azure-container-registry",
            "chainguard",
            "docker-hub",
            "ecr",
            "ecr-public",
            "ecr-public-premium",
            "github-container-registry",
            "gitlab-container-registry",
            "k8s",
            "quay",
        }
    ),
}


def known_members(operation: OperationModel) -> Mapping[str, Known] | None:
    """Return what is known of an operation's request; None if there is no method for the operation."""
    method = getattr(ECRBackend, method_name(operation.name), None)
    if method is None:
        return None
    parameters = inspect.signature(method).parameters
    names = operation.input_shape.members if operation.input_shape else ()
    return {
        name: _INSIDE.get(f"{operation.name}.{name}", _INSIDE.get(name, ANY))
        for name in names
        if method_name(name) in parameters
    }
