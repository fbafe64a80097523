"""Faults on purpose in both protocols, in the test process and in a server: refusals, delays, and their limits."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from botocore.config import Config
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.core.base_backend import BackendDict

import moto_ecr_ext
from moto_ecr_ext.testing import build_image, faults, push
from support.constants import ACCOUNT, OTHER_ACCOUNT
from support.environments import Environment
from support.refusals import refused
from support.registry_client import LogIn, RepositoryClient, assert_refused, assert_token_refused
from support.stored import everything_stored

IMAGE = build_image(seed="faults")


@pytest.fixture(autouse=True)
def _end_of_faults() -> Iterator[None]:
    yield
    faults.clear()


@pytest.fixture
def ecr(aws: Environment) -> Any:
    """A client that does not try again."""
    return _once(aws)


def _once(aws: Environment) -> Any:
    return aws.client(config=Config(retries={"total_max_attempts": 1}))


def code_and_status(error: ClientError) -> tuple[str, int]:
    response = error.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def test_throttle(ecr: Any, repository: RepositoryClient) -> None:
    """Both protocols answer as AWS does to too many calls, and nothing changes."""
    before = everything_stored()
    with faults.throttle() as fault:
        error = refused(ecr.describe_repositories)
        assert code_and_status(error) == ("ThrottlingException", 400)
        assert error.response["Error"]["Message"] == "Rate exceeded"
        assert_refused(repository.get("/tags/list"), 429, "TOOMANYREQUESTS", "Rate exceeded")
    assert [each.call for each in fault.strikes] == [
        "DescribeRepositories",
        "GET /v2/team/app/tags/list",
    ]
    assert everything_stored() == before


def test_an_error_has_the_class_of_its_code(ecr: Any, repository: RepositoryClient) -> None:
    """An error of the operation's model is raised as the client's class, with ECR's status and text."""
    with faults.fail("PutImage", error="LimitExceededException", message="No more"):
        with pytest.raises(ecr.exceptions.LimitExceededException, match="No more"):
            ecr.put_image(repositoryName="team/app", imageManifest="{}")
        assert_refused(repository.put_manifest(b"{}", "1.0"), 403, "DENIED", "No more")
    with faults.fail("PutImage"):
        with pytest.raises(ecr.exceptions.ServerException) as raised:
            ecr.put_image(repositoryName="team/app", imageManifest="{}")
        assert code_and_status(raised.value) == ("ServerException", 500)
        assert repository.put_manifest(b"{}", "1.0").status_code == 500


@pytest.mark.parametrize(
    ("status", "of_api", "of_registry"),
    [
        (403, "AccessDeniedException", "DENIED"),
        (429, "ThrottlingException", "TOOMANYREQUESTS"),
        (500, "ServerException", "UNKNOWN"),
        (503, "ServiceUnavailable", "UNAVAILABLE"),
        (504, "InternalFailure", "UNAVAILABLE"),
    ],
)
def test_a_status_alone(
    ecr: Any, repository: RepositoryClient, status: int, of_api: str, of_registry: str
) -> None:
    """A status without an error has the usual error of each protocol."""
    faults.fail("ListImages", status=status)
    error = refused(ecr.list_images, repositoryName="team/app")
    assert code_and_status(error) == (of_api, status)
    answer = repository.get("/tags/list")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (status, of_registry)


def test_a_path_strikes_the_registry_alone(ecr: Any, repository: RepositoryClient) -> None:
    """A method and a path with wildcards mean requests of the registry protocol."""
    push(ecr, "team/app", IMAGE, tag="1.0")
    digest = IMAGE.layers[0].digest
    faults.fail("GET /v2/team/*/blobs/*", status=503)
    assert repository.get(f"/blobs/{digest}").status_code == 503
    assert repository.head(f"/blobs/{digest}").status_code == 200
    ecr.get_download_url_for_layer(repositoryName="team/app", layerDigest=digest)


