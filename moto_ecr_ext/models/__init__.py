"""The backend of moto's ECR: one registry, composed of one class for each kind of resource.

A part imports only parts before it, in this order: repositories, images, lifecycle, registry, scanning, replication,
pull_through, layers, signing, reading.

Templates of the registry set lifecycle policies. Replications and imports create repositories from templates. Mounts of
layers follow settings of the registry and pull-through rules. A read may import from upstream, and shows scans.
"""

from __future__ import annotations

from typing import Any

from .base import RegistryBackend
from .images.deletion import DeletionBackend
from .images.push import PushBackend
from .images.storage_class import ACTIVATIONS, StorageClassBackend
from .layers.blobs import BlobsBackend
from .layers.layers import LayersBackend
from .layers.uploads import UploadsBackend
from .lifecycle.policies import LifecyclePoliciesBackend
from .lifecycle.previews import PREVIEWS, LifecyclePreviewsBackend
from .lifecycle.runs import LifecycleRunsBackend, run_due_policies
from .pull_through.rules import PullThroughRulesBackend
from .reading.contents import ContentsBackend
from .reading.journal import JournalBackend
from .reading.listings import ListingsBackend
from .reading.pull import PullBackend
from .reading.referrers import ReferrersBackend
from .registry.account_settings import AccountSettingsBackend
from .registry.authorization import AuthorizationBackend
from .registry.calls import CallsBackend
from .registry.creation_templates import CreationTemplatesBackend
from .registry.policy import RegistryPolicyBackend
from .registry.pull_time_exclusions import PullTimeExclusionsBackend
from .replication.backfills import PREPARATIONS, ReplicationBackfillsBackend, settle_backfills
from .replication.replication import (
    REPLICATIONS,
    ReplicationBackend,
    replicate,
    replicate_deletion,
)
from .replication.rules import ReplicationConfigurationBackend
from .repositories.policies import RepositoryPoliciesBackend
from .repositories.repositories import RepositoriesBackend
from .repositories.resource_tags import ResourceTagsBackend
from .scanning.changes import announce_deleted_images, announce_new_repository
from .scanning.configuration import ScanningConfigurationBackend
from .scanning.queued_findings import QueuedFindingsBackend
from .scanning.rescans import rescan_images
from .scanning.scan import SCANS, scan_pushed_image
from .scanning.scans import ScansBackend
from .signing import SIGNINGS, SigningBackend, sign

# The consequences of a push, in its transaction.
AFTER_PUSH = (replicate, scan_pushed_image, sign)

# The consequences of deleting a tag or an image, in the transaction of the deletion.
AFTER_DELETION = (replicate_deletion, announce_deleted_images)

# The consequences of creating a repository, in its transaction.
AFTER_CREATION = (announce_new_repository,)

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
    PushBackend,
    PullBackend,
    DeletionBackend,
    ListingsBackend,
    ReferrersBackend,
    ContentsBackend,
    JournalBackend,
    StorageClassBackend,
    LayersBackend,
    UploadsBackend,
    BlobsBackend,
    LifecyclePoliciesBackend,
    LifecyclePreviewsBackend,
    LifecycleRunsBackend,
    ScanningConfigurationBackend,
    ScansBackend,
    QueuedFindingsBackend,
    ReplicationConfigurationBackend,
    ReplicationBackend,
    ReplicationBackfillsBackend,
    PullThroughRulesBackend,
    RegistryPolicyBackend,
    AccountSettingsBackend,
    CallsBackend,
    CreationTemplatesBackend,
    PullTimeExclusionsBackend,
    SigningBackend,
    AuthorizationBackend,
):
    """The ECR backend of one account in one Region. Each operation is a method; names are in snake case."""

    after_push = AFTER_PUSH
    after_deletion = AFTER_DELETION
    after_creation = AFTER_CREATION
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
