"""Installing the extension into moto and removing it: the effect of each seam, and the state afterwards."""

from __future__ import annotations

import hashlib
import http.client
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import boto3
import moto
import pytest
import requests
from botocore.config import Config
from botocore.handlers import BUILTIN_HANDLERS
from moto import backend_index, mock_aws
from moto.core.custom_responses_mock import CallbackResponse
from moto.ecr.models import ECRBackend as ECRBackendOfMoto
from moto.ecr.models import Repository, ecr_backends
from moto.moto_api._internal.urls import url_paths as moto_api_paths
from moto.moto_server import werkzeug_app
from werkzeug import serving
from werkzeug.serving import WSGIRequestHandler

import moto_ecr_ext
from moto_ecr_ext import settings, testing
from moto_ecr_ext._version import check_moto
from moto_ecr_ext.seams import installation
from moto_ecr_ext.seams.installation import is_installed
from support.constants import ACCOUNT, REGION
from support.environments import Environment

REGISTRY = f"https://{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/v2/"
HANDLER = getattr(werkzeug_app, "MotoRequestHandler", None)


def client(service: str = "ecr", **options: Any) -> Any:
    return boto3.Session().client(
        service,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        **options,
    )


def seams() -> dict[str, Any]:
    """All of moto and botocore that `install()` changes."""
    return {
        "backend factory": ecr_backends.backend,
        "URL patterns": list(backend_index.backend_url_patterns),
        "dispatch": werkzeug_app.DomainDispatcherApplication.__call__,
        "connections": HANDLER.__dict__.get("handle_one_request") if HANDLER else None,
        "limits": serving.ThreadedWSGIServer,
        "patience": (HANDLER or WSGIRequestHandler).setup,
        "heads": (HANDLER or WSGIRequestHandler).parse_request,
        "answers to TLS": (HANDLER or WSGIRequestHandler).default_request_version,
        "clients of requests": CallbackResponse.get_response,
        "handlers": list(BUILTIN_HANDLERS),
        "create": Repository.__dict__["create_from_cloudformation_json"],
        "update": Repository.__dict__["update_from_cloudformation_json"],
        "paths of moto's API": dict(moto_api_paths),
    }


# What they do.


def test_the_registry_answers_at_its_host_and_knows_what_boto3_made(stock_moto: None) -> None:
    """Under `mock_aws`, the host of a registry serves the repositories that boto3 created."""
    moto_ecr_ext.install()
    with mock_aws():
        ecr = client()
        ecr.create_repository(repositoryName="app")
        token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
        headers = {"Authorization": f"Basic {token}"}

        catalog = requests.get(f"{REGISTRY}_catalog", headers=headers)

        assert catalog.json() == {"repositories": ["app"]}


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1", "us-gov-west-1", "cn-north-1"])
@pytest.mark.parametrize("fips", [False, True], ids=["", "FIPS"])
@pytest.mark.parametrize("dual_stack", [False, True], ids=["", "dual-stack"])
def test_the_api_answers_at_all_its_hosts(
    stock_moto: None, region: str, fips: bool, dual_stack: bool
) -> None:
    """The hosts of ECR's API that moto does not list answer as well."""
    config = Config(use_fips_endpoint=fips, use_dualstack_endpoint=dual_stack)
    moto_ecr_ext.install()
    with mock_aws():
        ecr = boto3.client("ecr", region_name=region, config=config)
        arn = ecr.create_repository(repositoryName="app")["repository"]["repositoryArn"]

    assert f":ecr:{region}:" in arn


def test_requests_sends_a_body_of_pieces_and_asks_for_heads(stock_moto: None) -> None:
    """Clients of registries can push from iterators, and read the length in the answer to a HEAD."""
    moto_ecr_ext.install()
    with mock_aws(), requests.Session() as session:
        ecr = client()
        ecr.create_repository(repositoryName="app")
        token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
        session.headers["Authorization"] = f"Basic {token}"
        digest = f"sha256:{hashlib.sha256(b'a blob').hexdigest()}"
        upload = session.post(f"{REGISTRY}app/blobs/uploads/").headers["Location"]

        pushed = session.put(upload, params={"digest": digest}, data=iter([b"a ", b"blob"]))
        head = session.head(f"{REGISTRY}app/blobs/{digest}")

        assert pushed.status_code == 201
        assert (head.headers["Content-Length"], head.content) == ("6", b"")


