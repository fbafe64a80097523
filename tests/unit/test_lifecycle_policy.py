"""Lifecycle policy texts: what they mean, and with which words ECR refuses them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moto_ecr_ext.exceptions import InvalidParameterException
from moto_ecr_ext.policies.lifecycle import (
    ActionType,
    CountType,
    LifecyclePolicy,
    LifecycleRule,
    LifecycleSelection,
    StorageClass,
    TagStatus,
    compact,
    parse_lifecycle_policy,
)

REFUSAL = (
    "Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: "
    "'Lifecycle policy validation failure: "
)
UNREADABLE = "Could not map policyString into LifecyclePolicy.'"
# The selection has four schemas, the action two.
NO_MATCH = "instance failed to match exactly one schema (matched 0 out of 4)\n'"
NO_ACTION = "instance failed to match exactly one schema (matched 0 out of 2)\n'"

REMOVED = object()


def rule(priority: Any = 1, **changes: Any) -> dict[str, Any]:
    """A rule that ECR takes, about any image, with members of its selection changed or removed."""
    selection = {
        "tagStatus": "any",
        "countType": "imageCountMoreThan",
        "countNumber": 30,
        **changes,
    }
    return {
        "rulePriority": priority,
        "selection": {k: v for k, v in selection.items() if v is not REMOVED},
        "action": {"type": "expire"},
    }


def tagged(priority: Any = 1, **changes: Any) -> dict[str, Any]:
    return rule(priority, tagStatus="tagged", **changes)


def untagged(priority: Any = 1, **changes: Any) -> dict[str, Any]:
    return rule(priority, tagStatus="untagged", **changes)


def days(count_type: str = "sinceImagePushed", number: Any = 30) -> dict[str, Any]:
    return {"countType": count_type, "countUnit": "days", "countNumber": number}


def archived(priority: Any = 1, **changes: Any) -> dict[str, Any]:
    """A rule that expires images that were archived."""
    selection = {**days("sinceImageTransitioned", 90), "storageClass": "archive", **changes}
    return rule(priority, **selection)


def transition(changed: dict[str, Any], **action: Any) -> dict[str, Any]:
    """`changed`, with archiving in place of expiry."""
    members = {"type": "transition", "targetStorageClass": "archive", **action}
    changed["action"] = {k: v for k, v in members.items() if v is not REMOVED}
    return changed


def without(changed: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in changed.items() if name not in names}


def text_of(*rules: Any) -> str:
    return json.dumps({"rules": list(rules)})


def refusal_of(text: str) -> str:
    """The part of a refusal's text after the common beginning."""
    with pytest.raises(InvalidParameterException) as refused:
        parse_lifecycle_policy(text)
    assert refused.value.code == "InvalidParameterException"
    message = str(refused.value.message)
    assert message.startswith(REFUSAL)
    return message.removeprefix(REFUSAL)


def wrong_type(given_type: str, allowed: str) -> str:
    return (
        f"instance type ({given_type}) does not match any allowed primitive type "
        f'(allowed: ["{allowed}"])\''
    )


def missing(*names: str) -> str:
    return f"object has missing required properties ({json.dumps(names)})'"


def unknown(*names: str) -> str:
    return (
        "object instance has properties which are not allowed by the schema: "
        f"({json.dumps(names)})'"
    )


def not_one_of(value: str, *possible: str) -> str:
    return f"instance value ({value}) not found in enum :(possible values: {json.dumps(possible)})'"


def too_low(minimum: int, found: int) -> str:
    return (
        f"numeric instance is lower than the required minimum (minimum: {minimum}, found: {found})"
    )


