"""Every error of the registry, provoked over HTTP: status, code, and ECR's words."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from unittest.mock import patch

import pytest
import requests
from freezegun import freeze_time

from moto_ecr_ext import exceptions as aws_errors
from moto_ecr_ext.distribution import dialects
from moto_ecr_ext.distribution.errors import ERRORS
from moto_ecr_ext.distribution.manifests import MAX_PUSHED_TAGS
from moto_ecr_ext.exceptions import ECRError, common, pull_through, registry_protocol
from moto_ecr_ext.models import failures
from moto_ecr_ext.oci.digest import Digest
from moto_ecr_ext.storage.blobs.errors import BlobStoreUnavailable
from moto_ecr_ext.storage.store import current_store
from moto_ecr_ext.testing import (
    OCI,
    build_image,
    build_index,
)
from support.constants import ACCOUNT, OTHER_ACCOUNT
from support.environments import Environment
from support.registry_client import JSON, LogIn, RegistrySession, RepositoryClient, assert_refused
from support.upstream import Upstream, running_upstream

IMAGE = build_image(seed="errors", layers=2)
OTHER = build_image(seed="others", layers=1)
INDEX = build_index([IMAGE])
LAYERS = [layer.digest for layer in IMAGE.layers]
UPLOAD = "0b1c2d3e-0000-4000-8000-000000000000"
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1b2c3d4e-0000-4000-8000-000000000000"
NOTHING = Digest.of(b"nothing has this digest")
TEAM_APP = f"repository with name 'team/app' in the registry with id '{ACCOUNT}'"
MISMATCH = "None of the provided layer digests match the calculated layer digest"


class Case(NamedTuple):
    """A request that causes an error, and its answer. `<upload>` stands for the session's id."""

    provoke: Callable[[Situation], requests.Response]
    status: int
    code: str
    message: str


class Situation:
    """A repository with one image, and the ways to get at it that a case may need."""

    def __init__(
        self,
        aws: Environment,
        ecr: Any,
        repository: RepositoryClient,
        stranger: Callable[[], RegistrySession],
        upstream: Upstream,
    ):
        self.aws = aws
        self.ecr = ecr
        self.repository = repository
        self.stranger = stranger
        self.upstream = upstream
        self.upload = ""

    def started_upload(self) -> str:
        url = self.repository.start_upload()
        self.upload = url.rpartition("/")[2]
        return url


def missing_repository(at: Situation) -> requests.Response:
    return at.repository.session.get("/v2/team/none/tags/list")


def missing_image(at: Situation) -> requests.Response:
    return at.repository.get("/manifests/v9")


def missing_blob(at: Situation) -> requests.Response:
    return at.repository.get(f"/blobs/{NOTHING}")


def missing_layers(at: Situation) -> requests.Response:
    at.repository.push_blob(IMAGE.config.content)
    return at.repository.put_manifest(IMAGE, "v2")


def missing_children(at: Situation) -> requests.Response:
    return at.repository.put_manifest(INDEX, "v2")


def manifest_of_another_digest(at: Situation) -> requests.Response:
    return at.repository.put_manifest(OTHER, NOTHING)


def immutable_tag(at: Situation) -> requests.Response:
    at.ecr.put_image_tag_mutability(repositoryName="team/app", imageTagMutability="IMMUTABLE")
    at.repository.push_blobs(IMAGE)
    return at.repository.put_manifest(IMAGE, "v1")


def child_of_an_index(at: Situation) -> requests.Response:
    at.repository.push(INDEX, "all")
    return at.repository.delete(f"/manifests/{IMAGE.digest}")


def blob_of_an_image(at: Situation) -> requests.Response:
    return at.repository.delete(f"/blobs/{OTHER.config.digest}")


def missing_upload(at: Situation) -> requests.Response:
    return at.repository.get(f"/blobs/uploads/{UPLOAD}")


def chunk_at_a_wrong_offset(at: Situation) -> requests.Response:
    url = at.started_upload()
    at.repository.patch(url, data=b"0123456789")
    return at.repository.patch(url, data=b"012", headers={"Content-Range": "0-2"})


def empty_upload(at: Situation) -> requests.Response:
    return at.repository.put(at.started_upload(), params={"digest": Digest.of(b"")})


def small_part(at: Situation) -> requests.Response:
    url = at.started_upload()
    at.repository.patch(url, data=b"small")
    return at.repository.put(url, params={"digest": Digest.of(b"small, last")}, data=b", last")


