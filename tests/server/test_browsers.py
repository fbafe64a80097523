"""Web pages and a server of the same machine: pages of other sites change and read nothing.

https://fetch.spec.whatwg.org/#origin-header, https://www.w3.org/TR/fetch-metadata/. What other programs do that listen
on loopback: Jupyter (`allow_remote_access`), Vite (`server.allowedHosts`, CVE-2025-24010), webpack-dev-server
(CVE-2025-30360, CVE-2026-6402).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from support.commands import PATIENCE, Command, Server, running_server
from support.registry_client import Connection

FOREIGN = "https://evil.example"
ALLOWED = "http://localhost:3000"

API_HEADERS = {
    "Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/ecr/aws4_request, "
    "SignedHeaders=host, Signature=0",
    "Content-Type": "application/x-amz-json-1.1",
}
# What moto finds the service by, however it is written.
API_HEADERS_IN_CAPITALS = {
    **API_HEADERS,
    "Authorization": API_HEADERS["Authorization"].replace("/ecr/", "/ECR/"),
}
TARGET = "AmazonEC2ContainerRegistry_V20150921."


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that keeps its data in a directory."""
    directory = tmp_path_factory.mktemp("browsers") / "registry"
    with running_server("--data-dir", str(directory), "--allowed-origins", ALLOWED) as server:
        yield server


@pytest.fixture
def server(running: Server) -> Server:
    """A server with one repository."""
    running.reset()
    running.client().create_repository(repositoryName="team/app")
    return running


def repositories(server: Server) -> list[str]:
    return [
        each["repositoryName"] for each in server.client().describe_repositories()["repositories"]
    ]


def ask(server: Server, method: str, path: str, **headers: str) -> requests.Response:
    """Send a request as a browser would."""
    return requests.request(
        method,
        server.url + path,
        headers={name.replace("_", "-"): value for name, value in headers.items()},
        timeout=PATIENCE,
    )


def call(
    server: Server, operation: str, body: object, headers: dict[str, str], **more: str
) -> requests.Response:
    """Call an operation of ECR as an SDK in a browser would."""
    return requests.post(
        server.url,
        data=json.dumps(body),
        headers={
            **headers,
            "X-Amz-Target": TARGET + operation,
            **{name.replace("_", "-"): value for name, value in more.items()},
        },
        timeout=PATIENCE,
    )


FOREIGN_PAGES = {
    "another site": {"Origin": FOREIGN, "Sec_Fetch_Site": "cross-site"},
    "another site, without Fetch Metadata": {"Origin": FOREIGN},
    "another port of this machine": {"Origin": "http://localhost:1"},
    "no origin that can be told": {"Origin": "null"},
    "an origin without a value": {"Origin": ""},
    "an origin that is none": {"Origin": "evil"},
    "a site of an unknown kind": {"Sec_Fetch_Site": "unknown"},
    "a site of two kinds": {"Sec_Fetch_Site": "none, cross-site"},
    "a request whose answer nobody reads": {
        "Sec_Fetch_Site": "cross-site",
        "Sec_Fetch_Mode": "no-cors",
    },
    "a frame": {
        "Sec_Fetch_Site": "cross-site",
        "Sec_Fetch_Mode": "navigate",
        "Sec_Fetch_Dest": "iframe",
    },
}
foreign_pages = pytest.mark.parametrize("page", FOREIGN_PAGES.values(), ids=FOREIGN_PAGES.keys())


@foreign_pages
def test_foreign_pages_do_not_reset(server: Server, page: dict[str, str]) -> None:
    """A page of another site that posts to moto's own API is refused, and nothing is emptied."""
    answer = ask(server, "POST", "/moto-api/reset", **page)
    assert answer.status_code == 403
    assert answer.json()["__type"] == "AccessDeniedException"
    assert "--allowed-origins" in answer.json()["message"]
    assert repositories(server) == ["team/app"]


@foreign_pages
@pytest.mark.parametrize("headers", [API_HEADERS, API_HEADERS_IN_CAPITALS], ids=["ecr", "ECR"])
def test_foreign_pages_do_not_call_ecr(
    server: Server, page: dict[str, str], headers: dict[str, str]
) -> None:
    """A page of another site gets no password, and deletes nothing."""
    answer = call(server, "GetAuthorizationToken", {}, headers, **page)
    assert (answer.status_code, answer.json()["__type"]) == (403, "AccessDeniedException")
    assert "authorizationData" not in answer.text
    deletion = {"repositoryName": "team/app", "force": True}
    assert call(server, "DeleteRepository", deletion, headers, **page).status_code == 403
    assert repositories(server) == ["team/app"]


