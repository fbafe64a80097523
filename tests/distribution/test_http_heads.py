"""HTTP as RFC 9112 defines it, and nothing that resembles it: heads, chunks, and header lines of answers.

https://www.rfc-editor.org/rfc/rfc9112
"""

from __future__ import annotations

import io
import json
import re
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from moto.moto_server import werkzeug_app

from moto_ecr_ext.distribution import app
from moto_ecr_ext.distribution.carriers import wsgi
from moto_ecr_ext.distribution.carriers.heads import read_head
from moto_ecr_ext.distribution.errors import RegistryError
from moto_ecr_ext.distribution.messages import Request, Response
from moto_ecr_ext.oci.digest import Digest
from support.environments import Environment
from support.registry_client import JSON, Connection, RegistrySession, RepositoryClient

CONTENT = b"content"
DIGEST = Digest.of(CONTENT)
TARGET = f"/v2/team/app/blobs/uploads/?digest={DIGEST}".encode()

# A push of a blob in one request. `HOST` and `TOKEN` stand for the server's and a valid one.
HEAD = (
    b"POST " + TARGET + b" HTTP/1.1\r\n"
    b"Host: HOST\r\n"
    b"Authorization: Basic TOKEN\r\n"
    b"Content-Type: application/octet-stream\r\n"
)
PUSH = HEAD + b"Content-Length: 7\r\n\r\n" + CONTENT
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"7\r\ncontent\r\n" + b"0\r\n\r\n"
# What a second reader would find behind the head, or behind the body.
NEXT = (
    b"DELETE /v2/team/app/manifests/v1 HTTP/1.1\r\nHost: HOST\r\nAuthorization: Basic TOKEN\r\n\r\n"
)

TYPE = b"Content-Type: application/octet-stream\r\n"
LENGTH = b"Content-Length: 7\r\n"
HOST = b"Host: HOST\r\n"
VERSION = b" HTTP/1.1\r\n"

