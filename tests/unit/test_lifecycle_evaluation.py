"""The images that lifecycle policies act on, computed from descriptions without pushes."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moto_ecr_ext.policies.lifecycle import (
    ActionType,
    LifecyclePolicy,
    StorageClass,
    parse_lifecycle_policy,
)
from moto_ecr_ext.policies.lifecycle_evaluation import (
    DAY,
    ImageFacts,
    LifecycleDecision,
    evaluate,
)

# Images are pushed so many days after this, and policies evaluated a hundred days after it.
BEGINNING = 1_700_000_000.0
NOW = BEGINNING + 100 * DAY

EXPIRE = ActionType.EXPIRE
TRANSITION = ActionType.TRANSITION
ARCHIVE: dict[str, Any] = {"type": "transition", "targetStorageClass": "archive"}
SINCE_TRANSITIONED: dict[str, Any] = {
    "storageClass": "archive",
    "countType": "sinceImageTransitioned",
    "countUnit": "days",
    "countNumber": 90,
}


def rule(
    selection: dict[str, Any], more_than: int | None = None, action: Any = None, **changes: Any
) -> dict[str, Any]:
    """A rule without its priority. `more_than` is a number of images."""
    count = {"countType": "imageCountMoreThan", "countNumber": more_than} if more_than else {}
    return {
        "selection": {**selection, **count, **changes},
        "action": action or {"type": "expire"},
    }


def prefixes(*values: str) -> dict[str, Any]:
    return {"tagStatus": "tagged", "tagPrefixList": list(values)}


def patterns(*values: str) -> dict[str, Any]:
    return {"tagStatus": "tagged", "tagPatternList": list(values)}


ANY: dict[str, Any] = {"tagStatus": "any"}
UNTAGGED: dict[str, Any] = {"tagStatus": "untagged"}


def since(event: str, days: int) -> dict[str, Any]:
    return {"countType": f"sinceImage{event}", "countUnit": "days", "countNumber": days}


def policy(*rules: dict[str, Any]) -> LifecyclePolicy:
    """The rules with priorities in their order."""
    numbered = [{"rulePriority": number, **each} for number, each in enumerate(rules, 1)]
    return parse_lifecycle_policy(json.dumps({"rules": numbered}))


def image(name: str, *tags: str, day: float = 0, **facts: Any) -> ImageFacts:
    """An image, pushed so many days after the beginning. Other times are days, too."""
    times = {key: BEGINNING + facts.pop(key) * DAY for key in list(facts) if key.endswith("_at")}
    return ImageFacts(name, BEGINNING + day * DAY, tags, **times, **facts)


def archived(name: str, *tags: str, archived_at: float = 0, **facts: Any) -> ImageFacts:
    return image(name, *tags, archived_at=archived_at, storage_class=StorageClass.ARCHIVE, **facts)


def acted_on(
    rules: LifecyclePolicy, images: Iterable[ImageFacts], now: float = NOW
) -> list[tuple[str, ActionType, int | None]]:
    """Names of images, what is done to them, and by the rule of which priority."""
    return [
        (each.image.digest, each.action, each.rule.priority if each.rule else None)
        for each in evaluate(rules, list(images), now)
    ]


def expired(rules: LifecyclePolicy, images: Iterable[ImageFacts]) -> str:
    """The names of the images that expire, without others being archived, in their order."""
    actions = acted_on(rules, images)
    assert {action for _, action, _ in actions} <= {EXPIRE}
    return "".join(name for name, _, _ in actions)


# The worked examples of
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_examples.html

PROD_AND_BETA = [
    image("A", "beta-1", "prod-1", day=1),
    image("B", "beta-2", "prod-2", day=2),
    image("C", "beta-3", day=3),
]


def test_a_lower_rule_cannot_touch_what_a_higher_one_selects() -> None:
    """Rule 1 takes A and selects B; rule 2 sees only C, which is the newest beta."""
    rules = policy(rule(prefixes("prod"), 1), rule(prefixes("beta"), 1))
    assert acted_on(rules, PROD_AND_BETA) == [("A", EXPIRE, 1)]


def test_the_same_rules_the_other_way_round() -> None:
    """With the priorities swapped, rule 1 keeps C and takes A and B, which leaves rule 2 nothing."""
    rules = policy(rule(prefixes("beta"), 1), rule(prefixes("prod"), 1))
    assert acted_on(rules, PROD_AND_BETA) == [("A", EXPIRE, 1), ("B", EXPIRE, 1)]


def test_any_rule_that_keeps_one_image() -> None:
    """All but the newest image expire, whatever their tags."""
    images = [image("A", "x"), image("B", day=1), image("C", "y", day=2), image("D", "z", day=3)]
    assert expired(policy(rule(ANY, 1)), images) == "ABC"


def test_all_prefixes_have_to_match() -> None:
    """An image with a tag for each of the prefixes is selected, others are not."""
    images = [
        image("A", "alpha-1", day=88),
        image("B", "beta-1", day=91),
        image("C", "alpha-2", "beta-2", day=92),
    ]
    rules = policy(rule(prefixes("alpha", "beta"), **since("Pushed", 5)))
    assert expired(rules, images) == "C"


@pytest.mark.parametrize(
    ("selection", "selected"),
    [
        pytest.param(prefixes("prod"), "AB", id="prefix"),
        pytest.param(prefixes("prod-1"), "A", id="longer prefix"),
        pytest.param(prefixes("prod-1", "beta"), "A", id="prefixes by different tags"),
        pytest.param(prefixes("prod", "prod-1"), "A", id="prefixes by the same tag"),
        pytest.param(patterns("prod-1"), "A", id="pattern without wildcard"),
        pytest.param(patterns("stage"), "", id="pattern of less than the tag"),
        pytest.param(patterns("prod*"), "AB", id="wildcard at the end"),
        pytest.param(patterns("*ta*"), "AC", id="wildcards around"),
        pytest.param(patterns("*-*", "*1"), "AC", id="patterns"),
        pytest.param(patterns("*"), "ABC", id="any tag"),
        pytest.param(patterns("PROD*"), "", id="another case"),
        pytest.param(patterns("prod?1"), "", id="no other wildcards"),
        pytest.param(patterns("[p]rod-1"), "", id="no classes of characters"),
        pytest.param(UNTAGGED, "D", id="untagged"),
        pytest.param(ANY, "ABCD", id="any"),
    ],
)
def test_which_tags_are_selected(selection: dict[str, Any], selected: str) -> None:
    """Tags are selected as documented:
    https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html
    """
    images = [
        image("A", "prod-1", "beta"),
        image("B", "prod"),
        image("C", "stage-1", "beta-1"),
        image("D"),
    ]
    assert expired(policy(rule(selection, **since("Pushed", 1))), images) == selected


def test_rules_are_alternatives() -> None:
    """A list of prefixes needs all of them in one image; two rules are alternatives."""
    images = [image("A", "alpha"), image("B", "beta", day=1), image("C", "gamma", day=2)]
    old = since("Pushed", 5)
    rules = policy(rule(prefixes("alpha"), **old), rule(prefixes("beta"), **old))
    assert acted_on(rules, images) == [("A", EXPIRE, 1), ("B", EXPIRE, 2)]


def test_the_newest_images_are_kept() -> None:
    """Images are counted from the newest, in whichever order they were given, and the oldest goes first."""
    images = [image(name, "v", day=day) for name, day in (("A", 3), ("B", 1), ("C", 2), ("D", 4))]
    assert expired(policy(rule(prefixes("v"), 2)), images) == "BC"


def test_pushed_in_the_same_second() -> None:
    """Of images with the same time, the one that was pushed later is the newer."""
    images = [image(name, "v") for name in "ABCD"]
    assert expired(policy(rule(prefixes("v"), 2)), images) == "AB"


def test_as_many_as_may_be() -> None:
    """A count that is not exceeded keeps all images."""
    images = [image(name, "v") for name in "ABC"]
    assert expired(policy(rule(prefixes("v"), 3)), images) == ""
    assert expired(policy(rule(prefixes("v"), 2**31 - 1)), images) == ""


def test_what_another_rule_takes_is_counted() -> None:
    """Rule 2 keeps one, which is C, whether or not rule 1 takes A."""
    images = [image("A", "a", "v"), image("B", "v", day=1), image("C", "v", day=2)]
    rules = policy(rule(prefixes("a"), **since("Pushed", 1)), rule(prefixes("v"), 2))
    assert acted_on(rules, images) == [("A", EXPIRE, 1)]
    rules = policy(rule(prefixes("a"), **since("Pushed", 1)), rule(prefixes("v"), 1))
    assert acted_on(rules, images) == [("A", EXPIRE, 1), ("B", EXPIRE, 2)]


@pytest.mark.parametrize("days", [1, 14, 365])
def test_older_than_days(days: int) -> None:
    """An image is older than a number of days as soon as its age exceeds it."""
    young = ImageFacts("young", NOW - days * DAY)
    old = ImageFacts("old", NOW - days * DAY - 1)
    rules = policy(rule(ANY, **since("Pushed", days)))
    assert acted_on(rules, [old, young]) == [("old", EXPIRE, 1)]


def test_more_days_than_a_calendar_has() -> None:
    """The highest number of days that ECR accepts is more than Python's `timedelta` does."""
    rules = policy(rule(ANY, **since("Pushed", 2**31 - 1)))
    assert acted_on(rules, [image("A")]) == []
    assert acted_on(rules, [image("A")], now=2**31 * DAY + BEGINNING) == [("A", EXPIRE, 1)]


