"""Pulls through the cache: what is imported from an upstream registry, when, by both protocols, and what prevents
it.
"""

from __future__ import annotations

import gzip
import json
import os
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import boto3
import pytest
from freezegun import freeze_time
from moto import mock_aws

import moto_ecr_ext
from moto_ecr_ext.oci.digest import Digest
from moto_ecr_ext.storage.store import current_store
from moto_ecr_ext.testing import (
    build_artifact,
    build_image,
    build_index,
    pull,
    push,
)
from support.constants import ACCOUNT, OTHER_ACCOUNT
from support.environments import Environment
from support.iam import User, enforced
from support.platforms import needs_proc
from support.registry_client import LogIn, RegistrySession, RepositoryClient, assert_refused
from support.upstream import Upstream, running_upstream

MIB = 1024 * 1024
NAME = "quay/team/app"
IMAGE = build_image(seed="upstream", layers=2)
IMAGE_DOCUMENT = json.loads(IMAGE.manifest)
NEWER = build_image(
    seed="upstream", layers=[*IMAGE.layers, *build_image(seed="newer", layers=1).layers]
)
ARM = build_image(seed="arm", layers=1, architecture="arm64")
INDEX = build_index([IMAGE, ARM])
TOO_MANY_LAYERS = json.dumps({**IMAGE_DOCUMENT, "layers": 4201 * IMAGE_DOCUMENT["layers"]}).encode()


@pytest.fixture
def upstream(aws: Environment, ecr: Any) -> Iterator[Upstream]:
    """A registry with an image, which a rule has for the prefix `quay`."""
    with running_upstream() as upstream:
        aws.configure(upstreams=upstream.setting())
        ecr.create_pull_through_cache_rule(
            ecrRepositoryPrefix="quay", upstreamRegistryUrl="quay.io"
        )
        upstream.put("team/app", IMAGE, "v1")
        yield upstream


def cached(session: RegistrySession, name: str = NAME) -> RepositoryClient:
    return RepositoryClient(session, name)


def repositories(ecr: Any) -> list[str]:
    return [each["repositoryName"] for each in ecr.describe_repositories()["repositories"]]


def digest_of_tag(ecr: Any, tag: str = "v1", name: str = NAME) -> str:
    [image] = ecr.batch_get_image(repositoryName=name, imageIds=[{"imageTag": tag}])["images"]
    digest: str = image["imageId"]["imageDigest"]
    return digest


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("reference", ["v1", IMAGE.digest])
def test_a_manifest_comes_from_upstream(
    ecr: Any, upstream: Upstream, session: RegistrySession, method: str, reference: str
) -> None:
    """A pull imports the manifest with its blobs, into a repository that is created; the next pull asks nobody."""
    response = cached(session).request(method, f"/manifests/{reference}")
    assert response.status_code == 200
    assert response.headers["Docker-Content-Digest"] == IMAGE.digest
    assert response.content == (IMAGE.manifest if method == "GET" else b"")
    for blob in IMAGE.blobs:
        assert cached(session).get(f"/blobs/{blob.digest}").content == blob.content
    [detail] = ecr.describe_images(repositoryName=NAME)["imageDetails"]
    assert detail["imageDigest"] == IMAGE.digest
    assert detail.get("imageTags") == (["v1"] if reference == "v1" else None)
    assert upstream.asked == [
        f"/v2/team/app/manifests/{reference}",
        *(f"/v2/team/app/blobs/{blob.digest}" for blob in IMAGE.blobs),
    ]
    upstream.asked.clear()
    assert cached(session).get(f"/manifests/{reference}").content == IMAGE.manifest
    assert cached(session).get(f"/manifests/{IMAGE.digest}").content == IMAGE.manifest
    assert upstream.asked == []


def test_batch_get_image(ecr: Any, upstream: Upstream) -> None:
    """BatchGetImage imports the images, and reports those that do not exist upstream."""
    upstream.put("team/app", NEWER, "v2")
    ids = [{"imageTag": "v1"}, {"imageDigest": NEWER.digest}, {"imageTag": "none"}, {}]
    answer = ecr.batch_get_image(repositoryName=NAME, imageIds=ids)
    assert [each["imageManifest"].encode() for each in answer["images"]] == [
        IMAGE.manifest,
        NEWER.manifest,
    ]
    assert [(each["imageId"], each["failureCode"]) for each in answer["failures"]] == [
        ({"imageTag": "none"}, "ImageNotFound"),
        ({}, "MissingDigestAndTag"),
    ]
    layer = IMAGE.layers[0].digest
    assert ecr.get_download_url_for_layer(repositoryName=NAME, layerDigest=layer)["downloadUrl"]


def test_batch_get_image_by_the_digest_of_nothing(ecr: Any, upstream: Upstream) -> None:
    """An invalid digest that ECR accepts is not found. The upstream is not asked, and nothing is created.

    https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageIdentifier.html
    """
    image_id = {"imageDigest": "sha256:ABC"}
    answer = ecr.batch_get_image(repositoryName=NAME, imageIds=[image_id])
    assert answer["images"] == []
    assert [(each["imageId"], each["failureCode"]) for each in answer["failures"]] == [
        (image_id, "ImageNotFound")
    ]
    assert upstream.asked == []
    assert repositories(ecr) == []


def test_a_manifest_says_its_type_itself(upstream: Upstream, session: RegistrySession) -> None:
    """The media type is the manifest's, whatever Content-Type the upstream sends."""
    upstream.content_type = "text/plain; charset=utf-8"
    response = cached(session).get("/manifests/v1")
    assert (response.content, response.headers["Content-Type"]) == (
        IMAGE.manifest,
        IMAGE.media_type,
    )