def test_an_error_has_two_codes_and_the_class_of_aws(stock_moto: None) -> None:
    """A wrong digest has this project's code in `Error.Code`, and is caught as the exception of AWS."""
    moto_ecr_ext.install()
    with mock_aws():
        ecr = client()
        ecr.create_repository(repositoryName="app")
        upload = ecr.initiate_layer_upload(repositoryName="app")["uploadId"]
        ecr.upload_layer_part(
            repositoryName="app",
            uploadId=upload,
            partFirstByte=0,
            partLastByte=3,
            layerPartBlob=b"some",
        )

        with pytest.raises(ecr.exceptions.InvalidLayerException) as caught:
            ecr.complete_layer_upload(
                repositoryName="app", uploadId=upload, layerDigests=["sha256:" + "0" * 64]
            )

        assert caught.value.response["Error"]["Code"] == "LayerDigestMismatchException"
        assert caught.value.response["Error"]["QueryErrorCode"] == "InvalidLayerException"


def make_stack() -> None:
    client("cloudformation").create_stack(
        StackName="stack",
        TemplateBody="""{
            "Resources": {
                "App": {
                    "Type": "AWS::ECR::Repository",
                    "Properties": {
                        "RepositoryName": "app",
                        "ImageScanningConfiguration": {"ScanOnPush": "true"}
                    }
                }
            }
        }""",
    )


def test_a_stack_makes_a_repository_of_the_extension(stock_moto: None) -> None:
    """A stack's repository has all properties of its template, some of which moto's own omits."""
    moto_ecr_ext.install()
    with mock_aws():
        make_stack()
        (repository,) = client().describe_repositories()["repositories"]

    assert repository["imageScanningConfiguration"] == {"scanOnPush": True}


def test_connections_to_the_registry_are_kept(stock_server: str) -> None:
    """A server that was started before `install()` serves the registry, on one connection."""
    moto_ecr_ext.install()
    host, _, port = stock_server.rpartition(":")
    connection = http.client.HTTPConnection(host, int(port))

    answers = []
    for _ in range(2):
        connection.request("GET", "/v2/")
        answers.append(connection.getresponse())
        answers[-1].read()

    assert [answer.status for answer in answers] == [401, 401]
    is_kept = answers[0].headers.get("Connection") != "close"
    assert is_kept == (HANDLER is not None)
    connection.close()


# In and out again.


def test_uninstall_puts_everything_back(stock_moto: None) -> None:
    """After `uninstall()` moto and botocore are as they were before `install()`."""
    before = seams()

    moto_ecr_ext.install(verify_layers=True, quirks="aws")
    assert {name for name, seam in seams().items() if seam == before[name]} <= (
        set() if HANDLER else {"connections"}
    )
    moto_ecr_ext.uninstall()

    assert seams() == before
    assert (settings.VERIFY_LAYERS.get(), settings.QUIRKS.get()) == ("false", "none")
    assert not is_installed()


def test_after_uninstall_moto_itself_answers(stock_moto: None) -> None:
    """moto's own ECR, its own answer at the registry's host, and its own CloudFormation answer again."""
    with moto_ecr_ext.install(), mock_aws():
        client().create_repository(repositoryName="app")

    with mock_aws():
        ecr = client()
        assert isinstance(ecr_backends[ACCOUNT][REGION], ECRBackendOfMoto)
        assert ecr.describe_repositories()["repositories"] == []
        (login,) = ecr.get_authorization_token()["authorizationData"]
        assert login["expiresAt"].year == 2015
        refused = requests.get(REGISTRY)
        assert (refused.status_code, refused.text) == (400, "The method is not implemented")
        make_stack()
        assert isinstance(ecr_backends[ACCOUNT][REGION].repositories["app"], Repository)


def test_after_uninstall_the_server_is_moto_itself(stock_server: str) -> None:
    """A server that ran all the time takes /v2/ for a bucket of S3 again, as moto does."""
    url = f"http://{stock_server}/v2/"
    before = requests.get(url)

    with moto_ecr_ext.install():
        assert requests.get(url).status_code == 401

    after = requests.get(url)
    assert after.status_code == before.status_code == 404
    assert "NoSuchBucket" in after.text
    assert "NoSuchBucket" in before.text


