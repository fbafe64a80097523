"""The registry of a request, by its host, else by its token; and the separation of registries."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import moto.core.utils
import pytest
import requests

from moto_ecr_ext.testing import build_image, pull
from support.constants import ACCOUNT, OTHER_ACCOUNT
from support.environments import Environment
from support.registry_client import LogIn, RegistrySession, RepositoryClient, assert_refused

IMAGE = build_image(seed="registry", layers=1)
OTHER = build_image(seed="other registry", layers=1)

# Region -> the hosts of its registries, as https://docs.aws.amazon.com/general/latest/gr/ecr.html has them.
HOSTS = {
    "us-east-1": [
        "{}.dkr.ecr.us-east-1.amazonaws.com",
        "{}.dkr.ecr-fips.us-east-1.amazonaws.com",
        "{}.dkr-ecr.us-east-1.on.aws",
        "{}.dkr-ecr-fips.us-east-1.on.aws",
    ],
    "cn-north-1": [
        "{}.dkr.ecr.cn-north-1.amazonaws.com.cn",
        "{}.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn",
    ],
    "us-gov-west-1": [
        "{}.dkr.ecr.us-gov-west-1.amazonaws.com",
        "{}.dkr.ecr-fips.us-gov-west-1.amazonaws.com",
    ],
    "us-iso-east-1": ["{}.dkr.ecr.us-iso-east-1.c2s.ic.gov"],
    "us-isob-east-1": ["{}.dkr.ecr.us-isob-east-1.sc2s.sgov.gov"],
    "eu-isoe-west-1": ["{}.dkr.ecr.eu-isoe-west-1.cloud.adc-e.uk"],
    "us-isof-south-1": ["{}.dkr.ecr.us-isof-south-1.csp.hci.ic.gov"],
    "eusc-de-east-1": ["{}.dkr.ecr.eusc-de-east-1.amazonaws.eu"],
}
LOCAL_HOSTS = [
    "{}.dkr.ecr.us-east-1.localhost",
    "{}.dkr.ecr.us-east-1.localhost:5000",
    "{}.dkr-ecr.us-east-1.localhost:5000",
    "{}.dkr.ecr.us-east-1.localhost.localhost:80",
]


@pytest.mark.parametrize(
    ("region", "form"), [(region, form) for region, forms in HOSTS.items() for form in forms]
)
class TestHosts:
    """Every host that AWS has for a registry."""

    def test_in_the_process(self, in_process: Environment, region: str, form: str) -> None:
        """A push and a pull at the host reach the registry of its Region."""
        if region.startswith("eusc-") and "amazonaws.eu" not in getattr(
            moto.core.utils, "ALT_DOMAIN_SUFFIXES", ()
        ):
            pytest.skip("this moto leaves the API of the European Sovereign Cloud to the network")
        ecr = boto3.client("ecr", region_name=region)
        uri = ecr.create_repository(repositoryName="team/app")["repository"]["repositoryUri"]
        [data] = ecr.get_authorization_token()["authorizationData"]
        assert f"{HOSTS[region][0]}/team/app".format(ACCOUNT) == uri
        assert data["proxyEndpoint"] == f"https://{uri.partition('/')[0]}"

        url = f"https://{form.format(ACCOUNT)}"
        with RegistrySession(url, data["authorizationToken"]) as session:
            response = session.post("/v2/team/app/blobs/uploads/")
            assert response.headers["Location"].startswith(f"{url}/v2/team/app/blobs/uploads/")
            RepositoryClient(session, "team/app").push(IMAGE, "v1")
            assert session.get("/v2/team/app/manifests/v1").content == IMAGE.manifest
        assert pull(ecr, "team/app", "v1").digest == IMAGE.digest

    def test_at_a_server(self, server: Environment, region: str, form: str) -> None:
        """A Host header names the registry, at whatever address it arrives."""
        ecr = server.client(region=region, account=OTHER_ACCOUNT)
        ecr.create_repository(repositoryName="team/app")
        [data] = ecr.get_authorization_token()["authorizationData"]
        assert server.endpoint_url
        with RegistrySession(server.endpoint_url, data["authorizationToken"]) as session:
            host = form.format(OTHER_ACCOUNT)
            session.headers["Host"] = host
            assert session.get("/v2/_catalog").json() == {"repositories": ["team/app"]}
            upload = session.post("/v2/team/app/blobs/uploads/").headers["Location"]
            assert upload.startswith(f"http://{host}/v2/team/app/blobs/uploads/")
            session.headers["Host"] = form.format(ACCOUNT)
            assert_refused(
                session.get("/v2/team/app/tags/list"),
                404,
                "NAME_UNKNOWN",
                "The repository with name 'team/app' does not exist "
                f"in the registry with id '{ACCOUNT}'",
            )


class TestLocalHosts:
    """Names below `localhost`, which the machine itself answers."""

    @pytest.fixture
    def aws(self, server: Environment) -> Environment:
        return server

    @pytest.mark.parametrize("form", LOCAL_HOSTS)
    def test_account_and_region(self, ecr: Any, log_in: LogIn, form: str) -> None:
        """The host name selects the account, if the caller has access to it."""
        ecr.create_repository(repositoryName="team/app")
        session = log_in()
        session.headers["Host"] = form.format(ACCOUNT)
        assert session.get("/v2/_catalog").json() == {"repositories": ["team/app"]}
        session.headers["Host"] = form.format(OTHER_ACCOUNT)
        response = session.get("/v2/_catalog")
        assert response.status_code == 403
        assert f"arn:aws:ecr:us-east-1:{OTHER_ACCOUNT}:repository/*" in response.text

    def test_a_local_name(self, aws: Environment, log_in: LogIn) -> None:
        """123456789012.dkr.ecr.eu-west-1.localhost:PORT is the registry of that account in that Region."""
        assert aws.endpoint_url
        port = aws.endpoint_url.rpartition(":")[2]
        host = f"{ACCOUNT}.dkr.ecr.eu-west-1.localhost:{port}"
        aws.client(region="eu-west-1").create_repository(repositoryName="team/app")
        session = log_in(region="eu-west-1")
        session.headers["Host"] = host
        repository = RepositoryClient(session, "team/app")
        location = repository.push(IMAGE, "v1").headers["Location"]
        assert location == f"http://{host}/v2/team/app/manifests/{IMAGE.digest}"
        assert repository.get("/manifests/v1").content == IMAGE.manifest

    @pytest.mark.parametrize(
        "host",
        [
            "registry.localhost:5000",
            f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com:5000",
            f"{ACCOUNT}.DKR.ECR.us-east-1.AmazonAWS.com",
        ],
    )
    def test_the_first_question(self, aws: Environment, host: str) -> None:
        """A client that asks for /v2/ before the login is challenged, at any name and port, in any case."""
        assert aws.endpoint_url
        response = requests.get(f"{aws.endpoint_url}/v2/", headers={"Host": host}, timeout=60)
        assert response.status_code == 401
        realm = f'Basic realm="http://{host.lower()}/",service="ecr.amazonaws.com"'
        assert response.headers["WWW-Authenticate"] == realm

    @pytest.mark.parametrize(
        "form",
        [
            "{}.dkr.ecr.us-east-1.amazonaws.com:5000",
            "{}.dkr-ecr.us-east-1.on.aws:80",
            "{}.DKR.ECR.us-east-1.LOCALHOST:5000",
        ],
    )
    def test_any_port_and_case(self, ecr: Any, log_in: LogIn, form: str) -> None:
        """A name of ECR's form selects the account, whatever its port and case."""
        ecr.create_repository(repositoryName="team/app")
        session = log_in()
        session.headers["Host"] = form.format(ACCOUNT)
        assert session.get("/v2/_catalog").json() == {"repositories": ["team/app"]}
        session.headers["Host"] = form.format(OTHER_ACCOUNT)
        assert session.get("/v2/_catalog").status_code == 403

    @pytest.mark.parametrize(
        "host",
        [
            "localhost:5000",
            "registry.example.com",
            "[::1]:5000",
            "1234.dkr.ecr.us-east-1.localhost",
            f"{ACCOUNT}.dkr.ecr.localhost",
            f"{ACCOUNT}.dkr.ecr.us-east-1.example.com",
        ],
    )
    def test_any_other_host(self, ecr: Any, log_in: LogIn, host: str) -> None:
        """Any other host selects the registry of the token."""
        ecr.create_repository(repositoryName="team/app")
        session = log_in()
        session.headers["Host"] = host
        assert session.get("/v2/_catalog").json() == {"repositories": ["team/app"]}

    def test_an_unknown_region(self, session: RegistrySession) -> None:
        """A host of an unknown Region refuses the token."""
        session.headers["Host"] = f"{ACCOUNT}.dkr.ecr.us-middle-9.localhost"
        assert session.get("/v2/").status_code == 400