def blob_of_another_digest(at: Situation) -> requests.Response:
    return at.repository.put(at.started_upload(), params={"digest": NOTHING}, data=b"something")


def malformed_tag(at: Situation) -> requests.Response:
    return at.repository.put_manifest(OTHER, "v+2")


def repository_of_a_stranger(at: Situation) -> requests.Response:
    return at.stranger().get("/v2/team/app/tags/list")


def too_many_tags(at: Situation) -> requests.Response:
    for first in range(0, 1000, MAX_PUSHED_TAGS):
        response = at.repository.put(
            f"/manifests/{OTHER.digest}",
            params={"tag": [f"t{first + number}" for number in range(MAX_PUSHED_TAGS)]},
            data=OTHER.manifest,
            headers={"Content-Type": OTHER.media_type},
        )
    return response


def pulled_through_the_cache(at: Situation, **members: str) -> requests.Response:
    at.ecr.create_pull_through_cache_rule(
        ecrRepositoryPrefix="quay", upstreamRegistryUrl="quay.io", **members
    )
    return at.repository.session.get("/v2/quay/app/manifests/v1")


def secret_that_is_none(at: Situation) -> requests.Response:
    secret = at.aws.client("secretsmanager").create_secret(
        Name="ecr-pullthroughcache/quay", SecretString="text"
    )
    return pulled_through_the_cache(at, credentialArn=secret["ARN"])


def missing_key(at: Situation) -> requests.Response:
    at.aws.client("kms").create_key()
    at.ecr.create_repository_creation_template(
        prefix="new",
        appliedFor=["CREATE_ON_PUSH"],
        encryptionConfiguration={"encryptionType": "KMS", "kmsKey": KEY},
        customRoleArn=f"arn:aws:iam::{ACCOUNT}:role/ecr",
    )
    return at.repository.session.post("/v2/new/app/blobs/uploads/")


def login_at_upstream(at: Situation) -> requests.Response:
    at.upstream.login = ("somebody", "secret")
    return pulled_through_the_cache(at)


def too_many_requests_to_upstream(at: Situation) -> requests.Response:
    at.upstream.status = 429
    return pulled_through_the_cache(at)


def failing_storage(at: Situation, error: Exception, log: str) -> requests.Response:
    """Return the answer to a pull of a blob that cannot be opened; this method of the logger logs it once."""
    with (
        patch.object(failures.log, log) as logged,
        patch.object(current_store().blobs, "open", side_effect=error),
    ):
        answer = at.repository.get(f"/blobs/{OTHER.config.digest}")
    assert logged.call_count == 1
    return answer


def broken_disk(at: Situation) -> requests.Response:
    return failing_storage(at, OSError(errno.EIO, "Input/output error"), "exception")


def unreachable_bucket(at: Situation) -> requests.Response:
    error = BlobStoreUnavailable("s3://bucket: Could not connect to the endpoint URL")
    return failing_storage(at, error, "error")


def error_of_upstream(at: Situation) -> requests.Response:
    at.upstream.status = 500
    return pulled_through_the_cache(at)


def error_of_referrers_upstream(at: Situation) -> requests.Response:
    at.upstream.put("app", IMAGE, "v1")
    assert pulled_through_the_cache(at).ok
    at.upstream.status = 500
    return at.repository.session.get(f"/v2/quay/app/referrers/{IMAGE.digest}")