@pytest.mark.parametrize(
    ("facts", "is_archived"),
    [
        pytest.param({"day": 69}, True, id="never pulled, pushed long ago"),
        pytest.param({"day": 71}, False, id="never pulled, pushed recently"),
        pytest.param({"pulled_at": 69}, True, id="pulled long ago"),
        pytest.param({"pulled_at": 71}, False, id="pulled recently"),
        pytest.param({"activated_at": 71}, False, id="never pulled, restored recently"),
        pytest.param({"activated_at": 69}, True, id="never pulled, restored long ago"),
        pytest.param({"pulled_at": 2, "activated_at": 71}, False, id="not pulled since restored"),
        pytest.param({"activated_at": 2, "pulled_at": 71}, False, id="pulled after restored"),
        pytest.param({"activated_at": 2, "pulled_at": 69}, True, id="and that long ago"),
    ],
)
def test_not_pulled_for_days(facts: dict[str, Any], is_archived: bool) -> None:
    """The last pull counts, else the push, or the restore if that came after the last pull."""
    rules = policy(rule(ANY, action=ARCHIVE, **since("Pulled", 30)))
    expected = [("A", TRANSITION, 1)] if is_archived else []
    assert acted_on(rules, [image("A", **facts)]) == expected


def test_a_restored_image_counts_as_new() -> None:
    """A restored image counts as pushed at its restore, for counts and for its age."""
    images = [image("A", "v", activated_at=50), image("B", "v", day=1), image("C", "v", day=2)]
    assert expired(policy(rule(prefixes("v"), 1)), images) == "BC"
    assert expired(policy(rule(ANY, **since("Pushed", 60))), images) == "BC"


