"""The registry as its clients see it: requests on one repository, and bytes on a connection."""

from __future__ import annotations

import base64
import json
import socket
import time
from typing import Any, Protocol
from urllib.parse import urlsplit

import requests

from moto_ecr_ext.oci.digest import Digest
from moto_ecr_ext.testing import Blob, Image, Index

JSON = "application/json; charset=utf-8"


class RegistrySession(requests.Session):
    """A session of one registry: URLs may begin at the host, and each request brings the token."""

    def __init__(self, url: str, token: str | None = None):
        super().__init__()
        self.registry_url = url
        self.log_in(token)

    def log_in(self, token: str | None) -> None:
        """Use a token of GetAuthorizationToken from now on, or none."""
        if token:
            self.headers["Authorization"] = f"Basic {token}"
        else:
            self.headers.pop("Authorization", None)

    def request(self, method: Any, url: Any, *args: Any, **options: Any) -> requests.Response:
        if url.startswith("/"):
            url = self.registry_url + url
        options.setdefault("timeout", 60)
        return super().request(method, url, *args, **options)


class LogIn(Protocol):
    """Opens sessions of an account's registry in a region, with its own token."""

    def __call__(self, account: str = ..., region: str = ...) -> RegistrySession: ...


class RepositoryClient:
    """A repository, and a session that is logged in to its registry. Paths are below the repository's."""

    def __init__(self, session: RegistrySession, name: str):
        self.session = session
        self.name = name

    def request(self, method: str, path: str, **options: Any) -> requests.Response:
        if path.startswith("/"):
            path = f"/v2/{self.name}{path}"
        return self.session.request(method, path, **options)

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.request("GET", path, **options)

    def head(self, path: str, **options: Any) -> requests.Response:
        return self.request("HEAD", path, **options)

    def post(self, path: str, **options: Any) -> requests.Response:
        return self.request("POST", path, **options)

    def put(self, path: str, **options: Any) -> requests.Response:
        return self.request("PUT", path, **options)

    def patch(self, path: str, **options: Any) -> requests.Response:
        return self.request("PATCH", path, **options)

    def delete(self, path: str, **options: Any) -> requests.Response:
        return self.request("DELETE", path, **options)

    def start_upload(self) -> str:
        """The URL of a new upload session."""
        response = self.post("/blobs/uploads/")
        assert response.status_code == 202, response.text
        return response.headers["Location"]

    def push_blob(self, content: bytes, algorithm: str = "sha256") -> str:
        """Push a blob in a single POST, and give its digest."""
        digest = Digest.of(content, algorithm)
        response = self.post("/blobs/uploads/", params={"digest": digest}, data=content)
        assert response.status_code == 201, response.text
        return digest

    def push_blobs(self, image: Image | Index) -> None:
        """Push all that `put_manifest` of an image or index takes."""
        if isinstance(image, Index):
            for child in image.images:
                self.push(child)
        else:
            for blob in image.blobs:
                self.push_blob(blob.content)

    def put_manifest(
        self, manifest: Image | Index | bytes, reference: str = "", media_type: str = ""
    ) -> requests.Response:
        """Push a manifest alone, by its digest unless a reference is given."""
        if isinstance(manifest, bytes):
            content = manifest
        else:
            content, media_type = manifest.manifest, media_type or manifest.media_type
        return self.put(
            f"/manifests/{reference or Digest.of(content)}",
            data=content,
            headers={"Content-Type": media_type},
        )

    def push(self, image: Image | Index, tag: str = "") -> requests.Response:
        """Push an image or index and everything below it."""
        self.push_blobs(image)
        response = self.put_manifest(image, tag)
        assert response.status_code == 201, response.text
        return response

    def holds(self, blob: Blob | str) -> bool:
        """Return whether the repository holds a blob."""
        digest = blob if isinstance(blob, str) else blob.digest
        status = self.head(f"/blobs/{digest}").status_code
        assert status in (200, 404)
        return status == 200


def assert_refused(
    response: requests.Response, status: int, code: str, message: str, **detail: str
) -> None:
    """Check an answer against the error body as ECR writes it, to the byte, with a `detail` of these members if any."""
    error: dict[str, Any] = {"code": code, "message": message}
    if detail:
        error["detail"] = detail
    assert (response.status_code, response.text) == (
        status,
        json.dumps({"errors": [error]}, separators=(",", ":")) + "\n",
    )
    assert response.headers["Content-Type"] == JSON
    assert response.headers["Docker-Distribution-Api-Version"] == "registry/2.0"


def assert_token_refused(response: requests.Response) -> None:
    """Check an answer against ECR's refusal of a password that is no token, or a token of another Region."""
    assert_refused(response, 400, "DENIED", "Your Authorization Token is invalid.")


def basic(password: str) -> str:
    """The credentials of an Authorization header."""
    return base64.b64encode(f"AWS:{password}".encode()).decode()


class Connection:
    """A connection to a server, on which a test writes and reads bytes."""

    def __init__(self, url: str):
        parts = urlsplit(url)
        assert parts.hostname
        assert parts.port
        self.host = parts.netloc
        self._socket = socket.create_connection((parts.hostname, parts.port), timeout=20)

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, content: bytes) -> None:
        self._socket.sendall(content)

    def send_in_pieces(self, content: bytes, cut: int) -> None:
        """Send the first bytes, and the others once the server has read those, or will find them alone."""
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.send(content[:cut])
        time.sleep(0.02)
        self.send(content[cut:])

    def send_head(self, method: str, target: str, **headers: str) -> None:
        """Send the head of a request; names of headers have underscores for hyphens."""
        lines = [f"{method} {target} HTTP/1.1", f"Host: {self.host}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.send("\r\n".join([*lines, "", ""]).encode("latin-1"))

    def stop_sending(self) -> None:
        """End the request where it is; the answer can still be read."""
        self._socket.shutdown(socket.SHUT_WR)

    def read(self, size: int) -> bytes:
        """So many of the bytes that the server sends."""
        received = b""
        while len(received) < size:
            piece = self._socket.recv(size - len(received))
            assert piece, "the server has closed the connection"
            received += piece
        return received

    def read_to_end(self) -> bytes:
        """Everything the server sends until it closes the connection."""
        received = b""
        while piece := self._socket.recv(65536):
            received += piece
        return received

    def read_status(self) -> int:
        """The status of the answer, when it has arrived to its end."""
        return int(self.read_to_end().split(b" ", 2)[1])