REFUSED = {
    "rules_absent": ({"no_rules": "test"}, missing("rules")),
    "rules_not_a_list": ({"rules": rule()}, missing("rules")),
    "rules_null": ({"rules": None}, missing("rules")),
    "rules_none": (
        {"rules": []},
        "array is too short: must have at least 1 elements but instance has 0 elements'",
    ),
    "rules_51": (
        {"rules": [tagged(n, tagPrefixList=[f"v{n}-"]) for n in range(1, 52)]},
        "array is too long: must have at most 50 elements but instance has 51 elements'",
    ),
    "policy_unknown_member": ({"rules": [rule()], "x": 1}, unknown("x")),
    "rule_text": ({"rules": ["a rule"]}, wrong_type("string", "object")),
    "rule_null": ({"rules": [rule(), None]}, wrong_type("null", "object")),
    "rule_without_priority": (
        {"rules": [without(rule(), "rulePriority")]},
        missing("rulePriority"),
    ),
    "rule_without_selection": ({"rules": [without(rule(), "selection")]}, missing("selection")),
    "rule_without_action": ({"rules": [without(rule(), "action")]}, missing("action")),
    "rule_empty": ({"rules": [{}]}, missing("action", "rulePriority", "selection")),
    "rule_unknown_members": ({"rules": [{**rule(), "z": 1, "a": 2}]}, unknown("a", "z")),
    "priority_zero": ({"rules": [rule(0)]}, too_low(1, 0)),
    "priority_boolean": ({"rules": [rule(True)]}, wrong_type("boolean", "integer")),
    "priority_fraction": ({"rules": [rule(1.5)]}, wrong_type("number", "integer")),
    "priority_float": ({"rules": [rule(1.0)]}, wrong_type("number", "integer")),
    "priority_text": ({"rules": [rule("1")]}, wrong_type("string", "integer")),
    "priority_too_large": ({"rules": [rule(2**31)]}, UNREADABLE),
    "description_null": (
        {"rules": [{**rule(), "description": None}]},
        wrong_type("null", "string"),
    ),
    "description_number": (
        {"rules": [{**rule(), "description": 1}]},
        wrong_type("integer", "string"),
    ),
    "action_text": ({"rules": [{**rule(), "action": "expire"}]}, wrong_type("string", "object")),
    "action_without_type": ({"rules": [{**rule(), "action": {}}]}, missing("type")),
    "action_unknown_member": (
        {"rules": [{**rule(), "action": {"type": "expire", "unknown": 123}}]},
        unknown("unknown"),
    ),
    "action_unknown_type": (
        {"rules": [{**rule(), "action": {"type": "keep"}}]},
        not_one_of("keep", "expire"),
    ),
    "action_type_list": (
        {"rules": [{**rule(), "action": {"type": ["expire"]}}]},
        wrong_type("array", "string"),
    ),
    "expire_with_target": (
        {"rules": [transition(rule(), type="expire")]},
        NO_ACTION,
    ),
    "expire_with_null_target": (
        {"rules": [transition(rule(), type="expire", targetStorageClass=None)]},
        NO_ACTION,
    ),
    "transition_with_null_target": (
        {"rules": [transition(rule(), targetStorageClass=None)]},
        NO_ACTION,
    ),
    "transition_to_standard": (
        {"rules": [transition(rule(), targetStorageClass="standard")]},
        not_one_of("standard", "archive"),
    ),
    "selection_list": ({"rules": [{**rule(), "selection": []}]}, wrong_type("array", "object")),
    "tag_status_absent": ({"rules": [rule(tagStatus=REMOVED)]}, missing("tagStatus")),
    "tag_status_unknown": (
        {"rules": [rule(tagStatus="unknown")]},
        not_one_of("unknown", "any", "tagged", "untagged"),
    ),
    "tag_status_in_capitals": (
        {"rules": [rule(tagStatus="ANY")]},
        not_one_of("ANY", "any", "tagged", "untagged"),
    ),
    "tag_status_null": ({"rules": [rule(tagStatus=None)]}, wrong_type("null", "string")),
    "selection_unknown_member": ({"rules": [rule(unknown=123)]}, unknown("unknown")),
    "count_type_absent": ({"rules": [rule(countType=REMOVED)]}, missing("countType")),
    "count_type_unknown": ({"rules": [rule(countType="unknown")]}, NO_MATCH),
    "count_type_number": ({"rules": [rule(countType=1)]}, wrong_type("integer", "string")),
    "count_number_absent": ({"rules": [rule(countNumber=REMOVED)]}, missing("countNumber")),
    "count_number_zero": ({"rules": [rule(countNumber=0)]}, too_low(1, 0)),
    "count_number_negative": ({"rules": [rule(countNumber=-1)]}, too_low(1, -1)),
    "count_number_boolean": (
        {"rules": [rule(countNumber=True)]},
        wrong_type("boolean", "integer"),
    ),
    "count_number_text": ({"rules": [rule(countNumber="30")]}, wrong_type("string", "integer")),
    "count_number_too_large": ({"rules": [rule(countNumber=2**31)]}, UNREADABLE),
    "count_unit_unknown": (
        {"rules": [rule(**{**days(), "countUnit": "unknown"})]},
        not_one_of("unknown", "days"),
    ),
    "count_unit_absent": ({"rules": [rule(**{**days(), "countUnit": REMOVED})]}, NO_MATCH),
    "count_unit_null": ({"rules": [rule(countUnit=None)]}, NO_MATCH),
    "count_unit_null_for_days": ({"rules": [rule(**{**days(), "countUnit": None})]}, NO_MATCH),
    "count_unit_null_untagged": ({"rules": [untagged(countUnit=None)]}, NO_MATCH),
    "count_unit_of_images": ({"rules": [rule(countUnit="days")]}, NO_MATCH),
    "count_unit_of_untagged_images": ({"rules": [untagged(countUnit="days")]}, NO_MATCH),
    "count_unit_number": ({"rules": [rule(countUnit=1)]}, wrong_type("integer", "string")),
    "storage_class_unknown": (
        {"rules": [rule(storageClass="glacier")]},
        not_one_of("glacier", "archive", "standard"),
    ),
    "storage_class_null": ({"rules": [rule(storageClass=None)]}, wrong_type("null", "string")),
    "archive_counted": ({"rules": [rule(storageClass="archive")]}, NO_MATCH),
    "archive_since_pushed": ({"rules": [rule(**days(), storageClass="archive")]}, NO_MATCH),
    "archive_since_pulled": (
        {"rules": [transition(rule(**days("sinceImagePulled"), storageClass="archive"))]},
        NO_MATCH,
    ),
    "transitioned_in_standard": ({"rules": [archived(storageClass="standard")]}, NO_MATCH),
    "transitioned_in_no_class": ({"rules": [archived(storageClass=REMOVED)]}, NO_MATCH),
    "transitioned_89_days": ({"rules": [archived(countNumber=89)]}, too_low(90, 89)),
    "transitioned_again": ({"rules": [transition(archived())]}, NO_ACTION),
    "pulled_and_expired": ({"rules": [rule(**days("sinceImagePulled"))]}, NO_ACTION),
    "prefixes_null": ({"rules": [tagged(tagPrefixList=None)]}, wrong_type("null", "array")),
    "prefixes_text": ({"rules": [tagged(tagPrefixList="v")]}, wrong_type("string", "array")),
    "prefix_number": ({"rules": [tagged(tagPrefixList=["v", 1])]}, wrong_type("integer", "string")),
    "patterns_object": ({"rules": [tagged(tagPatternList={})]}, wrong_type("object", "array")),
    "patterns_null_untagged": (
        {"rules": [untagged(tagPatternList=None)]},
        wrong_type("null", "array"),
    ),
    "tagged_with_no_list": (
        {"rules": [tagged()]},
        "Must specify tagPrefixList or tagPatternList when tagStatus=TAGGED.'",
    ),
    "tagged_with_empty_list": (
        {"rules": [tagged(tagPrefixList=[])]},
        "Must specify tagPrefixList or tagPatternList when tagStatus=TAGGED.'",
    ),
    "tagged_with_both_lists": (
        {"rules": [tagged(tagPrefixList=["3.9"], tagPatternList=["tagx"])]},
        "If policy has a tagged rule, it must specify only one of tagPrefixList or tagPatternList'",
    ),
    "any_with_prefixes": (
        {"rules": [rule(tagPrefixList=["v"])]},
        "Cannot specify tagPrefixList with tagStatus any'",
    ),
    "any_with_patterns": (
        {"rules": [rule(tagPatternList=[])]},
        "Cannot specify tagPatternList with tagStatus any'",
    ),
    "untagged_with_prefixes": (
        {"rules": [untagged(tagPrefixList=["v"])]},
        "Cannot specify tagPrefixList with tagStatus untagged'",
    ),
    "untagged_with_patterns": (
        {"rules": [untagged(tagPatternList=["v*"])]},
        "Cannot specify tagPatternList with tagStatus untagged'",
    ),
    "pattern_with_5_wildcards": (
        {"rules": [tagged(tagPatternList=["v*", "*a*b*c*d*"])]},
        "Invalid tag pattern provided. Total number of * must not exceed 4'",
    ),
    "priority_twice": (
        {"rules": [untagged(7), rule(7)]},
        "Duplicate priority in multiple rules'",
    ),
    "untagged_twice": (
        {"rules": [untagged(1), untagged(2, **days())]},
        "Only one rule can select Untagged images per storage class.'",
    ),
    "untagged_twice_in_archive": (
        {"rules": [archived(1, tagStatus="untagged"), archived(2, tagStatus="untagged")]},
        "Only one rule can select Untagged images per storage class.'",
    ),
    "any_before_untagged": (
        {"rules": [rule(1), untagged(2)]},
        "Rule for tagStatus=ANY must have the lowest priority per storage class'",
    ),
    "any_before_tagged_listed_last": (
        {"rules": [tagged(20, tagPatternList=["v*"]), rule(10)]},
        "Rule for tagStatus=ANY must have the lowest priority per storage class'",
    ),
    "any_twice": (
        {"rules": [rule(1), rule(2, **days())]},
        "Rule for tagStatus=ANY must have the lowest priority per storage class'",
    ),
    "any_before_untagged_in_archive": (
        {"rules": [archived(1), archived(2, tagStatus="untagged")]},
        "Rule for tagStatus=ANY must have the lowest priority per storage class'",
    ),
    "prefix_in_two_rules": (
        {"rules": [tagged(1, tagPrefixList=["v", "w"]), tagged(2, tagPrefixList=["x", "w"])]},
        "Duplicate tag prefix w in multiple rules'",
    ),
}


