"""Clients at the host names of AWS, through `moto_ecr_proxy`, and AWS's helper for credentials."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from moto_ecr_ext.testing import build_image, build_index, write_oci_layout
from support.aws_hosts import CA, REGISTRY, make_certificates
from support.commands import PATIENCE, REFUSES_MOTO_CA, Command, running_server
from support.programs import Home, Program

HELPER = "docker-credential-ecr-login"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
}


@pytest.fixture(scope="module")
def proxy() -> Iterator[str]:
    """The URL of a proxy."""
    make_certificates()
    with Command("moto_ecr_proxy", "--port", "0") as command:
        yield "http://" + command.wait_for(r"Serving HTTP Proxy on (\S+) ")[1]


@pytest.fixture
def proxied(proxy: str, tmp_path: Path) -> Home:
    """A home whose programs use the proxy, trust moto, and know nothing else of either."""
    return Home(
        tmp_path / "home", HTTPS_PROXY=proxy, SSL_CERT_FILE=CA, AWS_CA_BUNDLE=CA, **CREDENTIALS
    )


@pytest.fixture
def aws(proxied: Home) -> Program:
    """AWS's command line."""
    return proxied.program("aws")


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    """An OCI layout with an index `1.0` of two images, one of which has layers of some size."""
    image = build_image(seed=1, layers=2, layer_size=2_000_000)
    arm = build_image(seed=2, architecture="arm64")
    return write_oci_layout(build_index([image, arm]), tmp_path / "layout", "1.0")


def _blobs(layout: Path) -> dict[str, bytes]:
    """All that an OCI layout holds, by file name."""
    return {each.name: each.read_bytes() for each in layout.glob("blobs/sha256/*")}


@pytest.mark.parametrize("is_by_helper", [False, True], ids=["password", "credential-helper"])
def test_skopeo_pushes_and_pulls(
    proxied: Home, aws: Program, layout: Path, tmp_path: Path, is_by_helper: bool
) -> None:
    """An index with its images is pushed to the real host name and pulled, byte for byte.

    The login is the password that AWS's command line got, or that of AWS's helper, which asks the API.
    """
    name = f"helper-{is_by_helper}".lower()
    created = json.loads(aws("ecr", "create-repository", "--repository-name", name))
    uri = created["repository"]["repositoryUri"]
    assert uri == f"{REGISTRY}/{name}"
    logins = proxied.path / "auth.json"
    skopeo = proxied.program("skopeo", REGISTRY_AUTH_FILE=str(logins))
    if is_by_helper:
        proxied.program(HELPER)
        logins.write_text(json.dumps({"credHelpers": {REGISTRY: "ecr-login"}}))
    else:
        password = aws("ecr", "get-login-password")
        skopeo("login", "--username", "AWS", "--password-stdin", REGISTRY, stdin=password)

    skopeo("copy", "--all", f"oci:{layout}:1.0", f"docker://{uri}:1.0")
    skopeo("copy", "--all", f"docker://{uri}:1.0", f"oci:{tmp_path / 'back'}:1.0")

    assert _blobs(tmp_path / "back") == _blobs(layout)
    listed = json.loads(aws("ecr", "describe-images", "--repository-name", name))["imageDetails"]
    told = json.loads(skopeo("inspect", f"docker://{uri}:1.0"))
    (tagged,) = [each for each in listed if "imageTags" in each]
    assert (tagged["imageDigest"], tagged["imageTags"]) == (told["Digest"], ["1.0"])
    assert len(listed) == 3


def test_oras_attaches(proxied: Home, aws: Program) -> None:
    """oras pushes an artifact, and another that refers to it."""
    created = json.loads(aws("ecr", "create-repository", "--repository-name", "oras"))
    uri = created["repository"]["repositoryUri"]
    oras = proxied.program("oras")
    password = aws("ecr", "get-login-password")
    oras("login", "--username", "AWS", "--password-stdin", REGISTRY, stdin=password)
    (proxied.path / "file").write_text("content")

    oras("push", "--artifact-type", "application/vnd.example", f"{uri}:1.0", "file")
    oras("attach", "--artifact-type", "application/vnd.example.note", f"{uri}:1.0", "file")

    found = json.loads(oras("discover", "--format", "json", f"{uri}:1.0"))
    assert [each["artifactType"] for each in found["manifests"]] == ["application/vnd.example.note"]


@pytest.mark.skipif(REFUSES_MOTO_CA, reason="requests refuses moto's CA, which lacks an extension")
def test_an_answer_ends_its_connection(proxy: str, proxied: Home, aws: Program) -> None:
    """moto's proxy closes the connection after every answer, and this one says so. Otherwise Go's client would send
    its next request there: it lost every other upload, or waited for ever.
    """
    url = f"https://{REGISTRY}/v2/"
    answer = requests.get(url, proxies={"https": proxy}, verify=CA, timeout=PATIENCE)

    assert answer.status_code == 401
    assert answer.headers["Connection"] == "close"


def test_the_credential_helper_at_a_server(tmp_path: Path) -> None:
    """The helper takes its API from AWS_ENDPOINT_URL_ECR, and gives a password of the server.

    It takes only answers that name the registry as AWS does, so the server must too.
    """
    registry_host = f"{REGISTRY}\n"
    with running_server("--repository-uri", "aws") as server:
        home = Home(tmp_path / "home", AWS_ENDPOINT_URL_ECR=server.url, **CREDENTIALS)
        helper = home.program(HELPER)

        given = json.loads(helper("get", stdin=registry_host))

        assert (given["ServerURL"], given["Username"]) == (REGISTRY, "AWS")
        assert server.registry("GET", "/v2/", given["Secret"]).status_code == 200
        assert json.loads(helper("list")) == {f"https://{REGISTRY}": "AWS"}
