"""The values of the pytest plugin's fixtures: classes for type annotations."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, overload

from moto_ecr_ext.hosts import aws_registry_host

from .client import pull, push
from .layers import Compression, Files
from .names import NamedInRegistry
from .values import OCI, Blob, Image, Index, MediaTypes

if TYPE_CHECKING:
    # From boto3-stubs; without them, the client has any type.
    from mypy_boto3_ecr import ECRClient

    from .images import Images
    from .journal import Journal


@dataclass(frozen=True)
class RunningServer:
    """A server in this test process: its URL, its address (`host:port`), and credentials that it accepts."""

    url: str
    address: str
    access_key_id: str = "test"
    secret_access_key: str = "test"

    @overload
    def client(self, service: Literal["ecr"] = "ecr", region: str = "us-east-1") -> ECRClient: ...

    @overload
    def client(self, service: str, region: str = "us-east-1") -> Any: ...

    def client(self, service: str = "ecr", region: str = "us-east-1") -> Any:
        """Return a boto3 client of the server."""
        import boto3

        make: Any = boto3.client
        return make(
            service,
            region_name=region,
            endpoint_url=self.url,
            aws_access_key_id=self.access_key_id,
            aws_secret_access_key=self.secret_access_key,
        )

    @property
    def journal(self) -> Journal:
        """The journal of the server's calls."""
        # It imports moto.
        from .journal import Journal

        return Journal(self.url)

    @property
    def images(self) -> Images:
        """The images of the server, read by its API."""
        # It imports moto.
        from .images import Images

        return Images(self.client())

    def password(self, region: str = "us-east-1") -> str:
        """Return the password of the user AWS for the registry of a Region."""
        ecr: Any = self.client(region=region)
        (data,) = ecr.get_authorization_token()["authorizationData"]
        return base64.b64decode(data["authorizationToken"]).decode().partition(":")[2]


class RegistryInProcess:
    """The default registry of this test process, under `mock_aws`."""

    def __init__(self, account_id: str, region: str) -> None:
        self.account_id = account_id
        self.region = region

    @property
    def host(self) -> str:
        """The host of the registry, which clients in this process can reach."""
        return aws_registry_host(self.account_id, self.region)

    @overload
    def client(self, service: Literal["ecr"] = "ecr", region: str = "") -> ECRClient: ...

    @overload
    def client(self, service: str, region: str = "") -> Any: ...

    def client(self, service: str = "ecr", region: str = "") -> Any:
        """Return a boto3 client, by default of the registry's Region."""
        import boto3

        make: Any = boto3.client
        return make(service, region_name=region or self.region)

    def push(self, image: Image | Index, name: str) -> str:
        """Push an image as `team/app:1.0`, or `team/app` without a tag, and return its digest.

        A missing repository is created. The calls are in the journal: see `Journal.from_now`.
        """
        parsed, ecr = NamedInRegistry.parse(name), self.client()
        with suppress(ecr.exceptions.RepositoryAlreadyExistsException):
            ecr.create_repository(repositoryName=parsed.repository)
        return push(ecr, parsed.repository, image, parsed.tag or None)

    def pull(self, name: str) -> Image | Index:
        """Pull an image by its name, `team/app:1.0` or `team/app@sha256:...`."""
        parsed = NamedInRegistry.parse(name)
        return pull(self.client(), parsed.repository, parsed.digest or parsed.tag or "latest")


@dataclass(frozen=True)
class MotoECR:
    """The value of the fixture `moto_ecr`: an empty ECR in the test process, and tools to test with it.

    `registry` makes clients, pushes and pulls. `journal` has the calls, and assertions about them: `Journal` of
    `moto_ecr_ext.testing.journal`. `images` builds images and reads them: `Images` of `moto_ecr_ext.testing.images`.
    """

    registry: RegistryInProcess
    journal: Journal
    images: Images


class ImageBuilder(Protocol):
    """The type of the fixture `moto_ecr_image`: the signature of `build_image`."""

    def __call__(
        self,
        *,
        seed: int | str = 0,
        layers: int | Sequence[Blob] | None = None,
        layer_size: int = 1024,
        files: Files | Sequence[Files] | None = None,
        architecture: str = "amd64",
        os: str = "linux",
        variant: str | None = None,
        config: Mapping[str, Any] | None = None,
        annotations: Mapping[str, str] | None = None,
        compression: Compression = "gzip",
        media_types: MediaTypes = OCI,
    ) -> Image:
        """Build an image."""
