"""The configuration of ECR in `mock_aws(config={"ecr": ...})`, checked when the mock starts."""

from __future__ import annotations

from typing import Any

from moto_ecr_ext import settings

from .replacing import Unplug, replace


def plug() -> Unplug:
    """Refuse an invalid configuration at the start of the mock, instead of at the first call that reads it.

    `start` begins every mock, even that of a decorator. It applies the configuration, and `stop` reverts it.
    """
    from moto.core.models import MockAWS

    original = MockAWS.start

    def start(self: MockAWS, *arguments: Any, **options: Any) -> None:
        original(self, *arguments, **options)
        try:
            settings.check_mock_config()
        except settings.SettingError:
            self.stop()
            raise

    return replace(MockAWS, "start", start)
