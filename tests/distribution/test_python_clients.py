"""Python's registry clients, in the test process without any server, and over HTTP.

https://pypi.org/project/oras/ and https://pypi.org/project/python-dxf/
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import requests
import urllib3
from moto.moto_server import werkzeug_app
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

from moto_ecr_ext.oci.digest import Digest
from moto_ecr_ext.testing import build_image, pull
from support.environments import Environment
from support.registry_client import RegistrySession, RepositoryClient

CONTENT = bytes(range(256)) * 1000
DIGEST = Digest.of(CONTENT)


# Every kind of body that `requests` takes.
BODIES: dict[str, Callable[[], Any]] = {
    "bytes": lambda: CONTENT,
    "bytearray": lambda: bytearray(CONTENT),
    "file": lambda: io.BytesIO(CONTENT),
    "generator": lambda: (CONTENT[at : at + 1000] for at in range(0, len(CONTENT), 1000)),
}


@pytest.fixture
def password(session: RegistrySession) -> str:
    """The password of `aws ecr get-login-password`."""
    token = str(session.headers["Authorization"]).partition(" ")[2]
    return base64.b64decode(token).decode().partition(":")[2]


@pytest.fixture
def host(aws: Environment) -> str:
    """The `host[:port]` of the registry."""
    return aws.registry_url().partition("://")[2]


@contextmanager
def serving_tls() -> Iterator[str]:
    """moto's server over TLS, with an untrusted certificate; gives its `host:port`."""
    server = make_server(
        "127.0.0.1",
        0,
        DomainDispatcherApplication(create_backend_app),
        threaded=True,
        request_handler=werkzeug_app.__dict__.get("MotoRequestHandler"),
        ssl_context="adhoc",
    )
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class TestOras:
    """oras-py."""

    @pytest.fixture
    def oras(self, aws: Environment, host: str, password: str) -> Any:
        client = pytest.importorskip("oras.client", reason="oras-py is not installed")
        registry = client.OrasClient(
            hostname=host, insecure=bool(aws.endpoint_url), auth_backend="basic"
        )
        registry.login(username="AWS", password=password, hostname=host)
        return registry

    @pytest.fixture
    def document(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        # oras keeps to paths below the directory it runs in.
        monkeypatch.chdir(tmp_path)
        path = tmp_path / "document.bin"
        path.write_bytes(CONTENT)
        return path

    @pytest.mark.parametrize("chunked", [False, True], ids=["at once", "in chunks"])
    def test_push_and_pull(
        self,
        ecr: Any,
        repository: RepositoryClient,
        oras: Any,
        host: str,
        document: Path,
        chunked: bool,
    ) -> None:
        """A file is pushed and pulled, and DescribeImages lists it."""
        target = f"{host}/{repository.name}:v1"
        pushed = oras.push(
            target=target,
            files=[f"{document.name}:application/octet-stream"],
            manifest_annotations={"made": "here"},
            do_chunked=chunked,
            chunk_size=100_000,
        )
        assert pushed.status_code == 201
        document.unlink()
        [pulled] = oras.pull(target=target, outdir="pulled")
        assert Path(pulled).read_bytes() == CONTENT
        [detail] = ecr.describe_images(repositoryName="team/app")["imageDetails"]
        assert detail["imageTags"] == ["v1"]
        assert detail["imageDigest"] == pushed.headers["Docker-Content-Digest"]
        assert DIGEST in {blob.digest for blob in pull(ecr, "team/app", "v1").blobs}

    def test_the_login_is_kept_in_the_home_of_the_tests(
        self, oras: Any, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        """The login is written to the tests' home, not to the developer's."""
        assert Path.home().is_relative_to(tmp_path_factory.getbasetemp())
        assert Path.home().joinpath(".docker", "config.json").is_file()

    def test_tags(self, repository: RepositoryClient, oras: Any, host: str) -> None:
        """Tags are listed and deleted."""
        image = build_image()
        for tag in ("v1", "v2"):
            repository.push(image, tag)
        container = f"{host}/{repository.name}"
        assert oras.get_tags(container) == ["v1", "v2"]
        assert oras.delete_tags(container, "v1") == ["v1"]


class TestDxf:
    """python-dxf."""

    @pytest.fixture
    def dxf(self, aws: Environment, repository: RepositoryClient, password: str) -> Iterator[Any]:
        dxf = pytest.importorskip("dxf", reason="python-dxf is not installed")

        def authenticate(client: Any, response: requests.Response) -> None:
            client.authenticate("AWS", password, response=response)

        # It logs in over TLS only.
        with (
            serving_tls() if aws.endpoint_url else nullcontext(aws.registry_url()[8:]) as host,
            dxf.DXF(host, repository.name, authenticate, tlsverify=False) as client,
        ):
            yield client

    def test_a_file(self, tmp_path: Path, dxf: Any) -> None:
        """A file is sent from an open file."""
        path = tmp_path / "blob"
        path.write_bytes(CONTENT)
        assert dxf.push_blob(str(path)) == DIGEST
        assert dxf.blob_size(DIGEST) == len(CONTENT)
        chunks, size = dxf.pull_blob(DIGEST, size=True)
        assert (b"".join(chunks), size) == (CONTENT, len(CONTENT))
        assert dxf.push_blob(str(path)) == DIGEST

    @pytest.mark.parametrize("progress", [False, True])
    def test_an_iterator(self, dxf: Any, progress: bool) -> None:
        """The items of an iterator are sent in chunks."""
        told: list[bytes] = []
        pieces = (CONTENT[start : start + 999] for start in range(0, len(CONTENT), 999))
        dxf.push_blob(
            data=pieces,
            digest=DIGEST,
            progress=(lambda _, piece: told.append(piece)) if progress else None,
        )
        assert b"".join(dxf.pull_blob(DIGEST)) == CONTENT
        assert b"".join(told) == (CONTENT if progress else b"")

    def test_aliases(self, ecr: Any, tmp_path: Path, dxf: Any) -> None:
        """An alias, a manifest of blobs under a tag, is made, listed, read and deleted."""
        (tmp_path / "blob").write_bytes(CONTENT)
        digest = dxf.push_blob(str(tmp_path / "blob"))
        dxf.set_alias("v1", digest)
        assert dxf.list_aliases() == ["v1"]
        assert dxf.get_alias("v1") == [digest]
        assert list(dxf.list_repos()) == ["team/app"]
        [detail] = ecr.describe_images(repositoryName="team/app")["imageDetails"]
        assert detail["imageTags"] == ["v1"]
        dxf.del_alias("v1")
        assert dxf.list_aliases() == []


class TestRequests:
    """Plain `requests`."""

    @pytest.mark.parametrize("kind", BODIES)
    def test_bodies(self, repository: RepositoryClient, kind: str) -> None:
        """The bytes of a body arrive, in whatever form they are given."""
        upload = repository.start_upload()
        response = repository.put(upload, params={"digest": DIGEST}, data=BODIES[kind]())
        assert response.status_code == 201
        assert repository.get(f"/blobs/{DIGEST}").content == CONTENT

    def test_text(self, repository: RepositoryClient) -> None:
        """Text is sent as UTF-8."""
        if urllib3.__version__.startswith("1."):
            pytest.skip("urllib3 1 sends fewer bytes of text than requests says that there are")
        digest = Digest.of("naïve".encode())
        repository.put(repository.start_upload(), params={"digest": digest}, data="naïve")
        assert repository.get(f"/blobs/{digest}").text == "naïve"

    def test_pulling_in_a_stream(self, repository: RepositoryClient) -> None:
        """A response may be read in pieces, and left unread."""
        repository.push_blob(CONTENT)
        path = f"/blobs/{DIGEST}"
        with repository.get(path, stream=True) as response:
            assert b"".join(response.iter_content(1000)) == CONTENT
        with repository.get(path, stream=True) as response:
            assert response.raw.read(10) == CONTENT[:10]
        with repository.head(path, stream=True) as response:
            assert response.headers["Content-Length"] == str(len(CONTENT))
            assert response.raw.read() == b""

    def test_the_request_is_the_client_s(self, repository: RepositoryClient) -> None:
        """A client's record of its request is the request that it sent."""
        body = iter([CONTENT])
        response = repository.patch(repository.start_upload(), data=body)
        assert response.status_code == 202
        assert response.request.body is body