# What in PUSH is replaced by what.
MALFORMED_HEADS = {
    "bare LF behind the request line": (VERSION, b" HTTP/1.1\n"),
    "bare LF behind a header": (TYPE, b"Content-Type: text/plain\n"),
    "bare LF behind the last header": (b"7\r\n\r\n", b"7\n\r\n"),
    "bare LF at the end of the head": (b"7\r\n\r\n", b"7\r\n\n"),
    "bare LF behind every line": (PUSH, PUSH.replace(b"\r\n", b"\n")),
    "bare LF in a value": (TYPE, b"Content-Type: text\nX-Injected: yes\r\n"),
    "bare LF in Host": (HOST, b"Host: HOST\nX-Injected: yes\r\n"),
    "bare CR in a value": (TYPE, b"Content-Type: text\rX-Injected: yes\r\n"),
    "bare CR in Host": (HOST, b"Host: HOST\rX-Injected: yes\r\n"),
    "bare CR in the request line": (VERSION, b"\rHTTP/1.1\r\n"),
    "bare CR at the end of a line": (TYPE, b"Content-Type: text/plain\r\r\n"),
    "bare CR at the end of the head": (b"7\r\n\r\n", b"7\r\r\n\r\n"),
    "NUL in a value": (TYPE, b"Content-Type: text\0plain\r\n"),
    "vertical tab in a value": (TYPE, b"Content-Type: text\x0bplain\r\n"),
    "escape in a value": (TYPE, b"Content-Type: \x1b[31m\r\n"),
    "DEL in a value": (TYPE, b"Content-Type: text\x7fplain\r\n"),
    "folded line": (TYPE, b"Content-Type: text/plain;\r\n charset=utf-8\r\n"),
    "folded line, with a tab": (TYPE, b"Content-Type: text/plain;\r\n\tcharset=utf-8\r\n"),
    "folded line as the first": (VERSION, VERSION + b" X-Folded: yes\r\n"),
    "space before the colon": (TYPE, b"Content-Type : text/plain\r\n"),
    "tab before the colon": (LENGTH, b"Content-Length\t: 7\r\n"),
    "header without a colon": (TYPE, b"Content-Type\r\n"),
    "header without a name": (TYPE, b": text/plain\r\n"),
    "bracket in a name": (TYPE, b"Content(Type): text/plain\r\n"),
    "NUL in a name": (TYPE, b"Content\0Type: text/plain\r\n"),
    "letter beyond ASCII in a name": (TYPE, b"Content-T\xfdpe: text/plain\r\n"),
    "Content-Length twice": (LENGTH, LENGTH + LENGTH),
    "Content-Length twice, another": (LENGTH, LENGTH + b"Content-Length: 0\r\n"),
    "Content-Length as a list": (LENGTH, b"Content-Length: 7, 7\r\n"),
    "Content-Length with a sign": (LENGTH, b"Content-Length: +7\r\n"),
    "Content-Length below zero": (LENGTH, b"Content-Length: -7\r\n"),
    "Content-Length with a no-break space": (LENGTH, b"Content-Length: 7\xa0\r\n"),
    "Content-Length in hexadecimal": (LENGTH, b"Content-Length: 0x7\r\n"),
    "Content-Length with an underscore": (LENGTH, b"Content-Length: 0_7\r\n"),
    "Content-Length in other digits": (LENGTH, "Content-Length: \u0667\r\n".encode()),
    "Content-Length without a number": (LENGTH, b"Content-Length:\r\n"),
    "Content-Length beyond all measure": (LENGTH, b"Content-Length: 9999999999999999999\r\n"),
    "Content-Length, then Transfer-Encoding": (LENGTH, LENGTH + b"Transfer-Encoding: chunked\r\n"),
    "Transfer-Encoding, then Content-Length": (LENGTH, b"Transfer-Encoding: chunked\r\n" + LENGTH),
    "Content-Length beside Transfer-Encoding identity": (
        LENGTH,
        LENGTH + b"Transfer-Encoding: identity\r\n",
    ),
    "Transfer-Encoding identity": (LENGTH, b"Transfer-Encoding: identity\r\n"),
    "Transfer-Encoding gzip, chunked": (LENGTH, b"Transfer-Encoding: gzip, chunked\r\n"),
    "Transfer-Encoding chunked, identity": (LENGTH, b"Transfer-Encoding: chunked, identity\r\n"),
    "Transfer-Encoding chunked twice": (LENGTH, b"Transfer-Encoding: chunked\r\n" * 2),
    "Transfer-Encoding that only contains chunked": (LENGTH, b"Transfer-Encoding: xchunked\r\n"),
    "Transfer-Encoding with a parameter": (LENGTH, b"Transfer-Encoding: chunked;q=1\r\n"),
    "Transfer-Encoding with a vertical tab": (LENGTH, b"Transfer-Encoding: \x0bchunked\r\n"),
    "Transfer-Encoding without a value": (LENGTH, b"Transfer-Encoding:\r\n"),
    "Transfer-Encoding in HTTP/1.0": (
        PUSH,
        CHUNKED.replace(VERSION, b" HTTP/1.0\r\n"),
    ),
    "no Host": (HOST, b""),
    "no Host beside a whole URL": (TARGET + VERSION + HOST, b"http://HOST" + TARGET + VERSION),
    "two Hosts": (HOST, HOST + HOST),
    "two Hosts, another": (HOST, HOST + b"Host: elsewhere\r\n"),
    "Host without a value": (HOST, b"Host:\r\n"),
    "Host with a space": (HOST, b"Host: HOST elsewhere\r\n"),
    "Host with a quote": (HOST, b'Host: HOST",evil="\r\n'),
    "Host with a path": (HOST, b"Host: HOST/path\r\n"),
    "Host with a user": (HOST, b"Host: user@HOST\r\n"),
    "Host with a comma": (HOST, b"Host: HOST,elsewhere\r\n"),
    "Host beyond ASCII": (HOST, "Host: bücher.example\r\n".encode()),
    "Host without its name": (HOST, b"Host: :5000\r\n"),
    "Host with a port that is no number": (HOST, b"Host: localhost:http\r\n"),
    "Host with two ports": (HOST, b"Host: localhost:1:2\r\n"),
    "Host with half an IPv6 address": (HOST, b"Host: [::1\r\n"),
    "whole URL with another's user": (TARGET, b"http://user@HOST" + TARGET),
    "whole URL with half an IPv6 address": (TARGET, b"http://[::" + TARGET),
    "whole URL without a host": (TARGET, b"http://" + TARGET),
    "whole URL of another scheme": (TARGET, b"ftp://HOST" + TARGET),
    "no version": (VERSION, b"\r\n"),
    "version 0.9": (VERSION, b" HTTP/0.9\r\n"),
    "version with more behind it": (VERSION, b" HTTP/1.10\r\n"),
    "version in lower case": (VERSION, b" http/1.1\r\n"),
    "two spaces before the target": (b"POST ", b"POST  "),
    "two spaces before the version": (VERSION, b"  HTTP/1.1\r\n"),
    "space behind the version": (VERSION, b" HTTP/1.1 \r\n"),
    "space before the method": (b"POST ", b" POST "),
    "tab before the target": (b"POST ", b"POST\t"),
    "no-break space before the target": (b"POST ", b"POST\xa0"),
    "unit separator before the version": (VERSION, b"\x1fHTTP/1.1\r\n"),
    "method that is no token": (b"POST ", b"PO(ST "),
    "fragment": (TARGET, TARGET + b"#fragment"),
    "control character in the target": (TARGET, TARGET + b"&a=\x01"),
    "letter beyond ASCII in the target": (TARGET, TARGET + b"&a=\xc3\xa4"),
    "control character behind a percent-encoded path": (b"/v2/", b"/%762/\x01"),
    "another request in a value": (HOST, b"X: \nGET /v2/ HTTP/1.1\r\n"),
}

