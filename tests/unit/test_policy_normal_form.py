"""The form in which ECR writes policies, byte by byte.

Unless a test says otherwise its text is from recorded answers: https://github.com/cloud-custodian/cloud-custodian,
`tests/data/placebo/`, whose folder the docstring names.
"""

from __future__ import annotations

import json
from textwrap import dedent
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moto_ecr_ext.policies.documents import parse_registry_policy, parse_repository_policy
from moto_ecr_ext.policies.normal_form import normal_form

OTHER = "111122223333"


def written(document: object, partition: str = "aws") -> str:
    return normal_form(json.dumps(document), partition)


def lines(text: str) -> str:
    return dedent(text).strip("\n")


def of_statement(**members: Any) -> str:
    """The lines of one statement within a document."""
    text = written({"Statement": [{"Effect": "Allow", **members}]})
    begin, end = '{\n  "Statement" : [ {\n', "\n  } ]\n}"
    assert text.startswith(begin)
    assert text.endswith(end)
    return text[len(begin) : -len(end)]


def test_a_policy_given_on_one_line() -> None:
    """A policy on one line is written with members in ECR's order, and an action alone without its list:
    `test_cross_account_ecr`.
    """
    text = (
        '{"Statement": [{"Action": ["ecr:BatchGetImage"], "Principal": "*", "Effect": "Allow"}], '
        '"Id": "Foo", "Version": "2012-10-17"}'
    )
    assert normal_form(text, "aws") == (
        '{\n  "Version" : "2012-10-17",\n  "Id" : "Foo",\n  "Statement" : [ {\n'
        '    "Effect" : "Allow",\n    "Principal" : "*",\n    "Action" : "ecr:BatchGetImage"\n'
        "  } ]\n}"
    )


def test_two_statements() -> None:
    """Two statements are written with the old version, principals of a kind, and several actions in their order:
    `test_ecr_remove_matched`.
    """
    actions = ["ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage"]
    statements = [
        {
            "Action": actions,
            "Effect": "Allow",
            "Sid": "SpecificAllow",
            "Principal": {"AWS": ["arn:aws:iam::185106417252:root"]},
        },
        {"Principal": "*", "Sid": "Public", "Effect": "Allow", "Action": actions},
    ]
    assert written({"Version": "2008-10-17", "Statement": statements}) == lines(
        """
        {
          "Version" : "2008-10-17",
          "Statement" : [ {
            "Sid" : "SpecificAllow",
            "Effect" : "Allow",
            "Principal" : {
              "AWS" : "arn:aws:iam::185106417252:root"
            },
            "Action" : [ "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage" ]
          }, {
            "Sid" : "Public",
            "Effect" : "Allow",
            "Principal" : "*",
            "Action" : [ "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage" ]
          } ]
        }
        """
    )


def test_a_service_with_a_condition() -> None:
    """Names of keys in a condition keep their case: `test_ecr_cross_account_filter_config`."""
    arn = "arn:aws:lambda:us-east-1:644160558196:function:*"
    assert written(
        {
            "Statement": [
                {
                    "Condition": {"StringLike": {"aws:sourceArn": arn}},
                    "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
                    "Principal": {"Service": ["lambda.amazonaws.com"]},
                }
            ]
        }
    ) == lines(
        """
        {
          "Statement" : [ {
            "Principal" : {
              "Service" : "lambda.amazonaws.com"
            },
            "Action" : [ "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer" ],
            "Condition" : {
              "StringLike" : {
                "aws:sourceArn" : "arn:aws:lambda:us-east-1:644160558196:function:*"
              }
            }
          } ]
        }
        """
    )


def test_not_action_stands_where_action_does() -> None:
    """NotAction is written in the place of Action: `test_ecr_cross_account_filter_config`, with a Sid of two words,
    and users that were deleted.
    """
    assert of_statement(
        Condition={"StringNotEquals": {"aws:PrincipalAccount": "644160558196"}},
        NotAction=["ecr:abc"],
        Sid="new statement",
        Principal={"AWS": ["AIDAZL6XWCR2NXJCMOAER", "AIDAZL6XWCR2CDQ2JWDVL"]},
    ) == (
        '    "Sid" : "new statement",\n'
        '    "Effect" : "Allow",\n'
        '    "Principal" : {\n'
        '      "AWS" : [ "AIDAZL6XWCR2NXJCMOAER", "AIDAZL6XWCR2CDQ2JWDVL" ]\n'
        "    },\n"
        '    "NotAction" : "ecr:abc",\n'
        '    "Condition" : {\n'
        '      "StringNotEquals" : {\n'
        '        "aws:PrincipalAccount" : "644160558196"\n'
        "      }\n"
        "    }"
    )


def test_a_registry_policy() -> None:
    """The resource of a registry policy follows the action.

    https://github.com/aws-cloudformation/aws-cloudformation-resource-providers-ecr, REGISTRY_POLICY_OUTPUT_TEXT of
    `aws-ecr-registrypolicy`
    """
    text = written(
        {
            "Statement": [
                {
                    "Resource": ["arn:aws:ecr:us-west-2:123456123456:repository"],
                    "Action": ["ecr:CreateRepository", "ecr:ReplicateImage"],
                }
            ]
        }
    )
    assert text.endswith(
        '    "Action" : [ "ecr:CreateRepository", "ecr:ReplicateImage" ],\n'
        '    "Resource" : "arn:aws:ecr:us-west-2:123456123456:repository"\n  } ]\n}'
    )