def test_rules_see_one_storage_class() -> None:
    """A rule without a storage class selects and counts only active images."""
    images = [archived("A", "v"), image("B", "v"), image("C", "v", day=1)]
    assert expired(policy(rule(ANY, 2)), images) == ""
    assert expired(policy(rule(ANY, 1)), images) == "B"


def test_images_expire_from_the_archive() -> None:
    """Images expire ninety days after they were archived, by rules about the archive."""
    images = [
        archived("A", archived_at=9),
        archived("B", archived_at=11),
        archived("C", "keep", archived_at=9),
        image("D"),
    ]
    assert expired(policy(rule(UNTAGGED, **SINCE_TRANSITIONED)), images) == "A"


def test_archive_then_expire() -> None:
    """Rules of the two storage classes work side by side, with an `any` rule for each."""
    rules = policy(
        rule(ANY, action=ARCHIVE, **since("Pushed", 30)), rule(ANY, **SINCE_TRANSITIONED)
    )
    images = [archived("A", archived_at=1), image("B", day=1), image("C", day=99)]
    assert acted_on(rules, images) == [("A", EXPIRE, 2), ("B", TRANSITION, 1)]


OLD = policy(rule(prefixes("v"), **since("Pushed", 30)))
CHILDREN = [image("a"), image("b")]