def test_layers_that_are_there_are_not_fetched(
    upstream: Upstream, session: RegistrySession
) -> None:
    """A pull fetches only the layers that are missing here."""
    assert cached(session).get("/manifests/v1").ok
    upstream.asked.clear()
    upstream.put("team/app", NEWER, "v2")
    assert cached(session).get("/manifests/v2").ok
    new = [NEWER.config, NEWER.layers[-1]]
    assert upstream.asked == [
        "/v2/team/app/manifests/v2",
        *(f"/v2/team/app/blobs/{blob.digest}" for blob in new),
    ]


def test_an_artifact_and_its_referrers(
    ecr: Any, upstream: Upstream, session: RegistrySession
) -> None:
    """A pulled referrer is listed for its subject."""
    signature = build_artifact(artifact_type="application/signature", subject=IMAGE, content=b"x")
    upstream.put("team/app", signature, "signature")
    assert cached(session).get("/manifests/v1").ok
    assert cached(session).get("/manifests/signature").content == signature.manifest
    referrers = cached(session).get(f"/referrers/{IMAGE.digest}").json()["manifests"]
    assert [each["digest"] for each in referrers] == [signature.digest]


def test_a_tag_is_checked_once_a_day(ecr: Any, upstream: Upstream, log_in: LogIn) -> None:
    """A tag is checked once a day, and moves to the upstream's image; the earlier image stays. A digest is not
    checked.
    """
    start = datetime.now(timezone.utc)
    assert cached(log_in()).get("/manifests/v1").ok
    upstream.put("team/app", NEWER, "v1")
    upstream.asked.clear()
    with freeze_time(start + timedelta(hours=23, minutes=59)):
        assert digest_of_tag(ecr) == IMAGE.digest
        assert cached(log_in()).get("/manifests/v1").content == IMAGE.manifest
    assert upstream.asked == []
    with freeze_time(start + timedelta(hours=24, minutes=1)):
        assert cached(log_in()).get(f"/manifests/{IMAGE.digest}").content == IMAGE.manifest
        assert upstream.asked == []
        assert cached(log_in()).get("/manifests/v1").content == NEWER.manifest
        assert upstream.asked[0] == "/v2/team/app/manifests/v1"
        upstream.asked.clear()
        assert digest_of_tag(ecr) == NEWER.digest
        assert upstream.asked == []
    with freeze_time(start + timedelta(hours=48, minutes=2)):
        assert digest_of_tag(ecr) == NEWER.digest
        assert upstream.asked == ["/v2/team/app/manifests/v1"]
        assert digest_of_tag(ecr) == NEWER.digest
        assert upstream.asked == ["/v2/team/app/manifests/v1"]
    assert digest_of_tag(ecr) == NEWER.digest
    images = ecr.describe_images(repositoryName=NAME)["imageDetails"]
    assert [each.get("imageTags") for each in images] == [None, ["v1"]]


def test_each_tag_is_checked(ecr: Any, upstream: Upstream) -> None:
    """The check of one tag is not that of another one of the repository."""
    start = datetime.now(timezone.utc)
    upstream.put("team/app", NEWER, "v2")
    for tag in ("v1", "v2"):
        digest_of_tag(ecr, tag)
    with freeze_time(start + timedelta(hours=24, minutes=1)):
        for tag in ("v1", "v2"):
            upstream.asked.clear()
            digest_of_tag(ecr, tag)
            assert upstream.asked == [f"/v2/team/app/manifests/{tag}"]


@pytest.mark.parametrize("status", [401, 404, 429, 500])
def test_an_upstream_that_fails_leaves_the_copy(ecr: Any, upstream: Upstream, status: int) -> None:
    """A copy is served while the upstream fails, and the next pull asks again."""
    start = datetime.now(timezone.utc)
    assert digest_of_tag(ecr) == IMAGE.digest
    upstream.put("team/app", NEWER, "v1")
    with freeze_time(start + timedelta(hours=25)):
        upstream.status = status
        assert digest_of_tag(ecr) == IMAGE.digest
        upstream.status = 0
        assert digest_of_tag(ecr) == NEWER.digest


def test_a_rule_that_is_gone_leaves_what_came_by_it(ecr: Any, upstream: Upstream) -> None:
    """Images of a deleted rule stay without further checks, and no others are imported."""
    assert digest_of_tag(ecr) == IMAGE.digest
    ecr.delete_pull_through_cache_rule(ecrRepositoryPrefix="quay")
    upstream.asked.clear()
    with freeze_time(datetime.now(timezone.utc) + timedelta(hours=25)):
        assert digest_of_tag(ecr) == IMAGE.digest
        answer = ecr.batch_get_image(repositoryName=NAME, imageIds=[{"imageTag": "v2"}])
    assert answer["failures"][0]["failureCode"] == "ImageNotFound"
    assert upstream.asked == []


def test_an_immutable_tag_stays(ecr: Any, upstream: Upstream) -> None:
    """An immutable tag stays: the upstream is asked once, and no layer is fetched."""
    start = datetime.now(timezone.utc)
    assert digest_of_tag(ecr) == IMAGE.digest
    ecr.put_image_tag_mutability(repositoryName=NAME, imageTagMutability="IMMUTABLE")
    upstream.put("team/app", NEWER, "v1")
    upstream.asked.clear()
    with freeze_time(start + timedelta(hours=25)):
        assert digest_of_tag(ecr) == IMAGE.digest
        assert digest_of_tag(ecr) == IMAGE.digest
    assert upstream.asked == ["/v2/team/app/manifests/v1"]


