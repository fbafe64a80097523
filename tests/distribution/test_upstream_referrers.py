"""Referrers of cached images: those of the upstream registry are imported when they are listed.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-working.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from freezegun import freeze_time

from moto_ecr_ext.testing import Image, build_artifact, build_image, build_index, pull, push
from support.constants import ABSENT_DIGEST, ACCOUNT, OTHER_ACCOUNT
from support.environments import Environment
from support.refusals import refusal
from support.registry_client import RepositoryClient
from support.stored import everything_stored
from support.upstream import Upstream, running_upstream

NAME = "quay/team/app"
IMAGE = build_image(seed="upstream", layers=1)


def artifact(content: str, subject: Image = IMAGE) -> Image:
    return build_artifact(
        artifact_type="application/signature", subject=subject, content=content.encode()
    )


SIGNATURE, SECOND, THIRD = (artifact(content) for content in ("one", "two", "three"))
FAILED = "The referrer or referrers were unable to be listed using the pull through cache rule. "


@pytest.fixture
def upstream(aws: Environment, ecr: Any) -> Iterator[Upstream]:
    """A registry with an image that is cached here, and a signature of it that is not."""
    with running_upstream() as upstream:
        aws.configure(upstreams=upstream.setting())
        ecr.create_pull_through_cache_rule(
            ecrRepositoryPrefix="quay", upstreamRegistryUrl="quay.io"
        )
        upstream.put("team/app", IMAGE, "v1")
        assert pull(ecr, NAME, "v1").digest == IMAGE.digest
        upstream.put("team/app", SIGNATURE, "signature")
        upstream.asked.clear()
        yield upstream


def by_api(aws: Environment, image: Image = IMAGE, name: str = NAME) -> list[str]:
    """Return the referrers of an image in ListImageReferrers."""
    answer = aws.client().list_image_referrers(
        repositoryName=name, subjectId={"imageDigest": image.digest}
    )
    return [each["digest"] for each in answer["referrers"]]


def by_registry(aws: Environment) -> list[str]:
    """Return the referrers of the image in the registry protocol."""
    answer = RepositoryClient(aws.registry(), NAME).get(f"/referrers/{IMAGE.digest}")
    assert answer.status_code == 200
    return [each["digest"] for each in answer.json()["manifests"]]


@pytest.mark.parametrize("listing", [by_api, by_registry])
def test_a_referrer_of_upstream(
    aws: Environment, ecr: Any, upstream: Upstream, listing: Any
) -> None:
    """Both protocols list the referrer, and its bytes are imported."""
    assert listing(aws) == [SIGNATURE.digest]
    upstream.status = 503
    assert pull(ecr, NAME, SIGNATURE.digest).blobs[-1].content == b"one"
    assert (by_api(aws), by_registry(aws)) == ([SIGNATURE.digest], [SIGNATURE.digest])


def test_upstream_is_asked_every_six_hours(aws: Environment, upstream: Upstream) -> None:
    """Existing referrers are not fetched again."""
    assert by_api(aws) == [SIGNATURE.digest]
    upstream.put("team/app", SECOND, "second")
    upstream.asked.clear()
    assert by_registry(aws) == [SIGNATURE.digest]
    assert upstream.asked == []
    with freeze_time(datetime.now(timezone.utc) + timedelta(hours=6, minutes=1)):
        assert by_api(aws) == [SIGNATURE.digest, SECOND.digest]
    assert upstream.asked == [
        f"/v2/team/app/referrers/{IMAGE.digest}",
        f"/v2/team/app/manifests/{SECOND.digest}",
        *(f"/v2/team/app/blobs/{blob.digest}" for blob in SECOND.blobs[1:]),
    ]


def test_pages_of_referrers(aws: Environment, upstream: Upstream) -> None:
    """All pages of referrers are read (OCI Distribution 1.1, "Listing Referrers")."""
    upstream.put("team/app", SECOND, "second")
    upstream.put("team/app", THIRD, "third")
    upstream.referrers_on_page = 1
    assert by_api(aws) == [SIGNATURE.digest, SECOND.digest, THIRD.digest]


def test_a_referrer_that_is_gone(aws: Environment, upstream: Upstream) -> None:
    """A referrer that the upstream lists but lacks is left out; the others are imported."""
    gone = {"digest": ABSENT_DIGEST}
    listed = {"manifests": [gone, {"digest": SIGNATURE.digest}]}
    upstream.referrers = json.dumps(listed).encode()
    assert by_api(aws) == [SIGNATURE.digest]


def test_an_upstream_without_the_api(aws: Environment, upstream: Upstream) -> None:
    """An upstream without the API has referrers in an index under a tag (OCI Distribution 1.1, "Referrers Tag
    Schema"), or none.
    """
    upstream.referrers_on_page = None
    assert by_api(aws) == []
    upstream.put("team/app", build_index([SIGNATURE]), IMAGE.digest.replace(":", "-"))
    with freeze_time(datetime.now(timezone.utc) + timedelta(hours=7)):
        assert by_api(aws) == [SIGNATURE.digest]


def test_an_upstream_that_fails(aws: Environment, ecr: Any, upstream: Upstream) -> None:
    """A failing upstream causes UnableToListUpstreamImageReferrersException, and nothing changes; the next call asks
    again.
    """
    upstream.status = 429
    before = everything_stored()
    request = {"repositoryName": NAME, "subjectId": {"imageDigest": IMAGE.digest}}
    found = refusal(ecr.list_image_referrers, **request)
    assert found.code == "UnableToListUpstreamImageReferrersException"
    assert found.message == (
        FAILED + "The upstream registry quay.io has received too many requests."
    )
    answer = RepositoryClient(aws.registry(), NAME).get(f"/referrers/{IMAGE.digest}")
    assert answer.status_code == 503
    assert answer.json() == {"errors": [{"code": "UNAVAILABLE", "message": found.message}]}
    assert everything_stored() == before
    upstream.status = 0
    assert by_api(aws) == [SIGNATURE.digest]


def test_an_upstream_that_fails_later(aws: Environment, upstream: Upstream) -> None:
    """Referrers that were imported before are listed while the upstream fails."""
    assert by_api(aws) == [SIGNATURE.digest]
    upstream.status = 503
    with freeze_time(datetime.now(timezone.utc) + timedelta(hours=7)):
        assert by_api(aws) == [SIGNATURE.digest]


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"manifests":[{}]}', b'{"manifests":[{"digest":7}]}']
)
def test_a_list_that_is_no_index(ecr: Any, upstream: Upstream, body: bytes) -> None:
    """A list that is not an index is an error of the upstream registry."""
    upstream.referrers = body
    found = refusal(
        ecr.list_image_referrers, repositoryName=NAME, subjectId={"imageDigest": IMAGE.digest}
    )
    assert found.message.endswith("returned a list of referrers that is not an index")


@pytest.mark.parametrize("link", ['<http://[>; rel="next"', '</v2/team/app/nowhere>; rel="next"'])
def test_a_next_page_that_is_not_there(
    aws: Environment, ecr: Any, upstream: Upstream, link: str
) -> None:
    """A list whose next page is missing is refused as incomplete."""
    upstream.put("team/app", SECOND, "second")
    upstream.referrers_on_page, upstream.link = 1, link
    found = refusal(
        ecr.list_image_referrers, repositoryName=NAME, subjectId={"imageDigest": IMAGE.digest}
    )
    assert found.code == "UnableToListUpstreamImageReferrersException"


def test_pages_without_end(aws: Environment, ecr: Any, upstream: Upstream) -> None:
    """A list without a last page is refused."""
    upstream.put("team/app", SECOND, "second")
    upstream.referrers_on_page = 1
    upstream.link = f'</v2/team/app/referrers/{IMAGE.digest}>; rel="next"'
    found = refusal(
        ecr.list_image_referrers, repositoryName=NAME, subjectId={"imageDigest": IMAGE.digest}
    )
    assert found.message.endswith("have no last page")


def test_images_that_no_rule_covers(aws: Environment, ecr: Any, upstream: Upstream) -> None:
    """The upstream is not asked for referrers of images that no rule covers, or that are not here."""
    ecr.create_repository(repositoryName="own")
    push(ecr, "own", IMAGE)
    assert by_api(aws, name="own") == []
    assert by_api(aws, build_image(seed="absent")) == []
    assert upstream.asked == []


def test_an_ecr_upstream(aws: Environment, ecr: Any) -> None:
    """Referrers are copied from a registry of the same emulator, as the rule's role."""
    role = f"arn:aws:iam::{ACCOUNT}:role/ecr-cache"
    other = aws.client(account=OTHER_ACCOUNT)
    other.create_repository(repositoryName="team/app")
    push(other, "team/app", IMAGE, tag="v1")
    push(other, "team/app", SIGNATURE)
    ecr.create_pull_through_cache_rule(
        ecrRepositoryPrefix="theirs",
        upstreamRegistryUrl=f"{OTHER_ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com",
        customRoleArn=role,
    )
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": role},
        "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    other.set_repository_policy(repositoryName="team/app", policyText=policy)
    assert pull(ecr, "theirs/team/app", "v1").digest == IMAGE.digest
    other.delete_repository_policy(repositoryName="team/app")
    found = refusal(
        ecr.list_image_referrers,
        repositoryName="theirs/team/app",
        subjectId={"imageDigest": IMAGE.digest},
    )
    assert found.code == "UnableToListUpstreamImageReferrersException"
    other.set_repository_policy(repositoryName="team/app", policyText=policy)
    assert by_api(aws, name="theirs/team/app") == [SIGNATURE.digest]
    assert pull(ecr, "theirs/team/app", SIGNATURE.digest).blobs[-1].content == b"one"