def test_children_follow_their_index() -> None:
    """Children are selected by no rule, and expire after the index that lists them, by its rule."""
    index = image("I", "v1", children=("a", "b", "not here"))
    assert acted_on(OLD, [*CHILDREN, index]) == [
        ("I", EXPIRE, 1),
        ("a", EXPIRE, 1),
        ("b", EXPIRE, 1),
    ]


def test_children_of_an_index_that_stays_stay() -> None:
    """Rules about untagged images do not select the children of an index."""
    index = image("I", "v1", children=("a", "b"))
    rules = policy(rule(UNTAGGED, **since("Pushed", 30)))
    assert acted_on(rules, [*CHILDREN, index, image("c")]) == [("c", EXPIRE, 1)]


def test_children_are_not_counted() -> None:
    """Three images of two platforms are three images."""
    images = []
    for number in range(3):
        platforms = [image(f"{number}{name}", day=number) for name in "ab"]
        children = tuple(each.digest for each in platforms)
        images += [*platforms, image(f"{number}I", "v", day=number, children=children)]
    assert expired(policy(rule(ANY, 3)), images) == ""
    assert expired(policy(rule(ANY, 2)), images) == "0I0a0b"


def test_a_child_of_two_indexes() -> None:
    """A child of two indexes stays as long as one of them does."""
    index = image("I", "v1", children=("a", "b"))
    other = image("J", "w1", children=("b",))
    assert expired(OLD, [*CHILDREN, index, other]) == "Ia"
    both = policy(
        rule(prefixes("v"), **since("Pushed", 30)), rule(prefixes("w"), **since("Pushed", 30))
    )
    assert acted_on(both, [*CHILDREN, index, other])[-1] == ("b", EXPIRE, 1)
    assert expired(both, [*CHILDREN, index, other]) == "IJab"


def test_an_index_of_indexes() -> None:
    """An index of indexes expires from the top down, in whatever order they were pushed."""
    inner = image("I", day=1, children=("a", "b"))
    outer = image("O", "v1", day=2, children=("I",))
    assert expired(OLD, [*CHILDREN, inner, outer]) == "OIab"
    assert expired(OLD, [outer, inner, *CHILDREN]) == "OIab"


def test_a_child_with_tags_of_its_own() -> None:
    """A child with tags is selected by them, but not while an index lists it."""
    child = image("a", "amd64")
    index = image("I", "v1", children=("a",))
    rules = policy(rule(prefixes("amd"), **since("Pushed", 30)))
    assert expired(rules, [child, index]) == ""
    both = policy(*(rule(prefixes(each), **since("Pushed", 30)) for each in ("amd", "v")))
    assert acted_on(both, [child, index]) == [("I", EXPIRE, 2), ("a", EXPIRE, 1)]


def test_a_child_with_tags_outlives_its_index() -> None:
    """A tagged image stays when its index is deleted."""
    child = image("a", "amd64")
    assert expired(OLD, [child, image("I", "v1", children=("a",))]) == "I"