def test_what_a_client_pushed_is_its_own(ecr: Any, upstream: Upstream) -> None:
    """A repository of the cache accepts pushes like any other; a pushed tag is not checked."""
    assert digest_of_tag(ecr) == IMAGE.digest
    push(ecr, NAME, ARM, tag="v1")
    push(ecr, NAME, ARM, tag="mine")
    upstream.put("team/app", NEWER, "mine")
    upstream.asked.clear()
    with freeze_time(datetime.now(timezone.utc) + timedelta(hours=25)):
        assert digest_of_tag(ecr) == ARM.digest
        assert digest_of_tag(ecr, "mine") == ARM.digest
    assert upstream.asked == []


def test_what_was_deleted_comes_again(ecr: Any, upstream: Upstream) -> None:
    """The next pull imports a deleted image again."""
    assert digest_of_tag(ecr) == IMAGE.digest
    ecr.delete_repository(repositoryName=NAME, force=True)
    assert digest_of_tag(ecr) == IMAGE.digest


def test_an_archived_image_does_not_come_again(
    ecr: Any, upstream: Upstream, session: RegistrySession
) -> None:
    """An archived image is not imported again, and cannot be pulled."""
    assert digest_of_tag(ecr) == IMAGE.digest
    upstream.asked.clear()
    ecr.update_image_storage_class(
        repositoryName=NAME, imageId={"imageTag": "v1"}, targetStorageClass="ARCHIVE"
    )
    assert cached(session).get("/manifests/v1").status_code == 404
    assert upstream.asked == []


def test_what_comes_is_replicated_with_its_blobs(
    aws: Environment, ecr: Any, upstream: Upstream, session: RegistrySession, log_in: LogIn
) -> None:
    """Imported images are replicated with their blobs, also those of an index."""
    destination = {"region": "eu-west-1", "registryId": ACCOUNT}
    ecr.put_replication_configuration(
        replicationConfiguration={"rules": [{"destinations": [destination]}]}
    )
    upstream.put("team/app", INDEX, "all")
    for reference in ("v1", "all", ARM.digest):
        assert cached(session).get(f"/manifests/{reference}").ok
    there = cached(log_in(region="eu-west-1"))
    assert there.get("/manifests/v1").content == IMAGE.manifest
    assert there.get("/manifests/all").content == INDEX.manifest
    for blob in (*IMAGE.blobs, *ARM.blobs):
        assert there.get(f"/blobs/{blob.digest}").content == blob.content


def test_many_pulls_at_once_fetch_an_image_once(
    upstream: Upstream, session: RegistrySession
) -> None:
    """Many pulls at once fetch an image once, and all get it."""
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: cached(session).get("/manifests/v1"), range(8)))
    assert {answer.content for answer in answers} == {IMAGE.manifest}
    assert len(upstream.asked) == len(set(upstream.asked)) == 1 + len(IMAGE.blobs)


class TestNames:
    """Which repositories a rule covers, and what they are called upstream."""

    @pytest.mark.parametrize(
        ("prefixes", "name", "upstream_name"),
        [
            (("ROOT", None), "team/app", "team/app"),
            (("ROOT", "ROOT"), "app", "app"),
            (("team-a", None), "team-a/x", "x"),
            (("team-a/", "ROOT"), "team-a/x/y", "x/y"),
            (("team-a", "team-a"), "team-a/x", "team-a/x"),
            (("my-app", "upstream-app"), "my-app/x", "upstream-app/x"),
            (("my/app", "a/b/"), "my/app/x", "a/b/x"),
        ],
    )
    def test_prefixes(
        self,
        ecr: Any,
        upstream: Upstream,
        prefixes: tuple[str, str | None],
        name: str,
        upstream_name: str,
    ) -> None:
        """A rule covers the repositories below its prefix:
        https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-private-wildcards.html
        """
        own, theirs = prefixes
        ecr.create_pull_through_cache_rule(
            ecrRepositoryPrefix=own,
            upstreamRegistryUrl="quay.io",
            **({"upstreamRepositoryPrefix": theirs} if theirs else {}),
        )
        upstream.put(upstream_name, IMAGE, "latest")
        assert pull(ecr, name, "latest").digest == IMAGE.digest
        assert repositories(ecr) == [name]

    def test_the_longest_prefix_is_the_rule(self, ecr: Any, upstream: Upstream) -> None:
        """The rule with the longest prefix applies, and one for ROOT last."""
        for own, theirs in (("ROOT", "ROOT"), ("quay/team", "longest")):
            ecr.create_pull_through_cache_rule(
                ecrRepositoryPrefix=own,
                upstreamRegistryUrl="quay.io",
                upstreamRepositoryPrefix=theirs,
            )
        for name, image in (("longest/app", ARM), ("team/app", IMAGE), ("other/app", NEWER)):
            upstream.put(name, image, "latest")
        assert digest_of_tag(ecr, "latest", "quay/team/app") == ARM.digest
        assert digest_of_tag(ecr, "latest", "quay/other/app") == NEWER.digest
        assert digest_of_tag(ecr, "latest", "team/app") == IMAGE.digest

    @pytest.mark.parametrize("name", ["quay", "quayside/app", "team/quay/app"])
    def test_what_a_prefix_does_not_cover(
        self, ecr: Any, upstream: Upstream, session: RegistrySession, name: str
    ) -> None:
        """Other names are not found, as without a rule."""
        message = (
            f"The repository with name '{name}' does not exist in the registry with id '{ACCOUNT}'"
        )
        response = cached(session, name).get("/manifests/v1")
        assert_refused(response, 404, "NAME_UNKNOWN", message)
        with pytest.raises(ecr.exceptions.RepositoryNotFoundException):
            ecr.batch_get_image(repositoryName=name, imageIds=[{"imageTag": "v1"}])
        assert upstream.asked == []


