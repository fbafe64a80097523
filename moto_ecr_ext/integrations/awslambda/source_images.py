"""The images of CreateFunction and UpdateFunctionCode. They are resolved to a digest at once, or refused.

https://docs.aws.amazon.com/lambda/latest/dg/images-create.html
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from moto_ecr_ext import arns
from moto_ecr_ext.arns import Registry
from moto_ecr_ext.caller import Caller
from moto_ecr_ext.compatibility.switches import current_rules
from moto_ecr_ext.exceptions import RepositoryPolicyNotFoundException
from moto_ecr_ext.exceptions.common import AccessDeniedException
from moto_ecr_ext.exceptions.registry_protocol import PlaceholderImage
from moto_ecr_ext.integrations.docker.daemon import connect
from moto_ecr_ext.integrations.docker.errors import ConsumerError
from moto_ecr_ext.integrations.docker.image_names import ImageName
from moto_ecr_ext.integrations.docker.images import (
    NOT_FOUND,
    RegistryImage,
    find_image,
    own_architecture,
)
from moto_ecr_ext.models.lookup import registry_backend
from moto_ecr_ext.models.repositories.repository import Repository
from moto_ecr_ext.moto_services.iam import account_principal
from moto_ecr_ext.oci.media_types import (
    DOCKER_CONFIG,
    DOCKER_LAYER_GZIP,
    DOCKER_MANIFEST,
    OCI_CONFIG,
    OCI_LAYER_GZIP,
    OCI_LAYER_TAR,
    OCI_MANIFEST,
    MediaType,
)
from moto_ecr_ext.policies.documents import PolicyDecision, read_resource_policy

if TYPE_CHECKING:
    from moto_ecr_ext.models import ECRBackend

_SERVICE = "lambda.amazonaws.com"
_ACTIONS = ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")

# https://docs.aws.amazon.com/lambda/latest/dg/images-create.html, "Requirements for Lambda container images". AWS
# publishes no list of layer types. Layers with zstd are accepted.
_SUPPORTED: dict[MediaType, tuple[MediaType, frozenset[str]]] = {
    DOCKER_MANIFEST: (DOCKER_CONFIG, frozenset({DOCKER_LAYER_GZIP})),
    OCI_MANIFEST: (
        OCI_CONFIG,
        frozenset({OCI_LAYER_TAR, OCI_LAYER_GZIP, MediaType(f"{OCI_LAYER_TAR}+zstd")}),
    ),
}


class Refusal(Exception):
    """An error of Lambda, with AWS's code, text and HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400):
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


class MissingImage(Refusal):
    """The error for an image of a function that does not exist."""

    def __init__(self, uri: str):
        super().__init__(
            "InvalidParameterValueException",
            f"Source image {uri} does not exist. Provide a valid source image.",
        )


def _invalid(text: str) -> Refusal:
    return Refusal("InvalidParameterValueException", text)


@dataclass(frozen=True)
class SourceImage:
    """The resolved image of a function."""

    name: ImageName
    registry: Registry
    digest: str
    # Bytes. moto returns this as the size of the code.
    config_size: int

    @property
    def resolved_uri(self) -> str:
        return f"{self.name.without_reference}@{self.digest}"

    @property
    def hex_digest(self) -> str:
        """The digest without its algorithm, which is the function's `CodeSha256`."""
        return self.digest.partition(":")[2]


def resolve(uri: str, home: Registry, function_arn: str, *, verifies: bool) -> SourceImage | None:
    """Return the image of `ImageUri`, for a function of the registry `home`.

    Return None if this ECR does not have the image, unless the call `verifies`: then it raises Refusal as AWS
    does. The same applies to a placeholder image, which cannot run. An image of another account whose policy does not
    allow Lambda to pull it is refused in both cases.
    """
    name = ImageName.parse(uri)
    registry = name.registry(home) if name and name.reference else None
    is_valid = name is not None and registry is not None and registry.region == home.region
    # "FIPS endpoints for Amazon ECR are not supported" (the page above).
    if verifies and not (is_valid and name and "ecr-fips." not in name.host):
        raise _invalid(f"Source image {uri} is not valid. Provide a valid source image.")
    if name is None or registry is None or not is_valid:
        return None
    try:
        image = find_image(name, home, account_principal(home.account_id, home.region))
    except PlaceholderImage:
        if not current_rules().consumers.need_images:
            return None
        raise MissingImage(uri) from None
    except NOT_FOUND:
        if verifies:
            raise MissingImage(uri) from None
        return None
    except AccessDeniedException:
        raise _denied() from None
    if image is None:
        return None
    _check_permission(image, home, function_arn, verifies=verifies)
    if current_rules().consumers.need_images:
        _check_media_types(image, uri)
    else:
        image = _image_of_platform(image)
    image.record_pull()
    config = next(iter(image.manifest.blobs), None)
    return SourceImage(name, registry, image.digest, config.size if config else 0)