def test_one_protocol(ecr: Any, repository: RepositoryClient) -> None:
    """An operation means both protocols, unless one is named."""
    with faults.throttle("ListImages", protocol="api"):
        assert repository.get("/tags/list").status_code == 200
        refused(ecr.list_images, repositoryName="team/app")
    with faults.throttle("ListImages", protocol="registry"):
        assert repository.get("/tags/list").status_code == 429
        ecr.list_images(repositoryName="team/app")


def test_a_code_of_the_registry(ecr: Any, repository: RepositoryClient) -> None:
    """An error of the OCI specification is one of the registry protocol alone."""
    faults.fail("BatchGetImage", error="MANIFEST_UNKNOWN", message="Gone")
    assert_refused(repository.get("/manifests/1.0"), 404, "MANIFEST_UNKNOWN", "Gone")
    ecr.batch_get_image(repositoryName="team/app", imageIds=[{"imageTag": "1.0"}])


def test_tokens(repository: RepositoryClient) -> None:
    """Passwords can be expired or invalid, in the words of ECR."""
    with faults.expired_token(times=1):
        assert_refused(
            repository.get("/tags/list"),
            403,
            "DENIED",
            "Your authorization token has expired. Reauthenticate and try again.",
        )
        assert repository.get("/tags/list").status_code == 200
    with faults.invalid_token():
        assert_token_refused(repository.session.get("/v2/"))


def test_blocked_by_policy(ecr: Any) -> None:
    """The one operation that an organization's policy can block is blocked."""
    with faults.blocked_by_policy() as fault:
        with pytest.raises(ecr.exceptions.BlockedByOrganizationPolicyException):
            ecr.put_registry_scanning_configuration(scanType="ENHANCED")
        ecr.describe_repositories()
    assert len(fault.strikes) == 1
    configuration = ecr.get_registry_scanning_configuration()["scanningConfiguration"]
    assert configuration["scanType"] == "BASIC"


def test_delay(ecr: Any, repository: RepositoryClient) -> None:
    """Calls of both protocols wait, and are then done."""
    with faults.delay("ListImages", seconds=0.2):
        began = time.monotonic()
        assert repository.get("/tags/list").status_code == 200
        assert ecr.list_images(repositoryName="team/app")["imageIds"] == []
    assert time.monotonic() - began >= 0.4


def test_times_and_after(ecr: Any) -> None:
    """The first calls can go through, and the number of strikes can be limited."""
    fault = faults.throttle("DescribeRepositories", after=1, times=2)
    answers = []
    for _ in range(5):
        try:
            ecr.describe_repositories()
            answers.append("ok")
        except ClientError as error:
            answers.append(error.response["Error"]["Code"])
    assert answers == ["ok", "ThrottlingException", "ThrottlingException", "ok", "ok"]
    assert (fault.count, len(fault.strikes)) == (2, 2)


def test_probability(ecr: Any) -> None:
    """A seed chooses the same calls in every run."""

    def struck_of_twenty() -> list[bool]:
        found = []
        with faults.throttle("DescribeRepositories", probability=0.5, seed=7) as fault:
            for _ in range(20):
                before = fault.count
                try:
                    ecr.describe_repositories()
                except ClientError:
                    assert fault.count == before + 1
                found.append(fault.count > before)
        return found

    first = struck_of_twenty()
    assert 4 < sum(first) < 16
    assert struck_of_twenty() == first


def test_filters(aws: Environment, ecr: Any, repository: RepositoryClient, log_in: LogIn) -> None:
    """A fault can be limited to registries, repositories, tags and principals."""
    ecr.create_repository(repositoryName="other")
    push(ecr, "team/app", IMAGE, tag="1.0")
    push(ecr, "team/app", IMAGE, tag="prod-1")
    with faults.throttle(repository="team/*"):
        refused(ecr.list_images, repositoryName="team/app")
        ecr.list_images(repositoryName="other")
    with faults.throttle(tag="prod-*"):
        assert repository.get("/manifests/prod-1").status_code == 429
        assert repository.get("/manifests/1.0").status_code == 200
        for image_ids in ([{"imageTag": "prod-1"}], [{"imageTag": "x"}, {"imageTag": "prod-2"}]):
            refused(ecr.batch_get_image, repositoryName="team/app", imageIds=image_ids)
        ecr.batch_get_image(repositoryName="team/app", imageIds=[{"imageTag": "1.0"}])
    other = log_in(OTHER_ACCOUNT)
    with faults.throttle(account=OTHER_ACCOUNT):
        ecr.describe_repositories()
        assert other.get("/v2/_catalog").status_code == 429
    with faults.throttle(region="eu-*", protocol="api"):
        ecr.describe_repositories()
        refused(aws.client(region="eu-west-1").describe_repositories)
    with faults.throttle(principal="arn:aws:iam::*:role/*"):
        ecr.describe_repositories()
    with faults.throttle(principal=f"arn:aws:*::{ACCOUNT}:*"):
        refused(ecr.describe_repositories)