class TestTemplates:
    """Repositories are made as the creation template for PULL_THROUGH_CACHE says."""

    def test_a_template(self, ecr: Any, upstream: Upstream) -> None:
        """The template with the longest prefix applies."""
        for prefix, mutability in (("ROOT", "MUTABLE"), ("quay/team", "IMMUTABLE")):
            ecr.create_repository_creation_template(
                prefix=prefix,
                appliedFor=["PULL_THROUGH_CACHE"],
                imageTagMutability=mutability,
                resourceTags=[{"Key": "from", "Value": prefix}],
                customRoleArn=f"arn:aws:iam::{ACCOUNT}:role/creation",
            )
        assert digest_of_tag(ecr) == IMAGE.digest
        [repository] = ecr.describe_repositories()["repositories"]
        assert repository["imageTagMutability"] == "IMMUTABLE"
        tags = ecr.list_tags_for_resource(resourceArn=repository["repositoryArn"])["tags"]
        assert tags == [{"Key": "from", "Value": "quay/team"}]

    def test_a_template_without_its_role(
        self, ecr: Any, upstream: Upstream, session: RegistrySession
    ) -> None:
        """The image is not found, no layer is downloaded, and no repository is made.

        https://github.com/aws/containers-roadmap/issues/2398
        """
        ecr.create_repository_creation_template(
            prefix="ROOT",
            appliedFor=["PULL_THROUGH_CACHE"],
            resourceTags=[{"Key": "team", "Value": "a"}],
        )
        response = cached(session).get("/manifests/v1")
        error = response.json()["errors"][0]
        assert (response.status_code, error["code"]) == (404, "NAME_UNKNOWN")
        assert "no customRoleArn" in error["detail"]["hint"]
        with pytest.raises(ecr.exceptions.RepositoryNotFoundException):
            ecr.batch_get_image(repositoryName=NAME, imageIds=[{"imageTag": "v1"}])
        assert repositories(ecr) == []
        assert not [each for each in upstream.asked if "/blobs/" in each]

    def test_without_a_template(self, ecr: Any, upstream: Upstream) -> None:
        """A repository without a template has ECR's defaults."""
        assert digest_of_tag(ecr) == IMAGE.digest
        [repository] = ecr.describe_repositories()["repositories"]
        assert repository["imageTagMutability"] == "MUTABLE"
        assert repository["encryptionConfiguration"] == {"encryptionType": "AES256"}


