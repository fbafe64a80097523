"""PutLifecyclePolicy, GetLifecyclePolicy, DeleteLifecyclePolicy.

The grammar is tested rule by rule in `tests/unit/test_lifecycle_policy.py`.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.constants import ACCOUNT
from support.raw_http import RawClient
from support.refusals import Refusal, invalid, no_repository, refusal
from support.stored import everything_stored

NO_POLICY = Refusal(
    "LifecyclePolicyNotFoundException",
    "Lifecycle policy does not exist for the repository with name 'team/app' "
    "in the registry with id '123456789012'",
)
# Some of ECR's refusals are wrapped in a quote that is not closed.
OPEN_QUOTE = (
    "Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: "
    "'Lifecycle policy validation failure: "
)


def rule(priority: int = 1, **changes: Any) -> dict[str, Any]:
    """A rule that expires untagged images, with members of `selection` changed; None takes one out.

    `action` is the action itself.
    """
    action = changes.pop("action", {"type": "expire"})
    selection = {
        "tagStatus": "untagged",
        "countType": "sinceImagePushed",
        "countUnit": "days",
        "countNumber": 14,
        **changes,
    }
    return {
        "rulePriority": priority,
        "description": "description of the rule",
        "selection": {name: value for name, value in selection.items() if value is not None},
        "action": action,
    }


def text(*rules: dict[str, Any]) -> str:
    """A policy, indented as people write it."""
    return json.dumps({"rules": rules}, indent=4)


POLICY = text(rule())


def test_a_policy_is_kept_compact(ecr: Any, repository_name: str) -> None:
    """Whitespace between tokens is removed, rules are sorted by priority; the order of members stays."""
    policy = text(rule(2), rule(1, tagStatus="tagged", tagPrefixList=["a b", "ä"]))
    rules = json.loads(policy)["rules"]
    compact = json.dumps({"rules": rules[::-1]}, separators=(",", ":"), ensure_ascii=False)
    answer = ecr.put_lifecycle_policy(repositoryName=repository_name, lifecyclePolicyText=policy)
    del answer["ResponseMetadata"]
    expected = {
        "registryId": ACCOUNT,
        "repositoryName": repository_name,
        "lifecyclePolicyText": compact,
    }
    assert answer == expected
    for answer in (
        ecr.get_lifecycle_policy(repositoryName=repository_name),
        ecr.delete_lifecycle_policy(repositoryName=repository_name),
    ):
        del answer["ResponseMetadata"]
        # The policy has not run.
        assert answer.pop("lastEvaluatedAt").timestamp() == 0
        assert answer == expected
    assert refusal(ecr.get_lifecycle_policy, repositoryName=repository_name) == NO_POLICY
    assert refusal(ecr.delete_lifecycle_policy, repositoryName=repository_name) == NO_POLICY


def test_a_policy_is_replaced(ecr: Any, repository_name: str) -> None:
    """A second policy replaces the first."""
    for number in (1, 2):
        policy = text(rule(number))
        ecr.put_lifecycle_policy(repositoryName=repository_name, lifecyclePolicyText=policy)
    stored = ecr.get_lifecycle_policy(repositoryName=repository_name)["lifecyclePolicyText"]
    assert json.loads(stored)["rules"] == [rule(2)]


def test_a_repository_that_is_not_there(ecr: Any) -> None:
    """A missing repository is reported before a missing policy."""
    for operation, request in (
        ("put_lifecycle_policy", {"lifecyclePolicyText": POLICY}),
        ("get_lifecycle_policy", {}),
        ("delete_lifecycle_policy", {}),
    ):
        call = getattr(ecr, operation)
        assert refusal(call, repositoryName="team/app", **request) == no_repository("team/app")


@pytest.mark.parametrize(
    "policy",
    [
        pytest.param(text(rule(tagStatus="any")), id="any"),
        pytest.param(
            text(rule(tagStatus="tagged", tagPrefixList=["prod", "beta"])), id="tagged by prefix"
        ),
        pytest.param(
            text(rule(tagStatus="tagged", tagPatternList=["*.*.*-*"])), id="tagged by pattern"
        ),
        pytest.param(text(rule(countType="imageCountMoreThan", countUnit=None)), id="by count"),
        pytest.param(
            text(
                rule(
                    countType="sinceImagePulled",
                    action={"type": "transition", "targetStorageClass": "archive"},
                )
            ),
            id="transition",
        ),
        pytest.param(
            text(rule(storageClass="archive", countType="sinceImageTransitioned", countNumber=90)),
            id="expiry out of the archive",
        ),
        pytest.param(
            text(
                rule(1),
                rule(2, tagStatus="any"),
                rule(3, storageClass="archive", countType="sinceImageTransitioned", countNumber=90),
            ),
            id="any is last of its storage class",
        ),
        pytest.param(
            text(*(rule(n, tagStatus="tagged", tagPrefixList=[f"p{n}"]) for n in range(1, 51))),
            id="fifty rules",
        ),
    ],
)
def test_policies_that_ecr_takes(ecr: Any, repository_name: str, policy: str) -> None:
    """Documented policies are accepted:
    https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html
    """
    ecr.put_lifecycle_policy(repositoryName=repository_name, lifecyclePolicyText=policy)
    stored = ecr.get_lifecycle_policy(repositoryName=repository_name)["lifecyclePolicyText"]
    assert json.loads(stored) == json.loads(policy)


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        pytest.param("x" * 100, "Could not map policyString into LifecyclePolicy.'", id="no JSON"),
        pytest.param(
            json.dumps({"other": "x" * 100}),
            'object has missing required properties (["rules"])\'',
            id="no rules",
        ),
        pytest.param(
            text({**rule(), "comment": "x"}),
            'object instance has properties which are not allowed by the schema: (["comment"])\'',
            id="unknown member",
        ),
        pytest.param(
            text({**rule(), "selection": "untagged"}, rule(2)),
            "instance type (string) does not match any allowed primitive type "
            '(allowed: ["object"])\'',
            id="wrong type",
        ),
        pytest.param(
            text(rule(action={"type": "keep"})),
            'instance value (keep) not found in enum :(possible values: ["expire"])\'',
            id="unknown action",
        ),
        pytest.param(
            text(rule(countNumber=0)),
            "numeric instance is lower than the required minimum (minimum: 1, found: 0)",
            id="count of none",
        ),
        pytest.param(
            text(rule(0)),
            "numeric instance is lower than the required minimum (minimum: 1, found: 0)",
            id="priority of none",
        ),
        pytest.param(
            text(rule(countUnit=None)),
            "instance failed to match exactly one schema (matched 0 out of 4)\n'",
            id="days without a unit",
        ),
        pytest.param(
            text(rule(countType="sinceImagePulled")),
            "instance failed to match exactly one schema (matched 0 out of 2)\n'",
            id="expiry after the last pull",
        ),
        pytest.param(
            text(rule(1), rule(2)),
            "Only one rule can select Untagged images per storage class.'",
            id="two rules for untagged images",
        ),
        pytest.param(
            text(rule(1, tagStatus="any"), rule(2)),
            "Rule for tagStatus=ANY must have the lowest priority per storage class'",
            id="any is not last",
        ),
        pytest.param(
            text(rule(tagStatus="tagged")),
            "Must specify tagPrefixList or tagPatternList when tagStatus=TAGGED.'",
            id="tagged without a list",
        ),
        pytest.param(
            text(rule(1), rule(1, tagStatus="any")),
            "Duplicate priority in multiple rules'",
            id="one priority twice",
        ),
        pytest.param(
            text(rule(tagStatus="tagged", tagPatternList=["*-*-*-*-*"])),
            "Invalid tag pattern provided. Total number of * must not exceed 4'",
            id="five wildcards",
        ),
        pytest.param(
            text(*(rule(n, tagStatus="tagged", tagPrefixList=[f"p{n}"]) for n in range(1, 52))),
            "array is too long: must have at most 50 elements but instance has 51 elements'",
            id="fifty-one rules",
        ),
    ],
)
def test_policies_that_ecr_does_not_take(
    ecr: Any, repository_name: str, policy: str, reason: str
) -> None:
    """An invalid policy is refused with the validator's text, and the stored policy stays."""
    ecr.put_lifecycle_policy(repositoryName=repository_name, lifecyclePolicyText=POLICY)
    before = everything_stored()
    assert refusal(
        ecr.put_lifecycle_policy, repositoryName=repository_name, lifecyclePolicyText=policy
    ) == Refusal("InvalidParameterException", OPEN_QUOTE + reason)
    assert everything_stored() == before


@pytest.mark.parametrize(
    ("length", "bound"),
    [(99, "greater than or equal to 100"), (30721, "less than or equal to 30720")],
)
def test_the_length_of_the_text(
    raw: RawClient, repository_name: str, length: int, bound: str
) -> None:
    """The model's limits of length apply, whatever the text says."""
    request = {"repositoryName": repository_name, "lifecyclePolicyText": "{}".ljust(length)}
    assert raw.send("PutLifecyclePolicy", request).refusal == invalid(
        "lifecyclePolicyText", f"Member must have length {bound}"
    )
