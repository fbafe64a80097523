"""Errors of botocore's ECR model that the backend raises.

Every class has AWS's code and builds AWS's message from the facts; `responses` and `distribution.errors` render them
for their protocols. Each error stands in the file of its noun, and this package exports them in the order of these
files. Three files are imported by their names: `common` has the errors of all AWS services, `pull_through` those of the
cache and its upstream registries, `registry_protocol` those of that protocol only.
"""

from __future__ import annotations

from .base import ECRError as ECRError
from .base import NamedRepository as NamedRepository
from .base import UncheckedRepository as UncheckedRepository
from .images import ImageAlreadyExistsException as ImageAlreadyExistsException
from .images import ImageDigestDoesNotMatchException as ImageDigestDoesNotMatchException
from .images import ImageNotFoundException as ImageNotFoundException
from .images import (
    ImageStorageClassUpdateNotSupportedException as ImageStorageClassUpdateNotSupportedException,
)
from .images import ImageTagAlreadyExistsException as ImageTagAlreadyExistsException
from .images import InvalidManifest as InvalidManifest
from .images import ReferencedImagesNotFoundException as ReferencedImagesNotFoundException
from .images import image_id_text as image_id_text
from .layers import EmptyUploadException as EmptyUploadException
from .layers import InvalidLayerException as InvalidLayerException
from .layers import InvalidLayerPartException as InvalidLayerPartException
from .layers import LayerAlreadyExistsException as LayerAlreadyExistsException
from .layers import LayerInaccessibleException as LayerInaccessibleException
from .layers import LayerPartTooSmallException as LayerPartTooSmallException
from .layers import LayersNotFoundException as LayersNotFoundException
from .layers import ManifestBlobUnknown as ManifestBlobUnknown
from .layers import UploadNotFoundException as UploadNotFoundException
from .lifecycle import LifecyclePolicyNotFoundException as LifecyclePolicyNotFoundException
from .lifecycle import (
    LifecyclePolicyPreviewInProgressException as LifecyclePolicyPreviewInProgressException,
)
from .lifecycle import (
    LifecyclePolicyPreviewNotFoundException as LifecyclePolicyPreviewNotFoundException,
)
from .parameters import InvalidContinuationToken as InvalidContinuationToken
from .parameters import InvalidParameterException as InvalidParameterException
from .parameters import UnknownPage as UnknownPage
from .parameters import ValidationException as ValidationException
from .policies import RegistryPolicyNotFoundException as RegistryPolicyNotFoundException
from .policies import RepositoryPolicyNotFoundException as RepositoryPolicyNotFoundException
from .project_codes import PROJECT_CODES as PROJECT_CODES
from .quotas import LimitExceededException as LimitExceededException
from .quotas import TooManyImages as TooManyImages
from .quotas import TooManyImageTags as TooManyImageTags
from .quotas import TooManyRepositories as TooManyRepositories
from .quotas import TooManyScans as TooManyScans
from .registry import ExclusionAlreadyExistsException as ExclusionAlreadyExistsException
from .registry import ExclusionNotFoundException as ExclusionNotFoundException
from .registry import SigningConfigurationNotFoundException as SigningConfigurationNotFoundException
from .registry import TemplateAlreadyExistsException as TemplateAlreadyExistsException
from .registry import TemplateNeedsRole as TemplateNeedsRole
from .registry import TemplateNotFoundException as TemplateNotFoundException
from .replication import (
    ReplicationBackfillInProgressException as ReplicationBackfillInProgressException,
)
from .replication import (
    ReplicationBackfillInvalidStatusException as ReplicationBackfillInvalidStatusException,
)
from .replication import (
    ReplicationBackfillNotFoundException as ReplicationBackfillNotFoundException,
)
from .repositories import InvalidTagParameterException as InvalidTagParameterException
from .repositories import KmsException as KmsException
from .repositories import RepositoryAlreadyExistsException as RepositoryAlreadyExistsException
from .repositories import RepositoryNotEmptyException as RepositoryNotEmptyException
from .repositories import RepositoryNotFoundException as RepositoryNotFoundException
from .repositories import TooManyTagsException as TooManyTagsException
from .scanning import ImageArchivedException as ImageArchivedException
from .scanning import ScanNotFoundException as ScanNotFoundException
from .scanning import UnsupportedImageTypeException as UnsupportedImageTypeException
from .server import ServerException as ServerException
from .server import StorageUnavailable as StorageUnavailable
