"""Logging in: the password of GetAuthorizationToken, checked on every request; URLs that need none.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html
"""

from __future__ import annotations

import base64
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import boto3
import pytest
import requests
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from freezegun import freeze_time

from moto_ecr_ext.testing import build_image
from support.constants import ACCOUNT, OTHER_ACCOUNT
from support.environments import Environment
from support.iam import Role, User
from support.registry_client import (
    LogIn,
    RegistrySession,
    RepositoryClient,
    assert_refused,
    assert_token_refused,
)

IMAGE = build_image(seed="login", layers=1)
LAYER = IMAGE.layers[0]
EXPIRED = "Your authorization token has expired. Reauthenticate and try again."
# Every endpoint, the ones that are not there included: who is not known learns nothing.
REQUESTS = [
    ("GET", "/v2/"),
    ("HEAD", "/v2/"),
    ("GET", "/v2/_catalog"),
    ("GET", "/v2/team/app/tags/list"),
    ("GET", "/v2/team/none/tags/list"),
    ("GET", "/v2/team/app/manifests/v1"),
    ("HEAD", "/v2/team/app/manifests/v1"),
    ("PUT", "/v2/team/app/manifests/v2"),
    ("DELETE", "/v2/team/app/manifests/v1"),
    ("GET", f"/v2/team/app/blobs/{LAYER.digest}"),
    ("HEAD", f"/v2/team/app/blobs/{LAYER.digest}"),
    ("DELETE", f"/v2/team/app/blobs/{LAYER.digest}"),
    ("POST", "/v2/team/app/blobs/uploads/"),
    ("PATCH", "/v2/team/app/blobs/uploads/0b1c2d3e-0000-4000-8000-000000000000"),
    ("GET", f"/v2/team/app/referrers/{IMAGE.digest}"),
]


def basic(text: str | bytes) -> str:
    """An Authorization header of Basic."""
    content = text if isinstance(text, bytes) else text.encode()
    return f"Basic {base64.b64encode(content).decode()}"


def password_of(session: RegistrySession) -> str:
    """The password that a session is logged in with."""
    token = str(session.headers["Authorization"]).partition(" ")[2]
    user, _, password = base64.b64decode(token).decode().partition(":")
    assert user == "AWS"
    return password


def assert_unauthorized(aws: Environment, response: requests.Response) -> None:
    """Check an answer against ECR's 401, which is plain text."""
    is_head = response.request.method == "HEAD"
    assert (response.status_code, response.text) == (401, "" if is_head else "Not Authorized\n")
    assert response.headers["WWW-Authenticate"] == (
        f'Basic realm="{aws.registry_url()}/",service="ecr.amazonaws.com"'
    )
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert response.headers["Content-Length"] == "15"
    assert response.headers["Docker-Distribution-Api-Version"] == "registry/2.0"


@pytest.fixture
def pushed(repository: RepositoryClient) -> RepositoryClient:
    """A repository with IMAGE."""
    repository.push(IMAGE, "v1")
    return repository


