"""Variables in texts of policies: `${aws:username}`, and `${aws:PrincipalTag/team, 'none'}` with a default.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from .wildcards import escape, unescape

Context = Mapping[str, tuple[str, ...]]
"""The values that a request has of condition keys, whose names are in lower case."""

_VARIABLE = re.compile(r"\$\{(?P<key>[^{}$*?,']+)(?:, *'(?P<default>[^'{}]*)')?\}")


@dataclass(frozen=True, slots=True)
class Text:
    """A text of a `Resource` or a condition, in which variables may stand. As a pattern it has wildcards, too."""

    text: str
    has_variables: bool = False

    def pattern(self, context: Context) -> str | None:
        """Return it with the values of a request, whose characters are no wildcards; None if it lacks one."""
        if not self.has_variables:
            return self.text
        values = [_value(match, context) for match in _VARIABLE.finditer(self.text)]
        # Without a value "there is no equal or like value" (IAM User Guide).
        if None in values:
            return None
        rest = iter(values)
        return _VARIABLE.sub(lambda match: escape(next(rest) or ""), self.text)

    def plain(self, context: Context) -> str | None:
        """Return it as `pattern` does, where it is no pattern."""
        text = self.pattern(context)
        return text if text is None else unescape(text)


def read_text(text: str, version: str) -> Text:
    """Return a text of a document of a version. Only in `2012-10-17` are there variables."""
    if version != "2012-10-17":
        return Text(text.replace("${", "${$}{"))
    return Text(text, _VARIABLE.search(text) is not None)


def _value(variable: re.Match[str], context: Context) -> str | None:
    values = context.get(variable["key"].strip().lower(), ())
    # "You can use any single-valued condition key as a variable" (IAM User Guide).
    return values[0] if len(values) == 1 else variable["default"]
