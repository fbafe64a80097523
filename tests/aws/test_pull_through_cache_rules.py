"""Pull-through cache rules: what can be one, and the operations on them.

What pulls do by them is in distribution/test_pull_through.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any, ClassVar

import pytest
from freezegun import freeze_time

from moto_ecr_ext import service_model
from moto_ecr_ext.upstream.registries import UPSTREAMS
from support.constants import ACCOUNT, OTHER_ACCOUNT
from support.refusals import Refusal, invalid, refusal
from support.stored import everything_stored
from support.upstream import Upstream, running_upstream

ROLE = f"arn:aws:iam::{ACCOUNT}:role/cache"
PREMIUM_ROLE = f"arn:aws:iam::{OTHER_ACCOUNT}:role/premium"
NOT_FOUND = Refusal(
    "PullThroughCacheRuleNotFoundException",
    "The pull through cache rule was not found. Specify a valid pull through cache rule and try again.",
)
EXISTS = Refusal(
    "PullThroughCacheRuleAlreadyExistsException",
    "A pull through cache rule with these settings already exists for the private registry.",
)
MISMATCH = Refusal(
    "UnsupportedUpstreamRegistryException",
    "Invalid input: Upstream registry URL and entered upstream registry do not match.",
)
SECRET_NOT_FOUND = Refusal(
    "SecretNotFoundException",
    "The ARN of the secret specified in the pull through cache rule was not found. "
    "Update the pull through cache rule with a valid secret ARN and try again.",
)
SECRET_INACCESSIBLE = Refusal(
    "UnableToAccessSecretException",
    "The secret is unable to be accessed. "
    "Verify the resource permissions for the secret and try again.",
)
URLS = {
    "ecr": f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com",
    "ecr-public": "public.ecr.aws",
    "ecr-public-premium": "ecr-premium.aws.com",
    "quay": "quay.io",
    "k8s": "registry.k8s.io",
    "docker-hub": "registry-1.docker.io",
    "github-container-registry": "ghcr.io",
    "azure-container-registry": "myregistry.azurecr.io",
    "gitlab-container-registry": "registry.gitlab.com",
    "chainguard": "cgr.dev",
}
WITH_SECRET = [
    "docker-hub",
    "github-container-registry",
    "azure-container-registry",
    "gitlab-container-registry",
    "chainguard",
]
LOGIN = {"username": "me", "accessToken": "secret"}


def create_secret(
    aws: Any, name: str = "hub", value: str = json.dumps(LOGIN), **options: Any
) -> str:
    """The ARN of a new secret."""
    answer = aws.client("secretsmanager").create_secret(
        Name=f"ecr-pullthroughcache/{name}", SecretString=value, **options
    )
    arn: str = answer["ARN"]
    return arn


@pytest.fixture
def secret(aws: Any) -> str:
    """The ARN of a secret with a user name and an access token."""
    return create_secret(aws)


def create(ecr: Any, prefix: str = "quay", url: str = "quay.io", **members: Any) -> Any:
    return ecr.create_pull_through_cache_rule(
        ecrRepositoryPrefix=prefix, upstreamRegistryUrl=url, **members
    )


def described(ecr: Any, **request: Any) -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = ecr.describe_pull_through_cache_rules(**request)[
        "pullThroughCacheRules"
    ]
    return rules


def members(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


def test_the_upstreams_are_those_of_the_model() -> None:
    """The known upstream registries are those of the model, of which an older one has fewer."""
    model = service_model.operation("CreatePullThroughCacheRule")
    assert model is not None
    names = model.input_shape.members["upstreamRegistry"].metadata["enum"]
    assert set(names) <= set(UPSTREAMS) == set(URLS)


@pytest.mark.parametrize("name", URLS)
def test_every_upstream(aws: Any, ecr: Any, secret: str, name: str) -> None:
    """The upstream registry follows from the URL, and the answer names it."""
    given = {"credentialArn": secret} if name in WITH_SECRET else {}
    at = datetime(2026, 11, 24, 12, 0, 0, 250000, timezone.utc)
    with freeze_time(at):
        answer = members(create(ecr, "cache", URLS[name], **given))
    rule = {
        "ecrRepositoryPrefix": "cache",
        "upstreamRegistryUrl": URLS[name],
        "createdAt": at,
        "registryId": ACCOUNT,
        "upstreamRegistry": name,
        "upstreamRepositoryPrefix": "ROOT",
        **given,
    }
    assert {**answer, "createdAt": answer["createdAt"].astimezone(timezone.utc)} == rule
    [found] = described(ecr)
    assert found == {**rule, "updatedAt": at}


@pytest.mark.parametrize("name", WITH_SECRET)
def test_an_upstream_that_needs_credentials(ecr: Any, name: str) -> None:
    """An upstream that requires credentials refuses a rule without a secret:
    https://github.com/aws-controllers-k8s/community/issues/2589
    """
    assert refusal(
        ecr.create_pull_through_cache_rule,
        ecrRepositoryPrefix="cache",
        upstreamRegistryUrl=URLS[name],
    ) == Refusal(
        "UnsupportedUpstreamRegistryException",
        "The specified upstream registry requires authentication. "
        "Specify a valid Secrets Manager ARN containing the upstream registry credentials and try again.",
    )
    assert described(ecr) == []


@pytest.mark.parametrize(
    "url",
    [
        "docker.io",
        "https://quay.io",
        "quay.io/",
        "quay.io.example.com",
        "azurecr.io",
        "a.b.azurecr.io",
        f"{ACCOUNT}.dkr.ecr.eu-west-1.example.com",
        "12345.dkr.ecr.eu-west-1.amazonaws.com",
        "quay.io\n",
        "",
    ],
)
def test_a_url_of_no_upstream(ecr: Any, url: str) -> None:
    """A URL that belongs to no upstream registry is refused."""
    call = ecr.create_pull_through_cache_rule
    assert refusal(call, ecrRepositoryPrefix="cache", upstreamRegistryUrl=url) == Refusal(
        "UnsupportedUpstreamRegistryException",
        f"The upstream registry URL {url} is invalid. "
        "Specify a valid upstream registry URL and try again",
    )
    assert described(ecr) == []


@pytest.mark.parametrize("region", ["cn-north-1", "us-gov-west-1"])
def test_regions_without_rules(aws: Any, region: str) -> None:
    """https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache.html"""
    ecr = aws.client(region=region)
    call = ecr.create_pull_through_cache_rule
    assert refusal(
        call, ecrRepositoryPrefix="cache", upstreamRegistryUrl="public.ecr.aws"
    ) == Refusal("ValidationException", "This feature is disabled")
    assert described(ecr) == []


def test_a_url_of_another_upstream(ecr: Any) -> None:
    """A URL that does not belong to the named upstream registry is refused."""
    assert (
        refusal(
            ecr.create_pull_through_cache_rule,
            ecrRepositoryPrefix="cache",
            upstreamRegistryUrl="quay.io",
            upstreamRegistry="k8s",
        )
        == MISMATCH
    )


@pytest.mark.parametrize("again", ["quay", "quay/"])
def test_a_prefix_twice(ecr: Any, again: str) -> None:
    """A second rule for a prefix is refused; a slash at the end makes no difference, and is not returned."""
    create(ecr, "quay/")
    assert described(ecr)[0]["ecrRepositoryPrefix"] == "quay"
    before = everything_stored()
    call = ecr.create_pull_through_cache_rule
    assert refusal(call, ecrRepositoryPrefix=again, upstreamRegistryUrl="quay.io") == EXISTS
    assert everything_stored() == before


def test_fifty_rules(ecr: Any) -> None:
    """A registry can have at most fifty rules."""
    for number in range(50):
        create(ecr, f"quay-{number:02}")
    call = ecr.create_pull_through_cache_rule
    assert refusal(call, ecrRepositoryPrefix="quay", upstreamRegistryUrl="quay.io") == Refusal(
        "LimitExceededException",
        "The registry has 50 pull through cache rules, which is the limit.",
    )
    pages = list(
        ecr.get_paginator("describe_pull_through_cache_rules").paginate(
            PaginationConfig={"PageSize": 20}
        )
    )
    prefixes = [
        [rule["ecrRepositoryPrefix"] for rule in page["pullThroughCacheRules"]] for page in pages
    ]
    assert list(map(len, prefixes)) == [20, 20, 10]
    assert [each for page in prefixes for each in page] == [
        f"quay-{number:02}" for number in range(50)
    ]


def test_an_upstream_prefix_for_all_repositories(ecr: Any) -> None:
    """A rule for all repositories cannot have an upstream prefix:
    https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-private-wildcards.html
    """
    call = ecr.create_pull_through_cache_rule
    assert refusal(
        call,
        ecrRepositoryPrefix="ROOT",
        upstreamRegistryUrl="quay.io",
        upstreamRepositoryPrefix="team",
    ) == invalid(
        "upstreamRepositoryPrefix", "Must not be specified when ecrRepositoryPrefix is ROOT"
    )


class TestRoles:
    """An ECR of another account is read as a role."""

    def test_another_account(self, ecr: Any) -> None:
        """An upstream registry of another account needs a role."""
        url = f"{OTHER_ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com"
        call = ecr.create_pull_through_cache_rule
        assert refusal(call, ecrRepositoryPrefix="ecr", upstreamRegistryUrl=url) == invalid(
            "customRoleArn", "Must be specified for an upstream registry of another account"
        )
        assert create(ecr, "ecr", url, customRoleArn=ROLE)["customRoleArn"] == ROLE

    @pytest.mark.parametrize(
        "role", ["role/cache", f"arn:aws:iam::{ACCOUNT}:user/cache", f"{ROLE}\0", ""]
    )
    def test_no_role(self, ecr: Any, role: str) -> None:
        """An ARN that is not a role's is refused."""
        url = f"{OTHER_ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com"
        call = ecr.create_pull_through_cache_rule
        request = {"ecrRepositoryPrefix": "ecr", "upstreamRegistryUrl": url}
        assert refusal(call, **request, customRoleArn=role) == invalid(
            "customRoleArn", "Must be the ARN of an IAM role"
        )
        assert described(ecr) == []

    def test_other_upstreams(self, ecr: Any) -> None:
        """Rules for other upstream registries cannot have a role."""
        call = ecr.create_pull_through_cache_rule
        error = invalid("customRoleArn", "Must not be specified for the upstream registry quay")
        assert (
            refusal(
                call, ecrRepositoryPrefix="a1", upstreamRegistryUrl="quay.io", customRoleArn=ROLE
            )
            == error
        )
        create(ecr)
        before = everything_stored()
        call = ecr.update_pull_through_cache_rule
        assert refusal(call, ecrRepositoryPrefix="quay", customRoleArn=ROLE) == error
        assert everything_stored() == before