@pytest.mark.parametrize(("policy", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_a_policy_outside_the_grammar_is_refused_in_the_words_of_ecr(
    policy: Any, words: str
) -> None:
    """Every refusal begins alike and ends with the reason."""
    assert refusal_of(json.dumps(policy)) == words


def test_a_transition_without_a_target_is_no_policy() -> None:
    """As recorded, ECR cannot parse it."""
    policy = text_of(transition(rule(), targetStorageClass=REMOVED))
    with pytest.raises(InvalidParameterException) as refused:
        parse_lifecycle_policy(policy)
    assert refused.value.message == (
        "Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: "
        "'Lifecycle policy parsing failure: Could not map policyString into LifecyclePolicy.'"
    )


SEVERAL = {
    "of_one_object": (
        [{**without(rule(), "action"), "z": 1}],
        missing("action")[:-1],
        unknown("z")[:-1],
    ),
    "of_members": (
        [rule("1", countNumber=0)],
        wrong_type("string", "integer")[:-1],
        too_low(1, 0),
    ),
    "of_rules": (
        [rule(1, tagStatus="none"), transition(rule(2, countUnit="days"), type="keep")],
        not_one_of("none", "any", "tagged", "untagged")[:-1],
        not_one_of("keep", "expire")[:-1],
        NO_MATCH[:-2],
    ),
    "contradictions": (
        [tagged(1), untagged(1, tagPrefixList=["v"]), rule(3), untagged(4)],
        "Must specify tagPrefixList or tagPatternList when tagStatus=TAGGED.",
        "Cannot specify tagPrefixList with tagStatus untagged",
        "Duplicate priority in multiple rules",
        "Only one rule can select Untagged images per storage class.",
        "Rule for tagStatus=ANY must have the lowest priority per storage class",
    ),
}


@pytest.mark.parametrize("case", SEVERAL.values(), ids=SEVERAL.keys())
def test_each_violation_has_a_line(case: Any) -> None:
    """The text has all violations of the schema, or else all contradictions."""
    rules, *lines = case
    assert refusal_of(text_of(*rules)) == "".join(f"{line}\n" for line in lines) + "'"


UNREADABLE_TEXTS = {
    "empty": "",
    "not_json": "some invalid input",
    "text": json.dumps("some invalid input"),
    "list": json.dumps([rule()]),
    "null": "null",
    "number": "1",
    "byte_order_mark": "\ufeff" + text_of(rule()),
    "cut_off": text_of(rule())[:-1],
    "trailing": text_of(rule()) + "x",
    "deep_list": "[" * 200_000,
    "deep_object": '{"rules":' * 200_000,
    "deep_and_closed": '{"rules":' + "[" * 100_000 + "]" * 100_000 + "}",
    "long_number": text_of(rule()).replace("30", "9" * 20_000),
    "nan": text_of(rule()).replace("30", "NaN"),
    "infinity": text_of(rule()).replace("30", "-Infinity"),
    "rules_twice": text_of(rule())[:-1] + ', "rules": []}',
    "member_twice": text_of(rule()).replace(
        '"countNumber": 30', '"countNumber": 1, "countNumber": 30'
    ),
    "surrogate": text_of({**rule(), "description": "\ud83d"}),
    "raw_surrogate": text_of({**rule(), "description": "x"}).replace("x", "\ude00"),
    "surrogate_in_name": text_of({**rule(), "\udfff": 1}),
}


@pytest.mark.parametrize("text", UNREADABLE_TEXTS.values(), ids=UNREADABLE_TEXTS.keys())
def test_what_is_not_a_json_object_is_refused(text: str) -> None:
    """Text that is not JSON gets ECR's refusal."""
    assert refusal_of(text) == UNREADABLE


def test_a_number_beyond_floats_is_of_the_wrong_type() -> None:
    """1e400 is a number, though Python reads infinity."""
    assert refusal_of(text_of(rule()).replace("30", "1e400")) == wrong_type("number", "integer")


def test_a_policy_of_every_kind_of_rule_is_read_in_the_order_of_priorities() -> None:
    """All members arrive, and the rule that applies first comes first."""
    text = text_of(
        rule(90),
        {**untagged(10, **days()), "description": "untagged ones"},
        transition(tagged(30, **days("sinceImagePulled", 7), tagPatternList=["*-a*b*c", "*"])),
        tagged(20, tagPrefixList=["prod", "beta"], countNumber=2**31 - 1),
        archived(95, tagStatus="untagged"),
        archived(2**31 - 1, countNumber=365),
    )
    expire = ActionType.EXPIRE
    standard, archive = StorageClass.STANDARD, StorageClass.ARCHIVE
    transitioned = CountType.SINCE_IMAGE_TRANSITIONED
    more_than = CountType.IMAGE_COUNT_MORE_THAN
    assert parse_lifecycle_policy(text) == LifecyclePolicy(
        (
            LifecycleRule(
                10,
                "untagged ones",
                LifecycleSelection(
                    TagStatus.UNTAGGED, (), (), standard, CountType.SINCE_IMAGE_PUSHED, 30
                ),
                expire,
            ),
            LifecycleRule(
                20,
                None,
                LifecycleSelection(
                    TagStatus.TAGGED, ("prod", "beta"), (), standard, more_than, 2**31 - 1
                ),
                expire,
            ),
            LifecycleRule(
                30,
                None,
                LifecycleSelection(
                    TagStatus.TAGGED,
                    (),
                    ("*-a*b*c", "*"),
                    standard,
                    CountType.SINCE_IMAGE_PULLED,
                    7,
                ),
                ActionType.TRANSITION,
            ),
            LifecycleRule(
                90,
                None,
                LifecycleSelection(TagStatus.ANY, (), (), standard, more_than, 30),
                expire,
            ),
            LifecycleRule(
                95,
                None,
                LifecycleSelection(TagStatus.UNTAGGED, (), (), archive, transitioned, 90),
                expire,
            ),
            LifecycleRule(
                2**31 - 1,
                None,
                LifecycleSelection(TagStatus.ANY, (), (), archive, transitioned, 365),
                expire,
            ),
        )
    )


ACCEPTED = {
    "rules_50": [tagged(n, tagPrefixList=[f"v{n}-"]) for n in range(1, 51)],
    "standard_named": [rule(storageClass="standard")],
    "transition_by_count": [transition(rule())],
    "transition_since_pushed": [transition(rule(**days()))],
    "one_untagged_a_class": [untagged(1), archived(2, tagStatus="untagged")],
    "one_any_a_class": [rule(1), archived(2)],
    "any_of_archive_before_others": [archived(1), untagged(2), rule(3)],
    "prefix_in_both_classes": [
        tagged(1, tagPrefixList=["v"]),
        archived(2, tagStatus="tagged", tagPrefixList=["v"]),
    ],
    "prefix_of_a_prefix": [tagged(1, tagPrefixList=["v"]), tagged(2, tagPrefixList=["v1"])],
    "pattern_in_two_rules": [tagged(1, tagPatternList=["v*"]), tagged(2, tagPatternList=["v*"])],
}


@pytest.mark.parametrize("rules", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_rules_at_the_edge_of_the_grammar_are_accepted(rules: list[Any]) -> None:
    """Values within a limit are accepted."""
    assert len(parse_lifecycle_policy(text_of(*rules)).rules) == len(rules)


COMPACTED = {
    "indented": ('{\n  "rules" : [\r\n\t{ "b": 1, "a": 2 } ]\n}\n', '{"rules":[{"b":1,"a":2}]}'),
    "space_in_strings": ('{ "a b" : " c\\" : d " }', '{"a b":" c\\" : d "}'),
    "escapes_and_numbers_as_given": (
        '{ "\\u00e9 \\\\" : [ 1.0, 1e2, "é" ] }',
        '{"\\u00e9 \\\\":[1.0,1e2,"é"]}',
    ),
    "compact_already": ('{"rules":[]}', '{"rules":[]}'),
}


@pytest.mark.parametrize(("text", "kept"), COMPACTED.values(), ids=COMPACTED.keys())
def test_compact_takes_away_space_between_tokens_and_nothing_else(text: str, kept: str) -> None:
    """Compacting removes space between tokens only; the order of members, the escapes and the numbers stay."""
    assert compact(text) == kept
    assert json.loads(kept) == json.loads(text)


_TEXT = st.text(st.characters(exclude_categories=()))
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _TEXT,
    lambda values: st.lists(values) | st.dictionaries(_TEXT, values),
    max_leaves=8,
)


@given(value=_JSON)
def test_compact_keeps_the_value(value: Any) -> None:
    """A compacted text means what it meant, for every JSON."""
    assert compact(json.dumps(value, indent=3)) == json.dumps(value, separators=(",", ":"))


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in `value` where a value is: what holds it, and its key or index there."""
    keys = (
        range(len(value)) if isinstance(value, list) else value if isinstance(value, dict) else ()
    )
    for key in keys:
        yield value, key
        yield from places(value[key])


@given(data=st.data(), value=_JSON)
def test_any_value_in_any_place_is_accepted_or_refused(data: st.DataObject, value: Any) -> None:
    """No JSON makes the validation fail in another way than ECR's."""
    policy = {
        "rules": [
            tagged(1, tagPrefixList=["v"]),
            transition(rule(2, **days("sinceImagePulled"))),
            archived(3, tagStatus="tagged", tagPatternList=["*"]),
        ]
    }
    holder, key = data.draw(st.sampled_from(list(places(policy))))
    holder[key] = value
    message = REFUSAL
    try:
        parse_lifecycle_policy(json.dumps(policy))
    except InvalidParameterException as refused:
        message = str(refused.message)
    assert message.startswith(REFUSAL)


@given(text=_TEXT)
def test_any_text_is_refused(text: str) -> None:
    """A text made at random is no policy."""
    assert refusal_of(text)
