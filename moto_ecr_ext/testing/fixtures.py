"""The values of the pytest plugin's fixtures: classes for type annotations."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, overload

from .images import OCI, Blob, Image, MediaTypes
from .layers import Compression, Files

if TYPE_CHECKING:
    # From boto3-stubs; without them, the client has any type.
    from mypy_boto3_ecr import ECRClient


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

    def password(self, region: str = "us-east-1") -> str:
        """Return the password of the user AWS for the registry of a Region."""
        ecr: Any = self.client(region=region)
        (data,) = ecr.get_authorization_token()["authorizationData"]
        return base64.b64decode(data["authorizationToken"]).decode().partition(":")[2]


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
