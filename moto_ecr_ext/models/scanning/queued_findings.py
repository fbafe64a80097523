"""Scan results that a test has queued, and the images that received them."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime
from typing import Any

from botocore.parsers import create_parser

from moto_ecr_ext import service_model
from moto_ecr_ext.compatibility.switches import current_rules
from moto_ecr_ext.models.base import RegistryBackend
from moto_ecr_ext.models.images.identifiers import ImageId
from moto_ecr_ext.models.repositories.repository import Repository
from moto_ecr_ext.storage.forks import fork_safe_lock


class QueuedFindings:
    """Whole results of DescribeImageScanFindings, in the order in which they were queued.

    A result is for the repository and the tag or digest that it names, or for every image of the repository. It is
    returned unchanged, always to the same image identifier. The next result that is queued for an image goes to an
    identifier that has no result yet; after a new scan of the image, to any.
    """

    def __init__(self) -> None:
        # moto appends the results that it receives at POST /moto-api/static/ecr/scan-finding-results.
        self.waiting: list[Any] = []
        # The results that were returned, by image and by the identifier in the request.
        self._given: dict[int, dict[frozenset[tuple[str, str]], dict[str, Any]]] = {}
        self._lock = fork_safe_lock()

    def clear(self) -> None:
        with self._lock:
            self.waiting.clear()
            self._given.clear()

    def take(
        self, repository_name: str, image_row_id: int, names: Collection[str], image_id: ImageId
    ) -> dict[str, Any] | None:
        """Return the result for a request of `image_id`, if any. `names` are the image's digest and tags."""
        with self._lock:
            given = self._given.setdefault(image_row_id, {})
            asked = frozenset(image_id.items())
            if asked not in given:
                index = self._find(repository_name, names)
                if index is not None:
                    given[asked] = self.waiting.pop(index)
            if asked in given or (given and current_rules().scans.separate_names()):
                return given.get(asked)
            return next(iter(given.values()), None)

    def peek(
        self, repository_name: str, image_row_id: int, names: Collection[str]
    ) -> dict[str, Any] | None:
        """Return the first result that an image received, or will receive. It stays in the queue."""
        with self._lock:
            for given in self._given.get(image_row_id, {}).values():
                return given
            index = self._find(repository_name, names)
            return None if index is None else self.waiting[index]

    def renew(
        self, repository_name: str, image_row_id: int, names: Collection[str]
    ) -> dict[str, Any] | None:
        """Forget the result of an image if another one is queued, as a new scan does. Return the new result."""
        with self._lock:
            index = self._find(repository_name, names)
            if index is None:
                return None
            self._given.pop(image_row_id, None)
            waiting: dict[str, Any] = self.waiting[index]
        return waiting

    def _find(self, repository_name: str, names: Collection[str]) -> int | None:
        for index, result in enumerate(self.waiting):
            if _is_about(result, repository_name, names):
                return index
        return None


def _is_answer(result: dict[str, Any]) -> bool:
    """Return True if a queued result can be returned unchanged, so that clients of botocore understand it."""
    operation = service_model.operation("DescribeImageScanFindings")
    assert operation is not None
    try:
        body = json.dumps(result, default=datetime.timestamp).encode()
        answer = {"status_code": 200, "headers": {}, "body": body}
        create_parser("json").parse(answer, operation.output_shape)
    except (AttributeError, LookupError, OverflowError, TypeError, ValueError):
        return False
    return True


def _is_about(result: Any, repository_name: str, names: Collection[str]) -> bool:
    """Return True if a queued result is valid, and for an image of this repository with these names."""
    if not isinstance(result, dict) or result.get("repositoryName") != repository_name:
        return False
    status, found = result.get("imageScanStatus", {}), result.get("imageScanFindings", {})
    if not isinstance(status, dict) or not isinstance(found, dict):
        return False
    if not all(
        _is_list_of_objects(found.get(name, [])) for name in ("findings", "enhancedFindings")
    ):
        return False
    counts = found.get("findingSeverityCounts", {})
    if not isinstance(counts, dict) or not all(isinstance(each, int) for each in counts.values()):
        return False
    if not _is_answer(result):
        return False
    image_id = result.get("imageId")
    if not isinstance(image_id, dict):
        return image_id is None
    wanted = [image_id[name] for name in ("imageDigest", "imageTag") if image_id.get(name)]
    return not wanted or any(isinstance(each, str) and each in names for each in wanted)


def _is_list_of_objects(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, dict) for each in value)


class QueuedFindingsBackend(RegistryBackend):
    """The queue of this registry, which has no operation."""

    def __init__(self, region_name: str, account_id: str):
        super().__init__(region_name, account_id)
        self.queued_findings = QueuedFindings()
        # moto appends to this list.
        self.scan_finding_results = self.queued_findings.waiting

    def reset(self) -> None:
        super().reset()
        self.queued_findings.clear()


def queue_of(registry: RegistryBackend, repository: Repository) -> QueuedFindings:
    """Return the findings that a test has queued for the registry of a repository."""
    owner = registry.registry(repository.registry_id, repository.region)
    assert isinstance(owner, QueuedFindingsBackend)
    return owner.queued_findings