class TestFailures:
    """A failed import leaves no image, and creates no repository."""

    def expect(
        self,
        ecr: Any,
        session: RegistrySession,
        error: tuple[int, str],
        failure: tuple[str, str],
    ) -> None:
        response = cached(session).get("/manifests/v1")
        assert_refused(response, *error, failure[1])
        assert cached(session).head("/manifests/v1").status_code == error[0]
        answer = ecr.batch_get_image(repositoryName=NAME, imageIds=[{"imageTag": "v1"}])
        [entry] = answer["failures"]
        assert (entry["failureCode"], entry["failureReason"]) == failure
        assert entry["imageId"] == {"imageTag": "v1"}
        assert repositories(ecr) == []

    def test_no_such_image(self, ecr: Any, upstream: Upstream, session: RegistrySession) -> None:
        """A missing image is reported as in an existing repository."""
        upstream.manifests.clear()
        self.expect(
            ecr,
            session,
            (404, "MANIFEST_UNKNOWN"),
            ("ImageNotFound", "Requested image not found"),
        )

    def test_no_access(self, ecr: Any, upstream: Upstream, session: RegistrySession) -> None:
        """An upstream registry that denies access is reported as such:
        https://github.com/aws/containers-roadmap/issues/2354
        """
        upstream.login = ("somebody", "secret")
        self.expect(
            ecr,
            session,
            (403, "DENIED"),
            (
                "UpstreamAccessDenied",
                "The authentication to the upstream registry failed. "
                "Verify that the credentials for quay.io are valid and try again.",
            ),
        )

    def test_too_many_requests(
        self, ecr: Any, upstream: Upstream, session: RegistrySession
    ) -> None:
        """An upstream registry that limits requests, as Docker Hub does anonymous users, is reported as such."""
        upstream.status = 429
        self.expect(
            ecr,
            session,
            (429, "TOOMANYREQUESTS"),
            (
                "UpstreamTooManyRequests",
                "The upstream registry quay.io has received too many requests.",
            ),
        )

    def test_an_error_of_upstream(
        self, ecr: Any, upstream: Upstream, session: RegistrySession
    ) -> None:
        """The error has the upstream's status."""
        upstream.status = 502
        self.expect(
            ecr,
            session,
            (503, "UNAVAILABLE"),
            ("UpstreamUnavailable", "The upstream registry quay.io responded with status 502"),
        )

    def test_an_upstream_without_an_address(
        self, aws: Environment, ecr: Any, upstream: Upstream, session: RegistrySession
    ) -> None:
        """The upstream registry is never called; the error names the missing setting."""
        aws.configure(upstreams=upstream.setting("k8s"))
        self.expect(
            ecr,
            session,
            (503, "UNAVAILABLE"),
            (
                "UpstreamUnavailable",
                "The upstream registry quay.io cannot be reached: "
                "the setting upstreams (MOTO_ECR_UPSTREAMS) has no address for quay.",
            ),
        )

    def test_an_upstream_that_is_not_there(
        self, aws: Environment, ecr: Any, upstream: Upstream, session: RegistrySession
    ) -> None:
        """An upstream registry that does not answer causes 503."""
        with running_upstream() as other:
            gone = other.setting()
        aws.configure(upstreams=gone)
        response = cached(session).get("/manifests/v1")
        assert response.status_code == 503
        [error] = response.json()["errors"]
        assert error["code"] == "UNAVAILABLE"
        assert error["message"].startswith("The upstream registry quay.io cannot be reached: ")

    @pytest.mark.parametrize("url", ["http://[", "", "nowhere"])
    def test_a_token_service_that_is_no_url(
        self, ecr: Any, upstream: Upstream, session: RegistrySession, url: str
    ) -> None:
        """A malformed address of a token service causes 503."""
        upstream.token_service, upstream.realm = True, url
        response = cached(session).get("/manifests/v1")
        assert (response.status_code, repositories(ecr)) == (503, [])

    @pytest.mark.parametrize("url", ["http://[", "http://127.0.0.1:port"])
    def test_a_redirect_to_a_malformed_url(
        self, ecr: Any, upstream: Upstream, session: RegistrySession, url: str
    ) -> None:
        """A redirect to a malformed address causes 503."""
        upstream.elsewhere = url
        response = cached(session).get("/manifests/v1")
        assert (response.status_code, repositories(ecr)) == (503, [])

    def test_a_manifest_with_another_digest(
        self, ecr: Any, upstream: Upstream, session: RegistrySession
    ) -> None:
        """A manifest with another digest is not imported."""
        upstream.manifests["team/app", IMAGE.digest] = ARM
        response = cached(session).get(f"/manifests/{IMAGE.digest}")
        assert (response.status_code, repositories(ecr)) == (503, [])

    @pytest.mark.parametrize("content", [b"", b"other bytes", None])
    def test_a_layer_that_does_not_come_whole(
        self, ecr: Any, upstream: Upstream, session: RegistrySession, content: bytes | None
    ) -> None:
        """A layer that breaks off leaves no image, no layer and no repository; a later pull imports them."""
        layer = IMAGE.layers[1]
        if content is None:
            del upstream.blobs[layer.digest]
        else:
            upstream.blobs[layer.digest] = content
        assert cached(session).get("/manifests/v1").status_code == 503
        assert repositories(ecr) == []
        upstream.blobs[layer.digest] = layer.content
        assert pull(ecr, NAME, "v1").digest == IMAGE.digest

    @pytest.mark.parametrize("says_length", [True, False])
    def test_a_layer_that_is_larger_than_its_descriptor(
        self, ecr: Any, upstream: Upstream, session: RegistrySession, says_length: bool
    ) -> None:
        """A layer is read up to the size in its descriptor, and an excess refuses it.

        OCI Image Specification 1.1, "Descriptors", `size`: other content is not to be trusted.
        """
        upstream.excess, upstream.says_length = 200 * MIB, says_length
        response = cached(session).get("/manifests/v1")
        assert_refused(
            response,
            503,
            "UNAVAILABLE",
            f"The layer {IMAGE.config.digest} from quay.io has more than the "
            f"{IMAGE.config.size} bytes of its descriptor.",
        )
        # The rest is what the system holds between the two.
        assert upstream.sent < 100 * MIB
        assert (repositories(ecr), list(current_store().blobs.upload_ids())) == ([], [])
        upstream.excess = 0
        assert cached(session).get("/manifests/v1").content == IMAGE.manifest

    @pytest.mark.parametrize("coding", ["gzip", "X-GZip"])
    def test_a_manifest_that_is_gzipped(
        self, ecr: Any, upstream: Upstream, session: RegistrySession, coding: str
    ) -> None:
        """A manifest in gzip is decompressed, as some proxies before a registry send it (RFC 9110, 8.4.1)."""
        upstream.gzip, upstream.coding = gzip.compress, coding
        assert cached(session).get("/manifests/v1").content == IMAGE.manifest
        assert pull(ecr, NAME, "v1").digest == IMAGE.digest

    @pytest.mark.parametrize(
        ("body", "reason"),
        [
            (lambda: gzip.compress(bytes(64 * MIB)), f"has more than {4 * MIB} bytes"),
            (lambda: gzip.compress(IMAGE.manifest)[:-9], "is not valid gzip"),
            (lambda: IMAGE.manifest, "is not valid gzip"),
        ],
        ids=["much in little", "half of it", "none"],
    )
    def test_gzip_beyond_the_limit(
        self,
        ecr: Any,
        upstream: Upstream,
        session: RegistrySession,
        body: Callable[[], bytes],
        reason: str,
    ) -> None:
        """Decompression stops at the size that a manifest may have: https://cwe.mitre.org/data/definitions/409.html.
        urllib3 since 2.6 has a limit; urllib3 1.26 has none.
        """
        content = body()
        upstream.gzip = lambda manifest: content
        tracemalloc.start()
        try:
            response = cached(session).get("/manifests/v1")
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert_refused(
            response, 503, "UNAVAILABLE", f"A response of the upstream registry quay.io {reason}"
        )
        assert most < 48 * MIB
        assert repositories(ecr) == []

    def test_another_coding(self, upstream: Upstream, session: RegistrySession) -> None:
        """A coding that was not asked for is named in the error (RFC 9110, 12.5.3)."""
        upstream.gzip, upstream.coding = gzip.compress, "br"
        assert_refused(
            cached(session).get("/manifests/v1"),
            503,
            "UNAVAILABLE",
            "A response of the upstream registry quay.io has the unexpected Content-Encoding 'br'",
        )

    def test_a_layer_without_a_size(
        self, ecr: Any, upstream: Upstream, session: RegistrySession
    ) -> None:
        """A layer without a size is imported: manifests of schema 1 lack sizes."""
        layer = IMAGE.layers[0]
        document = {
            "schemaVersion": 1,
            "mediaType": "application/vnd.docker.distribution.manifest.v1+prettyjws",
            "fsLayers": [{"blobSum": layer.digest}],
        }
        old = build_image(seed="old", layers=1)
        old.manifest = json.dumps(document).encode()
        old.digest = Digest.of(old.manifest)
        upstream.put("team/app", old, "old")
        upstream.content_type = document["mediaType"]
        response = cached(session).get("/manifests/old")
        assert response.content == old.manifest
        assert cached(session).get(f"/blobs/{layer.digest}").content == layer.content

    def test_a_challenge_with_an_endless_body(
        self, ecr: Any, upstream: Upstream, session: RegistrySession
    ) -> None:
        """The endless body of a challenge is not read."""
        upstream.login, upstream.challenge_excess = ("somebody", "secret"), 200 * MIB
        assert cached(session).get("/manifests/v1").status_code == 403
        assert upstream.sent < 100 * MIB

    def test_what_was_cancelled_meanwhile(
        self, upstream: Upstream, session: RegistrySession
    ) -> None:
        """An import that a starting server cancelled is repeated by the next pull."""

        def cancel(path: str) -> None:
            if path.endswith(IMAGE.blobs[-1].digest):
                for upload_id in list(current_store().blobs.upload_ids()):
                    current_store().blobs.cancel(upload_id)

        upstream.when_asked = cancel
        response = cached(session).get("/manifests/v1")
        assert (response.status_code, "Pull it again" in response.text) == (503, True)
        upstream.when_asked = len
        assert cached(session).get("/manifests/v1").content == IMAGE.manifest

    @pytest.mark.parametrize("content", [b'{"mediaType":"text/plain"}', TOO_MANY_LAYERS])
    def test_a_manifest_that_ecr_refuses(
        self, ecr: Any, upstream: Upstream, session: RegistrySession, content: bytes
    ) -> None:
        """A manifest that ECR does not accept is not imported."""
        odd = build_image(seed="odd", layers=1)
        odd.manifest, odd.digest = content, Digest.of(content)
        upstream.put("team/app", odd, "odd")
        response = cached(session).get("/manifests/odd")
        assert_refused(
            response,
            503,
            "UNAVAILABLE",
            "Amazon ECR does not accept the manifest of odd of team/app from quay.io.",
        )
        assert repositories(ecr) == []