def test_children_are_archived_behind_their_index() -> None:
    """Children are archived after their index, unless they are already."""
    rules = policy(rule(prefixes("v"), action=ARCHIVE, **since("Pushed", 30)))
    images = [image("a"), archived("b"), image("I", "v1", children=("a", "b"))]
    assert acted_on(rules, images) == [("I", TRANSITION, 1), ("a", TRANSITION, 1)]


def test_a_child_of_an_archived_and_an_expired_index() -> None:
    """A child stays while one of its indexes is archived, as that may be restored."""
    images = [
        image("a"),
        image("I", "v1", children=("a",)),
        archived("J", "w1", children=("a",)),
    ]
    assert acted_on(OLD, images) == [("I", EXPIRE, 1), ("a", TRANSITION, 1)]


def test_a_child_with_tags_of_an_archived_index() -> None:
    """A child with tags of an archived index may be archived, but does not expire."""
    child, index = image("a", "v1"), archived("I", "w1", children=("a",))
    assert expired(OLD, [child, index]) == ""
    rules = policy(rule(prefixes("v"), action=ARCHIVE, **since("Pushed", 30)))
    assert acted_on(rules, [child, index]) == [("a", TRANSITION, 1)]


def test_children_expire_from_the_archive_behind_their_index() -> None:
    """Children expire from the archive after their index, whenever they were archived."""
    images = [
        archived("a", archived_at=50),
        archived("I", "v1", archived_at=1, children=("a",)),
    ]
    rules = policy(rule(prefixes("v"), **SINCE_TRANSITIONED))
    assert acted_on(rules, images) == [("I", EXPIRE, 1), ("a", EXPIRE, 1)]


def test_referrers_follow_their_subject() -> None:
    """Referrers expire with their subject, also those with tags, and those of referrers."""
    images = [
        image("A", "v1"),
        image("s", subject="A"),
        image("t", "signed", subject="A"),
        image("u", subject="s"),
    ]
    assert expired(OLD, images) == "Astu"


def test_referrers_are_not_selected() -> None:
    """Referrers are not selected by their tags, nor as untagged, and they are not counted."""
    images = [image("A", "w1"), image("s", subject="A"), image("t", "v1", subject="A")]
    rules = policy(
        rule(prefixes("v"), **since("Pushed", 30)),
        rule(UNTAGGED, **since("Pushed", 30)),
        rule(ANY, 1),
    )
    assert expired(rules, images) == ""


def test_referrers_of_children() -> None:
    """Referrers of a child expire with it, when it expires with its index."""
    images = [*CHILDREN, image("I", "v1", children=("a", "b")), image("s", subject="b")]
    assert expired(OLD, images) == "Iabs"


def test_referrers_are_archived_behind_their_subject() -> None:
    """Referrers of a subject that was archived before are archived by no rule."""
    images = [image("A", "v1"), image("s", subject="A")]
    rules = policy(rule(ANY, action=ARCHIVE, **since("Pushed", 30)))
    assert acted_on(rules, images) == [("A", TRANSITION, 1), ("s", TRANSITION, 1)]
    images = [archived("A", "v1"), image("s", subject="A"), archived("t", subject="A")]
    assert acted_on(rules, images) == [("s", TRANSITION, None)]


def test_referrers_of_what_is_gone() -> None:
    """Referrers of a deleted image expire within a day, by no rule.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
    """
    images = [image("s", day=99, subject="gone"), image("t", day=99, subject="s")]
    assert acted_on(OLD, images) == [("s", EXPIRE, None), ("t", EXPIRE, None)]


def test_a_referrer_that_an_index_lists() -> None:
    """A referrer stays as long as an index lists it, whether its subject does or not."""
    attestation = image("s", subject="a")
    index = image("I", "w1", children=("a", "s"))
    assert expired(OLD, [image("a"), attestation, index]) == ""
    assert expired(OLD, [attestation, index]) == ""
    index = image("I", "v1", children=("a", "s"))
    assert expired(OLD, [image("a"), attestation, index]) == "Ias"


