"""Requests that no client sends: they cause no internal error, and no file outside of the data directory."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from errno import ECONNRESET, ENOTCONN, EPIPE
from pathlib import Path

import pytest
import requests
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from moto.moto_server import werkzeug_app

import moto_ecr_ext
from moto_ecr_ext.oci.digest import Digest
from moto_ecr_ext.testing import OCI, build_image
from support.environments import Environment
from support.registry_client import Connection, RegistrySession, RepositoryClient

pytestmark = [pytest.mark.once, pytest.mark.slow]

IMAGE = build_image(seed="fuzz", layers=1)
UPLOAD = "0b1c2d3e-0000-4000-8000-000000000000"
SECRET = b"what only a path out of the data directory leads to"

INTERIM = b"HTTP/1.1 100 Continue\r\n\r\n"

# The same examples every time, so that a failure is one of the change under test.
fuzzed = settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@dataclass(frozen=True)
class Attempt:
    """A request as it goes over the wire. `cut` is how many bytes of the body are not sent."""

    method: str
    target: bytes
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    cut: int = 0
    chunked: bool = False

    def wire(self, host: str, authorization: str) -> bytes:
        """All of it."""
        headers = {"Host": host, "Authorization": authorization, "Connection": "close"}
        body = self.body
        if self.chunked:
            headers["Transfer-Encoding"] = "chunked"
            body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body) if body else b"0\r\n\r\n"
        elif body or self.method in ("PUT", "POST", "PATCH"):
            headers["Content-Length"] = str(len(body))
        headers.update(self.headers)
        head = f"{self.method} ".encode() + self.target + b" HTTP/1.1\r\n"
        for name, value in headers.items():
            head += f"{name}: {value}\r\n".encode("utf-8", "surrogateescape")
        return head + b"\r\n" + body[: max(len(body) - self.cut, 0)]


METHODS = st.sampled_from(
    ["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW", "get"]
)
# Paths that have led out of a directory in other servers, percent-encoded and plain.
ODD = st.sampled_from(
    [
        b"..",
        b"../..",
        b"%2e%2e",
        b"%2e%2e%2f%2e%2e%2f",
        b"..%2f..%2fetc%2fpasswd",
        b"%252e%252e",
        b"..\\..",
        b"%5c..",
        b".",
        b"",
        b"/",
        b"//",
        b"%00",
        b"%0d%0aX-Injected:%20yes",
        b"%",
        b"%zz",
        b"%u002e",
        b"%c0%ae%c0%ae",
        b"%ff%fe",
        b"\xff\xfe",
        b"\xc3\xa4",
        b"%ed%a0%80",
        b"a" * 300,
        b"A",
        b"~",
        b"<script>",
        b"{name}",
        b"*",
        b"x;y=z",
    ]
) | st.binary(max_size=12).map(lambda text: re.sub(rb"[\s?#\x1c-\x1f\x85\xa0]", b"-", text))
DIGESTS = st.sampled_from(
    [
        IMAGE.digest,
        IMAGE.config.digest,
        Digest.of(b""),
        Digest.of(b"", "sha512"),
        Digest.of(b"none"),
        "sha256:",
        "sha256",
        "sha256:" + "0" * 63,
        "sha256:" + "0" * 65,
        "sha256:" + "G" * 64,
        "sha256:" + "٣" * 64,
        "sha256:../../../secret",
        "sha256:..%2f..%2fsecret",
        "sha512:" + "0" * 64,
        "md5:" + "0" * 32,
        "SHA256:" + "0" * 64,
        "sha256:" + "0" * 64 + "\n",
        ":",
        "::",
    ]
)
REFERENCES = (
    st.sampled_from([b"v1", b"none", b"v" * 301, b"v1:v2", b"@", UPLOAD.encode()])
    | DIGESTS.map(lambda digest: digest.replace("\n", "%0a").encode())
    | ODD
)
NAMES = (
    st.sampled_from(
        [b"team/app", b"team/none", b"team%2Fapp", b"team//app", b"team/../app", b"a", b"_catalog"]
    )
    | ODD
)
ENDPOINTS = st.sampled_from(
    [b"tags/list", b"manifests", b"blobs", b"blobs/uploads", b"blobs/uploads/", b"referrers", b"x"]
)
NUMBERS = st.integers(-(10**30), 10**30).map(str) | st.sampled_from(
    ["", "0", "-0", "+1", "1_0", "1e3", "0x1", "٣", "9" * 5000, " 1", "NaN"]
)
QUERIES = st.dictionaries(
    st.sampled_from(["n", "last", "digest", "mount", "from", "artifactType", "X-Ecr-Signature"])
    | st.text(max_size=3),
    NUMBERS
    | DIGESTS
    | st.sampled_from(["team/app", "../..", "\0", "\udcff"])
    | st.text(max_size=8),
    max_size=3,
)
RANGES = st.builds("bytes={}-{}".format, NUMBERS, NUMBERS) | st.sampled_from(
    ["bytes=-5", "bytes=0-0,2-3", "bytes=5-2", "bytes", "=", "lines=1-2", "bytes=0-," * 50]
)
CONTENT_RANGES = st.builds("{}-{}".format, NUMBERS, NUMBERS) | st.sampled_from(
    ["0-0", "bytes 0-9/10", "bytes */10", "-", "", "a-b"]
)
# Header values that HTTP has: no control characters, and Latin-1 as it is on the wire.
TEXTS = st.text(
    st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=20
)
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "Range": RANGES | TEXTS,
        "If-Range": TEXTS,
        "If-None-Match": st.sampled_from(["*", '"a", W/"b"', '"', ","]) | TEXTS,
        "Content-Range": CONTENT_RANGES | TEXTS,
        "Content-Type": st.sampled_from([OCI.manifest, OCI.index, "text/plain", ";", ""]) | TEXTS,
        "Accept": st.sampled_from([OCI.manifest, "*/*", ",;,", "a" * 2000]) | TEXTS,
        "Content-Length": NUMBERS,
        "Transfer-Encoding": st.sampled_from(["chunked", "gzip, chunked", "identity", "Chunked"]),
        "Expect": st.just("100-continue"),
        "Authorization": st.sampled_from(["", "Basic", "Basic AAAA", "Bearer x"]) | TEXTS,
        "Host": st.sampled_from(
            [
                "123456789012.dkr.ecr.us-east-1.amazonaws.com",
                "123456789012.dkr.ecr.us-middle-9.localhost",
                "210987654321.dkr.ecr.us-east-1.localhost",
                "[::1]",
                "",
                "a:b:c",
            ]
        ),
    },
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@st.composite
def manifests(draw: st.DrawFn) -> bytes:
    """A manifest of which some members are something else."""
    document = json.loads(IMAGE.manifest)
    for name in draw(st.lists(st.sampled_from([*document, "subject", "annotations"]), max_size=2)):
        document[name] = draw(JSON)
    place = draw(st.sampled_from(["config", "layers"]))
    descriptor = document.get(place)
    if isinstance(descriptor, list) and descriptor:
        descriptor = descriptor[0]
    if isinstance(descriptor, dict):
        descriptor[draw(st.sampled_from(["digest", "size", "mediaType"]))] = draw(JSON | DIGESTS)
    return json.dumps(document).encode()


BODIES = st.binary(max_size=200) | st.just(IMAGE.manifest) | manifests() | st.just(b"[" * 3000)


@st.composite
def attempts(draw: st.DrawFn) -> Attempt:
    name, endpoint, reference = draw(NAMES), draw(ENDPOINTS), draw(REFERENCES)
    path = b"/v2/" + b"/".join((name, endpoint, reference)).replace(b" ", b"%20")
    # Private to requests, which encodes a query only together with a URL that it accepts.
    query = requests.models.RequestEncodingMixin._encode_params(
        {
            key.encode("utf-8", "surrogatepass"): value.encode("utf-8", "surrogatepass")
            for key, value in draw(QUERIES).items()
        }
    )
    body = draw(BODIES)
    return Attempt(
        method=draw(METHODS),
        target=path + (b"?" + str(query).encode() if query else b""),
        headers=draw(HEADERS),
        body=body,
        cut=draw(st.just(0) | st.integers(1, 300)),
        chunked=draw(st.booleans()),
    )


def assert_sound(status: int, content: bytes, headers: dict[str, str]) -> None:
    """Check that an answer is one of the registry, or of HTTP itself, and no failure."""
    assert 200 <= status < 500, content
    assert b"Traceback" not in content
    assert SECRET not in content
    assert "x-injected" not in headers
    if status >= 400 and headers.get("content-type", "").startswith("application/json") and content:
        for error in json.loads(content)["errors"]:
            assert re.fullmatch("[A-Z_]+", error["code"])
            assert error["message"]


@pytest.fixture(autouse=True)
def _no_errors_in_the_log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield
    # werkzeug logs every request line that cannot be read as an error.
    assert [
        record
        for record in caplog.records
        if record.levelno >= logging.ERROR and record.name != "werkzeug"
    ] == []


class TestServer:
    """Requests to a server with a data directory, byte by byte."""

    @pytest.fixture
    def data_dir(self, server: Environment, tmp_path: Path) -> Iterator[Path]:
        """The server's data directory, which is tidy in the end, beside a file that is nobody's business."""
        (tmp_path / "secret").write_bytes(SECRET)
        moto_ecr_ext.install(data_dir=tmp_path / "data")
        yield tmp_path / "data"
        assert_tidy(tmp_path / "data")

    @pytest.fixture
    def aws(self, server: Environment, data_dir: Path) -> Environment:
        return server

    @pytest.fixture
    def pushed(self, repository: RepositoryClient) -> RepositoryClient:
        repository.push(IMAGE, "v1")
        return repository

    def send(self, aws: Environment, session: RegistrySession, attempt: Attempt) -> None:
        assert aws.endpoint_url
        with Connection(aws.endpoint_url) as connection:
            try:
                connection.send(
                    attempt.wire(connection.host, str(session.headers["Authorization"]))
                )
                connection.stop_sending()
                answer = connection.read_to_end()
            except OSError as error:
                # The server answered and closed before all was sent.
                assert error.errno in (EPIPE, ECONNRESET, ENOTCONN)  # noqa: PT017
                return
        while answer.startswith(INTERIM):
            answer = answer.removeprefix(INTERIM)
        head, separator, content = answer.partition(b"\r\n\r\n")
        assert separator, answer
        status, *lines = head.decode("latin-1").split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines if ": " in line)
        lowered = {name.lower(): value for name, value in headers.items()}
        assert_sound(int(status.split(" ")[1]), content, lowered)

    @fuzzed
    @given(attempt=attempts())
    @example(attempt=Attempt("GET", b"/v2/team/app/blobs/../../../secret"))
    @example(attempt=Attempt("GET", b"/v2/team/app/blobs/sha256:..%2f..%2f..%2f..%2fsecret"))
    @example(attempt=Attempt("PATCH", b"/v2/team/app/blobs/uploads/..%2f..%2fout", body=b"out"))
    @example(attempt=Attempt("PUT", b"/v2/team/app/blobs/uploads/../out?digest=x", body=b"out"))
    @example(attempt=Attempt("GET", b"/v2/team/app/tags/list?" + b"a=b&" * 5000))
    @example(attempt=Attempt("GET", b"http://123456789012.dkr.ecr.us-east-1.localhost/v2/"))
    @example(attempt=Attempt("PUT", b"/v2/team/app/manifests/v1", {"Content-Length": "-1"}))
    @example(attempt=Attempt("PUT", b"/v2/team/app/manifests/v1", {"Content-Length": "1, 1"}))
    def test_requests(self, aws: Environment, pushed: RepositoryClient, attempt: Attempt) -> None:
        """No request makes the server fail, read or write outside of its directory, or hang."""
        self.send(aws, pushed.session, attempt)

    @pytest.mark.skipif(
        not hasattr(werkzeug_app, "MotoRequestHandler"),
        reason="on this moto werkzeug reads the URL first, and closes the connection",
    )
    def test_half_an_address(self, aws: Environment, pushed: RepositoryClient) -> None:
        """A malformed URL is answered."""
        self.send(aws, pushed.session, Attempt("GET", b"http://[::/v2/team/app/tags/list"))

    @pytest.mark.parametrize("path", ["/v2/team/app/manifests/v1", "/v2/team/app/tags/list"])
    def test_works_afterwards(self, aws: Environment, pushed: RepositoryClient, path: str) -> None:
        """A broken connection does not affect the next one."""
        for method in ("PUT", "GET"):
            self.send(
                aws, pushed.session, Attempt(method, path.encode(), body=b"x" * 1000, cut=900)
            )
            assert pushed.session.get(path).status_code == 200


def assert_tidy(data_dir: Path) -> None:
    """Check that everything is where it belongs, and nothing is anywhere else."""
    beside = {path.name for path in data_dir.parent.iterdir()}
    assert beside == {"data", "secret"}
    assert (data_dir.parent / "secret").read_bytes() == SECRET
    layout = re.compile(
        r"owner|lock|registry\.sqlite(-wal|-shm)?"
        r"|uploads(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})?"
        r"|blobs(/sha256(/[0-9a-f]{2}(/[0-9a-f]{64})?)?|/sha512(/[0-9a-f]{2}(/[0-9a-f]{128})?)?)?"
    )
    odd = [
        path
        for path in data_dir.rglob("*")
        if not layout.fullmatch(path.relative_to(data_dir).as_posix())
    ]
    assert odd == []


class TestInProcess:
    """Requests in the test process, as the library `requests` passes them."""

    @pytest.fixture
    def aws(self, in_process: Environment) -> Environment:
        return in_process

    @pytest.fixture
    def pushed(self, repository: RepositoryClient) -> RepositoryClient:
        repository.push(IMAGE, "v1")
        return repository

    @fuzzed
    @given(attempt=attempts())
    def test_requests(self, pushed: RepositoryClient, attempt: Attempt) -> None:
        """No request raises an exception in the test that makes it."""
        if attempt.method not in ("GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS"):
            return  # moto leaves other methods to the network.
        session = pushed.session
        prepared = session.prepare_request(
            requests.Request(attempt.method, session.registry_url, data=attempt.body)
        )
        # What `requests` would tidy up, or refuse, goes as it is.
        prepared.url = session.registry_url + attempt.target.decode("latin-1")
        for name, value in attempt.headers.items():
            if name not in ("Content-Length", "Transfer-Encoding", "Host", "Expect"):
                prepared.headers[name] = value
        response = session.send(prepared)
        lowered = {name.lower(): value for name, value in response.headers.items()}
        assert_sound(response.status_code, response.content, lowered)