CASES: dict[type[ECRError], Case] = {
    aws_errors.RepositoryNotFoundException: Case(
        missing_repository,
        404,
        "NAME_UNKNOWN",
        f"The repository with name 'team/none' does not exist in the registry with id '{ACCOUNT}'",
    ),
    aws_errors.ImageNotFoundException: Case(
        missing_image, 404, "MANIFEST_UNKNOWN", "Requested image not found"
    ),
    aws_errors.LayersNotFoundException: Case(
        missing_blob,
        404,
        "BLOB_UNKNOWN",
        f"The layer with digest '{NOTHING}' does not exist within the {TEAM_APP}",
    ),
    aws_errors.ManifestBlobUnknown: Case(
        missing_layers,
        404,
        "MANIFEST_BLOB_UNKNOWN",
        f"Layers with digests '[{LAYERS[0]}, {LAYERS[1]}]' required for pushing image into "
        f"{TEAM_APP} do not exist",
    ),
    aws_errors.ReferencedImagesNotFoundException: Case(
        missing_children,
        404,
        "MANIFEST_BLOB_UNKNOWN",
        f"Images with digests '[{IMAGE.digest}]' required for pushing image into "
        f"{TEAM_APP} do not exist",
    ),
    aws_errors.ImageDigestDoesNotMatchException: Case(
        manifest_of_another_digest,
        400,
        "DIGEST_INVALID",
        f"The image with digest '{NOTHING}' in repository 'team/app' and registry ID '{ACCOUNT}' "
        "does not match the image digest that Amazon ECR has calculated.",
    ),
    aws_errors.ImageTagAlreadyExistsException: Case(
        immutable_tag,
        400,
        "TAG_INVALID",
        "The image tag 'v1' already exists in the 'team/app' repository "
        "and cannot be overwritten because the tag is immutable.",
    ),
    registry_protocol.ImageReferencedByManifestList: Case(
        child_of_an_index,
        405,
        "UNSUPPORTED",
        f"Requested image referenced by manifest list: [{INDEX.digest}]",
    ),
    registry_protocol.BlobInUse: Case(
        blob_of_an_image,
        405,
        "UNSUPPORTED",
        f"The layer with digest '{OTHER.config.digest}' is referenced by an image",
    ),
    aws_errors.UploadNotFoundException: Case(
        missing_upload,
        404,
        "BLOB_UPLOAD_UNKNOWN",
        f"The upload with id '{UPLOAD}' in the {TEAM_APP} could not be found, "
        "or the specified upload ID is not valid for this repository.",
    ),
    aws_errors.InvalidLayerPartException: Case(
        chunk_at_a_wrong_offset,
        416,
        "BLOB_UPLOAD_INVALID",
        "First byte of the layer part is 0 instead of 10",
    ),
    aws_errors.EmptyUploadException: Case(
        empty_upload,
        400,
        "BLOB_UPLOAD_INVALID",
        "The upload with id '<upload>' in the repository with name 'team/app' in registry with id "
        f"'{ACCOUNT}' cannot be completed because it does not have any parts",
    ),
    aws_errors.LayerPartTooSmallException: Case(
        small_part,
        400,
        "BLOB_UPLOAD_INVALID",
        "All layer parts except the last part should be at least 5MB",
    ),
    aws_errors.InvalidLayerException: Case(blob_of_another_digest, 400, "DIGEST_INVALID", MISMATCH),
    aws_errors.InvalidParameterException: Case(
        malformed_tag,
        405,
        "UNSUPPORTED",
        "Invalid parameter at 'imageTag' failed to satisfy constraint: "
        "'must satisfy regular expression '[a-zA-Z0-9-_.]+''",
    ),
    common.AccessDeniedException: Case(
        repository_of_a_stranger,
        403,
        "DENIED",
        "User: arn:aws:iam::999999999999:root is not authorized to perform: ecr:ListImages on "
        f"resource: arn:aws:ecr:us-east-1:{ACCOUNT}:repository/team/app "
        "because no resource-based policy allows the ecr:ListImages action",
    ),
    aws_errors.LimitExceededException: Case(
        too_many_tags,
        403,
        "DENIED",
        "Adding tag 't999' to an image in the repository with name 'team/app' in registry with id "
        f"'{ACCOUNT}' exceeds the maximum allowed number of tags per image which is '1000'",
    ),
    pull_through.UnableToGetUpstreamImageException: Case(
        secret_that_is_none,
        403,
        "DENIED",
        "The image or images were unable to be pulled using the pull through cache rule. "
        "The secret must be a JSON object with username and accessToken.",
    ),
    pull_through.UpstreamAccessDenied: Case(
        login_at_upstream,
        403,
        "DENIED",
        "The authentication to the upstream registry failed. "
        "Verify that the credentials for quay.io are valid and try again.",
    ),
    pull_through.UpstreamTooManyRequests: Case(
        too_many_requests_to_upstream,
        429,
        "TOOMANYREQUESTS",
        "The upstream registry quay.io has received too many requests.",
    ),
    pull_through.UnableToListUpstreamImageReferrersException: Case(
        error_of_referrers_upstream,
        503,
        "UNAVAILABLE",
        "The referrer or referrers were unable to be listed using the pull through cache rule. "
        "The upstream registry quay.io responded with status 500",
    ),
    pull_through.UpstreamUnavailable: Case(
        error_of_upstream,
        503,
        "UNAVAILABLE",
        "The upstream registry quay.io responded with status 500",
    ),
    aws_errors.KmsException: Case(missing_key, 403, "DENIED", f"Key '{KEY}' does not exist"),
    aws_errors.StorageUnavailable: Case(
        unreachable_bucket,
        503,
        "UNAVAILABLE",
        "s3://bucket: Could not connect to the endpoint URL",
    ),
    aws_errors.ServerException: Case(
        broken_disk, 500, "UNKNOWN", "The registry has failed; see its log"
    ),
}
# Codes that ECR gives, and the registry with `quirks=aws`, where the specification has others.
CODES_OF_AWS = {
    aws_errors.ManifestBlobUnknown: "BLOB_UPLOAD_UNKNOWN",
    aws_errors.ImageDigestDoesNotMatchException: "MANIFEST_INVALID",
    aws_errors.InvalidLayerException: "BLOB_UPLOAD_INVALID",
}
# What ECR refuses and the specification does not.
ONLY_BY_AWS = {aws_errors.EmptyUploadException, aws_errors.LayerPartTooSmallException}


