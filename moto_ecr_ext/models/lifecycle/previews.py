"""Previews of lifecycle policies: the actions that they would take now.

`moto_ecr_ext.policies.lifecycle_evaluation` evaluates the policies.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from moto_ecr_ext.clock import now
from moto_ecr_ext.compatibility.loose_lifecycle import read_lifecycle_policy
from moto_ecr_ext.exceptions import (
    LifecyclePolicyNotFoundException,
    LifecyclePolicyPreviewInProgressException,
    LifecyclePolicyPreviewNotFoundException,
)
from moto_ecr_ext.models.background import BackgroundWork
from moto_ecr_ext.models.base import RegistryBackend
from moto_ecr_ext.models.images.identifiers import ImageId
from moto_ecr_ext.models.paging import cut_page, decode_token, page_size, refuse_pages_of
from moto_ecr_ext.models.repositories.repository import Repository
from moto_ecr_ext.policies.lifecycle import (
    ActionType,
    StorageClass,
    parse_lifecycle_policy,
)
from moto_ecr_ext.policies.lifecycle_evaluation import LifecycleDecision, evaluate
from moto_ecr_ext.storage import rows
from moto_ecr_ext.storage.database.transaction import Transaction, View
from moto_ecr_ext.storage.rows.previews import PreviewResultRow, PreviewRow
from moto_ecr_ext.storage.turns import switching_threads_often, timed_turns

from .facts import images_of

# The number of results that one statement writes.
_WRITTEN_AT_ONCE = 500


class LifecyclePreviewsBackend(RegistryBackend):
    """Operations on previews of lifecycle policies."""

    def start_lifecycle_policy_preview(
        self,
        repository_name: str,
        registry_id: str | None = None,
        lifecycle_policy_text: str | None = None,
    ) -> dict[str, Any]:
        """Evaluate a policy, by default that of the repository, without acting on images.

        As on AWS, the response says IN_PROGRESS, even if the preview has ended already, and shows the text as given.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_StartLifecyclePolicyPreview.html
        """
        self.store.pulls.write()

        def find(view: View) -> Repository:
            return self.repository(view, repository_name, registry_id)

        begun = None
        while begun is None:
            begun = self._begin(find, lifecycle_policy_text)
        repository, text = begun
        return {
            "registryId": repository.registry_id,
            "repositoryName": repository.repository_name,
            "lifecyclePolicyText": text,
            "status": "IN_PROGRESS",
        }

    @switching_threads_often()
    def _begin(
        self, find: Callable[[View], Repository], given: str | None
    ) -> tuple[Repository, str] | None:
        """Return the repository and the text of a preview that has begun; None if it was abandoned meanwhile."""
        at = now()
        with self.store.database.read() as view:
            repository = find(view)
        text = given or repository.lifecycle_policy_text
        if text is None:
            raise LifecyclePolicyNotFoundException(repository)
        read = parse_lifecycle_policy if given else read_lifecycle_policy
        decisions = evaluate(read(text), images_of(self.store.database, repository), at)
        counts = Counter(each.action for each in decisions)
        about = {
            "repository_id": repository.id,
            "policy": text,
            "started_at": at,
            "expiring": counts[ActionType.EXPIRE],
            "transitioning": counts[ActionType.TRANSITION],
        }
        results = [_result(position, each) for position, each in enumerate(decisions, 1)]
        is_seen = _Writing(self, find, about).write(results)
        return (repository, text) if is_seen else None

    def get_lifecycle_policy_preview(
        self,
        repository_name: str,
        registry_id: str | None = None,
        image_ids: Sequence[ImageId] | None = None,
        next_token: str | None = None,
        max_results: int | None = None,
        filter: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Return the actions of the policy at the time when the preview was started. A preview does not expire.

        The summary counts all images, even if the request selects some of them.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetLifecyclePolicyPreview.html
        """
        if image_ids:
            refuse_pages_of("imageIds", next_token, max_results)
        with self.store.database.read() as view:
            repository = self.repository(view, repository_name, registry_id)
        listing = f"preview/{repository.id}"
        [after] = decode_token(listing, next_token, (int,)) or [0]
        tag_status = (filter or {}).get("tagStatus", "ANY")

        def read(view: View) -> _Seen | None:
            preview = rows.previews.of_repository(view, repository.id)
            if preview is None:
                return None
            if preview.status == "IN_PROGRESS":
                return _Seen(preview, [])
            if image_ids:
                return _Seen(preview, _results_of(view, preview, image_ids, tag_status))
            count = page_size(max_results) + 1
            return _Seen(preview, rows.previews.page(view, preview.id, tag_status, after, count))

        seen = PREVIEWS.described(
            self,
            read,
            lambda seen: seen is not None and seen.preview.status == "IN_PROGRESS",
            lambda transaction, _: rows.previews.count_description(transaction, repository.id),
        )
        if seen is None:
            raise LifecyclePolicyPreviewNotFoundException
        answer: dict[str, Any] = {
            "registryId": repository.registry_id,
            "repositoryName": repository.repository_name,
            "lifecyclePolicyText": seen.preview.policy,
            "status": seen.preview.status,
            "previewResults": [],
        }
        if answer["status"] == "IN_PROGRESS":
            return answer
        page, token = seen.results, None
        if not image_ids:
            page, token = cut_page(listing, page, max_results, lambda last: [last.position])
        return {
            **answer,
            "previewResults": [_answer_of(each) for each in page],
            "nextToken": token,
            "summary": _summary(seen.preview),
        }