# For one without a value moto's server puts its own name.
MALFORMED_HOSTS = [
    name
    for name in MALFORMED_HEADS
    if name.startswith(("Host ", "two Hosts")) and name != "Host without a value"
]

# What in CHUNKED is replaced by what.
MALFORMED_CHUNKS = {
    "size with a prefix": (b"7\r\n", b"0x7\r\n"),
    "size with a sign": (b"7\r\n", b"+7\r\n"),
    "size below zero": (b"7\r\n", b"-7\r\n"),
    "size with an underscore": (b"7\r\n", b"0_7\r\n"),
    "size behind a space": (b"7\r\n", b" 7\r\n"),
    "size before a space": (b"7\r\n", b"7 \r\n"),
    "size of other letters": (b"7\r\n", b"g\r\n"),
    "no size": (b"7\r\n", b"\r\n"),
    "extension without a size": (b"7\r\n", b";a=b\r\n"),
    "size with too many digits": (b"7\r\n", b"0000000000000007\r\n"),
    "size that wraps around": (b"7\r\n", b"10000000000000007\r\n"),
    "bare LF behind a size": (b"7\r\n", b"7\n"),
    "bare CR behind a size": (b"7\r\n", b"7\r7\r\n"),
    "bare LF in an extension": (b"7\r\n", b"7;a\nb\r\n"),
    "bare CR in an extension": (b"7\r\n", b"7;a\rb\r\n"),
    "NUL in an extension": (b"7\r\n", b"7;a\0b\r\n"),
    "extension without an end": (b"7\r\n", b"7;" + b"a" * 5000 + b"\r\n"),
    "chunk that is longer": (CONTENT, CONTENT + b"s"),
    "chunk that is shorter": (CONTENT, CONTENT[:-1]),
    "bare LF behind a chunk": (CONTENT + b"\r\n", CONTENT + b"\n"),
    "bare CR behind a chunk": (CONTENT + b"\r\n", CONTENT + b"\r"),
    "nothing behind a chunk": (CONTENT + b"\r\n", CONTENT),
    "bare LF behind the last size": (b"0\r\n\r\n", b"0\n\r\n"),
    "bare LF at the end": (b"0\r\n\r\n", b"0\r\n\n"),
    "trailer without a colon": (b"0\r\n\r\n", b"0\r\nX-Checksum\r\n\r\n"),
    "trailer with a space before the colon": (b"0\r\n\r\n", b"0\r\nX-Checksum : 1\r\n\r\n"),
    "trailer with a folded line": (b"0\r\n\r\n", b"0\r\nX-Checksum: 1\r\n 2\r\n\r\n"),
    "trailer with NUL": (b"0\r\n\r\n", b"0\r\nX-Checksum: \0\r\n\r\n"),
    "trailer with a bare CR": (b"0\r\n\r\n", b"0\r\nX-Checksum: a\rb\r\n\r\n"),
    "trailers without an end": (b"0\r\n\r\n", b"0\r\n" + b"X-Checksum: 12345\r\n" * 1000 + b"\r\n"),
}

