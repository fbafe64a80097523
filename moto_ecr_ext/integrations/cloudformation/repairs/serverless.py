"""Templates of the AWS Serverless Application Model (SAM).

SAM's command line sends its template unchanged, and CloudFormation transforms it to plain resources. moto ignores SAM's
resources. AWS's own package transforms them here, if it is installed.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/transform-aws-serverless.html

Needed by moto 5.1.20 to 5.2.6.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from moto_ecr_ext.seams.replacing import Unplug, replace, replace_all

TRANSFORM = "AWS::Serverless-2016-10-31"

_log = logging.getLogger(__name__)


def plug() -> Unplug:
    """Transform templates when they are parsed.

    moto parses them in `Stack.parse_template`, and in `ChangeSet._parse_template`, which keeps the result as
    `template_dict`. The text of a template stays unchanged, for GetTemplate.
    """
    from moto.cloudformation.models import ChangeSet, Stack

    parse_of_stack = Stack.parse_template
    parse_of_change_set = ChangeSet._parse_template

    def parse_template(template: str) -> dict[str, Any]:
        # A stack parses its template before it has parameters.
        return _transformed(parse_of_stack(template), {})

    def parse_and_keep(self: Any) -> None:
        parse_of_change_set(self)
        self.template_dict = _transformed(self.template_dict, self.parameters)

    return replace_all(
        replace(Stack, "parse_template", staticmethod(parse_template)),
        replace(ChangeSet, "_parse_template", parse_and_keep),
    )


def _transformed(template: dict[str, Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return a template with plain resources in place of SAM's. Raises ValidationError for an invalid template."""
    if not _is_serverless(template):
        return template
    try:
        import boto3
        from samtranslator.parser.parser import Parser
        from samtranslator.public.exceptions import InvalidDocumentException
        from samtranslator.translator.translator import Translator
    except ImportError:
        _log.warning(
            "The resources of SAM need a package. Install moto_ecr_ext with its extra 'sam'."
        )
        return template
    # The Region determines the partition of ARNs; moto's stacks are all in the partition "aws".
    session = boto3.Session(region_name="us-east-1")
    translator = Translator({}, Parser(), boto_session=session)
    try:
        plain: dict[str, Any] = translator.translate(template, parameter_values=dict(parameters))
    except InvalidDocumentException as error:
        raise _refusal(error) from error
    finally:
        # No one reads the metrics, and the translator warns about unpublished ones.
        translator.metrics.publish()
    return plain


def _is_serverless(template: Any) -> bool:
    transforms = template.get("Transform") if isinstance(template, dict) else None
    return TRANSFORM in (transforms if isinstance(transforms, list) else [transforms])


def _refusal(error: Any) -> Exception:
    from moto.cloudformation.exceptions import ValidationError

    reasons = " ".join([error.message, *(each.message for each in error.causes)])
    return ValidationError(message=f"Transform {TRANSFORM} failed with: {reasons}")