@foreign_pages
@pytest.mark.parametrize("is_split", [False, True], ids=["whole head", "split head"])
def test_foreign_pages_do_not_use_the_registry(
    server: Server, page: dict[str, str], is_split: bool
) -> None:
    """A page of another site is refused before its password is looked at, however its head arrives."""
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in page.items()]
    wire = "\r\n".join(
        ["POST /v2/team/app/blobs/uploads/ HTTP/1.1", f"Host: {server.address}", *lines, "", ""]
    ).encode()
    with Connection(server.url) as connection:
        if is_split:
            connection.send_in_pieces(wire, 9)
        else:
            connection.send(wire)
        connection.stop_sending()
        head, _, content = connection.read_to_end().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 403 ")
    [error] = json.loads(content)["errors"]
    assert error["code"] == "DENIED"


OWN_PAGES = {
    "no browser": {},
    "the page itself": {"Origin": "http://ADDRESS", "Sec_Fetch_Site": "same-origin"},
    "the page behind a proxy that speaks TLS": {"Origin": "https://ADDRESS"},
    "a page that may": {"Origin": ALLOWED, "Sec_Fetch_Site": "cross-site"},
    "an address that the user has typed": {"Sec_Fetch_Site": "none"},
}


@pytest.mark.parametrize("page", OWN_PAGES.values(), ids=OWN_PAGES.keys())
def test_own_pages_may(server: Server, page: dict[str, str]) -> None:
    """Pages of the server itself, and those of a flag, do what other clients do."""
    page = {name: value.replace("ADDRESS", server.address) for name, value in page.items()}
    assert call(server, "GetAuthorizationToken", {}, API_HEADERS, **page).status_code == 200
    assert ask(server, "GET", "/v2/", **page).status_code == 401
    assert ask(server, "POST", "/moto-api/reset", **page).status_code == 200
    assert repositories(server) == []


def test_the_page_of_another_scheme_is_foreign(server: Server) -> None:
    """Whoever can change plain HTTP could serve such a page under the name of a server that uses TLS."""
    page = {"Origin": f"https://{server.address}", "Sec_Fetch_Site": "cross-site"}
    assert call(server, "GetAuthorizationToken", {}, API_HEADERS, **page).status_code == 403
    assert ask(server, "GET", "/v2/", **page).status_code == 403
    assert ask(server, "POST", "/moto-api/reset", **page).status_code == 403
    assert repositories(server) == ["team/app"]


def test_links_are_followed(server: Server) -> None:
    """A link from another site to a page of the server shows that page to the user."""
    navigation = {
        "Sec_Fetch_Site": "cross-site",
        "Sec_Fetch_Mode": "navigate",
        "Sec_Fetch_Dest": "document",
    }
    assert ask(server, "GET", "/moto-api/", **navigation).status_code == 200
    assert ask(server, "POST", "/moto-api/reset", **navigation).status_code == 403


def test_other_services_keep_their_pages(server: Server) -> None:
    """SDKs in browsers use other services of moto as before."""
    answer = ask(server, "PUT", "/bucket", Origin=FOREIGN, Sec_Fetch_Site="cross-site")
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] in ("*", FOREIGN)


def test_allowed_pages_read_the_registry(server: Server) -> None:
    """A page that may use the registry gets the headers that its browser asks for.

    https://fetch.spec.whatwg.org/#http-cors-protocol
    """
    question = {
        "Origin": ALLOWED,
        "Access_Control_Request_Method": "PUT",
        "Access_Control_Request_Headers": "authorization,content-type",
    }
    before = ask(server, "OPTIONS", "/v2/team/app/manifests/v1", **question)
    assert before.status_code == 204
    assert before.headers["Access-Control-Allow-Origin"] == ALLOWED
    assert "PUT" in before.headers["Access-Control-Allow-Methods"]
    assert "Authorization" in before.headers["Access-Control-Allow-Headers"]
    assert before.headers["Vary"] == "Origin"

    tags = server.registry("GET", "/v2/team/app/tags/list", headers={"Origin": ALLOWED})
    assert (tags.status_code, tags.headers["Access-Control-Allow-Origin"]) == (200, ALLOWED)
    assert "Docker-Content-Digest" in tags.headers["Access-Control-Expose-Headers"]

    answer = ask(server, "OPTIONS", "/v2/team/app/manifests/v1", **{**question, "Origin": FOREIGN})
    assert answer.status_code == 403
    assert "Access-Control-Allow-Origin" not in answer.headers