# What in PUSH, or in CHUNKED, is replaced by what, and it is a push all the same.
WELL_FORMED = {
    "itself": (PUSH, PUSH),
    "in chunks": (PUSH, CHUNKED),
    "no space behind the colon": (LENGTH, b"Content-Length:7\r\n"),
    "spaces and tabs around the value": (LENGTH, b"content-length: \t 7 \t\r\n"),
    "tab in a value": (TYPE, b"Content-Type: text/plain;\tcharset=utf-8\r\n"),
    "value without a text": (TYPE, b"Content-Type:\r\n"),
    "value beyond ASCII": (TYPE, b"X-Name: \xe4\xff\r\n"),
    "every character of a name": (TYPE, b"!#$%&'*+-.^_`|~09azAZ: value\r\n"),
    "header in two lines": (TYPE, b"Accept: text/plain\r\nAccept: */*\r\n"),
    "Host without a port": (HOST, b"Host: localhost\r\n"),
    "Host in capitals": (HOST, b"Host: REGISTRY:5000\r\n"),
    "Host with an underscore": (HOST, b"Host: registry_1:5000\r\n"),
    "Host of IPv6": (HOST, b"Host: [::1]:5000\r\n"),
    "whole URL": (TARGET, b"http://elsewhere:80" + TARGET),
    "whole URL, scheme in capitals": (TARGET, b"HTTP://elsewhere" + TARGET),
    "HTTP/1.0": (VERSION, b" HTTP/1.0\r\n"),
    "HTTP/1.0 without Host": (VERSION + HOST, b" HTTP/1.0\r\n"),
    "Transfer-Encoding in capitals": (PUSH, CHUNKED.replace(b"chunked", b"CHUNKED")),
    "size with zeros": (PUSH, CHUNKED.replace(b"7\r\ncont", b"00007\r\ncont")),
    "extension": (PUSH, CHUNKED.replace(b"7\r\ncont", b'7 ; name="v\xe4lue"\r\ncont')),
    "several chunks": (
        PUSH,
        CHUNKED.replace(b"7\r\ncontent\r\n", b"3\r\ncon\r\n4\r\ntent\r\n"),
    ),
    "trailers": (PUSH, CHUNKED.replace(b"0\r\n\r\n", b"0\r\nX-Checksum: 1\r\nX-Other:\r\n\r\n")),
}

Send = Callable[..., bytes]

needs_connections = pytest.mark.skipif(
    not hasattr(werkzeug_app, "MotoRequestHandler"),
    reason="on this moto werkzeug reads every head, and closes the connection behind each request",
)


@pytest.fixture
def aws(server: Environment) -> Environment:
    return server


@pytest.fixture
def send(aws: Environment, session: RegistrySession) -> Send:
    """Gives a function that sends bytes, and returns what comes back until the server closes the connection.

    With `cut` the first bytes go ahead of the others.
    """
    token = str(session.headers["Authorization"]).removeprefix("Basic ").encode()

    def send(content: bytes, cut: int = 0) -> bytes:
        assert aws.endpoint_url
        with Connection(aws.endpoint_url) as connection:
            content = content.replace(b"HOST", connection.host.encode()).replace(b"TOKEN", token)
            if cut:
                connection.send_in_pieces(content, cut)
            else:
                connection.send(content)
            with suppress(OSError):  # The server has closed the connection.
                connection.stop_sending()
            return connection.read_to_end()

    return send


def altered(wire: bytes, replaced: tuple[bytes, bytes]) -> bytes:
    old, new = replaced
    assert wire.count(old) == 1
    return wire.replace(old, new)