needs_premium = pytest.mark.skipif(
    "ecr-public-premium" not in service_model.values_of("UpstreamRegistry"),
    reason="the installed botocore does not have this upstream registry",
)


@needs_premium
class TestPremium:
    """ECR Public's paid images are read as ECR, or by two roles:
    https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreatePullThroughCacheRule.html
    """

    URL = URLS["ecr-public-premium"]
    ROLES: ClassVar[dict[str, str]] = {
        "customRoleArn": ROLE,
        "upstreamRoleArn": PREMIUM_ROLE,
    }

    def test_two_roles(self, ecr: Any) -> None:
        """Every answer has both roles."""
        created = create(ecr, "premium", self.URL, **self.ROLES)
        [found] = described(ecr)
        validated = ecr.validate_pull_through_cache_rule(ecrRepositoryPrefix="premium")
        updated = ecr.update_pull_through_cache_rule(ecrRepositoryPrefix="premium", **self.ROLES)
        deleted = ecr.delete_pull_through_cache_rule(ecrRepositoryPrefix="premium")
        for answer in (created, found, validated, updated):
            assert {name: answer[name] for name in self.ROLES} == self.ROLES
        assert deleted["customRoleArn"] == ROLE
        assert validated["isValid"] is True

    def test_an_update_without_roles(self, ecr: Any) -> None:
        """It takes the roles away."""
        create(ecr, "premium", self.URL, **self.ROLES)
        answer = ecr.update_pull_through_cache_rule(ecrRepositoryPrefix="premium")
        [found] = described(ecr)
        assert not {*self.ROLES} & ({*answer} | {*found})
        assert answer["updatedAt"] == found["updatedAt"]

    @pytest.mark.parametrize(
        ("given", "error"),
        [
            (
                {"customRoleArn": ROLE},
                invalid("upstreamRoleArn", "Member must not be null where customRoleArn is not"),
            ),
            (
                {"upstreamRoleArn": PREMIUM_ROLE},
                invalid("customRoleArn", "Member must not be null where upstreamRoleArn is not"),
            ),
            (
                {"customRoleArn": "cache", "upstreamRoleArn": PREMIUM_ROLE},
                invalid("customRoleArn", "Must be the ARN of an IAM role"),
            ),
            *(
                (
                    {"customRoleArn": ROLE, "upstreamRoleArn": role},
                    invalid(
                        "upstreamRoleArn", "Must be the ARN of an IAM role in the partition aws"
                    ),
                )
                for role in ("", "premium", PREMIUM_ROLE.replace("arn:aws:", "arn:aws-cn:"))
            ),
        ],
    )
    def test_other_roles(self, ecr: Any, given: dict[str, str], error: Refusal) -> None:
        """One role alone is refused, and so is a malformed one, by creations and updates."""
        create(ecr, "premium", self.URL)
        before = everything_stored()
        call = ecr.create_pull_through_cache_rule
        request = {"ecrRepositoryPrefix": "other", "upstreamRegistryUrl": self.URL}
        assert refusal(call, **request, **given) == error
        call = ecr.update_pull_through_cache_rule
        assert refusal(call, ecrRepositoryPrefix="premium", **given) == error
        assert everything_stored() == before

    def test_a_secret(self, ecr: Any, secret: str) -> None:
        """A rule cannot have a secret."""
        create(ecr, "premium", self.URL)
        before = everything_stored()
        error = invalid(
            "credentialArn", "Must not be specified for the upstream registry ecr-public-premium"
        )
        call = ecr.create_pull_through_cache_rule
        request = {"ecrRepositoryPrefix": "other", "upstreamRegistryUrl": self.URL}
        assert refusal(call, **request, credentialArn=secret) == error
        call = ecr.update_pull_through_cache_rule
        assert refusal(call, ecrRepositoryPrefix="premium", credentialArn=secret) == error
        assert everything_stored() == before

    @pytest.mark.parametrize("upstream", ["ecr", "quay"])
    def test_the_second_role_of_other_upstreams(self, ecr: Any, upstream: str) -> None:
        """Rules for other upstream registries cannot have the second role."""
        call = ecr.create_pull_through_cache_rule
        request = {"ecrRepositoryPrefix": "other", "upstreamRegistryUrl": URLS[upstream]}
        assert refusal(call, **request, **self.ROLES) == invalid(
            "upstreamRoleArn", f"Must not be specified for the upstream registry {upstream}"
        )
        assert described(ecr) == []


