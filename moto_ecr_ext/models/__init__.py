"""The backend of moto's ECR: one registry, composed of one class for each kind of resource."""

from __future__ import annotations

from typing import Any

from moto.core.base_backend import BaseBackend

from moto_ecr_ext.models.images.by_reference import ReferencesBackend
from moto_ecr_ext.models.layers.blobs import BlobsBackend
from moto_ecr_ext.models.lifecycle.previews import LifecycleBackend
from moto_ecr_ext.models.pull_through.cache import PullThroughCacheBackend
from moto_ecr_ext.models.registry.authorization import AuthorizationBackend
from moto_ecr_ext.models.registry.creation_templates import CreationTemplatesBackend
from moto_ecr_ext.models.registry.pull_time_exclusions import PullTimeExclusionsBackend
from moto_ecr_ext.models.registry.signing import SigningBackend
from moto_ecr_ext.models.replication.backfills import ReplicationBackfillsBackend

from .registry.policy import RegistryPolicyBackend
from .repositories.policies import RepositoryPoliciesBackend
from .repositories.repositories import RepositoriesBackend
from .repositories.resource_tags import ResourceTagsBackend


class ECRBackend(
    RepositoriesBackend,
    RepositoryPoliciesBackend,
    ResourceTagsBackend,
    RegistryPolicyBackend,
    PullThroughCacheBackend,
    SigningBackend,
    LifecycleBackend,
    BlobsBackend,
    ReferencesBackend,
    ReplicationBackfillsBackend,
    CreationTemplatesBackend,
    PullTimeExclusionsBackend,
    AuthorizationBackend,
):
    """One account in one region. Every operation is a method with the operation's name and members in snake case."""

    @staticmethod
    def default_vpc_endpoint_service(service_region: str, zones: list[str]) -> list[dict[str, Any]]:
        """The two endpoint services of ECR, which EC2 lists.

        https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html
        """
        api = BaseBackend.default_vpc_endpoint_service_factory(
            service_region, zones, "api.ecr", special_service_name="ecr.api"
        )
        registry = BaseBackend.default_vpc_endpoint_service_factory(
            service_region, zones, "dkr.ecr", special_service_name="ecr.dkr"
        )
        for service in registry:
            name = f"*.dkr.ecr.{service_region}.amazonaws.com"
            service["PrivateDnsName"] = name
            service["PrivateDnsNames"] = [{"PrivateDnsName": name}]
        return api + registry
