"""The evaluation of lifecycle policies: the actions on the images of a repository.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html#lp_evaluation_rules
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import translate
from operator import methodcaller

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
    """The facts of an image that rules depend on. Times are in seconds since the epoch.

    `children` are the digests that an index lists; `subject` is the digest that a referrer refers to. They need not be
    in the repository.
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


@dataclass(frozen=True, slots=True)
class LifecycleDecision:
    """An action on an image, and its rule.

    For a child of an index and for a referrer, the rule is that of its parent. A referrer whose subject is deleted or
    archived already has no rule.
    """

    image: ImageFacts
    action: ActionType
    rule: LifecycleRule | None


def evaluate(
    policy: LifecyclePolicy, images: Sequence[ImageFacts], now: float
) -> list[LifecycleDecision]:
    """Return the actions of a policy in a repository that holds `images`, which are in the order of push.

    The actions are in the order in which they must be done: older images first, and dependents after their parents.

    Untagged children of an index, and referrers, are not selected or counted. They follow their parents, once all of
    these are removed. A tagged child is selected by its tags, and stays while an index lists it. On AWS, children are
    not counted either and stay while their index does; afterwards, rules about untagged images apply to them.
    """
    family = _Family(images)
    oldest_first = sorted(images, key=_began_at)
    by_rule = _decisions_of_rules(policy, filter(family.is_selectable, oldest_first), now)
    decided: dict[str, LifecycleDecision] = {}
    for image in family.parents_first(oldest_first):
        decision = family.decision(image, by_rule.get(image.digest), decided)
        if decision is not None:
            decided[image.digest] = decision
    return list(decided.values())


def _decisions_of_rules(
    policy: LifecyclePolicy, oldest_first: Iterable[ImageFacts], now: float
) -> dict[str, LifecycleDecision]:
    """Return the decisions of the rules alone, by digest.

    A rule that selects an image by its tags protects it from rules with a lower priority, even if the rule does not act
    on it. Those rules still count it.
    """
    of_class: dict[StorageClass, list[ImageFacts]] = {each: [] for each in StorageClass}
    for image in oldest_first:
        of_class[image.storage_class].append(image)
    decisions: dict[str, LifecycleDecision] = {}
    taken: set[str] = set()
    for rule in policy.rules:
        is_selected = _tag_condition(rule.selection)
        selected = [
            image for image in of_class[rule.selection.storage_class] if is_selected(image.tags)
        ]
        for image in _due(rule.selection, selected, now):
            if image.digest not in taken:
                decisions[image.digest] = LifecycleDecision(image, rule.action, rule)
        taken.update(image.digest for image in selected)
    return decisions


def _due(
    selection: LifecycleSelection, oldest_first: list[ImageFacts], now: float
) -> list[ImageFacts]:
    """Return those of the selected images that are due for the action."""
    if selection.count_type is CountType.IMAGE_COUNT_MORE_THAN:
        return oldest_first[: max(0, len(oldest_first) - selection.count_number)]
    since = _SINCE[selection.count_type]
    too_old = now - selection.count_number * DAY
    return [image for image in oldest_first if since(image) < too_old]


def _began_at(image: ImageFacts) -> float:
    """Return the time when an image was pushed, or last restored from the archive."""
    return image.pushed_at if image.activated_at is None else image.activated_at


def _used_at(image: ImageFacts) -> float:
    """Return the time when an image was last pulled, or, if it was not, when it was pushed or last restored."""
    began_at = _began_at(image)
    return began_at if image.pulled_at is None else max(began_at, image.pulled_at)


def _archived_at(image: ImageFacts) -> float:
    assert image.archived_at is not None, image.digest
    return image.archived_at


_SINCE: dict[CountType, Callable[[ImageFacts], float]] = {
    CountType.SINCE_IMAGE_PUSHED: _began_at,
    CountType.SINCE_IMAGE_PULLED: _used_at,
    CountType.SINCE_IMAGE_TRANSITIONED: _archived_at,
}