def test_the_table_is_walked() -> None:
    """Each row of the registry's table has a case here, with the row's status and code."""
    assert {kind: (case.status, case.code) for kind, case in CASES.items()} == {
        kind: (row.status, row.code) for kind, row in ERRORS.items()
    }
    assert dialects.ECR.error_codes == CODES_OF_AWS
    assert dialects.OCI.error_codes == {}


@pytest.fixture
def upstream(monkeypatch: pytest.MonkeyPatch) -> Iterator[Upstream]:
    """A registry without images, which is upstream as quay."""
    with running_upstream() as upstream:
        # In the environment, since tests set others of the settings.
        monkeypatch.setenv("MOTO_ECR_UPSTREAMS", upstream.setting())
        yield upstream


@pytest.fixture
def situation(
    aws: Environment, ecr: Any, repository: RepositoryClient, log_in: LogIn, upstream: Upstream
) -> Situation:
    repository.push(OTHER, "v1")

    def stranger() -> RegistrySession:
        session = log_in(account=OTHER_ACCOUNT)
        # Its own token, at the other account's registry.
        session.registry_url = repository.session.registry_url
        session.headers["Host"] = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com"
        return session

    return Situation(aws, ecr, repository, stranger, upstream)


@pytest.mark.parametrize("kind", [kind for kind in CASES if kind not in ONLY_BY_AWS])
def test_error(situation: Situation, kind: type[ECRError]) -> None:
    """The error has its status, its code and ECR's message, to the byte."""
    case = CASES[kind]
    response = case.provoke(situation)
    message = case.message.replace("<upload>", situation.upload)
    assert_refused(response, case.status, case.code, message)


@pytest.mark.parametrize("kind", CASES)
def test_error_with_quirks(aws: Environment, situation: Situation, kind: type[ECRError]) -> None:
    """With `quirks=aws` the code is ECR's; status and message are the same."""
    aws.configure(quirks="aws")
    case = CASES[kind]
    response = case.provoke(situation)
    message = case.message.replace("<upload>", situation.upload)
    assert_refused(response, case.status, CODES_OF_AWS.get(kind, case.code), message)


@pytest.mark.parametrize("kind", sorted(ONLY_BY_AWS, key=str))
def test_only_aws_refuses(situation: Situation, kind: type[ECRError]) -> None:
    """Requests that only ECR refuses succeed without `quirks=aws`."""
    assert CASES[kind].provoke(situation).status_code == 201


def unknown_path(at: Situation) -> requests.Response:
    return at.repository.session.get("/v2/team/app/layers")


def unknown_method(at: Situation) -> requests.Response:
    return at.repository.post("/tags/list")


def name_with_capitals(at: Situation) -> requests.Response:
    return at.repository.session.get("/v2/Team/App/tags/list")


def name_too_long(at: Situation) -> requests.Response:
    return at.repository.session.get(f"/v2/{'a' * 257}/tags/list")


def short_digest(at: Situation) -> requests.Response:
    return at.repository.get("/blobs/sha256:1234")


def tag_that_is_none(at: Situation) -> requests.Response:
    return at.repository.get("/manifests/v1+2")


def new_tag_that_is_none(at: Situation) -> requests.Response:
    return at.repository.put_manifest(OTHER, "v1+2")