NAMES = {
    "127.0.0.1:PORT": 401,
    "localhost:PORT": 401,
    "LOCALHOST": 401,
    "localhost.": 401,
    "[::1]:PORT": 401,
    "192.168.0.7:5000": 401,
    "123456789012.dkr.ecr.us-east-1.localhost:PORT": 401,
    "123456789012.dkr.ecr.us-east-1.amazonaws.com": 401,
    "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn": 401,
    "123456789012.dkr-ecr.us-east-1.on.aws": 401,
    "host.docker.internal:PORT": 401,
    "registry.test:PORT": 401,
    "a.b.dev.test": 401,
    "evil.example": 403,
    "evil.example:PORT": 403,
    "registry.test.evil.example": 403,
    "dev.test": 403,
    "amazonaws.com.evil.example": 403,
    "evilamazonaws.com": 403,
    "amazonaws.com": 403,
    "notlocalhost": 403,
    "localhost.evil.example": 403,
    "127.0.0.1.evil.example": 403,
    "evil.example#.amazonaws.com": 400,
    "user@localhost": 400,
    "localhost:port": 400,
}


@pytest.fixture(scope="module")
def named() -> Iterator[Server]:
    """A server with additional names."""
    with running_server("--allowed-hosts", "registry.test, *.dev.test") as server:
        server.client().create_repository(repositoryName="team/app")
        yield server


@pytest.mark.parametrize("name", NAMES)
def test_names(named: Server, name: str) -> None:
    """Another name for the machine is refused: its pages would be the server's own (DNS rebinding)."""
    host = name.replace("PORT", named.address.rpartition(":")[2])
    status = NAMES[name]

    answer = ask(named, "GET", "/v2/", Host=host)
    assert answer.status_code == status
    if status == 403:
        assert "--allowed-hosts" in answer.json()["errors"][0]["message"]

    # The Origin of a page is then the server's own.
    answer = ask(named, "POST", "/moto-api/reset", Host=host, Origin=f"http://{host}")
    assert (answer.status_code == 200) == (status == 401)
    if status != 401:
        assert repositories(named) == ["team/app"]
    else:
        named.client().create_repository(repositoryName="team/app")


def test_names_of_buckets(named: Server) -> None:
    """moto finds a bucket by the host name, which has dots as bucket names do."""
    for name in ("my.bucket.s3.amazonaws.com", "my-bucket.localhost"):
        assert ask(named, "PUT", "/", Host=name).status_code == 200
    assert ask(named, "GET", "/", Host="bucket.evil.example").status_code == 403


def test_names_of_a_server_for_other_machines() -> None:
    """A server that other machines reach accepts names that it does not know."""
    with running_server("--host", "0.0.0.0") as server:
        assert ask(server, "GET", "/v2/", Host="registry.example:5000").status_code == 401
        assert ask(server, "POST", "/moto-api/reset", Origin=FOREIGN).status_code == 403


def test_all_pages_and_names() -> None:
    """`*` allows all pages and names."""
    with running_server("--allowed-origins", "*", MOTO_ECR_ALLOWED_HOSTS="*") as server:
        answer = ask(server, "POST", "/moto-api/reset", Origin=FOREIGN, Host="evil.example")
        assert answer.status_code == 200
        assert ask(server, "GET", "/v2/", Sec_Fetch_Site="cross-site").status_code == 401


def test_foreign_pages_and_the_proxy(tmp_path: Path) -> None:
    """A page of another site does not empty the data directory of a proxy."""
    with Command(
        "moto_ecr_proxy", "--port", "0", "--data-dir", str(tmp_path / "registry")
    ) as command:
        port = command.wait_for(r"Serving HTTP Proxy on \S+:(\d+) ")[1]
        url = f"http://localhost:{port}/moto-api/reset"

        def reset(**headers: str) -> Any:
            return requests.post(url, headers=headers, timeout=PATIENCE).status_code

        assert reset(Origin=FOREIGN) == 403
        assert reset(**{"Sec-Fetch-Site": "cross-site"}) == 403
        assert reset(Origin=f"http://localhost:{port}") == 200
        assert reset() == 200