def assert_refused(answer: bytes, code: str = "UNSUPPORTED") -> None:
    """Check that the answer is one refusal in the words of the registry, and says that the connection ends."""
    head, _, content = answer.partition(b"\r\n\r\n")
    status, *lines = head.decode("ascii").split("\r\n")
    assert status == "HTTP/1.1 400 Bad Request", answer
    headers = dict(line.split(": ") for line in lines)
    assert headers == {
        "Date": headers["Date"],
        "Docker-Distribution-Api-Version": "registry/2.0",
        "Content-Type": JSON,
        "Content-Length": str(len(content)),
        "Connection": "close",
    }
    [error] = json.loads(content)["errors"]
    assert error["code"] == code
    assert error["message"]


def assert_nothing_changed(repository: RepositoryClient) -> None:
    assert not repository.holds(DIGEST)
    assert repository.get("/manifests/v1").status_code == 404


@needs_connections
@pytest.mark.parametrize("name", MALFORMED_HEADS)
def test_malformed_heads(repository: RepositoryClient, send: Send, name: str) -> None:
    """The request is refused and changes nothing, and the server reads no further request of the connection."""
    answer = send(altered(PUSH, MALFORMED_HEADS[name]) + NEXT)
    assert_refused(
        answer,
        "SIZE_INVALID"
        if name.startswith("Content-Length") and "Transfer-Encoding" not in name
        else "UNSUPPORTED",
    )
    assert_nothing_changed(repository)


@needs_connections
@pytest.mark.parametrize("name", MALFORMED_CHUNKS)
def test_malformed_chunks(repository: RepositoryClient, send: Send, name: str) -> None:
    """The push is refused and keeps nothing, and the server reads no further request of the connection."""
    old, new = MALFORMED_CHUNKS[name]
    head, end, body = CHUNKED.partition(b"\r\n\r\n")
    assert_refused(send(head + end + altered(body, (old, new)) + NEXT))
    assert_nothing_changed(repository)


@needs_connections
def test_malformed_chunks_are_not_acknowledged(repository: RepositoryClient, send: Send) -> None:
    """The bytes before a malformed chunk are not part of the upload."""
    upload = repository.start_upload()
    path = upload.partition("/v2/")[2].encode()
    wire = CHUNKED.replace(b"POST " + TARGET, b"PATCH /v2/" + path)
    assert_refused(send(wire.replace(b"0\r\n\r\n", b"x\r\n")))
    assert repository.get(upload).headers["Range"] == "0-0"
    assert repository.patch(upload, data=CONTENT).status_code == 202
    assert repository.put(upload, params={"digest": DIGEST}).status_code == 201


@needs_connections
@pytest.mark.parametrize("name", WELL_FORMED)
def test_well_formed(repository: RepositoryClient, send: Send, name: str) -> None:
    """Heads that the RFC allows are accepted."""
    wire = altered(PUSH, WELL_FORMED[name])
    wire = wire.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
    assert send(wire).startswith(b"HTTP/1.1 201 ")
    assert repository.holds(DIGEST)


@needs_connections
def test_the_connection_goes_on(repository: RepositoryClient, send: Send) -> None:
    """Well-formed requests follow each other on one connection."""
    last = b"GET /v2/ HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n"
    answers = re.findall(rb"HTTP/1\.1 (\d+) ", send(PUSH + PUSH + last))
    assert answers == [b"201", b"201", b"401"]


@pytest.mark.parametrize("name", MALFORMED_HOSTS)
def test_malformed_hosts_in_pieces(send: Send, name: str) -> None:
    """A head that does not come in one piece is read by moto's server; its Host is checked all the same."""
    _, line = MALFORMED_HEADS[name]
    answer = send(b"GET /v2/ HTTP/1.1\r\n" + line + b"\r\n", 11)
    assert answer.startswith(b"HTTP/1.1 400 "), answer
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["errors"][0]["code"] == "UNSUPPORTED"


# What in PUSH is replaced by what, of which moto's server would make something else.
AMBIGUOUS_HEADS = [
    "Content-Length twice, another",
    "Content-Length as a list",
    "Content-Length with a sign",
    "Content-Length below zero",
    "Content-Length, then Transfer-Encoding",
    "Transfer-Encoding identity",
    "Transfer-Encoding gzip, chunked",
    "Transfer-Encoding chunked, identity",
    "Transfer-Encoding chunked twice",
    "Transfer-Encoding that only contains chunked",
    "Transfer-Encoding with a parameter",
    "two Hosts",
    "two Hosts, another",
    "whole URL with half an IPv6 address",
]