class TestPassword:
    """Credentials that open a registry, and those that do not."""

    @pytest.mark.parametrize(("method", "path"), REQUESTS)
    def test_without(
        self, aws: Environment, pushed: RepositoryClient, method: str, path: str
    ) -> None:
        """Without credentials every endpoint answers 401, and changes nothing."""
        pushed.session.log_in(None)
        assert_unauthorized(aws, pushed.session.request(method, path))

    def test_docker_login(self, session: RegistrySession) -> None:
        """The token is the ready-made parameter of Basic, and its password works for `docker login`."""
        assert session.get("/v2/").status_code == 200
        password = password_of(session)
        session.log_in(None)
        assert session.get("/v2/", auth=("AWS", password)).status_code == 200

    def test_nothing_was_done(self, aws: Environment, pushed: RepositoryClient) -> None:
        """A delete without credentials deletes nothing."""
        token = str(pushed.session.headers["Authorization"]).partition(" ")[2]
        pushed.session.log_in(None)
        assert_unauthorized(aws, pushed.delete("/manifests/v1"))
        pushed.session.log_in(token)
        assert pushed.head("/manifests/v1").status_code == 200

    @pytest.mark.parametrize("user", ["aws", "", "root", "AWS "])
    def test_another_user(self, aws: Environment, session: RegistrySession, user: str) -> None:
        """A user name other than AWS is refused."""
        session.headers["Authorization"] = basic(f"{user}:{password_of(session)}")
        assert_unauthorized(aws, session.get("/v2/"))

    @pytest.mark.parametrize("scheme", ["basic", "BASIC"])
    def test_the_scheme_s_case(self, session: RegistrySession, scheme: str) -> None:
        """The name of the scheme may be written any way (RFC 9110, 11.1)."""
        session.headers["Authorization"] = str(session.headers["Authorization"]).replace(
            "Basic", scheme
        )
        assert session.get("/v2/").status_code == 200

    @pytest.mark.parametrize(
        "header",
        [
            "",
            "Basic",
            "Basic ",
            "Basic !!!",
            basic(b"AWS:\xff\xfe"),
            "Bearer QVdTOngK",
            "QVdTOngK",
            "Basic Ünïcode".encode().decode("latin-1"),
        ],
    )
    def test_no_password(self, aws: Environment, session: RegistrySession, header: str) -> None:
        """Without a password of the user AWS, the registry asks for one."""
        session.headers["Authorization"] = header
        assert_unauthorized(aws, session.get("/v2/"))

    @pytest.mark.parametrize("text", ["AWS", "AWS:", "AWS:wrong", "AWS:a.b", "AWS:.", "AWS:ä.ö"])
    @pytest.mark.parametrize("quirks", ["none", "aws"])
    def test_no_token(
        self, aws: Environment, session: RegistrySession, text: str, quirks: str
    ) -> None:
        """A password that is no token is refused in every setting, with a text that clients print.

        https://github.com/aws/aws-cli/issues/4962, https://github.com/aws/aws-cli/issues/5317
        """
        aws.configure(quirks=quirks)
        session.headers["Authorization"] = basic(text)
        response = session.get("/v2/")
        assert_token_refused(response)
        assert "WWW-Authenticate" not in response.headers
        assert session.head("/v2/").status_code == 400

    def test_altered(self, session: RegistrySession) -> None:
        """A password is refused if any part of it was changed."""
        password = password_of(session)
        for position in range(0, len(password), 7):
            other = "A" if password[position] != "A" else "B"
            altered = password[:position] + other + password[position + 1 :]
            session.headers["Authorization"] = basic(f"AWS:{altered}")
            assert_token_refused(session.get("/v2/"))
        for altered in (password[:-1], password + "0", password + ".0", f".{password}"):
            session.headers["Authorization"] = basic(f"AWS:{altered}")
            assert_token_refused(session.get("/v2/"))

    def test_forged(self, session: RegistrySession) -> None:
        """A signature is refused with the payload of another password."""
        forged = password_of(session).replace(ACCOUNT, OTHER_ACCOUNT)
        session.headers["Authorization"] = basic(f"AWS:{forged}")
        assert_token_refused(session.get("/v2/"))


class TestExpiry:
    """Twelve hours by moto's clock."""

    def test_expires(self, ecr: Any, repository: RepositoryClient) -> None:
        """The token is valid to the second; then ECR's text gives the reason."""
        issued = datetime(2026, 5, 1, 12, 0, 0, tzinfo=timezone.utc)
        with freeze_time(issued) as clock:
            [data] = ecr.get_authorization_token()["authorizationData"]
            assert data["expiresAt"] == issued + timedelta(hours=12)
            repository.session.log_in(data["authorizationToken"])
            assert repository.get("/tags/list").status_code == 200
            clock.tick(timedelta(hours=12, seconds=-1))
            assert repository.get("/tags/list").status_code == 200
            clock.tick(timedelta(seconds=1))
            for method, path in REQUESTS:
                response = repository.session.request(method, path)
                assert response.status_code == 403
                if method != "HEAD":
                    assert_refused(response, 403, "DENIED", EXPIRED)
            [data] = ecr.get_authorization_token()["authorizationData"]
            repository.session.log_in(data["authorizationToken"])
            assert repository.get("/tags/list").status_code == 200

    def test_expires_in_the_middle_of_a_push(self, ecr: Any, repository: RepositoryClient) -> None:
        """The token is checked on every request; the upload session survives a new login."""
        upload = repository.start_upload()
        with freeze_time(datetime.now(timezone.utc) + timedelta(hours=13)):
            assert_refused(repository.patch(upload, data=b"bytes"), 403, "DENIED", EXPIRED)
            [data] = ecr.get_authorization_token()["authorizationData"]
            repository.session.log_in(data["authorizationToken"])
            assert repository.get(upload).headers["Range"] == "0-0"
            assert repository.patch(upload, data=b"bytes").status_code == 202


