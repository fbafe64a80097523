"""The calls of either protocol: CloudWatch's counts of them, and the journal of the last ones."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from moto_ecr_ext.calls import CallRecord
from moto_ecr_ext.models.base import RegistryBackend
from moto_ecr_ext.storage.counts import Count
from moto_ecr_ext.storage.store import open_store

# https://docs.aws.amazon.com/AmazonECR/latest/userguide/monitoring-usage.html
COUNTED = frozenset(
    (
        "BatchCheckLayerAvailability",
        "BatchGetImage",
        "CompleteLayerUpload",
        "GetAuthorizationToken",
        "GetDownloadUrlForLayer",
        "InitiateLayerUpload",
        "PutImage",
        "UploadLayerPart",
    )
)


class CallsBackend(RegistryBackend):
    """Calls of this registry, and of all registries."""

    def counts(self) -> list[Count]:
        """Return the counts of this registry."""
        return self.store.counts.of_registry(self.account_id, self.region_name)

    def calls_after(self, number: int = 0) -> list[CallRecord]:
        """Return the calls of all registries that the journal keeps, of those with a greater number, in order."""
        return self.store.journal.after(number)

    def listening_to_calls(self, wake: Callable[[], None]) -> AbstractContextManager[None]:
        """Call `wake` after each call that this process answers in this block. It must not wait or fail."""
        return self.store.journal.listening(wake)


def note_answer(call: CallRecord) -> None:
    """Keep the record of a call whose answer is known, and count the call if AWS counts it, before it is answered."""
    call.end()
    store = open_store()
    if store is None:
        return
    store.journal.add(call)
    if call.is_authorized and call.operation in COUNTED:
        store.counts.add(call.account_id, call.region, "CallCount", call.operation, call.at)