class TestSecrets:
    """Credentials are in moto's Secrets Manager, in the account and region of the rule."""

    def refusal(self, ecr: Any, arn: str) -> Refusal:
        """Return the refusal, which is the same for creating and for updating a rule."""
        create(ecr)
        updating = refusal(
            ecr.update_pull_through_cache_rule, ecrRepositoryPrefix="quay", credentialArn=arn
        )
        creating = refusal(
            ecr.create_pull_through_cache_rule,
            ecrRepositoryPrefix="hub",
            upstreamRegistryUrl="registry-1.docker.io",
            credentialArn=arn,
        )
        assert creating == updating
        assert [rule.get("credentialArn") for rule in described(ecr)] == [None]
        return creating

    def test_a_missing_secret(self, ecr: Any) -> None:
        """A missing secret is reported as missing."""
        arn = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:ecr-pullthroughcache/none-AbCdEf"
        assert self.refusal(ecr, arn) == SECRET_NOT_FOUND

    @pytest.mark.parametrize(
        ("account", "region"), [(OTHER_ACCOUNT, "us-east-1"), (ACCOUNT, "eu-west-1")]
    )
    def test_a_secret_elsewhere(self, ecr: Any, account: str, region: str) -> None:
        """A secret of another account or Region is inaccessible."""
        arn = f"arn:aws:secretsmanager:{region}:{account}:secret:ecr-pullthroughcache/hub-AbCdEf"
        assert self.refusal(ecr, arn) == SECRET_INACCESSIBLE

    def test_a_secret_that_is_being_deleted(self, aws: Any, ecr: Any, secret: str) -> None:
        """A secret that is scheduled for deletion is inaccessible."""
        aws.client("secretsmanager").delete_secret(SecretId=secret)
        assert self.refusal(ecr, secret) == SECRET_INACCESSIBLE

    def test_a_secret_with_a_key_of_its_own(self, aws: Any, ecr: Any) -> None:
        """ECR cannot decrypt a secret whose key is not aws/secretsmanager."""
        key = aws.client("kms").create_key()["KeyMetadata"]["KeyId"]
        assert self.refusal(ecr, create_secret(aws, "own", KmsKeyId=key)) == Refusal(
            "UnableToDecryptSecretValueException",
            "The secret is accessible but is unable to be decrypted. "
            "Verify the resource permissions and try again.",
        )

    def test_a_secret_of_another_name(self, aws: Any, ecr: Any) -> None:
        """The model refuses a secret with another prefix."""
        arn = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:other/hub-AbCdEf"
        assert self.refusal(ecr, arn).code == "InvalidParameterException"