class _Seen(NamedTuple):
    """A preview, and those of its results that a request selects."""

    preview: PreviewRow
    results: list[PreviewResultRow]


class _Writing:
    """A preview that is being written into the database.

    It may have many results. They are written in several transactions, so that no other call waits for all of them. The
    last transaction makes the preview visible. A small preview needs only that one.
    """

    def __init__(
        self, registry: RegistryBackend, find: Callable[[View], Repository], about: dict[str, Any]
    ):
        self._registry = registry
        self._database = registry.store.database
        self._find = find
        self._about = about

    def write(self, results: Sequence[PreviewResultRow]) -> bool:
        """Write the results. Return True if the preview is visible now, False if it was abandoned.

        Raises LifecyclePolicyPreviewInProgressException if another preview is under way.
        """
        last = results[-_WRITTEN_AT_ONCE:]
        before = results[: -len(last)] if last else last
        if not before:
            with self._database.write() as transaction:
                return self._show(transaction, self._begin(transaction), last)
        # A later durable transaction writes this one to disk too.
        with self._database.write(durable=False) as transaction:
            preview_id = self._begin(transaction)
        try:
            for turn in timed_turns(before, _WRITTEN_AT_ONCE):
                with self._database.write(durable=False) as transaction:
                    if not rows.previews.is_being_written(transaction, preview_id):
                        return False
                    for batch in turn:
                        rows.previews.write_results(transaction, preview_id, batch)
            with self._database.write() as transaction:
                return self._show(transaction, preview_id, last)
        except Exception:
            with self._database.write() as transaction:
                rows.previews.give_up(transaction, preview_id)
                self._registry.store.remove_hidden(transaction)
            raise

    def _begin(self, transaction: Transaction) -> int:
        self._refuse_second(transaction)
        return rows.previews.begin_writing(transaction, self._about)

    def _refuse_second(self, transaction: Transaction) -> None:
        last = rows.previews.of_repository(transaction, self._about["repository_id"])
        if last is not None and last.status == "IN_PROGRESS":
            raise LifecyclePolicyPreviewInProgressException

    def _show(
        self, transaction: Transaction, preview_id: int, results: Sequence[PreviewResultRow]
    ) -> bool:
        repository = self._find(transaction)
        if repository.id != self._about["repository_id"]:
            return False
        if not rows.previews.is_being_written(transaction, preview_id):
            return False
        self._refuse_second(transaction)
        rows.previews.write_results(transaction, preview_id, results)
        preview = PreviewRow(preview_id, **self._about, status="IN_PROGRESS", times_seen=0)
        rows.previews.show(transaction, preview)
        self._registry.store.remove_hidden(transaction)
        PREVIEWS.begin(self._registry, transaction, preview)
        return True


def _result(position: int, decision: LifecycleDecision) -> PreviewResultRow:
    image = decision.image
    return PreviewResultRow(
        position,
        digest=image.digest,
        tags=list(image.tags),
        pushed_at=image.pushed_at,
        storage_class=image.storage_class.name,
        action=decision.action.name,
        rule_priority=decision.rule.priority if decision.rule else None,
    )


def _answer_of(result: PreviewResultRow) -> dict[str, Any]:
    action = {"type": result.action}
    if result.action == ActionType.TRANSITION.name:
        action["targetStorageClass"] = StorageClass.ARCHIVE.name
    return {
        "imageTags": result.tags,
        "imageDigest": result.digest,
        "imagePushedAt": result.pushed_at,
        "action": action,
        "appliedRulePriority": result.rule_priority,
        "storageClass": result.storage_class,
    }


def _results_of(
    view: View, preview: PreviewRow, image_ids: Sequence[ImageId], tag_status: str
) -> list[PreviewResultRow]:
    """Return the results for image identifiers. An identifier with both parts is looked up by its digest."""
    digests = [each["imageDigest"] for each in image_ids if "imageDigest" in each]
    names = [each.get("imageTag", "") for each in image_ids if "imageDigest" not in each]
    found = rows.previews.of_images(view, preview.id, _storable(digests), _storable(names))
    return [
        each
        for each in found
        if tag_status in ("ANY", "TAGGED" if each.tags else "UNTAGGED")
        and any(_is_named(each, image_id) for image_id in image_ids)
    ]


def _storable(texts: Sequence[str]) -> list[str]:
    """Return the texts that may be stored: PostgreSQL does not accept U+0000, not even in a query."""
    return [each for each in texts if "\0" not in each]


def _is_named(result: PreviewResultRow, image_id: ImageId) -> bool:
    if "imageDigest" in image_id and image_id["imageDigest"] != result.digest:
        return False
    if "imageTag" in image_id:
        return image_id["imageTag"] in result.tags
    return "imageDigest" in image_id


def _summary(preview: PreviewRow) -> dict[str, Any]:
    summary: dict[str, Any] = {"expiringImageTotalCount": preview.expiring}
    if preview.transitioning:
        summary["transitioningImageTotalCounts"] = [
            {"targetStorageClass": "ARCHIVE", "imageTotalCount": preview.transitioning}
        ]
    return summary


PREVIEWS = BackgroundWork(
    "ecr::lifecycle_preview",
    under_way=rows.previews.under_way,
    again=rows.previews.still_under_way,
    end=lambda registry, transaction, preview: rows.previews.end(transaction, preview.id),
)