def test_an_account_is_written_as_its_arn() -> None:
    """An account is written as its ARN in the registry's partition:
    https://github.com/crossplane-contrib/provider-aws/issues/700
    """
    document = {"Statement": [{"Principal": {"AWS": [OTHER]}}]}
    assert f'"AWS" : "arn:aws:iam::{OTHER}:root"' in written(document)
    assert f'"AWS" : "arn:aws-cn:iam::{OTHER}:root"' in written(document, "aws-cn")
    user = f"arn:aws:iam::{OTHER}:user/{OTHER}"
    document = {"Statement": [{"Principal": {"AWS": [OTHER, user, "*"]}}]}
    assert f'"AWS" : [ "arn:aws:iam::{OTHER}:root", "{user}", "*" ]' in written(document)


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        pytest.param({"Sid": ""}, '    "Sid" : "",\n    "Effect" : "Allow"', id="empty Sid"),
        pytest.param(
            {"Principal": {"AWS": "*"}},
            '    "Effect" : "Allow",\n    "Principal" : {\n      "AWS" : "*"\n    }',
            id="everyone as an object",
        ),
        pytest.param(
            {"Condition": {}}, '    "Effect" : "Allow",\n    "Condition" : { }', id="no condition"
        ),
        pytest.param(
            {"Action": "ecr:*", "NotPrincipal": {"AWS": OTHER}},
            f'    "Effect" : "Allow",\n    "NotPrincipal" : {{\n      "AWS" : "arn:aws:iam::{OTHER}:root"\n'
            '    },\n    "Action" : "ecr:*"',
            id="NotPrincipal",
        ),
        pytest.param(
            {
                "Condition": {
                    "StringEquals": {"aws:SourceAccount": ["1", "2"], "a:b": ["x"]},
                    "Bool": {"aws:SecureTransport": True},
                    "NumericLessThan": {"c:d": [5, 1.5]},
                    "StringLike": {"e:f": []},
                }
            },
            lines(
                """
                    "Effect" : "Allow",
                    "Condition" : {
                      "StringEquals" : {
                        "aws:SourceAccount" : [ "1", "2" ],
                        "a:b" : "x"
                      },
                      "Bool" : {
                        "aws:SecureTransport" : "true"
                      },
                      "NumericLessThan" : {
                        "c:d" : [ "5", "1.5" ]
                      },
                      "StringLike" : {
                        "e:f" : [ ]
                      }
                    }
                """
            )
            .replace("\n", "\n    ")
            .join(["    ", ""]),
            id="conditions",
        ),
        pytest.param(
            {"Sid": 'tab\t "quoted" \\ Ünï'},
            '    "Sid" : "tab\\t \\"quoted\\" \\\\ Ünï",\n    "Effect" : "Allow"',
            id="characters",
        ),
    ],
)
def test_members_by_analogy(members: dict[str, Any], expected: str) -> None:
    """Members without a recording are written like similar ones."""
    assert of_statement(**members) == expected


def test_missing_members_are_not_added() -> None:
    """Version, Id and Sid are not added; a single statement gets the list that all recordings have."""
    assert written({"Statement": {"Effect": "Deny"}}) == (
        '{\n  "Statement" : [ {\n    "Effect" : "Deny"\n  } ]\n}'
    )


_NAMES = st.sampled_from(["*", OTHER, f"arn:aws:iam::{OTHER}:root", f"arn:aws:iam::{OTHER}:user/a"])
_VALUES = st.one_of(st.text(max_size=5), st.booleans(), st.integers(-9, 9))
_STATEMENTS = st.fixed_dictionaries(
    {
        "Effect": st.sampled_from(["Allow", "Deny"]),
        "Principal": st.just("*")
        | st.fixed_dictionaries({"AWS": _NAMES | st.lists(_NAMES, min_size=1, max_size=3)}),
        "Action": st.sampled_from(["*", "ecr:*", ["ecr:PutImage"], ["ecr:PutImage", "ecr:Get*"]]),
    },
    optional={
        "Sid": st.text(max_size=5),
        "Condition": st.dictionaries(
            st.sampled_from(["StringEquals", "StringNotLike"]),
            st.dictionaries(
                st.sampled_from(["a:b", "aws:SourceArn"]), _VALUES | st.lists(_VALUES, max_size=3)
            ),
        ),
    },
)


@given(statements=st.lists(_STATEMENTS, min_size=1, max_size=3), resource=st.booleans())
def test_the_form_says_the_same(statements: list[dict[str, Any]], resource: bool) -> None:
    """The normal form of any policy has its meaning, and is its own normal form."""
    parse = parse_repository_policy
    if resource:
        parse = parse_registry_policy
        statements = [{**each, "Resource": ["*"]} for each in statements]
    text = json.dumps({"Version": "2012-10-17", "Statement": statements})
    form = normal_form(text, "aws")
    assert parse(form) == parse(text)
    assert normal_form(form, "aws") == form