class TestApart:
    """Registries of two accounts and two regions, with repositories of one name."""

    REGISTRIES: tuple[dict[str, str], ...] = (
        {},
        {"account": OTHER_ACCOUNT},
        {"region": "eu-west-1"},
        {"account": OTHER_ACCOUNT, "region": "eu-west-1"},
    )

    @pytest.fixture
    def repositories(self, aws: Environment, log_in: LogIn) -> list[RepositoryClient]:
        for registry in self.REGISTRIES:
            aws.client(**registry).create_repository(repositoryName="team/app")
        return [RepositoryClient(log_in(**registry), "team/app") for registry in self.REGISTRIES]

    def test_images(self, aws: Environment, repositories: list[RepositoryClient]) -> None:
        """An image exists only in the registry that it was pushed to, under either protocol."""
        for position, repository in enumerate(repositories):
            image = build_image(seed=f"registry {position}", layers=1)
            repository.push(image, "v1")
            for other in repositories:
                if other is not repository:
                    assert other.head(f"/manifests/{image.digest}").status_code == 404
                    assert not other.holds(image.layers[0])
        for position, repository in enumerate(repositories):
            image = build_image(seed=f"registry {position}", layers=1)
            assert repository.get("/manifests/v1").content == image.manifest
            client = aws.client(**self.REGISTRIES[position])
            assert pull(client, "team/app", "v1").digest == image.digest
            account = self.REGISTRIES[position].get("account", ACCOUNT)
            [detail] = client.describe_images(repositoryName="team/app")["imageDetails"]
            assert (detail["registryId"], detail["imageDigest"]) == (account, image.digest)

    def test_uploads(self, repositories: list[RepositoryClient]) -> None:
        """An upload session belongs to the registry that it was started in."""
        first, *others = repositories
        upload_id = first.start_upload().rpartition("/")[2]
        for other in others:
            assert other.get(f"/blobs/uploads/{upload_id}").status_code == 404
        assert first.get(f"/blobs/uploads/{upload_id}").status_code == 204

    def test_deleting(self, repositories: list[RepositoryClient]) -> None:
        """The bytes of a blob stay for the other registries that hold it."""
        for repository in repositories:
            repository.push(IMAGE, "v1")
        for gone, repository in enumerate(repositories):
            assert repository.delete(f"/manifests/{IMAGE.digest}").status_code == 202
            assert not repository.holds(IMAGE.layers[0])
            for other in repositories[gone + 1 :]:
                assert other.get(f"/blobs/{IMAGE.layers[0].digest}").content == (
                    IMAGE.layers[0].content
                )


