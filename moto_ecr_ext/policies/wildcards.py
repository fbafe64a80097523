"""Wildcards of IAM's policies, of filters on tags and of filters on repositories."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from moto_ecr_ext.exceptions import InvalidParameterException

_FIELD = "imageTagMutabilityExclusionFilters"
_MAX_WILDCARDS = 2
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html, "Special characters"
_ESCAPED = re.compile(r"\$\{([*?$])\}")


def matches_pattern(name: str, pattern: str) -> bool:
    """Return True if the whole of `name` matches a pattern of IAM, in which `*` and `?` are wildcards.

    `${*}`, `${?}` and `${$}` are the characters themselves.
    """
    # fnmatch caches its expressions, which do not backtrack over `*`. Brackets are literal in IAM.
    pattern = pattern.replace("[", "[[]")
    if "${" in pattern:
        pattern = _ESCAPED.sub(r"[\1]", pattern)
    return fnmatchcase(name, pattern)


def escape(text: str) -> str:
    """Return the IAM pattern that matches a text only."""
    return re.sub(r"[*?$]", r"${\g<0>}", text)


def unescape(text: str) -> str:
    """Return a text of IAM in which `${*}`, `${?}` and `${$}` are replaced by their characters."""
    return _ESCAPED.sub(r"\1", text)


def matches_tag_filter(filter: str, tag: str) -> bool:
    """Return True if `filter` matches the whole of `tag`, with its case. `*` stands for any characters or none.

    Tag patterns of lifecycle policies have the same grammar.
    """
    # As above; `?` is literal too.
    return fnmatchcase(tag, re.sub(r"[?[]", r"[\g<0>]", filter))


def matches_expression(filter: str, tag: str) -> bool:
    """Return True if the regular expression `filter` matches the beginning of `tag`. Other texts are tag filters."""
    try:
        return re.match(filter, tag) is not None
    except re.error:
        return matches_tag_filter(filter, tag)


def matches_scanning_filter(filter: str, repository_name: str) -> bool:
    """Return True if `filter` matches the repository. A filter without `*` matches every name that contains it.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-filters.html
    """
    if "*" in filter:
        return matches_tag_filter(filter, repository_name)
    return filter in repository_name


class NeedlessFilters(InvalidParameterException):
    """The error for filters that go with no mutability that has exclusions."""

    def __init__(self, mutability: str):
        super().__init__(_filters_error("are not allowed", mutability))


def missing_filters(mutability: str) -> InvalidParameterException:
    """Return the error for a mutability that needs filters."""
    return InvalidParameterException(_filters_error("can't be null", mutability))


def _filters_error(mistake: str, mutability: str) -> str:
    return (
        f"Invalid parameter at '{_FIELD}' failed to satisfy constraint: "
        f"'ImageTagMutabilityExclusionFilters {mistake} when imageTagMutability is set as {mutability}'"
    )


def check_exclusion_filters(mutability: str, filters: Sequence[Mapping[str, str]] | None) -> None:
    """Refuse filters that contradict the mutability or have too many wildcards; the service model cannot express this.

    A mutability that ends in `_WITH_EXCLUSION` needs filters, and no other allows them.
    """
    if bool(filters) != mutability.endswith("_WITH_EXCLUSION"):
        raise NeedlessFilters(mutability) if filters else missing_filters(mutability)
    if any(each["filter"].count("*") > _MAX_WILDCARDS for each in filters or ()):
        # The limit and the text are from Terraform's provider for AWS.
        raise InvalidParameterException.at(
            _FIELD,
            "Image tag mutability exclusion filter can contain "
            f"a maximum of {_MAX_WILDCARDS} wildcards (*)",
        )