class TestRegion:
    """A token is good for the registries of one region."""

    def test_another_region(self, aws: Environment, log_in: LogIn) -> None:
        """At the host of another region's registry a token is refused."""
        session = log_in(region="eu-west-1")
        host = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com"
        session.headers["Host"] = host
        session.registry_url = aws.registry_url()
        assert_token_refused(session.get("/v2/"))


class TestServer:
    """Behaviour that needs a server: hosts that name no registry, and resets by request."""

    @pytest.fixture
    def aws(self, server: Environment) -> Environment:
        return server

    def test_the_registry_of_the_token(self, ecr: Any, log_in: LogIn) -> None:
        """At a host that names no registry, the registry is that of the token."""
        ecr.create_repository(repositoryName="team/app")
        assert log_in().get("/v2/_catalog").json() == {"repositories": ["team/app"]}
        assert log_in(region="eu-west-1").get("/v2/_catalog").json() == {"repositories": []}
        assert log_in(account=OTHER_ACCOUNT).get("/v2/_catalog").json() == {"repositories": []}

    def test_after_a_reset(self, aws: Environment, session: RegistrySession) -> None:
        """A token of the account stays valid after a reset of the server, so that no client has to log in again."""
        requests.post(f"{aws.endpoint_url}/moto-api/reset", timeout=20)
        assert session.get("/v2/").status_code == 200


@pytest.mark.parametrize("principal", [User, Role])
def test_a_principal_that_a_reset_has_removed(
    aws: Environment, principal: type[User] | type[Role]
) -> None:
    """The passwords of users and sessions of moto's IAM end with them; one of the same name needs a new one.

    A password is the caller's own, with the caller's permissions:
    https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html
    """
    everything = {"Action": "*", "Resource": "*"}
    before = principal(aws, **everything).client().get_authorization_token()
    session = RegistrySession(
        aws.registry_url(), before["authorizationData"][0]["authorizationToken"]
    )
    assert session.get("/v2/").status_code == 200
    url = aws.endpoint_url or "http://motoapi.amazonaws.com"
    requests.post(f"{url}/moto-api/reset", timeout=20)
    assert_token_refused(session.get("/v2/"))
    after = principal(aws, **everything).client().get_authorization_token()
    assert_token_refused(session.get("/v2/"))
    session.log_in(after["authorizationData"][0]["authorizationToken"])
    assert session.get("/v2/").status_code == 200


class TestSignedRequests:
    """Requests below /v2/ with a signature of AWS are for other services of the server."""

    @pytest.fixture
    def aws(self, server: Environment) -> Environment:
        return server

    def test_ses_v2(self, aws: Environment) -> None:
        """SES v2 answers at /v2/email/…"""
        client = aws.client("sesv2")
        client.create_contact_list(ContactListName="readers")
        assert [
            each["ContactListName"] for each in client.list_contact_lists()["ContactLists"]
        ] == ["readers"]

    def test_api_gateway_v2(self, aws: Environment) -> None:
        """API Gateway v2 answers at /v2/apis/…"""
        client = aws.client("apigatewayv2")
        api = client.create_api(Name="api", ProtocolType="HTTP")["ApiId"]
        client.create_stage(ApiId=api, StageName="prod")
        assert client.get_api(ApiId=api)["Name"] == "api"
        assert [each["StageName"] for each in client.get_stages(ApiId=api)["Items"]] == ["prod"]
        client.delete_api(ApiId=api)
        assert client.get_apis()["Items"] == []

    @pytest.mark.parametrize(
        ("signer", "status"), [(SigV4Auth, 200), (SigV4QueryAuth, 404)], ids=["header", "query"]
    )
    def test_signed_any_way(self, aws: Environment, signer: Any, status: int) -> None:
        """A signature in the header or in the query leaves the request to moto.

        moto takes the second kind for S3's.
        """
        request = AWSRequest("GET", f"{aws.endpoint_url}/v2/apis")
        signer(Credentials("test", "test"), "apigateway", "us-east-1").add_auth(request)
        prepared = request.prepare()
        response = requests.get(prepared.url, headers=dict(prepared.headers.items()), timeout=20)
        assert response.status_code == status
        assert "Docker-Distribution-Api-Version" not in response.headers

    def test_not_in_the_process(self, in_process: Environment) -> None:
        """In the test process these services have separate hosts, so that the paths are the registry's."""
        client = boto3.client("apigatewayv2", region_name="us-east-1")
        assert client.get_apis()["Items"] == []