def test_the_first_that_matches_strikes(ecr: Any) -> None:
    """Of several active faults the one that was made first strikes; then the next one does."""
    faults.fail("DescribeRepositories", times=1)
    second = faults.throttle("Describe*", times=1)
    assert code_and_status(refused(ecr.describe_repositories)) == ("ServerException", 500)
    assert code_and_status(refused(ecr.describe_repositories)) == ("ThrottlingException", 400)
    ecr.describe_repositories()
    assert [each.name for each in faults.active()] == ["fail", "throttle"]
    second.clear()
    faults.clear()
    assert faults.active() == ()


def test_decorator(ecr: Any) -> None:
    """A decorated function has the fault each time that it runs, from the beginning."""

    @faults.throttle("DescribeRepositories", times=1)
    def function(calls: int) -> str:
        for _ in range(calls):
            try:
                ecr.describe_repositories()
            except ClientError as error:
                return str(error.response["Error"]["Code"])
        return "ok"

    assert faults.active() == ()
    ecr.describe_repositories()
    assert [function(1), function(1)] == ["ThrottlingException"] * 2
    assert faults.active() == ()
    assert function.__name__ == "function"


def test_what_cannot_be_decorated() -> None:
    """A class would lose its tests, and a generator's body runs after the fault: both are refused."""

    class TestSomething:
        pass

    def fixture() -> Iterator[None]:
        yield

    for thing, word in ((TestSomething, "classes"), (fixture, "generators")):
        with pytest.raises(TypeError, match=f"cannot decorate {word}"):
            faults.throttle()(thing)
    assert faults.active() == ()


@pytest.mark.parametrize("make", [faults.cut, faults.corrupt])
def test_damage_waits_for_an_answer(repository: RepositoryClient, make: Any) -> None:
    """A call that fails by itself has nothing to cut or to change, and uses up no strike."""
    blob = b"a blob"
    digest = repository.push_blob(blob)
    options = {"after": 3} if make is faults.cut else {}
    with make("GetDownloadUrlForLayer", **options, times=1) as fault:
        assert repository.get(f"/blobs/sha256:{'0' * 64}").status_code == 404
        assert fault.count == 0
        try:
            content = repository.get(f"/blobs/{digest}").content
        except (requests.RequestException, OSError):
            content = b""
        assert content != blob
        assert fault.count == 1


def test_rate(ecr: Any, repository: RepositoryClient) -> None:
    """A bucket of tokens lets so many calls of both protocols through, and fills again."""
    fault = faults.rate("ListImages", per_second=5, burst=2)
    ecr.list_images(repositoryName="team/app")
    assert repository.get("/tags/list").status_code == 200
    assert code_and_status(refused(ecr.list_images, repositoryName="team/app")) == (
        "ThrottlingException",
        400,
    )
    deadline = time.monotonic() + 10
    while repository.get("/tags/list").status_code == 429:
        assert time.monotonic() < deadline
    assert fault.count >= 1