def new_tag_too_long(at: Situation) -> requests.Response:
    return at.repository.put_manifest(OTHER, "v" * 301)


def huge_manifest(at: Situation) -> requests.Response:
    return at.repository.put_manifest(b" " * (4 * 1024 * 1024 + 1), "v2", OCI.manifest)


def range_outside(at: Situation) -> requests.Response:
    return at.repository.get(
        f"/blobs/{Digest.of(OTHER.config.content)}", headers={"Range": "bytes=1000000-"}
    )


def chunk_of_another_size(at: Situation) -> requests.Response:
    return at.repository.patch(at.started_upload(), data=b"012", headers={"Content-Range": "0-5"})


def expired_token(at: Situation) -> requests.Response:
    with freeze_time("2099-01-01"):
        return at.repository.get("/tags/list")


NO_NAME = (
    "is not a repository name: ECR wants 2 to 256 characters, lower-case letters, digits, '.', '_', '-' and '/', "
    "with a letter or a digit at both ends of each part"
)
# Errors that only the registry has.
REFUSALS = {
    case.provoke.__name__: case
    for case in (
        Case(unknown_path, 404, "UNSUPPORTED", "There is nothing at /v2/team/app/layers"),
        Case(unknown_method, 405, "UNSUPPORTED", "POST is not supported here"),
        Case(name_with_capitals, 400, "NAME_INVALID", f"'Team/App' {NO_NAME}"),
        Case(name_too_long, 400, "NAME_INVALID", f"'{'a' * 257}' {NO_NAME}"),
        Case(
            short_digest,
            400,
            "DIGEST_INVALID",
            "'sha256:1234' is not a digest of sha256 or sha512",
        ),
        Case(tag_that_is_none, 400, "MANIFEST_INVALID", "'v1+2' is not a tag or a digest"),
        Case(
            new_tag_that_is_none,
            405,
            "UNSUPPORTED",
            "Invalid parameter at 'imageTag' failed to satisfy constraint: "
            "'must satisfy regular expression '[a-zA-Z0-9-_.]+''",
        ),
        Case(
            new_tag_too_long,
            405,
            "UNSUPPORTED",
            "Invalid parameter at 'imageTag' failed to satisfy constraint: "
            "'must have length less than or equal to 300'",
        ),
        Case(huge_manifest, 413, "MANIFEST_INVALID", "A manifest has at most 4194304 bytes"),
        Case(
            range_outside,
            416,
            "SIZE_INVALID",
            f"The requested range is not within the {OTHER.config.size} bytes of the blob",
        ),
        Case(
            chunk_of_another_size,
            400,
            "SIZE_INVALID",
            "The chunk has 3 bytes, its Content-Range 6",
        ),
        Case(
            expired_token,
            403,
            "DENIED",
            "Your authorization token has expired. Reauthenticate and try again.",
        ),
    )
}


@pytest.mark.parametrize("name", REFUSALS)
def test_refusal(situation: Situation, name: str) -> None:
    """The registry's own refusals have the same form as those of ECR."""
    case = REFUSALS[name]
    assert_refused(case.provoke(situation), case.status, case.code, case.message)


@pytest.mark.parametrize("text", ["naïve", "日本", 'a"b', "a\\b", "<b>"])
def test_what_a_client_sent_is_repeated_safely(situation: Situation, text: str) -> None:
    """Any input of a client is valid JSON in the answer."""
    response = situation.repository.get(f"/manifests/{text}")
    assert json.loads(response.content) == {
        "errors": [{"code": "MANIFEST_INVALID", "message": f"'{text}' is not a tag or a digest"}]
    }
    assert response.headers["Content-Type"] == JSON


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("HEAD", "/v2/team/none/manifests/v1", 404),
        ("HEAD", "/v2/team/app/manifests/v9", 404),
        ("HEAD", f"/v2/team/app/blobs/{NOTHING}", 404),
        ("HEAD", "/v2/team/app/blobs/sha256:1", 400),
        ("HEAD", "/v2/nothing", 404),
    ],
)
def test_errors_of_head(situation: Situation, method: str, path: str, status: int) -> None:
    """The answer to a HEAD has the status alone."""
    response = situation.repository.session.request(method, path)
    assert (response.status_code, response.content) == (status, b"")


@pytest.fixture(autouse=True)
def _no_server_errors(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """None of these is an error of the server."""
    yield
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