PULL = ("BatchGetImage", "GetDownloadUrlForLayer", "BatchCheckLayerAvailability")
PUSH = (*PULL, "InitiateLayerUpload", "UploadLayerPart", "CompleteLayerUpload", "PutImage")


class TestAnotherAccount:
    """A caller of one account at the registry of another."""

    @pytest.fixture
    def stranger(self, repository: RepositoryClient, log_in: LogIn) -> RepositoryClient:
        """The default registry's repository, by the token of another account; it has IMAGE."""
        repository.push(IMAGE, "v1")
        session = log_in(account=OTHER_ACCOUNT)
        session.registry_url = repository.session.registry_url
        session.headers["Host"] = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com"
        return RepositoryClient(session, "team/app")

    def allow(self, ecr: Any, *actions: str, effect: str = "Allow") -> None:
        policy = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": effect,
                    "Principal": {"AWS": f"arn:aws:iam::{OTHER_ACCOUNT}:root"},
                    "Action": [f"ecr:{action}" for action in actions],
                }
            ],
        }
        ecr.set_repository_policy(repositoryName="team/app", policyText=json.dumps(policy))

    def actions(self) -> dict[str, tuple[str, str]]:
        """Requests, and the actions that they need."""
        upload = "/blobs/uploads/0b1c2d3e-0000-4000-8000-000000000000"
        return {
            "BatchGetImage": ("GET", "/manifests/v1"),
            "GetDownloadUrlForLayer": ("GET", f"/blobs/{IMAGE.layers[0].digest}"),
            "BatchCheckLayerAvailability": ("HEAD", f"/blobs/{IMAGE.layers[0].digest}"),
            "ListImages": ("GET", "/tags/list"),
            "InitiateLayerUpload": ("POST", "/blobs/uploads/"),
            "UploadLayerPart": ("PATCH", upload),
            "CompleteLayerUpload": ("PUT", f"{upload}?digest={IMAGE.digest}"),
            "PutImage": ("PUT", "/manifests/v2"),
            "BatchDeleteImage": ("DELETE", "/manifests/v1"),
        }

    def test_without_a_policy(
        self, repository: RepositoryClient, stranger: RepositoryClient
    ) -> None:
        """Another account may call nothing without a policy, and the error names the action."""
        for action, (method, path) in self.actions().items():
            response = stranger.request(
                method, path, data=OTHER.manifest, headers={"Content-Type": OTHER.media_type}
            )
            assert response.status_code == 403, action
            if method != "HEAD":
                assert_refused(
                    response,
                    403,
                    "DENIED",
                    f"User: arn:aws:iam::{OTHER_ACCOUNT}:root is not authorized to perform: ecr:{action} "
                    f"on resource: arn:aws:ecr:us-east-1:{ACCOUNT}:repository/team/app "
                    f"because no resource-based policy allows the ecr:{action} action",
                )
        assert repository.get("/tags/list").json()["tags"] == ["v1"]

    def test_pull(self, ecr: Any, stranger: RepositoryClient) -> None:
        """A policy that allows pulls allows only pulls."""
        self.allow(ecr, *PULL)
        assert stranger.get("/manifests/v1").content == IMAGE.manifest
        for blob in IMAGE.blobs:
            assert stranger.holds(blob)
            assert stranger.get(f"/blobs/{blob.digest}").content == blob.content
        assert stranger.post("/blobs/uploads/").status_code == 403
        assert stranger.delete("/manifests/v1").status_code == 403

    def test_push(self, ecr: Any, repository: RepositoryClient, stranger: RepositoryClient) -> None:
        """An image that another account pushes belongs to the repository."""
        self.allow(ecr, *PUSH)
        stranger.push(OTHER, "v2")
        assert repository.get("/manifests/v2").content == OTHER.manifest
        details = ecr.describe_images(repositoryName="team/app")["imageDetails"]
        assert {each["registryId"] for each in details} == {ACCOUNT}
        assert stranger.get("/tags/list").status_code == 403

    def test_deny(self, ecr: Any, stranger: RepositoryClient) -> None:
        """A policy that denies overrides what others allow."""
        self.allow(ecr, *PULL, effect="Deny")
        assert stranger.get("/manifests/v1").status_code == 403

    def test_the_registry_s_policy_ends(self, ecr: Any, stranger: RepositoryClient) -> None:
        """A change of the policy applies to the next request."""
        self.allow(ecr, *PULL)
        assert stranger.get("/manifests/v1").status_code == 200
        ecr.delete_repository_policy(repositoryName="team/app")
        assert stranger.get("/manifests/v1").status_code == 403


