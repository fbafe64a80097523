"""Names of images in the form of users: `host/repository:tag`, or `host/repository@sha256:...`."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from ipaddress import ip_address

from moto_ecr_ext import hosts, settings
from moto_ecr_ext.arns import Registry
from moto_ecr_ext.oci.digest import Digest, is_digest
from moto_ecr_ext.oci.reference import Reference, Tag

# docker's grammar is https://pkg.go.dev/github.com/distribution/reference. The tags are ECR's.
_HOST = r"(?P<host>[a-zA-Z0-9.-]+(?::\d+)?|\[[0-9a-fA-F:]+\](?::\d+)?)"
_PART = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_NAME = re.compile(
    rf"{_HOST}/(?P<repository>{_PART}(?:/{_PART})*)"
    r"(?::(?P<tag>[a-zA-Z0-9-_.]+))?(?:@(?P<digest>[a-z0-9]+:[a-f0-9]+))?"
)


@dataclass(frozen=True, slots=True)
class ImageName:
    """The parts of an image's name. `text` is the whole name as it was given."""

    text: str
    host: str
    repository: str
    tag: str | None
    digest: str | None

    @classmethod
    def parse(cls, text: str) -> ImageName | None:
        """Return a text as an image name; None if it names no registry, or is malformed."""
        match = _NAME.fullmatch(text)
        if match is None or (match["digest"] and not is_digest(match["digest"])):
            return None
        return cls(text, match["host"], match["repository"], match["tag"], match["digest"])

    @property
    def reference(self) -> Reference | None:
        """The digest, or else the tag; None if the name has no reference."""
        if self.digest:
            return Digest(self.digest)
        return Tag(self.tag) if self.tag else None

    def with_default_tag(self) -> ImageName:
        """Return the name with docker's default tag, `latest`, if it has no tag and no digest."""
        if self.reference is not None:
            return self
        return replace(self, text=f"{self.text}:latest", tag="latest")

    @property
    def without_reference(self) -> str:
        """The host and the repository."""
        return f"{self.host}/{self.repository}"

    def registry(self, home: Registry) -> Registry | None:
        """Return the registry in the name if it belongs to this ECR; None for any other registry.

        A host in AWS's form has the account and the Region. The address of this emulator has none of these: it means
        `home`, the registry of the service that asks.
        """
        named = hosts.registry_of_host(self.host)
        if named is not None:
            return named
        return home if _is_this_server(self.host) else None


def _is_this_server(host: str) -> bool:
    """Return True if a host is the address of this process's server.

    A server that a test has started does not know its address. In that case every port of this machine counts, and the
    repository decides.
    """
    name, _, port = host.rpartition(":")
    if not name or not _is_loopback(name.strip("[]")):
        return host == settings.server_address()
    known = settings.server_address()
    return known is None or known.rpartition(":")[2] == port


def _is_loopback(name: str) -> bool:
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