def test_update(aws: Any, ecr: Any, secret: str) -> None:
    """An update changes the secret; other members stay."""
    create(ecr, "hub", "registry-1.docker.io", credentialArn=secret)
    [before] = described(ecr)
    other = create_secret(aws, "other")
    at = datetime(2030, 1, 1, tzinfo=timezone.utc)
    with freeze_time(at):
        answer = ecr.update_pull_through_cache_rule(ecrRepositoryPrefix="hub", credentialArn=other)
    assert members(answer) == {
        "ecrRepositoryPrefix": "hub",
        "registryId": ACCOUNT,
        "updatedAt": at,
        "credentialArn": other,
        "upstreamRepositoryPrefix": "ROOT",
    }
    assert described(ecr) == [{**before, "credentialArn": other, "updatedAt": at}]


def test_update_of_nothing(ecr: Any) -> None:
    """An update without a new value is refused."""
    create(ecr)
    assert refusal(ecr.update_pull_through_cache_rule, ecrRepositoryPrefix="quay") == invalid(
        "credentialArn", "Member must not be null where customRoleArn is null"
    )


def test_update_of_a_role(ecr: Any) -> None:
    """An update changes the role."""
    url = f"{OTHER_ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com"
    create(ecr, "ecr", url, customRoleArn=ROLE)
    other = f"{ROLE}-2"
    answer = ecr.update_pull_through_cache_rule(ecrRepositoryPrefix="ecr", customRoleArn=other)
    assert answer["customRoleArn"] == described(ecr)[0]["customRoleArn"] == other


