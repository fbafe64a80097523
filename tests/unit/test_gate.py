"""The gate of a server: web pages by their origin, and names of the server.

https://fetch.spec.whatwg.org/#origin-header, https://www.w3.org/TR/fetch-metadata/
"""

from __future__ import annotations

import pytest

from moto_ecr_ext.distribution.carriers.gate import Gate, is_foreign
from moto_ecr_ext.distribution.errors import RegistryError
from moto_ecr_ext.distribution.messages import Response

HOST = "localhost:5000"
ORIGIN = "https://app.example.com"


def is_admitted(gate: Gate, host: str = HOST, **headers: str) -> bool:
    """The headers' names have underscores in place of hyphens."""
    try:
        gate.check("GET", host, {name.replace("_", "-"): text for name, text in headers.items()})
    except RegistryError:
        return False
    return True


@pytest.mark.parametrize(
    ("host", "is_name"),
    [
        ("localhost:5000", True),
        ("LOCALHOST:5000", True),
        ("localhost.:5000", True),
        ("host.docker.internal", True),
        ("registry.localhost:5000", True),
        ("127.0.0.1:5000", True),
        ("[::1]:5000", True),
        ("123456789012.dkr.ecr.us-east-1.amazonaws.com", True),
        ("registry.test", True),
        ("a.example.com:5000", True),
        ("example.com", False),
        ("notexample.com", False),
        ("b.registry.test", False),
        ("evil.test:5000", False),
    ],
)
def test_names_of_the_server(host: str, is_name: bool) -> None:
    """A name leads to this machine or to AWS, or is allowed, by itself or with all names below a domain."""
    gate = Gate((), ("registry.test", "*.example.com"))
    assert is_admitted(gate, host) is is_name


@pytest.mark.parametrize("names", [None, ("*",), ("registry.test", "*")])
def test_any_name(names: tuple[str, ...] | None) -> None:
    """Names are not checked for other machines, or if all are allowed."""
    assert is_admitted(Gate((), names), "evil.test:5000")


@pytest.mark.parametrize("headers", [{}, {"origin": "https://evil.test"}])
def test_the_refusal(headers: dict[str, str]) -> None:
    """A refusal names the flag that would admit the request."""
    with pytest.raises(RegistryError, match="--allowed-") as refused:
        Gate((), ()).check("GET", HOST if headers else "evil.test", headers)
    assert (refused.value.status, refused.value.code) == (403, "DENIED")


def test_no_host_is_no_name() -> None:
    """A request without a host, as of HTTP/1.0, is admitted; a malformed host is refused as such."""
    gate = Gate((), ())
    gate.check_name("")
    with pytest.raises(RegistryError) as refused:
        gate.check_name("a b")
    assert refused.value.status == 400


@pytest.mark.parametrize(
    ("headers", "is_allowed"),
    [
        ({}, True),
        ({"origin": "http://localhost:5000"}, True),
        ({"origin": "https://localhost:5000"}, True),
        ({"origin": "http://localhost:8080"}, False),
        ({"origin": ORIGIN}, True),
        ({"origin": ORIGIN.upper()}, True),
        ({"origin": "https://evil.test"}, False),
        ({"origin": "null"}, False),
        ({"sec_fetch_site": "none"}, True),
        ({"sec_fetch_site": "same-origin"}, True),
        ({"sec_fetch_site": "same-site"}, True),
        ({"sec_fetch_site": "cross-site"}, False),
        ({"sec_fetch_site": "cross-site", "origin": ORIGIN}, True),
    ],
)
def test_web_pages(headers: dict[str, str], is_allowed: bool) -> None:
    """Pages of the same site and of allowed origins may use the server."""
    assert is_admitted(Gate([ORIGIN], ()), **headers) is is_allowed


@pytest.mark.parametrize("headers", [{"origin": "null"}, {"sec_fetch_site": "cross-site"}])
def test_all_origins(headers: dict[str, str]) -> None:
    """`*` allows the pages of all sites, also of those that do not name their origin."""
    assert is_admitted(Gate(["*"], ()), **headers)


LINK = {
    "sec-fetch-site": "cross-site",
    "sec-fetch-mode": "navigate",
    "sec-fetch-dest": "document",
}


@pytest.mark.parametrize(
    ("method", "headers", "is_it"),
    [
        ("GET", LINK, False),
        ("HEAD", LINK, False),
        ("POST", LINK, True),
        ("GET", {**LINK, "sec-fetch-mode": "cors"}, True),
        ("GET", {**LINK, "sec-fetch-mode": "websocket"}, True),
        ("GET", {**LINK, "sec-fetch-dest": "iframe"}, True),
        ("GET", {**LINK, "origin": "https://evil.test"}, True),
        ("GET", {"sec-fetch-site": "same-site"}, True),
        ("GET", {"sec-fetch-site": "same-origin"}, False),
        ("GET", {}, False),
        ("GET", {"origin": f"ftp://{HOST}"}, True),
    ],
)
def test_a_followed_link_is_not_foreign(method: str, headers: dict[str, str], is_it: bool) -> None:
    """The user sees the target of a link, and the page with the link does not."""
    assert is_foreign(method, HOST, headers) is is_it


def test_a_page_without_a_host_is_foreign() -> None:
    """An empty host is not that of an origin without one."""
    assert is_foreign("GET", "", {"origin": "http://"})


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("GET", {"origin": ORIGIN, "access-control-request-method": "PUT"}),
        ("POST", {"origin": ORIGIN, "access-control-request-method": "PUT"}),
        ("OPTIONS", {"origin": ORIGIN}),
        ("OPTIONS", {"access-control-request-method": "PUT"}),
        ("OPTIONS", {"origin": "https://evil.test", "access-control-request-method": "PUT"}),
    ],
)
def test_other_requests_than_a_preflight(method: str, headers: dict[str, str]) -> None:
    """A browser's preflight request has a method and two headers; those of other origins are not answered."""
    assert Gate([ORIGIN], ()).preflight(method, headers) is None


def test_a_preflight() -> None:
    """The answer to a preflight request of an allowed origin names the methods, whatever other headers there are."""
    headers = {"origin": ORIGIN, "access-control-request-method": "PUT", "accept": "*/*"}
    response = Gate([ORIGIN], ()).preflight("OPTIONS", headers)
    assert response is not None
    assert response.status == 204
    assert "PUT" in response.headers["Access-Control-Allow-Methods"]


def test_an_answer_for_a_page() -> None:
    """Only the pages of an allowed origin may read an answer."""
    gate = Gate([ORIGIN], ())
    response, other = Response(200), Response(200)
    gate.show(response, ORIGIN)
    gate.show(other, "https://evil.test")
    assert response.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "Access-Control-Allow-Origin" not in other.headers
