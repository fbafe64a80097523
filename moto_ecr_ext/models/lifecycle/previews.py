"""Lifecycle policies at work: their previews, and their runs once a day by the clock of the test.

The policies themselves are in `policies`, what they mean in `moto_ecr_ext.policies.lifecycle_evaluation`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, cast

from moto.ecr.models import ecr_backends
from sqlalchemy import Connection, Row, Select, bindparam, func, select

from moto_ecr_ext.clock import now
from moto_ecr_ext.exceptions import (
    LifecyclePolicyNotFoundException,
    LifecyclePolicyPreviewInProgressException,
    LifecyclePolicyPreviewNotFoundException,
)
from moto_ecr_ext.models.images.identifiers import DETAILS, ImageId, tags_of
from moto_ecr_ext.models.images.storage_class import StorageClassBackend
from moto_ecr_ext.models.paging import (
    DEFAULT_PAGE_SIZE,
    decode_token,
    encode_token,
    refuse_pages_of,
)
from moto_ecr_ext.models.repositories.policies import EVALUATION_INTERVAL, PoliciesBackend
from moto_ecr_ext.models.repositories.repository import Repository
from moto_ecr_ext.policies.lifecycle import (
    ActionType,
    StorageClass,
    compact,
    parse_lifecycle_policy,
)
from moto_ecr_ext.policies.lifecycle_evaluation import Decision, ImageFacts, evaluate
from moto_ecr_ext.services.state_manager import has_ended
from moto_ecr_ext.storage.database.queries import Query
from moto_ecr_ext.storage.due import AT_ONCE
from moto_ecr_ext.storage.rows import tables

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
_WITH_POLICY = select(repositories).where(repositories.c.lifecycle_policy.is_not(None))
_DUE = _WITH_POLICY.where(repositories.c.lifecycle_due_at <= bindparam("by"))
_NEXT_DUE = select(func.min(repositories.c.lifecycle_due_at))

_IS_PREVIEW = previews.c.repository_id == bindparam("repository")
_PREVIEW = select(previews).where(_IS_PREVIEW)
_DELETE_PREVIEW = previews.delete().where(_IS_PREVIEW)
_UPDATE_PREVIEW = previews.update().where(_IS_PREVIEW)


class LifecycleBackend(StorageClassBackend, PoliciesBackend):
    """Operations on previews of lifecycle policies, and the runs of the policies."""

    def start_lifecycle_policy_preview(
        self,
        repository_name: str,
        registry_id: str | None = None,
        lifecycle_policy_text: str | None = None,
    ) -> dict[str, Any]:
        """Find out what a policy, by default that of the repository, would do now.

        As on AWS the answer says that this goes on, even where it has ended already.

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
            key = {"repository": repository.id}
            last = transaction.execute(_PREVIEW, key).one_or_none()
            if last is not None and _status(last, last.times_seen) == "IN_PROGRESS":
                raise LifecyclePolicyPreviewInProgressException
            _, facts = _images_of(transaction, repository)
            transaction.execute(_DELETE_PREVIEW, key)
            transaction.execute(
                previews.insert(),
                {
                    "repository_id": repository.id,
                    "policy": compact(text),
                    "status": "COMPLETE" if has_ended(PREVIEW, at, 0) else "IN_PROGRESS",
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

    def get_lifecycle_policy_preview(
        self,
        repository_name: str,
        registry_id: str | None = None,
        image_ids: Sequence[ImageId] | None = None,
        next_token: str | None = None,
        max_results: int | None = None,
        filter: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """What the policy would have done when the preview was started. A preview does not expire.

        The summary counts all images, whatever the request is limited to.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetLifecyclePolicyPreview.html
        """
        if image_ids:
            refuse_pages_of("imageIds", next_token, max_results)
        with self.store.database.read() as transaction:
            repository = self._repository(transaction, repository_name, registry_id)
            [after] = decode_token(f"preview/{repository.id}", next_token, (int,)) or [0]
            preview = transaction.execute(_PREVIEW, {"repository": repository.id}).one_or_none()
        if preview is None:
            raise LifecyclePolicyPreviewNotFoundException
        answer = {
            "registryId": repository.registry_id,
            "repositoryName": repository.repository_name,
            "lifecyclePolicyText": preview.policy,
            "status": self._look_at(preview),
            "previewResults": [],
        }
        if answer["status"] == "IN_PROGRESS":
            return answer
        shown = [each for each in preview.results if _is_asked_for(each, image_ids, filter or {})]
        count = max_results or DEFAULT_PAGE_SIZE
        answer["previewResults"] = shown[after : after + count]
        if len(shown) > after + count:
            answer["nextToken"] = encode_token(f"preview/{repository.id}", [after + count])
        return {**answer, "summary": _summary(preview.results)}

    def _look_at(self, preview: Row[Any]) -> str:
        """The status of a preview, which has been seen once more then."""
        if preview.status == "COMPLETE":
            return "COMPLETE"
        status = _status(preview, preview.times_seen + 1)
        with self.store.database.write_swiftly() as transaction:
            transaction.execute(
                _UPDATE_PREVIEW,
                {
                    "repository": preview.repository_id,
                    "status": status,
                    "times_seen": preview.times_seen + 1,
                },
            )
        return status

    def _do_what_is_due(self) -> float:
        """Policies are due a day after they were put and after they ran, images on their way back at any time."""
        go_on = self.end_activations()
        # After what comes back, which may be replicated; before the policies, which new repositories may have.
        then = super()._do_what_is_due()
        self._run_policies(_DUE)
        with self.store.database.read() as transaction:
            next_due = transaction.execute(_NEXT_DUE).scalar_one()
        if go_on:
            return AT_ONCE
        return then if next_due is None else min(then, float(next_due))

    def run_lifecycle_policies(self) -> None:
        """Run the policies of all repositories in all registries, whether they are due or not."""
        self._run_policies(_WITH_POLICY)

    def _run_policies(self, wanted: Select[Any]) -> None:
        self.store.pulls.write()
        at = now()
        with self.store.database.read() as transaction:
            rows = transaction.execute(wanted, {"by": at}).all()
        for row in rows:
            owner = cast(LifecycleBackend, ecr_backends[row.account_id][row.region])
            owner._run_policy(wanted.where(repositories.c.id == row.id), at)

    def _run_policy(self, wanted: Select[Any], at: float) -> None:
        """Run the policy of the repository that is still `wanted`; another process may have been faster."""
        with self.store.database.write() as transaction:
            row = transaction.execute(wanted, {"by": at}).one_or_none()
            if row is None:
                return
            repository = Repository.from_row(row)
            images_by_digest, facts = _images_of(transaction, repository)
            policy = parse_lifecycle_policy(row.lifecycle_policy)
            for decision in evaluate(policy, facts, at):
                image = images_by_digest[decision.image.digest]
                if decision.action is ActionType.EXPIRE:
                    self.remove_image(transaction, repository, image)
                else:
                    self.archive_image(transaction, repository, image)
            self._change(
                transaction,
                repository,
                lifecycle_evaluated_at=round(at, 3),
                lifecycle_due_at=at + EVALUATION_INTERVAL,
            )


def _images_of(
    transaction: Connection, repository: Repository
) -> tuple[dict[str, Any], list[ImageFacts]]:
    """The images of a repository: their rows by digest, and what policies ask of them in the order of push."""
    key = {"repository": repository.id}
    rows = _IMAGES.all(transaction, key)
    names = tags_of(transaction, repository, rows)
    children = defaultdict(list)
    for image_row_id, digest in _CHILDREN.all(transaction, key):
        children[image_row_id].append(digest)
    facts = [
        ImageFacts(
            digest=row.digest,
            pushed_at=row.pushed_at,
            tags=tuple(names.get(row.id, ())),
            storage_class=(
                StorageClass.ARCHIVE if row.status == "ARCHIVED" else StorageClass.STANDARD
            ),
            pulled_at=row.last_pulled_at,
            archived_at=row.last_archived_at,
            activated_at=row.last_activated_at,
            children=tuple(children.get(row.id, ())),
            subject=row.subject,
        )
        for row in rows
    ]
    return {row.digest: row for row in rows}, facts


def _preview_result(decision: Decision) -> dict[str, Any]:
    action = {"type": decision.action.name}
    if decision.action is ActionType.TRANSITION:
        action["targetStorageClass"] = StorageClass.ARCHIVE.name
    return {
        "imageTags": list(decision.image.tags),
        "imageDigest": decision.image.digest,
        "imagePushedAt": decision.image.pushed_at,
        "action": action,
        "appliedRulePriority": decision.rule.priority if decision.rule else None,
        "storageClass": decision.image.storage_class.name,
    }


def _status(preview: Row[Any], times_seen: int) -> str:
    if preview.status == "COMPLETE" or has_ended(PREVIEW, preview.started_at, times_seen):
        return "COMPLETE"
    return "IN_PROGRESS"


def _is_asked_for(
    result: dict[str, Any], image_ids: Sequence[ImageId] | None, filter: Mapping[str, str]
) -> bool:
    tag_status = "TAGGED" if result["imageTags"] else "UNTAGGED"
    if filter.get("tagStatus", "ANY") not in ("ANY", tag_status):
        return False
    return not image_ids or any(_is_named(result, image_id) for image_id in image_ids)


def _is_named(result: dict[str, Any], image_id: ImageId) -> bool:
    if "imageDigest" in image_id and image_id["imageDigest"] != result["imageDigest"]:
        return False
    if "imageTag" in image_id:
        return image_id["imageTag"] in result["imageTags"]
    return "imageDigest" in image_id


def _summary(results: list[dict[str, Any]]) -> dict[str, Any]:
    counts = Counter(result["action"]["type"] for result in results)
    summary: dict[str, Any] = {"expiringImageTotalCount": counts["EXPIRE"]}
    if counts["TRANSITION"]:
        summary["transitioningImageTotalCounts"] = [
            {"targetStorageClass": "ARCHIVE", "imageTotalCount": counts["TRANSITION"]}
        ]
    return summary
