"""The backend of moto's ECR: one registry, composed of one class for each kind of resource."""

from __future__ import annotations

from typing import Any

from moto.core.base_backend import BaseBackend

from .authorization import AuthorizationBackend
from .blobs import BlobsBackend
from .creation_templates import CreationTemplatesBackend
from .lifecycle import LifecycleBackend
from .pull_through_cache import PullThroughCacheBackend
from .pull_time_exclusions import PullTimeExclusionsBackend
from .references import ReferencesBackend
from .replication_backfills import ReplicationBackfillsBackend
from .signing import SigningBackend


class ECRBackend(
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
