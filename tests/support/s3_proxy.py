"""A proxy before a server of S3, which damages bodies on their way."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

from support.commands import PATIENCE
from support.s3_servers import Bucket

Damage = Callable[[bytes], bytes]


def flipped(body: bytes) -> bytes:
    """The body with one other bit."""
    middle = len(body) // 2
    return body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :]


def shortened(body: bytes) -> bytes:
    """The first half of the body."""
    return body[: len(body) // 2]


@dataclass
class S3Proxy:
    """A proxy on its own port. `sent` damages what is sent to S3, `received` what S3 returns, if a key has `part`."""

    url: str
    sent: Damage | None = None
    received: Damage | None = None
    part: str = ""
    # The keys of damaged requests and responses.
    damaged: list[str] = field(default_factory=list)

    def damage(
        self, sent: Damage | None = None, received: Damage | None = None, part: str = ""
    ) -> None:
        """Damage bodies from now on, or none."""
        self.sent, self.received, self.part = sent, received, part

    def pass_on(self, damage: Damage | None, path: str, body: bytes) -> bytes:
        """The body, damaged if it is the content of an object."""
        key = urlsplit(path).path
        if damage is None or not body or "/some/where/" not in key or self.part not in key:
            return body
        self.damaged.append(key)
        return damage(body)

    def before(self, bucket: Bucket) -> Bucket:
        """The bucket as it is reached through this proxy."""
        return replace(bucket, server=replace(bucket.server, endpoint_url=self.url))


@contextmanager
def s3_proxy(bucket: Bucket) -> Iterator[S3Proxy]:
    """A proxy before the server of a bucket."""
    address = urlsplit(bucket.server.endpoint_url).netloc

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            body = proxy.pass_on(proxy.sent, self.path, body)
            with closing(http.client.HTTPConnection(address, timeout=PATIENCE)) as onward:
                onward.putrequest(
                    self.command, self.path, skip_host=True, skip_accept_encoding=True
                )
                for name, value in self.headers.items():
                    if name.lower() == "content-length":
                        value = str(len(body))
                    if name.lower() not in ("expect", "connection"):
                        onward.putheader(name, value)
                try:
                    with suppress(ConnectionError):  # A refusal may precede the end of the body.
                        onward.endheaders(body)
                    answer = onward.getresponse()
                    content = answer.read()
                except (ConnectionError, http.client.HTTPException):
                    self.close_connection = True
                    return
            length = answer.headers.get("Content-Length")
            if self.command == "GET" and answer.status < 300:
                content = proxy.pass_on(proxy.received, self.path, content)
                length = str(len(content))
            self.send_response_only(answer.status)
            for name, value in answer.headers.items():
                if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                    self.send_header(name, value)
            has_body = self.command != "HEAD" and answer.status not in (204, 304)
            self.send_header("Content-Length", str(len(content)) if has_body else length or "0")
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = pass_on

        def log_message(self, *arguments: Any) -> None:
            """Print nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        # As many as botocore keeps connections.
        request_queue_size = 64

    with Server(("127.0.0.1", 0), Handler) as server:
        proxy = S3Proxy(f"http://127.0.0.1:{server.server_address[1]}")
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield proxy
        finally:
            server.shutdown()
            thread.join()