@pytest.mark.parametrize(
    ("host", "headers", "query"),
    [
        pytest.param("bucket.localhost", {}, "", id="a bucket in the host"),
        pytest.param("bucket.s3.localhost", {}, "", id="S3's name in the host"),
        pytest.param("127.0.0.1", {"Authorization": "AWS a:b"}, "", id="signature version 2"),
        pytest.param(
            "127.0.0.1", {}, "?AWSAccessKeyId=a&Signature=b&Expires=9", id="URL of version 2"
        ),
    ],
)
def test_objects_of_s3_whose_keys_begin_with_v2_are_s3_s(
    server: Any, host: str, headers: dict[str, str], query: str
) -> None:
    """Virtual hosts and signatures of S3 are left to S3, also with keys that begin with v2."""
    port = server.endpoint_url.rpartition(":")[2]
    answer = requests.get(
        f"{server.endpoint_url}/v2/key{query}",
        headers={"Host": f"{host}:{port}", **headers},
        timeout=60,
    )
    assert "Docker-Distribution-Api-Version" not in answer.headers


@pytest.mark.parametrize(
    "ns", ["docker.io", "registry.test:5000", "", "a b", "x\r\nSet-Cookie: a=b", "ä", "a/b"]
)
def test_the_namespace_of_a_mirror(repository: RepositoryClient, ns: str) -> None:
    """`ns` selects nothing here; a Link keeps it, and OCI-Namespace repeats it if it is a host.

    containerd and podman send it to hosts that they use as mirrors; it may be ignored
    (https://github.com/containerd/containerd/pull/4413). The repository's name has what a pull-through cache rule
    needs.
    """
    repository.push(IMAGE, "v1")
    repository.put_manifest(IMAGE, "v2")
    paths = ["/manifests/v1", f"/manifests/{IMAGE.digest}", f"/blobs/{IMAGE.config.digest}"]
    for path in [*paths, "/tags/list", f"/referrers/{IMAGE.digest}"]:
        for method in ("GET", "HEAD"):
            plain = repository.request(method, path)
            mirrored = repository.request(method, path, params={"ns": ns})
            assert (mirrored.status_code, mirrored.content) == (200, plain.content)
            assert mirrored.headers["Content-Type"] == plain.headers["Content-Type"]
            assert "OCI-Namespace" not in plain.headers
            expected = ns if ns in ("docker.io", "registry.test:5000") else None
            assert mirrored.headers.get("OCI-Namespace") == expected
    page = repository.get("/tags/list", params={"ns": ns, "n": "1"})
    assert parse_qs(urlsplit(page.links["next"]["url"]).query, keep_blank_values=True) == {
        "ns": [ns],
        "n": ["1"],
        "last": ["v1"],
    }