def test_a_quota_of_aws_is_a_preset(ecr: Any) -> None:
    """Without a given rate, PutImage has the quota of AWS: ten a second."""
    ecr.create_repository(repositoryName="team/app")
    faults.rate("PutImage")
    errors = []
    for number in range(14):
        try:
            ecr.put_image(repositoryName="team/app", imageManifest="{}", imageTag=str(number))
        except ClientError as error:
            errors.append(error.response["Error"]["Code"])
    assert errors.count("ThrottlingException") >= 1
    assert errors[:10].count("ThrottlingException") == 0


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (
            lambda: faults.fail("PutImages"),
            "ECR has no operation 'PutImages'; did you mean PutImage?",
        ),
        (lambda: faults.throttle("putimage"), "did you mean PutImage?"),
        (
            lambda: faults.fail("PutImage", error="Throttling"),
            "PutImage has no error 'Throttling'; did you mean ThrottlingException?",
        ),
        (
            lambda: faults.fail("ListImages", error="ImageTagAlreadyExistsException"),
            "ListImages has no error 'ImageTagAlreadyExistsException'",
        ),
        (
            lambda: faults.fail("CreateRepository", error="MANIFEST_UNKNOWN"),
            "CreateRepository has no error 'MANIFEST_UNKNOWN'",
        ),
        (
            lambda: faults.fail("GET /v2/team/blob"),
            "The registry has no path like 'GET /v2/team/blob'; did you mean GET /v2/",
        ),
        (lambda: faults.fail("FETCH /v2/*"), "There is no method 'FETCH'; did you mean PATCH?"),
        (lambda: faults.fail("PUT /v2/*/tags/list"), "The registry has no path like"),
        (
            lambda: faults.fail("CreateRepository", protocol="registry"),
            "CreateRepository is an operation of the API only",
        ),
        (lambda: faults.fail("PutImage", status=200), "status is 200; it must be the status of an"),
        (lambda: faults.throttle(times=0), "times is 0; it must be a whole number from 1 on"),
        (lambda: faults.throttle(probability=2), "probability is 2; it must be above 0"),
        (lambda: faults.delay("PutImage", seconds=-1), "seconds is -1; it must be 0 to 3600"),
        (lambda: faults.rate("DescribeRepositories"), "rate needs per_second for"),
        (lambda: faults.rate("PutImage", burst=0.5), "less than 1 would refuse every call"),
        (lambda: faults.throttle(time=1), "throttle has no option 'time'; did you mean times?"),  # type: ignore[call-arg]
        (lambda: faults.throttle(()), "it must be the name of an operation"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(make: Any, words: str) -> None:
    """A fault that names nothing of ECR is refused with the nearest right name, and none is active."""
    with pytest.raises(faults.FaultError) as raised:
        make()
    assert words in str(raised.value)
    assert faults.active() == ()


@pytest.mark.parametrize(
    "pattern",
    [
        "GET /v2/team/*/blobs/*",
        "/v2/*",
        "* /v2/team/app/manifests/1.?",
        "GET /v2/",
        "HEAD /v2/*/manifests/[0-9]*",
        "POST /v2/*/blobs/uploads/",
        "GET *list",
    ],
)
def test_patterns_that_match_a_path(pattern: str) -> None:
    """A pattern that some path of the registry has is a pattern of calls."""
    with faults.throttle(pattern) as fault:
        assert faults.active()[0].name == fault.name


def test_the_last_mock_ends_faults() -> None:
    """Faults end with the outermost `mock_aws`; those from before its start are active in it."""
    outer = faults.throttle("CreateRepository", times=1)
    with mock_aws():
        client = _once(Environment("in_process"))
        with mock_aws():
            faults.fail("DescribeRepositories")
        refused(client.describe_repositories)
        refused(client.create_repository, repositoryName="app")
        client.create_repository(repositoryName="app")
    assert faults.active() == ()
    assert outer.count == 1


def test_uninstall_ends_faults(stock_moto: None) -> None:
    """Faults of an installation are not those of the next."""
    with moto_ecr_ext.install():
        faults.throttle()
    assert faults.active() == ()


def test_a_reset_ends_faults(aws: Environment) -> None:
    """A reset by moto's own API ends all faults; that of the backends at the start of a mock does not."""
    faults.throttle()
    BackendDict.reset()
    assert len(faults.active()) == 1
    url = aws.endpoint_url or "https://motoapi.amazonaws.com"
    assert requests.post(f"{url}/moto-api/reset", timeout=10).status_code == 200
    assert faults.active() == ()
    _once(aws).describe_repositories()