@needs_proc
def test_an_image_of_many_layers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An image of many layers is imported with few open files.

    A process may open few (getrlimit(2), RLIMIT_NOFILE), and an image has at most 4,200 layers:
    https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html
    """
    monkeypatch.setattr("moto_ecr_ext.models.pull_through.downloads._MOST_SESSIONS", 8)
    image = build_image(seed="many", layers=40)
    open_files = []
    with (
        running_upstream() as upstream,
        moto_ecr_ext.install(data_dir=tmp_path, upstreams=upstream.setting()),
        mock_aws(),
    ):
        upstream.put("app", image, "v1")
        upstream.when_asked = lambda path: open_files.append(len(os.listdir("/proc/self/fd")))
        ecr = boto3.client("ecr", region_name="us-east-1")
        ecr.create_pull_through_cache_rule(
            ecrRepositoryPrefix="quay", upstreamRegistryUrl="quay.io"
        )
        assert pull(ecr, "quay/app", "v1").digest == image.digest
        assert list(current_store().blobs.upload_ids()) == []
    assert len(open_files) == 1 + len(image.blobs)
    assert max(open_files) - min(open_files) < 20


class TestCredentials:
    """Registries that ask for credentials get those of the rule's secret."""

    @pytest.fixture
    def hub(self, aws: Environment, ecr: Any, upstream: Upstream) -> str:
        """A repository of an upstream that is docker-hub, with a secret for it."""
        secret = aws.client("secretsmanager").create_secret(
            Name="ecr-pullthroughcache/hub",
            SecretString=json.dumps({"username": "me", "accessToken": "secret"}),
        )
        aws.configure(upstreams=upstream.setting("docker-hub"))
        ecr.create_pull_through_cache_rule(
            ecrRepositoryPrefix="docker-hub",
            upstreamRegistryUrl="registry-1.docker.io",
            credentialArn=secret["ARN"],
        )
        upstream.login = ("me", "secret")
        return "docker-hub/team/app"

    @pytest.mark.parametrize("token_service", [False, True])
    def test_an_image(self, ecr: Any, upstream: Upstream, hub: str, token_service: bool) -> None:
        """An image is pulled by Basic authentication, or by a token for this repository."""
        upstream.token_service = token_service
        assert pull(ecr, hub, "v1").digest == IMAGE.digest
        assert upstream.token_requests == token_service * [
            {"account": ["x"], "service": ["a registry"], "scope": ["repository:team/app:pull"]}
        ]

    @pytest.mark.parametrize("token_service", [False, True])
    def test_wrong_credentials(
        self,
        ecr: Any,
        upstream: Upstream,
        hub: str,
        session: RegistrySession,
        token_service: bool,
    ) -> None:
        """Wrong credentials are reported as denied access."""
        upstream.token_service, upstream.login = token_service, ("me", "changed")
        response = cached(session, hub).get("/manifests/v1")
        assert response.status_code == 403
        assert "Verify that the credentials for registry-1.docker.io" in response.text
        assert upstream.asked == []

    def test_a_refusal_with_400(
        self, ecr: Any, upstream: Upstream, hub: str, session: RegistrySession
    ) -> None:
        """An upstream that answers 400 to credentials denies access: an ECR does so for a password of another registry.

        https://github.com/aws/aws-cli/issues/5317
        """
        upstream.status = 400
        response = cached(session, hub).get("/manifests/v1")
        assert_refused(
            response,
            403,
            "DENIED",
            "The authentication to the upstream registry failed. "
            "Verify that the credentials for registry-1.docker.io are valid and try again.",
        )
        answer = ecr.batch_get_image(repositoryName=hub, imageIds=[{"imageTag": "v1"}])
        assert answer["failures"][0]["failureCode"] == "UpstreamAccessDenied"
        assert repositories(ecr) == []

    def test_a_refusal_with_400_without_credentials(
        self, ecr: Any, upstream: Upstream, session: RegistrySession
    ) -> None:
        """Without credentials, 400 is a failure of the upstream."""
        upstream.status = 400
        response = cached(session).get("/manifests/v1")
        message = "The upstream registry quay.io responded with status 400"
        assert_refused(response, 503, "UNAVAILABLE", message)

    @pytest.mark.parametrize(
        ("secret", "reason"),
        [
            ("no JSON", "The secret must be a JSON object with username and accessToken."),
            (
                '{"username":"me"}',
                "The secret must be a JSON object with username and accessToken.",
            ),
            (None, "The secret is unable to be accessed."),
        ],
    )
    def test_a_secret_that_cannot_be_used(
        self,
        aws: Environment,
        ecr: Any,
        upstream: Upstream,
        hub: str,
        session: RegistrySession,
        secret: str | None,
        reason: str,
    ) -> None:
        """The call fails with an unusable secret, unless a copy exists."""
        secrets = aws.client("secretsmanager")
        name = "ecr-pullthroughcache/hub"
        ecr.batch_get_image(repositoryName=hub, imageIds=[{"imageDigest": IMAGE.digest}])
        if secret is None:
            secrets.delete_secret(SecretId=name)
        else:
            secrets.put_secret_value(SecretId=name, SecretString=secret)
        with pytest.raises(ecr.exceptions.UnableToGetUpstreamImageException, match=reason):
            ecr.batch_get_image(repositoryName=hub, imageIds=[{"imageTag": "v1"}])
        response = cached(session, hub).get("/manifests/v1")
        assert (response.status_code, response.json()["errors"][0]["code"]) == (403, "DENIED")
        assert cached(session, hub).get(f"/manifests/{IMAGE.digest}").ok

    def test_anybody_may_get_a_token(self, ecr: Any, upstream: Upstream) -> None:
        """A token is requested without credentials from an upstream with public images."""
        upstream.token_service = True
        assert pull(ecr, NAME, "v1").digest == IMAGE.digest

    def test_blobs_that_are_elsewhere(self, ecr: Any, upstream: Upstream, hub: str) -> None:
        """Blobs are fetched from the address of a redirect, without credentials."""
        with running_upstream() as storage:
            upstream.elsewhere, storage.blobs = storage.url, upstream.blobs
            assert pull(ecr, hub, "v1").digest == IMAGE.digest
            assert set(storage.authorizations.values()) == {None}
            assert len(storage.authorizations) == len(IMAGE.blobs)

    def test_credentials_in_the_address(
        self, aws: Environment, ecr: Any, upstream: Upstream
    ) -> None:
        """Credentials in the upstream's address are used if its rule has no secret."""
        upstream.login = ("me@home", "secret")
        aws.configure(upstreams=f"quay={upstream.url.replace('//', '//me%40home:secret@')}")
        assert pull(ecr, NAME, "v1").digest == IMAGE.digest