@st.composite
def repositories(draw: st.DrawFn) -> list[ImageFacts]:
    """Images that list and refer only to earlier ones, as digests make sure."""
    images: list[ImageFacts] = []
    for number in range(draw(st.integers(0, 8))):
        earlier = st.sampled_from([*(each.digest for each in images), "gone"])
        is_archived = draw(st.booleans())
        images.append(
            ImageFacts(
                digest=str(number),
                pushed_at=BEGINNING + draw(st.integers(0, 100)) * DAY,
                tags=tuple(draw(st.lists(st.sampled_from(["v1", "v2", "w1"]), max_size=2))),
                storage_class=StorageClass.ARCHIVE if is_archived else StorageClass.STANDARD,
                archived_at=BEGINNING if is_archived else None,
                activated_at=draw(st.none() | st.just(BEGINNING + 60 * DAY)),
                children=tuple(draw(st.lists(earlier, max_size=3))),
                subject=draw(st.none() | earlier),
            )
        )
    return draw(st.permutations(images))


RULES = [
    rule(prefixes("v1"), **since("Pushed", 30)),
    rule(prefixes("w"), 1, action=ARCHIVE),
    rule(UNTAGGED, 2),
    rule(UNTAGGED, **SINCE_TRANSITIONED),
    rule(patterns("*2"), action=ARCHIVE, **since("Pulled", 20)),
    rule(patterns("v*"), **SINCE_TRANSITIONED),
]


@given(repositories(), st.lists(st.sampled_from(RULES), min_size=1, unique_by=str))
def test_any_decision_is_consistent(images: list[ImageFacts], rules: list[dict[str, Any]]) -> None:
    """Each image is acted on once; an index before its children; no image that another still needs."""
    decisions = evaluate(policy(*rules), images, NOW)
    by_digest = {each.image.digest: each for each in decisions}
    assert len(by_digest) == len(decisions)
    remaining = {each.digest: each for each in images}
    for decision in decisions:
        check_in_turn(decision, remaining)
        if decision.action is EXPIRE:
            del remaining[decision.image.digest]
        else:
            remaining[decision.image.digest] = replace(
                decision.image, storage_class=StorageClass.ARCHIVE
            )


def check_in_turn(decision: LifecycleDecision, remaining: dict[str, ImageFacts]) -> None:
    """Check a decision against the images that there are when its turn comes."""
    digest = decision.image.digest
    parents = [each for each in remaining.values() if digest in each.children]
    assert digest in remaining
    if decision.action is EXPIRE:
        assert not parents
    else:
        assert remaining[digest].storage_class is StorageClass.STANDARD
        assert {each.storage_class for each in parents} <= {StorageClass.ARCHIVE}
    if decision.image.subject is not None:
        subject = remaining.get(decision.image.subject)
        assert subject is None or subject.storage_class is StorageClass.ARCHIVE
    elif decision.rule is not None and not parents and decision.image.tags:
        assert decision.rule.selection.storage_class is decision.image.storage_class


def test_many_images_take_no_time() -> None:
    """A policy with all that costs something is evaluated over 10,000 images in a moment."""
    images = [
        ImageFacts(
            f"sha256:{number:064}", BEGINNING + number, (f"v{number}", "x", f"release-{number}-rc")
        )
        for number in range(10_000)
    ]
    rules = policy(
        *(rule(patterns(f"v*{last}", "*-*-*"), 10) for last in range(10)),
        rule(ANY, **since("Pushed", 30)),
    )
    begun = time.process_time()
    decisions = evaluate(rules, images, NOW)
    assert time.process_time() - begun < 2
    assert len(decisions) == 10_000 - 10 * 10


def test_a_long_chain_of_referrers() -> None:
    """A chain of referrers of any length causes no recursion."""
    chain = [ImageFacts("0", BEGINNING, ("v1",))]
    chain += [ImageFacts(str(each), BEGINNING, subject=str(each - 1)) for each in range(1, 5000)]
    assert [each.image for each in evaluate(OLD, chain, NOW)] == chain
