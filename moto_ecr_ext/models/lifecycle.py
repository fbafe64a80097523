"""Lifecycle policies at work: their previews, and their runs once a day by the clock of the test.

The policies themselves are in `policies`, what they mean in `moto_ecr_ext.policies.lifecycle_evaluation`.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, cast

from moto.ecr.models import ecr_backends
from sqlalchemy import Connection, Row, bindparam, func, select

from moto_ecr_ext.exceptions import (
    LifecyclePolicyNotFoundException,
    LifecyclePolicyPreviewInProgressException,
    LifecyclePolicyPreviewNotFoundException,
)
from moto_ecr_ext.policies.lifecycle import (
    ActionType,
    StorageClass,
    compact,
    parse_lifecycle_policy,
)
from moto_ecr_ext.policies.lifecycle_evaluation import Decision, ImageFacts, evaluate
from moto_ecr_ext.storage import tables
from moto_ecr_ext.storage.queries import Query
from moto_ecr_ext.storage.schedule import AT_ONCE

from .base import now
from .pages import DEFAULT_PAGE_SIZE, decode_token, encode_token, refuse_pages_of
from .policies import EVALUATION_INTERVAL, PoliciesBackend
from .repository import Repository
from .selection import DETAILS, ImageId, tags_of
from .storage_class import StorageClassBackend
from .transitions import has_ended

# The name under which moto's state manager knows previews.
PREVIEW = "ecr::lifecycle_preview"

repositories, images, previews = tables.repositories, tables.images, tables.lifecycle_previews

_IMAGES = Query(
    select(*DETAILS).where(images.c.repository_id == bindparam("repository")).order_by(images.c.id)
)
_CHILDREN = Query(
    select(tables.image_references.c.image_id, tables.image_references.c.digest).where(
        tables.image_references.c.repository_id == bindparam("repository"),
        tables.image_references.c.kind == "manifest",
    )
)
_IS_REPOSITORY = repositories.c.id == bindparam("repository")
_HAS_POLICY = repositories.c.lifecycle_policy.is_not(None)
_IS_DUE = repositories.c.lifecycle_due_at <= bindparam("by")
_DUE = select(repositories.c.id).where(_HAS_POLICY, _IS_DUE).order_by(repositories.c.id)
_WITH_POLICY = select(repositories.c.id).where(_HAS_POLICY).order_by(repositories.c.id)
_NEXT_DUE = select(func.min(repositories.c.lifecycle_due_at)).where(_HAS_POLICY)
_REPOSITORY = select(repositories).where(_IS_REPOSITORY, _HAS_POLICY, _IS_DUE)

_IS_PREVIEW = previews.c.repository_id == bindparam("repository")
_PREVIEW = Query(select(previews).where(_IS_PREVIEW))
_DELETE_PREVIEW = previews.delete().where(_IS_PREVIEW)
_SEE_PREVIEW = previews.update().where(_IS_PREVIEW)


class LifecycleBackend(StorageClassBackend, PoliciesBackend):
    """Operations on previews of lifecycle policies, and the runs of the policies."""

    def start_lifecycle_policy_preview(
        self,
        repository_name: str,
        registry_id: str | None = None,
        lifecycle_policy_text: str | None = None,
    ) -> dict[str, Any]:
        """Find out what a policy, by default that of the repository, would do now.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_StartLifecyclePolicyPreview.html
        """
        self.store.pulls.write()
        at = now()
        with self.store.database.write() as transaction:
            repository = self._repository(transaction, repository_name, registry_id)
            text = lifecycle_policy_text or repository.lifecycle_policy_text
            if text is None:
                raise LifecyclePolicyNotFoundException(repository_name, repository.registry_id)
            policy = parse_lifecycle_policy(text)
            previous = self._look_at_preview(transaction, repository)
            if previous is not None and previous.status == "IN_PROGRESS":
                raise LifecyclePolicyPreviewInProgressException
            _, facts = self._images_of(transaction, repository)
            transaction.execute(_DELETE_PREVIEW, {"repository": repository.id})
            transaction.execute(
                previews.insert(),
                {
                    "repository_id": repository.id,
                    "policy": compact(text),
                    "status": "IN_PROGRESS",
                    "started_at": at,
                    "times_seen": 0,
                    "results": [_preview_result(each) for each in evaluate(policy, facts, at)],
                },
            )
        return {
            "registryId": repository.registry_id,
            "repositoryName": repository.repository_name,
            "lifecyclePolicyText": compact(text),
            "status": "IN_PROGRESS",
        }
