"""The backend of moto's ECR: one registry, composed of one class for each kind of resource."""

from __future__ import annotations

from typing import Any

from .base import RegistryBackend
from .images.deletion import DeletionBackend
from .images.listings import ListingsBackend
from .images.overview import ImagesOverviewBackend
from .images.pull import PullBackend
from .images.push import PushBackend
from .images.referrers import ReferrersBackend
from .images.storage_class import ACTIVATIONS, StorageClassBackend
from .layers.blobs import BlobsBackend
from .layers.layers import LayersBackend
from .layers.uploads import UploadsBackend
from .lifecycle.policies import LifecyclePoliciesBackend
from .lifecycle.previews import PREVIEWS, LifecyclePreviewsBackend
from .lifecycle.runs import LifecycleRunsBackend, run_due_policies
from .pull_through.rules import PullThroughRulesBackend
from .registry.account_settings import AccountSettingsBackend
from .registry.authorization import AuthorizationBackend
from .registry.counts import CountsBackend
from .registry.creation_templates import CreationTemplatesBackend
from .registry.policy import RegistryPolicyBackend
from .registry.pull_time_exclusions import PullTimeExclusionsBackend
from .registry.signing import SIGNINGS, SigningBackend, sign
from .replication.backfills import PREPARATIONS, ReplicationBackfillsBackend, settle_backfills
from .replication.replication import (
    REPLICATIONS,
    ReplicationBackend,
    replicate,
    replicate_deletion,
)
from .replication.rules import ReplicationConfigurationBackend
from .repositories.overview import OverviewBackend
from .repositories.policies import RepositoryPoliciesBackend
from .repositories.repositories import RepositoriesBackend
from .repositories.resource_tags import ResourceTagsBackend
from .scanning.configuration import ScanningConfigurationBackend
from .scanning.rescans import rescan_images
from .scanning.scan import SCANS, scan_pushed_image
from .scanning.scans import ScansBackend

# The consequences of a push, in its transaction.
AFTER_PUSH = (replicate, scan_pushed_image, sign)

# The consequences of deleting a tag or an image, in the transaction of the deletion.
AFTER_DELETION = (replicate_deletion,)

# Work that becomes due as time passes. It is done before a request is served.
BACKGROUND = (
    # Restored images may be replicated.
    ACTIVATIONS.run,
    PREPARATIONS.run,
    REPLICATIONS.run,
    settle_backfills,
    SCANS.run,
    rescan_images,
    PREVIEWS.run,
    # The work above may create repositories, which may have policies.
    run_due_policies,
    SIGNINGS.run,
)


class ECRBackend(
    RepositoriesBackend,
    RepositoryPoliciesBackend,
    ResourceTagsBackend,
    OverviewBackend,
    PushBackend,
    PullBackend,
    DeletionBackend,
    ListingsBackend,
    ImagesOverviewBackend,
    ReferrersBackend,
    StorageClassBackend,
    LayersBackend,
    UploadsBackend,
    BlobsBackend,
    LifecyclePoliciesBackend,
    LifecyclePreviewsBackend,
    LifecycleRunsBackend,
    ScanningConfigurationBackend,
    ScansBackend,
    ReplicationConfigurationBackend,
    ReplicationBackend,
    ReplicationBackfillsBackend,
    PullThroughRulesBackend,
    RegistryPolicyBackend,
    AccountSettingsBackend,
    CountsBackend,
    CreationTemplatesBackend,
    PullTimeExclusionsBackend,
    SigningBackend,
    AuthorizationBackend,
):
    """The ECR backend of one account in one Region. Each operation is a method; names are in snake case."""

    after_push = AFTER_PUSH
    after_deletion = AFTER_DELETION
    background = BACKGROUND

    @staticmethod
    def default_vpc_endpoint_service(service_region: str, zones: list[str]) -> list[dict[str, Any]]:
        """Return the two endpoint services of ECR, which EC2 lists.

        https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html
        """
        api = RegistryBackend.default_vpc_endpoint_service_factory(
            service_region, zones, "api.ecr", special_service_name="ecr.api"
        )
        registry = RegistryBackend.default_vpc_endpoint_service_factory(
            service_region, zones, "dkr.ecr", special_service_name="ecr.dkr"
        )
        for service in registry:
            name = f"*.dkr.ecr.{service_region}.amazonaws.com"
            service["PrivateDnsName"] = name
            service["PrivateDnsNames"] = [{"PrivateDnsName": name}]
        return api + registry