def _tag_condition(selection: LifecycleSelection) -> Callable[[tuple[str, ...]], bool]:
    """Return a function that returns True if a selection matches the tags of an image."""
    if selection.tag_status is TagStatus.ANY:
        return lambda tags: True
    if selection.tag_status is TagStatus.UNTAGGED:
        return lambda tags: not tags
    matchers: list[Callable[[str], object]] = [
        *(methodcaller("startswith", prefix) for prefix in selection.tag_prefixes),
        *(_compiled(pattern) for pattern in selection.tag_patterns),
    ]
    # Different tags may match different prefixes or patterns.
    return lambda tags: all(any(map(matches, tags)) for matches in matchers)


def _compiled(pattern: str) -> Callable[[str], object]:
    """Return the match of a whole tag by the grammar of `wildcards`. A rule calls it for every tag of a repository."""
    return re.compile(translate(re.sub(r"[?[]", r"[\g<0>]", pattern))).match


class _Family:
    """The relations of a repository's images: children follow the indexes that list them, referrers their subject."""

    def __init__(self, images: Sequence[ImageFacts]):
        stored = {image.digest: image for image in images}
        self._parents: dict[str, list[ImageFacts]] = {digest: [] for digest in stored}
        self._dependents: dict[str, list[ImageFacts]] = {digest: [] for digest in stored}
        for image in images:
            for child in dict.fromkeys(image.children):
                if child in stored:
                    self._relate(image, stored[child])
            if image.subject in stored:
                self._relate(stored[image.subject], image)

    def _relate(self, parent: ImageFacts, dependent: ImageFacts) -> None:
        self._parents[dependent.digest].append(parent)
        self._dependents[parent.digest].append(dependent)

    def is_selectable(self, image: ImageFacts) -> bool:
        """Return True if rules can select the image itself."""
        if image.subject is not None:
            return False
        return bool(image.tags) or not self._parents[image.digest]

    def parents_first(self, images: Sequence[ImageFacts]) -> Iterator[ImageFacts]:
        """Yield all images in their order, but each after its parents."""
        waits_for = {digest: len(parents) for digest, parents in self._parents.items()}
        ready = deque(image for image in images if not waits_for[image.digest])
        while ready:
            image = ready.popleft()
            yield image
            for dependent in self._dependents[image.digest]:
                waits_for[dependent.digest] -= 1
                if not waits_for[dependent.digest]:
                    ready.append(dependent)

    def decision(
        self,
        image: ImageFacts,
        by_rule: LifecycleDecision | None,
        decided: Mapping[str, LifecycleDecision],
    ) -> LifecycleDecision | None:
        """Return the decision about an image, given the decisions about its parents."""
        parents = self._parents[image.digest]
        fates = {_fate(parent, decided.get(parent.digest)) for parent in parents}
        if StorageClass.STANDARD in fates:
            return None
        # Followers of an archived image may be archived, but must exist when it is restored.
        is_kept = StorageClass.ARCHIVE in fates
        if self.is_selectable(image):
            is_possible = by_rule and (by_rule.action is ActionType.TRANSITION or not is_kept)
            return by_rule if is_possible else None
        if is_kept and image.storage_class is StorageClass.ARCHIVE:
            return None
        action = ActionType.TRANSITION if is_kept else ActionType.EXPIRE
        rules = [decided[each.digest].rule for each in parents if each.digest in decided]
        followed = min(filter(None, rules), key=lambda rule: rule.priority, default=None)
        return LifecycleDecision(image, action, followed)


def _fate(image: ImageFacts, decision: LifecycleDecision | None) -> StorageClass | None:
    """Return the image's storage class after the decision; None if it is deleted."""
    if decision is None:
        return image.storage_class
    return StorageClass.ARCHIVE if decision.action is ActionType.TRANSITION else None
