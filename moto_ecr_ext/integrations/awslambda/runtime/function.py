"""A version of a function, with the details that its container needs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property

from moto_ecr_ext.arns import Registry
from moto_ecr_ext.integrations.docker.image_names import ImageName


@dataclass(frozen=True)
class ImageOverrides:
    """The members of ImageConfig. Empty members do not override the image."""

    entry_point: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    working_directory: str = ""


@dataclass(frozen=True)
class FunctionVersion:
    """One version of a function. `timeout` is in seconds, `memory` in MiB; `version` is `$LATEST` or a number."""

    account_id: str
    region: str
    name: str
    arn: str
    version: str
    image_name: ImageName
    image_registry: Registry
    image_digest: str
    overrides: ImageOverrides
    environment: Mapping[str, str] = field(hash=False)
    memory: int
    timeout: int

    @property
    def log_group(self) -> str:
        return f"/aws/lambda/{self.name}"

    @cached_property
    def fingerprint(self) -> str:
        """The parameters of its containers. A container with another fingerprint cannot be used.

        The timeout is not included.
        """
        values = {key: value for key, value in asdict(self).items() if key != "timeout"}
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