def _denied() -> Refusal:
    return Refusal(
        "AccessDeniedException",
        "Lambda does not have permission to access the ECR image. Check the ECR permissions.",
        status=403,
    )


def _check_permission(
    image: RegistryImage, home: Registry, function_arn: str, *, verifies: bool
) -> None:
    """Raise Refusal unless Lambda may pull the image.

    In its own account, Lambda adds a missing statement to the policy if the caller may do so; here every caller may. In
    another account it does not. https://docs.aws.amazon.com/lambda/latest/dg/images-create.html, "Amazon ECR
    permissions"
    """
    registry = image.registry
    backend = registry_backend(registry.account_id, registry.region)
    found = backend.describe_repositories(repository_names=[image.repository_name])
    repository: Repository = found["repositories"][0]
    callers = [Caller(action, _SERVICE, source_arn=function_arn) for action in _ACTIONS]
    policy = read_resource_policy(repository.policy_text) if repository.policy_text else None
    decisions = {
        backend.attempt(
            each, repository.repository_arn, registry.account_id, repository.resource_tags
        ).decision(policy)
        if policy
        else PolicyDecision.NONE
        for each in callers
    }
    is_own = registry.account_id == home.account_id
    if PolicyDecision.DENY in decisions or (not is_own and PolicyDecision.NONE in decisions):
        if verifies or not is_own:
            raise _denied()
    elif PolicyDecision.NONE in decisions and verifies:
        _allow(backend, image.repository_name, home)


def _allow(backend: ECRBackend, repository_name: str, home: Registry) -> None:
    """Add the statement that allows Lambda to pull to the policy of a repository."""
    try:
        text = str(backend.get_repository_policy(repository_name).policy_text)
        document = json.loads(text)
    except RepositoryPolicyNotFoundException:
        document = {"Version": "2008-10-17", "Statement": []}
    if not isinstance(document["Statement"], list):
        document["Statement"] = [document["Statement"]]
    partition = arns.partition_of(home.region)
    document["Statement"].append(
        {
            "Sid": "LambdaECRImageRetrievalPolicy",
            "Effect": "Allow",
            "Principal": {"Service": _SERVICE},
            "Action": list(_ACTIONS),
            "Condition": {
                "StringLike": {
                    "aws:sourceArn": f"arn:{partition}:lambda:{home.region}:{home.account_id}:function:*"
                }
            },
        }
    )
    backend.set_repository_policy(repository_name, json.dumps(document))


def _check_media_types(image: RegistryImage, uri: str) -> None:
    """Raise Refusal for an index, and for an image with an unsupported type of config or layer."""
    manifest = image.manifest
    supported = _SUPPORTED.get(manifest.media_type)
    if supported is not None:
        config_type, layer_types = supported
        config, *layers = manifest.blobs
        if config.media_type == config_type and all(
            layer.media_type in layer_types for layer in layers
        ):
            return
    raise _invalid(
        f"The image manifest, config or layer media type for the source image {uri} is not supported."
    )


def _image_of_platform(image: RegistryImage) -> RegistryImage:
    """Return an image, or, for an index, its image for the daemon's platform.

    An index without such an image is returned itself; its invocation then fails.
    """
    if not image.manifest.is_index:
        return image
    try:
        return image.for_architecture(_architecture())
    except ConsumerError:
        return image


def _architecture() -> str:
    """Return the architecture of the daemon, or of this machine if no daemon responds."""

    try:
        return connect().architecture
    except ConsumerError:
        return own_architecture()
