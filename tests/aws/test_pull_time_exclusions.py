"""Pull-time update exclusions: the operations, and whose pulls leave lastRecordedPullTime alone.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-time-update-exclusions.html
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import boto3
import pytest

from moto_ecr_ext.moto_services.iam import identity_of
from moto_ecr_ext.testing import build_image, push
from support.constants import BEGINNING, OTHER_ACCOUNT
from support.refusals import Refusal, invalid, refusal
from support.registry_client import RegistrySession
from support.stored import everything_stored

ROLE = "arn:aws:iam::123456789012:role/service/scanner"
USER = "arn:aws:iam::123456789012:user/robots/scanner"
IMAGE = build_image(seed="image")


class Puller:
    """A principal of moto's IAM, and its pulls over each protocol."""

    def __init__(self, aws: Any, key: dict[str, str]):
        self._ecr = boto3.client(
            "ecr",
            region_name="us-east-1",
            endpoint_url=aws.endpoint_url,
            aws_access_key_id=key["AccessKeyId"],
            aws_secret_access_key=key["SecretAccessKey"],
            aws_session_token=key.get("SessionToken"),
        )
        [login] = self._ecr.get_authorization_token()["authorizationData"]
        self._registry = RegistrySession(aws.registry_url(), login["authorizationToken"])

    def pull_by_api(self) -> None:
        answer = self._ecr.batch_get_image(
            repositoryName="team/app", imageIds=[{"imageDigest": IMAGE.digest}]
        )
        assert answer["images"][0]["imageManifest"] == IMAGE.manifest.decode()

    def pull_by_registry(self) -> None:
        answer = self._registry.get(f"/v2/team/app/manifests/{IMAGE.digest}")
        assert answer.content == IMAGE.manifest


PROTOCOLS = pytest.mark.parametrize(
    "pull", [Puller.pull_by_api, Puller.pull_by_registry], ids=["api", "registry"]
)


def session(aws: Any, name: str = "scanner") -> Puller:
    """A session of a role, which is created if it does not exist."""
    iam = aws.client("iam")
    role = iam.create_role(RoleName=name, Path="/service/", AssumeRolePolicyDocument="{}")
    assumed = aws.client("sts").assume_role(RoleArn=role["Role"]["Arn"], RoleSessionName="nightly")
    return Puller(aws, assumed["Credentials"])


def user(aws: Any, name: str = "scanner") -> Puller:
    iam = aws.client("iam")
    iam.create_user(UserName=name, Path="/robots/")
    return Puller(aws, iam.create_access_key(UserName=name)["AccessKey"])


def pulled_at(ecr: Any) -> datetime | None:
    """The image's time of the last pull, as DescribeImages returns it."""
    [detail] = ecr.describe_images(repositoryName="team/app")["imageDetails"]
    at: datetime | None = detail.get("lastRecordedPullTime")
    return at


@PROTOCOLS
@pytest.mark.parametrize(
    ("arn", "principal"),
    [(ROLE, session), (USER, user)],
    ids=["session of a role", "user"],
)
def test_pulls_of_an_excluded_principal(
    clock: Any,
    aws: Any,
    ecr: Any,
    repository_name: str,
    arn: str,
    principal: Callable[[Any], Puller],
    pull: Callable[[Puller], None],
) -> None:
    """Pulls of an excluded principal leave the time unchanged only while the exclusion is registered."""
    push(ecr, repository_name, IMAGE)
    puller = principal(aws)
    pull(puller)
    assert pulled_at(ecr) == BEGINNING
    clock.tick(60)
    ecr.register_pull_time_update_exclusion(principalArn=arn)
    clock.tick(60)
    pull(puller)
    assert pulled_at(ecr) == BEGINNING
    clock.tick(60)
    ecr.deregister_pull_time_update_exclusion(principalArn=arn)
    pull(puller)
    assert pulled_at(ecr) == BEGINNING + timedelta(minutes=3)


@PROTOCOLS
def test_an_image_that_only_excluded_principals_pull(
    aws: Any, ecr: Any, repository_name: str, pull: Callable[[Puller], None]
) -> None:
    """An image that only excluded principals pull has no time of a last pull."""
    push(ecr, repository_name, IMAGE)
    ecr.register_pull_time_update_exclusion(principalArn=ROLE)
    pull(session(aws))
    assert pulled_at(ecr) is None


@PROTOCOLS
def test_pulls_of_others(
    clock: Any, aws: Any, ecr: Any, repository_name: str, pull: Callable[[Puller], None]
) -> None:
    """Pulls of other principals count, also between excluded ones, and with similar names."""
    push(ecr, repository_name, IMAGE)
    ecr.register_pull_time_update_exclusion(principalArn=ROLE)
    excluded, other = session(aws), session(aws, "scanner2")
    same_name = user(aws)
    pull(excluded)
    clock.tick(1)
    pull(other)
    clock.tick(1)
    pull(excluded)
    assert pulled_at(ecr) == BEGINNING + timedelta(seconds=1)
    clock.tick(1)
    pull(same_name)
    assert pulled_at(ecr) == BEGINNING + timedelta(seconds=3)
    clock.tick(1)
    pull(other)
    pull(excluded)
    assert pulled_at(ecr) == BEGINNING + timedelta(seconds=4)


