"""Habits of clients on the wire, replayed: what a run of the client meets by chance alone."""

from __future__ import annotations

import http.client
import socket
import ssl
from base64 import b64encode

import pytest

from moto_ecr_ext.testing import (
    DOCKER,
    OCI,
    build_image,
    push,
)
from support.commands import PATIENCE, Server
from support.pushed import RemoteRepository


def test_each_accepted_type_in_a_line_of_its_own(
    registry: Server, remote: RemoteRepository
) -> None:
    """docker lists the types that it accepts in several lines, in random order; each counts.

    The registry would convert Docker's manifest to the last type otherwise, and name the digest of that, under which
    docker does not find it.
    """
    image = build_image(seed=1, media_types=DOCKER)
    push(remote.ecr, remote.name, image, tag="1.0")
    login = b64encode(f"AWS:{registry.password}".encode()).decode()
    connection = http.client.HTTPConnection(registry.address, timeout=PATIENCE)

    for types in ((DOCKER.manifest, OCI.manifest), (OCI.manifest, DOCKER.manifest)):
        connection.putrequest("HEAD", f"/v2/{remote.name}/manifests/1.0")
        connection.putheader("Authorization", f"Basic {login}")
        for each in types:
            connection.putheader("Accept", each)
        connection.endheaders()
        answer = connection.getresponse()
        answer.read()

        assert answer.status == 200
        assert answer.headers["Docker-Content-Digest"] == image.digest
        assert answer.headers["Content-Type"] == DOCKER.manifest
    connection.close()


def test_tls_is_answered_in_http(registry: Server) -> None:
    """A client that tries TLS receives an HTTP answer. containerd's client (docker with containerd's store,
    buildkit) only then retries in plain HTTP.
    """
    host, port = registry.address.split(":")
    hello, to_send = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(hello, to_send, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()

    with socket.create_connection((host, int(port)), timeout=PATIENCE) as connection:
        connection.sendall(to_send.read())
        answer = connection.recv(1024)

    assert answer.startswith(b"HTTP/1.1 400 ")
