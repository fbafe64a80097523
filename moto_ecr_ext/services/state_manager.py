"""How long that takes which AWS does in the background: no time, unless a test has told moto otherwise.

https://docs.getmoto.org/en/latest/docs/configuration/state_transition/index.html
"""

from __future__ import annotations

from moto.moto_api import state_manager

from moto_ecr_ext.models.base import now


def has_ended(model_name: str, started_at: float, times_seen: int) -> bool:
    """Whether what began at this time, and was described so often since, is over by now.

    moto's state manager decides by the name of the model.
    """
    transition = state_manager.get_transition(model_name)
    if transition["progression"] == "manual":
        return times_seen >= int(transition["times"])
    if transition["progression"] == "time":
        return now() - started_at > float(transition["seconds"])
    return True