@needs_connections
@pytest.mark.parametrize("name", AMBIGUOUS_HEADS)
def test_ambiguous_heads_in_pieces(repository: RepositoryClient, send: Send, name: str) -> None:
    """A head that does not come in one piece is read by moto's server, and refused all the same; nothing is pushed."""
    answer = send(altered(PUSH, MALFORMED_HEADS[name]) + NEXT, 60)
    assert answer.startswith(b"HTTP/1.1 400 "), answer
    assert answer.count(b"HTTP/1.1 ") == 1
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["errors"][0]["code"] in (
        "UNSUPPORTED",
        "SIZE_INVALID",
    )
    assert_nothing_changed(repository)


@pytest.mark.parametrize("name", AMBIGUOUS_HEADS)
def test_ambiguous_heads_of_calls(aws: Environment, ecr: Any, send: Send, name: str) -> None:
    """A call of the API whose head is ambiguous is refused, and does nothing."""
    old, new = (each.replace(TARGET, b"/") for each in MALFORMED_HEADS[name])
    wire = (
        b"POST / HTTP/1.1\r\nHost: HOST\r\n"
        b"Authorization: AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/ecr/aws4_request\r\n"
        b"X-Amz-Target: AmazonEC2ContainerRegistry_V20150921.CreateRepository\r\n"
        b"Content-Length: 7\r\n\r\n"
    )
    if old == b"/":
        old, new = b"POST /", b"POST " + new
    answer = send(altered(wire, (old, new)) + b'{"repositoryName": "other"}')
    assert answer.startswith(b"HTTP/1.1 400 "), answer
    assert ecr.describe_repositories()["repositories"] == []