def test_installing_twice_is_installing_once(stock_moto: None) -> None:
    """A second `install()` changes only the settings; one `uninstall()` undoes both."""
    before = seams()

    moto_ecr_ext.install(verify_layers=True)
    once = seams()
    moto_ecr_ext.install(quirks="aws")

    assert seams() == once
    assert (settings.VERIFY_LAYERS.get(), settings.QUIRKS.get()) == ("false", "aws")
    moto_ecr_ext.uninstall()
    assert seams() == before


def test_uninstalling_without_an_installation_does_nothing(stock_moto: None) -> None:
    """`uninstall()` without `install()`, or once more, is no error."""
    before = seams()

    moto_ecr_ext.uninstall()

    assert seams() == before


def test_install_is_a_context_manager(stock_moto: None) -> None:
    """The extension is installed inside the block, and removed after it, also after an error."""
    before = seams()

    with moto_ecr_ext.install():
        assert is_installed()
    with pytest.raises(ZeroDivisionError), moto_ecr_ext.install():
        raise ZeroDivisionError

    assert seams() == before


def test_a_block_within_an_installation_ends_alone(stock_moto: None) -> None:
    """The end of an inner block restores the outer installation, with its settings."""
    moto_ecr_ext.install(verify_layers=True, quirks="aws")

    with moto_ecr_ext.install(verify_layers=False):
        assert settings.VERIFY_LAYERS.get() == "false"
        assert settings.QUIRKS.get() == "none"

    assert is_installed()
    assert settings.VERIFY_LAYERS.get() == "true"
    assert settings.QUIRKS.get() == "aws"


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"verify_layer": True}, "unknown setting: verify_layer"),
        ({"quirks": "some"}, r"install\(quirks=...\) is 'some'; it must be one of none, aws"),
    ],
)
def test_a_wrong_setting_installs_nothing(
    stock_moto: None, setting: dict[str, Any], message: str
) -> None:
    """An unknown setting, or an impossible value, is an error and changes nothing."""
    before = seams()

    with pytest.raises(settings.SettingError, match=message):
        moto_ecr_ext.install(**setting)

    assert seams() == before


