"""Variables in texts of policies: `${aws:username}`, and `${aws:PrincipalTag/team, 'none'}` with a default.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from .wildcards import escape, unescape

Context = Mapping[str, tuple[str, ...]]
"""The values of the condition keys of a request. Their names are in lower case."""

_VARIABLE = re.compile(r"\$\{(?P<key>[^{}$*?,']+)(?:, *'(?P<default>[^'{}]*)')?\}")


@dataclass(frozen=True, slots=True)
class Text:
    """A text of a `Resource` or a condition, which may have variables and, as a pattern, wildcards."""

    text: str
    has_variables: bool = False

    def pattern(self, context: Context) -> str | None:
        """Return the pattern with the values of a request, which are not wildcards; None if a value is missing."""
        if not self.has_variables:
            return self.text
        values = [_value(match, context) for match in _VARIABLE.finditer(self.text)]
        # Without a value "there is no equal or like value" (IAM User Guide).
        if None in values:
            return None
        rest = iter(values)
        return _VARIABLE.sub(lambda match: escape(next(rest) or ""), self.text)

    def plain(self, context: Context) -> str | None:
        """Return the text with the values of a request, as `pattern` does, if it is not a pattern."""
        text = self.pattern(context)
        return text if text is None else unescape(text)


def read_text(text: str, version: str) -> Text:
    """Return a text of a document of a version. Only `2012-10-17` has variables."""
    if version != "2012-10-17":
        return Text(text.replace("${", "${$}{"))
    return Text(text, _VARIABLE.search(text) is not None)


def _value(variable: re.Match[str], context: Context) -> str | None:
    values = context.get(variable["key"].strip().lower(), ())
    # "You can use any single-valued condition key as a variable" (IAM User Guide).
    return values[0] if len(values) == 1 else variable["default"]