class TestSignedUrl:
    """The URL of GetDownloadUrlForLayer needs no password."""

    @pytest.fixture
    def url(self, ecr: Any, pushed: RepositoryClient) -> str:
        answer = ecr.get_download_url_for_layer(repositoryName="team/app", layerDigest=LAYER.digest)
        return str(answer["downloadUrl"])

    def test_get(self, url: str) -> None:
        """A client without credentials gets the layer, whole and in ranges."""
        response = requests.get(url, timeout=20)
        assert (response.status_code, response.content) == (200, LAYER.content)
        part = requests.get(url, headers={"Range": "bytes=2-5"}, timeout=20)
        assert (part.status_code, part.content) == (206, LAYER.content[2:6])
        head = requests.head(url, timeout=20)
        assert (head.status_code, head.content) == (200, b"")

    def test_for_an_hour(self, ecr: Any, pushed: RepositoryClient) -> None:
        """The URL expires after an hour."""
        with freeze_time("2026-05-01 12:00:00") as clock:
            url = ecr.get_download_url_for_layer(
                repositoryName="team/app", layerDigest=LAYER.digest
            )["downloadUrl"]
            clock.tick(timedelta(minutes=60, seconds=-1))
            assert requests.get(url, timeout=20).status_code == 200
            clock.tick(timedelta(seconds=1))
            assert_refused(requests.get(url, timeout=20), 403, "DENIED", "Request has expired")

    @pytest.mark.parametrize("method", ["DELETE", "PUT", "POST", "PATCH"])
    def test_for_reading(self, pushed: RepositoryClient, url: str, method: str) -> None:
        """The URL only reads: every other method needs a password."""
        response = requests.request(method, url, timeout=20)
        assert response.status_code == (401 if method == "DELETE" else 405)
        assert pushed.holds(LAYER)

    @pytest.mark.parametrize(
        "change", ["digest", "repository", "registry", "region", "expiry", "signature", "tags"]
    )
    def test_for_one_layer_of_one_repository(
        self, ecr: Any, pushed: RepositoryClient, url: str, change: str
    ) -> None:
        """The URL is refused if its layer, its repository or anything else is changed."""
        ecr.create_repository(repositoryName="team/other")
        RepositoryClient(pushed.session, "team/other").push_blob(LAYER.content)
        query = dict(parse_qsl(urlsplit(url).query))
        path = url.partition("?")[0]
        if change == "digest":
            path = path.replace(LAYER.digest, IMAGE.config.digest)
        elif change == "repository":
            path = path.replace("team/app", "team/other")
        elif change == "tags":
            path = path.rpartition("/blobs/")[0] + "/tags/list"
        else:
            name, value = {
                "registry": ("X-Ecr-Registry", OTHER_ACCOUNT),
                "region": ("X-Ecr-Region", "eu-west-1"),
                "expiry": ("X-Ecr-Expires", "99999999999"),
                "signature": ("X-Ecr-Signature", "0" * 64),
            }[change]
            query[name] = value
        response = requests.get(f"{path}?{urlencode(query)}", timeout=20)
        if change == "tags":
            assert response.status_code == 401
        else:
            assert_refused(
                response,
                403,
                "DENIED",
                "The request signature does not match the URL that was signed",
            )

    @pytest.mark.parametrize("left_out", ["X-Ecr-Registry", "X-Ecr-Expires", "X-Ecr-Signature"])
    def test_half_a_signature(self, url: str, left_out: str) -> None:
        """A part of the signature that is missing, or not text, does not match."""
        query = parse_qs(urlsplit(url).query)
        del query[left_out]
        path = url.partition("?")[0]
        response = requests.get(f"{path}?{urlencode(query, doseq=True)}", timeout=20)
        assert response.status_code == (401 if left_out == "X-Ecr-Signature" else 403)
        query["X-Ecr-Signature"] = ["\udcff"]
        encoded = urlencode(query, doseq=True, errors="surrogateescape")
        assert requests.get(f"{path}?{encoded}", timeout=20).status_code == 403

    def test_gone_with_the_layer(self, pushed: RepositoryClient, url: str) -> None:
        """A deleted layer is missing, also by a URL that has not expired."""
        pushed.delete(f"/manifests/{IMAGE.digest}")
        response = requests.get(url, timeout=20)
        assert response.status_code == 404
        assert response.json()["errors"][0]["code"] == "BLOB_UNKNOWN"

    def test_the_digest_in_capitals(self, url: str) -> None:
        """Other spellings of the digest are refused."""
        changed = url.replace(LAYER.digest, LAYER.digest.upper())
        assert requests.get(changed, timeout=20).status_code == 400