def test_a_seam_that_fails_takes_the_others_out(
    stock_moto: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If moto lacks a part that one seam needs, `install()` fails and undoes the others."""
    before = seams()

    def fail() -> None:
        raise AttributeError("moto has moved it")

    monkeypatch.setattr(installation, "_SEAMS", (*installation._SEAMS[:-1], fail))
    with pytest.raises(AttributeError, match="moto has moved it"):
        moto_ecr_ext.install()

    assert seams() == before
    assert not is_installed()


def test_what_was_in_memory_is_gone_after_uninstall(stock_moto: None) -> None:
    """The next `install()` begins with an empty registry, and with another key."""
    passwords = []
    for _ in range(2):
        with moto_ecr_ext.install():
            backend = ecr_backends[ACCOUNT][REGION]
            backend.create_repository(repository_name="app")
            passwords.append(backend.password().partition(".")[2])

    assert passwords[0] != passwords[1]


# What it costs, and what it leaves alone.


def run_python(text: str) -> str:
    """Return the output of a new Python that runs a script."""
    ran = subprocess.run(
        [sys.executable, "-c", dedent(text)], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_importing_the_package_changes_nothing() -> None:
    """No module of the package changes moto or botocore by being imported."""
    run_python(
        """
        import importlib, pkgutil
        from botocore.handlers import BUILTIN_HANDLERS
        from moto import backend_index
        from moto.ecr.models import Repository, ecr_backends
        from moto.moto_api._internal.urls import url_paths
        from moto.moto_server import werkzeug_app

        handler = getattr(werkzeug_app, "MotoRequestHandler", None)

        def seams():
            return [
                ecr_backends.backend,
                list(backend_index.backend_url_patterns),
                dict(vars(werkzeug_app.DomainDispatcherApplication)),
                handler and dict(vars(handler)),
                list(BUILTIN_HANDLERS),
                dict(vars(Repository)),
                dict(url_paths),
            ]

        before = seams()
        import moto_ecr_ext
        modules = list(pkgutil.walk_packages(moto_ecr_ext.__path__, "moto_ecr_ext."))
        assert len(modules) > 40, modules
        for module in modules:
            importlib.import_module(module.name)
        assert seams() == before
        assert not moto_ecr_ext.seams.installation.is_installed()
        """
    )


def test_sqlalchemy_is_imported_when_ecr_is_used() -> None:
    """A call imports SQLAlchemy; importing the package, installing it and other services do not."""
    run_python(
        """
        import sys
        import boto3
        import moto_ecr_ext
        from moto import mock_aws

        moto_ecr_ext.install()
        with mock_aws():
            boto3.client("sqs", region_name="us-east-1").list_queues()
            assert "sqlalchemy" not in sys.modules
            boto3.client("ecr", region_name="us-east-1").describe_repositories()
            assert "sqlalchemy" in sys.modules
        """
    )


def test_installing_imports_little() -> None:
    """`install()` imports no web framework, no database, no service of moto and no model of botocore."""
    run_python(
        """
        import sys
        import botocore.loaders
        from moto import mock_aws

        loaded = []
        load = botocore.loaders.Loader.load_data
        botocore.loaders.Loader.load_data = lambda self, name: loaded.append(name) or load(self, name)
        before = set(sys.modules)
        import moto_ecr_ext

        moto_ecr_ext.install()
        brought = {name for name in set(sys.modules) - before if not name.startswith("moto_ecr_ext")}
        for module in ("flask", "sqlalchemy", "cryptography", "alembic", "moto.ecr", "moto.moto_server"):
            assert module not in brought, module
        assert not [name for name in brought if name.startswith("moto.")]
        assert loaded == ["partitions"]
        assert len(brought) < 5, sorted(brought)
        assert len(set(sys.modules) - before) < 60, sorted(set(sys.modules) - before)
        """
    )


def test_unused_services_are_not_imported() -> None:
    """ECR's calls of unused services are answered without importing them."""
    run_python(
        """
        import sys
        import boto3
        import moto_ecr_ext
        from moto import mock_aws
        from moto_ecr_ext import testing

        profile = "arn:aws:signer:us-east-1:123456789012:/signing-profiles/images"
        secret = "arn:aws:secretsmanager:us-east-1:123456789012:secret:ecr-pullthroughcache/hub"
        with moto_ecr_ext.install(), mock_aws():
            ecr = boto3.client("ecr", region_name="us-east-1")
            key = {"encryptionType": "KMS", "kmsKey": "alias/images"}
            ecr.create_repository(repositoryName="app", encryptionConfiguration=key)
            ecr.put_signing_configuration(
                signingConfiguration={"rules": [{"signingProfileArn": profile}]}
            )
            testing.push(ecr, "app", testing.build_image(seed=1), tag="1.0")
            try:
                ecr.create_pull_through_cache_rule(
                    ecrRepositoryPrefix="hub",
                    upstreamRegistryUrl="registry-1.docker.io",
                    credentialArn=secret,
                )
            except ecr.exceptions.SecretNotFoundException:
                pass
            else:
                raise AssertionError("there is no secret")
        # moto's IAM imports its S3, and that EventBridge.
        for service in ("kms", "secretsmanager", "signer"):
            assert f"moto.{service}.models" not in sys.modules, service
        """
    )


@pytest.mark.parametrize("missing", ["flask", "flask_cors"])
def test_the_server_need_not_be_installed(missing: str) -> None:
    """The decorator works without Flask, and with only a part of the server's packages."""
    run_python(
        f"""
        import sys
        import boto3
        sys.modules["{missing}"] = None
        import moto_ecr_ext
        from moto import mock_aws

        with moto_ecr_ext.install(), mock_aws():
            ecr = boto3.client("ecr", region_name="us-east-1")
            assert ecr.describe_repositories()["repositories"] == []
        assert "moto.moto_server.werkzeug_app" not in sys.modules
        """
    )


@pytest.mark.parametrize("version", ["5.1.20", "5.2.0.dev1", "6.0.0", "10.0.0rc1", "unknown"])
def test_a_newer_moto_is_never_refused(version: str) -> None:
    """Newer versions are accepted, and so are versions that cannot be read."""
    check_moto(version)


@pytest.mark.parametrize("version", ["5.1.19", "5.0.28.dev1", "4.2.14"])
def test_an_older_moto_is_refused_at_once(
    stock_moto: None, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`install()` names the required moto in one sentence, and changes nothing."""
    before = seams()
    monkeypatch.setattr(moto, "__version__", version)

    with pytest.raises(ImportError, match=f"needs moto 5.1.20 or later; this is {version}"):
        moto_ecr_ext.install()

    assert seams() == before


def test_an_older_python_is_refused_at_once() -> None:
    """An older Python is refused before anything is imported that it cannot read."""
    said = run_python(
        """
        import sys

        sys.version_info = (3, 9, 18, "final", 0)
        try:
            import moto_ecr_ext
        except ImportError as error:
            print(error)
        assert "moto_ecr_ext.settings" not in sys.modules
        """
    )
    assert said == "moto_ecr_ext needs Python 3.10 or later; this is 3.9.18.\n"


def test_an_older_python_cannot_install_it() -> None:
    """pip runs the file before it looks for other packages, and shows the sentence."""
    ran = subprocess.run(
        [
            sys.executable,
            "-c",
            "import runpy, sys; sys.version_info = (3, 9, 18, 'final', 0); runpy.run_path('setup.py')",
        ],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 1
    assert ran.stderr == "moto_ecr_ext needs Python 3.10 or later; this is 3.9.18.\n"


def make_email_identity(clients: Any) -> object:
    clients("sesv2").create_email_identity(EmailIdentity="someone@example.com")
    return clients("sesv2").list_email_identities()["EmailIdentities"][0]["IdentityName"]


def make_http_api(clients: Any) -> object:
    clients("apigatewayv2").create_api(Name="someone", ProtocolType="HTTP")
    return clients("apigatewayv2").get_apis()["Items"][0]["Name"]


def make_event_api(clients: Any) -> object:
    auth = {"authType": "API_KEY"}
    clients("appsync").create_api(
        name="someone",
        eventConfig={
            "authProviders": [auth],
            "connectionAuthModes": [auth],
            "defaultPublishAuthModes": [auth],
            "defaultSubscribeAuthModes": [auth],
        },
    )
    return clients("appsync").list_apis()["apis"][0]["name"]


def make_object(clients: Any) -> object:
    s3 = clients("s3")
    s3.create_bucket(Bucket="things")
    s3.put_object(Bucket="things", Key="v2/app/manifests/1.0", Body=b"someone", ACL="public-read")
    return s3.get_object(Bucket="things", Key="v2/app/manifests/1.0")["Body"].read().decode()


def read_object_by_url(clients: Any) -> object:
    make_object(clients)
    parameters = {"Bucket": "things", "Key": "v2/app/manifests/1.0"}
    return requests.get(clients("s3").generate_presigned_url("get_object", parameters)).text


def read_object_by_host(clients: Any) -> object:
    make_object(clients)
    endpoint = clients("s3").meta.endpoint_url
    is_aws = endpoint.endswith("amazonaws.com")
    return requests.get(
        "https://things.s3.amazonaws.com/v2/app/manifests/1.0"
        if is_aws
        else f"{endpoint}/v2/app/manifests/1.0",
        headers={} if is_aws else {"Host": "things.s3.amazonaws.com"},
    ).text


@pytest.mark.parametrize(
    "use",
    [
        make_email_identity,
        make_http_api,
        make_event_api,
        make_object,
        read_object_by_url,
        read_object_by_host,
    ],
)
def test_other_services_below_v2_answer_as_before(
    aws: Environment, use: Callable[[Any], object]
) -> None:
    """SES v2, API Gateway v2, AppSync and objects of S3 answer at their own paths below /v2/."""
    assert str(use(aws.client)).startswith("someone")


def test_services_of_vpc_endpoints_are_listed(aws: Environment) -> None:
    """EC2 lists the endpoint services of ECR, which it takes from the class of moto's backend."""
    names = aws.client("ec2").describe_vpc_endpoint_services()["ServiceNames"]

    assert {f"com.amazonaws.{REGION}.ecr.api", f"com.amazonaws.{REGION}.ecr.dkr"} <= {*names}


def test_an_image_is_whole_in_the_process_and_in_the_server(aws: Environment) -> None:
    """A pushed image is pulled byte for byte, under its digest, in the process and from the server."""
    ecr = aws.client()
    ecr.create_repository(repositoryName="team/app")
    image = testing.build_image(seed=1, layers=2, layer_size=100_000)

    digest = testing.push(ecr, "team/app", image, tag="1.0")

    assert testing.pull(ecr, "team/app", "1.0").manifest == image.manifest
    pulled = aws.registry().get(f"/v2/team/app/manifests/{digest}")
    assert pulled.content == image.manifest
