"""A registry on loopback, to be upstream of the cache: what it has, whom it lets in, what it was asked."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit

from moto_ecr_ext.testing import Image, Index

TOKEN = "token-of-the-service"


class Upstream:
    """One registry. Tests change its attributes while it runs.

    `login` is the user and password that it takes, and `token_service` that it takes them for a token only, which
    anybody gets where there is no login; `realm` is what it calls that service in place of its URL. `status` is
    answered to everything; `content_type` replaces that of all manifests, `gzip` makes their gzipped bodies,
    `coding` is what these are called, and `elsewhere` is where blobs are redirected to. `when_asked` is called
    with each path before it is answered. `excess` is how many bytes follow those of each blob, and
    `challenge_excess` the body of a challenge; `says_length` tells whether an answer with a blob has its length.
    """

    def __init__(self, url: str):
        self.url = url
        self.manifests: dict[tuple[str, str], Image | Index] = {}
        self.blobs: dict[str, bytes] = {}
        self.login: tuple[str, str] | None = None
        self.token_service = False
        self.realm: str | None = None
        self.status = 0
        self.elsewhere = ""
        self.content_type = ""
        self.gzip: Callable[[bytes], bytes] | None = None
        self.coding = "gzip"
        self.when_asked: Callable[[str], object] = len
        self.excess = 0
        self.challenge_excess = 0
        # How many referrers are on a page, and None for a registry without the referrers API; what the list is in place
        # of a true one; and the link to a page.
        self.referrers_on_page: int | None = 100
        self.referrers: bytes | None = None
        self.link = '<{}>; rel="next"'
        self.says_length = True
        # The bytes of these bodies that clients have taken, as far as the system tells.
        self.sent = 0
        # The paths of all requests for manifests and blobs that were let in, in their order.
        self.asked: list[str] = []
        self.authorizations: dict[str, str | None] = {}
        self.token_requests: list[dict[str, list[str]]] = []

    def put(self, name: str, image: Image | Index, tag: str) -> None:
        """Have an image, or an index and all that it lists, in a repository."""
        for each in [*(image.images if isinstance(image, Index) else ()), image]:
            self.manifests[name, each.digest] = each
        self.manifests[name, tag] = image
        self.blobs.update({blob.digest: blob.content for blob in image.blobs})

    def setting(self, name: str = "quay") -> str:
        """The value of the setting `upstreams` that has this registry for the one of that name."""
        return f"{name}={self.url}"


@contextmanager
def running_upstream() -> Iterator[Upstream]:
    """A registry that has nothing yet."""

    class Handler(_Handler):
        pass

    server = _Server(("127.0.0.1", 0), Handler)
    Handler.upstream = Upstream(f"http://127.0.0.1:{server.server_port}")
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield Handler.upstream
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Nothing: clients may close a connection before they have read all."""


class _Handler(BaseHTTPRequestHandler):
    upstream: Upstream
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        upstream, path = self.upstream, urlsplit(self.path).path
        authorization = self.headers.get("Authorization")
        if path == "/token":
            self._give_token(authorization)
        elif path.startswith("/elsewhere/"):
            upstream.authorizations[path] = authorization
            self._answer(200, upstream.blobs[path.rpartition("/")[2]])
        elif not self._is_let_in(authorization):
            self._challenge()
        elif path == "/v2/":
            self._answer(upstream.status or 200)
        else:
            upstream.asked.append(path)
            upstream.when_asked(path)
            self._give(path)

    def _is_let_in(self, authorization: str | None) -> bool:
        if self.upstream.token_service:
            return authorization == f"Bearer {TOKEN}"
        return self.upstream.login is None or authorization == self._basic()

    def _basic(self) -> str:
        assert self.upstream.login is not None
        return f"Basic {base64.b64encode(':'.join(self.upstream.login).encode()).decode()}"

    def _challenge(self) -> None:
        url = self.upstream.url
        if self.upstream.token_service:
            realm = f"{url}/token?account=x" if self.upstream.realm is None else self.upstream.realm
            challenge = f'Bearer realm="{realm}",service="a registry"'
        else:
            challenge = f'Basic realm="{url}"'
        if self.upstream.challenge_excess:
            self.send_response(401)
            self.send_header("WWW-Authenticate", challenge)
            self._give_much(b"", self.upstream.challenge_excess)
        else:
            self._answer(401, b"Not Authorized", WWW_Authenticate=challenge)

    def _give_token(self, authorization: str | None) -> None:
        self.upstream.token_requests.append(parse_qs(urlsplit(self.path).query))
        if self.upstream.login is not None and authorization != self._basic():
            self._answer(401)
        else:
            self._answer(200, json.dumps({"token": TOKEN}).encode())

    def _give(self, path: str) -> None:
        upstream = self.upstream
        if upstream.status:
            self._answer(upstream.status, b'{"errors":[]}')
            return
        name, kind, reference = path.removeprefix("/v2/").rsplit("/", 2)
        if kind == "blobs" and upstream.elsewhere:
            self._answer(307, Location=f"{upstream.elsewhere}/elsewhere/{reference}")
        elif kind == "blobs" and reference in upstream.blobs:
            self.send_response(200)
            self._give_much(upstream.blobs[reference], upstream.excess)
        elif kind == "referrers" and upstream.referrers_on_page is not None:
            self._give_referrers(name, reference, upstream.referrers_on_page)
        elif kind == "manifests" and (name, reference) in upstream.manifests:
            image = upstream.manifests[name, reference]
            encoding = {"Content-Encoding": upstream.coding} if upstream.gzip else {}
            self._answer(
                200,
                upstream.gzip(image.manifest) if upstream.gzip else image.manifest,
                **encoding,
                Content_Type=upstream.content_type or image.media_type,
                Docker_Content_Digest=image.digest,
            )
        else:
            self._answer(404, b'{"errors":[]}')

    def _give_referrers(self, name: str, subject: str, count: int) -> None:
        query = parse_qs(urlsplit(self.path).query)
        first = int(query.get("first", ["0"])[0])
        found = {
            image.digest: image.media_type
            for (repository, _), image in self.upstream.manifests.items()
            if repository == name
            and json.loads(image.manifest).get("subject", {}).get("digest") == subject
        }
        page = list(found.items())[first : first + count]
        body = {"manifests": [{"digest": digest, "mediaType": kind} for digest, kind in page]}
        following = f"/v2/{name}/referrers/{subject}?first={first + count}"
        has_more = len(found) > first + count
        link = {"Link": self.upstream.link.format(following)} if has_more else {}
        content = self.upstream.referrers
        self._answer(200, json.dumps(body).encode() if content is None else content, **link)

    def _give_much(self, content: bytes, excess: int) -> None:
        upstream, more = self.upstream, bytes(1024 * 1024)
        if upstream.says_length:
            self.send_header("Content-Length", str(len(content) + excess))
        else:
            # The end of the connection is that of the body (RFC 9112, 6.3).
            self.send_header("Connection", "close")
        self.end_headers()
        for piece in (content, *[more] * (excess // len(more))):
            self.wfile.write(piece)
            upstream.sent += len(piece)

    def _answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing, since the tests say what went wrong."""
