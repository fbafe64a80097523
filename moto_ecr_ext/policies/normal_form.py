"""ECR's form of the policies of repositories and registries, independent of the form in which they were given.

It follows recorded responses of SetRepositoryPolicy, GetRepositoryPolicy and DeleteRepositoryPolicy
(https://github.com/cloud-custodian/cloud-custodian, tests/data/placebo, test_cross_account_ecr and others), and
registry policies in the test of their CloudFormation resource
(https://github.com/aws-cloudformation/aws-cloudformation-resource-providers-ecr). The default pretty printer of
Jackson, a library for Java, writes in this style.

Some details are not known of AWS and derived from the rest: lists of one value and other types than texts in
conditions, the place of `NotPrincipal` and `NotResource`, the partition of an account's ARN.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from .conditions import operand_text
from .grammar import load_json, statements_of
from .principals import account_of, root_arn

_INDENTATION = "  "


def normal_form(text: str, partition: str) -> str:
    """Return a policy that ECR accepts in the form in which a registry in `partition` (such as `aws-cn`) shows it."""
    document = load_json(text)
    members = {name: document[name] for name in ("Version", "Id") if name in document}
    members["Statement"] = [_statement(each, partition) for each in statements_of(document)]
    return _written(members, "")


def _statement(statement: Mapping[str, Any], partition: str) -> dict[str, Any]:
    forms: dict[str, Callable[[Any], Any]] = {
        "Sid": _as_given,
        "Effect": _as_given,
        "Principal": lambda value: _principals(value, partition),
        "NotPrincipal": lambda value: _principals(value, partition),
        "Action": _one_or_more,
        "NotAction": _one_or_more,
        "Resource": _one_or_more,
        "NotResource": _one_or_more,
        "Condition": _conditions,
    }
    return {name: form(statement[name]) for name, form in forms.items() if name in statement}


def _as_given(value: Any) -> Any:
    return value


def _one_or_more(value: Any) -> Any:
    """Return the value of a list of one without the list."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _principals(value: Any, partition: str) -> Any:
    """Return principals with accounts as ARNs (https://github.com/crossplane-contrib/provider-aws/issues/700)."""
    if isinstance(value, str):
        return value
    return {kind: _one_or_more(_names(kind, names, partition)) for kind, names in value.items()}


def _names(kind: str, names: Any, partition: str) -> list[str]:
    return [
        root_arn(name, partition) if kind == "AWS" and account_of(name) == name else name
        for name in (names if isinstance(names, list) else [names])
    ]


def _conditions(value: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {
        operator: {key: _operands(values) for key, values in keys.items()}
        for operator, keys in value.items()
    }


def _operands(values: Any) -> Any:
    return _one_or_more(
        [operand_text(each) for each in (values if isinstance(values, list) else [values])]
    )


def _written(value: Any, indentation: str) -> str:
    """Return the text of a value in a line that begins with `indentation`. A list adds no indentation."""
    if isinstance(value, dict):
        if not value:
            return "{ }"
        inner = indentation + _INDENTATION
        members = ",\n".join(
            f"{inner}{_written(name, '')} : {_written(member, inner)}"
            for name, member in value.items()
        )
        return f"{{\n{members}\n{indentation}}}"
    if isinstance(value, list):
        return f"[ {', '.join(_written(each, indentation) for each in value)} ]" if value else "[ ]"
    return json.dumps(value, ensure_ascii=False)
