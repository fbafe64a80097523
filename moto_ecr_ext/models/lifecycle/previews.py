"""Previews of lifecycle policies: what they would do now.

What policies mean is in `moto_ecr_ext.policies.lifecycle_evaluation`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from moto_ecr_ext.clock import now
from moto_ecr_ext.exceptions import (
    LifecyclePolicyNotFoundException,
    LifecyclePolicyPreviewInProgressException,
    LifecyclePolicyPreviewNotFoundException,
)
from moto_ecr_ext.models.background import BackgroundWork
from moto_ecr_ext.models.base import RegistryBackend
from moto_ecr_ext.models.images.identifiers import ImageId
from moto_ecr_ext.models.paging import cut_page, decode_token, page_size, refuse_pages_of
from moto_ecr_ext.policies.lifecycle import (
    ActionType,
    StorageClass,
    parse_lifecycle_policy,
)
from moto_ecr_ext.policies.lifecycle_evaluation import Decision, evaluate
from moto_ecr_ext.policies.loose_lifecycle import read_lifecycle_policy
from moto_ecr_ext.storage import rows
from moto_ecr_ext.storage.rows.previews import PreviewRow

from .facts import images_of


class LifecyclePreviewsBackend(RegistryBackend):
    """Operations on previews of lifecycle policies."""

    def start_lifecycle_policy_preview(
        self,
        repository_name: str,
        registry_id: str | None = None,
        lifecycle_policy_text: str | None = None,
    ) -> dict[str, Any]:
        """Find out what a policy, by default that of the repository, would do now.

        As on AWS the answer says that this goes on, even where it has ended already, and shows a text as it was given.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_StartLifecyclePolicyPreview.html
        """
        self.store.pulls.write()
        at = now()
        with self.store.database.read() as view:
            repository = self.repository(view, repository_name, registry_id)
        text = lifecycle_policy_text or repository.lifecycle_policy_text
        if text is None:
            raise LifecyclePolicyNotFoundException(repository)
        read = parse_lifecycle_policy if lifecycle_policy_text else read_lifecycle_policy
        decisions = evaluate(read(text), images_of(self.store.database, repository), at)
        results = [_preview_result(each) for each in decisions]
        with self.store.database.write() as transaction:
            repository = self.repository(transaction, repository_name, registry_id)
            last = rows.previews.of_repository(transaction, repository.id)
            if last is not None and last.status == "IN_PROGRESS":
                raise LifecyclePolicyPreviewInProgressException
            preview = PreviewRow(
                repository.id,
                policy=text,
                status="IN_PROGRESS",
                started_at=at,
                times_seen=0,
                results=results,
            )
            rows.previews.replace(transaction, preview)
            PREVIEWS.begin(self, transaction, preview)
        return {
            "registryId": repository.registry_id,
            "repositoryName": repository.repository_name,
            "lifecyclePolicyText": text,
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
        """Return what the policy would have done when the preview was started. A preview does not expire.

        The summary counts all images, whatever the request is limited to.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetLifecyclePolicyPreview.html
        """
        if image_ids:
            refuse_pages_of("imageIds", next_token, max_results)
        with self.store.database.read() as view:
            repository = self.repository(view, repository_name, registry_id)
        listing = f"preview/{repository.id}"
        [after] = decode_token(listing, next_token, (int,)) or [0]
        preview = PREVIEWS.described(
            self,
            lambda view: rows.previews.of_repository(view, repository.id),
            lambda preview: preview is not None and preview.status == "IN_PROGRESS",
            lambda transaction, _: rows.previews.see_again(transaction, repository.id),
        )
        if preview is None:
            raise LifecyclePolicyPreviewNotFoundException
        answer: dict[str, Any] = {
            "registryId": repository.registry_id,
            "repositoryName": repository.repository_name,
            "lifecyclePolicyText": preview.policy,
            "status": preview.status,
            "previewResults": [],
        }
        if answer["status"] == "IN_PROGRESS":
            return answer
        shown = [each for each in preview.results if _is_asked_for(each, image_ids, filter or {})]
        count = page_size(max_results)
        page, token = cut_page(listing, shown[after:], max_results, lambda _: [after + count])
        return {
            **answer,
            "previewResults": page,
            "nextToken": token,
            "summary": _summary(preview.results),
        }


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


PREVIEWS = BackgroundWork(
    "ecr::lifecycle_preview",
    under_way=rows.previews.under_way,
    again=rows.previews.still_under_way,
    end=lambda registry, transaction, preview: rows.previews.end(
        transaction, preview.repository_id
    ),
)
