"""Wildcard filters of tag mutability and of registry scanning."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moto_ecr_ext.exceptions import InvalidParameterException
from moto_ecr_ext.policies.wildcards import (
    check_exclusion_filters,
    matches_scanning_filter,
    matches_tag_filter,
)
from support.hanging import not_hanging

FIELD = "Invalid parameter at 'imageTagMutabilityExclusionFilters' failed to satisfy constraint: "


@pytest.mark.parametrize(
    ("tag_filter", "tag", "matches"),
    [
        ("latest", "latest", True),
        ("latest", "latest2", False),
        ("latest", "my-latest", False),
        ("latest", "Latest", False),
        ("release-*", "release-", True),
        ("release-*", "release-1", True),
        ("release-*", "release", False),
        ("release-*", "my-release-1", False),
        ("*-dev", "feature-dev", True),
        ("*-dev", "-dev", True),
        ("*-dev", "feature-dev2", False),
        ("*-dev", "feature-DEV", False),
        ("v*-rc*", "v1.0-rc2", True),
        ("v*-rc*", "v1.0", False),
        ("a*a", "a", False),
        ("a*a", "aa", True),
        ("*", "", True),
        ("*", "anything", True),
        ("**", "anything", True),
        ("", "", True),
        ("", "a", False),
        ("tagME.*", "tagME.1", True),
        ("tagME.*", "tagME1", False),
        ("1.0", "1x0", False),
        ("v?", "v1", False),
        ("v?", "v?", True),
        ("v[12]", "v1", False),
        ("v[12]*", "v[12].0", True),
        ("v[!1]", "v2", False),
        ("(a|b)+$", "a", False),
        ("(a|b)+$", "(a|b)+$", True),
        ("a\\*", "a*", False),
        ("a\\*", "a\\b", True),
        ("a*", "a\nb", True),
        ("a", "a\n", False),
    ],
)
def test_a_tag_filter_means_whole_tags(tag_filter: str, tag: str, matches: bool) -> None:
    """Only `*` is a wildcard; case counts, and characters of regular expressions match themselves."""
    assert matches_tag_filter(tag_filter, tag) is matches


@pytest.mark.parametrize(
    ("scanning_filter", "repository_name", "matches"),
    [
        # https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-filters.html
        ("prod", "prod", True),
        ("prod", "prod1", True),
        ("prod", "repo-prod", True),
        ("prod", "myprodrepo", True),
        ("prod", "pro-d", False),
        ("*prod", "repo-prod", True),
        ("*prod", "prod", True),
        ("*prod", "prod1", False),
        ("prod*", "prod1", True),
        ("prod*", "repo-prod", False),
        ("*prod*", "myprodrepo", True),
        ("*prod*", "pro-d", False),
        ("prod*repo", "prod-eu-repo", True),
        ("prod*repo", "prodrepo", True),
        ("prod*repo", "prod-eu-repo2", False),
        ("team/*", "team/app/web", True),
        ("team/", "my-team/app", True),
        ("a.b", "a-b", False),
        ("*", "anything", True),
    ],
)
def test_a_scanning_filter_without_a_wildcard_means_names_that_contain_it(
    scanning_filter: str, repository_name: str, matches: bool
) -> None:
    """A filter with a wildcard is a pattern for the whole name, one without matches names that contain it."""
    assert matches_scanning_filter(scanning_filter, repository_name) is matches


@given(parts=st.lists(st.text(st.characters(exclude_characters="*")), min_size=1), fill=st.text())
def test_a_filter_matches_what_it_was_made_of(parts: list[str], fill: str) -> None:
    """Text between wildcards matches only itself."""
    assert matches_tag_filter("*".join(parts), fill.join(parts))


@given(literal=st.text(st.characters(exclude_characters="*")), tag=st.text())
def test_a_filter_without_a_wildcard_is_an_exact_name(literal: str, tag: str) -> None:
    """A filter without `*` matches only the tag that it names."""
    assert matches_tag_filter(literal, tag) is (literal == tag)


def test_many_wildcards_take_no_time() -> None:
    """A filter that a backtracking expression would try for ages answers at once."""
    with not_hanging():
        assert not matches_tag_filter("*a" * 64 + "b", "a" * 2_000)
        assert not matches_tag_filter("a*" * 64 + "b", "a" * 2_000 + "bc")


@pytest.mark.parametrize(
    ("mutability", "filters"),
    [
        ("MUTABLE", None),
        ("IMMUTABLE", None),
        ("MUTABLE", []),
        ("MUTABLE_WITH_EXCLUSION", ["latest"]),
        ("IMMUTABLE_WITH_EXCLUSION", ["*-a-*", "**", "dev-*"]),
    ],
)
def test_filters_that_go_with_the_mutability_are_accepted(
    mutability: str, filters: list[str] | None
) -> None:
    """Two wildcards in each filter are allowed."""
    check_exclusion_filters(mutability, as_parameter(filters))


@pytest.mark.parametrize(
    ("mutability", "filters", "constraint"),
    [
        (
            mutability,
            filters,
            f"'ImageTagMutabilityExclusionFilters {mistake} "
            f"when imageTagMutability is set as {mutability}'",
        )
        for mutability, filters, mistake in [
            ("MUTABLE_WITH_EXCLUSION", None, "can't be null"),
            ("IMMUTABLE_WITH_EXCLUSION", None, "can't be null"),
            ("IMMUTABLE_WITH_EXCLUSION", [], "can't be null"),
            ("MUTABLE", ["dev*"], "are not allowed"),
            ("IMMUTABLE", ["dev*"], "are not allowed"),
        ]
    ]
    + [
        (
            mutability,
            ["dev*", "a*b*c*"],
            "'Image tag mutability exclusion filter can contain a maximum of 2 wildcards (*)'",
        )
        for mutability in ("MUTABLE_WITH_EXCLUSION", "IMMUTABLE_WITH_EXCLUSION")
    ],
)
def test_filters_that_do_not_are_refused(
    mutability: str, filters: list[str] | None, constraint: str
) -> None:
    """Invalid filters are refused, each mistake with its message."""
    with pytest.raises(InvalidParameterException) as refused:
        check_exclusion_filters(mutability, as_parameter(filters))
    assert refused.value.code == "InvalidParameterException"
    assert refused.value.message == FIELD + constraint


def as_parameter(filters: list[str] | None) -> list[dict[str, str]] | None:
    if filters is None:
        return None
    return [{"filterType": "WILDCARD", "filter": each} for each in filters]