def test_an_exclusion_is_of_one_registry(aws: Any, ecr: Any, repository_name: str) -> None:
    """Exclusions of another Region or another account do not apply here."""
    push(ecr, repository_name, IMAGE)
    for other in (aws.client(region="eu-west-1"), aws.client(account=OTHER_ACCOUNT)):
        other.register_pull_time_update_exclusion(principalArn=ROLE)
    session(aws).pull_by_api()
    assert pulled_at(ecr) is not None
    assert ecr.list_pull_time_update_exclusions()["pullTimeUpdateExclusions"] == []


def test_a_pull_before_is_not_excluded_afterwards(
    clock: Any, aws: Any, ecr: Any, repository_name: str
) -> None:
    """A pull is recorded by the exclusions at the time of the pull."""
    push(ecr, repository_name, IMAGE)
    puller = session(aws)
    for _ in range(2):  # The second is written later than it is made.
        puller.pull_by_registry()
    ecr.register_pull_time_update_exclusion(principalArn=ROLE)
    clock.tick(60)
    for _ in range(2):
        puller.pull_by_registry()
    ecr.deregister_pull_time_update_exclusion(principalArn=ROLE)
    assert pulled_at(ecr) == BEGINNING


def test_register(clock: Any, ecr: Any) -> None:
    """A principal that does not exist can be registered."""
    answer = ecr.register_pull_time_update_exclusion(principalArn=ROLE)
    assert (answer["principalArn"], answer["createdAt"]) == (ROLE, BEGINNING)
    assert ecr.list_pull_time_update_exclusions()["pullTimeUpdateExclusions"] == [ROLE]


def test_register_twice(ecr: Any) -> None:
    """A second registration is refused, and changes nothing."""
    ecr.register_pull_time_update_exclusion(principalArn=ROLE)
    before = everything_stored()
    assert refusal(ecr.register_pull_time_update_exclusion, principalArn=ROLE) == Refusal(
        "ExclusionAlreadyExistsException",
        "The specified pull time update exclusion already exists for the registry.",
    )
    assert everything_stored() == before


def test_no_more_than_a_hundred(ecr: Any) -> None:
    """The 101st exclusion is refused until another one is deregistered."""
    for number in range(100):
        ecr.register_pull_time_update_exclusion(principalArn=f"{ROLE}{number}")
    before = everything_stored()
    assert refusal(ecr.register_pull_time_update_exclusion, principalArn=ROLE) == Refusal(
        "LimitExceededException",
        "The maximum number of pull time update exclusions, 100, has been reached.",
    )
    assert everything_stored() == before
    ecr.deregister_pull_time_update_exclusion(principalArn=f"{ROLE}7")
    ecr.register_pull_time_update_exclusion(principalArn=ROLE)


def test_deregister(ecr: Any) -> None:
    """Deregistering returns the principal; a second call is refused."""
    ecr.register_pull_time_update_exclusion(principalArn=ROLE)
    answer = ecr.deregister_pull_time_update_exclusion(principalArn=ROLE)
    assert answer["principalArn"] == ROLE
    assert ecr.list_pull_time_update_exclusions()["pullTimeUpdateExclusions"] == []
    assert refusal(ecr.deregister_pull_time_update_exclusion, principalArn=ROLE) == Refusal(
        "ExclusionNotFoundException", "The specified pull time update exclusion was not found."
    )


@pytest.mark.parametrize(
    "arn",
    [
        "scanner",
        "arn:aws:iam::123456789012:root",
        "arn:aws:iam::123456789012:group/scanners",
        "arn:aws:sts::123456789012:assumed-role/scanner/nightly",
        "arn:aws:iam::1234:role/scanner",
    ],
)
def test_what_is_neither_role_nor_user(ecr: Any, arn: str) -> None:
    """An ARN that is not of a role or a user is refused."""
    before = everything_stored()
    assert refusal(ecr.register_pull_time_update_exclusion, principalArn=arn) == invalid(
        "principalArn",
        "Member must satisfy regular expression pattern: "
        r"^arn:aws(-[a-z]+)*:iam::[0-9]{12}:(role|user)/[\w+=,.@-]+(/[\w+=,.@-]+)*$",
    )
    assert everything_stored() == before


def test_pages(ecr: Any) -> None:
    """Pages list exclusions in the order of registration."""
    arns = [f"{ROLE}{number}" for number in (3, 1, 2)]
    for arn in arns:
        ecr.register_pull_time_update_exclusion(principalArn=arn)
    first = ecr.list_pull_time_update_exclusions(maxResults=2)
    assert first["pullTimeUpdateExclusions"] == arns[:2]
    second = ecr.list_pull_time_update_exclusions(nextToken=first["nextToken"])
    assert second["pullTimeUpdateExclusions"] == arns[2:]
    assert "nextToken" not in second
    assert refusal(ecr.list_pull_time_update_exclusions, nextToken="text") == invalid(
        "nextToken", "Invalid continuation token"
    )


@pytest.mark.parametrize(
    ("arn", "identity"),
    [
        ("arn:aws:iam::123456789012:role/a/b/name", "123456789012:role/name"),
        ("arn:aws:iam::123456789012:role/name", "123456789012:role/name"),
        ("arn:aws-cn:sts::123456789012:assumed-role/name/session", "123456789012:role/name"),
        ("arn:aws:iam::123456789012:user/a/name", "123456789012:user/name"),
        ("arn:aws:iam::123456789012:root", "123456789012:root/"),
    ],
)
def test_identities(arn: str, identity: str) -> None:
    """A session counts as its role, and paths are ignored."""
    assert identity_of(arn) == identity
