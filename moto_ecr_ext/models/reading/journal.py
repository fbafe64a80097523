"""The journal, searched: the calls that match a filter, and the platforms of the images that they pushed or pulled."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import lru_cache

from moto_ecr_ext.calls import API, REGISTRY, CallRecord
from moto_ecr_ext.models.base import RegistryBackend
from moto_ecr_ext.oci.platforms import find_platform
from moto_ecr_ext.policies.wildcards import matches_pattern
from moto_ecr_ext.service_model import operation_names
from moto_ecr_ext.settings.setting import nearest

from .contents import platforms_of_image

_METHODS = ("GET", "HEAD", "PUT", "POST", "PATCH", "DELETE")
_PLATFORM = re.compile(r"[a-z0-9]+/[a-z0-9_]+(/[a-z0-9.]+)?")
ANY_PLATFORM = "*"
"""The condition of a call that has pushed or pulled an image of any platform."""

# Operations whose calls push or pull an image.
_OF_IMAGES = frozenset(("PutImage", "BatchGetImage"))


class FilterError(ValueError):
    """The error of a filter that no call can match. Its message is a sentence."""


@dataclass(frozen=True)
class CallFilter:
    """Conditions of a call, all of which it must meet. An empty condition is met by every call.

    `operation` is an operation of ECR, which a request to the registry has too, or a method and a path of the registry,
    such as `PUT /v2/team/*`. `status` is a number, or a class such as `4xx`. `platform` is one of the image that was
    pushed or pulled, as long as the registry has the image: `linux/arm64`, which is each variant of it, or `*` for any.
    The number of the call must be above `after`. The other names are those of `CallRecord`. In texts, `*` stands for
    any characters and `?` for one.
    """

    operation: str = ""
    repository: str = ""
    reference: str = ""
    digest: str = ""
    platform: str = ""
    status: str | int = ""
    error_code: str = ""
    protocol: str = ""
    caller: str = ""
    account_id: str = ""
    registry_id: str = ""
    region: str = ""
    client: str = ""
    user_agent: str = ""
    after: int = 0

    def __post_init__(self) -> None:
        """Raise FilterError for a value that no call can have."""
        if self.operation:
            _check_operation(self.operation)
        if self.protocol not in ("", API, REGISTRY):
            raise FilterError(f"The protocol must be {API} or {REGISTRY}, not {self.protocol!r}.")
        if not re.fullmatch("([1-5]([0-9][0-9]|xx))?", str(self.status)):
            raise FilterError(
                f"The status must be a number such as 404, or 4xx, not {str(self.status)!r}."
            )
        if self.platform not in ("", ANY_PLATFORM) and not _PLATFORM.fullmatch(self.platform):
            raise FilterError(
                f"The platform must have a form such as linux/arm64 or linux/arm/v7, not {self.platform!r}."
            )

    def matches(self, call: CallRecord) -> bool:
        """Return True if a call meets all conditions but that of the platform, which its record does not have."""
        return (
            call.number > self.after
            and (not self.operation or _is_of(call, self.operation))
            and all(_matches(getattr(call, name), getattr(self, name)) for name in _TEXTS)
            and _matches(str(call.status), str(self.status).replace("x", "?"))
            and any(
                _matches(reference, self.reference) and _matches(digest, self.digest)
                for reference, digest in ((call.reference, call.digest), *call.images)
            )
        )


_TEXTS = (
    *("repository", "error_code", "protocol", "caller", "account_id", "registry_id", "region"),
    *("client", "user_agent"),
)
NAMES_OF_CONDITIONS = tuple(each.name for each in fields(CallFilter))


@dataclass(frozen=True)
class FoundCall:
    """A call, and the platforms of its image, with their digests, if the filter asks for a platform."""

    call: CallRecord
    platforms: Mapping[str, str] = field(default_factory=dict)


class JournalBackend(RegistryBackend):
    """The journal of all registries."""

    def find_calls(self, wanted: CallFilter) -> list[FoundCall]:
        """Return the calls that a filter matches, in their order."""
        matching = filter(wanted.matches, self.store.journal.after(wanted.after))
        if not wanted.platform:
            return [FoundCall(call) for call in matching]
        found = (FoundCall(call, self.platforms_of_call(call)) for call in matching)
        if wanted.platform == ANY_PLATFORM:
            return [each for each in found if each.platforms]
        return [each for each in found if find_platform(each.platforms, wanted.platform)]

    def platforms_of_call(self, call: CallRecord) -> dict[str, str]:
        """Return the platforms of the image that a call has pushed or pulled, as long as the registry has it."""
        if call.operation not in _OF_IMAGES or call.status >= 300 or not call.digest:
            return {}
        registry = self.registry(call.registry_id, call.region)
        return platforms_of_image(registry, call.repository, call.digest)


def _check_operation(operation: str) -> None:
    """Raise FilterError unless there is an operation, or a path of the registry, that matches."""
    method, is_path, path = operation.partition(" ")
    if is_path:
        if method not in _METHODS or not path.startswith("/v2"):
            raise FilterError(
                f"{operation!r} must be a method and a path of the registry, such as PUT /v2/team/*."
            )
    elif not any(_matches(name, operation) for name in operation_names()):
        hint = nearest(operation, operation_names())
        raise FilterError(f"ECR has no operation {operation}{hint or '.'}")


def _is_of(call: CallRecord, operation: str) -> bool:
    method, is_path, path = operation.partition(" ")
    if is_path:
        return call.protocol == REGISTRY and call.method == method and _matches(call.path, path)
    return _matches(call.operation, operation)


@lru_cache(maxsize=256)
def _has_wildcards(pattern: str) -> bool:
    return any(each in pattern for each in "*?[$")


def _matches(text: str, pattern: str) -> bool:
    if not pattern:
        return True
    return matches_pattern(text, pattern) if _has_wildcards(pattern) else text == pattern
