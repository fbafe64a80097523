"""The duration of background work: none, unless moto's state manager delays it.

https://docs.getmoto.org/en/latest/docs/configuration/state_transition/index.html
"""

from __future__ import annotations

from moto.moto_api import state_manager

from moto_ecr_ext.clock import now


def has_ended(model_name: str, started_at: float, times_seen: int) -> bool:
    """Return True if work is over that began at `started_at` and was described `times_seen` times since.

    moto's state manager decides by the name of the model.
    """
    transition = state_manager.get_transition(model_name)
    if transition["progression"] == "manual":
        return times_seen >= int(transition["times"])
    if transition["progression"] == "time":
        return now() - started_at > float(transition["seconds"])
    return True