def test_delete(ecr: Any) -> None:
    """A deletion returns the rule, without the name of its upstream registry."""
    created = members(create(ecr, "quay", upstreamRepositoryPrefix="team"))
    create(ecr, "k8s", "registry.k8s.io")
    deleted = members(ecr.delete_pull_through_cache_rule(ecrRepositoryPrefix="quay/"))
    del created["upstreamRegistry"]
    assert deleted == created
    assert [rule["ecrRepositoryPrefix"] for rule in described(ecr)] == ["k8s"]


def test_rules_by_name(ecr: Any) -> None:
    """Rules are returned in the order of the request, each once."""
    for prefix in ("a1", "b2", "c3"):
        create(ecr, prefix)
    rules = described(ecr, ecrRepositoryPrefixes=["c3", "a1/", "c3"])
    assert [rule["ecrRepositoryPrefix"] for rule in rules] == ["c3", "a1"]
    call = ecr.describe_pull_through_cache_rules
    assert refusal(call, ecrRepositoryPrefixes=["a1"], maxResults=1).code == (
        "InvalidParameterException"
    )
    assert refusal(call, ecrRepositoryPrefixes=["a1", "none"]) == NOT_FOUND


@pytest.mark.parametrize("operation", ["delete", "validate", "update"])
def test_a_missing_rule(ecr: Any, secret: str, operation: str) -> None:
    """A missing rule is reported as missing."""
    given = {"credentialArn": secret} if operation == "update" else {}
    call = getattr(ecr, f"{operation}_pull_through_cache_rule")
    assert refusal(call, ecrRepositoryPrefix="none", **given) == NOT_FOUND


