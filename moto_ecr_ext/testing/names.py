"""Names of images as a test writes them: `team/app:1.0`, `team/app@sha256:...`, or either behind a registry's host."""

from __future__ import annotations

from typing import NamedTuple

from moto_ecr_ext.arns import Registry
from moto_ecr_ext.hosts import registry_of_host


class NamedInRegistry(NamedTuple):
    """The parts of an image's name. Missing ones are empty; `registry` is that of a host in AWS's form."""

    repository: str
    tag: str
    digest: str
    registry: Registry | None

    @classmethod
    def parse(cls, text: str) -> NamedInRegistry:
        """Return the parts of a name. Raises ValueError if there is no repository, or another host than AWS's form.

        The address of a server, which has a port, is left out.
        """
        name, _, digest = text.partition("@")
        host, slash, rest = name.partition("/")
        registry = registry_of_host(host) if slash else None
        if registry is not None or (slash and (":" in host or host == "localhost")):
            name = rest
        repository, _, tag = name.partition(":")
        if not repository or "/" in tag:
            raise ValueError(f"{text!r} is not the name of an image, such as team/app:1.0.")
        return cls(repository, tag, digest, registry)
