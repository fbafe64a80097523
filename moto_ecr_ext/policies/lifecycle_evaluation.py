"""Which images of a repository a lifecycle policy acts on.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html#lp_evaluation_rules
"""

from __future__ import annotations

import re
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import translate

from .lifecycle import (
    ActionType,
    CountType,
    LifecyclePolicy,
    LifecycleRule,
    LifecycleSelection,
    StorageClass,
    TagStatus,
)

DAY = 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What rules ask of an image. Times are seconds since the epoch.

    `children` are the digests that an index lists, `subject` is the digest that a referrer refers to; neither has to
    be in the repository.
    """

    digest: str
    pushed_at: float
    tags: tuple[str, ...] = ()
    storage_class: StorageClass = StorageClass.STANDARD
    pulled_at: float | None = None
    archived_at: float | None = None
    activated_at: float | None = None
    children: tuple[str, ...] = ()
    subject: str | None = None

    @property
    def began_at(self) -> float:
        """When it was pushed or, if it has been restored from the archive since, when that was."""
        return self.pushed_at if self.activated_at is None else self.activated_at

    @property
    def used_at(self) -> float:
        """When it was pulled last or, if it has not been since it was pushed or restored, when that was."""
        return self.began_at if self.pulled_at is None else max(self.began_at, self.pulled_at)


@dataclass(frozen=True, slots=True)
class Decision:
    """An action on an image, and the rule behind it.

    The rule is that of the image it follows for a child of an index and for a referrer. It is None for a referrer
    whose subject is gone or archived already.
    """

    image: ImageFacts
    action: ActionType
    rule: LifecycleRule | None


def evaluate(policy: LifecyclePolicy, images: Sequence[ImageFacts], now: float) -> list[Decision]:
    """What a policy does to a repository that holds `images`, which are in the order of push.

    Older images come first, and an image comes behind those that it follows, which is the order to do it in.

    Children of an index that have no tags of their own, and referrers, are neither selected nor counted; they follow
    what they belong to, once nothing that they belong to stays. A child with tags is selected by them, but stays as
    long as an index lists it. On AWS children are not counted either, and stay as long as their index does; what
    becomes of them then is not documented.
    """
    family = _Family(images)
    by_rules = _decisions_by_rules(policy, family.selectable(), now)
    decided: dict[str, Decision] = {}
    for image in family.leaders_first(sorted(images, key=lambda image: image.began_at)):
        decision = family.consequence(image, by_rules.get(image.digest), decided)
        if decision is not None:
            decided[image.digest] = decision
    return list(decided.values())


def _decisions_by_rules(
    policy: LifecyclePolicy, images: Iterable[ImageFacts], now: float
) -> dict[str, Decision]:
    """What the rules alone decide, by digest.

    An image whose tags a rule selects is out of reach of those with a lower priority, whether the rule acts on it or
    not. They count it all the same.
    """
    oldest_first = sorted(images, key=lambda image: image.began_at)
    decisions: dict[str, Decision] = {}
    taken: set[str] = set()
    for rule in policy.rules:
        selects = _tag_condition(rule.selection)
        selected = [
            image
            for image in oldest_first
            if image.storage_class is rule.selection.storage_class and selects(image.tags)
        ]
        for image in _due(rule.selection, selected, now):
            if image.digest not in taken:
                decisions[image.digest] = Decision(image, rule.action.type, rule)
        taken.update(image.digest for image in selected)
    return decisions


def _due(
    selection: LifecycleSelection, selected: list[ImageFacts], now: float
) -> Iterable[ImageFacts]:
    """Those of the selected images, of which the oldest is the first, that it is time to act on."""
    if selection.count_type is CountType.IMAGE_COUNT_MORE_THAN:
        return selected[: max(0, len(selected) - selection.count_number)]
    since = _SINCE[selection.count_type]
    too_old = now - selection.count_number * DAY
    return [image for image in selected if since(image) < too_old]


_SINCE: dict[CountType, Callable[[ImageFacts], float]] = {
    CountType.SINCE_IMAGE_PUSHED: lambda image: image.began_at,
    CountType.SINCE_IMAGE_PULLED: lambda image: image.used_at,
    CountType.SINCE_IMAGE_TRANSITIONED: lambda image: image.archived_at or image.began_at,
}


def _tag_condition(selection: LifecycleSelection) -> Callable[[tuple[str, ...]], bool]:
    """Whether an image that has these tags is one that the selection is about."""
    if selection.tag_status is TagStatus.ANY:
        return lambda tags: True
    if selection.tag_status is TagStatus.UNTAGGED:
        return lambda tags: not tags
    patterns = [*selection.tag_patterns, *(_PrefixPattern(each) for each in selection.tag_prefixes)]
    matchers = [_matcher(pattern) for pattern in patterns]
    # Each pattern by a tag, not each by the same.
    return lambda tags: all(any(map(matches, tags)) for matches in matchers)
