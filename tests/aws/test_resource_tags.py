"""TagResource, UntagResource, ListTagsForResource, and tags at CreateRepository."""

from __future__ import annotations

from typing import Any

import pytest

from support.refusals import Refusal, invalid, no_repository, refusal
from support.stored import everything_stored

ARN = "arn:aws:ecr:us-east-1:123456789012:repository/team/app"
INVALID_TAGS = Refusal("InvalidTagParameterException", "Tag parameters are invalid")
TOO_MANY_TAGS = Refusal(
    "TooManyTagsException",
    "The list of tags on the repository is over the limit. "
    "The maximum number of tags that can be applied to a repository is 50.",
)


def tags(**values: str) -> list[dict[str, str]]:
    """Resource tags as requests have them."""
    return [{"Key": key, "Value": value} for key, value in values.items()]


def numbered(count: int, first: int = 0) -> list[dict[str, str]]:
    """`count` tags of different keys."""
    return tags(**{f"key-{number}": "value" for number in range(first, first + count)})


def test_tags_are_merged(ecr: Any, repository_name: str) -> None:
    """An existing key gets the new value, other tags stay; the answer is empty."""
    ecr.tag_resource(resourceArn=ARN, tags=tags(owner="team", stage="dev"))
    answer = ecr.tag_resource(resourceArn=ARN, tags=tags(stage="prod", Stage="x", empty=""))
    assert set(answer) == {"ResponseMetadata"}
    assert ecr.list_tags_for_resource(resourceArn=ARN)["tags"] == tags(
        owner="team", stage="prod", Stage="x", empty=""
    )


def test_a_repository_without_tags_has_an_empty_list(ecr: Any, repository_name: str) -> None:
    """A repository without tags returns an empty list, since clients do not expect a missing one."""
    assert ecr.list_tags_for_resource(resourceArn=ARN)["tags"] == []
    ecr.tag_resource(resourceArn=ARN, tags=[])
    assert ecr.list_tags_for_resource(resourceArn=ARN)["tags"] == []


def test_keys_that_are_not_there_are_no_reason_to_fail(ecr: Any, repository_name: str) -> None:
    """UntagResource ignores missing keys, so that it can be repeated."""
    ecr.tag_resource(resourceArn=ARN, tags=tags(owner="team", stage="dev"))
    for _ in range(2):
        answer = ecr.untag_resource(resourceArn=ARN, tagKeys=["stage", "other"])
        assert set(answer) == {"ResponseMetadata"}
        assert ecr.list_tags_for_resource(resourceArn=ARN)["tags"] == tags(owner="team")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        pytest.param("", "value", id="empty key"),
        pytest.param("k" * 129, "value", id="long key"),
        pytest.param("key", "v" * 257, id="long value"),
        pytest.param("aws:owner", "team", id="key of AWS"),
        pytest.param("AWS:owner", "team", id="key of AWS in capitals"),
        pytest.param("a\0b", "value", id="NUL in key"),
        pytest.param("key", "a\0b", id="NUL in value"),
        pytest.param("key", "a\nb", id="newline in value"),
        pytest.param("key;", "value", id="sign that tags do not have"),
    ],
)
def test_tags_that_ecr_does_not_take(ecr: Any, repository_name: str, key: str, value: str) -> None:
    """TagResource and CreateRepository refuse an invalid tag, and store none of the others.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-using-tags.html
    """
    before = everything_stored()
    given = [*tags(owner="team"), {"Key": key, "Value": value}]
    assert refusal(ecr.tag_resource, resourceArn=ARN, tags=given) == INVALID_TAGS
    assert refusal(ecr.create_repository, repositoryName="other", tags=given) == INVALID_TAGS
    assert everything_stored() == before


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("k" * 128, "v" * 256),
        ("aws", "a"),
        ("Ключ 鍵 1", "värde + - = . _ : / @"),
    ],
)
def test_tags_that_ecr_takes(ecr: Any, repository_name: str, key: str, value: str) -> None:
    """Letters, numbers and spaces of any script, and a few signs, are accepted."""
    ecr.tag_resource(resourceArn=ARN, tags=[{"Key": key, "Value": value}])
    assert ecr.list_tags_for_resource(resourceArn=ARN)["tags"] == [{"Key": key, "Value": value}]


def test_a_repository_has_at_most_fifty_tags(ecr: Any, repository_name: str) -> None:
    """Existing tags count toward the fifty; a key that gets a new value counts once."""
    ecr.tag_resource(resourceArn=ARN, tags=numbered(49))
    before = everything_stored()
    assert refusal(ecr.tag_resource, resourceArn=ARN, tags=numbered(2, 49)) == TOO_MANY_TAGS
    assert everything_stored() == before
    ecr.tag_resource(resourceArn=ARN, tags=numbered(2, 48))
    assert len(ecr.list_tags_for_resource(resourceArn=ARN)["tags"]) == 50


def test_a_repository_is_created_with_at_most_fifty_tags(ecr: Any) -> None:
    """A repository with more tags is not created."""
    request = {"repositoryName": "team/app", "tags": numbered(51)}
    assert refusal(ecr.create_repository, **request) == TOO_MANY_TAGS
    assert ecr.describe_repositories()["repositories"] == []


@pytest.mark.parametrize(
    "arn",
    [
        pytest.param("team/app", id="a name"),
        pytest.param("", id="empty"),
        pytest.param(ARN.replace("us-east-1", "eu-west-1"), id="another region"),
        pytest.param(ARN.replace("aws", "aws-cn"), id="another partition"),
        pytest.param(ARN.replace("ecr", "ecr-public"), id="another service"),
        pytest.param(ARN.replace("123456789012", "12345"), id="no account"),
        pytest.param(ARN.replace("repository/", ""), id="no repository"),
        pytest.param(ARN + "\0", id="NUL"),
        pytest.param(ARN + "\n", id="newline"),
        pytest.param(ARN.replace("team", "*"), id="wildcard"),
    ],
)
def test_arns_of_no_repository_here(ecr: Any, repository_name: str, arn: str) -> None:
    """All three operations refuse an ARN that is not of a repository here, with one text."""
    expected = invalid("resourceArn", "Invalid ARN")
    assert refusal(ecr.list_tags_for_resource, resourceArn=arn) == expected
    assert refusal(ecr.tag_resource, resourceArn=arn, tags=tags(a="b")) == expected
    assert refusal(ecr.untag_resource, resourceArn=arn, tagKeys=["a"]) == expected
    assert ecr.list_tags_for_resource(resourceArn=ARN)["tags"] == []


def test_a_repository_that_is_not_there(ecr: Any) -> None:
    """The refusal names a missing repository as the ARN does."""
    expected = no_repository("team/app")
    assert refusal(ecr.list_tags_for_resource, resourceArn=ARN) == expected
    assert refusal(ecr.tag_resource, resourceArn=ARN, tags=tags(a="b")) == expected
    assert refusal(ecr.untag_resource, resourceArn=ARN, tagKeys=["a"]) == expected
