"""Events that targets receive without their account.

Every event has a member `account`. moto knows it, and leaves it out of what queues and log groups receive.

https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html

Needed by moto 5.1.20 to 5.2.6.
"""

from __future__ import annotations

from moto_ecr_ext.seams.replacing import Unplug, replace

_REGION = '"region": "<region>"'


def plug() -> Unplug:
    """Add the account to the template of events for targets without an input transformer.

    The template has the Region in this form, and the map of its paths has the account.
    """
    from moto.events.utils import EventTemplateParser

    name = "DEFAULT_EVENT_INPUT_TEMPLATE"
    template: str = getattr(EventTemplateParser, name)
    if "<account>" not in template:
        template = template.replace(_REGION, f'"account": "<account>", {_REGION}')
    return replace(EventTemplateParser, name, template)