class TestOtherAccounts:
    """A caller of another account imports only if the registry's policy also allows importing."""

    def allow(self, ecr: Any, *actions: str) -> None:
        statement = {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{OTHER_ACCOUNT}:root"},
            "Action": list(actions),
            "Resource": f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/*",
        }
        text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        ecr.put_registry_policy(policyText=text)

    def test_an_import(self, aws: Environment, ecr: Any, upstream: Upstream, log_in: LogIn) -> None:
        """The image is imported into the owner's registry, by the owner's rule."""
        self.allow(ecr, "ecr:CreateRepository", "ecr:BatchImportUpstreamImage", "ecr:BatchGetImage")
        guest = aws.client(account=OTHER_ACCOUNT)
        answer = guest.batch_get_image(
            registryId=ACCOUNT, repositoryName=NAME, imageIds=[{"imageTag": "v1"}]
        )
        assert answer["images"][0]["imageId"]["imageDigest"] == IMAGE.digest
        assert repositories(ecr) == [NAME]
        assert repositories(guest) == []

    @pytest.mark.parametrize("missing", ["ecr:CreateRepository", "ecr:BatchImportUpstreamImage"])
    def test_no_repository_without_permission(
        self, aws: Environment, ecr: Any, upstream: Upstream, missing: str
    ) -> None:
        """Without permission to create it, the repository is missing."""
        actions = {"ecr:CreateRepository", "ecr:BatchImportUpstreamImage", "ecr:BatchGetImage"}
        self.allow(ecr, *(actions - {missing}))
        guest = aws.client(account=OTHER_ACCOUNT)
        with pytest.raises(guest.exceptions.RepositoryNotFoundException):
            guest.batch_get_image(
                registryId=ACCOUNT, repositoryName=NAME, imageIds=[{"imageTag": "v1"}]
            )
        assert (upstream.asked, repositories(ecr)) == ([], [])

    def test_no_image_without_permission(
        self, aws: Environment, ecr: Any, upstream: Upstream
    ) -> None:
        """In an existing repository, an image that only an import could bring is not found."""
        self.allow(ecr, "ecr:BatchGetImage")
        ecr.create_repository(repositoryName=NAME)
        answer = aws.client(account=OTHER_ACCOUNT).batch_get_image(
            registryId=ACCOUNT, repositoryName=NAME, imageIds=[{"imageTag": "v1"}]
        )
        assert answer["failures"][0]["failureCode"] == "ImageNotFound"
        assert upstream.asked == []


class TestIam:
    """If moto's IAM is enforced, importing needs its own permission beside pulling."""

    ACTIONS = frozenset(
        (
            "ecr:GetAuthorizationToken",
            "ecr:BatchGetImage",
            "ecr:BatchImportUpstreamImage",
            "ecr:CreateRepository",
        )
    )

    @pytest.mark.parametrize(
        "missing", [None, "ecr:CreateRepository", "ecr:BatchImportUpstreamImage"]
    )
    def test_a_user(
        self, aws: Environment, ecr: Any, upstream: Upstream, missing: str | None
    ) -> None:
        """A user without permission to import gets the error of a missing repository."""
        user = User(aws, Action=sorted(self.ACTIONS - {missing}), Resource="*")
        client = user.client()

        def pulls() -> tuple[int, bool]:
            token = client.get_authorization_token()["authorizationData"][0]["authorizationToken"]
            session = RegistrySession(aws.registry_url(), token)
            status = cached(session).get("/manifests/v1").status_code
            request = {"repositoryName": NAME, "imageIds": [{"imageTag": "v1"}]}
            try:
                return status, bool(client.batch_get_image(**request)["images"])
            except client.exceptions.RepositoryNotFoundException:
                return status, False

        assert enforced(pulls) == ((404, False) if missing else (200, True))
        assert bool(upstream.asked) is not bool(missing)


class TestEcrUpstream:
    """An ECR of the same emulator is upstream without an address."""

    @pytest.mark.parametrize("region", ["us-east-1", "eu-west-1"])
    def test_the_same_account(self, aws: Environment, ecr: Any, region: str) -> None:
        """A pull imports from any Region of the same account; a tag is checked after a day, and an index brings its
        images.
        """
        source = aws.client(region=region)
        source.create_repository(repositoryName="team/app")
        push(source, "team/app", INDEX, tag="v1")
        ecr.create_pull_through_cache_rule(
            ecrRepositoryPrefix="mine",
            upstreamRegistryUrl=f"{ACCOUNT}.dkr.ecr.{region}.amazonaws.com",
        )
        assert pull(ecr, "mine/team/app", "v1").digest == INDEX.digest
        push(source, "team/app", NEWER, tag="v1")
        assert digest_of_tag(ecr, "v1", "mine/team/app") == INDEX.digest
        with freeze_time(datetime.now(timezone.utc) + timedelta(hours=25)):
            assert digest_of_tag(ecr, "v1", "mine/team/app") == NEWER.digest
        source.delete_repository(repositoryName="team/app", force=True)
        assert pull(ecr, "mine/team/app", "v1").digest == NEWER.digest

    ROLE = f"arn:aws:iam::{ACCOUNT}:role/ecr-cache"

    @pytest.fixture
    def other(self, aws: Environment, ecr: Any) -> Any:
        """The client of another account with an image, which a rule has upstream."""
        other = aws.client(account=OTHER_ACCOUNT)
        other.create_repository(repositoryName="team/app")
        push(other, "team/app", IMAGE, tag="v1")
        ecr.create_pull_through_cache_rule(
            ecrRepositoryPrefix="theirs",
            upstreamRegistryUrl=f"{OTHER_ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com",
            customRoleArn=self.ROLE,
        )
        return other

    def let_in(self, other: Any, *actions: str, principal: str = ROLE) -> None:
        statement = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": list(actions)}
        text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        other.set_repository_policy(repositoryName="team/app", policyText=text)

    def test_another_account(self, ecr: Any, other: Any) -> None:
        """The rule's role reads the upstream registry, if that account allows it."""
        self.let_in(other, "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
        assert pull(ecr, "theirs/team/app", "v1").digest == IMAGE.digest

    def test_another_account_that_does_not_let_the_role_in(
        self, ecr: Any, other: Any, session: RegistrySession
    ) -> None:
        """An upstream policy without permission for the role denies access."""
        self.let_in(other, "ecr:BatchGetImage")
        assert cached(session, "theirs/team/app").get("/manifests/v1").status_code == 403
        answer = ecr.batch_get_image(
            repositoryName="theirs/team/app", imageIds=[{"imageTag": "v1"}]
        )
        assert answer["failures"][0]["failureCode"] == "UpstreamAccessDenied"
        assert repositories(ecr) == []

    @pytest.mark.parametrize("name", ["theirs/team/app", "theirs/none"])
    def test_no_such_image(self, ecr: Any, other: Any, session: RegistrySession, name: str) -> None:
        """A missing image is reported as with any upstream."""
        self.let_in(other, "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
        response = cached(session, name).get("/manifests/none")
        assert_refused(response, 404, "MANIFEST_UNKNOWN", "Requested image not found")

    def test_an_ecr_with_an_address(
        self, aws: Environment, ecr: Any, other: Any, upstream: Upstream
    ) -> None:
        """The setting's address replaces the upstream ECR's."""
        aws.configure(upstreams=upstream.setting("ecr"))
        upstream.put("team/app", NEWER, "v1")
        assert digest_of_tag(ecr, "v1", "theirs/team/app") == NEWER.digest