@pytest.mark.parametrize(("version", "status"), [(b"1.0", b"400"), (b"1.1", b"200")])
def test_chunks_of_calls(
    aws: Environment, ecr: Any, send: Send, version: bytes, status: bytes
) -> None:
    """A call in HTTP/1.0 has no chunks: a reader of that version would see another request in them (RFC 9112, 6.1)."""
    body = b'{"repositoryName": "other"}'
    answer = send(
        b"POST / HTTP/" + version + b"\r\nHost: HOST\r\nConnection: close\r\n"
        b"Authorization: AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/ecr/aws4_request\r\n"
        b"X-Amz-Target: AmazonEC2ContainerRegistry_V20150921.CreateRepository\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    )
    assert answer.startswith(b"HTTP/1.1 " + status), answer
    created = [each["repositoryName"] for each in ecr.describe_repositories()["repositories"]]
    assert created == (["other"] if status == b"200" else [])


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
def test_calls_without_a_host(aws: Environment, ecr: Any, send: Send, version: bytes) -> None:
    """A call without a Host header is answered, as in moto; HTTP/1.0 does not require one (RFC 9112, 3.2)."""
    answer = send(
        b"POST / HTTP/" + version + b"\r\nConnection: close\r\n"
        b"Authorization: AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/ecr/aws4_request\r\n"
        b"X-Amz-Target: AmazonEC2ContainerRegistry_V20150921.CreateRepository\r\n"
        b'Content-Length: 27\r\n\r\n{"repositoryName": "other"}'
    )
    assert answer.startswith(b"HTTP/1.1 200 "), answer
    (repository,) = ecr.describe_repositories()["repositories"]
    assert repository["repositoryName"] == "other"


OTHERS = {
    "folded line": b"GET /moto-api/lib.js HTTP/1.1\r\nHost: HOST\r\nX: a\r\n b\r\n\r\n",
    "bare LF": b"GET /moto-api/lib.js HTTP/1.1\nHost: HOST\n\n",
    "space before the colon": b"GET /moto-api/lib.js HTTP/1.1\r\nHost: HOST\r\nX : a\r\n\r\n",
    "two spaces": b"GET  /moto-api/lib.js HTTP/1.1\r\nHost: HOST\r\n\r\n",
    "letter beyond ASCII": b"GET /moto-api/lib.js?\xc3\xa4=/v2/ HTTP/1.1\r\nHost: HOST\r\n\r\n",
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_paths_are_the_servers(send: Send, name: str) -> None:
    """A request outside of the registry is passed to moto's server unchanged."""
    assert re.match(rb"HTTP/1\.[01] 200 ", send(OTHERS[name]))


def test_other_services_below_v2(send: Send) -> None:
    """A signed request below /v2/, as SES has it, is passed to moto's server."""
    answer = send(
        b"GET /v2/email/identities HTTP/1.1\r\nHost: email.us-east-1.amazonaws.com\r\n"
        b"Authorization: AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/ses/aws4_request\r\n"
        b"Content-Length: 0\r\nContent-Length: 0\r\n\r\n"
    )
    assert b"Docker-Distribution-Api-Version" not in answer


@needs_connections
def test_a_malformed_request(send: Send) -> None:
    """Bytes that are not HTTP are answered in HTTP/1.1, never in HTTP/0.9, which lacks a status."""
    for wire in (b"GET /v2/\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\n", b"GET\r\n\r\n"):
        assert send(wire).startswith(b"HTTP/1.1 400 ")


# The headers of the registry's answers, and those that moto's server adds.
NAMES = [
    "Accept-Ranges",
    "Allow",
    "Connection",
    "Content-Length",
    "Content-Range",
    "Content-Type",
    "Date",
    "Docker-Content-Digest",
    "Docker-Distribution-Api-Version",
    "Docker-Upload-UUID",
    "ETag",
    "Link",
    "Location",
    "OCI-Filters-Applied",
    "OCI-Subject",
    "Range",
    "Server",
    "WWW-Authenticate",
]
TARGETS = [
    b"/v2/",
    TARGET,
    b"/v2/team/app/blobs/uploads/",
    b"/v2/team/app/tags/list?n=1&last=%0d%0aX-Injected:%20yes",
    b"/v2/team/app/%0d%0aX-Injected:%20yes",
    b"/v2/team/app/referrers/" + DIGEST.encode() + b"?artifactType=%0d%0aX-Injected:%20yes",
]
PARTS = [b"HOST", b"\r", b"\n", b"\r\n", b"\0", b" ", b"\t", b'"', b",", b":", b"X-Injected: yes"]
VALUES = st.lists(st.sampled_from(PARTS) | st.binary(max_size=4), max_size=6).map(b"".join)

# The same examples every time, so that a failure is one of the change under test.
fuzzed = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@dataclass(frozen=True)
class Attempt:
    """A request with a Host and another header that may be anything; in two pieces, the second from within the line."""

    host: bytes
    name: bytes = b"Accept"
    value: bytes = b""
    method: bytes = b"GET"
    target: bytes = b"/v2/"
    authorization: bytes = b""
    in_pieces: bool = False

    @property
    def wire(self) -> bytes:
        return (
            self.method + b" " + self.target + b" HTTP/1.1\r\nHost: " + self.host + b"\r\n"
            + self.authorization + self.name + b": " + self.value + b"\r\nConnection: close\r\n\r\n"
        )  # fmt: skip


ATTEMPTS = st.builds(
    Attempt,
    host=VALUES,
    name=st.sampled_from([b"Accept", b"Content-Range", b"Range", b"If-None-Match", b"X-Other"]),
    value=VALUES,
    method=st.sampled_from([b"GET", b"POST", b"BREW"]),
    target=st.sampled_from(TARGETS),
    authorization=st.sampled_from([b"", b"Authorization: Basic TOKEN\r\n"]),
    in_pieces=st.booleans(),
)


@fuzzed
@given(attempt=ATTEMPTS)
@example(attempt=Attempt(b"evil\nX-Injected: yes"))
@example(attempt=Attempt(b"evil\rX-Injected: yes", in_pieces=True))
@example(attempt=Attempt(b"evil\r\n X-Injected: yes", in_pieces=True))
@example(
    attempt=Attempt(
        b"evil\nX-Injected: yes",
        method=b"POST",
        target=b"/v2/team/app/blobs/uploads/",
        authorization=b"Authorization: Basic TOKEN\r\n",
    )
)
def test_heads_of_answers(repository: RepositoryClient, send: Send, attempt: Attempt) -> None:
    """No bytes of a request end a header of the answer, or begin another one."""
    answer = send(attempt.wire, len(attempt.method) + 3 if attempt.in_pieces else 0)
    status, *lines = answer.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    assert re.fullmatch(r"HTTP/1\.[01] [1-4]\d\d [ -~]*", status), answer
    for line in lines:
        name, _, value = line.partition(": ")
        assert name in NAMES
        assert not re.search(r"[\r\n\0]", value)


@fuzzed
@given(host=st.text() | VALUES.map(lambda value: value.decode("latin-1")))
@example(host="evil\r\nX-Injected: yes")
def test_heads_of_answers_by_wsgi(aws: Environment, host: str) -> None:
    """No host that a WSGI server accepts adds a header to the answer."""
    answers: list[tuple[str, list[tuple[str, str]]]] = []
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/v2/",
        "HTTP_HOST": host,
        "SERVER_NAME": "::1",
        "SERVER_PORT": "5000",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
    }
    assert b"".join(wsgi.registry_application(environ, lambda *answer: answers.append(answer)))
    [(status, headers)] = answers
    assert status in ("400 Bad Request", "401 Unauthorized")
    for name, value in headers:
        assert name in NAMES
        assert not re.search(r"[\r\n\0]", value)


@pytest.mark.parametrize(
    ("head", "text"),
    [
        (b"GET /v2/ " + b"x" * 300, "'GET /v2/ " + "x" * 191 + "' is not a request line"),
        (
            b"GET /v2/ HTTP/1.1\r\n" + b"x" * 300,
            "'" + "x" * 200 + "' is not a header",
        ),
    ],
)
def test_a_refusal_quotes_little(head: bytes, text: str) -> None:
    """A refusal of a head has the first 200 characters of the malformed line."""
    with pytest.raises(RegistryError) as refused:
        read_head(head + b"\r\n\r\n")
    assert text in refused.value.message


def test_a_thread_ends_with_its_client(aws: Environment, send: Send) -> None:
    """A client that leaves after its request leaves no thread behind."""
    before = set(threading.enumerate())
    assert send(b"GET /v2/" + VERSION + HOST + b"\r\n").startswith(b"HTTP/1.1 401")
    for thread in set(threading.enumerate()) - before:
        thread.join(30)
        assert not thread.is_alive()


def test_a_body_whose_length_a_wsgi_server_does_not_know(repository: RepositoryClient) -> None:
    """The body of a push without a length ends where the stream of the WSGI server does."""
    answers: list[str] = []
    token = str(repository.session.headers["Authorization"])
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/v2/team/app/blobs/uploads/",
        "QUERY_STRING": f"digest={DIGEST}",
        "HTTP_HOST": "localhost",
        "HTTP_AUTHORIZATION": token,
        "HTTP_TRANSFER_ENCODING": "chunked",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "5000",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(CONTENT),
        "wsgi.input_terminated": True,
    }
    list(wsgi.registry_application(environ, lambda status, _: answers.append(status)))
    assert answers == ["201 Created"]
    assert repository.get(f"/blobs/{DIGEST}").content == CONTENT


class TestTheLastResort:
    """Characters that would end a header of an answer are not sent."""

    @pytest.fixture(params=["in_process", "server"])
    def aws(self, request: pytest.FixtureRequest) -> Any:
        return request.getfixturevalue(request.param)

    @pytest.mark.parametrize(
        "value", ["a\r\nX-Injected: yes", "a\nX-Injected: yes", "a\rb", "a\0b"]
    )
    def test_an_answer(
        self,
        session: RegistrySession,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
        value: str,
    ) -> None:
        """The client gets 500, and the log gives the reason."""

        def handle(request: Request, *_: Any) -> Response:
            return Response(200, {"Location": value}, b"[]")

        # Private, since no handler of the registry makes such a header.
        monkeypatch.setattr(app, "_handle", handle)
        response = session.get("/v2/")
        assert response.status_code == 500
        assert "Location" not in response.headers
        assert "X-Injected" not in response.headers
        assert [record.message for record in caplog.records if record.levelname == "ERROR"] == [
            "GET /v2/: a header of the answer has several lines"
        ]
