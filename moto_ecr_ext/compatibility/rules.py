"""The rules of a call, by noun."""

from __future__ import annotations

from moto_ecr_ext.settings.leniencies import Leniency

from .images import ImageRules
from .layers import LayerRules
from .policies import KeyRules, PolicyRules
from .registries import RegistryRules
from .requests import ConsumerRules, ErrorRules, ParameterRules
from .scans import ScanRules


class Rules:
    """AWS's answers to the core's questions, or moto's where one of the `leniencies` applies."""

    def __init__(self, leniencies: frozenset[Leniency]):
        self.leniencies = leniencies
        self.images = ImageRules(leniencies)
        self.layers = LayerRules(leniencies)
        self.registries = RegistryRules(leniencies)
        self.policies = PolicyRules(leniencies)
        self.keys = KeyRules(leniencies)
        self.scans = ScanRules(leniencies)
        self.parameters = ParameterRules(leniencies)
        self.errors = ErrorRules(leniencies)
        self.consumers = ConsumerRules(leniencies)