def test_registries_have_rules_of_their_own(aws: Any, ecr: Any) -> None:
    """Each account has separate rules in each Region, and does not see those of another account."""
    create(ecr)
    guest = aws.client(account=OTHER_ACCOUNT)
    assert described(aws.client(region="eu-west-1")) == described(guest) == []
    call = guest.describe_pull_through_cache_rules
    assert refusal(call, registryId=ACCOUNT).code == "AccessDeniedException"
    call = guest.create_pull_through_cache_rule
    request = {"ecrRepositoryPrefix": "hub", "upstreamRegistryUrl": "quay.io"}
    assert refusal(call, registryId=ACCOUNT, **request).code == "AccessDeniedException"
    assert len(described(ecr)) == 1


class TestValidation:
    """ValidatePullThroughCacheRule reads the secret and logs in."""

    @pytest.fixture
    def upstream(self, aws: Any) -> Iterator[Upstream]:
        with running_upstream() as upstream:
            upstream.login = ("me", "secret")
            aws.configure(upstreams=upstream.setting("docker-hub"))
            yield upstream

    def validated(self, ecr: Any, arn: str) -> dict[str, Any]:
        create(ecr, "hub", "registry-1.docker.io", credentialArn=arn)
        return members(ecr.validate_pull_through_cache_rule(ecrRepositoryPrefix="hub"))

    @pytest.mark.parametrize("token_service", [False, True])
    def test_a_login(self, ecr: Any, secret: str, upstream: Upstream, token_service: bool) -> None:
        """A login that the upstream registry accepts is valid."""
        upstream.token_service = token_service
        assert self.validated(ecr, secret) == {
            "ecrRepositoryPrefix": "hub",
            "registryId": ACCOUNT,
            "upstreamRegistryUrl": "registry-1.docker.io",
            "credentialArn": secret,
            "upstreamRepositoryPrefix": "ROOT",
            "isValid": True,
        }

    @pytest.mark.parametrize("token_service", [False, True])
    def test_a_login_that_is_refused(
        self, ecr: Any, secret: str, upstream: Upstream, token_service: bool
    ) -> None:
        """A refused login is reported in the failure."""
        upstream.token_service, upstream.login = token_service, ("me", "other")
        answer = self.validated(ecr, secret)
        assert answer["isValid"] is False
        assert answer["failure"] == (
            "The authentication to the upstream registry failed. "
            "Verify that the credentials for registry-1.docker.io are valid and try again."
        )

    @pytest.mark.parametrize("value", ["", "text", "[]", '{"username":"me","accessToken":1}'])
    def test_a_secret_of_another_form(
        self, aws: Any, ecr: Any, upstream: Upstream, value: str
    ) -> None:
        """A secret of another form is reported, with the form that it should have."""
        answer = self.validated(ecr, create_secret(aws, "odd", value or "{}"))
        assert (answer["isValid"], upstream.asked) == (False, [])
        assert answer["failure"].endswith(
            "The secret must be a JSON object with username and accessToken."
        )

    def test_an_upstream_without_an_address(self, ecr: Any, secret: str) -> None:
        """An upstream registry without an address cannot be reached."""
        answer = self.validated(ecr, secret)
        assert answer["isValid"] is False
        assert answer["failure"].startswith("The upstream registry registry-1.docker.io cannot be")

    def test_a_rule_without_credentials(self, ecr: Any) -> None:
        """A rule without credentials is valid, and the upstream registry is not called."""
        create(ecr)
        answer = ecr.validate_pull_through_cache_rule(ecrRepositoryPrefix="quay")
        assert answer["isValid"] is True
        assert "failure" not in answer
